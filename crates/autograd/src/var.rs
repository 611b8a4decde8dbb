//! Values that remember how they were made.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tensor::shape::Dims;
use tensor::{Element, Tensor};

use crate::anomaly;
use crate::engine::Pass;

/// A tensor and, when a gradient is wanted, its place in the graph.
///
/// Cloning is cheap. Operations on variables compute at once and record how to go back; operations on
/// constants record nothing.
///
/// ```
/// use autograd::Var;
/// use tensor::Tensor;
/// let x = Var::leaf(Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[3]));
/// let loss = (&x * &x).sum();
/// let grads = loss.backward()?;
/// assert_eq!(grads.get(&x).unwrap().to_vec(), [2.0, 4.0, 6.0]);
/// # Ok::<(), autograd::BackwardError>(())
/// ```
pub struct Var<E: Element = f32> {
    value: Tensor<E>,
    node: Option<Arc<Node<E>>>,
}

impl<E: Element> Clone for Var<E> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), node: self.node.clone() }
    }
}

/// Identifies a leaf among all variables of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(pub(crate) u64);

/// From the gradient of an op's output to one gradient per input (`None` where none is wanted). What goes past
/// the graph goes through the pass: gradients of leaves that are no inputs, met when a segment is recomputed, and
/// of pieces of a tensor.
pub(crate) type Vjp<E> = dyn Fn(&Tensor<E>, &mut Pass<E>) -> Vec<Option<Tensor<E>>> + Send + Sync;

/// One recorded operation, or a leaf.
pub(crate) struct Node<E: Element> {
    /// Increases with every node, so decreasing order is a topological order from the loss down.
    pub(crate) id: u64,
    pub(crate) op: &'static str,
    pub(crate) shape: Dims,
    /// One entry per input of the op; `None` for constants. Empty for leaves.
    pub(crate) parents: Vec<Option<Arc<Node<E>>>>,
    /// Taken by `backward`, which frees what it holds. `None` for leaves and after that.
    pub(crate) vjp: Mutex<Option<Box<Vjp<E>>>>,
}

impl<E: Element> Node<E> {
    fn new(
        op: &'static str,
        value: &Tensor<E>,
        parents: Vec<Option<Arc<Self>>>,
        vjp: Option<Box<Vjp<E>>>,
    ) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, op, shape: Dims::new(value.shape()), parents, vjp: Mutex::new(vjp) })
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.parents.is_empty()
    }
}

/// A loop, not a recursion: a chain of a hundred thousand steps is dropped in constant stack.
impl<E: Element> Drop for Node<E> {
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut self.parents);
        while let Some(parent) = pending.pop() {
            if let Some(mut node) = parent.and_then(Arc::into_inner) {
                pending.append(&mut node.parents);
            }
        }
    }
}

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Runs `f` without recording: everything inside is a constant.
///
/// ```
/// use autograd::{Var, no_grad};
/// let x = Var::leaf(tensor::Tensor::<f32>::ones(&[2]));
/// assert!(!no_grad(|| &x + &x).needs_grad());
/// ```
pub fn no_grad<T>(f: impl FnOnce() -> T) -> T {
    with_recording(false, f)
}

pub(crate) fn is_recording() -> bool {
    RECORDING.get()
}

pub(crate) fn with_recording<T>(on: bool, f: impl FnOnce() -> T) -> T {
    /// Restores on unwinding too.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.set(self.0);
        }
    }
    let _restore = Restore(RECORDING.replace(on));
    f()
}

impl<E: Element> Var<E> {
    /// A variable whose gradient is wanted.
    pub fn leaf(value: Tensor<E>) -> Self {
        let node = Node::new("leaf", &value, Vec::new(), None);
        Self { value, node: Some(node) }
    }

    /// A value with no gradient.
    pub fn constant(value: Tensor<E>) -> Self {
        Self { value, node: None }
    }

    /// The value of an operation, recorded with its way back. This is how every op is made, in this crate and
    /// outside: compute `value` from the inputs' values, and give a `vjp` that returns, for the gradient `dy`
    /// of the output, one gradient per input.
    ///
    /// A gradient may have the output's shape where the input was broadcast: the engine sums it down. The vjp
    /// may return `None` for an input for which [`needs_grad`](Self::needs_grad) is false. Capture the tensors
    /// the vjp needs and no more; they live until `backward` has passed.
    ///
    /// ```
    /// use autograd::Var;
    /// use tensor::Tensor;
    /// /// `y = x³`, `dx = 3x²·dy`.
    /// fn cube(x: &Var) -> Var {
    ///     let value = x.value().map(|x| x * x * x);
    ///     let x_value = x.value().clone();
    ///     Var::record("cube", [x], value, move |dy| [Some(x_value.zip(dy, |x, dy| 3.0 * x * x * dy))])
    /// }
    /// let x = Var::leaf(Tensor::scalar(2.0));
    /// assert_eq!(cube(&x).backward()?.get(&x).unwrap().item(), 12.0);
    /// # Ok::<(), autograd::BackwardError>(())
    /// ```
    pub fn record<const N: usize>(
        op: &'static str,
        inputs: [&Self; N],
        value: Tensor<E>,
        vjp: impl Fn(&Tensor<E>) -> [Option<Tensor<E>>; N] + Send + Sync + 'static,
    ) -> Self {
        Self::record_many(op, &inputs, value, move |dy| vjp(dy).into())
    }

