//! How far training is: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use metrics::ExponentialMean;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Shows step, loss, tokens per second and time left, on standard error.
///
/// On a terminal it is a bar that is drawn over; otherwise (a log file, CI) a line every 15 seconds and one at
/// the end.
///
/// ```
/// let mut progress = train::Progress::new(100);
/// for step in 1..=100 {
///     let loss = 4.0 / step as f64;
///     progress.update(step, loss, 256);
/// }
/// progress.finish();
/// assert!(progress.tokens_per_second() > 0.0);
/// ```
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
    step: u64,
    /// The last step before this run.
    before: Option<u64>,
    /// What a step and what tokens are called.
    units: (&'static str, &'static str),
    loss: ExponentialMean,
    tokens: u64,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Of a run of this many steps. Time runs from here on.
    pub fn new(steps: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(steps));
        let now = Instant::now();
        let loss = ExponentialMean::new(0.9);
        let units = ("step", "tokens");
        Self { bar, steps, step: 0, before: None, units, loss, tokens: 0, started: now, last_line: now }
    }

    /// Where the run begins, if its first update comes more than a step later: after step number `step`, 0 for a new
    /// run.
    #[must_use]
    pub fn begun_at(mut self, step: u64) -> Self {
        self.before = Some(step);
        self
    }

    /// What a step and what tokens are called, in place of `step` and `tokens`.
    #[must_use]
    pub fn units(mut self, step: &'static str, tokens: &'static str) -> Self {
        self.units = (step, tokens);
        self
    }

    /// After step number `step`, counted from 1, which took in `tokens`. The loss shown is a moving mean. A
    /// resumed run begins with a later step; what came before does not count as speed.
    pub fn update(&mut self, step: u64, loss: f64, tokens: usize) {
        self.before.get_or_insert(step.saturating_sub(1));
        self.step = step;
        self.loss.add(loss);
        self.tokens += tokens as u64;
        let now = Instant::now();
        if let Some(bar) = &self.bar {
            // Moved without being drawn; the message draws both.
            bar.update(|state| state.set_pos(step));
            bar.set_message(self.numbers());
        } else if now - self.last_line >= LINE_EVERY {
            self.last_line = now;
            eprintln!("{}", self.line());
        }
    }

    /// Prints text above the bar, on standard output.
    pub fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }

    /// Tokens per second since the beginning of this run; 0 before the first step.
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    /// Since the beginning of this run.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Leaves the last state on the screen.
    pub fn finish(&self) {
        match &self.bar {
            Some(bar) => {
                bar.abandon();
                // What is printed next begins on a line of its own.
                eprintln!();
            }
            // The last step was told already if nothing came after it.
            None if self.step > 0 => eprintln!("{}", self.line()),
            None => {}
        }
    }

    fn numbers(&self) -> String {
        let left = self.left().map_or_else(|| "–".to_owned(), clock);
        let (loss, speed, (_, tokens)) = (self.loss.mean(), short(self.tokens_per_second()), self.units);
        format!("loss {loss:.3} · {speed} {tokens}/s · {left} left")
    }

    fn line(&self) -> String {
        format!("{} {}/{} · {}", self.units.0, self.step, self.steps, self.numbers())
    }

    /// At the mean speed so far.
    fn left(&self) -> Option<Duration> {
        let done = self.step.checked_sub(self.before?).filter(|done| *done > 0)?;
        let ahead = self.steps.saturating_sub(self.step);
        Duration::try_from_secs_f64(self.started.elapsed().as_secs_f64() * ahead as f64 / done as f64).ok()
    }
}

fn bar(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{bar:16} {pos}/{len} · {msg}") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar
}

/// `1:02:03` or `2:03`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Three digits and a unit: `950`, `12.3k`, `1.25M`.
fn short(number: f64) -> String {
    let (scaled, unit) = match number {
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e3 => (n / 1e3, "k"),
        n => (n, ""),
    };
    let decimals = match scaled {
        n if n >= 100.0 || unit.is_empty() => 0,
        n if n >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [950.4, 1_234.0, 12_345.0, 987_654.0, 1.25e6].map(short),
            ["950", "1.23k", "12.3k", "988k", "1.25M"]
        );
        assert_eq!([59, 123, 3_723].map(|s| clock(Duration::from_secs(s))), ["0:59", "2:03", "1:02:03"]);
    }

    #[test]
    fn a_resumed_run_counts_its_own_steps() {
        let mut progress = Progress::new(1_000);
        assert_eq!(progress.left(), None);
        progress.update(501, 2.0, 10);
        std::thread::sleep(Duration::from_millis(2));
        // One step done, 499 ahead.
        assert!(progress.left().unwrap() >= 499 * Duration::from_millis(2));
        assert!(progress.line().starts_with("step 501/1000 · loss 2.000"), "{}", progress.line());
    }

    #[test]
    fn a_first_update_may_come_many_steps_later() {
        let mut progress = Progress::new(1_000).begun_at(400).units("word", "words");
        std::thread::sleep(Duration::from_millis(2));
        progress.update(700, 2.0, 300);
        // As many steps done as are ahead.
        assert!(progress.left().unwrap() < 3 * progress.elapsed());
        let line = progress.line();
        assert!(line.starts_with("word 700/1000 · loss 2.000") && line.contains(" words/s"), "{line}");
    }
}
