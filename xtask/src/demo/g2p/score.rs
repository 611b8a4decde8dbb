//! How a model pronounces words it has never seen.

use std::collections::HashMap;

use decode::Beam;
use metrics::EditCounts;

use super::dictionary::{Dictionary, Word, unstressed};
use crate::Failure;
use crate::seq2seq::{Batch, END, Translator, UNKNOWN, beam_search};

/// Sounds of the longest pronunciations: no word needs more.
const LONGEST: usize = 40;
/// Words decoded together.
const TOGETHER: usize = 128;

/// What a model says for a word.
pub(super) struct Said {
    /// As it is.
    pub(super) stressed: Vec<u32>,
    /// Without stress: where several hypotheses differ in stress alone, their probabilities are summed first.
    pub(super) plain: Vec<String>,
}

/// Pronounces words by beam search.
pub(super) fn pronounce(
    model: &dyn Translator,
    dictionary: &Dictionary,
    words: &[Word],
    width: usize,
) -> Result<Vec<Said>, Failure> {
    let search = beam_search(&Beam { n_best: width, ..Beam::new(width, END, LONGEST) }, &[UNKNOWN])?;
    // Words of one length need no padding.
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by_key(|word| words[*word].source.len());
    let mut said: Vec<Option<Said>> = words.iter().map(|_| None).collect();
    for picked in order.chunks(TOGETHER) {
        let batch = Batch::new(picked.iter().map(|word| (&words[*word].source[..], &[][..])));
        let found = model.search(&search, &batch.source, &batch.lengths)?;
        for (word, hypotheses) in picked.iter().zip(found) {
            let mut plain: Vec<(Vec<String>, f64)> = Vec::new();
            let mut places: HashMap<Vec<String>, usize> = HashMap::new();
            for hypothesis in &hypotheses {
                let key = plain_sounds(dictionary, &hypothesis.tokens);
                let at = *places.entry(key.clone()).or_insert_with(|| {
                    plain.push((key, 0.0));
                    plain.len() - 1
                });
                plain[at].1 += hypothesis.log_prob.exp();
            }
            let best = plain.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
            said[*word] = Some(Said {
                stressed: hypotheses.into_iter().next().map(|best| best.tokens).unwrap_or_default(),
                plain: best.map(|(sounds, _)| sounds).unwrap_or_default(),
            });
        }
    }
    Ok(said.into_iter().map(|said| said.expect("every word is in a batch")).collect())
}

/// The names of sounds without stress.
pub(super) fn plain_sounds(dictionary: &Dictionary, sounds: &[u32]) -> Vec<String> {
    sounds.iter().map(|sound| unstressed(dictionary.sounds.name(*sound)).to_owned()).collect()
}

/// Errors over all words; a word has that of the listed pronunciation that is nearest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Errors {
    words: usize,
    wrong: usize,
    sounds: EditCounts,
}

impl Errors {
    fn add<T: PartialEq>(&mut self, listed: &[Vec<T>], said: &[T]) {
        let Some(counts) = EditCounts::nearest(listed, said) else { return };
        self.words += 1;
        self.wrong += usize::from(counts.errors() > 0);
        self.sounds += counts;
    }

    /// Words that are none of their pronunciations, in per cent.
    pub(super) fn of_words(&self) -> f64 {
        100.0 * self.wrong as f64 / self.words.max(1) as f64
    }

    /// Sounds put in, left out or taken for others, in per cent of those listed.
    pub(super) fn of_sounds(&self) -> f64 {
        100.0 * self.sounds.rate()
    }
}

/// How good pronunciations are, with and without stress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    pub(super) stressed: Errors,
    pub(super) plain: Errors,
}

pub(super) fn score(dictionary: &Dictionary, words: &[Word], said: &[Said]) -> Score {
    let mut score = Score::default();
    for (word, said) in words.iter().zip(said) {
        score.stressed.add(&word.spoken, &said.stressed);
        let plain: Vec<Vec<String>> =
            word.spoken.iter().map(|sounds| plain_sounds(dictionary, sounds)).collect();
        score.plain.add(&plain, &said.plain);
    }
    score
}
