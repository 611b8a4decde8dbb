//! Normalisers: what is done to a text before it is cut, with alignment to the text as it was.

mod bert;
mod charsmap;
mod forms;
mod text;

pub use crate::pattern::Pattern;
pub use bert::BertNormalizer;
pub use charsmap::Charsmap;
pub use text::NormalizedText;

pub(crate) use bert::is_chinese;
pub(crate) use text::{Rewrite, original_range};

use crate::byte_chars;
use crate::chinese::{self, Script};
use crate::error::Error;
use crate::properties;
use text::Change;

/// A step, or several, between a text and what the model is shown of it. Names and effects are those of Hugging
/// Face's `tokenizers`, byte for byte and offset for offset.
///
/// ```
/// use tokenize::chinese::Script;
/// use tokenize::normalise::{BertNormalizer, NormalizedText, Normalizer, Pattern};
///
/// let letters = Pattern::regex("l+")?;
/// for (normalizer, before, after) in [
///     (Normalizer::Bert(BertNormalizer::default()), "É\n", "e "),
///     (Normalizer::Strip { left: true, right: false }, " a ", "a "),
///     (Normalizer::StripAccents, "e\u{301}", "e"),
///     (Normalizer::Nfc, "e\u{301}", "é"),
///     (Normalizer::Nfd, "é", "e\u{301}"),
///     (Normalizer::Nfkc, "ﬁé", "fié"),
///     (Normalizer::Nfkd, "ﬁé", "fie\u{301}"),
///     (Normalizer::Sequence(vec![Normalizer::Nfd, Normalizer::StripAccents]), "é", "e"),
///     (Normalizer::Lowercase, "ÀB", "àb"),
///     (Normalizer::Nmt, "a\tb\u{1}", "a b"),
///     (Normalizer::Replace { pattern: letters, content: "L".to_owned() }, "hello", "heLo"),
///     (Normalizer::Prepend("▁".to_owned()), "a", "▁a"),
///     (Normalizer::ByteLevel, "é!", "Ã©!"),
///     (Normalizer::ChineseScript(Script::Simplified), "漢語", "汉语"),
/// ] {
///     let mut text = NormalizedText::new(before);
///     normalizer.normalize(&mut text)?;
///     assert_eq!(text.as_str(), after);
/// }
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// What BERT does.
    Bert(BertNormalizer),
    /// Removes whitespace at the start, the end, or both.
    Strip {
        /// At the start.
        left: bool,
        /// At the end.
        right: bool,
    },
    /// Removes combining marks.
    StripAccents,
    /// Canonical composition.
    Nfc,
    /// Canonical decomposition.
    Nfd,
    /// Compatibility composition.
    Nfkc,
    /// Compatibility decomposition.
    Nfkd,
    /// One after the other.
    Sequence(Vec<Normalizer>),
    /// Small letters.
    Lowercase,
    /// Removes control characters and makes unusual spaces spaces, as for Google's translation models.
    Nmt,
    /// Sentencepiece's compiled table.
    Precompiled(Charsmap),
    /// Replaces what matches.
    Replace {
        /// What is replaced.
        pattern: Pattern,
        /// What comes in its place.
        content: String,
    },
    /// Puts a string before a text that is not empty.
    Prepend(String),
    /// Spells the bytes of the text in GPT-2's printable characters.
    ByteLevel,
    /// Writes Chinese in simplified or in traditional characters, one for one; `tokenizers` has no such component.
    ChineseScript(Script),
}

impl Normalizer {
    /// Changes `text`.
    ///
    /// ```
    /// use tokenize::normalise::{NormalizedText, Normalizer, Pattern};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let llama = Normalizer::Sequence(vec![
    ///     Normalizer::Prepend("▁".to_owned()),
    ///     Normalizer::Replace { pattern: Pattern::literal(" "), content: "▁".to_owned() },
    /// ]);
    /// let mut text = NormalizedText::new("to be");
    /// llama.normalize(&mut text)?;
    /// assert_eq!(text.as_str(), "▁to▁be");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Pattern`] if a regular expression backtracks without end.
    pub fn normalize(&self, text: &mut NormalizedText) -> Result<(), Error> {
        match self {
            Normalizer::Bert(bert) => bert.normalize(text),
            Normalizer::Strip { left, right } => strip(text, *left, *right),
            Normalizer::StripAccents => text.filter(|character| !properties::is_combining_mark(character)),
            Normalizer::Nfc => forms::normalize(text, false, true),
            Normalizer::Nfd => forms::normalize(text, false, false),
            Normalizer::Nfkc => forms::normalize(text, true, true),
            Normalizer::Nfkd => forms::normalize(text, true, false),
            Normalizer::Sequence(steps) => steps.iter().try_for_each(|step| step.normalize(text))?,
            Normalizer::Lowercase => lowercase(text),
            Normalizer::Nmt => nmt(text),
            Normalizer::Precompiled(charsmap) => charsmap.normalize(text)?,
            Normalizer::Replace { pattern, content } => replace(text, pattern, content)?,
            Normalizer::Prepend(prefix) => {
                text.check_growth(text.as_str().len() + prefix.len())?;
                text.prepend(prefix);
            }
            Normalizer::ByteLevel => {
                let changes: Vec<Change> = byte_level(text.as_str()).collect();
                text.transform(changes, 0);
            }
            Normalizer::ChineseScript(script) => chinese_script(text, *script),
        }
        text.check_growth(text.as_str().len())
    }
}

