//! The byte-level model: text to ids by merges, ids to text.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::cache::WordCache;
use super::merges::{Merges, Scratch};
use crate::added::{AddedToken, AddedTokens, Specials};
use crate::error::Error;
use crate::split::Split;
use crate::tokenizer::{Spans, Tokenizer};
use crate::vocab::Vocab;

/// Texts are cut into parts of this size for [`ByteLevelBpe::encode_parallel`].
const PART_BYTES: usize = 1 << 16;
/// And of this size where a budget may end the work early.
const BUDGET_PART_BYTES: usize = 1 << 12;

/// Byte-level byte-pair encoding, as of GPT-2 (Radford et al. 2019).
///
/// A text is cut into pieces by a [`Split`]; each piece starts as single bytes, and the pair of neighbouring tokens
/// whose merge was learnt first is merged, until no pair is left that was. Every string and every byte string has an
/// encoding, and decoding gives it back exactly.
///
/// A model comes from [`ByteLevelBpeTrainer`](crate::ByteLevelBpeTrainer) or from a file
/// ([`from_file`](Self::from_file), [`from_vocab_and_merges`](Self::from_vocab_and_merges)). Encoding takes `&self`
/// and can be done from many threads at once.
///
/// ```
/// use tokenize::{ByteLevelBpeTrainer, Specials};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let tokenizer = ByteLevelBpeTrainer::new(300).special_tokens(["<|end|>"]).train(["a rose is a rose is a rose"])?;
/// let ids = tokenizer.encode("a rose");
/// assert_eq!(tokenizer.token(ids[1]), Some(&b" rose"[..]));
/// assert_eq!(tokenizer.decode(&ids)?, "a rose");
/// assert_eq!(tokenizer.encode_with("<|end|>", Specials::All), [0]);
/// # Ok(())
/// # }
/// ```
pub struct ByteLevelBpe {
    vocab: Vocab,
    merges: Merges,
    split: Split,
    /// The ids below this are the model's; those from here on belong to added tokens alone.
    model_size: u32,
    added: AddedTokens,
    /// Whether a piece that is a token is never taken apart, even where the merges would not build it.
    whole_words: bool,
    workers: Mutex<Vec<Worker>>,
}

/// What one encoding needs to itself; kept for the next when it is done.
struct Worker {
    cache: WordCache,
    scratch: Scratch,
}

/// One merge of a [`ByteLevelBpe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge<'m> {
    /// Bytes of the left token.
    pub left: &'m [u8],
    /// Bytes of the right token.
    pub right: &'m [u8],
    /// Id of the token that both become.
    pub id: u32,
}

impl ByteLevelBpe {
    /// A model of tokens and the pairs of ids to merge, in order.
    ///
    /// # Errors
    /// [`Error::Config`] if a byte has no token, or a merge names an id that no token has, makes a token that is not
    /// there, or comes twice.
    pub(crate) fn new(vocab: Vocab, merges: Vec<(u32, u32)>, split: Split) -> Result<Self, Error> {
        let mut byte_ids = [0; 256];
        for byte in 0..=255 {
            byte_ids[usize::from(byte)] = vocab
                .id(&[byte])
                .ok_or_else(|| Error::Config(format!("no token for the byte {byte:#04x}")))?;
        }
        if merges.len() > Merges::MAX {
            return Err(Error::Config(format!(
                "{} merges, of which {} can be taken",
                merges.len(),
                Merges::MAX
            )));
        }
        let mut rules = Vec::with_capacity(merges.len());
        let mut token = Vec::new();
        for (rank, (left, right)) in merges.into_iter().enumerate() {
            token.clear();
            for id in [left, right] {
                let part = vocab
                    .token(id)
                    .ok_or_else(|| Error::Config(format!("merge {rank}: no token has id {id}")))?;
                token.extend_from_slice(part);
            }
            let merged = vocab.id(&token).ok_or_else(|| {
                Error::Config(format!(
                    "merge {rank} makes {:?}, which is no token",
                    String::from_utf8_lossy(&token)
                ))
            })?;
            rules.push([left, right, merged]);
        }
        let merges = Merges::new(byte_ids, rules).map_err(|rank| {
            Error::Config(format!("merge {rank} merges a pair that an earlier one merges"))
        })?;
        Ok(Self {
            model_size: vocab.len() as u32,
            vocab,
            merges,
            split,
            added: AddedTokens::default(),
            whole_words: false,
            workers: Mutex::default(),
        })
    }

    /// A model whose merges follow from the order of its tokens: of `ordinary` ids, ascending, the smaller merges
    /// first. A piece that is a token is that token.
    ///
    /// # Errors
    /// [`Error::Config`] if a byte has no token or there are too many.
    pub(crate) fn from_ranks(vocab: Vocab, ordinary: &[u32], split: Split) -> Result<Self, Error> {
        let merges = super::ranks::merges(&vocab, ordinary)?;
        let mut model = Self::new(vocab, merges, split)?;
        model.whole_words = true;
        Ok(model)
    }

