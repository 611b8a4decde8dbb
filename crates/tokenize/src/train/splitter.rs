//! How a corpus is cut into the words that training counts.

use crate::error::Error;
use crate::normalise::NormalizedText;
use crate::pipeline::Pipeline;
use crate::pre::{PreTokenized, PreTokenizer};
use crate::split::Split;

/// Cuts texts into words. No token that is learnt ever reaches from one word into the next.
///
/// A [`Split`] is one, a [`PreTokenizer`], a [`Pipeline`] (its normaliser and pre-tokenizer, to train another model
/// for it), and every closure that takes a text and a function to call on each word of it:
///
/// ```
/// use tokenize::WordCounts;
///
/// let mut counts = WordCounts::new();
/// let lower_case = |text: &str, visit: &mut dyn FnMut(&str)| {
///     text.to_lowercase().split_whitespace().for_each(visit);
/// };
/// counts.count_texts(lower_case, ["To be, or not to be"])?;
/// assert_eq!(counts.get(b"to"), 2);
/// # Ok::<(), tokenize::Error>(())
/// ```
pub trait Splitter: Sync {
    /// Calls `visit` on every word of `text`.
    ///
    /// # Errors
    /// Those of the splitter's own, such as a pattern that gives up on a text.
    fn for_each_word(&self, text: &str, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error>;

    /// Cuts `text` into parts of about `size` bytes for the threads to share, such that the words of the parts are
    /// the words of the text. A splitter that knows no safe place to cut leaves the text whole.
    fn parts<'t>(&self, text: &'t str, size: usize) -> Vec<&'t str> {
        let _ = size;
        vec![text]
    }
}

impl<F: Fn(&str, &mut dyn FnMut(&str)) + Sync> Splitter for F {
    fn for_each_word(&self, text: &str, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        self(text, &mut |word| visit(word.as_bytes()));
        Ok(())
    }
}

impl Splitter for Split {
    fn for_each_word(&self, text: &str, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        self.for_each(text.as_bytes(), |word| visit(&text.as_bytes()[word]));
        Ok(())
    }

    fn parts<'t>(&self, text: &'t str, size: usize) -> Vec<&'t str> {
        let mut start = 0;
        Split::parts(*self, text.as_bytes(), size)
            .map(|part| {
                let end = start + part.len();
                let part = &text[start..end];
                start = end;
                part
            })
            .collect()
    }
}

impl Splitter for PreTokenizer {
    fn for_each_word(&self, text: &str, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let mut pieces = PreTokenized::new(NormalizedText::new(text));
        self.pre_tokenize(&mut pieces)?;
        pieces.pieces().for_each(|(piece, _)| visit(piece.as_bytes()));
        Ok(())
    }
}

impl Splitter for Pipeline {
    fn for_each_word(&self, text: &str, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let mut text = NormalizedText::new(text);
        if let Some(normalizer) = self.normalizer() {
            normalizer.normalize(&mut text)?;
        }
        let mut pieces = PreTokenized::new(text);
        if let Some(pre_tokenizer) = self.pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        pieces.pieces().for_each(|(piece, _)| visit(piece.as_bytes()));
        Ok(())
    }
}
