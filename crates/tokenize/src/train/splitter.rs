//! How a corpus is cut into the words that training counts.

use crate::error::Error;
use crate::split::Split;

/// Cuts texts into words. No token that is learnt ever reaches from one word into the next.
///
/// A [`Split`] is one, and so is every closure that takes a text and a function to call on each word of it:
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
