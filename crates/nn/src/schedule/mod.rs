//! Learning rates over the steps of a training run.
//!
//! A [`Schedule`] is a value: the rate of step `n` (from 0) is `schedule.at(n)`, whatever was asked before, so
//! a resumed run needs nothing but the step. [`ReduceOnPlateau`] depends on what happens and has a state;
//! [`LrFinder`] looks for a first rate.

mod finder;
mod plateau;

pub use finder::LrFinder;
pub use plateau::{Plateau, ReduceOnPlateau, Threshold};

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, non_negative, positive, require, unit};

/// How a rate moves from one value to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// In a straight line.
    Linear,
    /// Along half a cosine wave: slow, fast, slow.
    #[default]
    Cosine,
    /// As `1 − √progress`: fast first (Hägele et al. 2024, for the decay of WSD).
    OneMinusSqrt,
}

impl Curve {
    /// Between `from` at `progress` 0 and `to` at 1.
    fn between(self, from: f64, to: f64, progress: f64) -> f64 {
        let remaining = match self {
            Self::Linear => 1.0 - progress,
            Self::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
            Self::OneMinusSqrt => 1.0 - progress.sqrt(),
        };
        to + (from - to) * remaining
    }
}

/// A learning rate for every step; after its last step a schedule stays where it ended.
///
/// ```
/// use nn::schedule::Schedule;
/// // 100 steps of warm-up, then a cosine from 3e-4 to 3e-5 over 900.
/// let schedule = Schedule::cosine(3e-4, 3e-5, 900).warm_up(100);
/// assert!(schedule.at(0) > 0.0 && schedule.at(0) < 1e-5);
/// assert_eq!(schedule.at(100), 3e-4);
/// assert_eq!(schedule.at(5000), 3e-5);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// From one value to another in a straight line.
    Linear {
        /// At step 0.
        from: f64,
        /// At step `steps` and after.
        to: f64,
        /// Length.
        steps: u64,
    },
    /// Half a cosine wave (Loshchilov & Hutter 2016, SGDR, without restarts).
    Cosine {
        /// At step 0.
        peak: f64,
        /// At step `steps` and after.
        floor: f64,
        /// Length.
        steps: u64,
    },
    /// Cosine waves that jump back to the peak (Loshchilov & Hutter 2016).
    CosineRestarts {
        /// At the start of every wave.
        peak: f64,
        /// Approached at the end of every wave.
        floor: f64,
        /// Length of the first wave.
        first: u64,
        /// Each wave is this many times as long as the one before.
        factor: u64,
    },
    /// Multiplied by `factor` every `every` steps.
    Step {
        /// At step 0.
        initial: f64,
        /// Steps between two changes.
        every: u64,
        /// Multiplier.
        factor: f64,
    },
    /// Multiplied by `factor` at each of these steps.
    MultiStep {
        /// At step 0.
        initial: f64,
        /// Steps of the changes.
        milestones: Vec<u64>,
        /// Multiplier.
        factor: f64,
    },
    /// Multiplied by `factor` every step.
    Exponential {
        /// At step 0.
        initial: f64,
        /// Multiplier.
        factor: f64,
        /// Never below this.
        floor: f64,
    },
    /// `floor + (peak − floor)·(1 − step/steps)^power`.
    Polynomial {
        /// At step 0.
        peak: f64,
        /// At step `steps` and after.
        floor: f64,
        /// Length.
        steps: u64,
        /// Exponent.
        power: f64,
    },
    /// `scale·d_model^−½·min(n^−½, n·warmup^−1.5)` with `n` counted from 1 (Vaswani et al. 2017, equation 3).
    Noam {
        /// Width of the model.
        d_model: usize,
        /// Steps of linear warm-up.
        warmup: u64,
        /// Factor of the whole.
        scale: f64,
    },
    /// Up to the peak and down to almost nothing (Smith & Topin 2017), as `torch.optim.lr_scheduler.OneCycleLR`:
    /// from `peak / initial_divisor` up for the share `rise` of the steps, then down to
    /// `peak / initial_divisor / final_divisor`.
    OneCycle {
        /// Highest rate.
        peak: f64,
        /// Length.
        steps: u64,
        /// Share of the steps before the peak, in `[0, 1]`.
        rise: f64,
        /// Peak over first rate.
        initial_divisor: f64,
        /// First over last rate.
        final_divisor: f64,
        /// Shape of both parts.
        curve: Curve,
    },
    /// Parts one after another; each is asked for its own steps from 0. The last goes on for ever.
    Sequence {
        /// Each part but the last with its length.
        parts: Vec<(Schedule, u64)>,
        /// The last part.
        last: Box<Schedule>,
    },
    /// A linear rise from `from` times the first rate of `then` to that rate, then `then` from its step 0.
    WarmUp {
        /// Length of the rise.
        steps: u64,
        /// Share of the rate at step 0.
        from: f64,
        /// What follows.
        then: Box<Schedule>,
    },
    /// Warm-up, stable phase, decay (Hu et al. 2024, MiniCPM).
    Wsd {
        /// Rate of the stable phase.
        peak: f64,
        /// Rate after the decay.
        floor: f64,
        /// Steps of linear warm-up, from `peak / (warmup + 1)`.
        warmup: u64,
        /// Steps at the peak.
        stable: u64,
        /// Steps of decay.
        decay: u64,
        /// Shape of the decay.
        curve: Curve,
    },
    /// Another schedule times a factor.
    Scaled {
        /// Multiplier.
        factor: f64,
        /// What it multiplies.
        of: Box<Schedule>,
    },
}

