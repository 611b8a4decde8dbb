//! Decoders: from tokens back to a text, all at once or token by token.

mod stage;

pub use crate::pattern::Pattern;
pub use crate::pre::{ByteLevel, Metaspace, PrependScheme};

use crate::error::Error;
pub(crate) use stage::Stages;

/// How the strings of tokens become a text. Names and effects are those of Hugging Face's `tokenizers`: a decoder
/// changes the list of tokens, and the text is what the last of them leaves, joined.
///
/// ```
/// use tokenize::decoder::Decoder;
/// use tokenize::normalise::Pattern;
/// use tokenize::post::ByteLevel;
/// use tokenize::pre::Metaspace;
///
/// let spaces = Decoder::Replace { pattern: Pattern::literal("▁"), content: " ".to_owned() };
/// let ctc = Decoder::Ctc { pad_token: "<pad>".to_owned(), word_delimiter_token: "|".to_owned(), cleanup: true };
/// for (decoder, tokens, text) in [
///     (Decoder::ByteLevel(ByteLevel::default()), &["Ġn", "aÃ", "¯ve"][..], " naïve"),
///     (Decoder::WordPiece { prefix: "##".to_owned(), cleanup: true }, &["un", "##do", "!"], "undo!"),
///     (Decoder::Metaspace(Metaspace::default()), &["▁to", "▁be"], "to be"),
///     (Decoder::ByteFallback, &["<0xC3>", "<0xA9>", "a"], "éa"),
///     (spaces.clone(), &["▁to", "▁be"], " to be"),
///     (Decoder::Strip { content: 'H', start: 1, stop: 0 }, &["HHa", "Hb"], "Hab"),
///     (Decoder::Bpe { suffix: "</w>".to_owned() }, &["lo", "w</w>", "er</w>"], "low er"),
///     (ctc, &["h", "h", "<pad>", "h", "|", "e"], "hh e"),
///     (Decoder::Fuse, &["to", "be"], "tobe"),
///     (Decoder::Sequence(vec![spaces, Decoder::Fuse, Decoder::Strip { content: ' ', start: 1, stop: 0 }]), &["▁to", "▁be"], "to be"),
/// ] {
///     assert_eq!(decoder.decode(tokens.iter().copied())?, text);
/// }
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// Reads GPT-2's characters as the bytes they stand for; the settings have no effect here.
    ByteLevel(ByteLevel),
    /// Joins tokens that begin with the prefix to the one before, and others after a space.
    WordPiece {
        /// What begins a token that continues a word: `##`.
        prefix: String,
        /// Remove the spaces before English punctuation and contractions.
        cleanup: bool,
    },
    /// Reads the replacement for spaces as spaces.
    Metaspace(Metaspace),
    /// Reads runs of tokens such as `<0xE4>` as bytes. A run that is not UTF-8 becomes as many U+FFFD.
    ByteFallback,
    /// Replaces what matches in each token.
    Replace {
        /// What is replaced.
        pattern: Pattern,
        /// What comes in its place.
        content: String,
    },
    /// Makes one token of all.
    Fuse,
    /// Removes a character from the ends of each token.
    Strip {
        /// The character.
        content: char,
        /// How many at the start, at most.
        start: usize,
        /// How many at the end, at most.
        stop: usize,
    },
    /// Reads the suffix that ends words as a space, except after the last token.
    Bpe {
        /// The suffix: `</w>`.
        suffix: String,
    },
    /// The output of connectionist temporal classification (Graves et al. 2006): repeated tokens become one, padding
    /// nothing.
    Ctc {
        /// The token between repeated ones.
        pad_token: String,
        /// The token for a space.
        word_delimiter_token: String,
        /// Read delimiters as spaces, and remove spaces before English punctuation and contractions.
        cleanup: bool,
    },
    /// One after the other.
    Sequence(Vec<Decoder>),
}

impl Decoder {
    /// The text of tokens.
    ///
    /// ```
    /// use tokenize::decoder::Decoder;
    ///
    /// let decoder = Decoder::WordPiece { prefix: "##".to_owned(), cleanup: true };
    /// assert_eq!(decoder.decode(["un", "##able", ",", "sorry", "!"])?, "unable, sorry!");
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Pattern`] if a regular expression backtracks without end.
    pub fn decode<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> Result<String, Error> {
        let mut stages = Stages::new(self);
        let mut text = String::new();
        for token in tokens {
            stages.push(token, &mut text)?;
        }
        stages.finish(&mut text)?;
        Ok(text)
    }
}
