//! From the content of `tokenizer.json` to a tokenizer.

use std::collections::HashSet;

use super::components;
use super::json::{self, Entries, File, MergePair, Model, Outline};
use crate::added::AddedToken;
use crate::bpe::ByteLevelBpe;
use crate::byte_chars;
use crate::chars::CharTokenizer;
use crate::error::Error;
use crate::split::Split;
use crate::vocab::Vocab;

/// What a file held.
pub(super) enum Loaded {
    ByteLevelBpe(Box<ByteLevelBpe>),
    Chars(CharTokenizer),
}

/// Reads a `tokenizer.json`; `file` is its name for errors.
pub(super) fn read(file: &str, text: &str) -> Result<Loaded, Error> {
    let outline: Outline = json::parse(file, text)?;
    match outline.model.kind.as_str() {
        "BPE" => {
            byte_level_bpe(file, json::parse(file, text)?).map(|model| Loaded::ByteLevelBpe(Box::new(model)))
        }
        "WordLevel" => chars(file, json::parse(file, text)?).map(Loaded::Chars),
        other => Err(Error::format(file, "model", format!("model {other} is not supported"))),
    }
}

fn byte_level_bpe(file: &str, content: File) -> Result<ByteLevelBpe, Error> {
    components::absent(file, "normalizer", &content.normalizer)?;
    components::absent(file, "truncation", &content.truncation)?;
    components::absent(file, "padding", &content.padding)?;
    let split = components::byte_level_split(file, content.pre_tokenizer)?;
    if !content.post_processor.is_null() {
        // As a post-processor it changes nothing but the offsets that `tokenizers` reports.
        components::of_kind(file, "post_processor", content.post_processor, "ByteLevel")?;
    }
    components::of_kind(file, "decoder", content.decoder, "ByteLevel")?;
    plain_bpe(file, &content.model)?;

    let specials: HashSet<&str> = content.added_tokens.iter().map(|token| token.content.as_str()).collect();
    let entries = content.model.vocab.0.len();
    let vocab = vocab(file, "model.vocab", content.model.vocab, &specials)?;
    let merges =
        content.model.merges.ok_or_else(|| Error::format(file, "model.merges", "the merges are missing"))?;
    let mut buffer = Vec::new();
    let merges = merges.iter().enumerate().map(|(rank, merge)| {
        merge_ids(merge, &vocab, &mut buffer)
            .map_err(|what| Error::format(file, format!("model.merges[{rank}]"), what))
    });
    let merges = merges.collect::<Result<_, _>>()?;
    let ids = vocab.len();
    let mut model = assemble(file, "model", vocab, merges, split)?;
    model.set_whole_words(content.model.ignore_merges.unwrap_or(false));
    for (index, token) in content.added_tokens.into_iter().enumerate() {
        let place = format!("added_tokens[{index}]");
        for (name, set) in
            [("single_word", token.single_word), ("lstrip", token.lstrip), ("rstrip", token.rstrip)]
        {
            if set {
                return Err(Error::format(file, place, format!("{name} = true is not supported")));
            }
        }
        if entries != ids && model.id(token.content.as_bytes()).is_none() {
            let what = "the vocabulary leaves ids out, and this token is not in it";
            return Err(Error::format(file, place, what));
        }
        let token = AddedToken::new(token.id, token.content, token.special);
        model.add_token(token).map_err(|error| Error::format(file, place, error.to_string()))?;
    }
    Ok(model)
}

/// Refuses what a BPE model can be beyond merges of bytes.
fn plain_bpe(file: &str, model: &Model) -> Result<(), Error> {
    let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let settings = [
        ("dropout", model.dropout.is_some_and(|rate| rate != 0.0)),
        ("unk_token", filled(&model.unk_token)),
        ("continuing_subword_prefix", filled(&model.continuing_subword_prefix)),
        ("end_of_word_suffix", filled(&model.end_of_word_suffix)),
        ("byte_fallback", model.byte_fallback.unwrap_or(false)),
    ];
    match settings.into_iter().find(|&(_, set)| set) {
        None => Ok(()),
        Some((name, _)) => Err(Error::format(
            file,
            format!("model.{name}"),
            "is set, which a byte-level model does not support",
        )),
    }
}

