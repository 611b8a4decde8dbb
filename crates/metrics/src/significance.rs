//! Whether one system is better than another, or was lucky with the test set.

use crate::bootstrap::SplitMix;
use crate::corpus::{CorpusMetric, Segments};
use crate::error::Error;

/// Two systems' scores on the same items, and how likely a difference as large is between systems of equal worth.
///
/// ```
/// let (baseline, system) = ([2.0, 3.0, 2.5, 4.0, 3.5], [2.1, 3.2, 2.4, 4.3, 3.6]);
/// let mean = |of: &[f64], items: &[usize]| items.iter().map(|&i| of[i]).sum::<f64>() / items.len() as f64;
/// let test = metrics::paired_bootstrap(5, 1_000, 7, |items| (mean(&baseline, items), mean(&system, items)))?;
/// println!("{:.2} → {:.2} (p = {:.3})", test.baseline, test.system, test.p_value);
/// assert!((test.system - test.baseline - 0.12).abs() < 1e-12);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Score of the baseline.
    pub baseline: f64,
    /// Score of the system.
    pub system: f64,
    /// Two-sided p value, above 0 and at most 1; NaN where a score is NaN or a difference infinite. By sacreBLEU's rules
    /// ([`paired_bootstrap`], [`compare`]) it says nothing where the two scores are equal: no resample exceeds a difference
    /// of 0 between systems that agree on every item.
    pub p_value: f64,
}

/// Paired bootstrap (Koehn 2004), in sacreBLEU's form: of resamples of the items, drawn with replacement, the share where the
/// absolute difference exceeds its mean over all resamples by more than the difference of the systems, one added to both
/// counts. `scores` gives the scores of baseline and system for a resample. Deterministic from `seed`.
///
/// ```
/// let (baseline, system) = ([1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
/// let mean = |hits: &[f64], items: &[usize]| items.iter().map(|&i| hits[i]).sum::<f64>() / items.len() as f64;
/// let test = metrics::paired_bootstrap(8, 1_000, 1, |items| (mean(&baseline, items), mean(&system, items)))?;
/// assert_eq!((test.baseline, test.system), (0.375, 0.875));
/// assert!(test.p_value < 0.05);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If there are no items or resamples.
pub fn paired_bootstrap(
    count: usize,
    resamples: usize,
    seed: u64,
    scores: impl Fn(&[usize]) -> (f64, f64),
) -> Result<Comparison, Error> {
    let mut random = SplitMix::new(seed);
    let mut items = vec![0; count];
    bootstrap_over(count, resamples, scores, || {
        items.iter_mut().for_each(|item| *item = random.below(count));
        items.clone()
    })
}

fn bootstrap_over(
    count: usize,
    resamples: usize,
    scores: impl Fn(&[usize]) -> (f64, f64),
    mut draw: impl FnMut() -> Vec<usize>,
) -> Result<Comparison, Error> {
    check(count, resamples)?;
    let all: Vec<usize> = (0..count).collect();
    let (baseline, system) = scores(&all);
    let distance = |(a, b): (f64, f64)| (a - b).abs();
    let difference = distance((baseline, system));
    let distances: Vec<f64> = (0..resamples).map(|_| distance(scores(&draw()))).collect();
    let mean = distances.iter().sum::<f64>() / resamples as f64;
    let extreme = distances.iter().filter(|&&found| found - mean > difference).count();
    // NaN exceeds nothing, and would make any difference significant.
    let is_defined = difference.is_finite() && mean.is_finite();
    let p_value = if is_defined { share(extreme, resamples) } else { f64::NAN };
    Ok(Comparison { baseline, system, p_value })
}

