//! What `backward` returns: one gradient per leaf.

use std::collections::BTreeMap;
use std::fmt;

use tensor::{Element, Tensor};

use crate::var::{LeafId, Var};

/// Gradients by leaf, in the order the leaves were made.
#[derive(Clone, Default)]
pub struct Gradients<E: Element = f32> {
    by_leaf: BTreeMap<LeafId, Tensor<E>>,
}

impl<E: Element> Gradients<E> {
    /// No gradients.
    pub fn new() -> Self {
        Self { by_leaf: BTreeMap::new() }
    }

    /// The gradient of `leaf`, of its shape; `None` if the result did not depend on it.
    pub fn get(&self, leaf: &Var<E>) -> Option<&Tensor<E>> {
        self.by_leaf.get(&leaf.leaf_id()?)
    }

    /// The gradient of `leaf` for changing in place.
    pub fn get_mut(&mut self, leaf: &Var<E>) -> Option<&mut Tensor<E>> {
        self.by_leaf.get_mut(&leaf.leaf_id()?)
    }

    /// The gradient of `leaf`, taken out.
    pub fn take(&mut self, leaf: &Var<E>) -> Option<Tensor<E>> {
        self.by_leaf.remove(&leaf.leaf_id()?)
    }

    /// Adds `gradient` to what there is for the leaf `id`.
    pub fn add(&mut self, id: LeafId, gradient: Tensor<E>) {
        accumulate(self.by_leaf.entry(id), gradient);
    }

    /// Adds all gradients of another pass, as in accumulating micro-batches.
    pub fn accumulate(&mut self, other: Self) {
        for (id, gradient) in other.by_leaf {
            self.add(id, gradient);
        }
    }

    /// Multiplies every gradient by `factor`.
    pub fn scale(&mut self, factor: E) {
        self.by_leaf.values_mut().for_each(|gradient| gradient.scale_assign(factor));
    }

    /// The Euclidean norm over all gradients together.
    pub fn norm(&self) -> f64 {
        self.by_leaf.values().map(|gradient| gradient.sum_squares().to_f64()).sum::<f64>().sqrt()
    }

    /// Scales all gradients so that their common norm is at most `max_norm` (Pascanu et al. 2013), and returns
    /// the norm before. A norm that is not finite leaves them unchanged; check what it returns.
    pub fn clip_norm(&mut self, max_norm: f64) -> f64 {
        let norm = self.norm();
        if norm > max_norm && norm.is_finite() {
            self.scale(E::from_f64(max_norm / norm));
        }
        norm
    }

    /// Limits every single value to `[−limit, limit]`.
    pub fn clip_value(&mut self, limit: E) {
        self.by_leaf.values_mut().for_each(|gradient| *gradient = gradient.clamp(-limit, limit));
    }

    /// Number of leaves with a gradient.
    pub fn len(&self) -> usize {
        self.by_leaf.len()
    }

    /// Whether no leaf has a gradient.
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }

    /// Leaves and gradients, in the order the leaves were made.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Tensor<E>)> {
        self.by_leaf.iter().map(|(id, gradient)| (*id, gradient))
    }
}

/// Leaves with the shapes of their gradients.
impl<E: Element> fmt::Debug for Gradients<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(id, gradient)| (id, gradient.shape()))).finish()
    }
}

/// Puts a first gradient in place, or adds a further one, in place where its storage is not shared.
pub(crate) fn accumulate<K: Ord, E: Element>(
    entry: std::collections::btree_map::Entry<'_, K, Tensor<E>>,
    gradient: Tensor<E>,
) {
    entry.and_modify(|sum| sum.add_assign(&gradient)).or_insert(gradient);
}
