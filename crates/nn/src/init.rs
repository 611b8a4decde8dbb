//! First values of parameters.

use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::kernels::{map, random, reduce};
use tensor::{Element, Tensor};

/// What follows the layer, as far as it changes the size of a signal.
///
/// The gains are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonlinearity {
    /// Nothing: gain 1.
    Linear,
    /// Sigmoid: gain 1.
    Sigmoid,
    /// Hyperbolic tangent: gain 5/3.
    Tanh,
    /// ReLU: gain √2.
    Relu,
    /// Leaky ReLU with this negative slope: gain `√(2 / (1 + slope²))`.
    LeakyRelu(f64),
    /// SELU: gain 3/4.
    Selu,
}

impl Nonlinearity {
    /// The factor that keeps the variance of a signal through layer and nonlinearity.
    ///
    /// ```
    /// use nn::init::Nonlinearity;
    /// assert_eq!(Nonlinearity::Relu.gain(), 2.0_f64.sqrt());
    /// ```
    pub fn gain(self) -> f64 {
        match self {
            Self::Linear | Self::Sigmoid => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => 2.0_f64.sqrt(),
            Self::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Self::Selu => 0.75,
        }
    }
}

/// Which way a Kaiming initialiser keeps the variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// On the way forward.
    #[default]
    In,
    /// On the way back.
    Out,
}

