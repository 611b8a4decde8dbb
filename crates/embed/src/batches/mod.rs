//! The same bits on any number of threads.
//!
//! Steps are taken in batches, each in two halves. First all coefficients of the batch are computed with the
//! rows as they stand, which any thread can do for any step. Then each thread takes some *columns* of all rows and
//! adds the updates of all steps in order. No number depends on who computed it: a batch is a small synchronous
//! mini-batch of gradient descent, whose size depends on the data and the settings alone.

mod phases;

use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

pub(crate) use phases::lock;

use phases::Phases;

/// Most steps of a batch.
const MAX_BATCH: usize = 256;

/// Most parts of a batch: what threads take at once.
const PARTS: usize = 16;

/// Most steps of a part.
pub(crate) const MAX_PART: usize = MAX_BATCH / PARTS;

/// Blocks planned together.
const BLOCKS: usize = 8;

/// Floats of a cache line: threads keep off each other's lines.
const LINE: usize = 16;

/// What is trained in batches.
pub(crate) trait Batched: Sync {
    /// Fewest steps of a part.
    const MIN_PART: usize;
    /// Steps that are planned together.
    type Block: Default + Send + Sync;
    /// What the first half of a part, at most [`MAX_PART`] steps, leaves to the second.
    type Halfway: Send + Sync;
    /// What a thread needs for itself.
    type Worker;

    /// Room for a part.
    fn halfway(&self) -> Self::Halfway;
    /// What a new thread needs.
    fn worker(&self) -> Self::Worker;
    /// Columns of all rows.
    fn width(&self) -> usize;

    /// Goes to the next block, one after the other; `false` if there is none.
    fn read(&self, block: &mut Self::Block) -> bool;
    /// Plans the steps of a block, several blocks at a time; which they are depends on the block alone.
    fn plan(&self, block: &mut Self::Block);
    /// Called for the blocks planned, one after the other.
    fn planned(&self, _: &mut Self::Block) {}
    /// Number of steps.
    fn steps(&self, block: &Self::Block) -> usize;
    /// Steps of a batch in this block, as [`batch`] says.
    fn batch(&self, block: &Self::Block) -> usize;

    /// The first half of some steps, which changes no row.
    fn grade(
        &self,
        block: &Self::Block,
        steps: Range<usize>,
        halfway: &mut Self::Halfway,
        worker: &mut Self::Worker,
    );
    /// The second half of these steps, in some columns.
    fn apply(
        &self,
        block: &Self::Block,
        steps: Range<usize>,
        halfway: &Self::Halfway,
        columns: Range<usize>,
        worker: &mut Self::Worker,
    );
    /// Called for each part now and then, in order: takes what has been summed up.
    fn gather(&self, _: &mut Self::Halfway) {}
}

/// Steps of a batch, so many that it still descends.
///
/// All pairs of a batch that meet in a row push it from where it was before the batch. With `n` of them the row
/// moves by at most `α n ¼ ‖v‖²` of its distance to the target, which may not exceed 2; vectors of a squared length
/// up to 8 are safe with `α n = 1` even if they all point the same way. A frequent word, the root of a tree and a
/// high rate so call for small batches. `most_met` is how many pairs of a step meet, on average, in the row that is
/// met most often.
pub(crate) fn batch(most_met: f64, rate: f32, least: usize) -> usize {
    let most = 1.0 / (f64::from(rate) * most_met);
    (most as usize).clamp(least, MAX_BATCH)
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

/// What the threads share.
struct Shared<'a, B: Batched> {
    batched: &'a B,
    threads: usize,
    blocks: Vec<RwLock<Slot<B::Block>>>,
    parts: Vec<RwLock<B::Halfway>>,
}

/// A block, if there is one.
#[derive(Default)]
struct Slot<T> {
    block: T,
    is_there: bool,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Trains until there are no more blocks; calls `idle` between tasks on this thread.
pub(crate) fn run<B: Batched>(batched: &B, threads: usize, idle: &mut dyn FnMut()) {
    let shared = Shared {
        batched,
        threads,
        blocks: (0..BLOCKS).map(|_| RwLock::default()).collect(),
        parts: (0..PARTS).map(|_| RwLock::new(batched.halfway())).collect(),
    };
    let phases = Phases::new(Phase::Read, 1);
    let work = |idle: &mut dyn FnMut()| {
        let mut worker = batched.worker();
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
        work(idle);
    });
    shared.gather();
}

