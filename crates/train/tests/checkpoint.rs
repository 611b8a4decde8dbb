//! Checkpoint files, whole and damaged.

use std::fs;
use std::path::PathBuf;

use nn::{Module, Param};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tensor::Tensor;
use train::{Checkpoint, Error, Shuffled, average};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    rng: ChaCha8Rng,
    order: Shuffled,
    best_loss: Option<f64>,
    note: String,
}

fn state(seed: u64) -> State {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order = Shuffled::new(11);
    order.next_batch(4, &mut rng);
    State { step: seed, rng, order, best_loss: Some(0.1), note: "réglage".into() }
}

fn checkpoint(seed: u64, sizes: &[usize]) -> Checkpoint<State> {
    let mut checkpoint = Checkpoint::new("test", state(seed));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values = |shape: &[usize], rng: &mut ChaCha8Rng| {
        let value = |_| f32::from_bits(rng.next_u32() & 0xbfff_ffff);
        Tensor::from_vec((0..shape.iter().product()).map(value).collect(), shape)
    };
    for (i, &size) in sizes.iter().enumerate() {
        checkpoint.put("model", [(format!("layers.{i}.weight"), values(&[size, 3], &mut rng))]);
        checkpoint.put("optimiser", [(format!("layers.{i}.weight.m"), values(&[size], &mut rng))]);
    }
    checkpoint
}

fn written(checkpoint: &Checkpoint<State>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    checkpoint.write(&path).unwrap();
    (dir, path)
}

fn error(path: &PathBuf, bytes: &[u8]) -> String {
    fs::write(path, bytes).unwrap();
    Checkpoint::<State>::read(path, "test").unwrap_err().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn round_trip_is_exact(seed: u64, sizes in prop::collection::vec(0_usize..9, 0..4)) {
        let expected = checkpoint(seed, &sizes);
        let (_dir, path) = written(&expected);
        let mut found = Checkpoint::<State>::read(&path, "test").unwrap();
        prop_assert_eq!(found.tensors.len(), expected.tensors.len());
        for ((name, value), (other, original)) in found.tensors.iter().zip(&expected.tensors) {
            prop_assert_eq!(name, other);
            prop_assert_eq!(value.shape(), original.shape());
            let bits = |tensor: &Tensor| tensor.to_vec().into_iter().map(f32::to_bits).collect::<Vec<_>>();
            prop_assert_eq!(bits(value), bits(original));
        }
        prop_assert_eq!(&found.state, &expected.state);
        // The generator goes on with the same numbers.
        prop_assert_eq!(found.state.rng.next_u64(), expected.state.rng.clone().next_u64());
    }

    #[test]
    fn any_flipped_bit_or_cut_is_found(seed: u64, at: prop::sample::Index, bit in 0_u32..8) {
        let (_dir, path) = written(&checkpoint(seed, &[2, 5]));
        let good = fs::read(&path).unwrap();
        let at = at.index(good.len());
        let mut bad = good.clone();
        bad[at] ^= 1 << bit;
        prop_assert!(error(&path, &bad).contains("run.ckpt: "));
        prop_assert!(error(&path, &good[..at]).contains("run.ckpt: "));
        error(&path, &[&good[..], &[0]].concat());
    }

    /// Under a right checksum, as a hostile file would have it: an error or a checkpoint, never a panic.
    #[test]
    fn any_content_is_survived(seed: u64, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let (_dir, path) = written(&checkpoint(seed, &[2, 5]));
        let mut bytes = fs::read(&path).unwrap();
        let body = bytes.len() - 4;
        for (at, value) in edits {
            bytes[24 + at.index(body - 24)] = value;
        }
        fs::write(&path, sealed(&bytes[..body])).unwrap();
        let _ = Checkpoint::<State>::read(&path, "test");
    }
}

/// With the checksum that belongs to it.
fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &crc32fast::hash(body).to_le_bytes()].concat()
}

/// A file with this head and as many bytes of data.
fn file(head: &[u8], announced: u64, data: usize) -> Vec<u8> {
    let mut body = b"LMCHECKP".to_vec();
    body.extend(1_u32.to_le_bytes());
    body.extend((head.len() as u32).to_le_bytes());
    body.extend(announced.to_le_bytes());
    body.extend(head);
    body.extend(vec![0; data]);
    sealed(&body)
}

