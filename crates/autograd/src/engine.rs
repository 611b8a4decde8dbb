//! From a loss back to the leaves.
//!
//! Nodes are numbered as they are made, so an op always has a larger number than its inputs: taking the
//! largest pending number next visits every node after all its uses. That is a loop over an ordered map, with
//! no recursion and no separate sort.

use std::collections::BTreeMap;
use std::sync::Arc;

use tensor::{Element, Tensor, shape};

use crate::anomaly;
use crate::gradients::{Gradients, accumulate};
use crate::var::{LeafId, Node, Var, Vjp, with_recording};

/// Why a gradient could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackwardError {
    /// `backward` on a value with several elements: say which of them, by an upstream gradient.
    #[error("backward: the loss has shape {shape:?}, expected one element; use `backward_from` for others")]
    NotScalar {
        /// Shape of the value.
        shape: Vec<usize>,
    },
    /// The value depends on no leaf.
    #[error(
        "backward: the loss depends on no variable that wants a gradient (constants, `no_grad` or `detach`)"
    )]
    Constant,
    /// The graph was already used, and freed, by an earlier `backward`.
    #[error(
        "backward: the graph below `{op}` was freed by an earlier backward; use `backward_retain` for the first"
    )]
    Freed {
        /// The op whose record is gone.
        op: &'static str,
    },
    /// Parameters that received no gradient, by path.
    #[error("backward: no gradient reached {}; the graph is cut between them and the loss, or they are unused",
            .paths.join(", "))]
    Unreached {
        /// Their paths.
        paths: Vec<String>,
    },
}

/// What one backward pass gathers; each has its own, so passes over one retained graph do not meet.
pub(crate) struct Pass<E: Element> {
    /// Gradients of the leaves.
    pub(crate) leaves: Gradients<E>,
    /// Gradients of the pieces of a tensor taken apart, kept until the pass reaches the whole: by the whole's key
    /// and the number of the piece.
    pub(crate) pieces: BTreeMap<(u64, usize), Tensor<E>>,
}

impl<E: Element> Var<E> {
    /// Gradients of this one-element value with respect to every leaf it depends on. Frees the graph as it
    /// passes.
    ///
    /// # Errors
    /// If the value has several elements, depends on no leaf, or its graph was freed by an earlier pass.
    pub fn backward(&self) -> Result<Gradients<E>, BackwardError> {
        self.run_backward(self.unit_upstream()?, false)
    }

    /// [`backward`](Self::backward) that keeps the graph for another pass.
    ///
    /// # Errors
    /// As `backward`.
    pub fn backward_retain(&self) -> Result<Gradients<E>, BackwardError> {
        self.run_backward(self.unit_upstream()?, true)
    }

    /// Gradients of `Σ upstream · self` (a vector–Jacobian product).
    ///
    /// # Errors
    /// If the value depends on no leaf or its graph was freed by an earlier pass.
    ///
    /// # Panics
    /// If `upstream` has another shape than the value.
    #[track_caller]
    pub fn backward_from(&self, upstream: &Tensor<E>) -> Result<Gradients<E>, BackwardError> {
        if upstream.shape() != self.shape() {
            let operands = [("value", "", self.shape()), ("upstream", "", upstream.shape())];
            shape::fail("backward_from", &operands, "shapes differ");
        }
        self.run_backward(upstream.clone(), false)
    }

    fn unit_upstream(&self) -> Result<Tensor<E>, BackwardError> {
        if self.value().len() != 1 {
            return Err(BackwardError::NotScalar { shape: self.shape().to_vec() });
        }
        Ok(Tensor::ones(self.shape()))
    }

    fn run_backward(&self, upstream: Tensor<E>, retain: bool) -> Result<Gradients<E>, BackwardError> {
        let root = self.node().ok_or(BackwardError::Constant)?;
        let mut pass = Pass { leaves: Gradients::new(), pieces: BTreeMap::new() };
        let mut nodes: BTreeMap<u64, Arc<Node<E>>> = BTreeMap::from([(root.id, root.clone())]);
        let mut pending: BTreeMap<u64, Tensor<E>> = BTreeMap::from([(root.id, upstream)]);
        while let Some((id, dy)) = pending.pop_last() {
            let node = nodes.remove(&id).expect("every pending gradient has its node");
            if node.is_leaf() {
                anomaly::check_upstream("leaf", &dy);
                pass.leaves.add(LeafId(id), dy);
                continue;
            }
            anomaly::check_upstream(node.op, &dy);
            let gradients = apply_vjp(&node, &dy, retain, &mut pass)?;
            drop(dy);
            let (op, given, inputs) = (node.op, gradients.len(), node.parents.len());
            assert!(given == inputs, "{op}: its vjp returned {given} gradients for {inputs} inputs");
            for (input, (parent, gradient)) in node.parents.iter().zip(gradients).enumerate() {
                let Some(parent) = parent else { continue };
                let gradient = checked(&node, input, parent, gradient);
                nodes.entry(parent.id).or_insert_with(|| parent.clone());
                accumulate(pending.entry(parent.id), gradient);
            }
        }
        Ok(pass.leaves)
    }
}

/// Calls the node's vjp, and drops it with everything it holds unless the graph is retained.
fn apply_vjp<E: Element>(
    node: &Node<E>,
    dy: &Tensor<E>,
    retain: bool,
    pass: &mut Pass<E>,
) -> Result<Vec<Option<Tensor<E>>>, BackwardError> {
    let mut slot = node.vjp.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let vjp: Box<Vjp<E>> = slot.take().ok_or(BackwardError::Freed { op: node.op })?;
    let gradients = with_recording(false, || vjp(dy, pass));
    if retain {
        *slot = Some(vjp);
    }
    anomaly::check_backward(node.op, dy, &gradients);
    Ok(gradients)
}

/// The gradient of one input, brought to the input's shape. What is wrong here is a bug in the op.
fn checked<E: Element>(
    node: &Node<E>,
    input: usize,
    parent: &Node<E>,
    gradient: Option<Tensor<E>>,
) -> Tensor<E> {
    let op = node.op;
    let Some(gradient) = gradient else {
        panic!("{op}: its vjp returned no gradient for input {input}, which needs one")
    };
    if gradient.shape() == &*parent.shape {
        return gradient;
    }
    let broadcasts =
        shape::broadcast(&parent.shape, gradient.shape()).is_some_and(|s| &*s == gradient.shape());
    assert!(
        broadcasts,
        "{op}: its vjp returned a gradient of shape {:?} for input {input} of shape {:?}",
        gradient.shape(),
        parent.shape
    );
    gradient.sum_to(&parent.shape)
}
