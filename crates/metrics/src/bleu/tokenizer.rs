//! sacreBLEU's tokenizers.

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::text::{single_spaced, strip};

/// How BLEU cuts text into tokens.
///
/// ```
/// use metrics::{Bleu, BleuTokenizer, CorpusMetric};
/// let text = "„Ja“: 1,5 €.";
/// assert_eq!(BleuTokenizer::V13a.tokenize(text), "„Ja“ : 1,5 € .");
/// assert_eq!(BleuTokenizer::Intl.tokenize(text), "„ Ja “ : 1,5 € .");
/// assert_eq!(BleuTokenizer::Zh.tokenize("我用Rust。"), "我 用 Rust 。");
/// assert_eq!(BleuTokenizer::Char.tokenize("da ist"), "d a i s t");
///
/// let bleu = Bleu { tokenizer: BleuTokenizer::Intl, ..Bleu::sentence_level() };
/// let score = bleu.sentence("„Ja“, sagt er.", &["„Ja“, sagte er."])?;
/// assert!(score.signature.contains("tok:intl"));
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BleuTokenizer {
    /// `13a`: that of mteval-v13a.pl and WMT, for languages with spaces between words.
    V13a,
    /// `intl`: that of mteval-v14.pl, for any such language. Each of Unicode's symbols (category S) is a token, and each
    /// mark of punctuation (P) unless it stands between numbers (N), or between a number and an end of the text; `13a`
    /// looks at ASCII alone. The categories are those of Unicode 16.
    Intl,
    /// `zh`: each Chinese character and punctuation mark is a token, the rest as in `13a`.
    Zh,
    /// `char`: each character is a token.
    Char,
    /// `none`: what is between spaces.
    None,
}

impl BleuTokenizer {
    /// Its name in a signature.
    ///
    /// ```
    /// assert_eq!(metrics::BleuTokenizer::V13a.name(), "13a");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::V13a => "13a",
            Self::Intl => "intl",
            Self::Zh => "zh",
            Self::Char => "char",
            Self::None => "none",
        }
    }

    /// The tokens of `text`, with spaces between them.
    ///
    /// ```
    /// use metrics::BleuTokenizer;
    /// assert_eq!(BleuTokenizer::V13a.tokenize("It's 3.50 (net)."), "It's 3.50 ( net ) .");
    /// assert_eq!(BleuTokenizer::Intl.tokenize("¿Son 3.50€?"), "¿ Son 3.50 € ?");
    /// ```
    pub fn tokenize(self, text: &str) -> String {
        match self {
            Self::V13a => v13a(text),
            Self::Intl => intl(text),
            Self::Zh => zh(text),
            Self::Char => single_spaced(&text.chars().flat_map(|c| [c, ' ']).collect::<String>()),
            Self::None => single_spaced(text),
        }
    }
}

fn v13a(text: &str) -> String {
    let mut text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if text.contains('&') {
        for (escape, c) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            text = text.replace(escape, c);
        }
    }
    western(&format!(" {text} "))
}

fn intl(text: &str) -> String {
    let mut apart = String::with_capacity(2 * text.len());
    for c in split_marks(text, is_punctuation, is_number).chars() {
        if is_symbol(c) {
            apart.extend([' ', c, ' ']);
        } else {
            apart.push(c);
        }
    }
    single_spaced(&apart)
}

fn zh(text: &str) -> String {
    let mut apart = String::with_capacity(2 * text.len());
    for c in strip(text).chars() {
        if is_chinese(c) {
            apart.extend([' ', c, ' ']);
        } else {
            apart.push(c);
        }
    }
    western(&apart)
}

/// Puts punctuation apart, except points and commas between digits.
fn western(text: &str) -> String {
    single_spaced(&split_dashes(&split_points(&split_symbols(text))))
}

/// ASCII symbols but `'`, `,`, `-` and `.`, each between spaces.
pub(crate) fn split_symbols(text: &str) -> String {
    let mut apart = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/') {
            apart.extend([' ', c, ' ']);
        } else {
            apart.push(c);
        }
    }
    apart
}

/// Points and commas put apart unless a digit stands before, then unless one stands behind.
pub(crate) fn split_points(text: &str) -> String {
    split_marks(text, |c| matches!(c, '.' | ','), |c| c.is_ascii_digit())
}

