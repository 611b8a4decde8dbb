//! Carries out the steps of a plan with the kernels.

use std::ops::Range;

use crate::batches::MAX_PART;
use crate::kernel::{Aim, Kernels, Loss, Rows, kernels, scores_len};
use crate::matrix::{Matrix, Shared};
use crate::word2vec::plan::{Plan, Step};

/// Rows are asked for so many steps ahead.
const AHEAD: usize = 2;

/// The matrices that threads train together, and how.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) input: Shared<'a>,
    pub(crate) output: Shared<'a>,
    pub(crate) kernels: &'static Kernels,
    /// Columns in whole vectors.
    pub(crate) width: usize,
    /// Whether the input of a step is a bag of rows, and if so, whether their mean.
    pub(crate) bag: Option<bool>,
}

impl<'a> Shape<'a> {
    pub(crate) fn new(input: &'a mut Matrix, output: &'a mut Matrix, dim: usize, bag: Option<bool>) -> Self {
        let kernels = kernels();
        let width = dim.next_multiple_of(kernels.lanes);
        Self { input: input.share(), output: output.share(), kernels, width, bag }
    }
}

/// Addresses of the rows of the step at hand.
pub(crate) struct Worker<'a> {
    pub(crate) shape: Shape<'a>,
    inputs: Vec<*mut f32>,
    targets: Vec<*mut f32>,
}

/// What a step leaves between its two halves, and the losses so far.
pub(crate) struct Scratch {
    /// `gᵢₜ` of one or more steps.
    pub(crate) g: Vec<f32>,
    /// The bag of each step.
    h: Matrix,
    pub(crate) loss: Loss,
    pub(crate) pairs: u64,
}

impl Scratch {
    /// For `steps` steps at a time.
    pub(crate) fn new(steps: usize, width: usize) -> Self {
        Self { g: Vec::new(), h: Matrix::zeros(steps, width), loss: Loss::default(), pairs: 0 }
    }

    /// The sum of losses and the number of pairs since the last call.
    pub(crate) fn take_loss(&mut self) -> (f64, u64) {
        (self.loss.take(), std::mem::take(&mut self.pairs))
    }
}

/// What the first half of some steps leaves to the second.
pub(crate) struct Halfway {
    pub(crate) scratch: Scratch,
    /// Where the coefficients of each step begin.
    starts: Vec<usize>,
}

impl Halfway {
    pub(crate) fn new(width: usize) -> Self {
        Self { scratch: Scratch::new(MAX_PART, width), starts: Vec::new() }
    }

    /// The first half of some steps of a plan, which `step` gives.
    pub(crate) fn grade<'s>(
        &mut self,
        worker: &mut Worker<'_>,
        steps: Range<usize>,
        step: impl Fn(usize) -> Step<'s>,
        rate: f32,
    ) {
        self.starts.clear();
        let mut end = 0;
        for (row, index) in steps.clone().enumerate() {
            if index + AHEAD < steps.end {
                worker.prefetch(step(index + AHEAD));
            }
            self.starts.push(end);
            end = worker.grade(step(index), rate, &mut self.scratch, end, row);
        }
    }

    /// The second half of the same steps, for some columns.
    pub(crate) fn apply<'s>(
        &self,
        worker: &mut Worker<'_>,
        steps: impl Iterator<Item = Step<'s>>,
        columns: Range<usize>,
    ) {
        for (row, step) in steps.enumerate() {
            worker.locate(step);
            worker.apply(&self.scratch, self.starts[row], row, columns.start, columns.end);
        }
    }
}

impl<'a> Worker<'a> {
    pub(crate) fn new(shape: Shape<'a>) -> Self {
        Self { shape, inputs: Vec::new(), targets: Vec::new() }
    }

    /// Trains all steps, one after the other.
    pub(crate) fn train(&mut self, plan: &Plan, rate: f32, scratch: &mut Scratch) {
        for index in 0..plan.len() {
            if index + AHEAD < plan.len() {
                self.prefetch(plan.step(index + AHEAD));
            }
            let step = plan.step(index);
            self.grade(step, rate, scratch, 0, 0);
            self.apply(scratch, 0, 0, 0, self.shape.width);
        }
    }

    /// Adds up the losses of all steps and changes nothing.
    pub(crate) fn measure(&mut self, plan: &Plan, scratch: &mut Scratch) {
        for step in plan.steps() {
            self.grade(step, 0.0, scratch, 0, 0);
        }
    }

    fn prefetch(&self, step: Step<'_>) {
        let Shape { input, output, kernels, width, .. } = self.shape;
        // The other contexts were those of the words before.
        if let Some(&id) = step.inputs.last() {
            // SAFETY: a prefetch reads nothing.
            unsafe { (kernels.prefetch)(input.row(id), width) };
        }
        for &id in step.targets {
            // SAFETY: as above.
            unsafe { (kernels.prefetch)(output.row(id), width) };
        }
    }

    /// Makes `step` the one at hand.
    fn locate(&mut self, step: Step<'_>) {
        self.inputs.clear();
        self.inputs.extend(step.inputs.iter().map(|&id| self.shape.input.row(id)));
        self.targets.clear();
        self.targets.extend(step.targets.iter().map(|&id| self.shape.output.row(id)));
    }

    /// The first half of a step: `g` from `first` on, and the bag in row `row`. Returns where `g` ends.
    #[inline]
    pub(crate) fn grade(
        &mut self,
        step: Step<'_>,
        rate: f32,
        scratch: &mut Scratch,
        first: usize,
        row: usize,
    ) -> usize {
        self.locate(step);
        let Shape { kernels, width, bag, .. } = self.shape;
        let inputs = if bag.is_none() { step.inputs.len() } else { 1 };
        scratch.pairs += inputs as u64;
        let end = first + scores_len(inputs, step.targets.len());
        if scratch.g.len() < end {
            scratch.g.resize(end, 0.0);
        }
        let g = &mut scratch.g[first..end];
        let rows = Rows { inputs: &self.inputs, targets: &self.targets };
        let aim = Aim { signs: step.signs, rate };
        // SAFETY: `locate` took rows that are padded to `width`, as is the bag's, and `g` has room.
        unsafe {
            match bag {
                None => (kernels.grade_pairs)(rows, aim, width, g, &mut scratch.loss),
                Some(mean) => {
                    let scale = if mean { 1.0 / step.inputs.len() as f32 } else { 1.0 };
                    let h = scratch.h.share().row(row as u32);
                    (kernels.grade_bag)(rows, scale, aim, width, h, g, &mut scratch.loss);
                }
            }
        }
        end
    }

    /// The second half of the step at hand, for some columns.
    #[inline]
    pub(crate) fn apply(&self, scratch: &Scratch, first: usize, row: usize, from: usize, to: usize) {
        let kernels = self.shape.kernels;
        let rows = Rows { inputs: &self.inputs, targets: &self.targets };
        let g = &scratch.g[first..];
        // SAFETY: as for `grade`, which filled `g` and the bag.
        unsafe {
            match self.shape.bag {
                None => (kernels.apply_pairs)(rows, g, from, to),
                Some(_) => {
                    (kernels.apply_bag)(rows, scratch.h.row(row).as_ptr(), g, from, to);
                }
            }
        }
    }
}