/// The tokens of a vocabulary, no two of which may have one id. Tokens in `plain` are spelled as they are, all others
/// in GPT-2's characters for bytes.
pub(super) fn vocab(
    file: &str,
    place: &str,
    entries: Entries,
    plain: &HashSet<&str>,
) -> Result<Vocab, Error> {
    let mut entries = entries.0;
    entries.sort_by_key(|&(_, id)| id);
    let mut vocab = Vocab::default();
    // Some vocabularies leave ids out; so that memory is bounded by the file, not many more than there are tokens.
    let most = entries.len() * 2;
    for (token, id) in entries {
        let fault = match id as usize {
            id if id < vocab.len() => Some("another token has it too"),
            id if id >= most => Some("too many smaller ids are missing"),
            _ => None,
        };
        if let Some(what) = fault {
            return Err(Error::format(file, format!("{place}[{token:?}]"), format!("id {id}: {what}")));
        }
        vocab.leave_out_until(id);
        let bytes = if plain.contains(token.as_str()) {
            token.as_bytes().to_vec()
        } else {
            byte_chars::unspell(&token).map_err(|character| {
                let what = format!("{character:?} is not one of the characters that stand for bytes");
                Error::format(file, format!("{place}[{token:?}]"), what)
            })?
        };
        if bytes.is_empty() || vocab.id(&bytes).is_some() {
            let what = "the token is empty or comes twice";
            return Err(Error::format(file, format!("{place}[{token:?}]"), what));
        }
        vocab.push(&bytes);
    }
    Ok(vocab)
}

/// The ids of a merge's two sides. `buffer` is any, kept from call to call.
pub(super) fn merge_ids(
    merge: &MergePair,
    vocab: &Vocab,
    buffer: &mut Vec<u8>,
) -> Result<(u32, u32), String> {
    let mut id = |token: &str| {
        buffer.clear();
        let known = byte_chars::unspell_into(token, buffer).ok().and_then(|()| vocab.id(buffer));
        known.ok_or_else(|| format!("{token:?} is not in the vocabulary"))
    };
    Ok((id(&merge.0)?, id(&merge.1)?))
}

/// [`ByteLevelBpe::new`] with its errors under the file's name.
pub(super) fn assemble(
    file: &str,
    place: &str,
    vocab: Vocab,
    merges: Vec<(u32, u32)>,
    split: Split,
) -> Result<ByteLevelBpe, Error> {
    ByteLevelBpe::new(vocab, merges, split).map_err(|error| Error::format(file, place, error.to_string()))
}

fn chars(file: &str, content: File) -> Result<CharTokenizer, Error> {
    components::absent(file, "normalizer", &content.normalizer)?;
    components::absent(file, "truncation", &content.truncation)?;
    components::absent(file, "padding", &content.padding)?;
    components::absent(file, "post_processor", &content.post_processor)?;
    components::split_into_characters(file, "pre_tokenizer", content.pre_tokenizer)?;
    components::of_kind(file, "decoder", content.decoder, "Fuse")?;
    if !content.added_tokens.is_empty() {
        return Err(Error::format(file, "added_tokens", "a character-level model has none"));
    }
    let mut entries = content.model.vocab.0;
    entries.sort_by_key(|&(_, id)| id);
    let mut chars = Vec::with_capacity(entries.len());
    for (expected, (token, id)) in entries.iter().enumerate() {
        let place = || format!("model.vocab[{token:?}]");
        let mut token_chars = token.chars();
        match (token_chars.next(), token_chars.next()) {
            (Some(character), None) => chars.push(character),
            _ => return Err(Error::format(file, place(), "expected one character")),
        }
        if *id as usize != expected {
            let what = format!("id {id}: the ids of {} characters are 0, 1, 2 and so on", entries.len());
            return Err(Error::format(file, place(), what));
        }
    }
    CharTokenizer::from_chars(chars).map_err(|error| Error::format(file, "model.vocab", error.to_string()))
}
