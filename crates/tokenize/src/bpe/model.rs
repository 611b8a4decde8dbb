//! The byte-level model: text to ids by merges, ids to text.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};

use rayon::prelude::*;

use super::apply::{self, Scratch};
use super::block::{Block, Word};
use super::cache::{Key, MAX_IDS, MAX_WORD, WordCache};
use super::joints::Joints;
use super::merges::Merges;
use super::ranks::Ranked;
use crate::added::{AddedToken, AddedTokens, Specials};
use crate::error::Error;
use crate::memo::{LONGEST, Memo};
use crate::split::{Split, Visit, chunk};
use crate::tokenizer::{Spans, Tokenizer};
use crate::vocab::Vocab;

/// Texts are cut into parts of this size for [`ByteLevelBpe::encode_parallel`].
const PART_BYTES: usize = 1 << 16;
/// The first byte of the characters from U+2000 on: Chinese, Japanese and Korean, whose clauses, like all that is too
/// long to be kept, seldom come again but fall into parts that do.
const FIRST_WITHOUT_SPACES: u8 = 0xe2;

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
    pub(super) vocab: Vocab,
    rules: Rules,
    pub(super) split: Split,
    /// The ids below this are the model's; those from here on belong to added tokens alone.
    model_size: u32,
    pub(super) added: AddedTokens,
    /// Whether a piece that is a token is never taken apart, even where the merges would not build it.
    whole_words: bool,
    /// Where words can be taken apart, found out when the first long word comes.
    joints: Arc<OnceLock<Joints>>,
    workers: Workers,
}

/// What merges.
#[derive(Clone)]
enum Rules {
    /// Pairs in the order learnt.
    Merges(Box<Merges>),
    /// Whatever becomes a token.
    Ranked(Box<Ranked>),
}

/// What encodings that are under way need each for itself, kept for the next.
#[derive(Default)]
struct Workers {
    /// For whoever comes first: a lock that is held throughout costs half of two.
    first: Mutex<Option<Box<Worker>>>,
    others: Mutex<Vec<Worker>>,
}

impl Workers {
    fn with<T>(&self, work: impl FnOnce(&mut Worker) -> T) -> T {
        let mut first = match self.first.try_lock() {
            Ok(first) => first,
            Err(TryLockError::Poisoned(poisoned)) => {
                // Words of a text that was broken off may still wait in it.
                let mut first = poisoned.into_inner();
                *first = None;
                first
            }
            Err(TryLockError::WouldBlock) => return self.with_another(work),
        };
        work(first.get_or_insert_with(|| Box::new(Worker::new())))
    }

    fn with_another<T>(&self, work: impl FnOnce(&mut Worker) -> T) -> T {
        let waiting = self.others.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = waiting.unwrap_or_else(Worker::new);
        let result = work(&mut worker);
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        result
    }
}

/// What one encoding needs to itself; kept for the next when it is done.
struct Worker {
    cache: WordCache,
    block: Block,
    makers: Makers,
}

/// What the words take that the cache does not have.
struct Makers {
    scratch: Scratch,
    /// The ids of words that the cache does not take, and those of such parts of words.
    memos: [Memo; 2],
}

impl Worker {
    fn new() -> Self {
        let makers = Makers { scratch: Scratch::default(), memos: [Memo::new(), Memo::new()] };
        Self { cache: WordCache::new(), block: Block::new(), makers }
    }
}

/// A stretch of text without added tokens while it is encoded.
struct Segment<'s> {
    model: &'s ByteLevelBpe,
    text: &'s [u8],
    worker: &'s mut Worker,
    emit: &'s mut dyn FnMut(&[u32]),
}

impl Segment<'_> {
    #[inline(always)]
    fn push(&mut self, word: Word) {
        if self.worker.block.push(word) {
            self.look_up();
        }
    }

    fn look_up(&mut self) {
        let Worker { cache, block, makers } = &mut *self.worker;
        let make = |cache: &mut WordCache, word: &Word, ids: &mut Vec<u32>| {
            self.model.make_word(self.text, word, makers, cache, ids);
        };
        block.look_up(cache, make, self.emit);
    }

    /// Takes a word in parts.
    #[inline(never)]
    fn push_parts(&mut self, word: Range<usize>) {
        let (model, text) = (self.model, self.text);
        model.parts(text, word).for_each(|part| self.push(part));
    }
}

