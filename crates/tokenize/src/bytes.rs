//! One id per byte.

use crate::error::Error;
use crate::tokenizer::Tokenizer;

/// The tokenizer whose ids are the 256 byte values: no training, no file, no unknown text.
///
/// ```
/// use tokenize::{ByteTokenizer, Tokenizer};
///
/// assert_eq!(ByteTokenizer.encode("hé").unwrap(), [104, 195, 169]);
/// assert_eq!(ByteTokenizer.decode(&[104, 195, 169]).unwrap(), "hé");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteTokenizer;

/// Every byte value, so that a token can be lent as a slice.
const BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = byte as u8;
        byte += 1;
    }
    bytes
};

impl Tokenizer for ByteTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(text.bytes().map(u32::from).collect())
    }

    fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(text.len())
    }

    fn vocab_size(&self) -> usize {
        256
    }

    fn token(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        BYTES.get(id..=id)
    }

    fn id(&self, token: &[u8]) -> Option<u32> {
        match token {
            [byte] => Some(u32::from(*byte)),
            _ => None,
        }
    }
}
