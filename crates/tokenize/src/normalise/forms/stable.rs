//! Characters that a normalisation form leaves as they are, whatever stands before them.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use super::{Form, changes};
use crate::properties;

/// Characters of lower code points are looked up; of the others only Han ideographs are known to be stable.
const LOOKED_UP: usize = 0x3400;

/// The stable characters of a form: each starts anew, so that a text can be normalised from there on by itself, and
/// with nothing but other stable characters after it, it stays.
pub(super) struct Stable([u64; LOOKED_UP / 64]);

impl Stable {
    pub(super) fn of(form: Form) -> &'static Self {
        static TABLES: [OnceLock<Stable>; 4] = [const { OnceLock::new() }; 4];
        let table = usize::from(form.compatible) * 2 + usize::from(form.composed);
        TABLES[table].get_or_init(|| Self::new(form))
    }

    fn new(form: Form) -> Self {
        let mut stable = Self([0; LOOKED_UP / 64]);
        for code in 0..LOOKED_UP {
            if char::from_u32(code as u32).is_some_and(|character| is_stable(character, form)) {
                stable.0[code / 64] |= 1 << (code % 64);
            }
        }
        stable
    }

    #[inline]
    pub(super) fn has(&self, character: char) -> bool {
        let code = character as usize;
        match character {
            '\u{4e00}'..='\u{9fd5}' | '\u{3400}'..='\u{4db5}' => true,
            _ => self.0.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1),
        }
    }
}

/// Whether a character stays by itself and begins with one that is neither moved nor joined to what stands before it.
fn is_stable(character: char, form: Form) -> bool {
    let mut first = None;
    properties::decompose(character, form.compatible, |part| _ = first.get_or_insert(part));
    let first = first.unwrap_or(character);
    properties::combining_class(first) == 0
        && !SECONDS.contains(&first)
        && changes(character.encode_utf8(&mut [0; 4]), form, |_| false) == [(character, 0)]
}

/// Characters that may be joined to what stands before them: those of Korean letters, and all that stand behind
/// another in a canonical decomposition. Where one of these is looked up, so is what it is a part of.
static SECONDS: LazyLock<HashSet<char>> = LazyLock::new(|| {
    let mut seconds: HashSet<char> = ('\u{1160}'..='\u{11ff}').collect();
    for character in (0..LOOKED_UP as u32).filter_map(char::from_u32) {
        let mut is_first = true;
        properties::decompose(character, false, |part| {
            if !std::mem::take(&mut is_first) {
                seconds.insert(part);
            }
        });
    }
    seconds
});
