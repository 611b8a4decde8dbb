//! Error rates of a corpus: of words, characters and tokens; exact matches.

use crate::edit::EditCounts;
use crate::error::Error;
use crate::text::{is_space, strip};

/// Counts over a corpus of token sequences, such as phonemes: `rate()` is then the phoneme error rate. The counts of
/// all pairs are added up before any division. Of no pairs all counts, and so the rate, are 0.
///
/// ```
/// let references = [vec!["K", "AE", "T"], vec!["D", "AO", "G"]];
/// let hypotheses = [vec!["K", "AH", "T"], vec!["D", "AO", "G", "Z"]];
/// assert_eq!(metrics::token_errors(&references, &hypotheses)?.rate(), 2.0 / 6.0);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If there are not as many hypotheses as references.
pub fn token_errors<T: PartialEq, R: AsRef<[T]>, H: AsRef<[T]>>(
    references: &[R],
    hypotheses: &[H],
) -> Result<EditCounts, Error> {
    sum(references, hypotheses, |reference, hypothesis| {
        EditCounts::between(reference.as_ref(), hypothesis.as_ref())
    })
}

/// Counts over the words of a corpus; `rate()` is the word error rate (WER), and equals jiwer's. Words are what is left
/// between spaces; a single other white space character, a tab for instance, belongs to its word, as in jiwer.
/// Case and punctuation count. Of no pairs the rate is 0.
///
/// ```
/// let errors = metrics::word_errors(&["the cat sat", "hello"], &["the cat sat down", "hallo"])?;
/// assert_eq!(errors.rate(), 2.0 / 4.0);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If there are not as many hypotheses as references.
pub fn word_errors<R: AsRef<str>, H: AsRef<str>>(
    references: &[R],
    hypotheses: &[H],
) -> Result<EditCounts, Error> {
    sum(references, hypotheses, |reference, hypothesis| {
        let (reference, hypothesis) = (spaced(reference.as_ref()), spaced(hypothesis.as_ref()));
        let words = |text: &str| -> Vec<String> {
            text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        EditCounts::between(&words(&reference), &words(&hypothesis))
    })
}

/// Counts over the characters (code points) of a corpus, spaces between words included; `rate()` is the character error
/// rate (CER), and equals jiwer's. Of no pairs it is 0.
///
/// ```
/// let errors = metrics::char_errors(&["今天天气好"], &["今天天汽好"])?;
/// assert_eq!(errors.rate(), 0.2);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If there are not as many hypotheses as references.
pub fn char_errors<R: AsRef<str>, H: AsRef<str>>(
    references: &[R],
    hypotheses: &[H],
) -> Result<EditCounts, Error> {
    let chars = |text: &str| strip(text).chars().collect::<Vec<char>>();
    sum(references, hypotheses, |reference, hypothesis| {
        EditCounts::between(&chars(reference.as_ref()), &chars(hypothesis.as_ref()))
    })
}

/// Share of hypotheses that equal their reference.
///
/// ```
/// assert_eq!(metrics::exact_match(&["yes", "no"], &["yes", "No"]), Ok(0.5));
/// ```
///
/// # Errors
/// If there are not as many hypotheses as references, or none.
pub fn exact_match<R: PartialEq<H>, H>(references: &[R], hypotheses: &[H]) -> Result<f64, Error> {
    same_length(references, hypotheses)?;
    if references.is_empty() {
        return Err(Error::Empty);
    }
    let hits = references.iter().zip(hypotheses).filter(|(reference, hypothesis)| reference == hypothesis);
    Ok(hits.count() as f64 / references.len() as f64)
}

pub(crate) fn same_length<R, H>(references: &[R], hypotheses: &[H]) -> Result<(), Error> {
    let (expected, found) = (references.len(), hypotheses.len());
    if expected == found { Ok(()) } else { Err(Error::Lengths { expected, found }) }
}

fn sum<R, H>(
    references: &[R],
    hypotheses: &[H],
    counts: impl Fn(&R, &H) -> EditCounts,
) -> Result<EditCounts, Error> {
    same_length(references, hypotheses)?;
    let mut total = EditCounts::default();
    for (reference, hypothesis) in references.iter().zip(hypotheses) {
        total += counts(reference, hypothesis);
    }
    Ok(total)
}

/// Runs of two and more white space characters become one space.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let run = is_space(c) && chars.peek().copied().is_some_and(is_space);
        while run && chars.next_if(|&c| is_space(c)).is_some() {}
        spaced.push(if run { ' ' } else { c });
    }
    strip(&spaced).to_owned()
}
