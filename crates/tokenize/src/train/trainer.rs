//! What all trainers can do.

use std::path::Path;

use super::counter::WordCounter;
use super::memory::Memory;
use super::progress::Progress;
use super::splitter::Splitter;
use super::words::WordSource;
use crate::error::Error;

/// Makes a model of the words of a corpus.
///
/// ```
/// use tokenize::Split;
/// use tokenize::train::{BpeTrainer, Trainer, WordPieceTrainer};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words = |text: &str, visit: &mut dyn FnMut(&str)| text.split_whitespace().for_each(visit);
/// let text = "low lower lowest new newer newest";
/// let bpe = BpeTrainer::new(12).train(&words, [text], &mut |_| {})?;
/// let word_piece = WordPieceTrainer::new(20).train(&words, [text], &mut |_| {})?;
/// assert_eq!(bpe.merges().next(), Some(("w", "e")));
/// assert!(word_piece.id("##west").is_some());
/// # Ok(())
/// # }
/// ```
pub trait Trainer {
    /// What is learnt.
    type Model;

    /// Trains on words counted before.
    ///
    /// # Errors
    /// [`Error::Config`] if the settings cannot be met or the words are too large, [`Error::Io`] if the words cannot
    /// be read.
    fn train_counts(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self::Model, Error>;

    /// The limit of memory, in bytes.
    fn limit(&self) -> Option<usize>;

    /// Trains on texts, which are read once and may be owned strings made on the fly. Words do not reach across
    /// texts.
    ///
    /// # Errors
    /// As [`train_counts`](Self::train_counts), and those of the splitter.
    fn train<T: AsRef<str> + Sync>(
        &self,
        splitter: &dyn Splitter,
        texts: impl IntoIterator<Item = T>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self::Model, Error> {
        let mut counter = Memory::new(self.limit()).counter(splitter, progress);
        counter.count(texts)?;
        let words = counter.finish()?;
        self.train_counts(&words, progress)
    }

    /// Trains on files of UTF-8, each line a text (see [`WordCounter::count_reader`]).
    ///
    /// ```
    /// use tokenize::Split;
    /// use tokenize::train::{Trainer, UnigramTrainer};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("corpus.txt");
    /// std::fs::write(&path, "low lower\nlow lowest\n")?;
    /// let trainer = UnigramTrainer::new(20).unk_token("<unk>").initial_alphabet(['x']);
    /// let model = trainer.train_files(&Split::Gpt2, [&path], &mut |_| {})?;
    /// assert!(model.id("x").is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`train`](Self::train); [`Error::Io`] and [`Error::Format`] if a file cannot be read or is not UTF-8.
    fn train_files<P: AsRef<Path>>(
        &self,
        splitter: &dyn Splitter,
        paths: impl IntoIterator<Item = P>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self::Model, Error> {
        let mut counter: WordCounter<'_> = Memory::new(self.limit()).counter(splitter, progress);
        paths.into_iter().try_for_each(|path| counter.count_file(path))?;
        let words = counter.finish()?;
        self.train_counts(&words, progress)
    }
}
