//! The normaliser that sentencepiece compiles into its models.

use std::fmt;
use std::ops::ControlFlow;

use unicode_segmentation::UnicodeSegmentation;

use super::text::{Change, NormalizedText};
use crate::darts::Darts;
use crate::error::Error;

/// Sentencepiece's `precompiled_charsmap`: a table from character sequences to what replaces them.
///
/// The bytes are a little-endian `u32` length, a double-array trie (Aoe 1989; the units of Darts-clone) of that many
/// bytes, and the replacements, each ended by a NUL, to whose starts the trie's values point.
///
/// As in `tokenizers`, a grapheme cluster of fewer than six bytes is replaced whole if the trie knows it or a
/// beginning of it; else its characters are replaced one by one.
///
/// ```
/// use tokenize::normalise::{Charsmap, NormalizedText, Normalizer};
///
/// // A trie whose one key is a tab: the root is unit 0, the key ends in unit 9, whose value is in unit 8.
/// let mut trie = [0_u32; 10];
/// trie[9] = u32::from(b'\t') | 1 << 8 | 1 << 10;
/// trie[8] = 1 << 31;
/// let mut blob = 40_u32.to_le_bytes().to_vec();
/// blob.extend(trie.iter().flat_map(|unit| unit.to_le_bytes()));
/// blob.extend(b" \0");
///
/// let charsmap = Charsmap::new(blob.clone())?;
/// assert_eq!(charsmap.as_bytes(), blob);
/// let mut text = NormalizedText::new("to\tbe");
/// Normalizer::Precompiled(charsmap).normalize(&mut text)?;
/// assert_eq!(text.as_str(), "to be");
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Charsmap {
    blob: Vec<u8>,
    trie: Darts,
    /// Where the replacements start in `blob`.
    replacements: usize,
}

impl Charsmap {
    /// Reads the bytes of a `precompiled_charsmap`.
    ///
    /// # Errors
    /// [`Error::Config`] if the length is wrong or the replacements are not UTF-8.
    pub fn new(blob: Vec<u8>) -> Result<Self, Error> {
        let error = |what: String| Error::Config(format!("precompiled charsmap: {what}"));
        let Some((length, rest)) = blob.split_first_chunk::<4>() else {
            return Err(error(format!("{} bytes, where the length alone takes four", blob.len())));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((trie, replacements)) = rest.split_at_checked(length / 4 * 4) else {
            return Err(error(format!("a trie of {length} bytes in {} bytes", rest.len())));
        };
        if let Err(fault) = std::str::from_utf8(replacements) {
            let at = fault.valid_up_to();
            return Err(error(format!("the replacements stop being UTF-8 at their byte {at}")));
        }
        let trie = Darts::new(trie);
        let replacements = blob.len() - replacements.len();
        Ok(Self { blob, trie, replacements })
    }

    /// The bytes it was read from.
    pub fn as_bytes(&self) -> &[u8] {
        &self.blob
    }

    /// What replaces `text`, or the shortest beginning of it that the trie knows.
    fn find(&self, text: &str) -> Option<&str> {
        // A NUL would end a key, so none reaches beyond one.
        let text = text.split('\0').next()?;
        let mut shortest = None;
        self.trie.walk(text.as_bytes(), |_, value| {
            shortest = Some(value);
            ControlFlow::Break(())
        });
        self.replacement(shortest?)
    }

    fn replacement(&self, start: u32) -> Option<&str> {
        let rest = self.blob[self.replacements..].get(start as usize..)?;
        let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).ok()
    }

    pub(super) fn normalize(&self, text: &mut NormalizedText) -> Result<(), Error> {
        let mut changes = Vec::with_capacity(text.as_str().len());
        let mut changed = false;
        for grapheme in text.as_str().graphemes(true) {
            if grapheme.len() < 6
                && let Some(new) = self.find(grapheme)
            {
                changed = true;
                replace(&mut changes, grapheme.chars().count(), new);
                text.check_growth(changes.len())?;
                continue;
            }
            let mut buffer = [0; 4];
            for character in grapheme.chars() {
                match self.find(character.encode_utf8(&mut buffer)) {
                    Some(new) => {
                        changed = true;
                        replace(&mut changes, 1, new);
                        text.check_growth(changes.len())?;
                    }
                    None => changes.push((character, 0)),
                }
            }
        }
        if changed {
            text.transform(changes, 0);
        }
        Ok(())
    }
}

/// Appends what replaces `old` characters. The last characters count as inserted or as followed by removed ones, even
/// where that reaches back into what came before.
fn replace(changes: &mut Vec<Change>, old: usize, new: &str) {
    let start = changes.len();
    changes.extend(new.chars().map(|character| (character, 0)));
    let count = changes.len() - start;
    if count > old {
        let inserted = changes.len() - (count - old);
        changes[inserted..].iter_mut().for_each(|change| change.1 = 1);
    } else if let Some(last) = changes.last_mut() {
        last.1 -= (old - count) as isize;
    }
}

impl fmt::Debug for Charsmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charsmap({} bytes)", self.blob.len())
    }
}
