//! The three kinds of subword tokenizer, each as the models that use it have it.

use tokenize::decoder::Decoder;
use tokenize::model::Model;
use tokenize::normalise::{BertNormalizer, Normalizer};
use tokenize::pre::{Metaspace, PreTokenizer};
use tokenize::train::{Trainer, UnigramTrainer, WordPieceTrainer};
use tokenize::{ByteLevelBpeTrainer, Parts, Pipeline};

use crate::Failure;

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
        let silent = &mut |_: tokenize::train::Progress<'_>| {};
        let parts = match self {
            Self::Bpe => {
                let bpe = ByteLevelBpeTrainer::new(vocab).train([text])?;
                return Ok(Pipeline::from_json(&bpe.to_json())?);
            }
            Self::WordPiece => {
                let normalizer = Normalizer::Bert(BertNormalizer::default());
                let words = Words { normalizer: Some(&normalizer), pre_tokenizer: Some(&PreTokenizer::Bert) };
                let trainer = WordPieceTrainer::new(vocab).special_tokens(["[UNK]"]);
                let model = trainer.train(&words, text.lines(), silent)?;
                Parts {
                    normalizer: Some(normalizer),
                    pre_tokenizer: Some(PreTokenizer::Bert),
                    decoder: Some(Decoder::WordPiece { prefix: "##".to_owned(), cleanup: true }),
                    ..Parts::new(Model::WordPiece(model))
                }
            }
            Self::Unigram => {
                let (normalizer, metaspace) = (Normalizer::Nfkc, Metaspace::default());
                let pre_tokenizer = PreTokenizer::Metaspace(metaspace);
                let words = Words { normalizer: Some(&normalizer), pre_tokenizer: Some(&pre_tokenizer) };
                let model =
                    UnigramTrainer::new(vocab).unk_token("<unk>").train(&words, text.lines(), silent)?;
                Parts {
                    normalizer: Some(normalizer),
                    pre_tokenizer: Some(pre_tokenizer),
                    decoder: Some(Decoder::Metaspace(metaspace)),
                    ..Parts::new(Model::Unigram(model))
                }
            }
        };
        Ok(Pipeline::new(parts)?)
    }
}
