//! Unicode normalisation forms with the alignment of every character.

mod stable;

use super::text::{Change, NormalizedText};
use crate::properties;
use stable::Stable;

/// One of the four forms of UAX #15.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Whether compatibility decompositions count: NFKD, NFKC.
    compatible: bool,
    /// Whether what was decomposed is composed again: NFC, NFKC.
    composed: bool,
}

/// Decomposes and, if wanted, composes again: NFD, NFKD, NFC, NFKC (UAX #15).
pub(super) fn normalize(text: &mut NormalizedText, compatible: bool, composed: bool) {
    let form = Form { compatible, composed };
    if text.as_str().is_ascii() && text.whole().starts_plainly() {
        return;
    }
    let stable = Stable::of(form);
    if text.as_str().chars().all(|character| stable.has(character)) && text.whole().starts_plainly() {
        return;
    }
    let changes = changes(text.as_str(), form, |character| stable.has(character));
    text.transform(changes, 0);
}

/// What becomes of the characters of a text. Characters of which `is_stable` is true stay as they are, but for what
/// follows each of them.
fn changes(text: &str, form: Form, is_stable: impl Fn(char) -> bool) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::with_capacity(text.len() / 2);
    // The combining class of each character of the run that is to be ordered.
    let mut classes: Vec<u8> = Vec::new();
    // The stretch from the last stable character on: nothing before it matters any more.
    let mut start = 0;
    let mut is_changed = false;
    for character in text.chars() {
        if is_stable(character) {
            if is_changed {
                finish(&mut changes, &mut classes, start, form);
                is_changed = false;
            }
            start = changes.len();
            changes.push((character, 0));
            continue;
        }
        if !is_changed {
            is_changed = true;
            if let Some((before, _)) = changes.pop() {
                decompose(before, form, &mut changes, &mut classes);
            }
        }
        decompose(character, form, &mut changes, &mut classes);
    }
    if is_changed {
        finish(&mut changes, &mut classes, start, form);
    }
    changes
}

/// Appends the decomposition of a character. Its first character replaces, the others are inserted.
fn decompose(character: char, form: Form, changes: &mut Vec<Change>, classes: &mut Vec<u8>) {
    let mut change = 0;
    properties::decompose(character, form.compatible, |part| {
        let class = properties::combining_class(part);
        if class == 0 {
            order(changes, classes);
        } else {
            classes.push(class);
        }
        changes.push((part, change));
        change = 1;
    });
}

fn finish(changes: &mut Vec<Change>, classes: &mut Vec<u8>, start: usize, form: Form) {
    order(changes, classes);
    if form.composed {
        compose(changes, start);
    }
}

/// Sorts the last characters, whose classes are given, by class; equal ones keep their order.
fn order(changes: &mut [Change], classes: &mut Vec<u8>) {
    if !classes.is_sorted() {
        let run = changes.len() - classes.len();
        let mut pairs: Vec<(u8, Change)> = classes.drain(..).zip(changes[run..].iter().copied()).collect();
        pairs.sort_by_key(|&(class, _)| class);
        for (change, (_, ordered)) in changes[run..].iter_mut().zip(pairs) {
            *change = ordered;
        }
    }
    classes.clear();
}

/// Canonical composition of the decomposed characters from `start` on: a mark that composes with its starter is removed
/// after it, so the changes add up.
fn compose(changes: &mut Vec<Change>, start: usize) {
    let mut kept = start;
    let mut starter: Option<usize> = None;
    // The class of the last character since the starter that stayed.
    let mut last_class: Option<u8> = None;
    for at in start..changes.len() {
        let (character, change) = changes[at];
        let class = properties::combining_class(character);
        if let Some(starter) = starter
            && last_class.is_none_or(|last| last < class)
            && let Some(composed) = properties::compose(changes[starter].0, character)
        {
            changes[starter] = (composed, changes[starter].1 + change - 1);
            continue;
        }
        if class == 0 {
            starter = Some(kept);
            last_class = None;
        } else if starter.is_some() {
            last_class = Some(class);
        }
        changes[kept] = (character, change);
        kept += 1;
    }
    changes.truncate(kept);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMS: [Form; 4] = [
        Form { compatible: false, composed: false },
        Form { compatible: false, composed: true },
        Form { compatible: true, composed: false },
        Form { compatible: true, composed: true },
    ];

    #[track_caller]
    fn check(text: &str) {
        for form in FORMS {
            let stable = Stable::of(form);
            let fast = changes(text, form, |character| stable.has(character));
            assert_eq!(fast, changes(text, form, |_| false), "{form:?}: {text:?}");
        }
    }

    /// Every code point between characters that compose with others before or after them.
    #[test]
    fn stable_characters_change_nothing_around_them() {
        let all: Vec<char> = ('\0'..='\u{ffff}').chain(('\u{10000}'..=char::MAX).step_by(7)).collect();
        for chunk in all.chunks(64) {
            let around = [
                'e', '\u{301}', '\u{323}', '\u{1100}', '\u{1161}', '\u{11a8}', 'か', '\u{3099}', 'ﬁ', 'é',
                '한',
            ];
            let text: String =
                chunk.iter().flat_map(|&c| around.into_iter().flat_map(move |a| [a, c])).collect();
            check(&text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_normalised_as_if_no_character_were_stable(
            text in prop_oneof![
                "[eé中，。か\u{301}\u{323}\u{327}\u{3099}\u{1100}\u{1161}\u{11a8}ﬁ½한\u{9be}\u{9c7}Å\u{344}]{0,30}",
                any::<String>(),
            ],
        ) {
            check(&text);
        }
    }
}
