//! Tercom's tokenizer.

use super::Ter;
use crate::bleu::{split_dashes, split_points, split_symbols};
use crate::text::single_spaced;

pub(super) fn tokenize(settings: &Ter, text: &str) -> String {
    let mut text = if settings.case_sensitive { text.to_owned() } else { text.to_lowercase() };
    if settings.normalized {
        text = western(&text);
        if settings.asian_support {
            text = apart(&apart(&text, is_asian), is_asian_mark);
        }
    }
    if settings.no_punctuation {
        let is_mark = |c| matches!(c, '.' | ',' | '?' | ':' | ';' | '!' | '"' | '(' | ')');
        text.retain(|c| !is_mark(c));
        if settings.asian_support {
            text.retain(|c| !is_asian_mark(c));
        }
    }
    single_spaced(&text)
}

fn western(text: &str) -> String {
    let mut text = text.replace("\n-", "").replace('\n', " ");
    for (escape, c) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replace(escape, c);
    }
    let text = split_symbols(&format!(" {text} ")).replace("'s ", " 's ");
    split_dashes(&split_points(&text))
}

/// Each character for which `is_apart` holds between spaces.
fn apart(text: &str, is_apart: impl Fn(char) -> bool) -> String {
    let mut spaced = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if is_apart(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    spaced
}

/// Ideographs, strokes, radicals and compatibility forms. Tercom also means to split kana, by patterns that never match.
fn is_asian(c: char) -> bool {
    matches!(c,
        '\u{4e00}'..='\u{9fff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{31c0}'..='\u{31ef}'
        | '\u{2e80}'..='\u{2eff}'
        | '\u{3300}'..='\u{33ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{3200}'..='\u{3f22}')
}

fn is_asian_mark(c: char) -> bool {
    matches!(c,
        '\u{3001}' | '\u{3002}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{ff61}'..='\u{ff65}' | '\u{30fb}'
        | '\u{ff0e}' | '\u{ff0c}' | '\u{ff1f}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff01}' | '\u{ff02}' | '\u{ff08}' | '\u{ff09}')
}
