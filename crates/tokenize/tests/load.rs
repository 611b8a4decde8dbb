//! `tokenize::load`: every kind of file by its content, and what is none, said so that one can go on.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokenize::{
    ByteLevelBpe, ByteLevelBpeTrainer, CharTokenizer, Error, Pipeline, SentencePiece, Tiktoken, Tokenizer,
    load,
};

const TINY: &str = include_str!("data/tiny-wordpiece.json");

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens")
}

fn trained() -> ByteLevelBpe {
    ByteLevelBpeTrainer::new(280).special_tokens(["<|endoftext|>"]).train(["to be or not to be"]).unwrap()
}

#[track_caller]
fn same(path: impl AsRef<Path>, text: &str, expected: &[u32]) {
    let tokenizer = load(path).unwrap();
    assert_eq!(tokenizer.encode(text).unwrap(), expected);
}

/// A file of this name and content, and the error of loading it.
#[track_caller]
fn refused(name: &str, content: impl AsRef<[u8]>, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let error = load(&path).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(name) && error.contains(what), "{error}");
}

/// `vocab.txt` of the tokens in [`TINY`].
fn vocab_txt(folder: &TempDir) -> PathBuf {
    let pipeline = Pipeline::from_json(TINY).unwrap();
    let tokens = (0..).map_while(|id| pipeline.id_to_token(id).map(|token| format!("{token}\n")));
    let path = folder.path().join("vocab.txt");
    fs::write(&path, tokens.collect::<String>()).unwrap();
    path
}

#[test]
fn json_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any name");
    trained().save(&path).unwrap();
    same(&path, "not to be", &trained().encode("not to be"));
    let chars = CharTokenizer::from_texts(["hello"]);
    chars.save(&path).unwrap();
    same(&path, "hole", &chars.encode("hole").unwrap());
    fs::write(&path, TINY).unwrap();
    same(&path, "Unaffable words?", &[4, 5, 6, 7, 8, 9]);
}

#[test]
fn models_of_sentencepiece() {
    for name in ["unigram", "bpe", "bpe-bytes", "char", "word"] {
        let path = goldens().join(format!("tokenize_sentencepiece/{name}.model"));
        let model = SentencePiece::from_file(&path).unwrap();
        same(&path, "to be or not", &model.encode("to be or not").unwrap());
    }
    let model = fs::read(goldens().join("tokenize_sentencepiece/unigram.model")).unwrap();
    refused("cut.model", &model[..model.len() / 2], "byte ");
}

#[test]
fn ranks_are_known_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    for encoding in Tiktoken::ALL {
        let ranks = trained().to_tiktoken();
        let path = folder.path().join(format!("{}.tiktoken", encoding.name()));
        fs::write(&path, &ranks).unwrap();
        let expected = ByteLevelBpe::from_tiktoken(&path, encoding).unwrap();
        same(&path, "it's 1234 to  be", &expected.encode("it's 1234 to  be"));
    }
    refused(
        "other.tiktoken",
        trained().to_tiktoken(),
        "neither its ranks nor its name are those of r50k_base",
    );
}

