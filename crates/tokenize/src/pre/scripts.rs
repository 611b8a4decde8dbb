//! Cutting where the script changes.

use unicode_script::Script;

use crate::pattern::Stretch;
use crate::properties;

/// The script of a character as sentencepiece's trainer counts it: the three of Japanese are one, and spaces and
/// unassigned characters go with any (`None`).
fn script(character: char) -> Option<Script> {
    match character {
        '\u{30fc}' => Some(Script::Han),
        ' ' => None,
        _ => match properties::script(character) {
            Some(Script::Hiragana | Script::Katakana) => Some(Script::Han),
            script => script,
        },
    }
}

/// Stretches of one script. As in `tokenizers`, what comes before the first character that has a script is left out.
pub(super) fn cut(text: &str, stretches: &mut Vec<Stretch>) {
    let (mut last, mut start) = (None, None);
    for (at, character) in text.char_indices() {
        let Some(script) = script(character) else { continue };
        if last != Some(script) {
            if let Some(start) = start.replace(at) {
                stretches.push((start..at, false));
            }
            last = Some(script);
        }
    }
    if let Some(start) = start {
        stretches.push((start..text.len(), false));
    }
}
