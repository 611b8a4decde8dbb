//! The same bits on any number of threads: the steps of word2vec in [`batches`](crate::batches).

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use super::Progress;
use super::execute::{Halfway, Shape, Worker};
use super::plan::{Cursor, Encoded, Plan};
use super::run::Run;
use crate::batches::{self, Batched, batch};
use crate::corpus::Block;
use crate::random::Random;

/// Trains until the corpus ends or `progress` breaks off.
pub(crate) fn run(
    run: &Run<'_>,
    shape: Shape<'_>,
    threads: usize,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) {
    let batch = batch(run.planner.most_met(), run.settings.rate, Training::MIN_PART);
    let mut reported = Instant::now();
    batches::run(&Training { run, shape, batch }, threads, &mut || {
        if reported.elapsed() >= Duration::from_millis(100) {
            reported = Instant::now();
            if progress(&run.progress()).is_break() {
                run.stop();
            }
        }
    });
}

struct Training<'r, 'a> {
    run: &'r Run<'a>,
    shape: Shape<'r>,
    batch: usize,
}

/// A block of the corpus and its steps.
#[derive(Default)]
struct Planned {
    block: Block,
    number: u64,
    encoded: Encoded,
    plan: Plan,
    /// Words read before.
    words_before: u64,
}

impl<'r> Batched for Training<'r, '_> {
    const MIN_PART: usize = 4;
    type Block = Planned;
    type Halfway = Halfway;
    type Worker = Worker<'r>;

    fn halfway(&self) -> Halfway {
        Halfway::new(self.shape.width)
    }

    fn worker(&self) -> Worker<'r> {
        Worker::new(self.shape)
    }

    fn width(&self) -> usize {
        self.shape.width
    }

    fn read(&self, planned: &mut Planned) -> bool {
        let number = self.run.next_block(&mut planned.block);
        planned.number = number.unwrap_or_default();
        number.is_some()
    }

    fn plan(&self, planned: &mut Planned) {
        let Planned { block, number, encoded, plan, .. } = planned;
        plan.clear();
        let mut random = Random::of(self.run.settings.seed, self.run.epoch as u64, *number);
        self.run.planner.encode(self.run.vocab, block, *number, &mut random, encoded);
        let mut cursor = Cursor::default();
        self.run.planner.plan(&encoded.words, &encoded.ends, &mut cursor, usize::MAX, &mut random, plan);
    }

    /// Counts words, and keeps what was held out.
    fn planned(&self, planned: &mut Planned) {
        planned.words_before = self.run.count_words(planned.encoded.read);
        self.run.add((0.0, 0), &mut planned.encoded, planned.number);
    }

    fn steps(&self, planned: &Planned) -> usize {
        planned.plan.len()
    }

    fn batch(&self, _: &Planned) -> usize {
        self.batch
    }

    fn grade(&self, planned: &Planned, steps: Range<usize>, halfway: &mut Halfway, worker: &mut Worker<'r>) {
        // The rate of a batch is that of its first step.
        let first = steps.start / self.batch * self.batch;
        let share = first as f64 / planned.plan.len() as f64;
        let rate = self.run.rate_after(planned.words_before as f64 + share * planned.encoded.read as f64);
        halfway.grade(worker, steps, |step| planned.plan.step(step), rate);
    }

    fn apply(
        &self,
        planned: &Planned,
        steps: Range<usize>,
        halfway: &Halfway,
        columns: Range<usize>,
        worker: &mut Worker<'r>,
    ) {
        halfway.apply(worker, steps.map(|step| planned.plan.step(step)), columns);
    }

    fn gather(&self, halfway: &mut Halfway) {
        self.run.add(halfway.scratch.take_loss(), &mut Encoded::default(), 0);
    }
}
