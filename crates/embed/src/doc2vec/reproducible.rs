//! The same bits on any number of threads: documents in [`batches`](crate::batches).
//!
//! All steps of a document meet in its row, so that a batch of one document's steps would have to be very small.
//! The steps of some documents are therefore mixed: those of a long one lie as far apart as those of a short one
//! allow, and each row is met by its document's share of the batch alone.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Trainer;
use crate::batches::{self, Batched, batch};
use crate::word2vec::{Halfway, Plan, Worker};

/// Words of the documents that are planned together, if one has not more.
const WORDS: usize = 1 << 13;

/// Trains through all epochs.
pub(super) fn run(trainer: &Trainer<'_>, threads: usize) {
    let (mut groups, mut words, mut first) = (Vec::new(), 0, 0);
    for (doc, ids) in trainer.docs.iter().enumerate() {
        words += ids.len();
        if words >= WORDS || doc + 1 == trainer.docs.len() {
            groups.push(first..doc + 1);
            (words, first) = (0, doc + 1);
        }
    }
    batches::run(&Groups { trainer, groups, next: AtomicUsize::new(0) }, threads, &mut || {});
}

struct Groups<'r, 'a> {
    trainer: &'r Trainer<'a>,
    /// Documents that are planned together.
    groups: Vec<Range<usize>>,
    /// The next group, counted through all epochs.
    next: AtomicUsize,
}

/// A group in an epoch, and its steps.
#[derive(Default)]
struct Group {
    docs: Range<usize>,
    epoch: usize,
    plan: Plan,
    /// The steps as they are taken: how far through its document each is, and its number.
    order: Vec<(u64, u32)>,
    batch: usize,
}

impl<'a> Batched for Groups<'_, 'a> {
    const MIN_PART: usize = 4;
    type Block = Group;
    type Halfway = Halfway;
    type Worker = Worker<'a>;

    fn halfway(&self) -> Halfway {
        Halfway::new(self.trainer.shape.width)
    }

    fn worker(&self) -> Worker<'a> {
        Worker::new(self.trainer.shape)
    }

    fn width(&self) -> usize {
        self.trainer.shape.width
    }

    fn read(&self, group: &mut Group) -> bool {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        group.epoch = number / self.groups.len();
        group.docs = self.groups[number % self.groups.len()].clone();
        group.epoch < self.trainer.settings.epochs
    }

    fn plan(&self, group: &mut Group) {
        let Group { docs, epoch, plan, order, batch: size } = group;
        plan.clear();
        order.clear();
        let (mut kept, mut longest) = (Vec::new(), 0);
        for doc in docs.clone() {
            let first = plan.len();
            self.trainer.plan(*epoch, doc, &mut kept, plan);
            let steps = plan.len() - first;
            longest = longest.max(steps);
            let far = |step: usize| ((2 * step as u64 + 1) << 32) / (2 * steps as u64);
            order.extend((0..steps).map(|step| (far(step), (first + step) as u32)));
        }
        order.sort_unstable();
        let settings = self.trainer.settings;
        let met = longest as f64 / plan.len().max(1) as f64 * (1 + settings.negatives) as f64;
        *size = batch(met.max(self.trainer.most_met), settings.rate, Self::MIN_PART);
    }

    fn steps(&self, group: &Group) -> usize {
        group.order.len()
    }

    fn batch(&self, group: &Group) -> usize {
        group.batch
    }

    fn grade(&self, group: &Group, steps: Range<usize>, halfway: &mut Halfway, worker: &mut Worker<'a>) {
        // The rate of a batch is that of its first step.
        let first = steps.start / group.batch * group.batch;
        let share = first as f32 / group.order.len() as f32;
        let docs = group.docs.start as f32 + share * group.docs.len() as f32;
        let rate = self.trainer.rate_at(group.epoch as f32 + docs / self.trainer.docs.len() as f32);
        halfway.grade(worker, steps, |step| group.plan.step(group.order[step].1 as usize), rate);
    }

    fn apply(
        &self,
        group: &Group,
        steps: Range<usize>,
        halfway: &Halfway,
        columns: Range<usize>,
        worker: &mut Worker<'a>,
    ) {
        let steps = steps.map(|step| group.plan.step(group.order[step].1 as usize));
        halfway.apply(worker, steps, columns);
    }
}
