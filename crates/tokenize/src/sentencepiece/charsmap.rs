//! The table from character sequences to what replaces them that a model carries.

use std::ops::ControlFlow;

use crate::darts::Darts;

/// A `precompiled_charsmap`: the length of a trie in bytes as a little-endian `u32`, the trie (a double array of
/// Darts-clone), and the replacements, each ended by a NUL, to whose starts the trie's values point.
#[derive(Clone)]
pub(super) struct Charsmap {
    trie: Darts,
    replacements: String,
}

impl Charsmap {
    pub(super) fn new(blob: &[u8]) -> Result<Self, String> {
        let Some((length, rest)) = blob.split_first_chunk::<4>() else {
            return Err(format!("{} bytes, where the length alone takes four", blob.len()));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((trie, replacements)) = rest.split_at_checked(length) else {
            return Err(format!("a trie of {length} bytes is announced, {} are left", rest.len()));
        };
        let trie = Darts::new(trie);
        match std::str::from_utf8(replacements) {
            Ok(replacements) => Ok(Self { trie, replacements: replacements.to_owned() }),
            Err(error) => {
                Err(format!("the replacements stop being UTF-8 at their byte {}", error.valid_up_to()))
            }
        }
    }

    /// The length of the longest sequence that begins `text`, and what replaces it.
    pub(super) fn longest_prefix(&self, text: &[u8]) -> Option<(usize, &str)> {
        let mut longest = None;
        self.trie.walk(text, |length, value| {
            longest = Some((length, value));
            ControlFlow::Continue(())
        });
        let (length, start) = longest?;
        let rest = self.replacements.get(start as usize..)?;
        Some((length, rest.split('\0').next().unwrap_or(rest)))
    }

    /// Whether the table has a sequence that begins with these bytes.
    pub(super) fn has_prefix(&self, bytes: &[u8]) -> bool {
        self.trie.walk(bytes, |_, _| ControlFlow::Continue(())) == bytes.len()
    }
}
