//! Unicode normalisation forms with the alignment of every character.

use super::text::{Change, NormalizedText};
use crate::properties;

/// Decomposes and, if wanted, composes again: NFD, NFKD, NFC, NFKC (UAX #15).
pub(super) fn normalize(text: &mut NormalizedText, compatible: bool, composed: bool) {
    if text.as_str().is_ascii() && text.whole().starts_plainly() {
        return;
    }
    let mut changes = decompose(text.as_str(), compatible);
    if composed {
        changes = compose(&changes);
    }
    text.transform(changes, 0);
}

/// The decomposition in canonical order. The first character of a decomposition replaces, the others are inserted.
fn decompose(text: &str, compatible: bool) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::with_capacity(text.len());
    // The combining class of each character of the run that is to be ordered.
    let mut classes: Vec<u8> = Vec::new();
    for character in text.chars() {
        let mut change = 0;
        properties::decompose(character, compatible, |part| {
            let class = properties::combining_class(part);
            if class == 0 {
                order(&mut changes, &mut classes);
            } else {
                classes.push(class);
            }
            changes.push((part, change));
            change = 1;
        });
    }
    order(&mut changes, &mut classes);
    changes
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

/// Canonical composition of decomposed characters: a mark that composes with its starter is removed after it, so the
/// changes add up.
fn compose(decomposed: &[Change]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::with_capacity(decomposed.len());
    let mut starter: Option<usize> = None;
    // The class of the last character since the starter that stayed.
    let mut last_class: Option<u8> = None;
    for &(character, change) in decomposed {
        let class = properties::combining_class(character);
        if let Some(starter) = starter
            && last_class.is_none_or(|last| last < class)
            && let Some(composed) = properties::compose(changes[starter].0, character)
        {
            changes[starter] = (composed, changes[starter].1 + change - 1);
            continue;
        }
        if class == 0 {
            starter = Some(changes.len());
            last_class = None;
        } else if starter.is_some() {
            last_class = Some(class);
        }
        changes.push((character, change));
    }
    changes
}
