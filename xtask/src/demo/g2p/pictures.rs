//! Where models look as they pronounce.

use std::path::Path;

use train::chart::{Chart, Figure, HeatMap, smooth};

use super::dictionary::{Dictionary, Word};
use super::score::Said;
use crate::Failure;
use crate::seq2seq::{Batch, Translator};

/// Words on a picture.
const WORDS: usize = 3;

/// Held-out words to look at: long ones, from all over the dictionary.
pub(super) fn examples(words: &[Word]) -> Vec<usize> {
    let long: Vec<usize> =
        (0..words.len()).filter(|word| (8..=10).contains(&words[*word].source.len())).collect();
    let step = (long.len() / WORDS).max(1);
    long.into_iter().skip(step / 2).step_by(step).take(WORDS).collect()
}

/// A panel for each word: letters across, sounds down. Nothing for a model without attention.
pub(super) fn heat_maps(
    model: &dyn Translator,
    name: &str,
    dictionary: &Dictionary,
    words: &[(&Word, &Said)],
) -> Result<Vec<HeatMap>, Failure> {
    let mut maps = Vec::new();
    for (word, said) in words {
        let batch = Batch::new([(&word.source[..], &said.stressed[..])].into_iter());
        let Some(weights) = model.attention(&batch)? else { return Ok(Vec::new()) };
        let weights: Vec<f64> = weights.to_vec().into_iter().map(f64::from).collect();
        let letters: Vec<String> = word.text.chars().map(String::from).chain(["end".to_owned()]).collect();
        let sounds = said.stressed.iter().map(|sound| dictionary.sounds.name(*sound));
        let sounds: Vec<&str> = sounds.chain(["end"]).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        let map = HeatMap::new(format!("{name}: {}", word.text), &sounds, &letters, &weights)?;
        maps.push(map.range(0.0, 1.0));
    }
    Ok(maps)
}

/// All panels, a row for each model.
pub(super) fn save_heat_maps(maps: Vec<HeatMap>, path: &Path) -> Result<(), Failure> {
    if maps.is_empty() {
        return Ok(());
    }
    let figure = Figure::new()
        .title("Attention: from each sound (rows) to the letters (columns)")
        .columns(WORDS)
        .panel_size(460, 400);
    Ok(maps.into_iter().fold(figure, Figure::add).save(path)?)
}

/// How a model learnt.
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    /// Epoch and loss of each batch.
    pub(super) losses: &'a [(f64, f64)],
    /// Epoch and validation words wrong, in per cent.
    pub(super) wrong: &'a [(f64, f64)],
}

/// Training loss and validation errors over the epochs.
pub(super) fn save_curves(curves: &[Curve<'_>], path: &Path) -> Result<(), Failure> {
    let mut loss = Chart::new("Training").x("epoch").y("nats per sound");
    let mut wrong = Chart::new("Validation words with a wrong sound or stress").x("epoch").y("per cent");
    for curve in curves {
        // The first batches, far above the rest, would press all else together.
        let later: Vec<(f64, f64)> = curve.losses.iter().copied().filter(|(epoch, _)| *epoch > 0.2).collect();
        loss = loss.line(curve.name, &smooth(&later, 0.95));
        wrong = wrong.marked(curve.name, curve.wrong);
    }
    Ok(Figure::new().columns(2).panel_size(700, 520).add(loss).add(wrong).save(path)?)
}
