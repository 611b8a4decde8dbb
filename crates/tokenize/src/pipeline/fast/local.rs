//! Whether a pipeline treats the parts of a text alike wherever they stand, so that a text can be cut first.
//!
//! Everything here errs on the side of no: a pipeline that is not recognised is followed step by step.

use crate::model::Model;
use crate::normalise::{NormalizedText, Normalizer};
use crate::pre::{PreTokenizer, PrependScheme};

/// How a text is cut into chunks whose ids, joined, are those of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// At ASCII whitespace, which no token sees.
    Words {
        /// Also around ASCII punctuation.
        punctuation: bool,
        /// Also around Chinese characters.
        chinese: bool,
    },
    /// Before each run of spaces after something else: the first of them begins a word.
    Spaces {
        /// What the first space of a run must have become, for the cut to be right.
        mark: char,
        /// Whether what comes before the cut must not end in whitespace or a mark, because runs of them are changed or
        /// merged as a whole.
        ends_matter: bool,
    },
}

/// A cut, and what else there is to know about it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) cut: Cut,
    /// The normaliser of chunks that are not the first of their text: without what is put before a text.
    pub(super) inner: Option<Normalizer>,
    /// Whether the normaliser reads grapheme clusters, which cuts must not break.
    pub(super) graphemes: bool,
    /// Whether the first chunk of a part depends on where in the text that starts.
    pub(super) first_differs: bool,
}

pub(super) fn plan(
    normalizer: Option<&Normalizer>,
    pre_tokenizer: Option<&PreTokenizer>,
    model: &Model,
) -> Option<Plan> {
    if let Model::Bpe(bpe) = model
        && bpe.options().dropout.is_some_and(|dropout| dropout > 0.0)
    {
        return None;
    }
    let steps = flat_normalizer(normalizer);
    let pre_steps = flat_pre_tokenizer(pre_tokenizer);
    let traits = Traits::of(&steps)?;
    let cut = match pre_steps.first() {
        Some(PreTokenizer::Bert | PreTokenizer::Whitespace | PreTokenizer::WhitespaceSplit) => {
            if traits.marks.is_some() || traits.has_prefix || pre_steps.iter().any(is_first_scheme) {
                return None;
            }
            let is_bert = matches!(pre_steps.first(), Some(PreTokenizer::Bert));
            Cut::Words { punctuation: is_bert && traits.is_bert, chinese: is_bert && traits.handles_chinese }
        }
        Some(PreTokenizer::Metaspace(metaspace)) => {
            let mark = metaspace.replacement;
            if traits.marks.is_some_and(|other| other != mark) || pre_steps[1..].iter().any(is_first_scheme) {
                return None;
            }
            if !metaspace.split && (pre_steps.len() > 1 || !merges_begin_with(model, mark)) {
                return None;
            }
            Cut::Spaces { mark, ends_matter: !metaspace.split || traits.collapses }
        }
        None => {
            let mark = traits.marks.filter(|&mark| merges_begin_with(model, mark))?;
            Cut::Spaces { mark, ends_matter: true }
        }
        Some(_) => return None,
    };
    if !keeps_spaces(normalizer) {
        return None;
    }
    let first_differs = pre_steps.iter().any(is_first_scheme);
    let inner = normalizer.cloned().and_then(without_prepend);
    Some(Plan { cut, inner, graphemes: traits.graphemes, first_differs })
}

/// Whether a step depends on where its text starts.
fn is_first_scheme(step: &&PreTokenizer) -> bool {
    matches!(step, PreTokenizer::Metaspace(metaspace) if metaspace.prepend_scheme == PrependScheme::First)
}

/// What the steps of a normaliser have in common.
#[derive(Default)]
struct Traits {
    /// Puts something before the text.
    has_prefix: bool,
    /// Reads grapheme clusters.
    graphemes: bool,
    /// Makes one of a run of spaces.
    collapses: bool,
    /// Nothing but BERT's normaliser.
    is_bert: bool,
    /// Puts spaces around Chinese characters.
    handles_chinese: bool,
    /// The character that spaces become.
    marks: Option<char>,
}

