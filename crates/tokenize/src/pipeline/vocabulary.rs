//! The added tokens of a pipeline: found in the text as it is, or in the text as the normaliser leaves it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::added::AddedToken;
use crate::error::Error;
use crate::model::Model;
use crate::normalise::{NormalizedText, Normalizer};
use crate::properties;

/// Added tokens, and what finds them.
#[derive(Clone, Debug, Default)]
pub(super) struct AddedVocabulary {
    /// In the order of their ids.
    tokens: Vec<AddedToken>,
    /// The index of each, by id and by content.
    by_id: HashMap<u32, usize>,
    by_content: HashMap<String, usize>,
    /// What the normaliser makes of a token, where that differs and is what is looked for.
    normalized: HashMap<u32, String>,
    specials: HashSet<String>,
    in_text: Option<Finder>,
    in_normalized: Option<Finder>,
}

/// Finds tokens: leftmost, and of those that start at a place the longest.
#[derive(Clone, Debug)]
struct Finder {
    automaton: AhoCorasick,
    /// The index of the token of each pattern.
    tokens: Vec<usize>,
}

/// A stretch of a text: an added token, by its index, or what lies between.
pub(super) type Stretch = (Range<usize>, Option<usize>);

impl AddedVocabulary {
    /// Checks the tokens: each has the id of the model's token with the same text, or one that no token has.
    pub(super) fn new(
        tokens: Vec<AddedToken>,
        model: &Model,
        normalizer: Option<&Normalizer>,
    ) -> Result<Self, (usize, Error)> {
        let mut vocabulary = Self::default();
        for (index, token) in tokens.iter().enumerate() {
            let error = |what: String| {
                Err((index, Error::Config(format!("added token {:?}: {what}", token.content))))
            };
            if token.content.is_empty() {
                return error("it is empty".to_owned());
            }
            if vocabulary.by_content.contains_key(&token.content) {
                return error("it comes twice".to_owned());
            }
            match model.id(&token.content) {
                Some(own) if own != token.id => {
                    return error(format!("id {}, where the model has it as {own}", token.id));
                }
                None if model.token(token.id).is_some() => {
                    return error(format!("id {} is that of another token of the model", token.id));
                }
                _ => {}
            }
            if vocabulary.by_id.insert(token.id, index).is_some() {
                return error(format!("id {} is that of another added token", token.id));
            }
            vocabulary.by_content.insert(token.content.clone(), index);
        }
        vocabulary.tokens = tokens;
        vocabulary.normalize(normalizer).map_err(|error| (0, error))?;
        Ok(vocabulary)
    }

    /// Builds what finds the tokens under a normaliser.
    fn normalize(&mut self, normalizer: Option<&Normalizer>) -> Result<(), Error> {
        self.normalized.clear();
        self.specials =
            self.tokens.iter().filter(|token| token.special).map(|token| token.content.clone()).collect();
        for token in self.tokens.iter().filter(|token| token.normalized) {
            if let Some(normalizer) = normalizer {
                let mut text = NormalizedText::new(&token.content);
                normalizer.normalize(&mut text)?;
                if text.as_str() != token.content {
                    self.normalized.insert(token.id, text.as_str().to_owned());
                }
            }
        }
        self.in_text = self.finder(false)?;
        self.in_normalized = self.finder(true)?;
        Ok(())
    }

    fn finder(&self, normalized: bool) -> Result<Option<Finder>, Error> {
        let (mut patterns, mut tokens) = (Vec::new(), Vec::new());
        for (index, token) in
            self.tokens.iter().enumerate().filter(|(_, token)| token.normalized == normalized)
        {
            let pattern = self.normalized.get(&token.id).unwrap_or(&token.content);
            if !pattern.is_empty() {
                patterns.push(pattern.as_str());
                tokens.push(index);
            }
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns)
            .map_err(|error| Error::Config(format!("the added tokens: {error}")))?;
        Ok(Some(Finder { automaton, tokens }))
    }

    pub(super) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// The added token with an id, as it is decoded: in the form that the normaliser gives it.
    pub(super) fn token(&self, id: u32) -> Option<&str> {
        let index = *self.by_id.get(&id)?;
        Some(self.normalized.get(&id).map_or(self.tokens[index].content.as_str(), String::as_str))
    }

    pub(super) fn id(&self, content: &str) -> Option<u32> {
        self.by_content.get(content).map(|&index| self.tokens[index].id)
    }

    /// Whether a token, as it is decoded, is special.
    pub(super) fn is_special(&self, token: &str) -> bool {
        self.specials.contains(token)
    }

    /// Number of added tokens that the model does not have.
    pub(super) fn beyond(&self, model: &Model) -> usize {
        self.tokens.iter().filter(|token| model.id(&token.content).is_none()).count()
    }

    /// The largest id of an added token plus 1.
    pub(super) fn id_bound(&self) -> u64 {
        self.tokens.iter().map(|token| u64::from(token.id) + 1).max().unwrap_or(0)
    }

    /// Whether tokens are looked for in the normalised text.
    pub(super) fn reads_normalized(&self) -> bool {
        self.in_normalized.is_some()
    }

    /// Cuts a text at the tokens that are looked for in it as it is, or as it is normalised.
    pub(super) fn cut(&self, text: &str, normalized: bool, specials_as_text: bool, out: &mut Vec<Stretch>) {
        let finder = if normalized { &self.in_normalized } else { &self.in_text };
        let mut end = 0;
        if let Some(finder) = finder {
            for found in finder.automaton.find_iter(text) {
                let index = finder.tokens[found.pattern().as_usize()];
                let Some(range) = self.tokens[index].place(text, found.range(), end, specials_as_text) else {
                    continue;
                };
                if end < range.start {
                    out.push((end..range.start, None));
                }
                end = range.end;
                out.push((range, Some(index)));
            }
        }
        if end < text.len() {
            out.push((end..text.len(), None));
        }
    }
}

impl AddedToken {
    /// What a token takes of a text in which it was found, or nothing if it does not count there. What lies before
    /// `taken` belongs to the token before.
    fn place(
        &self,
        text: &str,
        found: Range<usize>,
        taken: usize,
        specials_as_text: bool,
    ) -> Option<Range<usize>> {
        if specials_as_text && self.special {
            return None;
        }
        let (before, after) = (&text[..found.start], &text[found.end..]);
        if self.single_word
            && (before.chars().next_back().is_some_and(properties::is_word)
                || after.chars().next().is_some_and(properties::is_word))
        {
            return None;
        }
        let start = if self.lstrip { before.trim_end().len().max(taken) } else { found.start };
        let end = if self.rstrip { text.len() - after.trim_start().len() } else { found.end };
        Some(start..end.max(start))
    }
}
