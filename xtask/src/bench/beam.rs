//! Beam search over words of the CMU dictionary: how fast a trained LSTM with attention would pronounce them.

use decode::{Beam, BeamSearch};
use nn::Module;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use recurrent::{LstmCell, Seq2Seq, Seq2SeqConfig, Seq2SeqScorer};
use tensor::{Ids, Tensor};

use super::Bench;
use super::gpt::Report;
use super::measure::milliseconds;
use super::recurrent::{read, report};
use crate::Failure;
use crate::args::workspace;
use crate::seq2seq::{END, SPECIALS, START, share};

/// Words, decoded so many at a time, with so many beams each, to so many sounds.
const WORDS: usize = 512;
const TOGETHER: usize = 128;
const WIDTH: usize = 5;
const SOUNDS: usize = 16;
/// Letters of the longest words, end included.
const LETTERS: usize = 24;

/// Letters with an apostrophe, dot and hyphen, and sounds with stress, and the special tokens.
const SRC_VOCAB: usize = 33;
const TGT_VOCAB: usize = 73;

/// A model of the default or the long run of `demo g2p`. Its weights are random and large enough that scores differ;
/// the end is never likely, so every search is of the same length.
pub(super) fn model(case: &str, rng: &mut ChaCha8Rng) -> Result<Seq2Seq<f32, LstmCell>, Failure> {
    let (embed, hidden) = if case == "g2p-beam" { (64, 128) } else { (128, 512) };
    let mut model = Seq2Seq::new(&Seq2SeqConfig::new(SRC_VOCAB, TGT_VOCAB, embed, hidden), rng)?;
    for (path, param) in model.parameters_mut() {
        let mut value = param.value() * 3.0;
        if path == "decoder.output.bias" {
            let mut biases = value.to_vec();
            biases[END as usize] = -1e4;
            value = Tensor::from_slice(&biases, &[TGT_VOCAB]);
        }
        param.set(value);
    }
    Ok(model)
}

/// Held-out words of the excerpt, short ones first: `(words, letters)`, padded with 0.
pub(super) fn words() -> Result<Vec<u32>, Failure> {
    let path = workspace().join("fixtures/text/cmudict-excerpt.dict");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let heads = text.lines().filter_map(|line| line.split(' ').next());
    let fits = |word: &&str| !word.contains('(') && word.len() < LETTERS && share(word) < 10;
    let mut words: Vec<&str> = heads.filter(fits).collect();
    let step = (words.len() / WORDS).max(1);
    words = words.into_iter().step_by(step).take(WORDS).collect();
    words.sort_by_key(|word| word.len());
    let letter = |byte: u8| match byte {
        b'a'..=b'z' => SPECIALS + u32::from(byte - b'a'),
        b'\'' => SPECIALS + 26,
        b'.' => SPECIALS + 27,
        _ => SPECIALS + 28,
    };
    let row = |word: &str| {
        let mut ids: Vec<u32> = word.bytes().map(letter).chain([END]).collect();
        ids.resize(LETTERS, 0);
        ids
    };
    Ok(words.into_iter().flat_map(row).collect())
}

/// The best hypothesis of every word; a step is a search for all of them.
pub(super) fn run(bench: &Bench, case: &str) -> Result<Report, Failure> {
    let mut model = model(case, &mut ChaCha8Rng::seed_from_u64(0))?;
    if let Some(weights) = &bench.weights {
        nn::weights::load(&mut model, weights)?;
    }
    let ids = read(bench, case)?;
    let batches: Vec<(Ids, Vec<usize>)> = ids.chunks(TOGETHER * LETTERS).map(batch).collect();
    let search = BeamSearch::new(&Beam::new(WIDTH, END, SOUNDS))?;
    let (mut times, mut scores, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..bench.warmup + bench.steps.max(1) {
        let (time, found) = milliseconds(|| -> Result<_, Failure> {
            let mut found = Vec::new();
            for (source, lengths) in &batches {
                let mut scorer = Seq2SeqScorer::new(&model, source, lengths)?;
                found.extend(search.run(&mut scorer, &vec![vec![START]; lengths.len()])?);
            }
            Ok(found)
        });
        if step >= bench.warmup {
            times.push(time);
        }
        let best: Vec<_> = found?.into_iter().filter_map(|found| found.into_iter().next()).collect();
        scores = best.iter().map(|best| best.log_prob).collect();
        outputs = best.into_iter().flat_map(|best| best.tokens).collect();
    }
    Ok(Report { outputs, ..report(bench, case, &times, WORDS, scores) })
}

/// Sources without the columns that are padding in all of them.
fn batch(ids: &[u32]) -> (Ids, Vec<usize>) {
    let length = |row: &[u32]| row.iter().take_while(|id| **id > 0).count();
    let lengths: Vec<usize> = ids.chunks(LETTERS).map(length).collect();
    let time = lengths.iter().copied().max().unwrap_or(0);
    let rows = ids.chunks(LETTERS).flat_map(|row| &row[..time]);
    (Ids::new(rows.copied().collect(), &[lengths.len(), time]), lengths)
}
