//! From a tokenizer to the content of `tokenizer.json`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::components;
use super::json::{Added, Entries, File, MergePair, Model};
use crate::bpe::ByteLevelBpe;
use crate::byte_chars;
use crate::chars::CharTokenizer;

/// A byte-level model as a file.
pub(super) fn byte_level_bpe(model: &ByteLevelBpe) -> String {
    let added = |token: &crate::added::AddedToken| Added {
        id: token.id,
        content: token.content.clone(),
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: token.special,
    };
    let file = File {
        version: json!("1.0"),
        truncation: Value::Null,
        padding: Value::Null,
        added_tokens: model.added_tokens().iter().map(added).collect(),
        normalizer: Value::Null,
        pre_tokenizer: components::write_split(model.split()),
        post_processor: Value::Null,
        decoder: components::byte_level(true),
        model: Model {
            kind: "BPE".to_owned(),
            dropout: None,
            unk_token: None,
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
            fuse_unk: Some(false),
            byte_fallback: Some(false),
            ignore_merges: Some(model.whole_words()),
            vocab: entries(model, model.model_tokens()),
            merges: Some(merges(model).collect()),
        },
    };
    to_text(&file)
}

/// A character-level model as a file.
pub(super) fn chars(tokenizer: &CharTokenizer) -> String {
    let file = File {
        version: json!("1.0"),
        truncation: Value::Null,
        padding: Value::Null,
        added_tokens: Vec::new(),
        normalizer: Value::Null,
        pre_tokenizer: components::write_characters(),
        post_processor: Value::Null,
        decoder: json!({ "type": "Fuse" }),
        model: Model {
            kind: "WordLevel".to_owned(),
            dropout: None,
            // Must be there for `tokenizers`, and must not be in the vocabulary, so that unknown characters are an
            // error there too.
            unk_token: Some(String::new()),
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
            fuse_unk: None,
            byte_fallback: None,
            ignore_merges: None,
            vocab: Entries(tokenizer.chars().map(String::from).zip(0..).collect()),
            merges: None,
        },
    };
    to_text(&file)
}

/// Tokens spelled in characters, those that are added tokens as they are.
pub(super) fn entries<'m>(model: &'m ByteLevelBpe, tokens: impl Iterator<Item = &'m [u8]>) -> Entries {
    let added: HashMap<u32, &str> =
        model.added_tokens().iter().map(|token| (token.id, token.content.as_str())).collect();
    let spelled = |(id, token): (u32, &[u8])| match added.get(&id) {
        Some(&content) => (content.to_owned(), id),
        None => (byte_chars::spell(token), id),
    };
    Entries((0..).zip(tokens).filter(|(_, token)| !token.is_empty()).map(spelled).collect())
}

/// Merges spelled in characters.
pub(super) fn merges(model: &ByteLevelBpe) -> impl Iterator<Item = MergePair> {
    model.merges().map(|merge| MergePair(byte_chars::spell(merge.left), byte_chars::spell(merge.right)))
}

/// Two spaces of indentation, as `tokenizers` writes it. There is nothing in a [`File`] that JSON cannot hold.
fn to_text(file: &File) -> String {
    serde_json::to_string_pretty(file).unwrap_or_default()
}
