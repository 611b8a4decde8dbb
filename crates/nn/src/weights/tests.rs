use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tensor::{Element, Tensor};

use super::*;
use crate::{Module, Param};

/// A model of two parameters, one frozen.
struct Pair<E: Element> {
    weight: Param<E>,
    bias: Param<E>,
}
crate::module!(Pair<E> { weight, bias });

fn pair<E: Element>(start: f64) -> Pair<E> {
    let fill = |shape: &[usize]| {
        Tensor::<f64>::arange(shape.iter().product()).reshape(shape).map(move |x| x + start)
    };
    let weight = Param::new(fill(&[2, 3]).cast());
    let mut bias = Param::new(fill(&[2]).cast());
    bias.freeze();
    Pair { weight, bias }
}

fn values<E: Element>(model: &Pair<E>) -> Vec<Vec<E>> {
    model.parameters().iter().map(|(_, param)| param.value().to_vec()).collect()
}

fn saved(dir: &Path) -> PathBuf {
    let path = dir.join("pair.safetensors");
    save(&pair::<f32>(0.1), &path, &Metadata::new()).unwrap();
    path
}

/// A file from its header and data.
fn raw(dir: &Path, header: &str, data: &[u8]) -> PathBuf {
    let path = dir.join("raw.safetensors");
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_saved_is_loaded_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("double.safetensors");
    let metadata =
        Metadata::from([("b \"quoted\"\n".into(), "ключ \\ \u{1}".into()), ("a".into(), String::new())]);
    let (model, mut copy) = (pair::<f64>(1.0 / 3.0), pair::<f64>(0.0));
    save(&model, &path, &metadata).unwrap();
    assert_eq!(load(&mut copy, &path).unwrap(), metadata);
    assert_eq!(values(&copy), values(&model));
    assert!(copy.weight.is_trainable() && !copy.bias.is_trainable());
    let mut single = pair::<f32>(0.0);
    load(&mut single, &path).unwrap();
    assert_eq!(values(&single), values(&pair::<f32>(1.0 / 3.0)));
    let first = fs::read(&path).unwrap();
    save(&copy, &path, &metadata).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first);
}

#[test]
fn everything_that_does_not_fit_is_listed_and_nothing_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path());
    let mut other: Vec<Param<f32>> = (0..2).map(|_| Param::new(Tensor::zeros(&[4]))).collect();
    let error = load(&mut other, &path).unwrap_err().to_string();
    assert!(error.ends_with("pair.safetensors: missing 0, 1; unexpected bias, weight"), "{error}");
    let rename = |name: &str| Some(if name == "bias" { "0" } else { "1" }.to_owned());
    let error = load_mapped(&mut other, &path, rename).unwrap_err().to_string();
    let expected = "pair.safetensors: 0 has shape [2], expected [4]; 1 has shape [2, 3], expected [4]";
    assert!(error.ends_with(expected), "{error}");
    assert_eq!(other[0].value().to_vec(), [0.0; 4]);
    let error = load_mapped(&mut other, &path, |_| Some("0".into())).unwrap_err().to_string();
    assert!(error.ends_with("`bias` and `weight` are both meant for 0"), "{error}");
}

#[test]
fn names_can_be_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path());
    let mut model = vec![Param::new(Tensor::<f32>::zeros(&[2])), Param::new(Tensor::zeros(&[5]))];
    let report = load_mapped(&mut model, &path, |name| (name == "bias").then(|| "0".to_owned())).unwrap();
    assert_eq!(report, LoadReport { missing: vec!["1".into()], ignored: vec!["weight".into()] });
    assert_eq!(model[0].value().to_vec(), [0.1, 1.1]);
}

