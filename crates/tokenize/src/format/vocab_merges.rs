//! GPT-2's two files: `vocab.json` with the ids, `merges.txt` with one merge a line.

use std::collections::HashSet;
use std::fmt::Write;

use super::json::{self, Entries, MergePair};
use super::{read_json, write_json};
use crate::added::AddedToken;
use crate::bpe::ByteLevelBpe;
use crate::error::Error;
use crate::split::Split;

/// A model from both files, each given as name and content.
pub(super) fn read(
    (vocab_file, vocab_text): (&str, &str),
    (merges_file, merges_text): (&str, &str),
    specials: &[&str],
) -> Result<ByteLevelBpe, Error> {
    let entries: Entries = json::parse(vocab_file, vocab_text)?;
    let plain: HashSet<&str> = specials.iter().copied().collect();
    let vocab = read_json::vocab(vocab_file, "vocabulary", entries, &plain)?;
    let (mut merges, mut buffer) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(merges_text.lines()) {
        // The header, and not a merge of two number signs.
        if line.starts_with("#version") || line.is_empty() {
            continue;
        }
        let error = |what: String| Error::format(merges_file, format!("line {number}"), what);
        let pair = MergePair::from_line(line)
            .ok_or_else(|| error(format!("expected two tokens with a space between, found {line:?}")))?;
        merges.push(read_json::merge_ids(&pair, &vocab, &mut buffer).map_err(error)?);
    }
    let mut tokens = Vec::with_capacity(specials.len());
    for content in specials {
        let id = vocab.id(content.as_bytes()).ok_or_else(|| {
            Error::format(vocab_file, "vocabulary", format!("special token {content:?} is not in it"))
        })?;
        tokens.push(AddedToken::new(id, *content, true));
    }
    let mut model = read_json::assemble(merges_file, "merges", vocab, merges, Split::Gpt2)?;
    for token in tokens {
        model.add_token(token).map_err(|error| Error::format(vocab_file, "vocabulary", error.to_string()))?;
    }
    Ok(model)
}

/// [`read`] where nothing says which tokens are special: that of GPT-2 is, if it is there.
pub(super) fn read_gpt2(vocab: (&str, &str), merges: (&str, &str)) -> Result<ByteLevelBpe, Error> {
    let entries: Entries = json::parse(vocab.0, vocab.1)?;
    if let Some((token, _)) = entries.0.iter().find(|(token, _)| token.ends_with("</w>")) {
        let what = format!("{token:?} ends a word, and the files do not say how texts are cut into words");
        return Err(Error::format(vocab.0, "vocabulary", what));
    }
    let special = entries.0.iter().map(|(token, _)| token.as_str()).find(|&token| token == "<|endoftext|>");
    read(vocab, merges, special.as_slice())
}

/// The content of `vocab.json`.
pub(super) fn vocab(model: &ByteLevelBpe) -> String {
    let ids = 0..model.vocab_size() as u32;
    let tokens = ids.map(|id| model.token(id).unwrap_or_default());
    serde_json::to_string(&write_json::entries(model, tokens)).unwrap_or_default()
}

/// The content of `merges.txt`.
pub(super) fn merges(model: &ByteLevelBpe) -> String {
    let mut text = "#version: 0.2\n".to_owned();
    for MergePair(left, right) in write_json::merges(model) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{left} {right}");
    }
    text
}
