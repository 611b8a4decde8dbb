//! Proof that a gradient is right: the analytic value beside finite differences, in `f64`.
//!
//! Along a direction `d`, a function changes at the rate `⟨gradient, d⟩`. The numeric side takes central
//! differences at two steps and extrapolates (Richardson), with an error of the fourth order in the step; the
//! two steps also disagree where the function has a kink (ReLU at 0), which no gradient can match: there the
//! step shrinks, and at last the place is counted as a kink and left out.

use std::fmt;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use tensor::Tensor;

use crate::var::{Var, no_grad};

/// Checks the gradient of `f` at `inputs` with default options; see [`Gradcheck::check`].
///
/// # Errors
/// The worst mismatch: which input, where, analytic and numeric value.
///
/// ```
/// use autograd::{Var, gradcheck};
/// use tensor::Tensor;
/// let x = Tensor::from_vec(vec![0.3, -1.2, 2.0], &[3]);
/// let report = gradcheck(|v| (&v[0] * &v[0]).tanh(), &[x])?;
/// assert!(report.worst < 1e-8);
/// # Ok::<(), autograd::GradcheckError>(())
/// ```
pub fn gradcheck(
    f: impl Fn(&[Var<f64>]) -> Var<f64>,
    inputs: &[Tensor<f64>],
) -> Result<GradcheckReport, GradcheckError> {
    Gradcheck::default().check(f, inputs)
}

/// Options of a gradient check.
#[derive(Clone, Debug)]
pub struct Gradcheck {
    /// Largest step of the differences.
    pub step: f64,
    /// Largest error allowed, relative to the larger of analytic and numeric value.
    pub relative: f64,
    /// Largest error always allowed, in units of the function's own size: values smaller than
    /// `absolute / relative` of it are compared as if they were that large.
    pub absolute: f64,
    /// Inputs with at most this many elements are checked element by element.
    pub exhaustive: usize,
    /// Random directions tried in each larger input.
    pub directions: usize,
    /// Seed of directions and of the weights of the outputs.
    pub seed: u64,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Self { step: 1e-4, relative: 1e-6, absolute: 1e-9, exhaustive: 64, directions: 6, seed: 0 }
    }
}

/// What a passed check saw.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GradcheckReport {
    /// Elements and directions compared.
    pub compared: usize,
    /// Places left out because the function has a kink there.
    pub kinks: usize,
    /// Largest relative error.
    pub worst: f64,
}

impl GradcheckReport {
    /// Both reports together.
    pub fn merge(self, other: Self) -> Self {
        Self {
            compared: self.compared + other.compared,
            kinks: self.kinks + other.kinks,
            worst: self.worst.max(other.worst),
        }
    }
}

/// An input of [`Gradcheck::compare`]: its name, its value, and the gradient to be checked, if one came.
pub type NamedGradient = (String, Tensor<f64>, Option<Tensor<f64>>);

/// Where a comparison was made.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// One element, by its index.
    Element(Vec<usize>),
    /// A random direction through the whole input, by number.
    Direction(usize),
}

/// A gradient that is wrong, or could not be compared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GradcheckError {
    /// Analytic and numeric value differ.
    Mismatch {
        /// Name of the input.
        input: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Where in the input.
        place: Place,
        /// Value of the vjp.
        analytic: f64,
        /// Value of the finite differences.
        numeric: f64,
        /// `|analytic − numeric|` over the larger of the two.
        error: f64,
    },
    /// No gradient reached an input.
    NoGradient {
        /// Name of the input.
        input: String,
    },
    /// Every place of an input is at a kink.
    OnlyKinks {
        /// Name of the input.
        input: String,
    },
    /// The function gave another value when it was called again with the same inputs.
    NotDeterministic,
    /// The backward pass failed.
    Backward(crate::BackwardError),
}

