//! Added tokens: strings that are ids of their own, found in the text before the model sees it.

use std::collections::HashMap;
use std::ops::Range;

/// A string with an id of its own, such as `<|endoftext|>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedToken {
    /// The id.
    pub id: u32,
    /// The string as it stands in a text.
    pub content: String,
    /// Whether the string means something to the model and therefore counts only where the caller allows it. Added
    /// tokens that are not special are always found.
    pub special: bool,
    /// Found only where no word character stands right before or after it.
    pub single_word: bool,
    /// Takes the whitespace before it.
    pub lstrip: bool,
    /// Takes the whitespace after it.
    pub rstrip: bool,
    /// Found in the text as the normaliser leaves it, in the form that the normaliser gives it. Others are found in
    /// the text as it is, before any normaliser.
    pub normalized: bool,
}

impl AddedToken {
    /// A token that is found wherever it stands in a text.
    ///
    /// ```
    /// let token = tokenize::AddedToken::new(5, "<mask>", true);
    /// assert!(token.special && !token.lstrip);
    /// ```
    pub fn new(id: u32, content: impl Into<String>, special: bool) -> Self {
        Self {
            id,
            content: content.into(),
            special,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
        }
    }
}

/// Which special tokens are taken for what they are when they stand in a text.
///
/// Text from users should not be able to end a document by naming the token that does, so the default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Specials<'a> {
    /// None: they are encoded like any other characters.
    #[default]
    None,
    /// All special tokens of the tokenizer.
    All,
    /// Those named here.
    Only(&'a [&'a str]),
}

impl Specials<'_> {
    fn allows(self, token: &AddedToken) -> bool {
        !token.special
            || match self {
                Specials::None => false,
                Specials::All => true,
                Specials::Only(names) => names.contains(&token.content.as_str()),
            }
    }
}

/// Added tokens and a trie of their bytes.
#[derive(Clone, Default)]
pub(crate) struct AddedTokens {
    tokens: Vec<AddedToken>,
    /// The child of a node by a byte; the root is node 0.
    children: HashMap<(u32, u8), u32>,
    /// For each node, the index of the token that ends there.
    ends: Vec<Option<u32>>,
    /// Whether any token starts with a byte.
    starts: Starts,
}

/// One flag per byte value.
#[derive(Clone)]
struct Starts([bool; 256]);

impl Default for Starts {
    fn default() -> Self {
        Self([false; 256])
    }
}

/// A stretch of text that is one added token or has none in it.
pub(crate) struct Segment {
    pub(crate) range: Range<usize>,
    /// The added token's id.
    pub(crate) id: Option<u32>,
}

impl AddedTokens {
    /// Adds a token; its content must not be empty nor there already.
    pub(crate) fn push(&mut self, token: AddedToken) {
        if self.ends.is_empty() {
            self.ends.push(None);
        }
        let mut node = 0;
        for &byte in token.content.as_bytes() {
            let next = self.ends.len() as u32;
            node = *self.children.entry((node, byte)).or_insert(next);
            if node == next {
                self.ends.push(None);
            }
        }
        self.ends[node as usize] = Some(self.tokens.len() as u32);
        if let Some(&byte) = token.content.as_bytes().first() {
            self.starts.0[usize::from(byte)] = true;
        }
        self.tokens.push(token);
    }

    pub(crate) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// Cuts `text` into added tokens and what lies between: leftmost first, the longest of those that start there.
    pub(crate) fn for_each_segment(
        &self,
        text: &[u8],
        specials: Specials<'_>,
        mut visit: impl FnMut(Segment),
    ) {
        let findable = self.tokens.iter().any(|token| specials.allows(token));
        let mut start = 0;
        let mut at = 0;
        while findable && at < text.len() {
            let maybe = self.starts.0[usize::from(text[at])];
            let Some((id, end)) = maybe.then(|| self.longest_at(text, at, specials)).flatten() else {
                at += 1;
                continue;
            };
            if start < at {
                visit(Segment { range: start..at, id: None });
            }
            visit(Segment { range: at..end, id: Some(id) });
            (start, at) = (end, end);
        }
        if start < text.len() {
            visit(Segment { range: start..text.len(), id: None });
        }
    }

    fn longest_at(&self, text: &[u8], start: usize, specials: Specials<'_>) -> Option<(u32, usize)> {
        let mut node = 0;
        let mut longest = None;
        for (at, &byte) in text.iter().enumerate().skip(start) {
            let Some(&next) = self.children.get(&(node, byte)) else { break };
            node = next;
            if let Some(index) = self.ends[node as usize] {
                let token = &self.tokens[index as usize];
                if specials.allows(token) {
                    longest = Some((token.id, at + 1));
                }
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added() -> AddedTokens {
        let mut added = AddedTokens::default();
        for (id, (content, special)) in [("<a>", true), ("<a>b", true), ("  ", false)].into_iter().enumerate()
        {
            added.push(AddedToken::new(id as u32, content, special));
        }
        added
    }

    #[track_caller]
    fn check(text: &str, specials: Specials<'_>, expected: &[(&str, Option<u32>)]) {
        let mut segments = Vec::new();
        added().for_each_segment(text.as_bytes(), specials, |s| segments.push((&text[s.range], s.id)));
        assert_eq!(segments, expected);
    }

    #[test]
    fn specials_count_only_where_allowed() {
        check("x<a>b", Specials::None, &[("x<a>b", None)]);
        check("x<a>b", Specials::All, &[("x", None), ("<a>b", Some(1))]);
        check("x<a>b", Specials::Only(&["<a>"]), &[("x", None), ("<a>", Some(0)), ("b", None)]);
        check("x  y", Specials::None, &[("x", None), ("  ", Some(2)), ("y", None)]);
    }

    #[test]
    fn leftmost_longest() {
        check("<a><a>b<a", Specials::All, &[("<a>", Some(0)), ("<a>b", Some(1)), ("<a", None)]);
        check("   ", Specials::All, &[("  ", Some(2)), (" ", None)]);
        check("", Specials::All, &[]);
    }
}
