//! Merges replayed on a text, step by step.

use crate::bpe::ByteLevelBpe;
use crate::error::Error;
use crate::hash::{self, PairHashMap};
use crate::model::{Bpe, Piece};

/// One merge, made in all words where its turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeStep {
    /// Which merge of the model it is, from 0.
    pub rank: usize,
    /// The id of the left token.
    pub left: u32,
    /// The id of the right token.
    pub right: u32,
    /// The id of the token that both have become.
    pub merged: u32,
    /// The pieces of each word after it. Ranges are bytes of the word.
    pub words: Vec<Vec<Piece>>,
}

/// The merges that turn the characters of words into tokens, in the order of their ranks. An iterator of
/// [`MergeStep`]s.
///
/// After the last step the pieces are those that the model gives. Each step goes through all words, so that this is
/// for looking at, not for encoding.
#[derive(Clone, Debug)]
pub struct MergeSteps {
    /// The rank and the merged id of pairs by their keys.
    rules: PairHashMap<(usize, u32)>,
    words: Vec<Vec<Piece>>,
}

/// Replays the merges of `model` on words, which a pre-tokenizer has cut.
///
/// ```
/// use tokenize::train::{BpeTrainer, Trainer, WordCounts, show_merges};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words: WordCounts = [("low", 5), ("lower", 2), ("newest", 6)].into_iter().collect();
/// let model = BpeTrainer::new(30).train_counts(&words, &mut |_| {})?;
/// let shown = show_merges(&model, &["lowest"])?.map(|step| {
///     let pieces = step.words[0].iter().map(|piece| &"lowest"[piece.range.clone()]);
///     pieces.collect::<Vec<_>>().join(" ")
/// });
/// let shown: Vec<_> = shown.collect();
/// assert_eq!(shown, ["l o we s t", "lo we s t", "lo we st"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::NoUnknownToken`] if a word has a character that the model does not know.
pub fn show_merges(model: &Bpe, words: &[&str]) -> Result<MergeSteps, Error> {
    let id = |token: &str| model.id(token).unwrap_or_default();
    let prefix = model.options().continuing_subword_prefix.as_deref().unwrap_or_default();
    let rules = model.merges().enumerate().map(|(rank, (left, right))| {
        let merged = format!("{left}{}", right.strip_prefix(prefix).unwrap_or(right));
        (hash::pair_key(id(left), id(right)), (rank, id(&merged)))
    });
    let rules = rules.collect();
    // Without merges, a word stays what it starts as.
    let vocab = model.vocab().map(|(token, id)| (token.to_owned(), id));
    let mut options = model.options().clone();
    options.ignore_merges = false;
    let symbols = Bpe::new(vocab, [], options)?;
    let words = words.iter().map(|word| {
        let mut pieces = Vec::new();
        symbols.pieces(word, &mut pieces).map(|()| pieces)
    });
    Ok(MergeSteps { rules, words: words.collect::<Result<_, _>>()? })
}

/// Replays the merges of a byte-level model on the pieces into which it cuts `text`.
///
/// ```
/// use tokenize::ByteLevelBpeTrainer;
/// use tokenize::train::show_byte_merges;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let text = "a rose is a rose is a rose";
/// let model = ByteLevelBpeTrainer::new(300).train([text])?;
/// let steps: Vec<_> = show_byte_merges(&model, "rose is").collect();
/// assert_eq!(model.token(steps[0].merged), Some(&b"os"[..]));
/// let last: Vec<u32> = steps.last().unwrap().words.iter().flatten().map(|piece| piece.id).collect();
/// assert_eq!(last, model.encode("rose is"));
/// # Ok(())
/// # }
/// ```
pub fn show_byte_merges(model: &ByteLevelBpe, text: &str) -> MergeSteps {
    let id = |token: &[u8]| model.id(token).unwrap_or_default();
    let rules = model.merges().enumerate();
    let rules =
        rules.map(|(rank, merge)| (hash::pair_key(id(merge.left), id(merge.right)), (rank, merge.id)));
    let pieces = model.split().pieces(text);
    let words = pieces.into_iter().map(|range| {
        let bytes = text.as_bytes()[range].iter().enumerate();
        bytes.map(|(at, &byte)| Piece { id: id(&[byte]), range: at..at + 1 }).collect()
    });
    MergeSteps { rules: rules.collect(), words: words.collect() }
}

impl MergeSteps {
    /// The pieces of each word as they stand now.
    pub fn words(&self) -> &[Vec<Piece>] {
        &self.words
    }

    /// The rank and the merged id of two neighbours.
    fn rule(&self, left: &Piece, right: &Piece) -> Option<(usize, u32)> {
        self.rules.get(&hash::pair_key(left.id, right.id)).copied()
    }

    /// The lowest rank in a word, and the first place that has it.
    fn first(&self, word: &[Piece]) -> Option<(usize, usize)> {
        let pairs = word.windows(2).enumerate();
        pairs.filter_map(|(at, pair)| Some((self.rule(&pair[0], &pair[1])?.0, at))).min()
    }
}

impl Iterator for MergeSteps {
    type Item = MergeStep;

    fn next(&mut self) -> Option<MergeStep> {
        let mut first: Vec<_> = self.words.iter().map(|word| self.first(word)).collect();
        let rank = first.iter().flatten().map(|&(rank, _)| rank).min()?;
        let mut made = None;
        for index in 0..self.words.len() {
            while let Some((lowest, at)) = first[index]
                && lowest == rank
            {
                let word = &self.words[index];
                let (_, merged) = self.rule(&word[at], &word[at + 1])?;
                let word = &mut self.words[index];
                let right = word.remove(at + 1);
                let left = &mut word[at];
                made = Some((left.id, right.id, merged));
                left.id = merged;
                left.range.end = right.range.end;
                first[index] = self.first(&self.words[index]);
            }
        }
        let (left, right, merged) = made?;
        Some(MergeStep { rank, left, right, merged, words: self.words.clone() })
    }
}
