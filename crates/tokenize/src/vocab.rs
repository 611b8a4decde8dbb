//! The tokens of a tokenizer and what may be done with ids alone.

use crate::error::Error;
use crate::interner::Interner;

/// Tokens as byte strings; a token's id is its index. An empty string stands where an id has no token.
#[derive(Clone, Default)]
pub(crate) struct Vocab {
    tokens: Interner,
}

impl Vocab {
    pub(crate) fn with_capacity(tokens: usize, bytes: usize) -> Self {
        Self { tokens: Interner::with_capacity(tokens, bytes) }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    #[inline]
    pub(crate) fn token(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id).filter(|token| !token.is_empty())
    }

    #[inline]
    pub(crate) fn id(&self, token: &[u8]) -> Option<u32> {
        if token.is_empty() { None } else { self.tokens.find(token) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.tokens.iter()
    }

    /// Appends a token and gives its id; of equal tokens, [`id`](Self::id) finds the first.
    pub(crate) fn push(&mut self, token: &[u8]) -> u32 {
        self.tokens.push(token)
    }

    /// Ids without a token, so that `id` is the next.
    pub(crate) fn leave_out_until(&mut self, id: u32) {
        while self.len() < id as usize {
            self.push(b"");
        }
    }

    /// Appends a token unless there is an equal one.
    pub(crate) fn push_new(&mut self, token: &[u8]) -> bool {
        let next = self.len();
        self.tokens.intern(token) as usize == next
    }

    /// The bytes of `ids`, one after the other.
    pub(crate) fn decode_bytes(&self, ids: &[u32]) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for (position, &id) in ids.iter().enumerate() {
            let token = self.token(id).ok_or(Error::UnknownId { id, position, vocab_size: self.len() })?;
            bytes.extend_from_slice(token);
        }
        Ok(bytes)
    }
}