/// A distribution of first values.
///
/// `fan_in` and `fan_out` of a weight `(output, input, ..)` are `input` and `output` times the size of the
/// remaining dimensions.
///
/// ```
/// use nn::init::Init;
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let weight = Init::XavierUniform { gain: 1.0 }.tensor::<f32>(&[7, 5], &mut rng);   // (output, input)
/// assert!(weight.to_vec().iter().all(|w| w.abs() <= (6.0_f32 / 12.0).sqrt()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// The same value everywhere.
    Constant(f64),
    /// Uniform in `[low, high)`.
    Uniform {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Normal, drawn again until inside `[low, high]`.
    TruncatedNormal {
        /// Mean before truncation.
        mean: f64,
        /// Standard deviation before truncation.
        std: f64,
        /// Least value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Uniform within `± gain·√(6 / (fan_in + fan_out))` (Glorot & Bengio 2010).
    XavierUniform {
        /// See [`Nonlinearity::gain`].
        gain: f64,
    },
    /// Normal with standard deviation `gain·√(2 / (fan_in + fan_out))` (Glorot & Bengio 2010).
    XavierNormal {
        /// See [`Nonlinearity::gain`].
        gain: f64,
    },
    /// Uniform within `± gain·√(3 / fan)` (He et al. 2015).
    KaimingUniform {
        /// Which fan.
        mode: FanMode,
        /// What follows the layer.
        nonlinearity: Nonlinearity,
    },
    /// Normal with standard deviation `gain / √fan` (He et al. 2015).
    KaimingNormal {
        /// Which fan.
        mode: FanMode,
        /// What follows the layer.
        nonlinearity: Nonlinearity,
    },
    /// Uniform within `± √(3 / fan_in)` (LeCun et al. 1998).
    LecunUniform,
    /// Normal with standard deviation `1 / √fan_in` (LeCun et al. 1998), as SELU wants it.
    LecunNormal,
    /// Rows (or columns, where there are fewer of them) orthonormal, times `gain` (Saxe, McClelland & Ganguli
    /// 2013); dimensions after the first are taken together.
    Orthogonal {
        /// See [`Nonlinearity::gain`].
        gain: f64,
    },
}

impl Init {
    /// All 0.
    pub const ZEROS: Self = Self::Constant(0.0);
    /// All 1.
    pub const ONES: Self = Self::Constant(1.0);

    /// Values for a parameter of this shape.
    ///
    /// # Panics
    /// For an initialiser by fan or an orthogonal one, if there are fewer than two dimensions; for a truncated
    /// normal, if the interval holds less than a hundredth of the distribution.
    #[track_caller]
    pub fn tensor<E: Element>(self, shape: &[usize], rng: &mut (impl Rng + ?Sized)) -> Tensor<E> {
        let e = E::from_f64;
        let seed = rng.next_u64();
        let uniform =
            |bound: f64| Tensor::build(shape, |out| random::fill_uniform(out, e(-bound), e(bound), seed));
        let normal =
            |mean: f64, std: f64| Tensor::build(shape, |out| random::fill_normal(out, e(mean), e(std), seed));
        match self {
            Self::Constant(value) => Tensor::full(shape, e(value)),
            Self::Uniform { low, high } => {
                Tensor::build(shape, |out| random::fill_uniform(out, e(low), e(high), seed))
            }
            Self::Normal { mean, std } => normal(mean, std),
            Self::TruncatedNormal { mean, std, low, high } => Tensor::build(shape, |out| {
                random::fill_truncated_normal(out, e(mean), e(std), e(low), e(high), seed);
            }),
            Self::XavierUniform { gain } => {
                let (fan_in, fan_out) = fans(shape);
                uniform(gain * (6.0 / (fan_in + fan_out)).sqrt())
            }
            Self::XavierNormal { gain } => {
                let (fan_in, fan_out) = fans(shape);
                normal(0.0, gain * (2.0 / (fan_in + fan_out)).sqrt())
            }
            Self::KaimingUniform { mode, nonlinearity } => {
                uniform(nonlinearity.gain() * (3.0 / fan(shape, mode)).sqrt())
            }
            Self::KaimingNormal { mode, nonlinearity } => {
                normal(0.0, nonlinearity.gain() / fan(shape, mode).sqrt())
            }
            Self::LecunUniform => uniform((3.0 / fan(shape, FanMode::In)).sqrt()),
            Self::LecunNormal => normal(0.0, 1.0 / fan(shape, FanMode::In).sqrt()),
            Self::Orthogonal { gain } => orthogonal(shape, gain, seed),
        }
    }
}

/// `(fan_in, fan_out)`, at least 1 each, so that an empty weight divides by nothing.
#[track_caller]
fn fans(shape: &[usize]) -> (f64, f64) {
    assert!(shape.len() >= 2, "initialiser by fan: shape {shape:?}, expected (output, input, ..)");
    let rest: usize = shape[2..].iter().product();
    ((shape[1] * rest).max(1) as f64, (shape[0] * rest).max(1) as f64)
}

#[track_caller]
fn fan(shape: &[usize], mode: FanMode) -> f64 {
    let (fan_in, fan_out) = fans(shape);
    match mode {
        FanMode::In => fan_in,
        FanMode::Out => fan_out,
    }
}

/// Gram–Schmidt on normal vectors: their span is equally likely to be any, so the result is uniform among
/// orthogonal matrices. Each vector is cleared of the earlier ones twice, which makes it orthogonal to rounding
/// (Giraud et al. 2005, "twice is enough").
#[track_caller]
fn orthogonal<E: Element>(shape: &[usize], gain: f64, seed: u64) -> Tensor<E> {
    assert!(shape.len() >= 2, "orthogonal initialiser: shape {shape:?}, expected (output, input, ..)");
    let (rows, cols) = (shape[0], shape[1..].iter().product::<usize>());
    let (count, len) = (rows.min(cols), rows.max(cols));
    let mut vectors = vec![0.0_f64; count * len];
    random::fill_normal(&mut vectors, 0.0, 1.0, seed);
    for i in 0..count {
        let (earlier, rest) = vectors.split_at_mut(i * len);
        let vector = &mut rest[..len];
        for _ in 0..2 {
            for other in earlier.chunks_exact(len) {
                let along = reduce::dot(other, vector);
                map::axpy(-along, other, vector);
            }
        }
        let norm = reduce::sum_squares(vector).sqrt();
        map::scale(vector, 1.0 / norm);
    }
    Tensor::build(shape, |out| {
        for row in 0..rows {
            for col in 0..cols {
                let at = if rows <= cols { row * len + col } else { col * len + row };
                out[row * cols + col] = E::from_f64(gain * vectors[at]);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn draw(init: Init, shape: &[usize]) -> Vec<f64> {
        init.tensor(shape, &mut ChaCha8Rng::seed_from_u64(5)).to_vec()
    }

    fn std(values: &[f64]) -> f64 {
        (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn variances_follow_the_fans() {
        let shape = [200, 300];
        let relu = Nonlinearity::Relu;
        let cases = [
            (Init::XavierUniform { gain: 2.0 }, 2.0 * (2.0_f64 / 500.0).sqrt()),
            (Init::XavierNormal { gain: 2.0 }, 2.0 * (2.0_f64 / 500.0).sqrt()),
            (Init::KaimingUniform { mode: FanMode::In, nonlinearity: relu }, (2.0_f64 / 300.0).sqrt()),
            (Init::KaimingNormal { mode: FanMode::Out, nonlinearity: relu }, (2.0_f64 / 200.0).sqrt()),
            (Init::LecunUniform, (1.0_f64 / 300.0).sqrt()),
            (Init::LecunNormal, (1.0_f64 / 300.0).sqrt()),
            (Init::Normal { mean: 0.0, std: 0.02 }, 0.02),
        ];
        for (init, expected) in cases {
            let found = std(&draw(init, &shape));
            assert!((found / expected - 1.0).abs() < 0.02, "{init:?}: {found}, expected {expected}");
        }
    }

    #[test]
    fn uniform_values_stay_inside_and_fill_their_interval() {
        let bound = (3.0_f64 / 30.0).sqrt();
        let values = draw(Init::LecunUniform, &[20, 10, 3]);
        let largest = values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert!(largest <= bound && largest > 0.98 * bound);
        let cut = Init::TruncatedNormal { mean: 0.0, std: 1.0, low: -0.5, high: 1.0 };
        assert!(draw(cut, &[1000]).iter().all(|x| (-0.5..=1.0).contains(x)));
    }

    #[test]
    fn pytorch_gains() {
        let gains =
            [Nonlinearity::LeakyRelu(0.2), Nonlinearity::Tanh, Nonlinearity::Selu].map(Nonlinearity::gain);
        assert_eq!(gains, [(2.0_f64 / 1.04).sqrt(), 5.0 / 3.0, 0.75]);
    }

    proptest! {
        #[test]
        fn orthogonal_rows_or_columns(rows in 1usize..12, cols in 1usize..12, seed: u64) {
            let w: Tensor<f64> =
                Init::Orthogonal { gain: 1.5 }.tensor(&[rows, cols], &mut ChaCha8Rng::seed_from_u64(seed));
            let w = if rows <= cols { w } else { w.t() };
            for i in 0..w.dim(0) {
                for j in 0..w.dim(0) {
                    let dot: f64 = (0..w.dim(1)).map(|k| w.at(&[i, k]) * w.at(&[j, k])).sum();
                    let expected = if i == j { 2.25 } else { 0.0 };
                    prop_assert!((dot - expected).abs() < 1e-12, "{i} {j}: {dot}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "initialiser by fan: shape [3], expected (output, input, ..)")]
    fn a_vector_has_no_fans() {
        draw(Init::LecunNormal, &[3]);
    }
}