impl Schedule {
    /// Half a cosine wave from `peak` to `floor`.
    pub fn cosine(peak: f64, floor: f64, steps: u64) -> Self {
        Self::Cosine { peak, floor, steps }
    }

    /// A straight line.
    pub fn linear(from: f64, to: f64, steps: u64) -> Self {
        Self::Linear { from, to, steps }
    }

    /// One cycle with PyTorch's defaults: a third of the way up, divisors 25 and 10⁴, cosine.
    pub fn one_cycle(peak: f64, steps: u64) -> Self {
        let curve = Curve::Cosine;
        Self::OneCycle { peak, steps, rise: 0.3, initial_divisor: 25.0, final_divisor: 1e4, curve }
    }

    /// Puts a linear warm-up of `steps` steps before this schedule. Step `n` gets the share
    /// `(n + 1) / (steps + 1)` of the rate, so that no step is wasted on a rate of 0.
    pub fn warm_up(self, steps: u64) -> Self {
        Self::WarmUp { steps, from: 1.0 / (steps + 1) as f64, then: Box::new(self) }
    }

    /// This schedule for `steps` steps, then another from its step 0.
    pub fn then(self, steps: u64, next: Self) -> Self {
        Self::Sequence { parts: vec![(self, steps)], last: Box::new(next) }
    }

    /// This schedule times `factor`.
    pub fn scaled(self, factor: f64) -> Self {
        Self::Scaled { factor, of: Box::new(self) }
    }

