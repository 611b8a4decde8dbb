//! Words and their vectors.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::{Error, Result, Words};

/// One vector of `dim` numbers for each word.
///
/// Row `i` of the matrix `(words, dim)` is the vector of word `i`; words trained here are numbered by falling
/// frequency.
///
/// ```
/// use embed::{Vectors, Words};
///
/// let words = Words::from_words(["up", "down"])?;
/// let vectors = Vectors::new(words, 2, vec![0.0, 1.0, 0.0, -1.0])?;
/// assert_eq!(vectors.get("down"), Some(&[0.0, -1.0][..]));
/// assert_eq!(vectors.row(0), [0.0, 1.0]);
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vectors {
    words: Words,
    dim: usize,
    data: Data,
    /// One over the length of each vector, zero of none; computed when first needed.
    inverse_norms: OnceLock<Vec<f32>>,
}

/// A file mapped into memory.
pub(crate) type Map = memmap2::Mmap;

/// Where the numbers are.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Owned(Vec<f32>),
    /// `len` numbers from byte `start` on, which is a multiple of their alignment.
    Mapped {
        map: Arc<Map>,
        start: usize,
        len: usize,
    },
}

impl Data {
    pub(crate) fn map(path: &Path) -> Result<Arc<Map>> {
        let file = File::open(path).map_err(Error::io(path))?;
        // SAFETY: the bytes are only read, any bytes are valid, and `Vectors::open` says that the file must not
        // change meanwhile.
        unsafe { Map::map(&file) }.map(Arc::new).map_err(Error::io(path))
    }

    /// Numbers of a map, in place where they can be used there.
    ///
    /// # Panics
    /// If the map ends before them.
    pub(crate) fn mapped(map: Arc<Map>, start: usize, len: usize) -> Self {
        let bytes = &map[start..start + len * size_of::<f32>()];
        if cfg!(target_endian = "big") || !bytes.as_ptr().cast::<f32>().is_aligned() {
            return Self::Owned(crate::io::floats(bytes));
        }
        Self::Mapped { map, start, len }
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        match self {
            Self::Owned(values) => values,
            // SAFETY: `mapped` has seen that the map holds as many aligned floats there, and it does not change
            // while it lives.
            Self::Mapped { map, start, len } => unsafe {
                std::slice::from_raw_parts(map.as_ptr().add(*start).cast::<f32>(), *len)
            },
        }
    }
}

impl PartialEq for Vectors {
    fn eq(&self, other: &Self) -> bool {
        self.dim == other.dim && self.words == other.words && self.data() == other.data()
    }
}

impl Vectors {
    /// Vectors `data (words, dim)`, row after row.
    ///
    /// # Errors
    /// If `dim` is zero or `data` has another number of values than `words × dim`.
    pub fn new(words: Words, dim: usize, data: Vec<f32>) -> Result<Self> {
        if dim == 0 {
            let expected = "at least 1";
            return Err(Error::Setting { setting: "dim", expected, found: "0".to_owned() });
        }
        let expected = words.len() as u128 * dim as u128;
        if data.len() as u128 != expected {
            return Err(Error::Size {
                what: "values of the vectors",
                expected: expected.try_into().unwrap_or(u64::MAX),
                found: data.len() as u64,
            });
        }
        Ok(Self::from_data(words, dim, Data::Owned(data)))
    }

    /// Vectors of sizes that are known to fit.
    pub(crate) fn from_checked(words: Words, dim: usize, data: Vec<f32>) -> Self {
        debug_assert_eq!(data.len(), words.len() * dim);
        Self::from_data(words, dim, Data::Owned(data))
    }

    pub(crate) fn from_data(words: Words, dim: usize, data: Data) -> Self {
        Self { words, dim, data, inverse_norms: OnceLock::new() }
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Length of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The words in the order of the rows.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The word of row `index`.
    ///
    /// # Panics
    /// If there are not so many.
    #[track_caller]
    #[must_use]
    pub fn word(&self, index: usize) -> &str {
        self.words.word(index)
    }

    /// The row of `word`.
    #[inline]
    #[must_use]
    pub fn index(&self, word: &str) -> Option<usize> {
        self.words.index(word)
    }

    /// The vector of row `index`.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data()[index * self.dim..][..self.dim]
    }

    /// The vector of `word`.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        self.index(word).map(|index| self.row(index))
    }

    /// Words with their vectors, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[f32])> {
        self.words.iter().zip(self.data().chunks_exact(self.dim))
    }

    /// The whole matrix `(words, dim)`, row after row.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        self.data.as_slice()
    }

    /// Checks that all numbers are finite, which files mapped into memory are not known to be.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names the first word with another number.
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let vectors = Vectors::new(Words::from_words(["up", "down"])?, 2, vec![0.0, 1.0, f32::NAN, 0.0])?;
    /// assert!(vectors.check_finite().unwrap_err().to_string().contains("\"down\" is not finite"));
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn check_finite(&self) -> Result<()> {
        match self.not_finite() {
            Some(at) => Err(Error::NotFinite { word: self.word(at / self.dim).to_owned() }),
            None => Ok(()),
        }
    }

    /// Where the first number that is not finite stands in the matrix.
    pub(crate) fn not_finite(&self) -> Option<usize> {
        use rayon::prelude::*;
        self.data().par_iter().with_min_len(1 << 16).position_first(|x| !x.is_finite())
    }

    /// Whether the matrix is a file mapped into memory.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        matches!(self.data, Data::Mapped { .. })
    }

    /// One over the length of each vector, zero where that is zero.
    pub(crate) fn inverse_norms(&self) -> &[f32] {
        self.inverse_norms.get_or_init(|| {
            use rayon::prelude::*;
            self.data()
                .par_chunks_exact(self.dim)
                .with_min_len(1024)
                .map(crate::query::inverse_norm)
                .collect()
        })
    }

    /// Words and matrix; of a mapped file, a copy.
    #[must_use]
    pub fn into_parts(self) -> (Words, Vec<f32>) {
        let data = match self.data {
            Data::Owned(values) => values,
            mapped @ Data::Mapped { .. } => mapped.as_slice().to_vec(),
        };
        (self.words, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        let words = || Words::from_words(["a", "b"]).unwrap();
        assert!(Vectors::new(words(), 0, vec![]).is_err());
        assert!(Vectors::new(words(), usize::MAX, vec![1.0; 6]).is_err());
        let error = Vectors::new(words(), 3, vec![0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "values of the vectors: expected 6, found 5");
        let vectors = Vectors::new(words(), 3, (0u8..6).map(f32::from).collect()).unwrap();
        assert_eq!(vectors.iter().nth(1), Some(("b", &[3.0, 4.0, 5.0][..])));
        assert_eq!(vectors.get("c"), None);
    }
}
