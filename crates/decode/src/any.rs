//! Models of different crates as one type.

use std::error::Error;
use std::fmt;

use crate::scorer::Scorer;

/// A model of any kind; [`any`] makes one.
pub type AnyScorer<'m> = Box<dyn Scorer<Error = AnyError> + 'm>;

/// What went wrong in a model of any kind: says what the model's own error says, and has its source.
///
/// ```
/// # use decode::Scorer;
/// # struct Full;
/// # impl Scorer for Full {
/// #     type Error = std::fmt::Error;
/// #     fn vocab(&self) -> usize { 2 }
/// #     fn start(&mut self, _: &[Vec<u32>], _: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         Err(std::fmt::Error)
/// #     }
/// #     fn extend(&mut self, _: &[usize], _: &[u32], _: &mut Vec<f32>) -> Result<(), Self::Error> { Ok(()) }
/// # }
/// use decode::{Error, Stop, any, greedy};
/// // The model fails with an error of its own.
/// let error = greedy(&mut any(Full), &[vec![1]], &Stop::after(1)).unwrap_err();
/// let Error::Model(error) = error else { unreachable!() };
/// assert_eq!(error.to_string(), std::fmt::Error.to_string());
/// ```
#[derive(Debug)]
pub struct AnyError(Box<dyn Error + Send + Sync>);

impl fmt::Display for AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for AnyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// `model` with its type forgotten, so that models with errors of their own go into one [`Ensemble`](crate::Ensemble) or
/// one list.
///
/// ```
/// # use decode::Scorer;
/// # struct Short;
/// # struct Long;
/// # macro_rules! fixed { ($name:ident, $error:ty, $scores:expr) => {
/// #     impl Scorer for $name {
/// #         type Error = $error;
/// #         fn vocab(&self) -> usize { 2 }
/// #         fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), $error> {
/// #             s.extend(p.iter().flat_map(|_| $scores));
/// #             Ok(())
/// #         }
/// #         fn extend(&mut self, p: &[usize], _: &[u32], s: &mut Vec<f32>) -> Result<(), $error> {
/// #             s.extend(p.iter().flat_map(|_| $scores));
/// #             Ok(())
/// #         }
/// #     }
/// # }}
/// # fixed!(Short, std::convert::Infallible, [0.0, 1.0]);
/// # fixed!(Long, std::fmt::Error, [3.0, 0.0]);
/// use decode::{AnyScorer, Averaging, Ensemble, Stop, any, greedy};
///
/// // Such as a recurrent model and a Transformer, each with errors of its crate.
/// let models: Vec<AnyScorer<'_>> = vec![any(Short), any(Long)];
/// let mut ensemble = Ensemble::new(models, Averaging::LogProbabilities)?;
/// assert_eq!(greedy(&mut ensemble, &[vec![1]], &Stop::after(1))?[0].tokens, [0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn any<'m, S: Scorer + 'm>(model: S) -> AnyScorer<'m>
where
    S::Error: Send + Sync,
{
    Box::new(Any(model))
}

struct Any<S>(S);

impl<S: Scorer> Scorer for Any<S>
where
    S::Error: Send + Sync,
{
    type Error = AnyError;

    fn vocab(&self) -> usize {
        self.0.vocab()
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), AnyError> {
        self.0.start(prompts, scores).map_err(|error| AnyError(error.into()))
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), AnyError> {
        self.0.extend(parents, tokens, scores).map_err(|error| AnyError(error.into()))
    }

    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        self.0.attention(row, weights)
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        self.0.hidden(row, state)
    }
}
