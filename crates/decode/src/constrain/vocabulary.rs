//! The bytes of tokens, in an order that lets common beginnings be looked at once.

use std::sync::Arc;

/// The bytes that each token of a model stands for. Clones share them.
///
/// ```
/// use decode::Vocabulary;
/// let vocabulary = Vocabulary::new(&["", "a", "ab", " "]);     // token 0, without bytes, is never part of a text
/// assert_eq!(vocabulary.bytes(2), Some(&b"ab"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct Vocabulary {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tokens: Vec<Vec<u8>>,
    /// Tokens with bytes, by their bytes.
    order: Vec<u32>,
    /// How many bytes each in `order` has in common with the one before.
    common: Vec<usize>,
}

impl Vocabulary {
    /// Bytes of each token, by id; none for tokens that are no text, such as an end token.
    pub fn new<T: AsRef<[u8]>>(tokens: &[T]) -> Self {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.as_ref().to_vec()).collect();
        let mut order: Vec<u32> =
            (0..tokens.len() as u32).filter(|&id| !tokens[id as usize].is_empty()).collect();
        order.sort_by(|&a, &b| tokens[a as usize].cmp(&tokens[b as usize]));
        let mut before: &[u8] = &[];
        let common = order.iter().map(|&id| {
            let token = &tokens[id as usize][..];
            let shared = before.iter().zip(token).take_while(|(a, b)| a == b).count();
            before = token;
            shared
        });
        let common = common.collect();
        Self { inner: Arc::new(Inner { tokens, order, common }) }
    }

    /// The bytes of a token; `None` if there is no such token.
    pub fn bytes(&self, token: u32) -> Option<&[u8]> {
        self.inner.tokens.get(token as usize).map(Vec::as_slice)
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.inner.tokens.len()
    }

    /// Calls `allow` for each token all of whose bytes `step` can take from `start`. A beginning that several tokens share
    /// is stepped through once.
    pub(super) fn each_allowed<S: Copy>(
        &self,
        start: S,
        step: impl Fn(S, u8) -> Option<S>,
        mut allow: impl FnMut(u32),
    ) {
        // States after 0, 1, 2, … bytes of the last token, as far as it could be taken.
        let mut states = vec![start];
        for (&token, &common) in self.inner.order.iter().zip(&self.inner.common) {
            if common >= states.len() {
                // It begins with what could not be taken.
                continue;
            }
            states.truncate(common + 1);
            let bytes = &self.inner.tokens[token as usize];
            for &byte in &bytes[common..] {
                let Some(next) = step(states[states.len() - 1], byte) else { break };
                states.push(next);
            }
            if states.len() == bytes.len() + 1 {
                allow(token);
            }
        }
    }
}
