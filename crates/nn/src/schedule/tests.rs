use super::*;
use proptest::prelude::*;

fn samples() -> Vec<Schedule> {
    let curve = Curve::OneMinusSqrt;
    vec![
        Schedule::Constant(0.1),
        Schedule::linear(0.1, 0.01, 30),
        Schedule::cosine(0.1, 0.01, 30).warm_up(7),
        Schedule::CosineRestarts { peak: 0.1, floor: 0.0, first: 5, factor: 2 },
        Schedule::Step { initial: 0.1, every: 4, factor: 0.5 },
        Schedule::MultiStep { initial: 0.1, milestones: vec![3, 20], factor: 0.1 },
        Schedule::Exponential { initial: 0.1, factor: 0.9, floor: 0.01 },
        Schedule::Polynomial { peak: 0.1, floor: 0.01, steps: 30, power: 2.0 },
        Schedule::Noam { d_model: 64, warmup: 10, scale: 1.0 },
        Schedule::one_cycle(0.1, 30),
        Schedule::Wsd { peak: 0.1, floor: 0.0, warmup: 5, stable: 10, decay: 10, curve },
        Schedule::Constant(0.1).then(5, Schedule::linear(0.1, 0.0, 5)).scaled(0.5),
    ]
}

proptest! {
    #[test]
    fn rates_are_finite_and_bounded(step: u64) {
        for schedule in samples() {
            schedule.validate().unwrap();
            for step in [step, step % 100] {
                let rate = schedule.at(step);
                prop_assert!((0.0..=0.2).contains(&rate), "{schedule:?} at {step}: {rate}");
            }
        }
    }

    #[test]
    fn warm_up_rises_to_the_schedule(steps in 1u64..50, after in 0u64..50) {
        let then = Schedule::cosine(0.3, 0.1, 40);
        let schedule = then.clone().warm_up(steps);
        prop_assert!((0..steps).all(|n| schedule.at(n) < schedule.at(n + 1)));
        prop_assert!((schedule.at(0) - 0.3 / (steps + 1) as f64).abs() < 1e-15);
        prop_assert_eq!(schedule.at(steps + after), then.at(after));
    }
}

#[test]
fn wsd_has_three_phases() {
    let curve = Curve::Linear;
    let wsd = Schedule::Wsd { peak: 1.0, floor: 0.2, warmup: 3, stable: 4, decay: 8, curve };
    let rates: Vec<f64> = [0, 2, 3, 7, 11, 15, 99].map(|n| wsd.at(n)).into();
    let expected = [0.25, 0.75, 1.0, 1.0, 0.6, 0.2, 0.2];
    assert!(rates.iter().zip(expected).all(|(r, e)| (r - e).abs() < 1e-15), "{rates:?}");
}

#[test]
fn sequences_count_from_their_start() {
    let schedule = Schedule::Constant(1.0).then(3, Schedule::linear(0.5, 0.0, 5));
    let rates: Vec<f64> = (0..10).map(|n| schedule.at(n)).collect();
    let expected = [1.0, 1.0, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0];
    assert!(rates.iter().zip(expected).all(|(r, e)| (r - e).abs() < 1e-15), "{rates:?}");
}

#[test]
fn schedules_survive_serialisation() {
    for schedule in samples() {
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule, "{text}");
    }
}

#[test]
fn nonsense_is_refused_by_name() {
    let message = |schedule: Schedule| schedule.validate().unwrap_err().to_string();
    assert_eq!(message(Schedule::cosine(0.1, 0.0, 0)), "schedule: `steps` is 0, expected at least 1");
    let nested = Schedule::Constant(f64::NAN).warm_up(3).scaled(2.0);
    assert_eq!(message(nested), "schedule: `constant` is NaN, expected a finite number of at least 0");
    assert!(ReduceOnPlateau::new(0.1, Plateau { factor: 1.5, ..Plateau::default() }).is_err());
    assert!(LrFinder::new(1.0, 0.1, 10).is_err());
}

#[test]
fn plateaus_honour_patience_cooldown_and_floor() {
    let settings = Plateau {
        maximise: true,
        factor: 0.1,
        patience: 1,
        threshold: Threshold::Absolute(0.5),
        cooldown: 2,
        floor: 0.05,
    };
    let mut rate = ReduceOnPlateau::new(1.0, settings).unwrap();
    let rates: Vec<f64> = [1.0, 1.4, 1.5, f64::NAN, 1.0, 1.0, 9.0, 9.0, 9.0].map(|x| rate.report(x)).into();
    assert_eq!(rates, [1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05]);
}
