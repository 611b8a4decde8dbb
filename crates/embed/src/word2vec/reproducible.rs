//! The same bits on any number of threads.
//!
//! Steps are taken in batches, each in two halves. First all coefficients of the batch are computed with the
//! rows as they stand, which any thread can do for any step. Then each thread takes some *columns* of all rows and
//! adds the updates of all steps in order. No number depends on who computed it: a batch is a small synchronous
//! mini-batch of gradient descent, whose size depends on the vocabulary and the settings alone.

use std::ops::{ControlFlow, Range};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::Progress;
use super::execute::{Scratch, Shape, Worker};
use super::phases::Phases;
use super::plan::{Cursor, Encoded, Plan};
use super::run::Run;
use crate::corpus::Block;
use crate::random::Random;

/// Most steps of a batch.
const MAX_BATCH: usize = 256;

/// Fewest steps of a part of a batch: what a thread takes at once.
const MIN_PART: usize = 4;

/// Most parts of a batch.
const PARTS: usize = 16;

/// Blocks planned together.
const BLOCKS: usize = 8;

/// Floats of a cache line: threads keep off each other's lines.
const LINE: usize = 16;

/// What the threads share.
struct Shared<'r, 'a> {
    run: &'r Run<'a>,
    shape: Shape<'r>,
    threads: usize,
    /// Steps of a part, and of all parts of a batch.
    part: usize,
    batch: usize,
    blocks: Vec<RwLock<Planned>>,
    parts: Vec<RwLock<Part>>,
}

/// What is done by several threads at a time.
#[derive(Clone, Copy)]
enum Phase {
    /// Read some blocks: one task.
    Read,
    /// Plan them: a task for each.
    Plan,
    /// The first half of the steps from `first` on of a block: a task for each part.
    Grade { block: usize, first: usize },
    /// The second half: a task for some columns.
    Apply { block: usize, first: usize },
}

/// A block and its steps.
#[derive(Default)]
struct Planned {
    block: Block,
    number: Option<u64>,
    encoded: Encoded,
    plan: Plan,
    /// Words read before.
    words_before: u64,
}

/// What the first half of a part leaves to the second.
struct Part {
    scratch: Scratch,
    /// Where the coefficients of each step begin.
    starts: Vec<usize>,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Trains until the corpus ends or `progress` breaks off.
pub(crate) fn run(
    run: &Run<'_>,
    shape: Shape<'_>,
    threads: usize,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) {
    let batch = batch(run.planner.most_met(), run.settings.rate);
    let part = batch.div_ceil(PARTS).max(MIN_PART);
    let new_part = || RwLock::new(Part { scratch: Scratch::new(part, shape.width), starts: Vec::new() });
    let shared = Shared {
        run,
        shape,
        threads,
        part,
        batch,
        blocks: (0..BLOCKS).map(|_| RwLock::default()).collect(),
        parts: (0..batch.div_ceil(part)).map(|_| new_part()).collect(),
    };
    let phases = Phases::new(Phase::Read, 1);
    let work = |idle: &mut dyn FnMut()| {
        let mut worker = Worker::new(shape);
        phases.work(
            &mut |phase, task| shared.work(phase, task, &mut worker),
            &|phase| shared.next(phase),
            idle,
        );
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work(&mut || {}));
        }
        let mut reported = Instant::now();
        work(&mut || {
            if reported.elapsed() >= Duration::from_millis(100) {
                reported = Instant::now();
                if progress(&run.progress()).is_break() {
                    run.stop();
                }
            }
        });
    });
    shared.take_losses();
}

impl Shared<'_, '_> {
    fn work(&self, phase: Phase, task: usize, worker: &mut Worker<'_>) {
        match phase {
            Phase::Read => self.read_blocks(),
            Phase::Plan => self.plan(&mut write(&self.blocks[task])),
            Phase::Grade { block, first } => self.grade(&read(&self.blocks[block]), first, task, worker),
            Phase::Apply { block, first } => self.apply(&read(&self.blocks[block]), first, task, worker),
        }
    }

