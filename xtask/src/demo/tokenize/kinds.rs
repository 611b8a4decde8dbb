//! The three kinds of subword tokenizer, each as the models that use it have it.

use tokenize::decoder::Decoder;
use tokenize::model::{Model, WordLevel};
use tokenize::normalise::{BertNormalizer, Normalizer};
use tokenize::pre::{Metaspace, PreTokenizer};
use tokenize::train::{Progress, Trainer, UnigramTrainer, WordPieceTrainer};
use tokenize::{ByteLevelBpeTrainer, Parts, Pipeline};

use crate::Failure;
use crate::learning::Learning;

/// The token of what a vocabulary cannot express.
const UNKNOWN: &str = "[UNK]";

/// What merges or chooses pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Merges of bytes, as GPT-2 has them.
    Bpe,
    /// Merges of characters, the longest piece first, as BERT has them: small letters, no accents, and every Chinese
    /// character a word of its own.
    WordPiece,
    /// The most probable pieces, as T5 has them, with spaces as `▁`.
    Unigram,
}

pub(super) const KINDS: [Kind; 3] = [Kind::Bpe, Kind::WordPiece, Kind::Unigram];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bpe => "BPE",
            Self::WordPiece => "WordPiece",
            Self::Unigram => "Unigram",
        }
    }

    /// A tokenizer with `vocab` tokens, learnt from the lines of `text`.
    pub(super) fn train(self, vocab: usize, text: &str) -> Result<Pipeline, Failure> {
        let mut learning = Learning::new(self.name());
        let tell = &mut |progress: Progress<'_>| learning.update(progress);
        let Some(parts) = self.parts()? else {
            let bpe = ByteLevelBpeTrainer::new(vocab).train_with([text], tell)?;
            return Ok(Pipeline::from_json(&bpe.to_json())?);
        };
        // Before it has a model that has learnt anything, a pipeline can cut texts into words.
        let words = Pipeline::new(parts.clone())?;
        let model = match self {
            Self::WordPiece => {
                let trainer = WordPieceTrainer::new(vocab).special_tokens([UNKNOWN]);
                Model::WordPiece(trainer.train(&words, text.lines(), tell)?)
            }
            _ => {
                let trainer = UnigramTrainer::new(vocab).unk_token(UNKNOWN);
                Model::Unigram(trainer.train(&words, text.lines(), tell)?)
            }
        };
        Ok(Pipeline::new(Parts { model, ..parts })?)
    }

    /// What stands before and after the model; byte pairs have a tokenizer of their own.
    fn parts(self) -> Result<Option<Parts>, Failure> {
        let nothing = Model::WordLevel(WordLevel::new([(UNKNOWN.to_owned(), 0)], UNKNOWN)?);
        Ok(match self {
            Self::Bpe => None,
            Self::WordPiece => Some(Parts {
                normalizer: Some(Normalizer::Bert(BertNormalizer::default())),
                pre_tokenizer: Some(PreTokenizer::Bert),
                decoder: Some(Decoder::WordPiece { prefix: "##".to_owned(), cleanup: true }),
                ..Parts::new(nothing)
            }),
            Self::Unigram => {
                let metaspace = Metaspace::default();
                Some(Parts {
                    normalizer: Some(Normalizer::Nfkc),
                    pre_tokenizer: Some(PreTokenizer::Metaspace(metaspace)),
                    decoder: Some(Decoder::Metaspace(metaspace)),
                    ..Parts::new(nothing)
                })
            }
        })
    }
}
