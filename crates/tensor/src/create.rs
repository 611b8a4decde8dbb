//! Random tensors and number sequences.
//!
//! A random tensor draws one seed from the generator it is given; its elements are then a function of that
//! seed and their place, so they are the same on any number of threads.

use rand::Rng;

use crate::element::Element;
use crate::kernels::random;
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// Uniform numbers in `[low, high)`.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tensor::Tensor;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let x = Tensor::<f32>::uniform(&[2, 3], -1.0, 1.0, &mut rng);
    /// assert!(x.max().item() < 1.0 && x.min().item() >= -1.0);
    /// ```
    #[track_caller]
    pub fn uniform(shape: &[usize], low: E, high: E, rng: &mut (impl Rng + ?Sized)) -> Self {
        let seed = rng.next_u64();
        Self::build(shape, |out| random::fill_uniform(out, low, high, seed))
    }

    /// Normal numbers.
    #[track_caller]
    pub fn normal(shape: &[usize], mean: E, std: E, rng: &mut (impl Rng + ?Sized)) -> Self {
        let seed = rng.next_u64();
        Self::build(shape, |out| random::fill_normal(out, mean, std, seed))
    }

    /// Normal numbers restricted to `[low, high]`.
    ///
    /// # Panics
    /// If the interval holds less than a hundredth of the distribution.
    #[track_caller]
    pub fn truncated_normal(
        shape: &[usize],
        mean: E,
        std: E,
        low: E,
        high: E,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let seed = rng.next_u64();
        Self::build(shape, |out| random::fill_truncated_normal(out, mean, std, low, high, seed))
    }

    /// 1 with probability `p`, else 0.
    ///
    /// # Panics
    /// If `p` is not in `[0, 1]`.
    #[track_caller]
    pub fn bernoulli(shape: &[usize], p: f64, rng: &mut (impl Rng + ?Sized)) -> Self {
        assert!((0.0..=1.0).contains(&p), "bernoulli: {p} is no probability");
        let p = E::from_f64(p);
        let mut out = Self::uniform(shape, E::ZERO, E::ONE, rng);
        let body = |u: E| if u < p { E::ONE } else { E::ZERO };
        crate::kernels::map::unary_in_place(out.data_mut(), body);
        out
    }

    /// `n` numbers from `first` to `last`, both included, evenly spaced; shape `(n)`.
    pub fn linspace(first: E, last: E, n: usize) -> Self {
        let steps = E::from_usize(n.saturating_sub(1).max(1));
        Self::build(&[n], |out| {
            for (i, o) in out.iter_mut().enumerate() {
                // From the nearer end, so that both ends are exact.
                *o = if 2 * i < n {
                    first + (last - first) * (E::from_usize(i) / steps)
                } else {
                    last - (last - first) * (E::from_usize(n - 1 - i) / steps)
                };
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use crate::kernels::par::tests::same_on_any_threads;

    #[test]
    fn moments() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let n = 200_000;
        let moments = |x: &Tensor<f64>| (x.mean().item(), x.var_axis(0, false, true).item());
        let near = |got: (f64, f64), mean: f64, var: f64| {
            // Five standard errors of the mean; variances have kurtosis at most 3 here.
            (got.0 - mean).abs() < 5.0 * (var / n as f64).sqrt()
                && (got.1 - var).abs() < 5.0 * var * (2.0 / n as f64).sqrt()
        };
        let uniform = Tensor::uniform(&[n], -1.0, 3.0, &mut rng);
        assert!(near(moments(&uniform), 1.0, 16.0 / 12.0));
        assert!(near(moments(&Tensor::normal(&[n], 2.0, 0.5, &mut rng)), 2.0, 0.25));
        // Variance of a normal cut at ± 2 σ: 1 − 2 · 2 φ(2) / (2 Φ(2) − 1).
        let cut = Tensor::truncated_normal(&[n], 0.0, 1.0, -2.0, 2.0, &mut rng);
        assert!(near(moments(&cut), 0.0, 0.773_741) && cut.abs().max().item() <= 2.0);
        let coins = Tensor::bernoulli(&[n], 0.3, &mut rng);
        assert!(near(moments(&coins), 0.3, 0.21));
        assert!(coins.eq_scalar(0.0).or(&coins.eq_scalar(1.0)).all());
        assert_eq!(Tensor::<f32>::bernoulli(&[100], 1.0, &mut rng), Tensor::ones(&[100]));
        assert_eq!(Tensor::<f32>::bernoulli(&[100], 0.0, &mut rng), Tensor::zeros(&[100]));
    }

    #[test]
    fn the_seed_decides_not_the_threads() {
        let draw = || {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let x = Tensor::<f32>::normal(&[100, 1000], 0.0, 1.0, &mut rng);
            let y = Tensor::<f32>::uniform(&[100, 1000], 0.0, 1.0, &mut rng);
            (x.to_vec(), y.to_vec())
        };
        let (x, _) = same_on_any_threads(draw);
        let other = Tensor::<f32>::normal(&[100, 1000], 0.0, 1.0, &mut ChaCha8Rng::seed_from_u64(4));
        assert_ne!(other.to_vec(), x);
    }

    #[test]
    fn linspace_meets_both_ends() {
        assert_eq!(Tensor::linspace(0.0_f64, 1.0, 5).to_vec(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let x = Tensor::linspace(0.1_f32, 0.7, 8);
        assert_eq!((x.at(&[0]), x.at(&[7])), (0.1, 0.7));
        assert_eq!(Tensor::linspace(2.0_f32, 3.0, 1).to_vec(), [2.0]);
        assert_eq!(Tensor::linspace(2.0_f32, 3.0, 0).shape(), [0]);
    }
}
