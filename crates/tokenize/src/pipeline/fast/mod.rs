//! Ways to the ids of a text that are faster than following the pipeline step by step, for pipelines of known shape.

mod chunks;
mod local;

use crate::bpe::ByteLevelBpe;
use crate::error::Error;
use crate::model::Model;
use crate::normalise::{NormalizedText, Normalizer};
use crate::pre::{ByteLevel, PreTokenized, PreTokenizer};
use crate::split::Split;
use crate::vocab::Vocab;
use chunks::{Buffers, Chunks};

/// A faster way.
pub(super) enum Fast {
    /// A plain byte-level model: its own engine.
    ByteLevel(Box<ByteLevelBpe>),
    /// A text is cut into chunks whose ids are looked up.
    Chunks(Box<Chunks>),
}

impl Fast {
    /// The faster way for these parts, if there is one.
    pub(super) fn new(
        normalizer: Option<&Normalizer>,
        pre_tokenizer: Option<&PreTokenizer>,
        model: &Model,
    ) -> Option<Self> {
        if normalizer.is_none()
            && let Some(engine) = pre_tokenizer.and_then(|pre_tokenizer| byte_level(pre_tokenizer, model))
        {
            return Some(Self::ByteLevel(Box::new(engine)));
        }
        let plan = local::plan(normalizer, pre_tokenizer, model)?;
        Some(Self::Chunks(Box::new(Chunks::new(plan))))
    }

    /// Appends the ids of a part of a text in which no added token is looked for any more. `false`: this way does not
    /// go through this text, and nothing was appended.
    pub(super) fn ids(
        &self,
        part: &str,
        start: usize,
        steps: Steps<'_>,
        ids: &mut Vec<u32>,
    ) -> Result<bool, Error> {
        match self {
            Self::ByteLevel(engine) => {
                engine.append_plain(part.as_bytes(), ids);
                Ok(true)
            }
            Self::Chunks(chunks) => chunks.ids(part, start, steps, ids),
        }
    }
}

/// The parts of a pipeline between the added tokens and the ids.
#[derive(Clone, Copy)]
pub(super) struct Steps<'p> {
    pub(super) normalizer: Option<&'p Normalizer>,
    pub(super) pre_tokenizer: Option<&'p PreTokenizer>,
    pub(super) model: &'p Model,
}

impl Steps<'_> {
    /// Appends the ids of a part of a text, step by step.
    pub(super) fn follow(self, part: &str, start: usize, ids: &mut Vec<u32>) -> Result<(), Error> {
        let text = NormalizedText::part(part, start);
        self.run(self.normalizer, text, &mut Buffers::default(), ids, |_| true).map(|_| ())
    }

    /// Appends the ids of a text under another normaliser, unless `check` refuses the normalised text.
    fn run(
        self,
        normalizer: Option<&Normalizer>,
        mut text: NormalizedText,
        buffers: &mut Buffers,
        ids: &mut Vec<u32>,
        mut check: impl FnMut(&str) -> bool,
    ) -> Result<bool, Error> {
        if let Some(normalizer) = normalizer {
            normalizer.normalize(&mut text)?;
        }
        if !check(text.as_str()) {
            return Ok(false);
        }
        text.take_original_from_origins();
        let mut words = PreTokenized::new(text);
        if let Some(pre_tokenizer) = self.pre_tokenizer {
            pre_tokenizer.pre_tokenize(&mut words)?;
        }
        for (word, _) in words.pieces() {
            buffers.pieces.clear();
            self.model.pieces_with(word, &mut buffers.scratch, &mut buffers.pieces)?;
            ids.extend(buffers.pieces.iter().map(|piece| piece.id));
        }
        Ok(true)
    }
}

impl std::fmt::Debug for Fast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ByteLevel(engine) => f.debug_tuple("ByteLevel").field(engine).finish(),
            Self::Chunks(chunks) => f.debug_tuple("Chunks").field(chunks.plan()).finish(),
        }
    }
}

/// The engine for a byte-level model behind a split that it knows.
fn byte_level(pre_tokenizer: &PreTokenizer, model: &Model) -> Option<ByteLevelBpe> {
    let (split, level) = match pre_tokenizer {
        PreTokenizer::ByteLevel(level) if level.use_regex => (Split::Gpt2, level),
        PreTokenizer::ByteLevel(level) => (Split::Whole, level),
        PreTokenizer::Sequence(steps) => match steps.as_slice() {
            [
                PreTokenizer::Split(split),
                PreTokenizer::ByteLevel(level @ ByteLevel { use_regex: false, .. }),
            ] => (split.known()?, level),
            _ => return None,
        },
        _ => return None,
    };
    let Model::Bpe(bpe) = model else { return None };
    let options = bpe.options();
    let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    let is_plain = !level.add_prefix_space
        && is_empty(&options.continuing_subword_prefix)
        && is_empty(&options.end_of_word_suffix)
        && options.dropout.is_none_or(|dropout| dropout == 0.0);
    if !is_plain {
        return None;
    }
    let mut vocab = Vocab::default();
    let most = bpe.len() * 2;
    for (token, id) in bpe.vocab() {
        let bytes = crate::byte_chars::unspell(token).ok()?;
        if (id as usize) < vocab.len()
            || id as usize >= most
            || bytes.is_empty()
            || vocab.id(&bytes).is_some()
        {
            return None;
        }
        vocab.leave_out_until(id);
        vocab.push(&bytes);
    }
    let merges = bpe.merges().map(|(left, right)| Some((bpe.id(left)?, bpe.id(right)?)));
    let mut engine = ByteLevelBpe::new(vocab, merges.collect::<Option<_>>()?, split).ok()?;
    engine.set_whole_words(options.ignore_merges);
    Some(engine)
}
