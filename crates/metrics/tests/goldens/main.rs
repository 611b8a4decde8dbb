//! Our scores beside those of the reference implementations; the scripts in fixtures/goldens say what the files hold.

mod classes;
mod errors;
mod links;
mod scores;
mod statistics;
mod translation;

use serde_json::Value;

/// The file `fixtures/goldens/metrics/NAME.json`.
fn golden(name: &str) -> Value {
    let path = format!("{}/../../fixtures/goldens/metrics/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(|item| item.as_f64().unwrap()).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    list(value).iter().map(|item| item.as_u64().unwrap() as usize).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// Equal but for the last bits, which depend on the order of a few additions.
#[track_caller]
fn close(found: f64, expected: &Value, what: &dyn std::fmt::Display) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{what}: {found}, expected {expected}"
    );
}
