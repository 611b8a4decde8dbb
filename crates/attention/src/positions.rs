//! Positions written into vectors: the sinusoids of the Transformer.

use tensor::{Element, Tensor};

/// Sinusoidal position encodings (Vaswani et al. 2017, section 3.5), `(time, d_model)`:
/// `PE(t, 2i) = sin(t / 10000^(2i/d_model))`, `PE(t, 2i+1) = cos(t / 10000^(2i/d_model))`,
/// for `t` from `first` on.
///
/// ```
/// let pe = attention::sinusoidal::<f32>(0, 50, 8);
/// assert_eq!(pe.shape(), [50, 8]);
/// assert_eq!(pe.at(&[0, 0]), 0.0);
/// assert_eq!(pe.at(&[0, 1]), 1.0);
/// ```
pub fn sinusoidal<E: Element>(first: usize, time: usize, d_model: usize) -> Tensor<E> {
    Tensor::build(&[time, d_model], |out| {
        for (t, row) in out.chunks_exact_mut(d_model.max(1)).enumerate() {
            for (column, value) in row.iter_mut().enumerate() {
                let exponent = (column / 2 * 2) as f64 / d_model as f64;
                let angle = (first + t) as f64 / 10_000_f64.powf(exponent);
                *value = E::from_f64(if column % 2 == 0 { angle.sin() } else { angle.cos() });
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_a_rotation() {
        // PE(t + k) is a linear function of PE(t): each pair turns by a fixed angle.
        let pe = sinusoidal::<f64>(0, 40, 6);
        let later = sinusoidal::<f64>(7, 33, 6);
        assert!(pe.slice(0, 7..40).max_abs_diff(&later) < 1e-12);
        for pair in 0..3 {
            let angle = 7.0 / 10_000_f64.powf(2.0 * pair as f64 / 6.0);
            for t in 0..33 {
                let (s, c) = (pe.at(&[t, 2 * pair]), pe.at(&[t, 2 * pair + 1]));
                let turned = s * angle.cos() + c * angle.sin();
                assert!((turned - pe.at(&[t + 7, 2 * pair])).abs() < 1e-12);
            }
        }
    }
}
