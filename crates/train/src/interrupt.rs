//! Ctrl-C as a flag, so that a loop can end between two steps and save.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

/// A flag that someone else sets to end a loop.
///
/// ```
/// let interrupt = train::Interrupt::new();            // `on_ctrl_c()` in a program
/// let handle = interrupt.clone();
/// let mut steps = 0;
/// while !interrupt.is_set() {
///     steps += 1;
///     if steps == 3 {
///         handle.set();
///     }
/// }
/// assert_eq!(steps, 3);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
}

impl Interrupt {
    /// A flag that only [`set`](Self::set) sets.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that Ctrl-C (SIGINT) sets. A second one ends the process at once, with status 130. A process that
    /// was started with SIGINT ignored, as shells start background jobs of a script, heeds it from here on.
    ///
    /// # Errors
    /// If this was called before: make one flag and pass clones of it.
    pub fn on_ctrl_c() -> Result<Self, Error> {
        let interrupt = Self::new();
        let flag = interrupt.flag.clone();
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        })
        .map_err(|error| Error::Config(format!("Ctrl-C cannot be handled: {error}")))?;
        Ok(interrupt)
    }

    /// Whether the loop should end.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Asks the loop to end.
    pub fn set(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    /// The flag itself, for loops that know only the standard library.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }
}