    /// The rate of step `step`, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        match *self {
            Self::Constant(rate) => rate,
            Self::Linear { from, to, steps } => Curve::Linear.between(from, to, progress(step, steps)),
            Self::Cosine { peak, floor, steps } => Curve::Cosine.between(peak, floor, progress(step, steps)),
            Self::CosineRestarts { peak, floor, first, factor } => {
                let (into, length) = wave(step, first, factor);
                Curve::Cosine.between(peak, floor, into as f64 / length as f64)
            }
            Self::Step { initial, every, factor } => initial * power(factor, step / every.max(1)),
            Self::MultiStep { initial, ref milestones, factor } => {
                let passed = milestones.iter().filter(|milestone| **milestone <= step).count();
                initial * power(factor, passed as u64)
            }
            Self::Exponential { initial, factor, floor } => (initial * power(factor, step)).max(floor),
            Self::Polynomial { peak, floor, steps, power } => {
                floor + (peak - floor) * (1.0 - progress(step, steps)).powf(power)
            }
            Self::Noam { d_model, warmup, scale } => {
                let (n, warmup) = ((step + 1) as f64, warmup.max(1) as f64);
                scale * (d_model.max(1) as f64).powf(-0.5) * n.powf(-0.5).min(n * warmup.powf(-1.5))
            }
            Self::OneCycle { peak, steps, rise, initial_divisor, final_divisor, curve } => {
                let first = peak / initial_divisor;
                let (top, end) = (rise * steps as f64 - 1.0, steps as f64 - 1.0);
                let step = (step as f64).min(end);
                if step <= top && top > 0.0 {
                    curve.between(first, peak, step / top)
                } else {
                    let top = top.max(0.0);
                    curve.between(peak, first / final_divisor, (step - top) / (end - top).max(1.0))
                }
            }
            Self::Sequence { ref parts, ref last } => {
                let mut rest = step;
                for (part, steps) in parts {
                    if rest < *steps {
                        return part.at(rest);
                    }
                    rest -= steps;
                }
                last.at(rest)
            }
            Self::WarmUp { steps, from, ref then } => match step.checked_sub(steps) {
                Some(rest) => then.at(rest),
                None => then.at(0) * Curve::Linear.between(from, 1.0, progress(step, steps)),
            },
            Self::Wsd { peak, floor, warmup, stable, decay, curve } => {
                if step < warmup {
                    peak * (step + 1) as f64 / (warmup + 1) as f64
                } else {
                    let decaying = (step - warmup).saturating_sub(stable);
                    curve.between(peak, floor, progress(decaying, decay))
                }
            }
            Self::Scaled { factor, ref of } => factor * of.at(step),
        }
    }

    /// Checks all settings, once, before a run.
    ///
    /// # Errors
    /// At the first rate that is negative or not finite, length that is 0 where there must be one, or share
    /// outside `[0, 1]`.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let name = "schedule";
        let rate = |setting, x| non_negative(name, setting, x);
        let length = |setting, steps: u64| require(steps > 0, name, setting, steps, "at least 1");
        match *self {
            Self::Constant(x) => rate("constant", x),
            Self::Linear { from, to, steps } => {
                rate("from", from).and(rate("to", to)).and(length("steps", steps))
            }
            Self::Cosine { peak, floor, steps } => {
                rate("peak", peak).and(rate("floor", floor)).and(length("steps", steps))
            }
            Self::CosineRestarts { peak, floor, first, factor } => rate("peak", peak)
                .and(rate("floor", floor))
                .and(length("first", first))
                .and(length("factor", factor)),
            Self::Step { initial, every, factor } => {
                rate("initial", initial).and(length("every", every)).and(rate("factor", factor))
            }
            Self::MultiStep { initial, factor, .. } => rate("initial", initial).and(rate("factor", factor)),
            Self::Exponential { initial, factor, floor } => {
                rate("initial", initial).and(rate("factor", factor)).and(rate("floor", floor))
            }
            Self::Polynomial { peak, floor, steps, power } => rate("peak", peak)
                .and(rate("floor", floor))
                .and(length("steps", steps))
                .and(rate("power", power)),
            Self::Noam { d_model, warmup, scale } => {
                length("d_model", d_model as u64).and(length("warmup", warmup)).and(rate("scale", scale))
            }
            Self::OneCycle { peak, steps, rise, initial_divisor, final_divisor, .. } => rate("peak", peak)
                .and(length("steps", steps))
                .and(unit(name, "rise", rise))
                .and(positive(name, "initial_divisor", initial_divisor))
                .and(positive(name, "final_divisor", final_divisor)),
            Self::Sequence { ref parts, ref last } => {
                parts.iter().try_for_each(|(part, _)| part.validate()).and(last.validate())
            }
            Self::WarmUp { from, ref then, .. } => unit(name, "from", from).and(then.validate()),
            Self::Wsd { peak, floor, .. } => rate("peak", peak).and(rate("floor", floor)),
            Self::Scaled { factor, ref of } => rate("factor", factor).and(of.validate()),
        }
    }
}

/// The share of `steps` that is done, in `[0, 1]`; 1 if there are none.
fn progress(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}

/// `factor` to a whole power.
fn power(factor: f64, exponent: u64) -> f64 {
    factor.powi(exponent.min(i32::MAX as u64) as i32)
}

/// How far `step` is into its wave, and how long that wave is.
fn wave(step: u64, first: u64, factor: u64) -> (u64, u64) {
    let first = first.max(1);
    if factor <= 1 {
        return (step % first, first);
    }
    let (mut into, mut length) = (step, first);
    while into >= length {
        into -= length;
        length = length.saturating_mul(factor);
    }
    (into, length)
}

#[cfg(test)]
mod tests;
