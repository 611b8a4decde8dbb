//! What is encoded: a text or two, each whole or in words.

/// What [`Pipeline::encode`](crate::Pipeline::encode) takes: a text, words, or a pair of either.
///
/// ```
/// use tokenize::Input;
///
/// let _: [Input; 3] = ["a text".into(), ("a question", "an answer").into(), (&["in", "words"][..]).into()];
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Input<'t> {
    /// One text.
    Single(Sequence<'t>),
    /// Two texts.
    Pair(Sequence<'t>, Sequence<'t>),
}

/// A text of an [`Input`].
#[derive(Clone, Copy, Debug)]
pub enum Sequence<'t> {
    /// A whole text.
    Text(&'t str),
    /// Words that were cut before. Offsets count from the start of each word.
    Words(&'t [&'t str]),
}

impl<'t> From<&'t str> for Sequence<'t> {
    fn from(text: &'t str) -> Self {
        Sequence::Text(text)
    }
}

impl<'t> From<&'t String> for Sequence<'t> {
    fn from(text: &'t String) -> Self {
        Sequence::Text(text)
    }
}

impl<'t> From<&'t [&'t str]> for Sequence<'t> {
    fn from(words: &'t [&'t str]) -> Self {
        Sequence::Words(words)
    }
}

impl<'t, S: Into<Sequence<'t>>> From<S> for Input<'t> {
    fn from(sequence: S) -> Self {
        Input::Single(sequence.into())
    }
}

impl<'t, A: Into<Sequence<'t>>, B: Into<Sequence<'t>>> From<(A, B)> for Input<'t> {
    fn from((first, second): (A, B)) -> Self {
        Input::Pair(first.into(), second.into())
    }
}
