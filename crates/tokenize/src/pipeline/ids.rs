//! Ids alone, without alignments, tokens or masks.

use super::Pipeline;
use super::encode::{Segment, check_length};
use super::fast::Steps;
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
        check_length(text)?;
        let mut ids = Vec::with_capacity(text.len() / 4);
        let Some(fast) = self.fast.as_deref().filter(|_| self.added_tokens_are_apart()) else {
            self.ids_by_step(text, specials_as_text, &mut ids)?;
            return Ok(ids);
        };
        let steps = Steps {
            normalizer: self.normalizer.as_ref(),
            pre_tokenizer: self.pre_tokenizer.as_ref(),
            model: &self.model,
        };
        let (mut stretches, mut inner) = (Vec::new(), Vec::new());
        self.added.cut(text, false, specials_as_text, &mut stretches);
        for (range, token) in stretches {
            if let Some(index) = token {
                ids.push(self.added.tokens()[index].id);
                continue;
            }
            inner.clear();
            self.added.cut(&text[range.clone()], true, specials_as_text, &mut inner);
            for (part, token) in inner.drain(..) {
                let part = range.start + part.start..range.start + part.end;
                if let Some(index) = token {
                    ids.push(self.added.tokens()[index].id);
                } else if !fast.ids(&text[part.clone()], part.start, steps, &mut ids)? {
                    steps.follow(&text[part.clone()], part.start, &mut ids)?;
                }
            }
        }
        Ok(ids)
    }

    /// Whether added tokens can be cut out of a text before anything else: none is looked for in what a normaliser
    /// has changed.
    fn added_tokens_are_apart(&self) -> bool {
        self.normalizer.is_none() || !self.added.reads_normalized()
    }

    /// Appends the ids of a text, following all steps.
    fn ids_by_step(&self, text: &str, specials_as_text: bool, ids: &mut Vec<u32>) -> Result<(), Error> {
        let (mut scratch, mut found) = (Scratch::default(), Vec::<Piece>::new());
        self.for_each_segment(text, specials_as_text, |segment| {
            match segment {
                Segment::Token(id, ..) => ids.push(id),
                Segment::Pieces(pieces) => {
                    for (piece, _) in pieces.pieces() {
                        found.clear();
                        self.model.pieces_with(piece, &mut scratch, &mut found)?;
                        ids.extend(found.iter().map(|piece| piece.id));
                    }
                }
            }
            Ok(())
        })
    }
}