#[test]
fn other_types_are_read_or_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |name: &str, dtype: &str, start: usize, end: usize| {
        format!(r#""{name}":{{"dtype":"{dtype}","shape":[2],"data_offsets":[{start},{end}]}}"#)
    };
    let entries = [
        entry("half", "F16", 0, 4),
        entry("brain", "BF16", 4, 8),
        entry("ids", "I64", 8, 24),
        entry("mask", "BOOL", 24, 26),
    ];
    let header = format!("{{{}}}", entries.join(","));
    let mut data = vec![0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f, 0x00, 0x40];
    data.extend([7_i64, 11].iter().flat_map(|x| x.to_le_bytes()));
    data.extend([0, 1]);
    let file = WeightsFile::open(&raw(dir.path(), &header, &data)).unwrap();
    assert_eq!(file.tensor::<f32>("half").unwrap().to_vec(), [1.0, -2.0]);
    assert_eq!(file.tensor::<f64>("brain").unwrap().to_vec(), [1.0, 2.0]);
    assert_eq!(file.ids("ids").unwrap().data(), [7, 11]);
    assert_eq!(file.bools("mask").unwrap().data(), [false, true]);
    let message = |error: LoadError| error.to_string();
    let wrong = message(file.tensor::<f32>("ids").unwrap_err());
    assert!(wrong.ends_with("`ids` holds I64, expected F16, BF16, F32 or F64"), "{wrong}");
    assert!(message(file.ids("none").unwrap_err()).ends_with("no tensor `none`"));
    assert!(file.bools("ids").is_err() && file.ids("half").is_err());
    data[8..16].copy_from_slice(&(-1_i64).to_le_bytes());
    let file = WeightsFile::open(&raw(dir.path(), &header, &data)).unwrap();
    assert!(message(file.ids("ids").unwrap_err()).ends_with("`ids` has a number that is no id"));
}

#[test]
fn hostile_files_give_errors_that_name_them() {
    let dir = tempfile::tempdir().unwrap();
    let tensor = |shape: &str, start: usize, end: usize| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let (four, huge) = (tensor("[1]", 0, 4), tensor("[4294967296,4294967296,4294967296]", 0, 4));
    let headers = [
        String::new(),
        "not JSON".into(),
        r#"{"a":{"dtype":"F32"}}"#.into(),
        format!(r#"{{"a":{huge}}}"#),
        format!(r#"{{"a":{four},"b":{four}}}"#),
        format!(r#"{{"a":{}}}"#, tensor("[1]", 4, 8)),
        format!(r#"{{"a":{}}}"#, tensor("[1]", 0, 4_000_000_000)),
        format!(r#"{{"a":{}}}"#, tensor("[2]", 0, 4)),
        format!(r#"{{"a":{}}}"#, tensor("[1,1,1,1,1,1,1,1,1]", 0, 4)),
        format!(r#"{{"a":{}}}"#, tensor("[-1]", 0, 4)),
    ];
    for header in headers {
        let error = WeightsFile::open(&raw(dir.path(), &header, &[0; 4])).err().expect(&header).to_string();
        assert!(error.contains("raw.safetensors: "), "{error}");
    }
    let path = dir.path().join("lies.safetensors");
    for length in [9_u64, 1 << 40, u64::MAX] {
        fs::write(&path, [&length.to_le_bytes()[..], b"{}"].concat()).unwrap();
        let error = WeightsFile::open(&path).err().unwrap().to_string();
        assert!(error.contains("lies.safetensors: a header of"), "{error}");
    }
    let missing = WeightsFile::open(&dir.path().join("none")).err().unwrap().to_string();
    assert!(missing.contains("none: "), "{missing}");
}

proptest! {
    #[test]
    fn damage_is_an_error_or_harmless(cut in 0usize..1000, flip in 0usize..1000, bit in 0u8..8) {
        let dir = tempfile::tempdir().unwrap();
        let path = saved(dir.path());
        let whole = fs::read(&path).unwrap();
        let cut = cut % whole.len();
        prop_assert!(WeightsFile::from_bytes(&path, whole[..cut].to_vec()).is_err());
        let mut damaged = whole.clone();
        let at = flip % whole.len();
        damaged[at] ^= 1 << bit;
        // A changed digit of the data is not the format's business; whatever comes, nothing panics.
        fs::write(&path, &damaged).unwrap();
        let _ = load(&mut pair::<f32>(0.0), &path);
    }
}
