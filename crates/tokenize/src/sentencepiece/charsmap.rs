//! The table from character sequences to what replaces them that a model carries.

/// A `precompiled_charsmap`: the length of a trie in bytes as a little-endian `u32`, the trie (a double array of
/// Darts-clone), and the replacements, each ended by a NUL, to whose starts the trie's values point.
#[derive(Clone)]
pub(super) struct Charsmap {
    trie: Vec<u32>,
    replacements: String,
}

/// Marks a unit of the trie that holds a value.
const VALUE: u32 = 1 << 31;

impl Charsmap {
    pub(super) fn new(blob: &[u8]) -> Result<Self, String> {
        let Some((length, rest)) = blob.split_first_chunk::<4>() else {
            return Err(format!("{} bytes, where the length alone takes four", blob.len()));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((trie, replacements)) = rest.split_at_checked(length) else {
            return Err(format!("a trie of {length} bytes is announced, {} are left", rest.len()));
        };
        let trie = trie.as_chunks::<4>().0.iter().map(|&unit| u32::from_le_bytes(unit)).collect();
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
        self.walk(text, |length, value| longest = Some((length, value)));
        let (length, start) = longest?;
        let rest = self.replacements.get(start as usize..)?;
        Some((length, rest.split('\0').next().unwrap_or(rest)))
    }

    /// Whether the table has a sequence that begins with these bytes.
    pub(super) fn has_prefix(&self, bytes: &[u8]) -> bool {
        self.walk(bytes, |_, _| {}) == bytes.len()
    }

    /// Calls `visit` with the length and value of every sequence that begins `text`; gives how far the trie goes.
    fn walk(&self, text: &[u8], mut visit: impl FnMut(usize, u32)) -> usize {
        let unit = |at: u32| self.trie.get(at as usize).copied();
        let mut at = unit(0).map_or(0, offset);
        for (read, &byte) in text.iter().enumerate() {
            at ^= u32::from(byte);
            let Some(node) = unit(at).filter(|node| node & (VALUE | 0xff) == u32::from(byte)) else {
                return read;
            };
            at ^= offset(node);
            if node >> 8 & 1 == 1
                && let Some(value) = unit(at)
            {
                visit(read + 1, value & !VALUE);
            }
        }
        text.len()
    }
}

/// Where a unit's children are, relative to it.
fn offset(unit: u32) -> u32 {
    (unit >> 10) << ((unit & 1 << 9) >> 6)
}
