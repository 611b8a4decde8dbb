//! Leaving out whole residual branches.

use autograd::{Case, Var, gradcheck};
use serde::{Deserialize, Serialize};
use tensor::{Element, Tensor};

use super::Dropout;
use crate::config::{ConfigError, decay};
use crate::mode::Mode;

pub(super) const CASES: &[Case] = &[Case::new("StochasticDepth", |draw| {
    let dims = draw.dims::<3>();
    let layer = StochasticDepth::new(0.4).expect("a rate");
    let (x, branch, rng) = (draw.normal(&dims), draw.normal(&dims), draw.rng().clone());
    gradcheck(|v| layer.forward(&v[0], &v[1], &mut Mode::Train(&mut rng.clone())), &[x, branch])
})];

/// In training leaves a residual branch out with probability `p`, for each item of the batch by itself, and divides
/// it by `1 − p` where it stays (Huang et al. 2016, "Deep networks with stochastic depth").
///
/// ```
/// use autograd::Var;
/// use nn::{Mode, StochasticDepth};
/// use tensor::Tensor;
/// let (x, branch) = (Var::constant(Tensor::<f32>::ones(&[2, 3])), Var::constant(Tensor::ones(&[2, 3])));
/// let y = StochasticDepth::new(0.1)?.forward(&x, &branch, &mut Mode::Eval);
/// assert_eq!(y.value().to_vec(), [2.0; 6]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StochasticDepth {
    dropout: Dropout,
}

impl StochasticDepth {
    /// Leaves branches out with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in `[0, 1)`.
    pub fn new(p: f64) -> Result<Self, ConfigError> {
        decay("stochastic depth", "p", p)?;
        Ok(Self { dropout: Dropout::rate(p) })
    }

    /// The rate of layer `layer` of `layers` if the last has this one: deeper branches are left out more often
    /// (the paper's linear rule).
    pub fn of_layer(self, layer: usize, layers: usize) -> Self {
        let share = (layer + 1) as f64 / layers.max(layer + 1) as f64;
        Self { dropout: Dropout::rate(self.dropout.p() * share) }
    }

    /// `x + branch` or `x`: both `(batch, ..)` → `(batch, ..)`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or there is no batch.
    #[track_caller]
    pub fn forward<E: Element>(&self, x: &Var<E>, branch: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        if !mode.is_train() || self.dropout.p() == 0.0 {
            return x + branch;
        }
        assert!(branch.rank() > 0, "stochastic depth: the branch has no batch dimension");
        let mut shape = vec![1; branch.rank()];
        shape[0] = branch.shape()[0];
        let items = Var::constant(Tensor::ones(&shape)); // (batch, 1, ..)
        x + branch * self.dropout.forward(&items, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn branches_go_as_a_whole() {
        let layer = StochasticDepth::new(0.5).unwrap();
        let (x, branch) =
            (Var::constant(Tensor::<f32>::zeros(&[64, 5])), Var::constant(Tensor::ones(&[64, 5])));
        let y =
            layer.forward(&x, &branch, &mut Mode::Train(&mut ChaCha8Rng::seed_from_u64(2))).value().to_vec();
        assert!(y.chunks(5).all(|item| item == [0.0; 5] || item == [2.0; 5]));
        assert!(y.contains(&0.0) && y.contains(&2.0));
        assert_eq!(layer.of_layer(2, 4), StochasticDepth::new(0.375).unwrap());
    }
}