fn strip(text: &mut NormalizedText, left: bool, right: bool) {
    let count = text.as_str().chars().count();
    let spaces = |wanted: bool, chars: &mut dyn Iterator<Item = char>| {
        if wanted { chars.take_while(|character| character.is_whitespace()).count() } else { 0 }
    };
    let leading = spaces(left, &mut text.as_str().chars());
    let trailing = spaces(right, &mut text.as_str().chars().rev());
    if leading + trailing == 0 {
        return;
    }
    let kept = leading..count - trailing;
    let chars = text.as_str().chars().enumerate();
    let changes: Vec<Change> =
        chars.filter(|(index, _)| kept.contains(index)).map(|(_, character)| (character, 0)).collect();
    text.transform(changes, leading);
}

fn chinese_script(text: &mut NormalizedText, script: Script) {
    let mut replacements = chinese::replacements(text.as_str(), script).peekable();
    if replacements.peek().is_none() {
        return;
    }
    let changes = text.as_str().char_indices().map(|(at, character)| {
        let replaced = replacements.next_if(|replacement| replacement.range.start == at);
        (replaced.map_or(character, |replacement| replacement.with), 0)
    });
    let changes: Vec<Change> = changes.collect();
    text.transform(changes, 0);
}

fn lowercase(text: &mut NormalizedText) {
    let is_small = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if text.as_str().bytes().all(is_small) && text.whole().starts_plainly() {
        return;
    }
    let mut changes: Vec<Change> = Vec::with_capacity(text.as_str().len());
    for character in text.as_str().chars() {
        let small = character.to_lowercase().enumerate();
        changes.extend(small.map(|(index, character)| (character, isize::from(index > 0))));
    }
    text.transform(changes, 0);
}

fn nmt(text: &mut NormalizedText) {
    text.filter(|character| {
        !matches!(
            character,
            '\u{1}'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{8f}' | '\u{9f}'
        )
    });
    text.map(|character| match character {
        '\t' | '\n' | '\u{c}' | '\r' => ' ',
        '\u{1680}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{2581}' | '\u{feff}' | '\u{fffd}' => ' ',
        _ => character,
    });
}

/// What is put in stands for the last byte of what it replaces, or for nothing before the start of the text.
fn replace(text: &mut NormalizedText, pattern: &Pattern, content: &str) -> Result<(), Error> {
    let mut stretches = Vec::new();
    pattern.cut(text.as_str(), &mut stretches)?;
    if stretches.iter().all(|(_, matches)| !matches) {
        return Ok(());
    }
    let length =
        |(range, matches): &crate::pattern::Stretch| if *matches { content.len() } else { range.len() };
    let length = stretches.iter().map(length).fold(0, usize::saturating_add);
    text.check_growth(length)?;
    let mut out = text.successor(length);
    let nowhere = (text.original().start as u32, text.original().start as u32);
    for (range, matches) in stretches {
        if matches {
            let origin = range.end.checked_sub(1).map_or(nowhere, |last| text.origin(last));
            content.chars().for_each(|character| out.push(character, origin));
        } else {
            out.push_part(text, range);
        }
    }
    text.replace_by(out);
    Ok(())
}

/// GPT-2's characters for the bytes of `text`, each standing for the character that its byte is of.
pub(crate) fn byte_level(text: &str) -> impl Iterator<Item = Change> {
    text.bytes().map(|byte| (byte_chars::spell_byte(byte), isize::from(byte & 0xc0 == 0x80)))
}
