//! From the ranks of tokens to merges.

use super::merges::{Merges, Scratch};
use crate::error::Error;
use crate::vocab::Vocab;

/// The merges of a vocabulary that only says which token ranks before which: two neighbours merge if their bytes joined
/// are a token, the token of the lowest rank first.
///
/// A token can be put together in one way alone: by the last merge of its own bytes encoded by themselves. For in
/// any text, as long as nothing merges across the borders of its bytes, the merges between them are the same, in the
/// same order; and once something has merged across, it never comes apart again. So each token, shorter ones first,
/// is encoded with the merges that make shorter ones: where two parts are left, they are its merge; where more are
/// left, no text ever merges into it.
pub(super) fn merges(vocab: &Vocab, byte_ids: [u32; 256], ordinary: &[u32]) -> Result<Merges, Error> {
    Merges::check_number(ordinary.len())?;
    let token = |rank: u32| vocab.token(ordinary[rank as usize]).unwrap_or_default();
    let mut by_length: Vec<Vec<u32>> = Vec::new();
    for rank in 0..ordinary.len() as u32 {
        let length = token(rank).len().min(LONG);
        by_length.resize(by_length.len().max(length + 1), Vec::new());
        by_length[length].push(rank);
    }
    if let Some(long) = by_length.get_mut(LONG) {
        long.sort_by_key(|&rank| token(rank).len());
    }
    let mut table = Merges::growing(byte_ids, ordinary.len());
    let mut scratch = Scratch::default();
    for rank in by_length.into_iter().flatten() {
        if let &[left, right] = table.apply(token(rank), &mut scratch) {
            table.add(token(rank), left, right, rank, ordinary[rank as usize]);
        }
    }
    table.finish();
    Ok(table)
}

/// Tokens of so many bytes or more are sorted, shorter ones gathered.
const LONG: usize = 128;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use crate::bpe::ByteLevelBpe;
    use crate::split::Split;
    use crate::vocab::Vocab;

    /// The definition: join the neighbours whose bytes make the token of the lowest rank, leftmost first.
    fn naive(ranks: &HashMap<Vec<u8>, u32>, word: &[u8]) -> Vec<u32> {
        if let Some(&id) = ranks.get(word) {
            return vec![id];
        }
        let mut parts: Vec<Vec<u8>> = word.iter().map(|&byte| vec![byte]).collect();
        loop {
            let joined =
                parts.windows(2).enumerate().filter_map(|(at, pair)| Some((*ranks.get(&pair.concat())?, at)));
            let Some((_, at)) = joined.min() else { break };
            let right = parts.remove(at + 1);
            parts[at].extend(right);
        }
        parts.iter().map(|part| ranks[part]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Vocabularies that no training makes: tokens before their parts, tokens that nothing merges into.
        #[test]
        fn ranks_mean_what_the_definition_says(
            tokens in prop::collection::btree_set("[abc]{2,6}", 0..30),
            shuffle in any::<u64>(),
            words in prop::collection::vec("[abc]{1,40}", 10),
        ) {
            let mut tokens: Vec<String> = BTreeSet::into_iter(tokens).collect();
            tokens.sort_by_key(|token| crate::hash::hash_bytes(shuffle, token.as_bytes()));
            let (mut vocab, mut ranks) = (Vocab::default(), HashMap::new());
            let bytes = (0..=255u8).map(|byte| vec![byte]);
            for token in bytes.chain(tokens.into_iter().map(String::into_bytes)) {
                ranks.insert(token.clone(), vocab.push(&token));
            }
            let ordinary: Vec<u32> = (0..vocab.len() as u32).collect();
            let model = ByteLevelBpe::from_ranks(vocab, &ordinary, Split::Whole).unwrap();
            for word in words {
                prop_assert_eq!(model.encode(&word), naive(&ranks, word.as_bytes()), "{}", word);
            }
        }
    }
}
