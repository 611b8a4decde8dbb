//! Fifty steps of every schedule against PyTorch.

use nn::schedule::{Curve, Plateau, ReduceOnPlateau, Schedule, Threshold};
use serde_json::Value;

const BASE: f64 = 0.1;

fn build(name: &str, settings: &Value) -> Schedule {
    let number = |key: &str| settings[key].as_f64().unwrap_or_else(|| panic!("{name}: no {key}"));
    let count = |key: &str| settings[key].as_u64().unwrap_or_else(|| panic!("{name}: no {key}"));
    let linear =
        || Schedule::linear(BASE * number("start_factor"), BASE * number("end_factor"), count("total_iters"));
    match name {
        "constant" => Schedule::Constant(BASE),
        "linear_warmup" | "linear_decay" => linear(),
        "cosine" => Schedule::cosine(BASE, number("eta_min"), count("T_max")),
        "cosine_restarts" => {
            let (first, factor) = (count("T_0"), count("T_mult"));
            Schedule::CosineRestarts { peak: BASE, floor: number("eta_min"), first, factor }
        }
        "step" => Schedule::Step { initial: BASE, every: count("step_size"), factor: number("gamma") },
        "multi_step" => {
            let milestones = serde_json::from_value(settings["milestones"].clone()).unwrap();
            Schedule::MultiStep { initial: BASE, milestones, factor: number("gamma") }
        }
        "exponential" => Schedule::Exponential { initial: BASE, factor: number("gamma"), floor: 0.0 },
        "polynomial" => {
            let (steps, power) = (count("total_iters"), number("power"));
            Schedule::Polynomial { peak: BASE, floor: 0.0, steps, power }
        }
        "one_cycle" | "one_cycle_linear" => Schedule::OneCycle {
            peak: number("max_lr"),
            steps: count("total_steps"),
            rise: number("pct_start"),
            initial_divisor: number("div_factor"),
            final_divisor: number("final_div_factor"),
            curve: if settings["anneal_strategy"] == "cos" { Curve::Cosine } else { Curve::Linear },
        },
        "noam" => Schedule::Noam { d_model: count("d_model") as usize, warmup: count("warmup"), scale: 1.0 },
        "warmup_cosine" => {
            let then = Box::new(Schedule::cosine(BASE, number("eta_min"), count("T_max")));
            Schedule::WarmUp { steps: count("warmup"), from: number("start_factor"), then }
        }
        _ => panic!("no test of {name}"),
    }
}

fn plateau(case: &Value) -> Vec<f64> {
    let settings = &case["settings"];
    let number = |key: &str| settings[key].as_f64().unwrap();
    let settings = Plateau {
        maximise: settings["mode"] == "max",
        factor: number("factor"),
        patience: number("patience") as u64,
        threshold: Threshold::Relative(number("threshold")),
        cooldown: number("cooldown") as u64,
        floor: number("min_lr"),
    };
    let mut rate = ReduceOnPlateau::new(BASE, settings).unwrap();
    case["losses"].as_array().unwrap().iter().map(|loss| rate.report(loss.as_f64().unwrap())).collect()
}

#[test]
fn every_schedule_agrees_with_pytorch() {
    let text = std::fs::read_to_string(crate::golden::fixture("schedules.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["base_lr"].as_f64(), Some(BASE));
    let cases = file["cases"].as_object().unwrap();
    assert!(cases.len() > 12);
    for (name, case) in cases {
        let expected: Vec<f64> = serde_json::from_value(case["lr"].clone()).unwrap();
        let found: Vec<f64> = if name == "plateau" {
            plateau(case)
        } else {
            let schedule = build(name, &case["settings"]);
            (0..expected.len() as u64).map(|step| schedule.at(step)).collect()
        };
        for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = (found - expected).abs() / expected.abs().max(1e-12);
            assert!(error < 1e-9, "{name} at step {step}: {found}, expected {expected}");
        }
    }
}
