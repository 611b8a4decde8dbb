//! The same bits on any number of threads: texts in [`batches`](crate::batches).

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::Classifier;
use super::step::{Step, Targets};
use super::train::Example;
use crate::batches::{self, Batched, MAX_PART, batch};
use crate::matrix::Matrix;
use crate::random::Random;

/// Texts that are planned together.
const TEXTS: usize = 256;

/// Trains through all epochs; `true` if the time was up before the end.
pub(super) fn run(
    settings: &Classifier,
    examples: &[Example],
    step: &Step<'_>,
    threads: usize,
    deadline: Option<Instant>,
) -> bool {
    if examples.is_empty() {
        return false;
    }
    let (next, is_late) = (AtomicUsize::new(0), AtomicBool::new(false));
    let texts = Texts { settings, examples, step, deadline, next, is_late };
    batches::run(&texts, threads, &mut || {});
    texts.is_late.into_inner()
}

struct Texts<'a> {
    settings: &'a Classifier,
    examples: &'a [Example],
    step: &'a Step<'a>,
    deadline: Option<Instant>,
    /// The next block, counted through all epochs.
    next: AtomicUsize,
    is_late: AtomicBool,
}

/// Some texts, and what their labels are told from.
#[derive(Default)]
struct Block {
    number: usize,
    texts: Range<usize>,
    targets: Targets,
    /// Where the targets of each text end.
    ends: Vec<usize>,
    /// Learning rate of the first text, and its fall from text to text.
    rate: f32,
    fall: f32,
    batch: usize,
}

impl Block {
    /// Where the targets of a text begin.
    fn start(&self, text: usize) -> usize {
        if text == 0 { 0 } else { self.ends[text - 1] }
    }

    fn targets(&self, text: usize) -> Range<usize> {
        self.start(text)..self.ends[text]
    }
}

/// What the first half of some texts leaves to the second.
struct Halfway {
    hidden: Matrix,
    g: Vec<f32>,
}

impl Batched for Texts<'_> {
    const MIN_PART: usize = 1;
    type Block = Block;
    type Halfway = Halfway;
    type Worker = Matrix;

    fn halfway(&self) -> Halfway {
        Halfway { hidden: Matrix::zeros(MAX_PART, self.step.width), g: Vec::new() }
    }

    fn worker(&self) -> Matrix {
        Matrix::zeros(1, self.step.width)
    }

    fn width(&self) -> usize {
        self.step.width
    }

    fn read(&self, block: &mut Block) -> bool {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.is_late.store(true, Ordering::Relaxed);
            return false;
        }
        block.number = self.next.fetch_add(1, Ordering::Relaxed);
        let blocks = self.examples.len().div_ceil(TEXTS);
        let (epoch, first) = (block.number / blocks, block.number % blocks * TEXTS);
        block.texts = first..(first + TEXTS).min(self.examples.len());
        let total = (self.examples.len() * self.settings.epochs) as f32;
        let done = (self.examples.len() * epoch + first) as f32;
        (block.rate, block.fall) = (self.settings.rate * (1.0 - done / total), self.settings.rate / total);
        epoch < self.settings.epochs
    }

    fn plan(&self, block: &mut Block) {
        let Block { number, texts, targets, ends, .. } = block;
        targets.clear();
        ends.clear();
        let mut random = Random::of(self.settings.seed, u64::MAX - 10, *number as u64);
        for example in &self.examples[texts.clone()] {
            self.step.draw(example, &mut random, targets);
            ends.push(targets.rows.len());
        }
        // Each text meets all labels, or the root of their tree.
        block.batch = batch(1.0, block.rate, 1);
    }

    fn steps(&self, block: &Block) -> usize {
        block.texts.len()
    }

    fn batch(&self, block: &Block) -> usize {
        block.batch
    }

    fn grade(&self, block: &Block, steps: Range<usize>, halfway: &mut Halfway, _: &mut Matrix) {
        let all = block.start(steps.start);
        for (row, text) in steps.enumerate() {
            let targets = block.targets(text);
            let g = targets.start - all..targets.end - all;
            if halfway.g.len() < g.end {
                halfway.g.resize(g.end, 0.0);
            }
            let rate = block.rate - text as f32 * block.fall;
            self.step.grade(
                &self.examples[block.texts.start + text],
                (&block.targets.rows[targets.clone()], &block.targets.truths[targets]),
                rate,
                (&mut halfway.hidden, row),
                &mut halfway.g[g],
            );
        }
    }

    fn apply(
        &self,
        block: &Block,
        steps: Range<usize>,
        halfway: &Halfway,
        columns: Range<usize>,
        change: &mut Matrix,
    ) {
        let all = block.start(steps.start);
        for (row, text) in steps.enumerate() {
            let targets = block.targets(text);
            self.step.apply(
                &self.examples[block.texts.start + text],
                &block.targets.rows[targets.clone()],
                halfway.hidden.row(row),
                &halfway.g[targets.start - all..targets.end - all],
                columns.clone(),
                change,
            );
        }
    }
}
