//! Counting the words of a corpus, in parallel and within a limit of memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::blocks::Blocks;
use super::progress::Progress;
use super::spill::{SortedWords, Spill};
use super::splitter::Splitter;
use super::words::{WordCounts, WordSource};
use crate::error::Error;

/// Texts are gathered up to this size for each thread before the threads start on them, and up to this in all: the
/// memory that streamed input takes, twice, since the next are gathered meanwhile.
const THREAD_BATCH_BYTES: usize = 1 << 20;
const BATCH_BYTES: usize = 1 << 24;
/// Texts are cut into parts of this size, so that threads have something to share out within one long text.
const PART_BYTES: usize = 1 << 18;
/// A line of a file that is longer is cut.
const LONGEST_LINE: usize = 1 << 26;
/// The least limit of memory that can be kept.
pub(super) const LEAST_MEMORY: usize = 1 << 20;

/// Counts words of texts, files and streams.
///
/// The threads count in tables of their own, which are added up in the end: the sums do not depend on who counted
/// what. With a [memory limit](Self::memory_limit), tables that have grown too large are sorted and written to
/// temporary files, and the files are merged in the end, so that neither the corpus nor its distinct words need fit
/// into memory.
///
/// ```
/// use tokenize::Split;
/// use tokenize::train::{WordCounter, WordSource};
///
/// let mut counter = WordCounter::new(&Split::Gpt2).memory_limit(64 << 20);
/// counter.count(["to be", "or not to be"])?;
/// counter.count_reader("a stream".as_ref(), &b"that is the question\n"[..])?;
/// let words = counter.finish()?;
/// let mut total = 0;
/// words.for_each(&mut |_word, count| total += count)?;
/// assert_eq!((words.distinct(), total), (10, 11));
/// # Ok::<(), tokenize::Error>(())
/// ```
pub struct WordCounter<'s> {
    splitter: &'s dyn Splitter,
    limit: Option<usize>,
    folder: PathBuf,
    progress: Option<&'s mut dyn FnMut(Progress<'_>)>,
    tables: Vec<Mutex<WordCounts>>,
    spill: Option<Spill>,
    bytes: u64,
}

impl<'s> WordCounter<'s> {
    /// A counter of the words that `splitter` makes of texts.
    pub fn new(splitter: &'s dyn Splitter) -> Self {
        Self {
            splitter,
            limit: None,
            folder: std::env::temp_dir(),
            progress: None,
            // One more for a thread outside the pool.
            tables: (0..=rayon::current_num_threads()).map(|_| Mutex::default()).collect(),
            spill: None,
            bytes: 0,
        }
    }

