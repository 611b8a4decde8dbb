//! A step of the classifier, in two halves.

use std::ops::Range;

use super::classify::sigmoid;
use super::train::{Example, Loss};
use crate::kernel::{Kernels, kernels};
use crate::matrix::{Matrix, Shared};
use crate::random::Random;
use crate::vocab::{Huffman, Unigram};

/// What the steps of all threads share.
pub(super) struct Step<'a> {
    kernels: &'static Kernels,
    /// Columns in whole vectors.
    pub(super) width: usize,
    input: Shared<'a>,
    output: Shared<'a>,
    loss: Loss,
    labels: u32,
    tree: Huffman,
    unigram: Unigram,
    negatives: usize,
}

/// Rows of the output matrix that steps tell apart, one step after the other.
#[derive(Default)]
pub(super) struct Targets {
    pub(super) rows: Vec<u32>,
    /// 1 for what is there, 0 for what is not.
    pub(super) truths: Vec<f32>,
}

impl Targets {
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.truths.clear();
    }

    fn push(&mut self, row: u32, is_there: bool) {
        self.rows.push(row);
        self.truths.push(f32::from(u8::from(is_there)));
    }
}

impl<'a> Step<'a> {
    /// Steps of labels that occur so often.
    pub(super) fn new(
        loss: Loss,
        negatives: usize,
        counts: &[u64],
        dim: usize,
        input: &'a mut Matrix,
        output: &'a mut Matrix,
    ) -> Self {
        let kernels = kernels();
        Self {
            kernels,
            width: dim.next_multiple_of(kernels.lanes),
            input: input.share(),
            output: output.share(),
            loss,
            labels: counts.len() as u32,
            tree: Huffman::new(counts),
            // fastText draws labels by the root of their counts.
            unigram: Unigram::new(counts, 0.5),
            negatives,
        }
    }

    /// Draws one of the text's labels, and appends what it is told from.
    pub(super) fn draw(&self, example: &Example, random: &mut Random, targets: &mut Targets) {
        let label = example.labels[random.below(example.labels.len() as u32) as usize];
        match self.loss {
            Loss::Softmax => (0..self.labels).for_each(|row| targets.push(row, row == label)),
            Loss::OneVsAll => {
                (0..self.labels).for_each(|row| targets.push(row, example.labels.contains(&row)));
            }
            Loss::NegativeSampling => {
                targets.push(label, true);
                for _ in 0..self.negatives {
                    let other = self.unigram.draw(random.next());
                    if other != label {
                        targets.push(other, false);
                    }
                }
            }
            Loss::Hierarchical => {
                let path = self.tree.path(label as usize).iter().zip(self.tree.code(label as usize));
                path.for_each(|(&node, &turn)| targets.push(node, turn == 1));
            }
        }
    }

    /// The first half: row `row` of `hidden` becomes `h`, and `g` has `gⱼ = −α eⱼ` for each target.
    pub(super) fn grade(
        &self,
        example: &Example,
        (targets, truths): (&[u32], &[f32]),
        rate: f32,
        (hidden, row): (&mut Matrix, usize),
        g: &mut [f32],
    ) {
        hidden.row_mut(row).fill(0.0);
        let h = hidden.share().row(row as u32);
        let share = 1.0 / example.rows.len() as f32;
        for &row in &example.rows {
            self.add(share, self.input.row(row), h, 0..self.width);
        }
        for (g, &row) in g.iter_mut().zip(targets) {
            *g = self.dot(h, self.output.row(row));
        }
        if self.loss == Loss::Softmax {
            let largest = g.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            g.iter_mut().for_each(|x| *x = (*x - largest).exp());
            let sum: f32 = g.iter().sum();
            g.iter_mut().zip(truths).for_each(|(g, truth)| *g = rate * (truth - *g / sum));
        } else {
            g.iter_mut().zip(truths).for_each(|(g, truth)| *g = rate * (truth - sigmoid(*g)));
        }
    }

    /// The second half, in some columns, which are whole vectors; `change` is room for a row.
    pub(super) fn apply(
        &self,
        example: &Example,
        targets: &[u32],
        h: &[f32],
        g: &[f32],
        columns: Range<usize>,
        change: &mut Matrix,
    ) {
        assert_eq!(h.len(), self.width);
        change.row_mut(0)[columns.clone()].fill(0.0);
        let (h, change, columns) = (h.as_ptr(), change.share().row(0), || columns.clone());
        // A label may be drawn twice: the text's rows take all labels' rows as they were.
        for (&row, &g) in targets.iter().zip(g) {
            self.add(g, self.output.row(row), change, columns());
        }
        for (&row, &g) in targets.iter().zip(g) {
            self.add(g, h, self.output.row(row), columns());
        }
        let share = 1.0 / example.rows.len() as f32;
        for &row in &example.rows {
            self.add(share, change, self.input.row(row), columns());
        }
    }

    fn dot(&self, a: *const f32, b: *const f32) -> f32 {
        // SAFETY: both are rows of matrices padded to `width`, which threads reach by kernels alone.
        unsafe { (self.kernels.dot)(a, b, self.width) }
    }

    /// `to += scale · from` in some columns.
    fn add(&self, scale: f32, from: *const f32, to: *mut f32, columns: Range<usize>) {
        // SAFETY: as above; the columns lie below `width`.
        unsafe {
            (self.kernels.add)(scale, from.add(columns.start), to.add(columns.start), columns.len());
        }
    }
}
