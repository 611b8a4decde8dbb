//! Activation functions to choose by configuration, and the one with parameters.

use std::fmt;

pub use autograd::Activation;
use autograd::{Case, GradcheckReport, Var, gradcheck};
use tensor::{Element, Tensor};

use crate::config::{ConfigError, positive_size};
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::module;
use crate::param::Param;

pub(super) const CASES: &[Case] = &[
    Case::new("Activation", |draw| {
        let dims = draw.dims::<2>();
        // Wide enough for the corners of the hard functions at ±3 and 6.
        let x = [draw.uniform(&dims, -7.0, 7.0)];
        let all = Activation::ALL.iter().map(|f| gradcheck(|v| f.forward(&v[0]), &x));
        all.into_iter().try_fold(GradcheckReport::default(), |sum, report| Ok(sum.merge(report?)))
    }),
    Case::new("PRelu", |draw| {
        let [batch, time, channels] = draw.dims();
        let mut layer = PRelu::new(if draw.flip() { channels } else { 1 }).expect("a size");
        randomise(&mut layer, draw);
        let x = draw.normal(&[batch, time, channels]);
        gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0]))
    }),
];

/// ReLU with a learned slope below 0 (He et al. 2015), one for all features or one for each.
#[derive(Clone, Debug)]
pub struct PRelu<E: Element = f32> {
    /// `(1)` or `(channels)`
    pub weight: Param<E>,
}
module!(PRelu<E> { weight });

impl<E: Element> PRelu<E> {
    /// Slopes of 1/4; `channels` is 1 or the size of the last dimension.
    ///
    /// # Errors
    /// If `channels` is 0.
    pub fn new(channels: usize) -> Result<Self, ConfigError> {
        positive_size("prelu", "channels", channels)?;
        Ok(Self { weight: Param::new(Tensor::full(&[channels], E::from_f64(0.25))) })
    }

    /// `x (.., channels)` → `(.., channels)`
    ///
    /// # Panics
    /// If the last dimension is another.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>) -> Var<E> {
        x.prelu(self.weight.var())
    }
}

impl<E: Element> fmt::Display for PRelu<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PRelu(channels={})", self.weight.value().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_are_those_of_the_functions() {
        for activation in Activation::ALL {
            let text = serde_json::to_string(activation).unwrap();
            assert!(text.contains(&format!("\"{}\"", activation.name())), "{text}");
            assert_eq!(serde_json::from_str::<Activation>(&text).unwrap(), *activation);
        }
        assert_eq!(Activation::LeakyRelu { slope: 0.2 }.to_string(), "LeakyRelu(slope=0.2)");
    }
}
