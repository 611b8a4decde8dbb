//! A text as the tokens that a run trains on and is measured by.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokenize::{ByteLevelBpeTrainer, CharTokenizer, Tokenizer};
use train::{TokenFile, TokenWriter, Tokens};

use crate::Failure;
use crate::learning::Learning;

/// What the units of text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// Every character of the text.
    Characters,
    /// Byte pairs, merged until there are this many.
    BytePairs(usize),
}

impl Units {
    /// A tokenizer for `text`, trained on the part `train` of it, and the same as a file.
    fn tokenizer(self, train: &str, text: &str) -> Result<(Box<dyn Tokenizer>, String), Failure> {
        Ok(match self {
            Self::Characters => {
                let chars = CharTokenizer::from_texts([text]);
                let json = chars.to_json();
                (Box::new(chars), json)
            }
            Self::BytePairs(vocab) => {
                let mut learning = Learning::new("byte pairs");
                let bpe = ByteLevelBpeTrainer::new(vocab)
                    .train_with([train], &mut |progress| learning.update(progress))?;
                let json = bpe.to_json();
                (Box::new(bpe), json)
            }
        })
    }
}

/// Training and validation tokens of a run, and how they came from bytes.
pub(crate) struct Corpus {
    pub(crate) tokenizer: Box<dyn Tokenizer>,
    /// The tokenizer as a file.
    pub(super) tokenizer_json: String,
    pub(super) train: TokenFile,
    pub(super) valid: TokenFile,
    /// Bytes of text per token in the validation part, to compare tokenizers by bits per byte.
    pub(super) valid_bytes_per_token: f64,
    /// SHA-256 of text and tokenizer: a run goes on only with what it began with.
    pub(super) digest: [u8; 32],
}

impl Corpus {
    /// Encodes `text`, its first nine tenths for training, into token files in `dir`.
    pub(crate) fn encode(text: &str, units: Units, dir: &Path) -> Result<Self, Failure> {
        let (train, valid) = split(text);
        let (tokenizer, tokenizer_json) = units.tokenizer(train, text)?;
        let vocab = u32::try_from(tokenizer.vocab_size())?;
        let write = |name: &str, text: &str| -> Result<TokenFile, Failure> {
            let path = dir.join(name);
            let mut writer = TokenWriter::create(&path, vocab)?;
            writer.write(&tokenizer.encode(text)?)?;
            writer.finish()?;
            Ok(TokenFile::open(path)?)
        };
        let (train_file, valid_file) = (write("train.tokens", train)?, write("valid.tokens", valid)?);
        let valid_bytes_per_token = valid.len() as f64 / Tokens::len(&valid_file).max(1) as f64;
        let digest = Sha256::new().chain_update(text).chain_update(&tokenizer_json).finalize().into();
        let (train, valid) = (train_file, valid_file);
        Ok(Self { tokenizer, tokenizer_json, train, valid, valid_bytes_per_token, digest })
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "{} training and {} validation tokens, vocabulary {}, {:.2} bytes per token",
            Tokens::len(&self.train),
            Tokens::len(&self.valid),
            self.tokenizer.vocab_size(),
            self.valid_bytes_per_token
        )
    }
}

/// The first nine tenths, and the rest, cut between characters.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(text.len() / 10 * 9))
}
