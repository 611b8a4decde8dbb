//! Truncation and padding.

use super::encoding::{Encoding, Side};
use crate::error::Error;

/// How an encoding that is too long is cut.
///
/// ```
/// use tokenize::{Padding, Truncation};
///
/// let json = include_str!("../../tests/data/tiny-wordpiece.json");
/// let pipeline = tokenize::Pipeline::from_json(json)?
///     .with_truncation(Some(Truncation { max_length: 4, stride: 1, ..Truncation::default() }))
///     .with_padding(Some(Padding::default()))?;
/// let batch = pipeline.encode_batch(["words", "unaffable"], true)?;
/// assert_eq!(batch[1].tokens, ["[CLS]", "un", "##aff", "[SEP]"]);
/// assert_eq!(batch[1].overflowing[0].tokens, ["[CLS]", "##aff", "##able", "[SEP]"]);
/// assert_eq!(pipeline.encode("un", true)?.attention_mask, [true; 3]);
/// let padded = pipeline.encode_batch(["un", "words"], true)?;
/// assert_eq!(padded[0].tokens, ["[CLS]", "un", "[SEP]", "[PAD]"]);
/// assert_eq!(padded[0].attention_mask, [true, true, true, false]);
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// The most tokens, special ones included.
    pub max_length: usize,
    /// How many tokens an overflowing part shares with the one before.
    pub stride: usize,
    /// Which text of a pair is cut.
    pub strategy: TruncationStrategy,
    /// On which side tokens are cut off.
    pub side: Side,
}

/// Which text of a pair is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TruncationStrategy {
    /// The longer one until both are equally long, then both.
    #[default]
    LongestFirst,
    /// The first.
    OnlyFirst,
    /// The second.
    OnlySecond,
}

impl Default for Truncation {
    fn default() -> Self {
        Self { max_length: 512, stride: 0, strategy: TruncationStrategy::default(), side: Side::Right }
    }
}

impl Truncation {
    /// Cuts so that both texts and `specials` more tokens are at most `max_length` together.
    pub(super) fn apply(
        &self,
        first: &mut Encoding,
        second: Option<&mut Encoding>,
        specials: usize,
    ) -> Result<(), Error> {
        let Some(max) = self.max_length.checked_sub(specials) else {
            return Err(Error::Config(format!(
                "truncation to {} tokens leaves no room for the {specials} special ones",
                self.max_length
            )));
        };
        let second_length = second.as_ref().map_or(0, |second| second.len());
        let total = first.len() + second_length;
        if total <= max {
            return Ok(());
        }
        let excess = total - max;
        match self.strategy {
            TruncationStrategy::LongestFirst if max > 0 => {
                let (first_length, second_length) = longest_first(first.len(), second_length, max);
                self.cut(first, first_length)?;
                second.map_or(Ok(()), |second| self.cut(second, second_length))
            }
            _ if max == 0 => {
                self.cut(first, 0)?;
                second.map_or(Ok(()), |second| self.cut(second, 0))
            }
            strategy => {
                let target = match strategy {
                    TruncationStrategy::OnlySecond => second,
                    _ => Some(first),
                };
                let Some(target) = target else {
                    return Err(Error::Config(
                        "only the second text may be cut, and there is none".to_owned(),
                    ));
                };
                if target.len() <= excess {
                    return Err(Error::Config(format!(
                        "{excess} tokens too many, and the text that may be cut has {}",
                        target.len()
                    )));
                }
                let length = target.len() - excess;
                self.cut(target, length)
            }
        }
    }

    fn cut(&self, encoding: &mut Encoding, length: usize) -> Result<(), Error> {
        if length > 0 && length < encoding.len() && self.stride >= length {
            return Err(Error::Config(format!(
                "a stride of {} tokens, where {length} are left of each text",
                self.stride
            )));
        }
        encoding.truncate(length, self.stride, self.side);
        Ok(())
    }
}

/// The lengths that two texts, together longer than `max`, are cut to.
fn longest_first(first: usize, second: usize, max: usize) -> (usize, usize) {
    let (shorter, longer) = (first.min(second), first.max(second));
    let room = if shorter > max { shorter } else { shorter.max(max - shorter) };
    let (shorter, longer) =
        if shorter + room > max { (max / 2, max / 2 + max % 2) } else { (shorter, room.min(longer)) };
    if first > second { (longer, shorter) } else { (shorter, longer) }
}

/// How encodings are made equally long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Padding {
    /// To which length.
    pub strategy: PaddingStrategy,
    /// The length becomes a multiple of this.
    pub multiple_of: Option<usize>,
    /// On which side padding is added.
    pub side: Side,
    /// The id of the padding token.
    pub id: u32,
    /// Its type id.
    pub type_id: u32,
    /// The padding token itself.
    pub token: String,
}

/// To which length is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingStrategy {
    /// That of the longest encoding of a batch.
    BatchLongest,
    /// This one.
    Fixed(usize),
}

impl Default for Padding {
    fn default() -> Self {
        Self {
            strategy: PaddingStrategy::BatchLongest,
            multiple_of: None,
            side: Side::Right,
            id: 0,
            type_id: 0,
            token: "[PAD]".to_owned(),
        }
    }
}

impl Padding {
    /// The longest encoding that padding makes: a file that asks for more is refused, lest one number in it take all
    /// memory.
    pub const MAX_LENGTH: usize = 1 << 20;

    /// How many padding tokens the texts of a batch may take together, and how many more for each.
    const MOST_OF_BATCH: usize = 1 << 24;
    const MOST_OF_TEXT: usize = 1 << 12;

    /// Refuses lengths beyond [`MAX_LENGTH`](Self::MAX_LENGTH).
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fixed = match self.strategy {
            PaddingStrategy::Fixed(length) => length,
            PaddingStrategy::BatchLongest => 0,
        };
        match [fixed, self.multiple_of.unwrap_or(0)].into_iter().find(|&length| length > Self::MAX_LENGTH) {
            None => Ok(()),
            Some(length) => Err(Error::Config(format!(
                "padding to {length} tokens, where at most {} are allowed",
                Self::MAX_LENGTH
            ))),
        }
    }

    /// Pads all of `encodings` alike.
    pub(super) fn apply(&self, encodings: &mut [Encoding]) -> Result<(), Error> {
        let longest = || encodings.iter().map(Encoding::len).max().unwrap_or(0);
        let mut length = match self.strategy {
            PaddingStrategy::BatchLongest => longest(),
            PaddingStrategy::Fixed(length) => length,
        };
        if let Some(multiple) = self.multiple_of.filter(|&multiple| multiple > 0) {
            length = length.next_multiple_of(multiple);
        }
        let missing =
            encodings.iter().map(|encoding| encoding.missing(length)).fold(0, usize::saturating_add);
        let most = Self::MOST_OF_TEXT.saturating_mul(encodings.len()).saturating_add(Self::MOST_OF_BATCH);
        if missing > most {
            return Err(Error::Config(format!(
                "padding {} texts to {length} tokens takes {missing} of padding, where at most {most} are allowed",
                encodings.len()
            )));
        }
        encodings.iter_mut().for_each(|encoding| encoding.pad(length, self));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_text_is_cut_first() {
        for (first, second, max, expected) in
            [(3, 9, 8, (3, 5)), (9, 3, 8, (5, 3)), (9, 9, 7, (3, 4)), (10, 9, 7, (4, 3)), (0, 9, 4, (0, 4))]
        {
            assert_eq!(longest_first(first, second, max), expected, "{first} {second} {max}");
        }
    }
}
