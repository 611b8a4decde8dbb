//! Random encodings of a text.

use rand::{Rng, RngExt};

use super::apply::{Scratch, apply_at_random};
use super::model::ByteLevelBpe;
use crate::added::Specials;

impl ByteLevelBpe {
    /// Random ids of `text`, for training: BPE dropout (Provilkov, Emelianenko & Voita 2020). Each time a merge could be
    /// made, it is put off with probability `dropout` until another has been made. At 0 the ids are those of
    /// [`encode`](Self::encode) with merges alone (whole pieces that are tokens are not looked for), at 1 they are
    /// bytes. Special tokens are taken for what they are where `specials` says so.
    ///
    /// ```
    /// # fn main() -> Result<(), tokenize::Error> {
    /// # use rand::SeedableRng;
    /// let tokenizer = tokenize::ByteLevelBpeTrainer::new(270).train(["so so so"])?;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let ids = tokenizer.encode_with_dropout("so so", 0.5, tokenize::Specials::None, &mut rng);
    /// assert_eq!(tokenizer.decode(&ids)?, "so so");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If `dropout` is not between 0 and 1.
    #[track_caller]
    pub fn encode_with_dropout(
        &self,
        text: &str,
        dropout: f32,
        specials: Specials<'_>,
        rng: &mut impl Rng,
    ) -> Vec<u32> {
        assert!((0.0..=1.0).contains(&dropout), "dropout: {dropout} is not between 0 and 1");
        let (mut ids, mut scratch) = (Vec::new(), Scratch::default());
        let text = text.as_bytes();
        let merges = self.table();
        self.added.for_each_segment(text, specials, |segment| {
            if let Some(id) = segment.id {
                return ids.push(id);
            }
            let text = &text[segment.range];
            self.split.for_each(text, |word| {
                let put_off = || dropout == 1.0 || rng.random::<f32>() < dropout;
                ids.extend_from_slice(apply_at_random(merges, &text[word], &mut scratch, put_off));
            });
        });
        ids
    }
}
