//! Counting words on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Vocab, VocabSettings};
use crate::corpus::{Block, Corpus, Source, Token};
use crate::{Error, Result, Words};

/// How often a word occurs, and where first: the number of its block, then its place there.
#[derive(Clone, Copy)]
struct Count {
    times: u64,
    first: (u32, u32),
}

/// Counts of all words of a corpus, in no particular order.
#[derive(Default)]
pub(super) struct Counts {
    words: Words,
    counts: Vec<Count>,
    total: u64,
    /// The count up to which words were forgotten last, with `prune_above`.
    pruned: u64,
}

/// Counts every word; the result does not depend on the number of threads.
pub(super) fn count(corpus: &(impl Corpus + ?Sized), prune_above: Option<usize>) -> Result<Counts> {
    let source = Mutex::new((corpus.open()?, 0));
    let stop = AtomicBool::new(false);
    let threads = if prune_above.is_some() { 1 } else { rayon::current_num_threads() };
    let parts: Vec<Result<Counts>> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| count_blocks(&source, &stop, prune_above))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_else(|| Ok(Counts::default()))?;
    for part in parts {
        all.merge(&part?)?;
    }
    Ok(all)
}

fn count_blocks(
    source: &Mutex<(Box<dyn Source + '_>, u32)>,
    stop: &AtomicBool,
    prune_above: Option<usize>,
) -> Result<Counts> {
    let (mut block, mut counts) = (Block::default(), Counts::default());
    let run = || -> Result<Counts> {
        while !stop.load(Ordering::Relaxed) {
            let number = {
                let mut source = source.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if !source.0.read(&mut block)? {
                    break;
                }
                source.1 += 1;
                source.1
            };
            counts.add(&block, number)?;
            if prune_above.is_some_and(|limit| counts.words.len() > limit) {
                counts.prune()?;
            }
        }
        Ok(counts)
    };
    run().inspect_err(|_| stop.store(true, Ordering::Relaxed))
}

impl Counts {
    fn add(&mut self, block: &Block, number: u32) -> Result<()> {
        for (place, token) in block.tokens().enumerate() {
            let Token::Word(word) = token else { continue };
            self.total += 1;
            if let Some(id) = self.words.id(word) {
                self.counts[id as usize].times += 1;
            } else {
                self.words.insert(str::from_utf8(word).unwrap_or("\u{fffd}"))?;
                self.counts.push(Count { times: 1, first: (number, place as u32) });
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        for (word, count) in other.words.iter().zip(&other.counts) {
            let (index, is_new) = self.words.insert(word)?;
            if is_new {
                self.counts.push(*count);
            } else {
                let mine = &mut self.counts[index];
                mine.times += count.times;
                mine.first = mine.first.min(count.first);
            }
        }
        self.total += other.total;
        Ok(())
    }

    /// Forgets the words seen least often, more of them each time, as word2vec.c does.
    fn prune(&mut self) -> Result<()> {
        self.pruned += 1;
        let old = std::mem::take(&mut self.words);
        let counts = std::mem::take(&mut self.counts);
        for (word, count) in old.iter().zip(counts) {
            if count.times > self.pruned {
                self.words.insert(word)?;
                self.counts.push(count);
            }
        }
        Ok(())
    }

    pub(super) fn select(self, settings: &VocabSettings) -> Result<Vocab> {
        if self.total == 0 {
            return Err(Error::EmptyCorpus);
        }
        let mut order: Vec<usize> =
            (0..self.counts.len()).filter(|&i| self.counts[i].times >= settings.min_count).collect();
        order.sort_unstable_by_key(|&i| (std::cmp::Reverse(self.counts[i].times), self.counts[i].first));
        order.truncate(settings.max_words.unwrap_or(usize::MAX));
        if order.is_empty() {
            return Err(Error::EmptyVocabulary {
                distinct: self.counts.len() as u64,
                most: self.counts.iter().map(|count| count.times).max().unwrap_or(0),
                min_count: settings.min_count,
            });
        }
        let words = Words::from_words(order.iter().map(|&i| self.words.word(i)))?;
        let counts: Vec<u64> = order.iter().map(|&i| self.counts[i].times).collect();
        let total = counts.iter().sum();
        Ok(Vocab { words, counts, total, corpus_words: self.total })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::corpus::Text;

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(words in prop::collection::vec("[a-c]{1,2}", 1..300), min_count in 1u64..4) {
            let text = words.join(" ");
            let mut expected: HashMap<&str, u64> = HashMap::new();
            for word in &words {
                *expected.entry(word).or_default() += 1;
            }
            match Vocab::count(&Text(&text), &VocabSettings::min_count(min_count)) {
                Ok(vocab) => {
                    prop_assert!(vocab.counts().is_sorted_by(|a, b| a >= b));
                    expected.retain(|_, count| *count >= min_count);
                    prop_assert_eq!(vocab.len(), expected.len());
                    for (word, count) in expected {
                        prop_assert_eq!(vocab.count_of(word), Some(count));
                    }
                }
                Err(error) => {
                    let is_empty = matches!(error, Error::EmptyVocabulary { .. });
                    prop_assert!(is_empty && expected.values().all(|&count| count < min_count));
                }
            }
        }
    }

    /// Enough text for several blocks: 40,000 words, each twice at most, in a known order of first occurrence.
    fn many_words() -> String {
        (0..200_000).map(|i: u64| format!("w{} ", i * i % 40_009)).collect()
    }

    #[test]
    fn threads_change_nothing() {
        let text = many_words();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Vocab::count(&Text(&text), &VocabSettings::min_count(2)).unwrap())
        };
        let one = on(1);
        assert!(on(4) == one);
        assert!(one.words().word(0) < one.words().word(1));
    }

    #[test]
    fn the_cap_keeps_the_most_frequent() {
        let settings = VocabSettings { min_count: 1, max_words: Some(2), prune_above: None };
        let vocab = Vocab::count(&Text("c b a a b a\n d"), &settings).unwrap();
        assert!(vocab.words().iter().eq(["a", "b"]));
        assert_eq!((vocab.total(), vocab.corpus_words()), (5, 7));
    }

    #[test]
    fn pruning_bounds_the_words_and_keeps_the_frequent() {
        let text: String = (0..300_000).map(|i| format!("w{i} often ")).collect();
        let settings = VocabSettings { min_count: 2, prune_above: Some(1000), ..VocabSettings::default() };
        let vocab = Vocab::count(&Text(&text), &settings).unwrap();
        assert!(vocab.words().iter().eq(["often"]));
        assert_eq!(vocab.counts(), [300_000]);
    }

    #[test]
    fn nothing_to_count_is_an_error() {
        let count =
            |text, min| Vocab::count(&Text(text), &VocabSettings::min_count(min)).unwrap_err().to_string();
        assert_eq!(count(" \n\n ", 1), "the corpus is empty: it has no words");
        assert!(count("a a b", 3).contains("2 distinct words, the most frequent occurring 2 times"));
        let none = VocabSettings { max_words: Some(0), ..VocabSettings::default() };
        let error = Vocab::count(&Text("a a b"), &none).unwrap_err();
        assert_eq!(error.to_string(), "max_words is 0: expected 1 or more");
    }
}
