//! Work in phases: threads take the tasks of a phase one by one, and the next begins when all are done.
//!
//! A thread that the operating system holds up between tasks holds up nobody: the others do the tasks there are.
//! That is why tasks are taken rather than dealt out, and why it may be any number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A lock is never left with half-made content: a panic elsewhere does not spoil it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The phase under way.
pub(crate) struct Phases<P> {
    state: Mutex<State<P>>,
    /// Counts the phases, to be waited on.
    begun: AtomicUsize,
}

struct State<P> {
    /// None at the end.
    phase: Option<P>,
    tasks: usize,
    taken: usize,
    done: usize,
}

/// Ends the work when it is dropped by a panic, so that no other thread waits for ever.
struct EndOnPanic<'a, P>(&'a Phases<P>);

impl<P> Drop for EndOnPanic<'_, P> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.state).phase = None;
            self.0.begun.fetch_add(1, Ordering::Release);
        }
    }
}

impl<P: Copy> Phases<P> {
    /// Begins with a phase of so many tasks, at least one.
    pub(crate) fn new(first: P, tasks: usize) -> Self {
        let state = State { phase: Some(first), tasks, taken: 0, done: 0 };
        Self { state: Mutex::new(state), begun: AtomicUsize::new(0) }
    }

    /// The life of a thread: `work(phase, task)` for tasks until the end, `idle` between them.
    ///
    /// Whoever finishes the last task of a phase calls `next`, which gives the phase that follows and its number of
    /// tasks; what tasks wrote, all later ones see.
    pub(crate) fn work(
        &self,
        work: &mut dyn FnMut(P, usize),
        next: &dyn Fn(P) -> Option<(P, usize)>,
        idle: &mut dyn FnMut(),
    ) {
        let _end = EndOnPanic(self);
        let mut is_working = false;
        loop {
            idle();
            let begun = self.begun.load(Ordering::Acquire);
            let mut state = lock(&self.state);
            if is_working {
                state.done += 1;
            }
            let Some(mut phase) = state.phase else { return };
            if state.done == state.tasks {
                let following = next(phase);
                *state = State { phase: following.map(|(phase, _)| phase), tasks: 0, taken: 0, done: 0 };
                self.begun.fetch_add(1, Ordering::Release);
                let Some((following, tasks)) = following else { return };
                (phase, state.tasks) = (following, tasks);
            }
            is_working = state.taken < state.tasks;
            if is_working {
                let task = state.taken;
                state.taken += 1;
                drop(state);
                work(phase, task);
            } else {
                drop(state);
                self.wait(begun);
            }
        }
    }

    /// Waits for the phase after the one that was the `begun`th: spins for microseconds, then lets others run.
    fn wait(&self, begun: usize) {
        let mut turns = 0u32;
        while self.begun.load(Ordering::Acquire) == begun {
            turns += 1;
            match turns {
                0..2000 => std::hint::spin_loop(),
                2000..2100 => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros(50)),
            }
            if turns > 2200 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_done_once_and_phases_in_order() {
        const TASKS: [usize; 3] = [5, 1, 2];
        let phases = Phases::new(0usize, TASKS[0]);
        let done: Vec<AtomicUsize> = (0..200).map(|_| AtomicUsize::new(0)).collect();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut work = |phase: usize, _| {
                        for (before, done) in done[..phase].iter().enumerate() {
                            assert_eq!(done.load(Ordering::Relaxed), TASKS[before % 3]);
                        }
                        done[phase].fetch_add(1, Ordering::Relaxed);
                    };
                    let next = |phase| (phase + 1 < 200).then_some((phase + 1, TASKS[(phase + 1) % 3]));
                    phases.work(&mut work, &next, &mut || {});
                });
            }
        });
        assert_eq!(done[199].load(Ordering::Relaxed), TASKS[199 % 3]);
    }

    #[test]
    fn a_panic_frees_the_others() {
        let phases = Phases::new((), 2);
        let results: Vec<bool> = thread::scope(|scope| {
            let phases = &phases;
            let threads = [0, 1].map(|_| {
                scope.spawn(move || {
                    let mut work = |(), task| {
                        if task == 1 {
                            std::panic::resume_unwind(Box::new(()));
                        }
                    };
                    phases.work(&mut work, &|()| unreachable!("one task is never done"), &mut || {});
                })
            });
            threads.into_iter().map(|thread| thread.join().is_err()).collect()
        });
        assert_eq!(results.iter().filter(|failed| **failed).count(), 1);
    }
}
