//! Words that are looked up together.

use super::cache::{Key, MAX_IDS, WordCache};

/// Words of a block.
const WORDS: usize = 32;

/// Words that have been cut and wait to be looked up. Looked up one after the other without any cutting in between,
/// they wait for memory all at once; most of the time of encoding is that wait.
pub(super) struct Block {
    words: [Word; WORDS],
    waiting: usize,
    /// The ids of words that were found, until they are passed on.
    ids: [u32; WORDS * MAX_IDS],
    /// The ids of a word that was not found.
    made: Vec<u32>,
}

#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) key: Key,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is part of a word: only merged, not looked for as a token.
    pub(super) is_part: bool,
}

impl Word {
    const NONE: Self = Self { key: Key::NONE, start: 0, end: 0, is_part: false };
}

impl Block {
    pub(super) fn new() -> Self {
        Self { words: [Word::NONE; WORDS], waiting: 0, ids: [0; WORDS * MAX_IDS], made: Vec::new() }
    }

    /// Adds a word; `true` if the block is full then and [`look_up`](Self::look_up) is due.
    #[inline]
    pub(super) fn push(&mut self, word: Word) -> bool {
        let place = self.waiting % WORDS;
        self.words[place] = word;
        self.waiting = place + 1;
        self.waiting == WORDS
    }

    /// Looks all waiting words up, has those that are not there made and passes the ids of all to `emit`, in order.
    #[inline(never)]
    pub(super) fn look_up(
        &mut self,
        cache: &mut WordCache,
        mut make: impl FnMut(&mut WordCache, &Word, &mut Vec<u32>),
        emit: &mut dyn FnMut(&[u32]),
    ) {
        let Self { words, waiting, ids, made } = self;
        let mut filled = 0;
        for word in &words[..*waiting] {
            if let Some(found) = cache.get(word.key) {
                // All four, whatever their number, which cannot be foretold.
                ids[filled..filled + MAX_IDS].copy_from_slice(&found.ids);
                filled += found.length.min(MAX_IDS);
                continue;
            }
            emit(&ids[..filled]);
            filled = 0;
            made.clear();
            if let Some(found) = cache.get_beside(word.key) {
                made.extend_from_slice(found.as_slice());
            } else {
                make(cache, word, made);
                cache.insert(word.key, made);
            }
            emit(made);
        }
        emit(&ids[..filled]);
        self.waiting = 0;
    }
}