    /// Adds a token that is found in texts as a string. Its id must be that of the token with the same bytes, or the
    /// next free one.
    pub(crate) fn add_token(&mut self, token: AddedToken) -> Result<(), Error> {
        let content = token.content.as_bytes();
        if content.is_empty() {
            return Err(Error::Config("an added token is empty".to_owned()));
        }
        if self.added.tokens().iter().any(|other| other.content == token.content) {
            return Err(Error::Config(format!("added token {:?} comes twice", token.content)));
        }
        if self.vocab.token(token.id) != Some(content) {
            if token.id as usize != self.vocab.len() {
                return Err(Error::Config(format!(
                    "added token {:?} has id {}, where its own or the next free id, {}, is expected",
                    token.content,
                    token.id,
                    self.vocab.len()
                )));
            }
            self.vocab.push(content);
        }
        self.added.push(token);
        Ok(())
    }

    /// Makes every piece that is a token that token, whatever the merges say (`ignore_merges` of `tokenizer.json`).
    pub(crate) fn set_whole_words(&mut self, whole_words: bool) {
        self.whole_words = whole_words;
    }

    pub(crate) fn whole_words(&self) -> bool {
        self.whole_words
    }

    /// The tokens that are the model's own, by id.
    pub(crate) fn model_tokens(&self) -> impl Iterator<Item = &[u8]> {
        self.vocab.iter().take(self.model_size as usize)
    }

    /// How texts are cut into pieces.
    pub fn split(&self) -> Split {
        self.split
    }

