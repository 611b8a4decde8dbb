//! Leaving out the pieces that are missed the least.

use rayon::prelude::*;

use super::estimate::lanes;
use super::pieces::{Lattice, Pieces};
use super::text::Text;

/// Of the pieces, about `wanted`: those without which the likelihood of the text would fall the most.
///
/// The loss of a piece is estimated: it is used `freq` times in the best ways to cut the words, and without it each time
/// the second best way to cut the piece itself would be taken (Kudo 2018, section 3.2). Characters are kept, pieces that
/// no best way uses go.
pub(super) fn prune(text: &Text, pieces: &Pieces, wanted: usize) -> Pieces {
    let lattice = Lattice::new(text, pieces);
    let alternatives = alternatives(text, pieces, &lattice);
    let frequencies = frequencies(text, pieces.len(), &lattice);
    let sum: f64 = frequencies.iter().sum();
    let total = text.total();
    let mut kept = Pieces::unknown();
    let mut candidates: Vec<(usize, f64)> = Vec::new();
    for id in 1..pieces.len() {
        let frequency = frequencies[id];
        match &alternatives[id] {
            Fate::Kept => kept.push(pieces.spans[id], pieces.scores[id]),
            _ if frequency == 0.0 => {}
            Fate::Split => kept.push(pieces.spans[id], pieces.scores[id]),
            Fate::Instead(ids) => {
                let log_probability = frequency.ln() - sum.ln();
                // Each use of the piece becomes one of each alternative, so that the sum should grow by the number of
                // alternatives less 1. Both sentencepiece and Hugging Face take the number of all pieces, which makes
                // pieces dearer that are frequent or fall into many; vocabularies are to be theirs.
                let new_sum = (sum + frequency * (pieces.len() as f64 - 1.0)).ln();
                let instead: f64 =
                    ids.iter().rev().map(|&id| (frequencies[id as usize] + frequency).ln() - new_sum).sum();
                candidates.push((id, frequency / total * (log_probability - instead)));
            }
        }
    }
    // Stable, so that of equal losses the first stays first.
    candidates.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let room = wanted.saturating_sub(kept.len());
    for (id, _) in candidates.into_iter().take(room) {
        kept.push(pieces.spans[id], pieces.scores[id]);
    }
    kept
}

/// What would become of a piece's string without it.
enum Fate {
    /// There is no other way to cut it, so that it stays.
    Kept,
    /// It is cut as it is.
    Split,
    /// It would be cut into these.
    Instead(Vec<u32>),
}

fn alternatives(text: &Text, pieces: &Pieces, lattice: &Lattice) -> Vec<Fate> {
    let fate = |(best, ids): &mut (Vec<_>, Vec<_>), id: usize| {
        let string = text.span(pieces.spans[id]);
        if string.len() <= 1 {
            return Fate::Kept;
        }
        let other = lattice.best(string, Some(id as u32), best, ids);
        if other > pieces.scores[id] { Fate::Split } else { Fate::Instead(ids.clone()) }
    };
    (0..pieces.len()).into_par_iter().map_init(Default::default, fate).collect()
}

/// How often each piece is used in the best ways to cut the words.
fn frequencies(text: &Text, pieces: usize, lattice: &Lattice) -> Vec<f64> {
    let lanes = text.in_lanes(lanes(pieces), |words| {
        let mut counts = vec![0_u64; pieces];
        let (mut best, mut ids) = (Vec::new(), Vec::new());
        for (word, count) in words {
            lattice.best(word, None, &mut best, &mut ids);
            for &id in &ids {
                counts[id as usize] = counts[id as usize].saturating_add(count);
            }
        }
        counts
    });
    let mut sums = vec![0.0; pieces];
    for lane in lanes {
        sums.iter_mut().zip(lane).for_each(|(sum, count)| *sum += count as f64);
    }
    sums
}
