//! A tokenizer from a file or a folder that says by its content what it holds.

use std::path::Path;

use serde_json::{Map, Value};

use super::json::Entries;
use super::read_json::Loaded;
use super::{disk, pipeline, read_json, tiktoken, vocab_merges, vocab_txt};
use crate::bpe::ByteLevelBpe;
use crate::error::Error;
use crate::pipeline::Pipeline;
use crate::sentencepiece::SentencePiece;
use crate::tokenizer::Tokenizer;

/// Loads the tokenizer that a file or folder holds; the content says which kind it is, not the name:
///
/// | file | becomes |
/// |---|---|
/// | `tokenizer.json` | [`ByteLevelBpe`](crate::ByteLevelBpe) if it is a plain byte-level BPE, [`CharTokenizer`](crate::CharTokenizer) if it is a vocabulary of characters, else [`Pipeline`](crate::Pipeline) |
/// | sentencepiece's `.model` | [`SentencePiece`] |
/// | `.tiktoken` with the ranks of OpenAI's encodings | [`ByteLevelBpe`](crate::ByteLevelBpe); others are for [`from_tiktoken_with`](crate::ByteLevelBpe::from_tiktoken_with) |
/// | `vocab.txt` of BERT | [`Pipeline`](crate::Pipeline), which ignores case if no token has a capital letter |
/// | a folder | the first of these in it: `tokenizer.json`, `tokenizer.model`, `spiece.model`, `vocab.json` with `merges.txt` as GPT-2 has them (`<\|endoftext\|>` is special; also as `encoder.json` with `vocab.bpe`), `vocab.txt` |
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("tokenizer.json");
/// tokenize::CharTokenizer::from_texts(["hello"]).save(&path)?;
/// for place in [&path, dir.path()] {
///     let tokenizer = tokenize::load(place)?;
///     assert_eq!(tokenizer.decode(&tokenizer.encode("hole")?)?, "hole");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is damaged, no tokenizer or only a part of one, or
/// describes something that this crate cannot do exactly.
pub fn load(path: impl AsRef<Path>) -> Result<Box<dyn Tokenizer>, Error> {
    Ok(match find(path.as_ref())? {
        Found::Json { name, text } => match read_json::read(&name, &text) {
            Ok(Loaded::ByteLevelBpe(tokenizer)) => tokenizer,
            Ok(Loaded::Chars(tokenizer)) => Box::new(tokenizer),
            Err(_) => Box::new(read_pipeline(&name, &text)?),
        },
        Found::SentencePiece(tokenizer) => tokenizer,
        Found::ByteLevelBpe(tokenizer) => tokenizer,
        Found::Pipeline(tokenizer) => tokenizer,
    })
}

impl Pipeline {
    /// The tokenizer of any file or folder that [`load`](crate::load) takes, as a pipeline: with offsets, special tokens
    /// and limits whatever the format.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let trainer = tokenize::ByteLevelBpeTrainer::new(270).special_tokens(["<|endoftext|>"]);
    /// let bpe = trainer.train(["low lower lowest"])?;
    /// bpe.save_vocab_and_merges(dir.path().join("vocab.json"), dir.path().join("merges.txt"))?;
    /// let pipeline = tokenize::Pipeline::load(dir.path())?;
    /// assert_eq!(pipeline.encode("low low", false)?.tokens, ["low", "Ġlow"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`load`](crate::load).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        match find(path.as_ref())? {
            Found::Json { name, text } => read_pipeline(&name, &text),
            Found::SentencePiece(tokenizer) => tokenizer.to_pipeline(),
            Found::ByteLevelBpe(tokenizer) => Self::from_json(&tokenizer.to_json()),
            Found::Pipeline(tokenizer) => Ok(*tokenizer),
        }
    }
}

/// What a file or a folder turned out to be.
enum Found {
    /// A `tokenizer.json`, still to be read.
    Json {
        name: String,
        text: String,
    },
    SentencePiece(Box<SentencePiece>),
    ByteLevelBpe(Box<ByteLevelBpe>),
    Pipeline(Box<Pipeline>),
}

fn find(path: &Path) -> Result<Found, Error> {
    if path.is_dir() {
        return folder(path);
    }
    let (name, bytes) = (path.display().to_string(), disk::read_bytes(path)?);
    if is_protobuf(&bytes) {
        return Ok(Found::SentencePiece(Box::new(SentencePiece::parse(&name, &bytes)?)));
    }
    let text = disk::text(&name, bytes)?;
    let first = text.lines().next().unwrap_or_default();
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        Ok(Found::Json { name, text })
    } else if tiktoken::parse(first, &mut Vec::new()).is_ok() {
        Ok(Found::ByteLevelBpe(Box::new(tiktoken::read_known(&name, &text)?)))
    } else if first.starts_with("#version") {
        Err(Error::format(
            &name,
            "line 1",
            "these are merges alone: give the folder that has their vocabulary too",
        ))
    } else if text.lines().any(|line| line.trim_end() == "[UNK]") {
        Ok(Found::Pipeline(Box::new(vocab_txt::bert(&name, &text)?)))
    } else {
        let shown: String = first.chars().take(40).collect();
        let what =
            "expected tokenizer.json, a model of sentencepiece, .tiktoken, or vocab.txt with a line [UNK]";
        Err(Error::format(&name, "line 1", format!("{what}; found {shown:?}")))
    }
}

/// Whether bytes are no text and begin as a model of sentencepiece does: with pieces or settings.
fn is_protobuf(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x0a | 0x12 | 0x1a))
        && (bytes.contains(&0) || str::from_utf8(bytes).is_err())
}

/// A file of JSON that is no tokenizer is named for what it is.
fn read_pipeline(name: &str, text: &str) -> Result<Pipeline, Error> {
    pipeline::read(name, text).map_err(|error| match other_json(text) {
        Some(what) => Error::format(name, "content", what),
        None => error,
    })
}

/// What a file of JSON is that lies beside a tokenizer.
fn other_json(text: &str) -> Option<&'static str> {
    if serde_json::from_str::<Entries>(text).is_ok_and(|entries| !entries.0.is_empty()) {
        return Some("this is a vocabulary alone: give the folder that has its merges too");
    }
    let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let is_settings =
        ["tokenizer_class", "model_type", "architectures"].iter().any(|&key| fields.contains_key(key));
    is_settings.then_some("these are settings beside a tokenizer: give tokenizer.json or its folder")
}

fn folder(path: &Path) -> Result<Found, Error> {
    let there = |name: &str| Some(path.join(name)).filter(|file| file.is_file());
    if let Some(file) = ["tokenizer.json", "tokenizer.model", "spiece.model"].into_iter().find_map(there) {
        return find(&file);
    }
    for (vocab, merges) in [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")] {
        if let (Some(vocab), Some(merges)) = (there(vocab), there(merges)) {
            let names = (vocab.display().to_string(), merges.display().to_string());
            let (vocab, merges) =
                ((&names.0[..], &disk::read(&vocab)?[..]), (&names.1[..], &disk::read(&merges)?[..]));
            return Ok(Found::ByteLevelBpe(Box::new(vocab_merges::read_gpt2(vocab, merges)?)));
        }
    }
    match there("vocab.txt") {
        Some(file) => find(&file),
        None => {
            let what = "expected tokenizer.json, tokenizer.model, spiece.model, vocab.json with merges.txt, or vocab.txt";
            Err(Error::format(&path.display().to_string(), "folder", what))
        }
    }
}