/// Marks put apart that follow something other than a number, then those that precede something other. Each pass takes
/// the two characters that it looks at, so that of two marks in a row the second is not looked at again.
fn split_marks(text: &str, is_mark: impl Fn(char) -> bool, is_number: impl Fn(char) -> bool) -> String {
    let apart = pairs(text, |a, b| !is_number(a) && is_mark(b), |a, b| [a, ' ', b, ' ']);
    pairs(&apart, |a, b| is_mark(a) && !is_number(b), |a, b| [' ', a, ' ', b])
}

/// Dashes behind a digit put apart.
pub(crate) fn split_dashes(text: &str) -> String {
    pairs(text, |a, b| a.is_ascii_digit() && b == '-', |a, b| [a, ' ', b, ' '])
}

/// Replaces, from left to right and without overlap, the pairs of characters for which `matches` holds.
fn pairs(
    text: &str,
    matches: impl Fn(char, char) -> bool,
    replacement: impl Fn(char, char) -> [char; 4],
) -> String {
    let mut replaced = String::with_capacity(2 * text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.next_if(|&next| matches(c, next)) {
            Some(next) => replaced.extend(replacement(c, next)),
            None => replaced.push(c),
        }
    }
    replaced
}

/// The ranges of sacreBLEU. Two of them were meant to lie beyond the basic plane, but are written there with four
/// digits and a fifth character; this is what they amount to.
fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4db5}'
        | '\u{4e00}'..='\u{9fbb}'
        | '\u{f900}'..='\u{fa2d}'
        | '\u{fa30}'..='\u{fa6a}'
        | '\u{fa70}'..='\u{fad9}'
        | '\u{2001}'..='\u{2a6d}' // “20000–2a6d6”
        | '\u{2f81}'..='\u{2fa1}' // “2f800–2fa1d”
        | '\u{ff00}'..='\u{ffef}'
        | '\u{2e80}'..='\u{2eff}'
        | '\u{3000}'..='\u{303f}'
        | '\u{31c0}'..='\u{31ef}'
        | '\u{2f00}'..='\u{2fdf}'
        | '\u{2ff0}'..='\u{2fff}'
        | '\u{3100}'..='\u{312f}'
        | '\u{31a0}'..='\u{31bf}'
        | '\u{fe10}'..='\u{fe1f}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{3200}'..='\u{33ff}')
}

/// Unicode's category N.
fn is_number(c: char) -> bool {
    use GeneralCategory::{DecimalNumber, LetterNumber, OtherNumber};
    matches!(get_general_category(c), DecimalNumber | LetterNumber | OtherNumber)
}

/// Unicode's category P.
fn is_punctuation(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation, InitialPunctuation,
        OpenPunctuation, OtherPunctuation,
    };
    matches!(
        get_general_category(c),
        ConnectorPunctuation
            | DashPunctuation
            | OpenPunctuation
            | ClosePunctuation
            | InitialPunctuation
            | FinalPunctuation
            | OtherPunctuation
    )
}

/// Unicode's category S.
fn is_symbol(c: char) -> bool {
    use GeneralCategory::{CurrencySymbol, MathSymbol, ModifierSymbol, OtherSymbol};
    matches!(get_general_category(c), MathSymbol | CurrencySymbol | ModifierSymbol | OtherSymbol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Of every character that both sides' Unicode has, the categories are those that sacreBLEU sees.
    #[test]
    fn categories_equal_those_of_sacrebleus_patterns() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/metrics/tokens.json");
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for name in ["N", "P", "S"] {
            let holds = match name {
                "N" => is_number,
                "P" => is_punctuation,
                _ => is_symbol,
            };
            let mut expected = vec![false; 0x11_0000];
            for range in golden["categories"][name].as_array().unwrap() {
                let end = |i: usize| range[i].as_u64().unwrap() as usize;
                expected[end(0)..=end(1)].fill(true);
            }
            let known = |c: &char| get_general_category(*c) != GeneralCategory::Unassigned;
            for c in ('\0'..=char::MAX).filter(known) {
                assert_eq!(holds(c), expected[c as usize], "{name} {:x}", c as u32);
            }
        }
    }
}
