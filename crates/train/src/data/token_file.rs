//! Tokens in a file: a header of 32 bytes, then the tokens, little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `LMTOKENS` |
//! | 8 | 2 | version, 1 |
//! | 10 | 2 | bytes per token: 2 for vocabularies of up to 65,536 tokens, else 4 |
//! | 12 | 4 | vocabulary size |
//! | 16 | 8 | number of tokens |
//! | 24 | 4 | CRC-32 of the tokens |
//! | 28 | 4 | CRC-32 of the 28 bytes before |

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::data::source::{Tokens, beyond_end};
use crate::error::Error;
use nn::atomic;

const MAGIC: [u8; 8] = *b"LMTOKENS";
const VERSION: u16 = 1;
const HEADER: usize = 32;

/// Bytes per token of a vocabulary.
fn width(vocab: u32) -> usize {
    if vocab <= 1 << 16 { 2 } else { 4 }
}

fn header(vocab: u32, count: u64, data_crc: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[10..12].copy_from_slice(&(width(vocab) as u16).to_le_bytes());
    bytes[12..16].copy_from_slice(&vocab.to_le_bytes());
    bytes[16..24].copy_from_slice(&count.to_le_bytes());
    bytes[24..28].copy_from_slice(&data_crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Writes a token file piece by piece, so that a corpus never has to fit in memory. The file gets its name
/// only in [`finish`](Self::finish); a writer that is dropped leaves nothing.
///
/// ```
/// use train::{TokenFile, TokenWriter, Tokens};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("corpus.tokens");
/// let mut writer = TokenWriter::create(&path, 1000)?;
/// writer.write(&[1, 2, 3])?;
/// writer.write(&[999])?;
/// writer.finish()?;
///
/// let tokens = TokenFile::open(&path)?;
/// assert_eq!((tokens.len(), tokens.vocab()), (4, 1000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TokenWriter {
    path: PathBuf,
    file: BufWriter<File>,
    vocab: u32,
    count: u64,
    crc: crc32fast::Hasher,
    finished: bool,
}

impl TokenWriter {
    /// Begins a file of tokens below `vocab`.
    ///
    /// # Errors
    /// If the vocabulary is empty, or the file cannot be made.
    pub fn create(path: impl AsRef<Path>, vocab: u32) -> Result<Self, Error> {
        if vocab == 0 {
            return Err(Error::Config("a token file needs a vocabulary of at least one token".into()));
        }
        let path = path.as_ref().to_owned();
        let file = File::create(atomic::temporary_path(&path)).map_err(Error::io(&path))?;
        let crc = crc32fast::Hasher::new();
        let mut writer = Self {
            path,
            file: BufWriter::with_capacity(1 << 20, file),
            vocab,
            count: 0,
            crc,
            finished: false,
        };
        writer.file.write_all(&[0; HEADER]).map_err(Error::io(&writer.path))?;
        Ok(writer)
    }

    /// Appends tokens.
    ///
    /// # Errors
    /// If a token is not below the vocabulary size, or the disk is full.
    pub fn write(&mut self, tokens: &[u32]) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(tokens.len() * width(self.vocab));
        for (i, &token) in tokens.iter().enumerate() {
            if token >= self.vocab {
                let position = self.count + i as u64;
                return Err(Error::UnknownToken { token, position, vocab: self.vocab });
            }
            bytes.extend_from_slice(&token.to_le_bytes()[..width(self.vocab)]);
        }
        self.crc.update(&bytes);
        self.count += tokens.len() as u64;
        self.file.write_all(&bytes).map_err(Error::io(&self.path))
    }

    /// Completes the file, durably, and returns the number of tokens.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<u64, Error> {
        let header = header(self.vocab, self.count, self.crc.clone().finalize());
        self.complete(&header).map_err(Error::io(&self.path))?;
        self.finished = true;
        Ok(self.count)
    }

    fn complete(&mut self, header: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(header)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(atomic::temporary_path(&self.path), &self.path)?;
        atomic::sync_directory(&self.path)
    }
}

