//! `tokenizer.json` as a [`Pipeline`]: every component read and written.

use std::path::Path;

use serde_json::Value;

use super::component::{Component, brief};
use super::disk;
use super::json::{self, Added, Outline};
use super::ordered::Json;
use super::parts::{self, ModelFile};
use crate::added::AddedToken;
use crate::error::Error;
use crate::model::Model;
use crate::pipeline::{Parts, Pipeline};

/// `tokenizer.json` with the model of one kind.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct File<M> {
    #[serde(default)]
    version: Value,
    #[serde(default)]
    truncation: Value,
    #[serde(default)]
    padding: Value,
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: M,
}

impl Pipeline {
    /// Reads a `tokenizer.json` with whatever components. Added tokens that the model does not have are numbered behind
    /// its own in the order of the file, as in `tokenizers`, whatever ids the file gives them.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Format`], with the place, if it is damaged, contradicts
    /// itself, or uses a component that is not known.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        read(&path.display().to_string(), &disk::read(path)?)
    }

    /// Reads the content of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Format`] as [`from_file`](Self::from_file).
    pub fn from_json(json: &str) -> Result<Self, Error> {
        read("tokenizer.json", json)
    }

    /// The content of a `tokenizer.json`, byte for byte as `tokenizers` would write it.
    pub fn to_json(&self) -> String {
        // Nothing in it is beyond JSON.
        serde_json::to_string_pretty(&write(self)).unwrap_or_default()
    }

    /// Writes [`to_json`](Self::to_json) to a file. Until it is all on the disk, what was there before stays.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        disk::write(path.as_ref(), self.to_json())
    }
}

/// Reads a `tokenizer.json`; `file` is its name for errors.
pub(super) fn read(file: &str, text: &str) -> Result<Pipeline, Error> {
    let outline: Outline = json::parse(file, text)?;
    match outline.model.kind.as_str() {
        "BPE" => build::<parts::BpeFile>(file, text),
        "WordPiece" => build::<parts::WordPieceFile>(file, text),
        "WordLevel" => build::<parts::WordLevelFile>(file, text),
        "Unigram" => build::<parts::UnigramFile>(file, text),
        other => Err(Error::format(file, "model", format!("unknown model {other}"))),
    }
}

fn build<M: ModelFile>(file: &str, text: &str) -> Result<Pipeline, Error> {
    let content: File<M> = json::parse(file, text)?;
    if !(content.version.is_null() || content.version == "1.0") {
        let what = format!("expected 1.0, found {}", brief(&content.version));
        return Err(Error::format(file, "version", what));
    }
    let model = content.model.build().map_err(|error| Error::format(file, "model", error.to_string()))?;
    // So that nobody makes a table of four billion rows for a short file.
    if model.id_bound() > text.len() as u64 {
        let what = format!("id {} is beyond the file's size", model.id_bound() - 1);
        return Err(Error::format(file, "model.vocab", what));
    }
    let mut added_tokens: Vec<AddedToken> = content.added_tokens.into_iter().map(added_token).collect();
    let ids: Vec<u32> = added_tokens.iter().map(|token| token.id).collect();
    number(&mut added_tokens, &model);
    let parts = Parts {
        normalizer: Component::optional(file, "normalizer", content.normalizer, parts::read_normalizer)?,
        pre_tokenizer: Component::optional(
            file,
            "pre_tokenizer",
            content.pre_tokenizer,
            parts::read_pre_tokenizer,
        )?,
        post_processor: Component::optional(
            file,
            "post_processor",
            content.post_processor,
            parts::read_post_processor,
        )?,
        decoder: Component::optional(file, "decoder", content.decoder, parts::read_decoder)?,
        added_tokens,
        truncation: parts::read_truncation(file, content.truncation)?,
        padding: parts::read_padding(file, content.padding)?,
        model,
    };
    Pipeline::assemble(parts).map_err(|(index, error)| {
        let place = match index {
            Some(index) => format!("added_tokens[{index}] (id {})", ids[index]),
            None => "padding".to_owned(),
        };
        Error::format(file, place, error.to_string())
    })
}

/// Gives added tokens the ids that `tokenizers` gives them, whatever the file says: that of the model's token, or the
/// next behind all others.
fn number(tokens: &mut [AddedToken], model: &Model) {
    let mut next = model.len() as u32;
    for token in tokens {
        token.id = model.id(&token.content).unwrap_or(next);
        next = next.max(token.id.saturating_add(1));
    }
}

fn added_token(token: Added) -> AddedToken {
    let Added { id, content, single_word, lstrip, rstrip, normalized, special } = token;
    AddedToken { id, content, special, single_word, lstrip, rstrip, normalized }
}

fn write(pipeline: &Pipeline) -> Json {
    let mut tokens: Vec<&AddedToken> = pipeline.added_tokens().iter().collect();
    tokens.sort_by_key(|token| token.id);
    let added = |token: &AddedToken| {
        Json::object([
            ("id", Json::Whole(u64::from(token.id))),
            ("content", Json::text(&token.content)),
            ("single_word", Json::Bool(token.single_word)),
            ("lstrip", Json::Bool(token.lstrip)),
            ("rstrip", Json::Bool(token.rstrip)),
            ("normalized", Json::Bool(token.normalized)),
            ("special", Json::Bool(token.special)),
        ])
    };
    Json::object([
        ("version", Json::text("1.0")),
        ("truncation", Json::option(pipeline.truncation(), parts::write_truncation)),
        ("padding", Json::option(pipeline.padding(), parts::write_padding)),
        ("added_tokens", Json::list(tokens, added)),
        ("normalizer", Json::option(pipeline.normalizer(), parts::write_normalizer)),
        ("pre_tokenizer", Json::option(pipeline.pre_tokenizer(), parts::write_pre_tokenizer)),
        ("post_processor", Json::option(pipeline.post_processor(), parts::write_post_processor)),
        ("decoder", Json::option(pipeline.decoder(), parts::write_decoder)),
        ("model", parts::write_model(pipeline.model())),
    ])
}