#[test]
fn vocabularies_of_bert() {
    let folder = tempfile::tempdir().unwrap();
    let path = vocab_txt(&folder);
    let pipeline = Pipeline::from_json(TINY).unwrap();
    for text in ["Unaffable words?", "", "[SEP] WÖRDS 中 un"] {
        same(&path, text, &Tokenizer::encode(&pipeline, text).unwrap());
        same(folder.path(), text, &Tokenizer::encode(&pipeline, text).unwrap());
    }
    // A capital letter says that case counts.
    let cased = fs::read_to_string(&path).unwrap() + "Word\n";
    fs::write(&path, cased).unwrap();
    same(&path, "Words word Un", &[10, 8, 7, 1]);
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let model = trained();
    for (vocab, merges) in [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")] {
        model.save_vocab_and_merges(folder.path().join(vocab), folder.path().join(merges)).unwrap();
        same(folder.path(), "not to be", &model.encode("not to be"));
    }
    fs::copy(goldens().join("tokenize_sentencepiece/bpe.model"), folder.path().join("spiece.model")).unwrap();
    let piece = SentencePiece::from_file(folder.path().join("spiece.model")).unwrap();
    same(folder.path(), "not to be", &piece.encode("not to be").unwrap());
    fs::write(folder.path().join("tokenizer.json"), TINY).unwrap();
    same(folder.path(), "un", &[4]);

    let empty = tempfile::tempdir().unwrap();
    let error = load(empty.path()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("folder: expected tokenizer.json, tokenizer.model"), "{error}");
    fs::write(empty.path().join("vocab.json"), r#"{"a</w>": 0}"#).unwrap();
    fs::write(empty.path().join("merges.txt"), "").unwrap();
    let error = load(empty.path()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("\"a</w>\" ends a word"), "{error}");
}

#[test]
fn what_is_no_tokenizer_is_named() {
    refused("vocab.json", r#"{"a": 0, "b": 1}"#, "a vocabulary alone: give the folder");
    refused("merges.txt", "#version: 0.2\na b\n", "merges alone: give the folder");
    refused("config.json", r#"{"model_type": "bert"}"#, "settings beside a tokenizer");
    refused("notes.txt", "to be\nor not\n", "found \"to be\"");
    refused("empty", "", "found \"\"");
    refused(
        "tokenizer.json",
        "{\"model\": true}",
        "line 1 column 14: invalid type: boolean `true`, expected an object",
    );
    refused(
        "tokenizer.json",
        "\u{feff}{\"model\": {}}",
        "line 1 column 1: expected JSON, found a byte order mark",
    );
    refused("tokenizer.json", b"{\"mod\xff\"", "byte 5: the text stops being UTF-8");
}

#[test]
fn ranks_are_known_by_their_content() {
    let Some(assets) = common::fetched("tiktoken-ranks", "assets") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ranks");
    for encoding in Tiktoken::ALL {
        fs::copy(assets.join(format!("{}.tiktoken", encoding.name())), &path).unwrap();
        let expected = ByteLevelBpe::from_tiktoken(&path, encoding).unwrap();
        same(&path, "it's 1234 to  be", &expected.encode("it's 1234 to  be"));
    }
    let (r50k, text) = (load(assets.join("r50k_base.tiktoken")).unwrap(), "not to be<|endoftext|>");
    same(&assets, text, &r50k.encode(text).unwrap());
}

#[test]
fn texts_are_cut_after_so_many_tokens() {
    let model = |name: &str| load(goldens().join(format!("tokenize_sentencepiece/{name}.model"))).unwrap();
    let all: [Box<dyn Tokenizer>; 5] = [
        Box::new(trained()),
        Box::new(Pipeline::from_json(TINY).unwrap()),
        Box::new(CharTokenizer::from_texts(["to be, naïve 中文 👍 unaffable"])),
        model("unigram"),
        model("bpe-bytes"),
    ];
    for tokenizer in all {
        for text in ["", "to be, naïve 中文 👍 unaffable", "👍"] {
            let ids = tokenizer.encode(text).unwrap();
            assert_eq!(tokenizer.take_tokens(text, usize::MAX).unwrap(), (text, ids.len()));
            let mut before = 0;
            for most in 0..ids.len() {
                let (start, taken) = tokenizer.take_tokens(text, most).unwrap();
                assert!(text.starts_with(start) && before <= start.len() && taken <= most);
                assert!(taken > 0 || start.is_empty(), "{text:?} {most}");
                before = start.len();
            }
        }
    }
    let pipeline = Pipeline::from_json(TINY).unwrap();
    assert_eq!(pipeline.take_tokens("Unaffable words", 4).unwrap(), ("Unaffable word", 4));
}

#[test]
fn unknown_ids_are_seen_in_lossy_text() {
    let pipeline = Pipeline::from_json(TINY).unwrap();
    let tokenizer: &dyn Tokenizer = &pipeline;
    assert_eq!(tokenizer.decode_lossy(&[4, 5, 999, 7]), "unaff \u{fffd} word");
    assert_eq!(pipeline.decode_lossy(&[4, 5, 999, 7], false), "unaff \u{fffd} word");
    let decoder = r#"{"type": "Replace", "pattern": {"Regex": "(a|b|ab)*(?=c)\\1d"}, "content": ""}"#;
    let long = "ab".repeat(200);
    let json = format!(
        r#"{{"decoder": {decoder}, "model": {{"type": "WordLevel", "unk_token": "x", "vocab": {{"x": 0, "{long}": 1}}}}}}"#
    );
    assert_eq!(Tokenizer::decode_lossy(&Pipeline::from_json(&json).unwrap(), &[0, 1, 0]), "x\u{fffd}x");
}
