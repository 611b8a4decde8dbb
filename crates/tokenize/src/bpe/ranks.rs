//! Merges that follow from the ranks of tokens.

use std::ops::Range;
use std::sync::OnceLock;

use super::apply::{self, NONE, Ranks, Scratch};
use super::merges::Merges;
use crate::error::Error;
use crate::vocab::Vocab;

/// Which tokens of a vocabulary merge by their ranks: two neighbours merge if their bytes joined are a token, the token
/// of the lowest rank first. So the vocabulary itself is all that merging needs, and a file of ranks is read in the time
/// that it takes to read its tokens. A table of pairs is made when somebody asks for the merges one by one.
#[derive(Clone)]
pub(super) struct Ranked {
    byte_ids: [u32; 256],
    /// The ids of tokens of two bytes.
    byte_ranks: Vec<u32>,
    /// Ids from here on are not ranked, nor are `others`, which are sorted.
    end: u32,
    others: Vec<u32>,
    table: OnceLock<Merges>,
}

impl Ranked {
    /// The ranks of `ordinary` tokens, whose ids ascend with them.
    ///
    /// # Errors
    /// [`Error::Config`] if there are more ids than can be ranked.
    pub(super) fn new(vocab: &Vocab, byte_ids: [u32; 256], ordinary: &[u32]) -> Result<Self, Error> {
        Merges::check_number(ordinary.last().map_or(0, |&last| last as usize + 1))?;
        let mut byte_ranks = vec![NONE; 1 << 16];
        let mut others = Vec::new();
        let mut ranked = ordinary.iter().copied().peekable();
        for (id, token) in (0..).zip(vocab.iter()) {
            if ranked.next_if_eq(&id).is_none() {
                others.extend((!token.is_empty()).then_some(id));
            } else if let &[left, right] = token {
                byte_ranks[usize::from(u16::from_be_bytes([left, right]))] = id;
            }
        }
        Ok(Self { byte_ids, byte_ranks, end: vocab.len() as u32, others, table: OnceLock::new() })
    }

    fn is_ranked(&self, id: u32) -> bool {
        id < self.end
            && self.others.first().is_none_or(|&first| id < first || self.others.binary_search(&id).is_err())
    }

    /// With the vocabulary that it is of.
    pub(super) fn of<'m>(&'m self, vocab: &'m Vocab) -> TokenRanks<'m> {
        TokenRanks { vocab, ranked: self }
    }

    /// The merges as a table.
    pub(super) fn table(&self, vocab: &Vocab) -> &Merges {
        self.table.get_or_init(|| {
            let ids = (0..self.end).filter(|&id| vocab.token(id).is_some() && self.is_ranked(id));
            merges(vocab, self.byte_ids, &ids.collect::<Vec<_>>())
        })
    }
}

/// [`Ranked`] tokens of a vocabulary; a rank is an id.
pub(super) struct TokenRanks<'m> {
    vocab: &'m Vocab,
    ranked: &'m Ranked,
}

impl Ranks for TokenRanks<'_> {
    fn byte_ids(&self) -> &[u32; 256] {
        &self.ranked.byte_ids
    }

    #[inline]
    fn byte_rank(&self, pair: [u8; 2]) -> u32 {
        self.ranked.byte_ranks[usize::from(u16::from_be_bytes(pair))]
    }

    #[inline]
    fn rank(&self, _: [u32; 2], word: &[u8], range: Range<usize>) -> u32 {
        self.vocab.id(&word[range]).filter(|&id| self.ranked.is_ranked(id)).unwrap_or(NONE)
    }

    #[inline]
    fn merged(&self, rank: u32) -> u32 {
        rank
    }
}

/// The merges of ranked tokens, given by their ids in the order of the ranks.
///
/// A token can be put together in one way alone: by the last merge of its own bytes encoded by themselves. For in
/// any text, as long as nothing merges across the borders of its bytes, the merges between them are the same, in the
/// same order; and once something has merged across, it never comes apart again. So each token, shorter ones first,
/// is encoded with the merges that make shorter ones: where two parts are left, they are its merge; where more are
/// left, no text ever merges into it.
fn merges(vocab: &Vocab, byte_ids: [u32; 256], ordinary: &[u32]) -> Merges {
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
        if let &[left, right] = apply::apply(&table, token(rank), &mut scratch) {
            table.add(token(rank), left, right, rank, ordinary[rank as usize]);
        }
    }
    table.finish();
    table
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
            for word in &words {
                prop_assert_eq!(model.encode(word), naive(&ranks, word.as_bytes()), "{}", word);
            }
            // The merges one by one say the same.
            let ids = |token: &[u8]| model.id(token).unwrap();
            let merges = model.merges().map(|merge| (ids(merge.left), ids(merge.right))).collect();
            let mut vocab = Vocab::default();
            (0..model.vocab_size() as u32).for_each(|id| _ = vocab.push(model.token(id).unwrap()));
            let mut by_merges = ByteLevelBpe::new(vocab, merges, Split::Whole).unwrap();
            by_merges.set_whole_words(true);
            for word in &words {
                prop_assert_eq!(by_merges.encode(word), model.encode(word), "{}", word);
            }
        }
    }
}