    /// Keeps to `bytes` of memory (at least one MiB), besides what a text takes that the caller hands over: words that do not fit
    /// go to temporary files. Without a limit everything is kept in memory.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes.max(LEAST_MEMORY));
        self
    }

    /// Where temporary files are made (default: where the system makes them). They are gone when the counter and the
    /// words it gave are.
    #[must_use]
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Tells `progress` how many bytes have been counted.
    #[must_use]
    pub fn progress(mut self, progress: &'s mut dyn FnMut(Progress<'_>)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Counts the words of `texts`. They are read once and may be owned strings made on the fly. Words do not reach
    /// across texts.
    ///
    /// # Errors
    /// Those of the splitter, and [`Error::Io`] if a temporary file cannot be written.
    pub fn count<T: AsRef<str> + Sync>(&mut self, texts: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let part_bytes = self.part_bytes();
        let splitter = self.splitter;
        let mut texts = texts.into_iter();
        self.count_batches(&mut || Ok(texts.next()), &|text| text.as_ref().len(), &|text| {
            let parts = splitter.parts(text.as_ref(), part_bytes);
            parts.into_iter().map(|text| Part { text, by_line: false }).collect()
        })
    }

    /// Counts the words of a stream of UTF-8. Each line, with its end, is a text: words do not reach from one into
    /// the next. A line longer than 64 MiB, or than an eighth of the memory limit, is cut between two characters.
    /// `name` stands in errors.
    ///
    /// # Errors
    /// [`Error::Io`] if the stream or a temporary file fails, [`Error::Format`] if the stream is not UTF-8, and those
    /// of the splitter.
    pub fn count_reader(&mut self, name: &Path, reader: impl Read) -> Result<(), Error> {
        let longest_line = self.limit.map_or(LONGEST_LINE, |limit| (limit / 8).min(LONGEST_LINE));
        let part_bytes = self.part_bytes();
        let splitter = self.splitter;
        let mut blocks = Blocks::new(reader, name, part_bytes, longest_line);
        self.count_batches(&mut || blocks.next(), &String::len, &|block| {
            let mut parts = Vec::new();
            for text in split_lines(block, part_bytes) {
                // What is much longer than wanted ends with one long line, but can begin with others.
                if text.len() > 2 * part_bytes && !text[..text.len() - 1].contains('\n') {
                    let texts = splitter.parts(text, part_bytes);
                    parts.extend(texts.into_iter().map(|text| Part { text, by_line: false }));
                } else {
                    parts.push(Part { text, by_line: true });
                }
            }
            parts
        })
    }

    /// [`count_reader`](Self::count_reader) on a file.
    ///
    /// ```
    /// use tokenize::Split;
    /// use tokenize::train::WordCounter;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("corpus.txt");
    /// std::fs::write(&path, "to be\nor not to be\n")?;
    /// let mut counter = WordCounter::new(&Split::Gpt2);
    /// counter.count_file(&path)?;
    /// // `to`, ` to`, ` be`, `or`, ` not` and the line break.
    /// assert_eq!(counter.finish()?.distinct(), 6);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`count_reader`](Self::count_reader).
    pub fn count_file(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        self.count_reader(path, file)
    }

    /// The words and their counts.
    ///
    /// # Errors
    /// [`Error::Io`] if a temporary file cannot be written or read.
    pub fn finish(mut self) -> Result<CountedWords, Error> {
        if self.spill.is_none() {
            return Ok(CountedWords(Place::Memory(self.into_memory())));
        }
        self.spill_tables()?;
        match self.spill {
            Some(spill) => Ok(CountedWords(Place::Disk(spill.merge()?))),
            None => Ok(CountedWords(Place::Memory(WordCounts::new()))),
        }
    }

    /// The words in memory, where no limit was set.
    pub(super) fn into_memory(self) -> WordCounts {
        let tables = self.tables.into_iter();
        let mut tables: Vec<WordCounts> =
            tables.map(|table| table.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        tables.sort_by_key(WordCounts::len);
        let mut sum = tables.pop().unwrap_or_default();
        while let Some(table) = tables.pop() {
            sum.merge(&table);
        }
        sum
    }

    fn batch_bytes(&self) -> usize {
        let threads = self.tables.len() - 1;
        let bytes = (threads * THREAD_BATCH_BYTES).min(BATCH_BYTES);
        self.limit.map_or(bytes, |limit| (limit / 32).min(bytes))
    }

    fn part_bytes(&self) -> usize {
        (self.batch_bytes() / 8).min(PART_BYTES)
    }

    /// Counts all that `next` gives: gathers items into batches and has the threads work on their parts.
    fn count_batches<T: Sync>(
        &mut self,
        next: &mut dyn FnMut() -> Result<Option<T>, Error>,
        size: &dyn Fn(&T) -> usize,
        parts: &(dyn for<'t> Fn(&'t T) -> Vec<Part<'t>> + Sync),
    ) -> Result<(), Error> {
        let batch_bytes = self.batch_bytes();
        let mut gather = || -> Result<(Vec<T>, usize), Error> {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while bytes < batch_bytes
                && let Some(item) = next()?
            {
                bytes += size(&item);
                batch.push(item);
            }
            Ok((batch, bytes))
        };
        let (mut batch, mut bytes) = gather()?;
        while !batch.is_empty() {
            let (tables, splitter) = (&self.tables, self.splitter);
            let mut counted = Ok(());
            let following = rayon::in_place_scope(|scope| {
                let batch = &batch;
                let counted = &mut counted;
                scope.spawn(move |_| {
                    *counted = count_parts(tables, splitter, batch.iter().flat_map(parts).collect());
                });
                gather()
            });
            counted?;
            self.bytes += bytes as u64;
            if let Some(progress) = &mut self.progress {
                progress(Progress::Counting { bytes: self.bytes });
            }
            if self.limit.is_some_and(|limit| self.tables_memory() > limit / 5) {
                self.spill_tables()?;
            }
            (batch, bytes) = following?;
        }
        Ok(())
    }

    fn tables_memory(&mut self) -> usize {
        let tables = self.tables.iter_mut();
        tables.map(|table| table.get_mut().unwrap_or_else(PoisonError::into_inner).memory()).sum()
    }

    /// Writes all tables to temporary files and empties them.
    fn spill_tables(&mut self) -> Result<(), Error> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::new(&self.folder, self.limit.unwrap_or(usize::MAX))),
        };
        for table in &mut self.tables {
            let table = table.get_mut().unwrap_or_else(PoisonError::into_inner);
            if !table.is_empty() {
                spill.write(&std::mem::take(table))?;
            }
        }
        Ok(())
    }
}

/// What one thread counts at a time.
struct Part<'t> {
    text: &'t str,
    /// Whether each line of it is a text.
    by_line: bool,
}

