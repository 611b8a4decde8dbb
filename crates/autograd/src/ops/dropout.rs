//! Dropout without a mask: whether an element is kept is computed from a seed, again on the way back.

use rand::Rng;
use tensor::kernels::random;
use tensor::{Element, Tensor};

use crate::{Case, Var, gradcheck};

pub(super) const CASES: &[Case] = &[Case::new("dropout", |draw| {
    let dims = draw.dims::<3>();
    let (x, p, rng) = (draw.normal(&dims), draw.number(0.0, 0.9), draw.rng().clone());
    gradcheck(|v| v[0].dropout(p, &mut rng.clone()), &[x])
})];

impl<E: Element> Var<E> {
    /// `y = x/(1 − p)` with probability `1 − p`, else 0 (Srivastava et al. 2014, "Dropout"); `dx` likewise from
    /// `dy`, at the same places. One number is drawn from `rng`, none for `p = 0`; which elements are kept depends
    /// on that number and their index alone. For training: evaluation leaves it out.
    ///
    /// # Panics
    /// If `p` is not in `[0, 1)`.
    ///
    /// ```
    /// use autograd::Var;
    /// use rand::SeedableRng;
    /// use tensor::Tensor;
    /// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let x = Var::leaf(Tensor::<f32>::ones(&[1000]));
    /// let y = x.dropout(0.25, rng);
    /// let kept = y.value().to_vec().iter().filter(|y| **y != 0.0).count();
    /// assert!((700..800).contains(&kept));
    /// ```
    #[track_caller]
    pub fn dropout(&self, p: f64, rng: &mut (impl Rng + ?Sized)) -> Self {
        assert!((0.0..1.0).contains(&p), "dropout: probability {p} is not in [0, 1)");
        if p == 0.0 {
            return self.clone();
        }
        let seed = rng.next_u64();
        let mask = move |x: &Tensor<E>| {
            let x = x.contiguous();
            Tensor::build(x.shape(), |y| random::dropout(x.data(), y, p, seed))
        };
        Self::record("dropout", [self], mask(self.value()), move |dy| [Some(mask(dy))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gen;

    #[test]
    fn the_same_elements_both_ways() {
        let rng = &mut Gen::new(1).rng().clone();
        let x = Var::leaf(Tensor::<f32>::ones(&[20, 30]));
        let y = x.dropout(0.4, rng);
        let grads = y.sum().backward().unwrap();
        assert_eq!(grads.get(&x).unwrap(), y.value());
        let values = y.value().to_vec();
        assert!(values.iter().all(|y| *y == 0.0 || (y - 1.0 / 0.6).abs() < 1e-6), "{values:?}");
        assert_ne!(&values, &x.dropout(0.4, rng).value().to_vec());
        assert_eq!(x.dropout(0.0, rng).value(), x.value());
    }
}
