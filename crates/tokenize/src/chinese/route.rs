//! The most probable way through a block.

use super::dictionary::Dictionary;

/// From one character on: the logarithm of the probability of the best way to the block's end, and where its first
/// word ends.
#[derive(Clone, Copy)]
pub(super) struct Step {
    log: f64,
    pub(super) end: usize,
}

/// Fills `route` with the best way from every character of a block to its end.
///
/// `P(words) = ∏ f(word) / total`; from the end to the start,
/// `log P(i..) = max over words i..j of log f(i..j) − log total + log P(j..)`, and of equals the longest word.
/// A character that begins no word counts as a word of frequency 1. `codes` ends with a 0.
pub(super) fn best_route(dictionary: &Dictionary, codes: &[u16], route: &mut Vec<Step>) {
    let (trie, logs) = (dictionary.trie(), dictionary.logs());
    let log_total = (dictionary.total() as f64).ln();
    let len = codes.len() - 1;
    route.clear();
    route.resize(len + 1, Step { log: 0.0, end: 0 });
    for start in (0..len).rev() {
        let mut best = Step { log: f64::NEG_INFINITY, end: 0 };
        let mut node = trie.first(codes[start]);
        let mut end = start + 1;
        while let Some(prefix) = node {
            // What is no word has the logarithm minus infinity.
            let log = (logs[prefix.word as usize] - log_total) + route[end].log;
            if log >= best.log {
                best = Step { log, end };
            }
            node = trie.step(prefix, codes[end]);
            end += 1;
        }
        if best.log == f64::NEG_INFINITY {
            best = Step { log: -log_total + route[start + 1].log, end: start + 1 };
        }
        route[start] = best;
    }
}