impl Drop for TokenWriter {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(atomic::temporary_path(&self.path));
        }
    }
}

/// A token file, open for reading. Windows are read where they are needed; the operating system keeps the
/// file in memory as far as there is room.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    file: File,
    vocab: u32,
    count: u64,
}

impl TokenFile {
    /// Opens a file and checks all of it: header, length, checksum, and that every token is below the
    /// vocabulary size.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(Error::io(path))?;
        let length = file.metadata().map_err(Error::io(path))?.len();
        let mut bytes = [0; HEADER];
        if length < HEADER as u64 {
            return Err(Error::format(
                path,
                format!("no token file: {length} bytes, the header has {HEADER}"),
            ));
        }
        file.read_exact(&mut bytes).map_err(Error::io(path))?;
        let (vocab, count, data_crc) = parse_header(&bytes).map_err(|what| Error::format(path, what))?;
        let expected = count.checked_mul(width(vocab) as u64).and_then(|n| n.checked_add(HEADER as u64));
        if expected != Some(length) {
            let what = format!("{count} tokens of {} bytes do not make {length} bytes", width(vocab));
            return Err(Error::format(path, what));
        }
        let tokens = Self { path: path.to_owned(), file, vocab, count };
        tokens.verify(data_crc)?;
        Ok(tokens)
    }

    /// Size of the vocabulary that the tokens are from.
    pub fn vocab(&self) -> u32 {
        self.vocab
    }

    /// Reads the data once through.
    fn verify(&self, expected: u32) -> Result<(), Error> {
        let mut crc = crc32fast::Hasher::new();
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        let mut chunk = vec![0; 1 << 16];
        let mut position = 0;
        let width = width(self.vocab);
        let mut left = self.count * width as u64;
        while left > 0 {
            let bytes = &mut chunk[..left.min(1 << 16) as usize];
            reader.read_exact(bytes).map_err(Error::io(&self.path))?;
            crc.update(bytes);
            for token in bytes.chunks_exact(width).map(to_token) {
                if token >= self.vocab {
                    let vocab = self.vocab;
                    let what = Error::UnknownToken { token, position, vocab }.to_string();
                    return Err(Error::format(&self.path, what));
                }
                position += 1;
            }
            left -= bytes.len() as u64;
        }
        let found = crc.finalize();
        if found != expected {
            let what =
                format!("checksum {found:08x}, the header says {expected:08x}: the tokens are damaged");
            return Err(Error::format(&self.path, what));
        }
        Ok(())
    }
}

impl Tokens for TokenFile {
    fn len(&self) -> u64 {
        self.count
    }

    fn read(&self, start: u64, window: &mut [u32]) -> Result<(), Error> {
        let end = start.checked_add(window.len() as u64);
        if end.is_none_or(|end| end > self.count) {
            return Err(beyond_end(start, window.len(), self.count));
        }
        let width = width(self.vocab);
        let mut bytes = vec![0; window.len() * width];
        read_at(&self.file, &mut bytes, HEADER as u64 + start * width as u64)
            .map_err(Error::io(&self.path))?;
        for (token, bytes) in window.iter_mut().zip(bytes.chunks_exact(width)) {
            *token = to_token(bytes);
        }
        // The file may have changed since it was opened; an index out of range must not reach the model.
        match window.iter().position(|&token| token >= self.vocab) {
            None => Ok(()),
            Some(i) => {
                let (token, position, vocab) = (window[i], start + i as u64, self.vocab);
                let what = Error::UnknownToken { token, position, vocab }.to_string();
                Err(Error::format(&self.path, what))
            }
        }
    }
}

fn to_token(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |token, &byte| token << 8 | u32::from(byte))
}

