//! GPT-2's two files: `vocab.json` with the ids, `merges.txt` with one merge a line.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use super::json::{self, Entries, MergePair};
use super::{disk, read_json, write_json};
use crate::added::AddedToken;
use crate::bpe::ByteLevelBpe;
use crate::error::Error;
use crate::model::{Bpe, BpeOptions};
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
    let mut buffer = Vec::new();
    let ids = |merge: Result<(usize, MergePair), Error>| {
        let (number, pair) = merge?;
        read_json::merge_ids(&pair, &vocab, &mut buffer)
            .map_err(|what| Error::format(merges_file, format!("line {number}"), what))
    };
    let merges = merge_lines(merges_file, merges_text).map(ids).collect::<Result<_, _>>()?;
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

/// The merges of `merges.txt` with the numbers of their lines.
fn merge_lines<'t>(
    file: &'t str,
    text: &'t str,
) -> impl Iterator<Item = Result<(usize, MergePair), Error>> + 't {
    // The header, and not a merge of two number signs.
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with("#version") && !line.is_empty());
    lines.map(move |(number, line)| {
        let what = || format!("expected two tokens with a space between, found {line:?}");
        let pair = MergePair::from_line(line);
        pair.map(|pair| (number, pair)).ok_or_else(|| Error::format(file, format!("line {number}"), what()))
    })
}

impl Bpe {
    /// Reads `vocab.json` and `merges.txt` of a model over characters. They say nothing of its options: those of GPT-1
    /// and CLIP have the `end_of_word_suffix` `</w>`.
    ///
    /// ```
    /// use tokenize::model::{Bpe, BpeOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (vocab, merges) = (folder.path().join("vocab.json"), folder.path().join("merges.txt"));
    /// std::fs::write(&vocab, r#"{"l": 0, "o": 1, "w</w>": 2, "lo": 3, "low</w>": 4}"#)?;
    /// std::fs::write(&merges, "#version: 0.2\nl o\nlo w</w>\n")?;
    /// let options = BpeOptions { end_of_word_suffix: Some("</w>".to_owned()), ..BpeOptions::default() };
    /// let model = Bpe::from_vocab_and_merges(&vocab, &merges, options)?;
    /// let mut pieces = Vec::new();
    /// model.pieces("low", &mut pieces)?;
    /// assert_eq!(pieces[0].id, 4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Format`] if one is damaged or they do not fit together.
    pub fn from_vocab_and_merges(
        vocab: impl AsRef<Path>,
        merges: impl AsRef<Path>,
        options: BpeOptions,
    ) -> Result<Self, Error> {
        let (vocab, merges) = (vocab.as_ref(), merges.as_ref());
        let (vocab_file, merges_file) = (vocab.display().to_string(), merges.display().to_string());
        let entries: Entries = json::parse(&vocab_file, &disk::read(vocab)?)?;
        let text = disk::read(merges)?;
        let pairs = merge_lines(&merges_file, &text)
            .map(|merge| merge.map(|(_, MergePair(left, right))| (left, right)))
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(entries.0, pairs, options)
            .map_err(|error| Error::format(&vocab_file, "vocabulary and merges", error.to_string()))
    }
}

/// [`read`] where nothing says which tokens are special: that of GPT-2 is, if it is there.
pub(super) fn read_gpt2(vocab: (&str, &str), merges: (&str, &str)) -> Result<ByteLevelBpe, Error> {
    let entries: Entries = json::parse(vocab.0, vocab.1)?;
    if let Some((token, _)) = entries.0.iter().find(|(token, _)| token.ends_with("</w>")) {
        let what = format!(
            "{token:?} ends a word, and the files do not say how texts are cut into words: read them with model::Bpe"
        );
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