/// Approximate randomisation (Noreen 1989; Riezler & Maxwell 2005): of trials where each item's results are swapped between
/// the systems or not, by chance, the share where the absolute difference is at least that of the systems, one added to both
/// counts. `scores` gets `true` for each item to swap. Deterministic from `seed`.
///
/// ```
/// let (baseline, system) = ([1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
/// let test = metrics::approximate_randomization(8, 2_000, 1, |swapped| {
///     let mean = |of: &[f64; 8], other: &[f64; 8]| {
///         (0..8).map(|i| if swapped[i] { other[i] } else { of[i] }).sum::<f64>() / 8.0
///     };
///     (mean(&baseline, &system), mean(&system, &baseline))
/// })?;
/// assert!((test.p_value - 0.125).abs() < 0.02);       // 2 of 2⁴ ways to swap where they differ have all hits on one side
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If there are no items or trials.
pub fn approximate_randomization(
    count: usize,
    trials: usize,
    seed: u64,
    scores: impl Fn(&[bool]) -> (f64, f64),
) -> Result<Comparison, Error> {
    // Differences that are equal but for rounding are equal.
    let is_extreme = |found: f64, difference: f64| found >= difference - 1e-12 * difference.max(1.0);
    randomization_over(count, trials, scores, is_extreme, &mut swaps(count, seed))
}

/// Of the items, which to swap, drawn anew at each call.
fn swaps(count: usize, seed: u64) -> impl FnMut() -> Vec<bool> {
    let mut random = SplitMix::new(seed);
    move || (0..count).map(|_| random.below(2) == 1).collect()
}

fn randomization_over(
    count: usize,
    trials: usize,
    scores: impl Fn(&[bool]) -> (f64, f64),
    is_extreme: impl Fn(f64, f64) -> bool,
    draw: &mut dyn FnMut() -> Vec<bool>,
) -> Result<Comparison, Error> {
    check(count, trials)?;
    let (baseline, system) = scores(&vec![false; count]);
    let difference = (baseline - system).abs();
    let (mut extreme, mut is_defined) = (0, difference.is_finite());
    for _ in 0..trials {
        let (a, b) = scores(&draw());
        let found = (a - b).abs();
        is_defined &= found.is_finite();
        extreme += usize::from(is_extreme(found, difference));
    }
    let p_value = if is_defined { share(extreme, trials) } else { f64::NAN };
    Ok(Comparison { baseline, system, p_value })
}

/// Which test compares two systems.
///
/// ```
/// use metrics::{Chrf, CorpusMetric, PairedTest, compare};
///
/// let references = [["a cat"], ["the dog"], ["it rains"], ["we go"], ["they ran"], ["you sat"]];
/// let chrf = Chrf::default();
/// let baseline = chrf.segments(&["a cot", "the dig", "it rain", "we gone", "they run", "you sit"], &references)?;
/// let system = chrf.segments(&["a cat", "the dog", "it rains", "we go", "they ran", "you sat"], &references)?;
/// for (test, draws) in [(PairedTest::Bootstrap, 1_000), (PairedTest::Randomization, 10_000)] {
///     assert!(compare(&chrf, &baseline, &system, test, draws, 12345)?.p_value < 0.05);
/// }
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairedTest {
    /// [`paired_bootstrap`]; 1,000 resamples are usual.
    Bootstrap,
    /// [`approximate_randomization`], but of trials with a difference above that of the systems, as sacreBLEU counts
    /// them; 10,000 are usual.
    Randomization,
}

/// Compares two systems' translations of the same segments by a corpus metric.
///
/// ```
/// use metrics::{Chrf, CorpusMetric, PairedTest, compare};
///
/// let references = [["the cat sat"], ["a dog ran"], ["it rained"], ["we left"]];
/// let chrf = Chrf::default();
/// let baseline = chrf.segments(&["the cap sat", "a dog runs", "it rains", "we leave"], &references)?;
/// let system = chrf.segments(&["the cat sat", "a dog ran", "it rained", "we left"], &references)?;
/// let test = compare(&chrf, &baseline, &system, PairedTest::Bootstrap, 1_000, 12345)?;
/// assert!(test.system > test.baseline);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If the systems did not translate the same number of segments, their segments were not counted by `metric` with these
/// settings, or there are no resamples.
pub fn compare<M: CorpusMetric>(
    metric: &M,
    baseline: &Segments,
    system: &Segments,
    test: PairedTest,
    resamples: usize,
    seed: u64,
) -> Result<Comparison, Error> {
    let (expected, found) = (baseline.count(), system.count());
    if expected != found {
        return Err(Error::Lengths { expected, found });
    }
    if !(baseline.are_of(metric) && system.are_of(metric)) {
        return Err(Error::Setting("the segments were counted by another metric or with other settings"));
    }
    match test {
        PairedTest::Bootstrap => {
            paired_bootstrap(expected, resamples, seed, |items| resampled(metric, baseline, system, items))
        }
        PairedTest::Randomization => {
            let scores = |swap: &[bool]| swapped(metric, baseline, system, swap);
            randomization_over(expected, resamples, scores, exceeds, &mut swaps(expected, seed))
        }
    }
}