    fn next(&self, phase: Phase) -> Option<(Phase, usize)> {
        let batch = |block, first| (Phase::Grade { block, first }, self.parts.len());
        // The first batch of the next block that has one, or more blocks.
        let next_block = |from: usize| {
            let block = (from..BLOCKS).find(|&block| read(&self.blocks[block]).plan.len() > 0);
            block.map_or((Phase::Read, 1), |block| batch(block, 0))
        };
        Some(match phase {
            Phase::Read if read(&self.blocks[0]).number.is_none() => return None,
            Phase::Read => (Phase::Plan, BLOCKS),
            Phase::Plan => {
                self.count_words();
                self.take_losses();
                next_block(0)
            }
            Phase::Grade { block, first } => (Phase::Apply { block, first }, self.threads),
            Phase::Apply { block, first } => {
                let first = first + self.batch;
                if first < read(&self.blocks[block]).plan.len() {
                    batch(block, first)
                } else {
                    next_block(block + 1)
                }
            }
        })
    }

    fn read_blocks(&self) {
        for planned in &self.blocks {
            let mut planned = write(planned);
            planned.number = self.run.next_block(&mut planned.block);
        }
    }

    /// Plans all steps of a block; which they are depends on its number alone.
    fn plan(&self, planned: &mut Planned) {
        let Planned { block, number, encoded, plan, .. } = planned;
        plan.clear();
        encoded.clear();
        let Some(number) = *number else { return };
        let mut random = Random::of(self.run.settings.seed, self.run.epoch as u64, number);
        self.run.planner.encode(self.run.vocab, block, number, &mut random, encoded);
        let mut cursor = Cursor::default();
        self.run.planner.plan(&encoded.words, &encoded.ends, &mut cursor, usize::MAX, &mut random, plan);
    }

    /// Counts words in the order of the blocks, and keeps what was held out.
    fn count_words(&self) {
        for planned in &self.blocks {
            let mut planned = write(planned);
            let Some(number) = planned.number else { break };
            planned.words_before = self.run.count_words(planned.encoded.read);
            self.run.add((0.0, 0), &mut planned.encoded, number);
        }
    }

    fn grade(&self, planned: &Planned, first: usize, part: usize, worker: &mut Worker<'_>) {
        let Planned { plan, encoded, words_before, .. } = planned;
        let share = first as f64 / plan.len() as f64;
        let rate = self.run.rate_after(*words_before as f64 + share * encoded.read as f64);
        let Part { scratch, starts } = &mut *write(&self.parts[part]);
        starts.clear();
        let mut end = 0;
        for (row, step) in self.steps(plan, first, part).enumerate() {
            starts.push(end);
            end = worker.grade(plan.step(step), rate, scratch, end, row);
        }
    }

    fn apply(&self, planned: &Planned, first: usize, slice: usize, worker: &mut Worker<'_>) {
        let (from, to) = self.columns(slice);
        for (part, halfway) in self.parts.iter().enumerate() {
            let Part { scratch, starts } = &*read(halfway);
            for (row, step) in self.steps(&planned.plan, first, part).enumerate() {
                worker.locate(planned.plan.step(step));
                worker.apply(scratch, starts[row], row, from, to);
            }
        }
    }

    /// The columns of a task: whole cache lines, so that no two threads write to the same.
    fn columns(&self, slice: usize) -> (usize, usize) {
        let width = self.shape.width;
        let edge = |slice: usize| {
            if slice == self.threads { width } else { width * slice / self.threads / LINE * LINE }
        };
        (edge(slice), edge(slice + 1))
    }

    /// Adds the losses of the steps done, in the order of the parts: the same sum on any number of threads.
    fn take_losses(&self) {
        let sums = self.parts.iter().map(|part| write(part).scratch.take_loss());
        let sum = sums.fold((0.0, 0), |all, part| (all.0 + part.0, all.1 + part.1));
        self.run.add(sum, &mut Encoded::default(), 0);
    }

    /// Steps of a part of the batch from `first` on.
    fn steps(&self, plan: &Plan, first: usize, part: usize) -> Range<usize> {
        let end = (first + self.batch).min(plan.len());
        let start = first + part * self.part;
        start.min(end)..(start + self.part).min(end)
    }
}

/// Steps of a batch, so many that it still descends.
///
/// All pairs of a batch that meet in a row push it from where it was before the batch. With `n` of them the row
/// moves by at most `α n ¼ ‖v‖²` of its distance to the target, which may not exceed 2; vectors of a squared length
/// up to 8 are safe with `α n = 1` even if they all point the same way. A frequent word, the root of a tree and a
/// high rate so call for small batches.
fn batch(most_met: f64, rate: f32) -> usize {
    let most = 1.0 / (f64::from(rate) * most_met);
    (most as usize).clamp(MIN_PART, MAX_BATCH)
}
