//! From pieces to the vocabulary of a model.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::pieces::Pieces;
use super::text::Text;
use super::{FinalCut, UnigramTrainer};
use crate::error::Error;
use crate::model::Unigram;

/// By how much the scores of characters without probability differ.
const SCORE_STEP: f64 = 0.0001;

/// What is in the vocabulary besides the pieces that training chooses.
pub(super) struct Frame {
    special_tokens: Vec<String>,
    unk_id: Option<u32>,
    /// Characters that must be pieces, the most frequent first.
    characters: Vec<char>,
    /// How many pieces there is room for, characters included.
    room: usize,
    final_cut: FinalCut,
}

impl Frame {
    pub(super) fn new(trainer: &UnigramTrainer, text: &Text) -> Result<Self, Error> {
        let mut special_tokens = trainer.special_tokens.clone();
        let unk_id = match &trainer.unk_token {
            None => None,
            Some(unk) => match special_tokens.iter().position(|token| token == unk) {
                Some(place) => Some(place as u32),
                None => {
                    special_tokens.insert(0, unk.clone());
                    Some(0)
                }
            },
        };
        let mut seen = HashSet::new();
        if let Some(token) =
            special_tokens.iter().find(|token| token.is_empty() || !seen.insert(token.as_str()))
        {
            return Err(Error::Config(format!("special token {token:?} is empty or given twice")));
        }
        let mut counts: HashMap<char, u64> = text.characters.iter().copied().collect();
        trainer.initial_alphabet.iter().for_each(|&character| {
            counts.entry(character).or_insert(0);
        });
        // One that is a special token has its id.
        counts.retain(|character, _| !seen.contains(&*character.encode_utf8(&mut [0; 4])));
        let mut characters: Vec<char> = counts.keys().copied().collect();
        characters.sort_unstable_by_key(|character| (Reverse(counts[character]), *character));
        match trainer.vocab_size.checked_sub(special_tokens.len()) {
            Some(room) if room >= characters.len() => {
                Ok(Self { special_tokens, unk_id, characters, room, final_cut: trainer.final_cut })
            }
            _ => Err(Error::Config(format!(
                "a vocabulary of {} ids has no room for {} special tokens and {} characters",
                trainer.vocab_size,
                special_tokens.len(),
                characters.len()
            ))),
        }
    }

    /// The model of these pieces.
    pub(super) fn model(self, text: &Text, pieces: &Pieces) -> Result<Unigram, Error> {
        let strings: Vec<String> = pieces.spans.iter().map(|&span| text.string(span)).collect();
        let learnt = || strings.iter().map(String::as_str).zip(pieces.scores.iter().copied()).skip(1);
        let scores: HashMap<&str, f64> = learnt().collect();
        let lowest = pieces.min_score();
        let mut without_score = 0.0;
        let mut chosen: Vec<(String, f64)> = Vec::with_capacity(self.room);
        for character in self.characters {
            let string = String::from(character);
            let score = scores.get(string.as_str()).copied().unwrap_or_else(|| {
                without_score += 1.0;
                lowest + (without_score - 1.0) * SCORE_STEP
            });
            chosen.push((string, score));
        }
        let mut taken: HashSet<String> = chosen.iter().map(|(string, _)| string.clone()).collect();
        taken.extend(self.special_tokens.iter().cloned());
        let mut rest: Vec<(&str, f64)> = learnt().filter(|(string, _)| !taken.contains(*string)).collect();
        if self.final_cut == FinalCut::ByScore {
            rest.sort_by(|(a, a_score), (b, b_score)| b_score.total_cmp(a_score).then_with(|| a.cmp(b)));
        }
        rest.truncate(self.room - chosen.len());
        chosen.extend(rest.into_iter().map(|(string, score)| (string.to_owned(), score)));
        chosen.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let special_tokens = self.special_tokens.into_iter().map(|token| (token, 0.0));
        Unigram::new(special_tokens.chain(chosen), self.unk_id, false)
    }
}