/// Counts the words of `parts`, each thread into a table of its own.
fn count_parts(
    tables: &[Mutex<WordCounts>],
    splitter: &dyn Splitter,
    parts: Vec<Part<'_>>,
) -> Result<(), Error> {
    parts.into_par_iter().try_for_each(|part| {
        let table = &tables[rayon::current_thread_index().unwrap_or(tables.len() - 1)];
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let mut add = |word: &[u8]| table.add(word, 1);
        if part.by_line {
            part.text.split_inclusive('\n').try_for_each(|line| splitter.for_each_word(line, &mut add))
        } else {
            splitter.for_each_word(part.text, &mut add)
        }
    })
}

/// Cuts `text` after line ends into stretches of at least `size` bytes (the last may be shorter).
fn split_lines(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let from = size.min(rest.len()).saturating_sub(1);
        let cut = rest.as_bytes()[from..].iter().position(|&byte| byte == b'\n');
        let (part, tail) = rest.split_at(cut.map_or(rest.len(), |at| from + at + 1));
        rest = tail;
        (!part.is_empty()).then_some(part)
    })
}

/// The words that a [`WordCounter`] counted, in memory or in a temporary file.
pub struct CountedWords(Place);

enum Place {
    Memory(WordCounts),
    Disk(SortedWords),
}

impl CountedWords {
    /// How many distinct words there are.
    pub fn distinct(&self) -> u64 {
        match &self.0 {
            Place::Memory(counts) => counts.len() as u64,
            Place::Disk(words) => words.len(),
        }
    }

    /// Whether the words did not fit into memory and lie in a temporary file.
    pub fn is_on_disk(&self) -> bool {
        matches!(self.0, Place::Disk(_))
    }
}

impl WordSource for CountedWords {
    fn for_each(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error> {
        match &self.0 {
            Place::Memory(counts) => counts.for_each(visit),
            Place::Disk(words) => words.for_each(visit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Split;

    fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    #[test]
    fn long_texts_and_many_threads_count_the_same() {
        let text = "the cat, the hat; 中文文本 12 ".repeat(40_000);
        let mut serial = WordCounts::new();
        Split::Gpt2.for_each(text.as_bytes(), |word| serial.add(&text.as_bytes()[word], 1));
        for threads in [1, 3] {
            let mut counts = WordCounts::new();
            in_pool(threads, || counts.count_texts(Split::Gpt2, [&text])).unwrap();
            assert_eq!(counts.len(), serial.len());
            assert!(serial.iter().all(|(word, count)| counts.get(word) == count));
        }
    }

    #[test]
    fn counts_are_the_same_in_memory_and_through_files() {
        let lines: Vec<String> =
            (0..60_000).map(|i| format!("word{} wörter{} 词{}\n", i % 9973, i, i % 7)).collect();
        let mut counts = WordCounts::new();
        counts.count_texts(Split::Gpt2, &lines).unwrap();
        for threads in [1, 3] {
            let words = in_pool(threads, || {
                let mut counter = WordCounter::new(&Split::Gpt2).memory_limit(LEAST_MEMORY);
                counter.count(&lines[..20_000]).unwrap();
                counter.count_reader("lines".as_ref(), lines[20_000..].concat().as_bytes()).unwrap();
                counter.finish().unwrap()
            });
            assert!(words.is_on_disk());
            assert_eq!(words.distinct(), counts.len() as u64);
            let mut seen = 0;
            let mut previous = Vec::new();
            let check = &mut |word: &[u8], count| {
                assert!(previous.as_slice() < word, "each word once, in order");
                previous = word.to_vec();
                assert_eq!(counts.get(word), count);
                seen += 1;
            };
            words.for_each(check).unwrap();
            assert_eq!(seen, counts.len());
        }
    }

    #[test]
    fn lines_are_texts() {
        let mut counter = WordCounter::new(&Split::Whole);
        counter.count_reader("lines".as_ref(), &b"one\ntwo\none"[..]).unwrap();
        let counts = counter.into_memory();
        let mut words: Vec<_> = counts.iter().map(|(word, count)| (word.to_vec(), count)).collect();
        words.sort();
        assert_eq!(words, [(b"one".to_vec(), 1), (b"one\n".to_vec(), 1), (b"two\n".to_vec(), 1)]);
    }

    #[test]
    fn faults_of_input_and_splitter_are_told() {
        let mut counter = WordCounter::new(&Split::Gpt2);
        let error = counter.count_reader("s".as_ref(), &b"ok\nnot\xff"[..]).unwrap_err();
        assert_eq!(error.to_string(), "s: byte 6: the text stops being UTF-8");
        let error = counter.count_file("/no/such/file").unwrap_err().to_string();
        assert!(error.starts_with("/no/such/file: "), "{error}");
        let mut counter = WordCounter::new(&Split::Gpt2).memory_limit(0).temporary_folder("/no/such/folder");
        let texts = (0..100_000).map(|i| format!("{i}"));
        let error = counter.count(texts).unwrap_err().to_string();
        assert!(error.starts_with("/no/such/folder: "), "{error}");
    }
}
