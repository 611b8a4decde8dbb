//! The loop of byte-pair encoding: merge the most frequent pair, again and again.

use super::corpus::{Changes, Corpus};
use super::pairs::PairIndex;
use super::progress::Progress;
use crate::hash;
use crate::vocab::Vocab;

/// When merging ends, and how merged tokens are spelled.
pub(super) struct Rules<'r> {
    /// The size of the vocabulary at which merging ends.
    pub(super) vocab_size: usize,
    /// Pairs seen less often are not merged.
    pub(super) min_frequency: u64,
    /// What a right token loses at its beginning when it is merged.
    pub(super) prefix: &'r str,
    /// How much memory the index of pairs may take.
    pub(super) index_memory: Option<usize>,
}

/// Merges until the vocabulary is full or no pair is frequent enough. New tokens go into `vocab`; the pairs of ids
/// come back in the order of the merges.
///
/// Of equally frequent pairs the one with the smaller left id, then the smaller right id, is merged. A pair that would
/// make a token which is there already is passed over: within a word, a token can come about in one way only, so that
/// this is a special token, or a string with the prefix in it, that the text happens to spell.
pub(super) fn learn(
    mut corpus: Corpus,
    rules: &Rules<'_>,
    vocab: &mut Vocab,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Vec<(u32, u32)> {
    let total = rules.vocab_size.saturating_sub(vocab.len());
    let mut merges = Vec::new();
    let mut index = PairIndex::new(&corpus, rules.min_frequency, rules.index_memory);
    let mut changes = Changes::default();
    let mut token = Vec::new();
    while merges.len() < total
        && let Some((pair, count, positions)) = index.pop(&corpus)
    {
        let (left, right) = hash::key_pair(pair);
        token.clear();
        token.extend_from_slice(vocab.token(left).unwrap_or_default());
        let right_token = vocab.token(right).unwrap_or_default();
        token.extend_from_slice(right_token.strip_prefix(rules.prefix.as_bytes()).unwrap_or(right_token));
        if vocab.id(&token).is_some() {
            index.forget(pair);
            continue;
        }
        let merged = vocab.push(&token);
        merges.push((left, right));
        corpus.merge(pair, merged, positions, &|pair, count| index.wants(pair, count), &mut changes);
        index.update(&mut changes, &corpus);
        let token = |id| vocab.token(id).unwrap_or_default();
        progress(Progress::Merging {
            done: merges.len(),
            total,
            left: token(left),
            right: token(right),
            count,
        });
    }
    merges
}