    /// [`record`](Self::record) for a number of inputs known at run time only.
    pub fn record_many(
        op: &'static str,
        inputs: &[&Self],
        value: Tensor<E>,
        vjp: impl Fn(&Tensor<E>) -> Vec<Option<Tensor<E>>> + Send + Sync + 'static,
    ) -> Self {
        Self::record_node(op, inputs, value, move |dy, _| vjp(dy))
    }

    pub(crate) fn record_node(
        op: &'static str,
        inputs: &[&Self],
        value: Tensor<E>,
        vjp: impl Fn(&Tensor<E>, &mut Pass<E>) -> Vec<Option<Tensor<E>>> + Send + Sync + 'static,
    ) -> Self {
        anomaly::check_forward(op, inputs, &value);
        if !Self::will_record(inputs) {
            return Self::constant(value);
        }
        Self::recorded(op, inputs, value, vjp)
    }

    /// Whether an op on these inputs is recorded: one that keeps much for its way back need not where it is not.
    pub fn will_record(inputs: &[&Self]) -> bool {
        is_recording() && inputs.iter().any(|input| input.needs_grad())
    }

    /// A piece of `whole`, recorded as computed from `hub`, which passes its gradient on to `whole` and has the
    /// shape of what `vjp` returns.
    pub(crate) fn record_derived(
        op: &'static str,
        hub: &Self,
        whole: &Self,
        value: Tensor<E>,
        vjp: impl Fn(&Tensor<E>, &mut Pass<E>) -> Tensor<E> + Send + Sync + 'static,
    ) -> Self {
        // What is infinite in the whole was not made by taking a piece.
        let from = Self { value: whole.value.clone(), node: hub.node.clone() };
        Self::record_node(op, &[&from], value, move |dy, pass| vec![Some(vjp(dy, pass))])
    }

    /// A node whether or not an input wants a gradient.
    pub(crate) fn recorded(
        op: &'static str,
        inputs: &[&Self],
        value: Tensor<E>,
        vjp: impl Fn(&Tensor<E>, &mut Pass<E>) -> Vec<Option<Tensor<E>>> + Send + Sync + 'static,
    ) -> Self {
        let parents = inputs.iter().map(|input| input.node.clone()).collect();
        let node = Node::new(op, &value, parents, Some(Box::new(vjp)));
        Self { value, node: Some(node) }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> &Tensor<E> {
        &self.value
    }

    /// The value, without the graph.
    pub fn into_value(self) -> Tensor<E> {
        self.value
    }

    /// The value for changing in place, as an optimiser does with a leaf.
    ///
    /// # Panics
    /// If this is the result of a recorded operation: its gradient would no longer match its value.
    #[track_caller]
    pub fn value_mut(&mut self) -> &mut Tensor<E> {
        assert!(
            self.node.as_ref().is_none_or(|node| node.is_leaf()),
            "value_mut: the result of an operation"
        );
        &mut self.value
    }

    /// Sizes of the dimensions.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// Size of dimension `axis`; negative counts from the end. Panics if there is no such dimension.
    #[track_caller]
    pub fn dim(&self, axis: isize) -> usize {
        self.value.dim(axis)
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.value.rank()
    }

    /// The value of a variable with one element. Panics if it has more or none.
    #[track_caller]
    pub fn item(&self) -> E {
        self.value.item()
    }

    /// Whether this is a leaf or was computed from one while recording.
    #[inline]
    pub fn needs_grad(&self) -> bool {
        self.node.is_some()
    }

    /// The same value as a constant: no gradient flows through.
    pub fn detach(&self) -> Self {
        Self::constant(self.value.clone())
    }

    /// The identity of a leaf; `None` for constants and results of operations.
    pub fn leaf_id(&self) -> Option<LeafId> {
        self.node.as_ref().filter(|node| node.is_leaf()).map(|node| LeafId(node.id))
    }

    pub(crate) fn node(&self) -> Option<&Arc<Node<E>>> {
        self.node.as_ref()
    }
}

impl<E: Element> std::fmt::Debug for Var<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let origin = self.node.as_ref().map_or("constant", |node| node.op);
        write!(f, "{:?}, {origin}", self.value)
    }
}

impl<E: Element> From<Tensor<E>> for Var<E> {
    fn from(value: Tensor<E>) -> Self {
        Self::constant(value)
    }
}
