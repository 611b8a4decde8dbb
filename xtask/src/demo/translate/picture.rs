//! Where models look as they translate.

use std::path::Path;

use train::chart::{Figure, HeatMap};

use super::look;
use super::task::{Example, Task};
use crate::Failure;
use crate::data;
use crate::report::Report;
use crate::seq2seq::Translator;

/// Texts on the picture.
const SHOWN: usize = 2;
/// Tokens of the longest of them: more would have no room for their names.
const MOST: usize = 24;

/// A row of panels for each model with attention: source tokens across, target tokens down. Where no font for Chinese was
/// fetched, its names are numbers, whose key goes into the report.
pub(super) fn save(
    models: &[(&str, &dyn Translator)],
    task: &Task,
    path: &Path,
    report: &mut Report,
) -> Result<(), Failure> {
    let fits = |example: &&Example| example.names.iter().all(|names| names.len() <= MOST);
    let short: Vec<&Example> = task.test.iter().filter(fits).collect();
    let step = (short.len() / SHOWN).max(1);
    let shown: Vec<&Example> = short.into_iter().skip(step / 2).step_by(step).take(SHOWN).collect();
    let mut figure = Figure::new()
        .title("Attention: from each target token (rows) to the source (columns)")
        .columns(SHOWN)
        .panel_size(620, 560);
    let font = data::chinese_font()?;
    let label = if font.is_some() { trimmed } else { labels };
    let mut panels = 0;
    for (name, model) in models {
        for (i, example) in shown.iter().enumerate() {
            let Some(weights) = look(*model, example)? else { continue };
            let end = || ["end".to_owned()];
            let [source, target] = example.names.each_ref().map(|names| label(names));
            let (rows, columns) = ([target, end().into()].concat(), [source, end().into()].concat());
            let title = format!("text {}, {name}", i + 1);
            figure = figure.add(HeatMap::new(title, &rows, &columns, &weights)?.range(0.0, 1.0));
            panels += 1;
        }
    }
    if panels == 0 {
        return Ok(());
    }
    if let Some(font) = font {
        return Ok(figure.other_font(font).save(path)?);
    }
    let keys: Vec<String> = shown
        .iter()
        .enumerate()
        .filter_map(|(i, example)| Some(format!("text {}: {}", i + 1, key(&example.names[0])?)))
        .collect();
    if !keys.is_empty() {
        report.line(&format!(
            "\nnumbers on the picture (`cargo xtask data fetch noto-sans-sc` obtains a font that writes them)\n{}",
            keys.join("\n")
        ));
    }
    Ok(figure.save(path)?)
}

/// Whether the font of pictures has all of a name's characters: it has no Chinese.
fn is_drawable(name: &str) -> bool {
    name.chars().all(|c| c < '\u{2e80}' && c != char::REPLACEMENT_CHARACTER)
}

fn trimmed(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.trim().to_owned()).collect()
}

/// Names, or numbers such as `#1` in their place where they cannot be drawn.
fn labels(names: &[String]) -> Vec<String> {
    let label = |(i, name): (usize, &String)| {
        if is_drawable(name) { name.trim().to_owned() } else { format!("#{}", i + 1) }
    };
    names.iter().enumerate().map(label).collect()
}

/// What the numbers stand for, if there are any.
fn key(names: &[String]) -> Option<String> {
    let numbered = names.iter().enumerate().filter(|(_, name)| !is_drawable(name));
    let key: Vec<String> = numbered.map(|(i, name)| format!("#{} {name}", i + 1)).collect();
    (!key.is_empty()).then(|| key.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_numbered_and_explained() {
        let names = ["打", " app", "。", "x"].map(str::to_owned);
        assert_eq!(labels(&names), ["#1", "app", "#3", "x"]);
        assert_eq!(key(&names).unwrap(), "#1 打  #3 。");
        assert_eq!(key(&names[1..2]), None);
    }
}
