//! `model`.

use serde::de::DeserializeOwned;

use super::super::json::{Entries, MergePair};
use super::super::ordered::Json;
use crate::error::Error;
use crate::model::{Bpe, BpeOptions, Model, Unigram, WordLevel, WordPiece, WordPieceOptions};

/// What `model` holds, for models of one kind.
pub(in super::super) trait ModelFile: DeserializeOwned {
    /// The model.
    fn build(self) -> Result<Model, Error>;
}

/// `model` of the kind BPE.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in super::super) struct BpeFile {
    #[serde(rename = "type", default)]
    _kind: String,
    dropout: Option<f32>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    fuse_unk: Option<bool>,
    byte_fallback: Option<bool>,
    ignore_merges: Option<bool>,
    vocab: Entries,
    merges: Vec<MergePair>,
}

impl ModelFile for BpeFile {
    fn build(self) -> Result<Model, Error> {
        let options = BpeOptions {
            dropout: self.dropout,
            unk_token: self.unk_token,
            continuing_subword_prefix: self.continuing_subword_prefix,
            end_of_word_suffix: self.end_of_word_suffix,
            fuse_unk: self.fuse_unk.unwrap_or(false),
            byte_fallback: self.byte_fallback.unwrap_or(false),
            ignore_merges: self.ignore_merges.unwrap_or(false),
        };
        let merges = self.merges.into_iter().map(|MergePair(left, right)| (left, right));
        Ok(Model::Bpe(Bpe::new(self.vocab.0, merges, options)?))
    }
}

/// `model` of the kind WordPiece.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in super::super) struct WordPieceFile {
    #[serde(rename = "type")]
    _kind: String,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: Entries,
}

impl ModelFile for WordPieceFile {
    fn build(self) -> Result<Model, Error> {
        let options = WordPieceOptions {
            unk_token: self.unk_token,
            continuing_subword_prefix: self.continuing_subword_prefix,
            max_input_chars_per_word: self.max_input_chars_per_word,
        };
        Ok(Model::WordPiece(WordPiece::new(self.vocab.0, options)?))
    }
}

/// `model` of the kind WordLevel.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in super::super) struct WordLevelFile {
    #[serde(rename = "type")]
    _kind: String,
    vocab: Entries,
    unk_token: String,
}

impl ModelFile for WordLevelFile {
    fn build(self) -> Result<Model, Error> {
        Ok(Model::WordLevel(WordLevel::new(self.vocab.0, &self.unk_token)?))
    }
}

/// `model` of the kind Unigram.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(in super::super) struct UnigramFile {
    #[serde(rename = "type")]
    _kind: String,
    unk_id: Option<u32>,
    vocab: Vec<(String, f64)>,
    byte_fallback: Option<bool>,
}

impl ModelFile for UnigramFile {
    fn build(self) -> Result<Model, Error> {
        Ok(Model::Unigram(Unigram::new(self.vocab, self.unk_id, self.byte_fallback.unwrap_or(false))?))
    }
}

pub(in super::super) fn write_model(model: &Model) -> Json {
    let text = |text: &Option<String>| Json::option(text.as_ref(), Json::text);
    match model {
        Model::Bpe(bpe) => {
            let options = bpe.options();
            let merge = |(left, right)| Json::List(vec![Json::text(left), Json::text(right)]);
            Json::component(
                "BPE",
                [
                    ("dropout", Json::option(options.dropout, Json::Single)),
                    ("unk_token", text(&options.unk_token)),
                    ("continuing_subword_prefix", text(&options.continuing_subword_prefix)),
                    ("end_of_word_suffix", text(&options.end_of_word_suffix)),
                    ("fuse_unk", Json::Bool(options.fuse_unk)),
                    ("byte_fallback", Json::Bool(options.byte_fallback)),
                    ("ignore_merges", Json::Bool(options.ignore_merges)),
                    ("vocab", vocab(bpe.vocab())),
                    ("merges", Json::list(bpe.merges(), merge)),
                ],
            )
        }
        Model::WordPiece(word_piece) => {
            let options = word_piece.options();
            Json::component(
                "WordPiece",
                [
                    ("unk_token", Json::text(&options.unk_token)),
                    ("continuing_subword_prefix", Json::text(&options.continuing_subword_prefix)),
                    ("max_input_chars_per_word", Json::Whole(options.max_input_chars_per_word as u64)),
                    ("vocab", vocab(word_piece.vocab())),
                ],
            )
        }
        Model::WordLevel(word_level) => Json::component(
            "WordLevel",
            [("vocab", vocab(word_level.vocab())), ("unk_token", Json::text(word_level.unk_token()))],
        ),
        Model::Unigram(unigram) => {
            let entry = |(token, score)| Json::List(vec![Json::text(token), Json::Double(score)]);
            Json::component(
                "Unigram",
                [
                    ("unk_id", Json::option(unigram.unk_id(), |id| Json::Whole(u64::from(id)))),
                    ("vocab", Json::list(unigram.vocab(), entry)),
                    ("byte_fallback", Json::Bool(unigram.byte_fallback())),
                ],
            )
        }
    }
}

/// Tokens and ids in the order of the ids.
fn vocab<'m>(entries: impl Iterator<Item = (&'m str, u32)>) -> Json {
    Json::Object(entries.map(|(token, id)| (token.to_owned(), Json::Whole(u64::from(id)))).collect())
}
