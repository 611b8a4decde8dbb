//! Anything that holds a long sequence of tokens.

use crate::error::Error;

/// A sequence of tokens that can be read at any place.
///
/// ```
/// use train::Tokens;
/// let tokens: &[u32] = &[5, 6, 7, 8];
/// let mut window = [0; 2];
/// tokens.read(1, &mut window)?;
/// assert_eq!(window, [6, 7]);
/// # Ok::<(), train::Error>(())
/// ```
pub trait Tokens {
    /// Number of tokens.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `window` with the tokens from `start` on.
    ///
    /// # Errors
    /// If the window reaches beyond the end, or the tokens cannot be read.
    fn read(&self, start: u64, window: &mut [u32]) -> Result<(), Error>;
}

impl Tokens for [u32] {
    fn len(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, start: u64, window: &mut [u32]) -> Result<(), Error> {
        let range = usize::try_from(start).ok().and_then(|start| self.get(start..)?.get(..window.len()));
        let tokens = range.ok_or_else(|| beyond_end(start, window.len(), self.len() as u64))?;
        window.copy_from_slice(tokens);
        Ok(())
    }
}

impl Tokens for Vec<u32> {
    fn len(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, start: u64, window: &mut [u32]) -> Result<(), Error> {
        self.as_slice().read(start, window)
    }
}

impl<T: Tokens + ?Sized> Tokens for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read(&self, start: u64, window: &mut [u32]) -> Result<(), Error> {
        (**self).read(start, window)
    }
}

pub(crate) fn beyond_end(start: u64, count: usize, found: u64) -> Error {
    Error::CorpusTooShort { needed: start.saturating_add(count as u64), found }
}
