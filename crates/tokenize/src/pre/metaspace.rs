//! Sentencepiece's way with spaces: each becomes a visible character that begins the word after it.

use super::pieces::{PreTokenized, SplitBehavior, cut_at_chars};
use crate::error::Error;

/// Where [`Metaspace`] puts a replacement that no space asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrependScheme {
    /// Before the first piece of the text.
    First,
    /// Nowhere.
    Never,
    /// Before every piece that an added token or another pre-tokenizer has left.
    Always,
}

/// Replaces spaces by a visible character and cuts before it; as a decoder, puts the spaces back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metaspace {
    /// What stands for a space: `▁` (U+2581) as a rule.
    pub replacement: char,
    /// Where one more stands.
    pub prepend_scheme: PrependScheme,
    /// Whether the text is cut before each.
    pub split: bool,
}

impl Default for Metaspace {
    fn default() -> Self {
        Self { replacement: '▁', prepend_scheme: PrependScheme::Always, split: true }
    }
}

impl Metaspace {
    pub(super) fn pre_tokenize(&self, text: &mut PreTokenized) -> Result<(), Error> {
        let mut buffer = [0; 4];
        let replacement: &str = self.replacement.encode_utf8(&mut buffer);
        let mut marked = text.parts().0.successor(0);
        text.rewrite(|piece, out| {
            let prepends = match self.prepend_scheme {
                PrependScheme::Always => true,
                PrependScheme::First => piece.start == 0,
                PrependScheme::Never => false,
            };
            let prepends = prepends && !piece.text.starts_with([' ', self.replacement]);
            if !prepends {
                return piece.replace_char(' ', self.replacement, out);
            }
            marked.clear();
            piece.replace_char(' ', self.replacement, &mut marked);
            marked.whole().prepend(replacement, out);
        });
        if self.split {
            text.split(SplitBehavior::MergedWithNext, |piece, stretches| {
                cut_at_chars(piece, stretches, |character| character == self.replacement);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// A token's text: spaces where the replacement stands, nothing where the first token has it.
    pub(crate) fn decode(&self, token: &str, is_first: bool, out: &mut String) {
        let drops = is_first && self.prepend_scheme != PrependScheme::Never;
        for character in token.chars() {
            if character != self.replacement {
                out.push(character);
            } else if !drops {
                out.push(' ');
            }
        }
    }
}
