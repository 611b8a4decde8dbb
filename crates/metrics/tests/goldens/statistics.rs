use metrics::{
    Bleu, Chrf, CorpusMetric, LogLoss, PairedTest, RunningMean, approximate_randomization, bits_per_byte,
    bootstrap, compare, perplexity,
};
use serde_json::Value;

use crate::{close, golden, indices, list, numbers, strings};

#[test]
fn losses_equal_pytorchs_cross_entropy() {
    for case in list(&golden("loss")) {
        let (tokens, bytes) = (indices(&case["tokens"]), case["bytes"].as_u64().unwrap() as usize);
        let (mut summed, mut averaged) = (LogLoss::new(), LogLoss::new());
        for (i, &tokens) in tokens.iter().enumerate() {
            summed.add(numbers(&case["sums"])[i], tokens);
            averaged.add_mean(numbers(&case["means"])[i], tokens);
        }
        for loss in [summed, averaged] {
            close(loss.mean(), &case["mean"], &"mean");
            close(loss.perplexity(), &case["perplexity"], &"perplexity");
            close(perplexity(loss.nats(), loss.tokens()), &case["perplexity"], &"perplexity");
            close(loss.bits_per_byte(bytes), &case["bits_per_byte"], &"bits per byte");
            close(bits_per_byte(loss.nats(), bytes), &case["bits_per_byte"], &"bits per byte");
        }
    }
}

/// Values of a mean of 10⁹ and a deviation of 1 keep nine digits fewer.
#[test]
fn running_means_equal_numpys() {
    for case in list(&golden("moments")) {
        let mut mean = RunningMean::new();
        numbers(&case["values"]).into_iter().for_each(|value| mean.add(value));
        for (found, key) in
            [(mean.mean(), "mean"), (mean.variance(), "variance"), (mean.std_dev(), "deviation")]
        {
            let expected = case[key].as_f64().unwrap();
            assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{key}: {found}, expected {expected}");
        }
    }
}

/// With `σ` the standard deviation of a statistic over resamples, the quantile `q` of `B` resamples of a statistic that
/// is about normal has the standard error `σ √(q (1 − q) / B) / φ(z)`, where `φ` is the normal density at that
/// quantile `z`. Both sides have one; four of their differences are allowed.
#[test]
fn bootstrap_intervals_equal_scipys() {
    const RESAMPLES: usize = 100_000;
    let golden = golden("bootstrap");
    let draws = 1.0 / golden["resamples"].as_f64().unwrap() + 1.0 / RESAMPLES as f64;
    for case in list(&golden["cases"]) {
        let data: Vec<Vec<f64>> = list(&case["data"]).iter().map(numbers).collect();
        let sum = |of: usize, items: &[usize]| items.iter().map(|&i| data[of][i]).sum::<f64>();
        let name = case["statistic"].as_str().unwrap();
        let statistic = |items: &[usize]| match name {
            "mean" | "skewed mean" => sum(0, items) / items.len() as f64,
            "ratio" => sum(0, items) / sum(1, items),
            "deviation" => {
                let mut mean = RunningMean::new();
                items.iter().for_each(|&i| mean.add(data[0][i]));
                mean.std_dev()
            }
            other => panic!("statistic {other}"),
        };
        let confidence = case["confidence"].as_f64().unwrap();
        let found = bootstrap(data[0].len(), RESAMPLES, confidence, 17, statistic).unwrap();
        close(found.value, &case["value"], &name);
        let z = match confidence {
            0.5 => 0.6745,
            0.9 => 1.6449,
            0.95 => 1.96,
            other => panic!("confidence {other}"),
        };
        let (q, density) =
            ((1.0 - confidence) / 2.0, f64::exp(-z * z / 2.0) / f64::sqrt(std::f64::consts::TAU));
        let error = case["deviation"].as_f64().unwrap() * (q * (1.0 - q) * draws).sqrt() / density;
        for (end, expected) in [found.low, found.high].into_iter().zip(numbers(&case["interval"])) {
            assert!(
                (end - expected).abs() < 4.0 * error,
                "{name} {confidence}: {end}, expected {expected} ± {error}"
            );
        }
    }
}

/// A share of `n` trials has the standard error `√(p (1 − p) / n)`; four of them are allowed, and the one trial that is
/// added to both counts.
fn near(found: f64, expected: f64, draws: f64, what: &str) {
    let error = (expected * (1.0 - expected) * draws).sqrt();
    assert!((found - expected).abs() < 4.0 * error + draws, "{what}: {found}, expected {expected} ± {error}");
}

#[test]
fn randomization_approaches_scipys_exact_permutation_test() {
    const TRIALS: usize = 50_000;
    for case in list(&golden("permutation")) {
        let (baseline, system) = (numbers(&case["baseline"]), numbers(&case["system"]));
        let count = baseline.len();
        let test = approximate_randomization(count, TRIALS, 5, |swapped| {
            let mean = |of: &[f64], other: &[f64]| {
                (0..count).map(|i| if swapped[i] { other[i] } else { of[i] }).sum::<f64>() / count as f64
            };
            (mean(&baseline, &system), mean(&system, &baseline))
        });
        let expected = case["p_value"].as_f64().unwrap();
        near(test.unwrap().p_value, expected, 1.0 / TRIALS as f64, "permutation");
    }
}

fn compared<M: CorpusMetric>(metric: &M, golden: &Value) {
    const TRIALS: usize = 20_000;
    let references: Vec<[String; 1]> = strings(&golden["references"]).into_iter().map(|r| [r]).collect();
    let [baseline, system] =
        ["baseline", "system"].map(|system| metric.segments(&strings(&golden[system]), &references).unwrap());
    let draws = 1.0 / golden["many"]["trials"].as_f64().unwrap() + 1.0 / TRIALS as f64;
    for (test, key) in [(PairedTest::Bootstrap, "bs"), (PairedTest::Randomization, "ar")] {
        let found = compare(metric, &baseline, &system, test, TRIALS, 3).unwrap();
        let name = metric.name();
        let expected = golden["many"][&name][key].as_f64().unwrap();
        near(found.p_value, expected, draws, &format!("{name} {key}"));
    }
}

#[test]
fn p_values_of_own_draws_approach_sacrebleus() {
    let golden = golden("significance");
    compared(&Bleu::default(), &golden);
    compared(&Chrf::default(), &golden);
}
