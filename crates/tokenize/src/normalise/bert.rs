//! The normaliser of BERT's original tokenizer.

use super::text::{Change, NormalizedText};
use super::{forms, lowercase};
use crate::properties;

/// Cleaning, spaces around Chinese characters, accents and case, as in BERT (Devlin et al. 2019).
///
/// ```
/// use tokenize::normalise::{BertNormalizer, NormalizedText, Normalizer};
///
/// let mut text = NormalizedText::new("Café\u{0}\n中");
/// Normalizer::Bert(BertNormalizer::default()).normalize(&mut text)?;
/// assert_eq!(text.as_str(), "cafe  中 ");
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BertNormalizer {
    /// Remove control characters, and make every whitespace character a space.
    pub clean_text: bool,
    /// Put a space before and after every Chinese character.
    pub handle_chinese_chars: bool,
    /// Decompose and remove nonspacing marks; `None`: as `lowercase`.
    pub strip_accents: Option<bool>,
    /// Make all letters small.
    pub lowercase: bool,
}

impl Default for BertNormalizer {
    /// All of it, as for an uncased model.
    fn default() -> Self {
        Self { clean_text: true, handle_chinese_chars: true, strip_accents: None, lowercase: true }
    }
}

impl BertNormalizer {
    /// Whether accents go.
    pub(crate) fn strips_accents(&self) -> bool {
        self.strip_accents.unwrap_or(self.lowercase)
    }

    pub(super) fn normalize(&self, text: &mut NormalizedText) {
        if self.clean_text {
            text.filter(|character| !is_dirt(character));
            text.map(|character| if character.is_whitespace() { ' ' } else { character });
        }
        if self.handle_chinese_chars && text.as_str().chars().any(is_chinese) {
            let mut changes: Vec<Change> = Vec::with_capacity(text.as_str().len());
            for character in text.as_str().chars() {
                if is_chinese(character) {
                    changes.extend([(' ', 0), (character, 1), (' ', 1)]);
                } else {
                    changes.push((character, 0));
                }
            }
            text.transform(changes, 0);
        }
        if self.strips_accents() {
            forms::normalize(text, false, false);
            text.filter(|character| !properties::is_nonspacing_mark(character));
        }
        if self.lowercase {
            lowercase(text);
        }
    }
}

/// What cleaning removes: NUL, U+FFFD, control, format and private-use characters, but not tab and line ends.
fn is_dirt(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{fffd}' => true,
        _ => properties::is_other(character),
    }
}

/// The blocks of Chinese characters that BERT's tokenizer names; `tokenizers` starts one of them late, and so do we.
pub(crate) fn is_chinese(character: char) -> bool {
    matches!(
        character,
        '\u{4e00}'..='\u{9fff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2b81f}'
            | '\u{2b920}'..='\u{2ceaf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}
