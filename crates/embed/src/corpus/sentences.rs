//! Sentences that are split already.

use std::marker::PhantomData;

use super::block::{BLOCK, Block};
use super::{Corpus, Source};
use crate::Result;

/// Sentences split into words by the caller: Chinese text through a segmenter, lists in memory, anything that
/// iterates. A function starts the iterator anew for each passage. Words may hold white space.
///
/// ```
/// use embed::{Sentences, Vocab, VocabSettings};
///
/// let list = vec![vec!["New York", "is", "large"], vec!["我", "在", "New York"]];
/// let corpus = Sentences::new(|| list.iter().map(|sentence| sentence.iter().copied()));
/// assert_eq!(Vocab::count(&corpus, &VocabSettings::min_count(1))?.count_of("New York"), Some(2));
/// # Ok::<(), embed::Error>(())
/// ```
pub struct Sentences<F, I> {
    start: F,
    iterator: PhantomData<fn() -> I>,
}

impl<F, I> Sentences<F, I>
where
    F: Fn() -> I + Sync,
    I: Iterator<Item: IntoIterator<Item: AsRef<str>, IntoIter: Send>> + Send,
{
    /// Sentences from the iterators that `start` gives.
    pub fn new(start: F) -> Self {
        Self { start, iterator: PhantomData }
    }
}

impl<F, I> Corpus for Sentences<F, I>
where
    F: Fn() -> I + Sync,
    I: Iterator<Item: IntoIterator<Item: AsRef<str>, IntoIter: Send>> + Send,
{
    fn open(&self) -> Result<Box<dyn Source + '_>> {
        Ok(Box::new(Iterating { sentences: (self.start)(), sentence: None }))
    }
}

struct Iterating<I: Iterator<Item: IntoIterator>> {
    sentences: I,
    /// The rest of a sentence that was cut at the end of a block.
    sentence: Option<<I::Item as IntoIterator>::IntoIter>,
}

impl<I> Source for Iterating<I>
where
    I: Iterator<Item: IntoIterator<Item: AsRef<str>, IntoIter: Send>> + Send,
{
    fn read(&mut self, block: &mut Block) -> Result<bool> {
        block.clear();
        while block.len() < BLOCK {
            let Some(sentence) = &mut self.sentence else {
                let Some(next) = self.sentences.next() else { break };
                self.sentence = Some(next.into_iter());
                continue;
            };
            match sentence.next() {
                Some(word) => block.word(word.as_ref()),
                None => {
                    block.end_sentence();
                    self.sentence = None;
                }
            }
        }
        Ok(!block.is_empty())
    }
}