/// Vocabulary size, number of tokens, checksum of the tokens.
fn parse_header(bytes: &[u8; HEADER]) -> Result<(u32, u64, u32), String> {
    let number = |at: usize, len: usize| {
        bytes[at..at + len].iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte))
    };
    if bytes[..8] != MAGIC {
        return Err("no token file: it does not begin with LMTOKENS".into());
    }
    if number(28, 4) != u64::from(crc32fast::hash(&bytes[..28])) {
        return Err("the checksum of the header is wrong: it is damaged".into());
    }
    if number(8, 2) != u64::from(VERSION) {
        return Err(format!("version {}, this program reads version {VERSION}", number(8, 2)));
    }
    let vocab = number(12, 4) as u32;
    if vocab == 0 || number(10, 2) != width(vocab) as u64 {
        return Err(format!("{} bytes per token do not fit a vocabulary of {vocab}", number(10, 2)));
    }
    Ok((vocab, number(16, 8), number(24, 4) as u32))
}

/// Reads at a place without moving a shared cursor.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Reads at a place.
#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[count..];
        offset += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(tokens: &[u32], vocab: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.tokens");
        let mut writer = TokenWriter::create(&path, vocab).unwrap();
        for piece in tokens.chunks(7) {
            writer.write(piece).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), tokens.len() as u64);
        (dir, path)
    }

    proptest! {
        #[test]
        fn round_trip(tokens in prop::collection::vec(0_u32..70_000, 0..200), start in 0_usize..100) {
            for vocab in [70_000, 1 << 16] {
                let tokens: Vec<u32> = tokens.iter().map(|t| t % vocab).collect();
                let (_dir, path) = written(&tokens, vocab);
                let file = TokenFile::open(&path).unwrap();
                prop_assert_eq!(file.len(), tokens.len() as u64);
                let start = start.min(tokens.len());
                let mut window = vec![0; tokens.len() - start];
                file.read(start as u64, &mut window).unwrap();
                prop_assert_eq!(&window[..], &tokens[start..]);
                prop_assert!(file.read(start as u64 + 1, &mut window).is_err() || window.is_empty());
                prop_assert!(file.read(u64::MAX, &mut [0]).is_err());
            }
        }

        #[test]
        fn any_flipped_bit_or_cut_is_found(
            tokens in prop::collection::vec(0_u32..300, 1..50),
            at: prop::sample::Index,
            bit in 0_u32..8,
        ) {
            let (_dir, path) = written(&tokens, 300);
            let good = fs::read(&path).unwrap();
            let at = at.index(good.len());
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            fs::write(&path, &bad).unwrap();
            prop_assert!(TokenFile::open(&path).is_err());
            fs::write(&path, &good[..at]).unwrap();
            prop_assert!(TokenFile::open(&path).is_err());
            fs::write(&path, [&good[..], &[0]].concat()).unwrap();
            prop_assert!(TokenFile::open(&path).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (_dir, path) = written(&[1, 2, 3], 10);
        let message = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            TokenFile::open(&path).unwrap_err().to_string()
        };
        assert!(message(b"").contains("t.tokens: no token file"));
        let mut newer = header(10, 3, 0);
        newer[8] = 2;
        let crc = crc32fast::hash(&newer[..28]);
        newer[28..].copy_from_slice(&crc.to_le_bytes());
        assert!(message(&newer).contains("version 2"));
        // A count whose size in bytes overflows.
        assert!(message(&header(10, u64::MAX, 0)).contains("do not make 32 bytes"));
        // A token beyond the vocabulary under a right checksum.
        let data = 10_u16.to_le_bytes();
        let bytes = [&header(10, 1, crc32fast::hash(&data))[..], &data].concat();
        assert!(message(&bytes).contains("token 10 at position 0 is out of range"));
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.tokens");
        let mut writer = TokenWriter::create(&path, 10).unwrap();
        writer.write(&[1, 2]).unwrap();
        let error = writer.write(&[3, 10]).unwrap_err();
        assert!(matches!(error, Error::UnknownToken { token: 10, position: 3, vocab: 10 }));
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(TokenWriter::create(&path, 0).is_err());
    }
}