impl<B: Batched> Shared<'_, B> {
    fn work(&self, phase: Phase, task: usize, worker: &mut B::Worker) {
        match phase {
            Phase::Read => self.read_blocks(),
            Phase::Plan => {
                let Slot { block, is_there } = &mut *write(&self.blocks[task]);
                if *is_there {
                    self.batched.plan(block);
                }
            }
            Phase::Grade { block, first } => {
                let (slot, part) = (read(&self.blocks[block]), &mut *write(&self.parts[task]));
                self.batched.grade(&slot.block, self.steps_of(&slot.block, first, task), part, worker);
            }
            Phase::Apply { block, first } => {
                let (slot, columns) = (read(&self.blocks[block]), self.columns(task));
                for (part, halfway) in self.parts[..self.parts_of(&slot.block)].iter().enumerate() {
                    let steps = self.steps_of(&slot.block, first, part);
                    self.batched.apply(&slot.block, steps, &read(halfway), columns.clone(), worker);
                }
            }
        }
    }

    fn next(&self, phase: Phase) -> Option<(Phase, usize)> {
        let batch = |block: usize, first| {
            (Phase::Grade { block, first }, self.parts_of(&read(&self.blocks[block]).block))
        };
        let has_steps = |block: &usize| {
            let slot = read(&self.blocks[*block]);
            slot.is_there && self.batched.steps(&slot.block) > 0
        };
        // The first batch of the next block that has one, or more blocks.
        let next_block =
            |from: usize| (from..BLOCKS).find(has_steps).map_or((Phase::Read, 1), |block| batch(block, 0));
        Some(match phase {
            Phase::Read if !read(&self.blocks[0]).is_there => return None,
            Phase::Read => (Phase::Plan, BLOCKS),
            Phase::Plan => {
                let slots = self.blocks.iter().map(write).take_while(|slot| slot.is_there);
                slots.for_each(|mut slot| self.batched.planned(&mut slot.block));
                self.gather();
                next_block(0)
            }
            Phase::Grade { block, first } => (Phase::Apply { block, first }, self.threads),
            Phase::Apply { block, first } => {
                let slot = read(&self.blocks[block]);
                let first = first + self.batched.batch(&slot.block);
                let is_left = first < self.batched.steps(&slot.block);
                drop(slot);
                if is_left { batch(block, first) } else { next_block(block + 1) }
            }
        })
    }

    fn read_blocks(&self) {
        let mut is_there = true;
        for slot in &self.blocks {
            let mut slot = write(slot);
            is_there = is_there && self.batched.read(&mut slot.block);
            slot.is_there = is_there;
        }
    }

    /// In the order of the parts: the same sums on any number of threads.
    fn gather(&self) {
        self.parts.iter().for_each(|part| self.batched.gather(&mut write(part)));
    }

    /// The columns of a task: whole cache lines, so that no two threads write to the same.
    fn columns(&self, slice: usize) -> Range<usize> {
        let width = self.batched.width();
        let edge = |slice: usize| {
            if slice == self.threads { width } else { width * slice / self.threads / LINE * LINE }
        };
        edge(slice)..edge(slice + 1)
    }

    /// Steps of a part.
    fn part(&self, block: &B::Block) -> usize {
        self.batched.batch(block).div_ceil(PARTS).max(B::MIN_PART)
    }

    /// Parts of a batch.
    fn parts_of(&self, block: &B::Block) -> usize {
        self.batched.batch(block).div_ceil(self.part(block))
    }

    /// Steps of a part of the batch from `first` on.
    fn steps_of(&self, block: &B::Block, first: usize, part: usize) -> Range<usize> {
        let end = (first + self.batched.batch(block)).min(self.batched.steps(block));
        let start = first + part * self.part(block);
        start.min(end)..(start + self.part(block)).min(end)
    }
}