impl Traits {
    /// `None` if a step is not known to treat the parts of a text alike.
    fn of(steps: &[&Normalizer]) -> Option<Self> {
        let mut traits = Self { is_bert: true, ..Self::default() };
        for step in steps {
            match step {
                Normalizer::Bert(bert) => traits.handles_chinese |= bert.handle_chinese_chars,
                Normalizer::Lowercase => {}
                Normalizer::Nfc
                | Normalizer::Nfd
                | Normalizer::Nfkc
                | Normalizer::Nfkd
                | Normalizer::StripAccents
                | Normalizer::Nmt => traits.is_bert = false,
                Normalizer::Precompiled(_) => {
                    traits.is_bert = false;
                    traits.graphemes = true;
                }
                Normalizer::Prepend(prefix) if !prefix.is_empty() => {
                    traits.is_bert = false;
                    traits.has_prefix = true;
                }
                Normalizer::Replace { pattern, content } => {
                    traits.is_bert = false;
                    match (pattern.is_regex(), pattern.source(), content.as_str()) {
                        (true, " {2,}" | r"\s+" | r"\s{2,}", " ") => traits.collapses = true,
                        (false, " ", content) if content.chars().count() == 1 => {
                            traits.marks = content.chars().next();
                        }
                        // A string without whitespace lies on one side of every cut.
                        (false, source, _)
                            if !source.is_empty()
                                && !source.contains(|c: char| c.is_whitespace() || c == '\u{2581}') => {}
                        _ => return None,
                    }
                }
                Normalizer::Prepend(_)
                | Normalizer::Strip { .. }
                | Normalizer::ByteLevel
                | Normalizer::ChineseScript(_)
                | Normalizer::Sequence(_) => return None,
            }
        }
        Some(traits)
    }
}

fn flat_normalizer(normalizer: Option<&Normalizer>) -> Vec<&Normalizer> {
    fn add<'n>(normalizer: &'n Normalizer, steps: &mut Vec<&'n Normalizer>) {
        match normalizer {
            Normalizer::Sequence(inner) => inner.iter().for_each(|step| add(step, steps)),
            step => steps.push(step),
        }
    }
    let mut steps = Vec::new();
    normalizer.into_iter().for_each(|normalizer| add(normalizer, &mut steps));
    steps
}

fn flat_pre_tokenizer(pre_tokenizer: Option<&PreTokenizer>) -> Vec<&PreTokenizer> {
    fn add<'p>(pre_tokenizer: &'p PreTokenizer, steps: &mut Vec<&'p PreTokenizer>) {
        match pre_tokenizer {
            PreTokenizer::Sequence(inner) => inner.iter().for_each(|step| add(step, steps)),
            step => steps.push(step),
        }
    }
    let mut steps = Vec::new();
    pre_tokenizer.into_iter().for_each(|pre_tokenizer| add(pre_tokenizer, &mut steps));
    steps
}

/// Whether whitespace, alone or in a run, stays whitespace or becomes a mark: it does not vanish.
fn keeps_spaces(normalizer: Option<&Normalizer>) -> bool {
    let Some(normalizer) = normalizer.cloned().and_then(without_prepend) else { return true };
    [" ", "\t", "\n", "\r", "\r\n", "  ", " \t", "\n "].iter().all(|spaces| {
        let mut text = NormalizedText::new(spaces);
        let normal = normalizer.normalize(&mut text).is_ok();
        let is_space = |character: char| character.is_whitespace() || character == '\u{2581}';
        normal && !text.as_str().is_empty() && text.as_str().chars().all(is_space)
    })
}

/// A normaliser less its prefixes.
fn without_prepend(normalizer: Normalizer) -> Option<Normalizer> {
    match normalizer {
        Normalizer::Prepend(_) => None,
        Normalizer::Sequence(steps) => {
            Some(Normalizer::Sequence(steps.into_iter().filter_map(without_prepend).collect()))
        }
        step => Some(step),
    }
}

/// Whether a model can follow a text that nothing cuts word by word: none of its tokens has a mark after anything but
/// marks, so that no merge reaches over the start of a word.
fn merges_begin_with(model: &Model, mark: char) -> bool {
    let Model::Bpe(bpe) = model else { return false };
    let options = bpe.options();
    let is_plain = !options.ignore_merges
        && options.continuing_subword_prefix.as_deref().unwrap_or_default().is_empty()
        && options.end_of_word_suffix.as_deref().unwrap_or_default().is_empty();
    let mut buffer = [0; 4];
    is_plain
        && bpe.id(mark.encode_utf8(&mut buffer)).is_some()
        && bpe.merges().all(|(left, right)| !right.starts_with(mark) || left.ends_with(mark))
}
