//! How likely given outputs are.

use crate::error::Error;
use crate::scorer::{Checked, Scorer};
use crate::softmax::log_sum_exp;

/// The score of a given output.
///
/// ```
/// let scored = decode::Scored { log_probs: vec![0.5_f64.ln(), 0.25_f64.ln()] };
/// assert!((scored.log_prob() - 0.125_f64.ln()).abs() < 1e-12);
/// assert_eq!(decode::Scored { log_probs: vec![] }.log_prob(), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Natural logarithm of each token's probability, given the prompt and the tokens before it.
    pub log_probs: Vec<f64>,
}

impl Scored {
    /// Log probability of the whole output; 0 if it is empty.
    pub fn log_prob(&self) -> f64 {
        self.log_probs.iter().sum()
    }
}

/// Scores given continuations instead of searching for some: for reranking, for comparing translations, for perplexity.
/// `outputs[i]` continues `prompts[i]`; end it with the end token where ending is to be scored too. All go in one
/// batch, which a finished output leaves.
///
/// ```
/// # use decode::Scorer;
/// # struct Coin;
/// # impl Scorer for Coin {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 2 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(p.iter().flat_map(|_| [3.0_f32.ln(), 0.0]));
/// #         Ok(())
/// #     }
/// #     fn extend(&mut self, p: &[usize], _: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(p.iter().flat_map(|_| [3.0_f32.ln(), 0.0]));
/// #         Ok(())
/// #     }
/// # }
/// let mut model = Coin;                               // heads (0) three times in four
/// let scored = decode::score(&mut model, &[vec![0], vec![1]], &[vec![0, 0, 1], vec![]])?;
/// assert!((scored[0].log_prob() - (9.0 / 64.0_f64).ln()).abs() < 1e-6);
/// assert_eq!(scored[1].log_prob(), 0.0);
/// # Ok::<(), decode::Error<std::convert::Infallible>>(())
/// ```
///
/// # Errors
/// As [`Error`] lists. A token that the model forbids has the log probability minus infinity, which is no error.
///
/// # Panics
/// If there is not one output per prompt.
#[track_caller]
pub fn score<S: Scorer + ?Sized>(
    model: &mut S,
    prompts: &[Vec<u32>],
    outputs: &[Vec<u32>],
) -> Result<Vec<Scored>, Error<S::Error>> {
    assert!(prompts.len() == outputs.len(), "score: {} outputs for {} prompts", outputs.len(), prompts.len());
    let vocab = model.vocab();
    for (row, (prompt, output)) in prompts.iter().zip(outputs).enumerate() {
        if let Some(at) = output.iter().position(|token| *token as usize >= vocab) {
            let position = prompt.len() + at;
            return Err(Error::UnknownToken { row, position, token: output[at], vocab });
        }
    }
    let mut results: Vec<Scored> = outputs.iter().map(|_| Scored { log_probs: Vec::new() }).collect();
    let mut model = Checked::start(model, prompts)?;
    // Which output each row of the model's batch is.
    let mut rows: Vec<usize> = (0..outputs.len()).collect();
    for position in 0..outputs.iter().map(Vec::len).max().unwrap_or(0) {
        let (mut parents, mut tokens, mut live) = (Vec::new(), Vec::new(), Vec::new());
        for (row, &output) in rows.iter().enumerate() {
            let Some(&token) = outputs[output].get(position) else { continue };
            let logits = model.row(row);
            let log_prob = f64::from(logits[token as usize]) - log_sum_exp(logits);
            // Where everything is forbidden, so is this token.
            results[output].log_probs.push(if log_prob.is_nan() { f64::NEG_INFINITY } else { log_prob });
            if position + 1 < outputs[output].len() {
                parents.push(row);
                tokens.push(token);
                live.push(output);
            }
        }
        rows = live;
        if rows.is_empty() {
            break;
        }
        model.extend(&parents, &tokens)?;
    }
    Ok(results)
}
