//! Chinese words as a pre-tokenizer.

use std::fmt;
use std::sync::Arc;

use crate::chinese::{Mode, Segmenter};
use crate::error::Error;
use crate::pattern::Stretch;

/// A cut into Chinese words by jieba's method: a [`Segmenter`] and the dictionary that it was made of, so that a
/// pipeline's file holds all that it needs.
///
/// ```
/// use tokenize::pre::{ChineseWords, PreTokenizer};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// // Usually all of `dict.txt`.
/// let words = ChineseWords::new("清华大学 2053 nt\n大学 20025 n\n来 110999 v\n", true)?;
/// let pieces = PreTokenizer::ChineseWords(words).pieces("来清华大学")?;
/// assert_eq!(pieces, [("来".to_owned(), 0..3), ("清华大学".to_owned(), 3..15)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ChineseWords(Arc<Inner>);

struct Inner {
    segmenter: Segmenter,
    dictionary: String,
    hmm: bool,
}

impl ChineseWords {
    /// Words of a dictionary in the format of jieba's `dict.txt`, and with `hmm` those that it does not hold, too.
    ///
    /// # Errors
    /// [`Error::Format`] as [`Segmenter::from_text`].
    pub fn new(dictionary: impl Into<String>, hmm: bool) -> Result<Self, Error> {
        let dictionary = dictionary.into();
        let segmenter = Segmenter::from_text(&dictionary)?;
        Ok(Self(Arc::new(Inner { segmenter, dictionary, hmm })))
    }

    /// The dictionary as it was given.
    pub fn dictionary(&self) -> &str {
        &self.0.dictionary
    }

    /// Whether words that the dictionary does not hold are found.
    pub fn hmm(&self) -> bool {
        self.0.hmm
    }

    pub(super) fn cut(&self, text: &str, stretches: &mut Vec<Stretch>) {
        let words = self.0.segmenter.cut_as(text, Mode::Precise { hmm: self.0.hmm });
        stretches.extend(words.map(|word| (word, true)));
    }
}

impl PartialEq for ChineseWords {
    fn eq(&self, other: &Self) -> bool {
        self.hmm() == other.hmm() && self.dictionary() == other.dictionary()
    }
}

impl Eq for ChineseWords {}

impl fmt::Debug for ChineseWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChineseWords").field("hmm", &self.hmm()).finish_non_exhaustive()
    }
}