impl fmt::Display for GradcheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { input, shape, place, analytic, numeric, error } => {
                let place = match place {
                    Place::Element(index) => format!("element {index:?}"),
                    Place::Direction(number) => format!("direction {number}"),
                };
                write!(
                    f,
                    "gradient of {input} {shape:?} at {place}: analytic {analytic:.10e}, numeric {numeric:.10e}, \
                     relative error {error:.1e}"
                )
            }
            Self::NoGradient { input } => write!(f, "no gradient reached {input}"),
            Self::OnlyKinks { input } => write!(f, "every place of {input} is at a kink; check other values"),
            Self::NotDeterministic => f.write_str(
                "the function gave another value when called again with the same inputs: give it a copy of the same \
                 random numbers each time",
            ),
            Self::Backward(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GradcheckError {}

impl From<crate::BackwardError> for GradcheckError {
    fn from(error: crate::BackwardError) -> Self {
        Self::Backward(error)
    }
}

impl Gradcheck {
    /// Compares the gradient of `f` with respect to each of `inputs` with finite differences. An output of
    /// several elements is weighted with fixed random numbers to one value. `f` must compute the same every
    /// time it is called.
    ///
    /// # Errors
    /// The worst mismatch, an input that no gradient reaches, one with kinks everywhere, or a function that does not
    /// repeat itself.
    pub fn check(
        &self,
        f: impl Fn(&[Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
    ) -> Result<GradcheckReport, GradcheckError> {
        self.check_erased(&f, inputs)
    }

    /// [`check`](Self::check), compiled once for all functions.
    fn check_erased(
        &self,
        f: &dyn Fn(&[Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
    ) -> Result<GradcheckReport, GradcheckError> {
        let leaves: Vec<Var<f64>> = inputs.iter().cloned().map(Var::leaf).collect();
        let output = f(&leaves);
        let upstream = self.output_weights(output.shape());
        let grads = output.backward_from(&upstream)?;
        let named: Vec<NamedGradient> = leaves
            .iter()
            .enumerate()
            .map(|(i, leaf)| (format!("input {i}"), leaf.value().clone(), grads.get(leaf).cloned()))
            .collect();
        self.compare(&named, |values| {
            let constants: Vec<Var<f64>> = values.iter().cloned().map(Var::constant).collect();
            let output = no_grad(|| f(&constants)).into_value();
            (&output * &upstream).sum().item()
        })
    }

    /// Random weights that make one number of an output: `L = Σ w·y`, so that no two errors cancel.
    pub fn output_weights(&self, shape: &[usize]) -> Tensor<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ 0x5eed);
        Tensor::build(shape, |out| {
            for o in out {
                let sign = if rng.random() { 1.0 } else { -1.0 };
                *o = sign * rng.random_range(0.5..1.5);
            }
        })
    }

    /// The comparison itself: `function` at changed values against given gradients. For whatever is not a
    /// plain list of inputs, such as the parameters of a model.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn compare(
        &self,
        inputs: &[NamedGradient],
        function: impl Fn(&[Tensor<f64>]) -> f64,
    ) -> Result<GradcheckReport, GradcheckError> {
        self.compare_erased(inputs, &function)
    }

    fn compare_erased(
        &self,
        inputs: &[NamedGradient],
        function: &dyn Fn(&[Tensor<f64>]) -> f64,
    ) -> Result<GradcheckReport, GradcheckError> {
        let base: Vec<Tensor<f64>> = inputs.iter().map(|(_, value, _)| value.contiguous()).collect();
        let value = function(&base);
        if value.to_bits() != function(&base).to_bits() {
            return Err(GradcheckError::NotDeterministic);
        }
        let scale = value.abs().max(1.0);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut report = GradcheckReport::default();
        let mut worst: Option<GradcheckError> = None;
        for (which, (name, value, gradient)) in inputs.iter().enumerate() {
            let gradient =
                gradient.as_ref().ok_or_else(|| GradcheckError::NoGradient { input: name.clone() })?;
            let gradient = gradient.contiguous();
            let mut kinks = 0;
            let probes = self.probes(value.shape(), &mut rng);
            for (place, direction) in &probes {
                let along = |t: f64| {
                    let mut moved = base.clone();
                    let (target, d) = (moved[which].data_mut(), direction.data());
                    target.iter_mut().zip(d).for_each(|(x, d)| *x += t * d);
                    function(&moved)
                };
                let analytic: f64 = gradient.data().iter().zip(direction.data()).map(|(g, d)| g * d).sum();
                match self.slope(along, analytic, scale) {
                    None => kinks += 1,
                    Some(numeric) => {
                        report.compared += 1;
                        let error = self.error(analytic, numeric, scale);
                        if error > self.relative && error > report.worst {
                            let (input, shape) = (name.clone(), value.shape().to_vec());
                            let place = place.clone();
                            worst = Some(GradcheckError::Mismatch {
                                input,
                                shape,
                                place,
                                analytic,
                                numeric,
                                error,
                            });
                        }
                        report.worst = report.worst.max(error);
                    }
                }
            }
            if kinks == probes.len() && kinks > 0 {
                worst = worst.or_else(|| Some(GradcheckError::OnlyKinks { input: name.clone() }));
            }
            report.kinks += kinks;
        }
        worst.map_or(Ok(report), Err)
    }

    /// The directions to try in an input of this shape: every unit vector, or some random ones.
    fn probes(&self, shape: &[usize], rng: &mut Xoshiro256PlusPlus) -> Vec<(Place, Tensor<f64>)> {
        let len: usize = shape.iter().product();
        if len > self.exhaustive {
            let signs = |rng: &mut Xoshiro256PlusPlus| {
                Tensor::build(shape, |out| {
                    out.iter_mut().for_each(|o| *o = if rng.random() { 1.0 } else { -1.0 });
                })
            };
            return (0..self.directions).map(|n| (Place::Direction(n), signs(rng))).collect();
        }
        let unit = |flat: usize| {
            let mut index = vec![0; shape.len()];
            let mut rest = flat;
            for axis in (0..shape.len()).rev() {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }
            let direction = Tensor::build(shape, |out| {
                out.fill(0.0);
                out[flat] = 1.0;
            });
            (Place::Element(index), direction)
        };
        (0..len).map(unit).collect()
    }

    /// Slope at 0 of `f`, or `None` at a kink. Where it disagrees with the analytic value, smaller steps are
    /// tried too: near a jump of a higher derivative a wide step is not accurate enough.
    fn slope(&self, f: impl Fn(f64) -> f64, analytic: f64, scale: f64) -> Option<f64> {
        let mut step = self.step;
        let mut found = None;
        for _ in 0..3 {
            let wide = (f(step) - f(-step)) / (2.0 * step);
            let narrow = (f(step / 2.0) - f(-step / 2.0)) / step;
            if wide.is_nan() || narrow.is_nan() {
                return Some(f64::NAN);
            }
            // Smooth functions differ here by some step²; rounding by 1e-16 / step.
            let tolerance = 1e-5 * wide.abs().max(narrow.abs()) + scale * (1e-7 + 1e-15 / step);
            if (wide - narrow).abs() <= tolerance {
                let numeric = (4.0 * narrow - wide) / 3.0;
                if self.error(analytic, numeric, scale) <= self.relative {
                    return Some(numeric);
                }
                if at_kink(&f, step, analytic) {
                    return None;
                }
                found = Some(numeric);
            }
            step /= 10.0;
        }
        found
    }

    fn error(&self, analytic: f64, numeric: f64, scale: f64) -> f64 {
        let difference = (analytic - numeric).abs();
        if difference.is_nan() {
            return f64::INFINITY;
        }
        difference / analytic.abs().max(numeric.abs()).max(scale * self.absolute / self.relative)
    }
}

/// Whether the slopes to the left and right of 0 differ and the analytic value lies between them: a valid
/// choice of subgradient exactly at a kink.
fn at_kink(f: &impl Fn(f64) -> f64, step: f64, analytic: f64) -> bool {
    let middle = f(0.0);
    let (left, right) = ((middle - f(-step)) / step, (f(step) - middle) / step);
    let jump = (right - left).abs();
    let margin = 1e-3 * jump;
    jump > 1e-2 * left.abs().max(right.abs())
        && analytic >= left.min(right) - margin
        && analytic <= left.max(right) + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tensor<f64> {
        Tensor::from_vec(vec![0.5, -1.5, 2.5, 0.1, -0.2, 0.7], &[2, 3])
    }

    /// Computes `x³` and claims `dx = 3.001 x²`.
    fn wrong_cube(x: &Var<f64>) -> Var<f64> {
        let kept = x.value().clone();
        let value = kept.map(|x| x * x * x);
        Var::record("wrong_cube", [x], value, move |dy| [Some(kept.zip(dy, |x, dy| 3.001 * x * x * dy))])
    }

    #[test]
    fn bites_a_slightly_wrong_gradient() {
        let error = gradcheck(|v| wrong_cube(&v[0]), &[sample()]).unwrap_err();
        let GradcheckError::Mismatch { input, shape, error, .. } = error else { panic!("{error}") };
        assert_eq!((input.as_str(), shape), ("input 0", vec![2, 3]));
        assert!((3e-4..4e-4).contains(&error), "{error}");
        let by_directions = Gradcheck { exhaustive: 0, ..Gradcheck::default() };
        assert!(by_directions.check(|v| wrong_cube(&v[0]), &[sample()]).is_err());
    }

    #[test]
    fn bites_an_exchanged_axis() {
        // The gradient of Σ x·c returned transposed, on a square input, where shapes cannot tell.
        let transposed = |x: &Var<f64>| {
            let c = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
            let value = x.value() * &c;
            Var::record("transposed", [x], value, move |dy| [Some((dy * &c).t())])
        };
        let x = Tensor::from_vec(vec![1.0, -1.0, 0.5, 2.0], &[2, 2]);
        assert!(gradcheck(|v| transposed(&v[0]), &[x]).is_err());
    }

    #[test]
    fn a_kink_is_left_out_and_counted() {
        let relu = |x: &Var<f64>| {
            let kept = x.value().clone();
            let value = kept.map(|x| x.max(0.0));
            Var::record("relu", [x], value, move |dy| {
                [Some(kept.zip(dy, |x, d| if x > 0.0 { d } else { 0.0 }))]
            })
        };
        let x = Tensor::from_vec(vec![0.0, 1e-9, 1.0, -1.0], &[4]);
        let report = gradcheck(|v| relu(&v[0]), &[x]).unwrap();
        assert_eq!((report.compared, report.kinks), (2, 2));
        let only = gradcheck(|v| relu(&v[0]), &[Tensor::zeros(&[3])]);
        assert!(matches!(only, Err(GradcheckError::OnlyKinks { .. })));
    }

    #[test]
    fn a_function_that_does_not_repeat_itself_is_named() {
        let calls = std::cell::Cell::new(0.0);
        let f = |v: &[Var<f64>]| {
            calls.set(calls.get() + 1.0);
            &v[0] * calls.get()
        };
        assert_eq!(gradcheck(f, &[Tensor::ones(&[2])]).unwrap_err(), GradcheckError::NotDeterministic);
    }

    #[test]
    fn a_missing_gradient_is_named() {
        let cut = gradcheck(|v| &v[0].detach() * &v[1], &[sample(), sample()]);
        assert_eq!(cut, Err(GradcheckError::NoGradient { input: "input 0".into() }));
    }
}