#[test]
fn hostile_lengths_are_errors() {
    let (_dir, path) = written(&checkpoint(1, &[2]));
    assert!(error(&path, &file(&[], u64::MAX, 0)).contains("announced"));
    // A string of 2^64 − 1 bytes, in bincode's variable-length integers.
    let huge = [&[253][..], &[255; 8]].concat();
    assert!(error(&path, &file(&huge, 0, 0)).contains("cannot be decoded"));
    // A string just under the limit, of which not a byte is there.
    let large = [&[252][..], &60_000_000_u32.to_le_bytes()].concat();
    assert!(error(&path, &file(&large, 0, 0)).contains("cannot be decoded"));
    let config = bincode::config::standard();
    for shape in [vec![u64::MAX], vec![1 << 40, 1 << 40], vec![5], vec![1; 9], vec![0, 1 << 40, 1 << 40]] {
        let table = vec![("w".to_string(), shape)];
        let mut head = bincode::serde::encode_to_vec(("test", "f32", table), config).unwrap();
        head.extend(bincode::serde::encode_to_vec(state(1), config).unwrap());
        let found = error(&path, &file(&head, 16, 16));
        assert!(found.contains("tensor w of shape"), "{found}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let (_dir, path) = written(&checkpoint(1, &[2]));
    let good = fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[8] = 2;
    assert!(error(&path, &newer).contains("version 2, this program reads version 1"));
    assert!(error(&path, b"hello").contains("only 5 bytes"));
    assert!(error(&path, &[0; 100]).contains("does not begin with LMCHECKP"));
    fs::write(&path, &good).unwrap();
    let kind = Checkpoint::<State>::read(&path, "other").unwrap_err().to_string();
    assert!(kind.contains(r#"kind "test", expected "other""#), "{kind}");
    let element = Checkpoint::<State, f64>::read(&path, "test").unwrap_err().to_string();
    assert!(element.contains("tensors of f32, expected f64"), "{element}");
    let limit = Checkpoint::<State>::read_limited(&path, "test", 50).unwrap_err().to_string();
    assert!(limit.contains("the limit is 50"), "{limit}");
    assert!(Checkpoint::<u8>::read(&path, "test").is_err());
    let mut twice = checkpoint(1, &[2]);
    twice.put("model", [("layers.0.weight".to_string(), Tensor::zeros(&[1]))]);
    assert!(
        twice.write(&path).unwrap_err().to_string().contains("two tensors are named model/layers.0.weight")
    );
    assert_eq!(fs::read(&path).unwrap(), good);
}

#[test]
fn a_model_that_differs_is_reported_whole() {
    let mut checkpoint = Checkpoint::<(), f32>::new("test", ());
    let tensor = |shape: &[usize]| Tensor::ones(shape);
    checkpoint
        .put("model", [("0".into(), tensor(&[2])), ("1".into(), tensor(&[3])), ("9".into(), tensor(&[1]))]);
    let mut model: Vec<Param> = [2, 4, 5].map(|n| Param::new(Tensor::zeros(&[n]))).into();
    let Err(Error::Mismatch(mismatch)) = checkpoint.restore_model("model", &mut model) else { panic!() };
    assert_eq!(
        (mismatch.missing.as_slice(), mismatch.unexpected.as_slice()),
        (&["2".into()][..], &["9".into()][..])
    );
    assert_eq!(mismatch.shapes, [("1".to_string(), vec![4], vec![3])]);
    assert_eq!(model.parameters()[0].1.value().to_vec(), [0.0; 2]);
}

#[test]
fn averaging_needs_equal_names() {
    let set =
        |names: &[&str]| names.iter().map(|n| (n.to_string(), Tensor::<f64>::ones(&[1]))).collect::<Vec<_>>();
    assert!(average(&[set(&["a"]), set(&["b"])]).is_err());
    assert!(average::<f64>(&[]).is_err());
    assert_eq!(average(&[set(&["a", "b"]), set(&["b", "a"])]).unwrap().len(), 2);
}
