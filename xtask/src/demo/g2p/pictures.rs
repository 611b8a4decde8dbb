//! Where models look as they pronounce.

use std::path::Path;

use train::chart::{Chart, Figure, HeatMap};

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
    Ok(maps.into_iter().fold(figure, |figure, map| figure.add(map)).save(path)?)
}

/// Word error on validation words over the epochs.
pub(super) fn save_curves(curves: &[(&str, Vec<(f64, f64)>)], path: &Path) -> Result<(), Failure> {
    let chart = Chart::new("Validation words with a wrong sound or stress").x("epoch").y("per cent");
    let chart = curves.iter().fold(chart, |chart, (name, points)| chart.marked(*name, points));
    Ok(Figure::from(chart).save(path)?)
}
