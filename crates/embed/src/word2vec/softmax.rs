//! The full softmax, as in the textbooks.
//!
//! For a predicted word `c` of a vocabulary of `V`, an input `h` (a context word's row, or a bag's), and output
//! rows `uⱼ`, the loss is the cross-entropy `L = −ln pᶜ` of `pⱼ = e^(h·uⱼ) / Σₖ e^(h·uₖ)`. With
//! `eⱼ = pⱼ − [j = c]` the derivatives are `∂L/∂uⱼ = eⱼ h` and `∂L/∂h = Σⱼ eⱼ uⱼ`, and a step of rate `α` is
//!
//! ```text
//! uⱼ ← uⱼ − α eⱼ h        for all j
//! h  ← h − α Σⱼ eⱼ uⱼ     with the output rows before the step
//! ```
//!
//! One-hot input times the input matrix *is* a row of it, so the trained rows are the word vectors.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::Progress;
use super::plan::{Cursor, Encoded, Plan, Step};
use super::run::Run;
use crate::corpus::Block;
use crate::matrix::Matrix;
use crate::random::Random;

/// Trains until the corpus ends or `progress` breaks off, on one thread.
pub(crate) fn run(
    run: &Run<'_>,
    input: &mut Matrix,
    output: &mut Matrix,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) {
    let (mut block, mut encoded, mut plan) = (Block::default(), Encoded::default(), Plan::default());
    let mut reported = Instant::now();
    let mut softmax = Softmax::new(run.settings.bag(), run.settings.dim);
    while let Some(number) = run.next_block(&mut block) {
        let mut random = Random::of(run.settings.seed, run.epoch as u64, number);
        run.planner.encode(run.vocab, &block, number, &mut random, &mut encoded);
        let before = run.count_words(encoded.read) as f64;
        let mut cursor = Cursor::default();
        let mut sum = (0.0, 0);
        plan.clear();
        while run.planner.plan(&encoded.words, &encoded.ends, &mut cursor, 1, &mut random, &mut plan) {
            let share = cursor.at as f64 / encoded.words.len() as f64;
            let rate = run.rate_after(before + share * encoded.read as f64);
            for step in plan.steps() {
                let (loss, pairs) = softmax.step(step, input, output, Some(rate));
                sum = (sum.0 + loss, sum.1 + pairs);
            }
            plan.clear();
            // A word of a large vocabulary takes long: this is asked often, and stops at the end of the block.
            if reported.elapsed() >= Duration::from_millis(100) {
                reported = Instant::now();
                if progress(&run.progress()).is_break() {
                    run.stop();
                }
            }
        }
        run.add(sum, &mut encoded, number);
    }
}

/// Buffers of a step.
pub(crate) struct Softmax {
    bag: Option<bool>,
    h: Vec<f32>,
    change: Vec<f32>,
    errors: Vec<f32>,
}

impl Softmax {
    pub(crate) fn new(bag: Option<bool>, dim: usize) -> Self {
        Self { bag, h: vec![0.0; dim], change: vec![0.0; dim], errors: Vec::new() }
    }

    /// Trains one step, or only measures it without a rate; returns the sum of losses and the number of pairs.
    pub(crate) fn step(
        &mut self,
        step: Step<'_>,
        input: &mut Matrix,
        output: &mut Matrix,
        rate: Option<f32>,
    ) -> (f64, u64) {
        let [word] = *step.targets else { return (0.0, 0) };
        match self.bag {
            None => {
                let mut sum = 0.0;
                for &context in step.inputs {
                    self.h.copy_from_slice(input.row(context as usize));
                    sum += self.descend(word, output, rate);
                    add(input.row_mut(context as usize), &self.change);
                }
                (sum, step.inputs.len() as u64)
            }
            Some(mean) => {
                self.h.fill(0.0);
                for &context in step.inputs {
                    add(&mut self.h, input.row(context as usize));
                }
                if mean {
                    self.h.iter_mut().for_each(|x| *x /= step.inputs.len() as f32);
                }
                let loss = self.descend(word, output, rate);
                for &context in step.inputs {
                    add(input.row_mut(context as usize), &self.change);
                }
                (loss, 1)
            }
        }
    }

