//! The models against Hugging Face's `tokenizers` (goldens made by `fixtures/goldens/tokenize_models.py`).

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tokenize::model::{Bpe, BpeOptions, Model, Scratch, Unigram, WordLevel, WordPiece, WordPieceOptions};

fn vocab(case: &Value) -> Vec<(String, u32)> {
    let entries = case["vocab"].as_object().unwrap();
    entries.iter().map(|(token, id)| (token.clone(), id.as_u64().unwrap() as u32)).collect()
}

fn pairs<T>(list: &Value, second: impl Fn(&Value) -> T) -> Vec<(String, T)> {
    let pair = |entry: &Value| (entry[0].as_str().unwrap().to_owned(), second(&entry[1]));
    list.as_array().unwrap().iter().map(pair).collect()
}

fn model(case: &Value) -> Model {
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    let flag = |key: &str| case[key].as_bool().unwrap();
    match case["type"].as_str().unwrap() {
        "BPE" => {
            let options = BpeOptions {
                unk_token: text("unk_token"),
                fuse_unk: flag("fuse_unk"),
                byte_fallback: flag("byte_fallback"),
                continuing_subword_prefix: text("continuing_subword_prefix"),
                end_of_word_suffix: text("end_of_word_suffix"),
                ignore_merges: flag("ignore_merges"),
                dropout: None,
            };
            let merges = pairs(&case["merges"], |right| right.as_str().unwrap().to_owned());
            Model::Bpe(Bpe::new(vocab(case), merges, options).unwrap())
        }
        "WordPiece" => {
            let options = WordPieceOptions {
                unk_token: text("unk_token").unwrap(),
                continuing_subword_prefix: text("continuing_subword_prefix").unwrap(),
                max_input_chars_per_word: case["max_input_chars_per_word"].as_u64().unwrap() as usize,
            };
            Model::WordPiece(WordPiece::new(vocab(case), options).unwrap())
        }
        "Unigram" => {
            let vocab = pairs(&case["vocab"], |score| score.as_f64().unwrap());
            let unk_id = case["unk_id"].as_u64().map(|id| id as u32);
            Model::Unigram(Unigram::new(vocab, unk_id, flag("byte_fallback")).unwrap())
        }
        "WordLevel" => Model::WordLevel(WordLevel::new(vocab(case), &text("unk_token").unwrap()).unwrap()),
        other => panic!("{other}"),
    }
}

/// Holds the pieces of words, as the goldens list them, against those of `model`.
fn check(model: &Model, scratch: &mut Scratch, words: &Value, name: &str) {
    let numbers = |list: &Value| -> Option<Vec<usize>> {
        Some(list.as_array()?.iter().map(|number| number.as_u64().unwrap() as usize).collect())
    };
    for entry in words.as_array().unwrap() {
        let word = entry[0].as_str().unwrap();
        let mut pieces = Vec::new();
        model.pieces_with(word, scratch, &mut pieces).unwrap();
        let ids: Vec<usize> = pieces.iter().map(|piece| piece.id as usize).collect();
        assert_eq!(Some(ids), numbers(&entry[1]), "{name}: {word:?}");
        if let Some(spans) = numbers(&entry[2]) {
            let starts = pieces.iter().map(|piece| piece.range.start);
            let ours: Vec<usize> = starts.chain(pieces.iter().map(|piece| piece.range.end)).collect();
            assert_eq!(ours, spans, "{name}: {word:?}");
        }
    }
}

fn goldens(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens").join(name)
}

#[test]
fn pieces_are_those_of_hugging_face() {
    let json = fs::read_to_string(goldens("tokenize_models.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&json).unwrap();
    // The same for all, so that none finds words of another in it.
    let mut scratch = Scratch::default();
    for (index, case) in cases.iter().enumerate() {
        check(&model(case), &mut scratch, &case["words"], &format!("case {index} {}", case["type"]));
    }
}

#[test]
fn two_files_with_a_suffix_are_read_as_hugging_face_reads_them() {
    let folder = goldens("tokenize/vocab_merges");
    let options = BpeOptions {
        unk_token: Some("<unk>".to_owned()),
        end_of_word_suffix: Some("</w>".to_owned()),
        ..BpeOptions::default()
    };
    let model =
        Bpe::from_vocab_and_merges(folder.join("vocab.json"), folder.join("merges.txt"), options).unwrap();
    let words = fs::read_to_string(folder.join("words.json")).unwrap();
    let words = serde_json::from_str(&words).unwrap();
    check(&Model::Bpe(model), &mut Scratch::default(), &words, "vocab.json and merges.txt");
}
