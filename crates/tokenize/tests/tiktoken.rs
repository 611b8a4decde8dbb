//! Against OpenAI's `tiktoken`: patterns, ranks and pieces that are no UTF-8 (made by
//! `fixtures/goldens/tokenize_tiktoken.py`, which says what the files hold), and files written and read.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenize::{ByteLevelBpe, ByteLevelBpeTrainer, Specials, Split, Tiktoken};

#[derive(Deserialize)]
struct Cases {
    strings: Vec<String>,
    pieces: Vec<String>,
    encodings: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    ids: Vec<Vec<u32>>,
    piece_ids: Vec<Vec<u32>>,
    small: Sums,
    whole: Sums,
}

#[derive(Deserialize)]
struct Sums {
    strings: Vec<u32>,
    pieces: Vec<u32>,
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/tokenize")
}

fn cases() -> Cases {
    serde_json::from_str(&fs::read_to_string(goldens().join("tiktoken/cases.json")).unwrap()).unwrap()
}

/// The strings that are hard to normalise and to cut.
fn strings() -> Vec<String> {
    serde_json::from_str(&fs::read_to_string(goldens().join("pipeline/strings.json")).unwrap()).unwrap()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn split(name: &str) -> Split {
    match name {
        "r50k" => Split::Gpt2,
        "cl100k" => Split::Cl100k,
        "o200k" => Split::O200k,
        _ => panic!("{name}"),
    }
}

fn small(name: &str) -> ByteLevelBpe {
    let path = goldens().join(format!("tiktoken/{name}-small.tiktoken"));
    ByteLevelBpe::from_tiktoken_with(path, split(name), &[]).unwrap()
}

#[track_caller]
fn check(model: &ByteLevelBpe, strings: &[String], pieces: &[String], sums: &Sums, name: &str) {
    let checksum = |ids: &[u32]| {
        let text: Vec<String> = ids.iter().map(u32::to_string).collect();
        crc32fast::hash(text.join(" ").as_bytes())
    };
    assert_eq!((strings.len(), pieces.len()), (sums.strings.len(), sums.pieces.len()));
    for (string, &sum) in strings.iter().zip(&sums.strings) {
        let ids = model.encode(string);
        assert_eq!(checksum(&ids), sum, "{name}: {string:?} gives {ids:?}");
        assert_eq!(model.count(string), ids.len(), "{name}: {string:?}");
        assert_eq!(&model.decode(&ids).unwrap(), string, "{name}");
    }
    for (piece, &sum) in pieces.iter().zip(&sums.pieces) {
        let ids = model.encode_piece(&bytes(piece));
        assert_eq!(checksum(&ids), sum, "{name}: {piece} gives {ids:?}");
        assert_eq!(model.decode_bytes(&ids).unwrap(), bytes(piece), "{name}");
    }
}

#[test]
fn ids_with_small_ranks_are_those_of_tiktoken() {
    let (cases, strings) = (cases(), strings());
    for (name, case) in &cases.encodings {
        let model = small(name);
        for (string, ids) in cases.strings.iter().zip(&case.ids) {
            assert_eq!(&model.encode(string), ids, "{name}: {string:?}");
        }
        for (piece, ids) in cases.pieces.iter().zip(&case.piece_ids) {
            assert_eq!(&model.encode_piece(&bytes(piece)), ids, "{name}: {piece}");
        }
        check(&model, &strings, &cases.pieces, &case.small, name);
    }
}

#[test]
fn ids_with_whole_ranks_are_those_of_tiktoken() {
    let Some(folder) = common::fetched("tiktoken-ranks", "assets") else { return };
    let (cases, mut strings) = (cases(), strings());
    strings.extend(cases.strings.iter().cloned());
    for (name, encoding) in
        [("r50k", Tiktoken::R50k), ("cl100k", Tiktoken::Cl100k), ("o200k", Tiktoken::O200k)]
    {
        let model =
            ByteLevelBpe::from_tiktoken(folder.join(format!("{name}_base.tiktoken")), encoding).unwrap();
        check(&model, &strings, &cases.pieces, &cases.encodings[name].whole, name);
        for &(special, id) in encoding.specials() {
            assert_eq!(model.encode_with(special, Specials::All), [id], "{name}");
            assert_eq!(model.decode(&[id]).unwrap(), special, "{name}");
        }
        // The same model through the other file format, in which merges are written out.
        let again = ByteLevelBpe::from_json(&model.to_json()).unwrap();
        check(
            &again,
            &strings,
            &[],
            &Sums { strings: cases.encodings[name].whole.strings.clone(), pieces: vec![] },
            name,
        );
    }
}

#[test]
fn what_is_written_is_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["r50k", "cl100k", "o200k"] {
        let path = folder.path().join(name);
        small(name).save_tiktoken(&path).unwrap();
        let original = fs::read(goldens().join(format!("tiktoken/{name}-small.tiktoken"))).unwrap();
        assert_eq!(fs::read(path).unwrap(), original, "{name}");
    }
}

#[test]
fn a_trained_model_is_the_same_in_both_formats() {
    let text = include_str!("tiktoken.rs");
    for split in [Split::Gpt2, Split::Cl100k, Split::O200k, Split::Llama3, Split::Qwen2] {
        let trained =
            ByteLevelBpeTrainer::new(500).split(split).special_tokens(["<|end|>"]).train([text]).unwrap();
        let again =
            ByteLevelBpe::from_tiktoken_str(&trained.to_tiktoken(), split, &[("<|end|>", 0)]).unwrap();
        let json = ByteLevelBpe::from_json(&trained.to_json()).unwrap();
        assert_eq!(json.split(), split);
        for line in text.lines() {
            assert_eq!(trained.encode(line), again.encode(line));
            assert_eq!(trained.encode(line), json.encode(line));
        }
    }
}