impl Visit for Segment<'_> {
    #[inline(always)]
    fn piece(&mut self, word: Range<usize>, chunk: u128) {
        let (first, length) = (chunk as u8, word.len());
        if first < FIRST_WITHOUT_SPACES && length <= MAX_WORD {
            self.push(Word {
                key: Key::new(chunk, length),
                start: word.start,
                end: word.end,
                is_part: false,
            });
        } else {
            self.push_parts(word);
        }
    }
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
        let byte_ids = byte_ids(&vocab)?;
        Merges::check_number(merges.len())?;
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
        Ok(Self::of(vocab, Rules::Merges(Box::new(merges)), split))
    }

    fn of(vocab: Vocab, rules: Rules, split: Split) -> Self {
        Self {
            model_size: vocab.len() as u32,
            vocab,
            rules,
            split,
            added: AddedTokens::default(),
            whole_words: false,
            joints: Arc::default(),
            workers: Workers::default(),
        }
    }

    /// A model whose merges follow from the order of its tokens: of `ordinary` ids, ascending, the smaller merges
    /// first. A piece that is a token is that token.
    ///
    /// # Errors
    /// [`Error::Config`] if a byte has no token or there are too many.
    pub(crate) fn from_ranks(vocab: Vocab, ordinary: &[u32], split: Split) -> Result<Self, Error> {
        let ranked = Ranked::new(&vocab, byte_ids(&vocab)?, ordinary)?;
        let mut model = Self::of(vocab, Rules::Ranked(Box::new(ranked)), split);
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
        self.table().rules().iter().map(|&[left, right, id]| Merge {
            left: self.vocab.token(left).unwrap_or_default(),
            right: self.vocab.token(right).unwrap_or_default(),
            id,
        })
    }

    /// The merges as a table, which is made here if nobody has asked for it before.
    pub(super) fn table(&self) -> &Merges {
        match &self.rules {
            Rules::Merges(merges) => merges,
            Rules::Ranked(ranked) => ranked.table(&self.vocab),
        }
    }

    /// The ids that the bytes of one word merge to.
    fn merge<'s>(&self, word: &[u8], scratch: &'s mut Scratch) -> &'s [u32] {
        match &self.rules {
            Rules::Merges(merges) => apply::apply(&**merges, word, scratch),
            Rules::Ranked(ranked) => apply::apply(&ranked.of(&self.vocab), word, scratch),
        }
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
    ///
    /// ```
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let tokenizer = tokenize::ByteLevelBpeTrainer::new(260).train(["so so so"])?;
    /// let ids = tokenizer.encode_bytes(b"so \xff so");
    /// assert_eq!(ids.len(), 4);
    /// assert_eq!(tokenizer.decode_bytes(&ids)?, b"so \xff so");
    /// # Ok(())
    /// # }
    /// ```
    pub fn encode_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.encode_bytes_with(bytes, Specials::None)
    }

    /// [`encode_bytes`](Self::encode_bytes) with some special tokens taken for what they are.
    pub fn encode_bytes_with(&self, bytes: &[u8], specials: Specials<'_>) -> Vec<u32> {
        let mut ids = Vec::with_capacity(bytes.len() / 3);
        self.for_each_chunk(bytes, specials, |chunk| ids.extend_from_slice(chunk));
        ids
    }

    /// The ids of bytes as one piece, which no split cuts.
    ///
    /// ```
    /// use tokenize::{ByteLevelBpeTrainer, WordCounts};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let words: WordCounts = [("to be", 2)].into_iter().collect();
    /// let tokenizer = ByteLevelBpeTrainer::new(260).train_counts(&words, &mut |_| {})?;
    /// assert_eq!(tokenizer.encode("to be").len(), 4);
    /// assert_eq!(tokenizer.encode_piece(b"to be"), [259]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn encode_piece(&self, piece: &[u8]) -> Vec<u32> {
        if let Some(id) = self.whole_word(piece) {
            return vec![id];
        }
        self.workers.with(|worker| self.merge(piece, &mut worker.makers.scratch).to_vec())
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
    ///
    /// ```
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let tokenizer = tokenize::ByteLevelBpeTrainer::new(270).train(["so far so good"])?;
    /// let text = "so far, so good. ".repeat(10_000);
    /// assert_eq!(tokenizer.encode_parallel(&text), tokenizer.encode(&text));
    /// # Ok(())
    /// # }
    /// ```
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
        self.for_each_chunk(text.as_bytes(), Specials::None, |chunk| count += chunk.len());
        count
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
    pub(super) fn encode_plain(&self, text: &[u8]) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        self.append_plain(text, &mut ids);
        ids
    }

    /// Appends the ids of text in which no added token is looked for.
    pub(crate) fn append_plain(&self, text: &[u8], ids: &mut Vec<u32>) {
        self.workers.with(|worker| {
            self.encode_segment(text, worker, &mut |chunk| ids.extend_from_slice(chunk));
        });
    }

    /// Calls `emit` with the ids of `text`, some at a time.
    fn for_each_chunk(&self, text: &[u8], specials: Specials<'_>, mut emit: impl FnMut(&[u32])) {
        self.workers.with(|worker| {
            self.added.for_each_segment(text, specials, |segment| match segment.id {
                Some(id) => emit(&[id]),
                None => self.encode_segment(&text[segment.range], worker, &mut emit),
            });
        });
    }

    fn encode_segment(&self, text: &[u8], worker: &mut Worker, emit: &mut dyn FnMut(&[u32])) {
        let mut segment = Segment { model: self, text, worker, emit };
        self.split.visit(text, &mut segment);
        segment.look_up();
    }

    /// A word in as many parts as it can be cut into.
    fn parts(&self, text: &[u8], word: Range<usize>) -> impl Iterator<Item = Word> {
        let joints = self.joints.get_or_init(|| Joints::new(&self.vocab));
        joints.parts(&text[..word.end], word.start).map(move |part| {
            let (is_part, length) = (part != word, part.len());
            let key = if length <= MAX_WORD { Key::new(chunk(text, part.start), length) } else { Key::NONE };
            let key = if is_part { key.as_part() } else { key };
            Word { key, start: part.start, end: part.end, is_part }
        })
    }

    /// Appends the ids of a word that the cache does not have.
    fn make_word(
        &self,
        text: &[u8],
        word: &Word,
        makers: &mut Makers,
        cache: &mut WordCache,
        ids: &mut Vec<u32>,
    ) {
        let bytes = &text[word.start..word.end];
        let memo = &mut makers.memos[usize::from(word.is_part)];
        let hash = memo.hash(bytes);
        if bytes.len() <= LONGEST
            && let Some(known) = memo.get(bytes, hash)
        {
            return ids.extend_from_slice(known);
        }
        if word.is_part {
            ids.extend_from_slice(self.merge(bytes, &mut makers.scratch));
        } else {
            self.make_parts(text, word.start..word.end, makers, cache, ids);
        }
        let is_for_cache = bytes.len() <= MAX_WORD && ids.len() <= MAX_IDS;
        if bytes.len() <= LONGEST && !is_for_cache {
            makers.memos[usize::from(word.is_part)].insert(bytes, hash, ids);
        }
    }

    /// Appends the ids of a whole word: one if it is a token, else those of its parts.
    fn make_parts(
        &self,
        text: &[u8],
        word: Range<usize>,
        makers: &mut Makers,
        cache: &mut WordCache,
        ids: &mut Vec<u32>,
    ) {
        for part in self.parts(text, word.clone()) {
            // What can be cut is no token.
            if !part.is_part
                && let Some(id) = self.whole_word(&text[word.clone()])
            {
                return ids.push(id);
            }
            match cache.get(part.key) {
                Some(found) => ids.extend_from_slice(found.as_slice()),
                None => {
                    let made = self.merge(&text[part.start..part.end], &mut makers.scratch);
                    ids.extend_from_slice(made);
                    // The word itself will be inserted by whoever asked for it.
                    if part.is_part {
                        cache.insert(part.key, made);
                    }
                }
            }
        }
    }

    /// The id of a word that is a token, where that is enough.
    fn whole_word(&self, word: &[u8]) -> Option<u32> {
        if !self.whole_words {
            return None;
        }
        self.vocab.id(word).filter(|&id| self.is_models_own(id))
    }

    /// Whether ordinary text may become this token.
    fn is_models_own(&self, id: u32) -> bool {
        id < self.model_size && !self.added.tokens().iter().any(|token| token.id == id)
    }
}

/// The token of every byte.
fn byte_ids(vocab: &Vocab) -> Result<[u32; 256], Error> {
    let mut ids = [0; 256];
    for byte in 0..=255 {
        ids[usize::from(byte)] =
            vocab.id(&[byte]).ok_or_else(|| Error::Config(format!("no token for the byte {byte:#04x}")))?;
    }
    Ok(ids)
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

    fn take_tokens<'t>(&self, text: &'t str, most: usize) -> Result<(&'t str, usize), Error> {
        Ok(self.take_tokens(text, most))
    }
}

impl Clone for ByteLevelBpe {
    fn clone(&self) -> Self {
        Self {
            vocab: self.vocab.clone(),
            rules: self.rules.clone(),
            split: self.split,
            model_size: self.model_size,
            added: self.added.clone(),
            whole_words: self.whole_words,
            joints: Arc::clone(&self.joints),
            workers: Workers::default(),
        }
    }
}

impl std::fmt::Debug for ByteLevelBpe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByteLevelBpe")
            .field("vocab_size", &self.vocab.len())
            .field("split", &self.split)
            .field("added_tokens", &self.added.tokens())
            .finish_non_exhaustive()
    }
}