    /// The added tokens, special ones and others.
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// The merges in the order in which they were learnt.
    pub fn merges(&self) -> impl ExactSizeIterator<Item = Merge<'_>> {
        self.merges.rules().iter().map(|&[left, right, id]| Merge {
            left: self.vocab.token(left).unwrap_or_default(),
            right: self.vocab.token(right).unwrap_or_default(),
            id,
        })
    }

    /// Number of ids, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    /// The bytes of a token.
    pub fn token(&self, id: u32) -> Option<&[u8]> {
        self.vocab.token(id)
    }

    /// The id of the token with exactly these bytes.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        self.vocab.id(token)
    }

    /// The ids of `text`; special tokens in it are encoded like any other characters.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.encode_with(text, Specials::None)
    }

    /// The ids of `text`, with some special tokens taken for what they are.
    pub fn encode_with(&self, text: &str, specials: Specials<'_>) -> Vec<u32> {
        self.encode_bytes_with(text.as_bytes(), specials)
    }

    /// The ids of bytes that need not be UTF-8. Text among them is cut as [`encode`](Self::encode) cuts it; a byte
    /// that belongs to no character counts as a symbol.
    pub fn encode_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.encode_bytes_with(bytes, Specials::None)
    }

    /// [`encode_bytes`](Self::encode_bytes) with some special tokens taken for what they are.
    pub fn encode_bytes_with(&self, bytes: &[u8], specials: Specials<'_>) -> Vec<u32> {
        let mut ids = Vec::with_capacity(bytes.len() / 3);
        self.for_each_word(bytes, specials, |word| append(&mut ids, word));
        ids
    }

    /// The ids of bytes as one piece, which no split cuts.
    pub fn encode_piece(&self, piece: &[u8]) -> Vec<u32> {
        let mut worker = self.take_worker();
        let ids = self.encode_word(piece, &mut worker.scratch).to_vec();
        self.give_back(worker);
        ids
    }

    /// The ids of `text` and where each came from.
    ///
    /// ```
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let tokenizer = tokenize::ByteLevelBpeTrainer::new(270).train(["so so so"])?;
    /// let encoding = tokenizer.encode_with_offsets("so é", tokenize::Specials::None);
    /// assert_eq!(encoding.offsets, [0..2, 2..3, 3..4, 4..5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn encode_with_offsets(&self, text: &str, specials: Specials<'_>) -> Spans {
        let ids = self.encode_with(text, specials);
        let mut end = 0;
        let offset = |&id: &u32| -> Range<usize> {
            let start = end;
            end += self.vocab.token(id).map_or(0, <[u8]>::len);
            start..end
        };
        let offsets = ids.iter().map(offset).collect();
        Spans { ids, offsets }
    }

    /// Encodes many texts in parallel; the result is in the order of the texts.
    pub fn encode_batch<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Vec<Vec<u32>> {
        texts.par_iter().map(|text| self.encode(text.as_ref())).collect()
    }

    /// The ids of one long text, encoded in parallel: the same as [`encode`](Self::encode) gives.
    pub fn encode_parallel(&self, text: &str) -> Vec<u32> {
        let mut segments = Vec::new();
        self.added.for_each_segment(text.as_bytes(), Specials::None, |segment| segments.push(segment));
        let mut ids = Vec::with_capacity(text.len() / 3);
        for segment in segments {
            match segment.id {
                Some(id) => ids.push(id),
                None => {
                    let parts: Vec<&[u8]> =
                        self.split.parts(&text.as_bytes()[segment.range], PART_BYTES).collect();
                    let encoded: Vec<Vec<u32>> =
                        parts.par_iter().map(|part| self.encode_plain(part)).collect();
                    encoded.iter().for_each(|part| ids.extend_from_slice(part));
                }
            }
        }
        ids
    }

    /// Number of ids of `text`, without making them.
    pub fn count(&self, text: &str) -> usize {
        let mut count = 0;
        self.for_each_word(text.as_bytes(), Specials::None, |word| count += word.len());
        count
    }

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
                    let mut parts = self.split.parts(&text.as_bytes()[segment.range], BUDGET_PART_BYTES);
                    _ = parts.all(|part| take(&self.encode_plain(part)));
                }
            }
        });
        (&text[..kept.0], kept.1)
    }

    /// The bytes of `ids`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] at the first id that no token has.
    pub fn decode_bytes(&self, ids: &[u32]) -> Result<Vec<u8>, Error> {
        self.vocab.decode_bytes(ids)
    }

    /// The text of `ids`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that no token has, [`Error::InvalidUtf8`] if the bytes are not text, as where
    /// the ids stop in the middle of a character.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        Tokenizer::decode(self, ids)
    }

    /// The text of `ids`, with U+FFFD for ids that no token has and for bytes that are not text.
    pub fn decode_lossy(&self, ids: &[u32]) -> String {
        Tokenizer::decode_lossy(self, ids)
    }

    /// The ids of text in which no added token is looked for.
    fn encode_plain(&self, text: &[u8]) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        self.append_plain(text, &mut ids);
        ids
    }

    /// Appends the ids of text in which no added token is looked for.
    pub(crate) fn append_plain(&self, text: &[u8], ids: &mut Vec<u32>) {
        let mut worker = self.take_worker();
        self.encode_segment(text, &mut worker, &mut |word| append(ids, word));
        self.give_back(worker);
    }

    /// Calls `emit` with the ids of each word or added token of `text`.
    fn for_each_word(&self, text: &[u8], specials: Specials<'_>, mut emit: impl FnMut(&[u32])) {
        let mut worker = self.take_worker();
        self.added.for_each_segment(text, specials, |segment| match segment.id {
            Some(id) => emit(&[id]),
            None => self.encode_segment(&text[segment.range], &mut worker, &mut emit),
        });
        self.give_back(worker);
    }

    fn encode_segment(&self, text: &[u8], worker: &mut Worker, emit: &mut impl FnMut(&[u32])) {
        let Worker { cache, scratch } = worker;
        self.split.for_each(text, |word| {
            let key = WordCache::key(text, word.start, word.end);
            if let Some(found) = key.and_then(|key| cache.get(key)) {
                return emit(&found.ids[..found.length.min(found.ids.len())]);
            }
            let ids = self.encode_word(&text[word], scratch);
            if let Some(key) = key {
                cache.insert(key, ids);
            }
            emit(ids);
        });
    }

    fn encode_word<'s>(&self, word: &[u8], scratch: &'s mut Scratch) -> &'s [u32] {
        if self.whole_words
            && let Some(id) = self.vocab.id(word)
            && self.is_models_own(id)
        {
            return scratch.one(id);
        }
        self.merges.apply(word, scratch)
    }

    /// Whether ordinary text may become this token.
    fn is_models_own(&self, id: u32) -> bool {
        id < self.model_size && !self.added.tokens().iter().any(|token| token.id == id)
    }

    fn take_worker(&self) -> Worker {
        let waiting = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        waiting.unwrap_or_else(|| Worker { cache: WordCache::new(), scratch: Scratch::default() })
    }

    fn give_back(&self, worker: Worker) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

/// Appends the ids of a word. Nearly always there is one, which needs no copy of unknown length.
#[inline]
fn append(ids: &mut Vec<u32>, word: &[u32]) {
    match *word {
        [id] => ids.push(id),
        [first, second] => ids.extend([first, second]),
        _ => ids.extend_from_slice(word),
    }
}

impl Tokenizer for ByteLevelBpe {
    fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.encode(text))
    }

    fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    fn token(&self, id: u32) -> Option<&[u8]> {
        self.vocab.token(id)
    }

    fn id(&self, token: &[u8]) -> Option<u32> {
        self.vocab.id(token)
    }

    fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(self.count(text))
    }
}

impl Clone for ByteLevelBpe {
    fn clone(&self) -> Self {
        Self {
            vocab: self.vocab.clone(),
            merges: self.merges.clone(),
            split: self.split,
            model_size: self.model_size,
            added: self.added.clone(),
            whole_words: self.whole_words,
            workers: Mutex::default(),
        }
    }
}

impl std::fmt::Debug for ByteLevelBpe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByteLevelBpe")
            .field("vocab_size", &self.vocab.len())
            .field("merges", &self.merges.rules().len())
            .field("split", &self.split)
            .field("added_tokens", &self.added.tokens())
            .finish_non_exhaustive()
    }
}
