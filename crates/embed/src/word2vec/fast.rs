//! Threads that update the same rows without locks.
//!
//! Each takes the next block of the corpus, plans a few hundred steps and carries them out. Two threads seldom
//! meet in a row, and when they do, a part of one step is lost (Niu et al. 2011).

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Progress;
use super::execute::{Scratch, Shape, Worker};
use super::plan::{Cursor, Encoded, Plan};
use super::run::Run;
use crate::corpus::Block;
use crate::random::Random;

/// Words whose steps are planned together: few enough for the plan to stay in the nearest cache.
const WORDS_PLANNED: usize = 128;

/// Trains until the corpus ends or `progress` breaks off.
pub(crate) fn run(
    run: &Run<'_>,
    shape: Shape<'_>,
    threads: usize,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) {
    let (main, working) = (thread::current(), AtomicUsize::new(threads));
    thread::scope(|scope| {
        for _ in 0..threads {
            let (main, working) = (&main, &working);
            scope.spawn(move || {
                // Told also by a panic, which the scope then passes on.
                let _end = End { main, working };
                train_blocks(run, shape);
            });
        }
        let mut reported = Instant::now();
        while working.load(Ordering::Acquire) > 0 {
            thread::park_timeout(Duration::from_millis(100));
            // Sooner, a worker has ended.
            if reported.elapsed() >= Duration::from_millis(100) {
                reported = Instant::now();
                if progress(&run.progress()).is_break() {
                    run.stop();
                }
            }
        }
    });
}

/// The end of a worker's work: counted first, so that the main thread, once woken, sees it.
struct End<'a> {
    main: &'a thread::Thread,
    working: &'a AtomicUsize,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.working.fetch_sub(1, Ordering::Release);
        self.main.unpark();
    }
}

fn train_blocks(run: &Run<'_>, shape: Shape<'_>) {
    let (mut block, mut encoded, mut plan) = (Block::default(), Encoded::default(), Plan::default());
    let mut worker = Worker::new(shape);
    let mut scratch = Scratch::new(1, shape.width);
    while let Some(number) = run.next_block(&mut block) {
        let mut random = Random::of(run.settings.seed, run.epoch as u64, number);
        run.planner.encode(run.vocab, &block, number, &mut random, &mut encoded);
        let before = run.count_words(encoded.read) as f64;
        let mut cursor = Cursor::default();
        loop {
            plan.clear();
            let share = cursor.at as f64 / encoded.words.len().max(1) as f64;
            let rate = run.rate_after(before + share * encoded.read as f64);
            if !run.planner.plan(
                &encoded.words,
                &encoded.ends,
                &mut cursor,
                WORDS_PLANNED,
                &mut random,
                &mut plan,
            ) {
                break;
            }
            worker.train(&plan, rate, &mut scratch);
        }
        run.add(scratch.take_loss(), &mut encoded, number);
    }
}