    /// The loss of predicting `word` from `h`; updates the output rows and leaves the step of `h` in `change`.
    fn descend(&mut self, word: u32, output: &mut Matrix, rate: Option<f32>) -> f64 {
        let Self { h, change, errors, .. } = self;
        errors.clear();
        errors.extend((0..output.rows()).map(|j| dot(h, output.row(j))));
        let largest = errors.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let score = errors[word as usize] - largest;
        errors.iter_mut().for_each(|x| *x = (*x - largest).exp());
        let total: f64 = errors.iter().map(|&x| f64::from(x)).sum();
        change.fill(0.0);
        if let Some(rate) = rate {
            errors.iter_mut().for_each(|x| *x /= total as f32);
            errors[word as usize] -= 1.0;
            for (j, &error) in errors.iter().enumerate() {
                let row = output.row_mut(j);
                for ((change, u), h) in change.iter_mut().zip(row).zip(&*h) {
                    *change -= rate * error * *u;
                    *u -= rate * error * h;
                }
            }
        }
        total.ln() - f64::from(score)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f32], change: &[f32]) {
    to.iter_mut().zip(change).for_each(|(to, change)| *to += change);
}

#[cfg(test)]
mod tests {
    use autograd::Var;
    use proptest::prelude::*;
    use tensor::{Ids, Tensor};

    use super::*;

    const RATE: f32 = 0.125;

    fn leaf(rows: &[f32], dim: usize) -> Var<f64> {
        let values: Vec<f64> = rows.iter().map(|&x| f64::from(x)).collect();
        Var::leaf(Tensor::from_vec(values, &[rows.len() / dim, dim]))
    }

    fn close(found: &[f32], leaf: &Var<f64>, gradient: &Tensor<f64>, rate: f64) -> Result<(), TestCaseError> {
        let expected = leaf.value().to_vec().into_iter().zip(gradient.to_vec());
        for (&found, (x, g)) in found.iter().zip(expected) {
            prop_assert!(
                (f64::from(found) - (x - rate * g)).abs() < 2e-5,
                "{found}, expected {}",
                x - rate * g
            );
        }
        Ok(())
    }

    proptest! {
        /// The textbook's net: the context as a one-hot row (or the mean of them) times the input matrix, times the
        /// output matrix, softmax, cross-entropy.
        #[test]
        fn a_step_is_that_of_the_net_with_one_hot_input(
            (dim, input, output) in (1usize..6).prop_flat_map(|dim| {
                let rows = || prop::collection::vec(-1.5f32..1.5, 5 * dim);
                (Just(dim), rows(), rows())
            }),
            contexts in prop::sample::subsequence(vec![0u32, 1, 2, 3, 4], 1..5),
            word in 0u32..5,
            kind in 0usize..3,
        ) {
            let bag = [None, Some(true), Some(false)][kind];
            // Skip-gram takes its contexts one after the other, so one shows what it does.
            let contexts = if kind == 0 { &contexts[..1] } else { &contexts[..] };
            let (w, u) = (leaf(&input, dim), leaf(&output, dim));
            let scale = if kind == 1 { 1.0 / contexts.len() as f64 } else { 1.0 };
            let mut x = vec![0.0; 5];
            contexts.iter().for_each(|&c| x[c as usize] = scale);
            let x = Var::constant(Tensor::from_vec(x, &[1, 5])); // (1, vocab)
            let scores = x.matmul(&w).matmul(&u.t()); // (1, vocab)
            let loss = &scores.logsumexp_axis(1, false) - &scores.gather(1, &Ids::new(vec![word], &[1, 1]));
            let gradients = loss.sum().backward().unwrap();

            let (mut w_found, mut u_found) = (Matrix::from_rows(&input, dim), Matrix::from_rows(&output, dim));
            let step = Step { inputs: contexts, targets: &[word], signs: &[1.0] };
            let mut softmax = Softmax::new(bag, dim);
            let (found, pairs) = softmax.step(step, &mut w_found, &mut u_found, Some(RATE));
            prop_assert_eq!(pairs, 1);
            prop_assert!((found - loss.value().to_vec()[0]).abs() < 1e-5);
            // With the mean, each context row takes the step of the bag: the gradient times their number.
            let rate = f64::from(RATE);
            close(&w_found.into_rows(), &w, gradients.get(&w).unwrap(), rate / scale)?;
            close(&u_found.into_rows(), &u, gradients.get(&u).unwrap(), rate)?;
        }
    }
}
