//! Two rules for one model.

use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update};
use crate::config::ConfigError;

type Predicate = dyn Fn(&str, &[usize]) -> bool + Send + Sync;

/// One rule for the parameters that a predicate accepts by path and shape, another for the rest: Muon for the
/// matrices inside and AdamW for everything else, SGD for embeddings and Adam above them. A rate for one side
/// alone is a matter of [`Groups`](super::Groups).
///
/// ```
/// use nn::optim::{AdamW, Optim, Sgd, Split};
/// let rule = Split::new(Sgd::default(), AdamW::default(), |path, _| path.starts_with("embedding."));
/// let optim = Optim::<_, f32>::new(rule)?;
/// # Ok::<(), nn::ConfigError>(())
/// ```
pub struct Split<A, B> {
    first: A,
    second: B,
    to_first: Box<Predicate>,
}

impl<A, B> Split<A, B> {
    /// `first` for the parameters whose path and shape `to_first` accepts, `second` for the others.
    pub fn new(
        first: A,
        second: B,
        to_first: impl Fn(&str, &[usize]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { first, second, to_first: Box::new(to_first) }
    }

    fn pick<E: Element>(&self, path: &str, shape: &[usize]) -> &dyn Rule<E>
    where
        A: Rule<E>,
        B: Rule<E>,
    {
        if (self.to_first)(path, shape) { &self.first } else { &self.second }
    }
}

impl<E: Element, A: Rule<E>, B: Rule<E>> Rule<E> for Split<A, B> {
    fn name(&self) -> &'static str {
        "split"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.first.validate()?;
        self.second.validate()
    }

    fn supports(&self, path: &str, shape: &[usize]) -> bool {
        self.pick(path, shape).supports(path, shape)
    }

    fn buffers(&self, path: &str, shape: &[usize]) -> Vec<Buffer> {
        self.pick(path, shape).buffers(path, shape)
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        self.pick(update.path, update.shape).update(update, p, gradient, buffers);
    }
}