/// sacreBLEU's rule.
fn exceeds(found: f64, difference: f64) -> bool {
    found > difference
}

fn resampled<M: CorpusMetric>(metric: &M, a: &Segments, b: &Segments, items: &[usize]) -> (f64, f64) {
    let score = |segments: &Segments| metric.score(&segments.sums_of(items.iter().copied())).0;
    (score(a), score(b))
}

fn swapped<M: CorpusMetric>(metric: &M, a: &Segments, b: &Segments, swap: &[bool]) -> (f64, f64) {
    let score = |a: &Segments, b: &Segments| {
        let pick = |wanted: bool| (0..swap.len()).filter(move |&i| swap[i] == wanted);
        let (mut sums, other) = (a.sums_of(pick(false)), b.sums_of(pick(true)));
        sums.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
        metric.score(&sums).0
    };
    (score(a, b), score(b, a))
}

fn check(count: usize, resamples: usize) -> Result<(), Error> {
    if count == 0 {
        return Err(Error::Empty);
    }
    if resamples == 0 {
        return Err(Error::Setting("a paired test needs at least one resample"));
    }
    Ok(())
}

fn share(extreme: usize, all: usize) -> f64 {
    (extreme + 1) as f64 / (all + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bleu, Chrf};
    use serde_json::Value;

    fn strings(value: &Value) -> Vec<&str> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn numbers(value: &Value) -> Vec<usize> {
        value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
    }

    /// On sacreBLEU's own draws the p values are sacreBLEU's.
    fn equals_sacrebleu<M: CorpusMetric>(metric: &M, golden: &Value, name: &str) {
        let references: Vec<[&str; 1]> = strings(&golden["references"]).into_iter().map(|r| [r]).collect();
        let segments = |system: &str| metric.segments(&strings(&golden[system]), &references).unwrap();
        let (baseline, system) = (segments("baseline"), segments("system"));
        let count = baseline.count();
        let rows = |key: &str| golden[key].as_array().unwrap().iter().map(numbers).collect::<Vec<_>>();
        let (resamples, swaps) = (rows("resamples"), rows("swaps"));
        let mut draws = resamples.iter().cloned();
        let bootstrap = bootstrap_over(
            count,
            resamples.len(),
            |items| resampled(metric, &baseline, &system, items),
            || draws.next().unwrap(),
        );
        let mut draws = swaps.iter().map(|row| row.iter().map(|&bit| bit == 0).collect());
        let randomization = randomization_over(
            count,
            swaps.len(),
            |swap| swapped(metric, &baseline, &system, swap),
            exceeds,
            &mut || draws.next().unwrap(),
        );
        for (test, key) in [(bootstrap, "bs"), (randomization, "ar")] {
            let (test, expected) = (test.unwrap(), &golden[name][key]);
            assert!((test.system - expected["score"].as_f64().unwrap()).abs() < 1e-9);
            assert!((test.p_value - expected["p_value"].as_f64().unwrap()).abs() < 1e-12, "{name} {key}");
        }
    }

    #[test]
    fn p_values_equal_sacrebleus() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/metrics/significance.json");
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        equals_sacrebleu(&Bleu::default(), &golden, "BLEU");
        equals_sacrebleu(&Chrf::default(), &golden, "chrF2");
    }

    #[test]
    fn randomization_of_hits_is_the_sign_test() {
        // Of 100 items, those where the systems differ: won and lost.
        for (won, lost, expected) in [(1, 0, 1.0), (6, 2, 0.2890625), (3, 3, 1.0), (8, 0, 0.0078125)] {
            let hit = |i: usize, system: bool| {
                f64::from(u8::from(if i < won { system } else { i < won + lost && !system }))
            };
            let test = approximate_randomization(100, 20_000, 3, |swap| {
                let mean = |system: bool| (0..100).map(|i| hit(i, system != swap[i])).sum::<f64>() / 100.0;
                (mean(false), mean(true))
            });
            let p = test.unwrap().p_value;
            assert!((p - expected).abs() < 0.02, "{won} won, {lost} lost: {p}, expected {expected}");
        }
    }

    /// Not a small p value, which a comparison with NaN would give.
    #[test]
    fn what_is_not_finite_has_no_p_value() {
        for bad in [f64::NAN, f64::INFINITY] {
            let score = |item: usize| if item == 3 { bad } else { 0.0 };
            for scores in [[bad, 1.0], [1.0, bad]] {
                let bootstrap = paired_bootstrap(4, 50, 1, |_| (scores[0], scores[1])).unwrap();
                let swaps = approximate_randomization(4, 50, 1, |_| (scores[0], scores[1])).unwrap();
                assert!(bootstrap.p_value.is_nan() && swaps.p_value.is_nan(), "{scores:?}");
            }
            // In some of the resamples and trials only.
            let some = paired_bootstrap(4, 50, 1, |items| (1.0, items.iter().map(|&i| score(i)).sum()));
            assert!(some.unwrap().p_value.is_nan());
            let some = approximate_randomization(4, 50, 1, |swap| (1.0, score(if swap[0] { 3 } else { 0 })));
            assert!(some.unwrap().p_value.is_nan());
        }
        assert_eq!(paired_bootstrap(0, 50, 1, |_| (0.0, 0.0)), Err(Error::Empty));
        assert_eq!(approximate_randomization(0, 50, 1, |_| (0.0, 0.0)), Err(Error::Empty));
        assert!(approximate_randomization(1, 0, 1, |_| (0.0, 0.0)).is_err());
    }

    #[test]
    fn equal_systems_do_not_differ_and_seeds_decide() {
        let chrf = Chrf::default();
        let hypotheses = ["a b c d", "e f g", "h i", "j k l m"];
        let references = [["a b d c"], ["e g g"], ["h j"], ["j l m n"]];
        let one = chrf.segments(&hypotheses, &references).unwrap();
        let other = chrf.segments(&["a b d", "e g f", "h i", "k l m"], &references).unwrap();
        for test in [PairedTest::Bootstrap, PairedTest::Randomization] {
            let run = |seed| compare(&chrf, &one, &other, test, 200, seed).unwrap();
            assert_eq!(run(7), run(7));
            let same = compare(&chrf, &one, &one, test, 200, 7).unwrap();
            // Equal in every resample: none exceeds a difference of 0.
            assert_eq!(same.p_value, 1.0 / 201.0);
        }
        assert!(compare(&chrf, &one, &other, PairedTest::Bootstrap, 0, 1).is_err());
        for error in [
            compare(&Bleu::default(), &one, &other, PairedTest::Bootstrap, 9, 1),
            compare(&Chrf::plus_plus(), &one, &other, PairedTest::Randomization, 9, 1),
        ] {
            assert!(matches!(error, Err(Error::Setting(_))), "{error:?}");
        }
        let fewer = chrf.segments(&hypotheses[..3], &references[..3]).unwrap();
        let unequal = compare(&chrf, &one, &fewer, PairedTest::Bootstrap, 9, 1);
        assert_eq!(unequal, Err(Error::Lengths { expected: 4, found: 3 }));
    }
}
