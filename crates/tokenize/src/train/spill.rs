//! Word counts on disk: sorted runs, and their merging into one.
//!
//! A run is a file of entries in the order of the words' bytes: the word's length, its bytes, its count; numbers in
//! groups of seven bits, the lowest first, the last with its eighth bit clear.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::words::WordCounts;
use crate::error::Error;
use crate::temporary::TemporaryFile;

/// So many runs are merged at a time.
const FAN_IN: usize = 64;
/// A run is read and written through a buffer of at most this size.
const BUFFER: usize = 1 << 16;

/// Runs of counted words.
pub(super) struct Spill {
    folder: PathBuf,
    buffer: usize,
    /// Runs by how often their words were copied: whenever a level is full it becomes one run of the next, so that
    /// the number of files stays small and no word is copied often.
    levels: Vec<Vec<SortedWords>>,
}

impl Spill {
    /// No runs yet. All buffers together take at most an eighth of `memory`.
    pub(super) fn new(folder: &Path, memory: usize) -> Self {
        let buffer = (memory / (8 * (FAN_IN + 1))).clamp(512, BUFFER);
        Self { folder: folder.to_owned(), buffer, levels: Vec::new() }
    }

    /// Writes one run.
    pub(super) fn write(&mut self, counts: &WordCounts) -> Result<(), Error> {
        let mut writer = RunWriter::new(&self.folder, self.buffer)?;
        for (word, count) in counts.sorted() {
            writer.push(word, count)?;
        }
        let mut run = writer.finish()?;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(run);
            if self.levels[level].len() < FAN_IN {
                break;
            }
            let full = std::mem::take(&mut self.levels[level]);
            run = self.merge_group(&full)?;
        }
        Ok(())
    }

    /// All runs as one, in which every word stands once.
    pub(super) fn merge(mut self) -> Result<SortedWords, Error> {
        // From the lowest level, whose runs are the smallest.
        let mut runs: VecDeque<SortedWords> =
            std::mem::take(&mut self.levels).into_iter().flatten().collect();
        while runs.len() > 1 {
            let group: Vec<_> = runs.drain(..runs.len().min(FAN_IN)).collect();
            runs.push_front(self.merge_group(&group)?);
        }
        match runs.pop_front() {
            Some(run) => Ok(run),
            None => RunWriter::new(&self.folder, self.buffer)?.finish(),
        }
    }

    fn merge_group(&self, group: &[SortedWords]) -> Result<SortedWords, Error> {
        let mut readers = Vec::with_capacity(group.len());
        // The next word of every run. Equal words meet at the top, whichever run they are of.
        let mut heads = BinaryHeap::with_capacity(group.len());
        for (index, run) in group.iter().enumerate() {
            let mut reader = run.reader(self.buffer)?;
            if reader.advance()? {
                heads.push(Reverse((std::mem::take(&mut reader.word), index)));
            }
            readers.push(reader);
        }
        let mut writer = RunWriter::new(&self.folder, self.buffer)?;
        let mut open: Option<(Vec<u8>, u64)> = None;
        while let Some(Reverse((word, index))) = heads.pop() {
            let reader = &mut readers[index];
            match &mut open {
                Some((last, sum)) if *last == word => *sum = sum.saturating_add(reader.count),
                last => {
                    if let Some((word, count)) = last.replace((word.clone(), reader.count)) {
                        writer.push(&word, count)?;
                    }
                }
            }
            reader.word = word;
            if reader.advance()? {
                heads.push(Reverse((std::mem::take(&mut reader.word), index)));
            }
        }
        if let Some((word, count)) = open {
            writer.push(&word, count)?;
        }
        writer.finish()
    }
}

/// A run that is complete. Its file goes when it does.
pub(super) struct SortedWords {
    file: TemporaryFile,
    len: u64,
}

impl SortedWords {
    /// Number of words.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Calls `visit` with every word and its count, in order.
    pub(super) fn for_each(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error> {
        let mut reader = self.reader(BUFFER)?;
        while reader.advance()? {
            visit(&reader.word, reader.count);
        }
        Ok(())
    }

    fn reader(&self, buffer: usize) -> Result<RunReader<'_>, Error> {
        let path = self.file.path();
        let file = File::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let input = BufReader::with_capacity(buffer, file);
        Ok(RunReader { input, path, left: self.len, word: Vec::new(), count: 0 })
    }
}

struct RunWriter {
    file: TemporaryFile,
    output: BufWriter<File>,
    len: u64,
}

impl RunWriter {
    fn new(folder: &Path, buffer: usize) -> Result<Self, Error> {
        let (file, output) =
            TemporaryFile::create(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        Ok(Self { file, output: BufWriter::with_capacity(buffer, output), len: 0 })
    }

    fn push(&mut self, word: &[u8], count: u64) -> Result<(), Error> {
        self.len += 1;
        let output = &mut self.output;
        write_number(output, word.len() as u64)
            .and_then(|()| output.write_all(word))
            .and_then(|()| write_number(output, count))
            .map_err(|source| Error::Io { path: self.file.path().to_owned(), source })
    }

    fn finish(mut self) -> Result<SortedWords, Error> {
        let flushed = self.output.flush();
        flushed.map_err(|source| Error::Io { path: self.file.path().to_owned(), source })?;
        Ok(SortedWords { file: self.file, len: self.len })
    }
}

struct RunReader<'r> {
    input: BufReader<File>,
    path: &'r Path,
    left: u64,
    word: Vec<u8>,
    count: u64,
}

impl RunReader<'_> {
    /// Reads the next entry into `word` and `count`; false at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        self.read_entry().map_err(|source| Error::Io { path: self.path.to_owned(), source })?;
        Ok(true)
    }

    fn read_entry(&mut self) -> io::Result<()> {
        let length = read_number(&mut self.input)?;
        self.word.clear();
        if self.input.by_ref().take(length).read_to_end(&mut self.word)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.count = read_number(&mut self.input)?;
        Ok(())
    }
}

fn write_number(output: &mut impl Write, mut number: u64) -> io::Result<()> {
    while number >= 0x80 {
        output.write_all(&[number as u8 | 0x80])?;
        number >>= 7;
    }
    output.write_all(&[number as u8])
}

fn read_number(input: &mut impl BufRead) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(number);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a number of more than 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Few words, so that most are in several runs; more runs than are merged at a time.
        #[test]
        fn merged_runs_are_the_sums(
            tables in prop::collection::vec(
                prop::collection::vec((prop::collection::vec(0u8..3, 0..4), any::<u64>()), 0..20),
                0..150,
            ),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut spill = Spill::new(folder.path(), 1 << 20);
            let mut expected = BTreeMap::<Vec<u8>, u64>::new();
            for table in &tables {
                spill.write(&table.iter().map(|(word, count)| (word.as_slice(), *count)).collect()).unwrap();
                for (word, count) in table {
                    let sum = expected.entry(word.clone()).or_default();
                    *sum = sum.saturating_add(*count);
                }
            }
            let merged = spill.merge().unwrap();
            let mut found = Vec::new();
            merged.for_each(&mut |word, count| found.push((word.to_vec(), count))).unwrap();
            prop_assert_eq!(merged.len(), found.len() as u64);
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            drop(merged);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file stays behind");
        }
    }
}
