//! Ids alone, without alignments, tokens or masks.

use super::Pipeline;
use super::encode::Segment;
use crate::error::Error;
use crate::model::{Piece, Scratch};

impl Pipeline {
    /// The ids of a text: those of [`encode`](Self::encode), found faster.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, Error> {
        let plain = self.post_processor.as_ref().is_none_or(crate::post::PostProcessor::adds_to_a_text);
        if self.truncation.is_some() || self.padding.is_some() || !plain {
            return Ok(self.encode(text, add_special_tokens)?.ids);
        }
        let mut ids = self.ids(text, self.specials_as_text)?;
        if let Some(post) = &self.post_processor
            && add_special_tokens
        {
            post.add_special_ids(&mut ids);
        }
        Ok(ids)
    }

    /// The ids of a text without special tokens around it.
    pub(super) fn ids(&self, text: &str, specials_as_text: bool) -> Result<Vec<u32>, Error> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let (mut scratch, mut found) = (Scratch::default(), Vec::<Piece>::new());
        self.for_each_segment(text, specials_as_text, |segment| {
            match &segment {
                Segment::Token(id, ..) => ids.push(*id),
                Segment::Pieces(pieces) => {
                    for (piece, _) in pieces.pieces() {
                        found.clear();
                        self.model.pieces_with(piece, &mut scratch, &mut found)?;
                        ids.extend(found.iter().map(|piece| piece.id));
                    }
                }
            }
            Ok(())
        })?;
        Ok(ids)
    }
}
