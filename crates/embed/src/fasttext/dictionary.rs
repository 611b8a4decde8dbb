//! Words, labels, and the rows that stand for them.

use std::collections::HashMap;

use super::Settings;
use crate::Words;
use crate::subwords::hash;

/// What fastText reads at the end of a line.
pub(crate) const END: &str = "</s>";
/// What labels begin with.
pub(crate) const LABEL: &str = "__label__";

/// Words and labels with their counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dictionary {
    pub(crate) words: Words,
    pub(crate) labels: Words,
    /// Of words, then of labels.
    pub(crate) counts: Vec<u64>,
    /// Words of the text it was made from.
    pub(crate) tokens: u64,
    /// In a pruned model, the rows that are left of the buckets.
    pub(crate) pruned: Option<HashMap<u32, u32>>,
}

impl Dictionary {
    /// Pushes the row of a bucket, if it is left.
    fn push_bucket(&self, bucket: u32, rows: &mut Vec<u32>) {
        let bucket = match &self.pruned {
            None => Some(bucket),
            Some(left) => left.get(&bucket).copied(),
        };
        rows.extend(bucket.map(|bucket| self.words.len() as u32 + bucket));
    }

    /// The rows that make up the vector of a word: its own if it is known, then those of its n-grams.
    pub(crate) fn word_rows(&self, settings: &Settings, word: &str, rows: &mut Vec<u32>) {
        let known = self.words.index(word);
        rows.extend(known.map(|row| row as u32));
        let Some(subwords) = settings.subwords() else { return };
        // The end of a line has no n-grams.
        if word != END {
            for bucket in subwords.of(word) {
                self.push_bucket(bucket, rows);
            }
        }
    }

    /// The rows of a line of text and the labels in it, as fastText's: words, the end of the line, then n-grams of
    /// words.
    pub(crate) fn line_rows(
        &self,
        settings: &Settings,
        line: &str,
        rows: &mut Vec<u32>,
        labels: &mut Vec<u32>,
    ) {
        let mut hashes = Vec::new();
        for token in tokens(line).chain([END]) {
            if token.starts_with(LABEL) && self.words.index(token).is_none() {
                labels.extend(self.labels.index(token).map(|label| label as u32));
            } else {
                self.word_rows(settings, token, rows);
                hashes.push(hash(token.as_bytes()));
            }
        }
        let widen = |hash: u32| i64::from(hash as i32) as u64;
        for (i, &first) in hashes.iter().enumerate() {
            let mut h = widen(first);
            for &next in hashes[i + 1..].iter().take(settings.word_ngrams.saturating_sub(1)) {
                h = h.wrapping_mul(116_049_371).wrapping_add(widen(next));
                self.push_bucket((h % u64::from(settings.buckets.max(1))) as u32, rows);
            }
        }
    }
}

/// What fastText takes for white space.
pub(crate) fn tokens(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t', '\r', '\n', '\x0b', '\x0c', '\0']).filter(|token| !token.is_empty())
}
