//! As much of a text as a number of tokens can hold.

use super::model::ByteLevelBpe;
use crate::added::Specials;

/// Texts are read in parts of this size, since the budget may end the work early.
const PART_BYTES: usize = 1 << 12;

impl ByteLevelBpe {
    /// The beginning of `text` that its first `most` ids stand for, and how many ids that are: fewer than `most` where
    /// the text has no more, or where the last ones would end inside a character. Text after the cut is read only as
    /// far as a few thousand bytes.
    ///
    /// ```
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let tokenizer = tokenize::ByteLevelBpeTrainer::new(270).train(["so so so"])?;
    /// assert_eq!(tokenizer.take_tokens("so so long", 2), ("so so", 2));
    /// assert_eq!(tokenizer.take_tokens("é", 1), ("", 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_tokens<'t>(&self, text: &'t str, most: usize) -> (&'t str, usize) {
        let (mut taken, mut end, mut kept) = (0, 0, (0, 0));
        self.added.for_each_segment(text.as_bytes(), Specials::None, |segment| {
            if taken == most {
                return;
            }
            let mut take = |ids: &[u32]| {
                for &id in ids.iter().take(most - taken) {
                    taken += 1;
                    end += self.vocab.token(id).map_or(0, <[u8]>::len);
                    if text.is_char_boundary(end) {
                        kept = (end, taken);
                    }
                }
                taken < most
            };
            match segment.id {
                Some(id) => _ = take(&[id]),
                None => {
                    let mut parts = self.split.parts(&text.as_bytes()[segment.range], PART_BYTES);
                    _ = parts.all(|part| take(&self.encode_plain(part)));
                }
            }
        });
        (&text[..kept.0], kept.1)
    }
}
