//! Quantised vectors in a file.

use std::io::Write;
use std::path::Path;

use super::{CENTROIDS, Quantised, Quantiser};
use crate::io::{Atomic, Input, bytes, fault, floats, words_of_lines};
use crate::{Error, Result};

pub(super) const MAGIC: [u8; 8] = *b"EMBEDPQ\x1a";
const VERSION: u32 = 1;
/// Bytes before the first checksum.
const HEADER: usize = 36;

/// What the header says.
struct Header {
    dim: usize,
    width: usize,
    words: usize,
    /// Bytes of the words.
    text: usize,
}

impl Quantised {
    /// Whether the first bytes of a file, eight or more, are those of quantised vectors.
    #[must_use]
    pub fn is_start(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Writes a file, or none at all.
    ///
    /// All numbers are little-endian. Each part is followed by its CRC-32 (that of zip and PNG), four bytes:
    ///
    /// | part | bytes |
    /// |---|---|
    /// | header: magic `EMBEDPQ\x1a`, version 1 (`u32`), `dim` (`u32`), `width` (`u32`), number of words (`u64`), bytes of the words (`u64`) | 36 |
    /// | centroids: for each part of `width` numbers (the last may be shorter) 256 centroids, `f32` | 1024 `dim` |
    /// | codes: for each word a byte for each part | words × ⌈`dim` / `width`⌉ |
    /// | words: UTF-8, joined by line ends | as the header says |
    ///
    /// # Errors
    /// If the file cannot be written, or a word is empty or has a line end in it.
    ///
    /// ```
    /// use embed::{Quantised, Vectors, Words};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("vectors.pq");
    ///
    /// let words = Words::from_words((0..400).map(|i| i.to_string()))?;
    /// let data = (0..400).flat_map(|i| [(i as f32).cos(), (i as f32).sin(), 0.3, 1.0]).collect();
    /// let small = Quantised::new(&Vectors::new(words, 4, data)?, 2, 1)?;
    /// small.save(&path)?;
    /// assert_eq!(Quantised::load(&path)?, small);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let is_lost = |word: &&str| word.is_empty() || word.contains('\n') || word.ends_with('\r');
        if let Some(word) = self.words.iter().find(is_lost) {
            return Err(fault(path, "the words", format!("{word:?} cannot be written among lines")));
        }
        let text = self.words.iter().collect::<Vec<_>>().join("\n");
        let Quantiser { dim, width, centroids } = &self.quantiser;
        let mut header = MAGIC.to_vec();
        header.extend([VERSION, *dim as u32, *width as u32].into_iter().flat_map(u32::to_le_bytes));
        header.extend([self.words.len(), text.len()].into_iter().flat_map(|n| (n as u64).to_le_bytes()));
        let mut file = Atomic::create(path)?;
        file.write(|out| {
            for part in [&header[..], &bytes(centroids), &self.codes, text.as_bytes()] {
                out.write_all(part)?;
                out.write_all(&crc32fast::hash(part).to_le_bytes())?;
            }
            Ok(())
        })?;
        file.done()
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// No more memory is taken than a small multiple of the file's size, whatever its header says.
    ///
    /// # Errors
    /// If the file cannot be read, is of another kind or a later version, or is damaged: the error says in which part.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let mut file = Input::open(path.as_ref())?;
        let header = header(&mut file)?;
        let parts = header.dim.div_ceil(header.width);
        let sizes = [
            ("the centroids", (4 * CENTROIDS * header.dim) as u128),
            ("the codes", header.words as u128 * parts as u128),
            ("the words", header.text as u128),
        ];
        let expected = sizes.iter().map(|(_, size)| size + 4).sum::<u128>() + (HEADER + 4) as u128;
        if u128::from(file.size) != expected {
            let what = format!("the file has {} bytes, its header says {expected}", file.size);
            return Err(fault(&file.path, "the header", what));
        }
        let [centroids, codes, text] = sizes;
        let start = file.at;
        let centroids = floats(&part(&mut file, centroids)?);
        if let Some(i) = centroids.iter().position(|x| !x.is_finite()) {
            let at = format!("the centroids, byte {}", start + 4 * i as u64);
            return Err(fault(&file.path, at, format!("{}, expected finite numbers", centroids[i])));
        }
        let codes = part(&mut file, codes)?;
        let text = part(&mut file, text)?;
        let words = words_of_lines(&file.path, &text, header.words)?;
        Ok(Self { words, quantiser: Quantiser { dim: header.dim, width: header.width, centroids }, codes })
    }
}

fn header(file: &mut Input) -> Result<Header> {
    let mut bytes = [0; HEADER];
    let is_whole = file.fill(&mut bytes)?.is_ok();
    let at = |file: &Input, what: String| Err(fault(&file.path, "the header", what));
    if !Quantised::is_start(&bytes) {
        return at(file, "these are no quantised vectors".to_owned());
    }
    let small = |from: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[from + i]));
    let large = |from: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[from + i]));
    if small(8) != VERSION {
        return at(file, format!("version {}, expected {VERSION}", small(8)));
    }
    if !is_whole {
        return at(file, format!("the file ends there, after {} bytes", file.size));
    }
    check(file, "the header", 0, &bytes)?;
    let (dim, width, words, text) = (small(12), small(16), large(20), large(28));
    if !(1..=1 << 16).contains(&dim) || !(1..=dim).contains(&width) || words == 0 {
        return at(file, format!("{words} words of {dim} dimensions, {width} to a byte"));
    }
    let size = |what, found: u64| {
        usize::try_from(found).map_err(|_| Error::TooLarge { what, limit: usize::MAX as u64, found })
    };
    Ok(Header {
        dim: dim as usize,
        width: width as usize,
        words: size("words", words)?,
        text: size("bytes of words", text)?,
    })
}

/// The next part, of a size that the file is known to have.
fn part(file: &mut Input, (what, size): (&str, u128)) -> Result<Vec<u8>> {
    let start = file.at;
    let mut bytes = vec![0; size as usize];
    if let Err(found) = file.fill(&mut bytes)? {
        let what = format!("it became shorter while it was read: {found} of {size} bytes");
        return Err(fault(&file.path, "the file", what));
    }
    check(file, what, start, &bytes)?;
    Ok(bytes)
}

/// Compares the checksum that follows with that of the bytes before it, which begin at `start`.
fn check(file: &mut Input, what: &str, start: u64, bytes: &[u8]) -> Result<()> {
    let mut expected = [0; 4];
    let _ = file.fill(&mut expected)?;
    let (expected, found) = (u32::from_le_bytes(expected), crc32fast::hash(bytes));
    if expected == found {
        return Ok(());
    }
    let at = format!("{what}, bytes {start} to {}", start + bytes.len() as u64);
    let what = format!("the checksum is {found:08x}, the file says {expected:08x}: they are damaged");
    Err(fault(&file.path, at, what))
}
