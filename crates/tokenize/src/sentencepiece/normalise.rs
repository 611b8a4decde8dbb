//! What happens to a text before it is cut into pieces, byte by byte as sentencepiece does it.

use super::charsmap::Charsmap;
use super::proto::Normalizer as Settings;
use crate::double_array::DoubleArray;

/// What stands for a space: U+2581.
pub(super) const SPACE: &str = "▁";

/// A normaliser with its tables.
#[derive(Clone)]
pub(super) struct Normaliser {
    charsmap: Option<Charsmap>,
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
    /// What a space becomes.
    space: &'static str,
    treat_whitespace_as_suffix: bool,
    /// Which ASCII characters stay as they are if another one, or nothing, comes after them.
    is_plain: [bool; 128],
}

/// A normalised text.
#[derive(Default)]
pub(super) struct Normalized {
    pub(super) text: String,
    /// For each byte of `text`, and for its end, the byte of the original that it comes from. Only if asked for.
    pub(super) origins: Vec<usize>,
}

impl Normaliser {
    /// `user_defined` are the texts that stay as they are.
    pub(super) fn new(
        settings: &Settings,
        treat_whitespace_as_suffix: bool,
        user_defined: &DoubleArray,
    ) -> Result<Self, String> {
        let charsmap = match &settings.charsmap[..] {
            [] => None,
            blob => Some(Charsmap::new(blob)?),
        };
        let mut is_plain = [false; 128];
        for (byte, is_plain) in (0u8..).zip(&mut is_plain) {
            let is_mapped = charsmap.as_ref().is_some_and(|map| {
                map.longest_prefix(&[byte]).is_some() || (0..128).any(|after| map.has_prefix(&[byte, after]))
            });
            *is_plain = !is_mapped && user_defined.step(DoubleArray::ROOT, byte).is_none();
        }
        Ok(Self {
            charsmap,
            add_dummy_prefix: settings.add_dummy_prefix,
            remove_extra_whitespaces: settings.remove_extra_whitespaces,
            space: if settings.escape_whitespaces { SPACE } else { " " },
            treat_whitespace_as_suffix,
            is_plain,
        })
    }

    /// Normalises `text` into `out`; with `ORIGINS`, also says where each byte comes from.
    pub(super) fn run<const ORIGINS: bool>(
        &self,
        text: &str,
        user_defined: &DoubleArray,
        out: &mut Normalized,
    ) {
        out.text.clear();
        out.origins.clear();
        let mut read = 0;
        if self.remove_extra_whitespaces {
            while let Some((" ", length)) = self.next(&text[read..], user_defined) {
                read += length;
            }
        }
        if read == text.len() {
            return;
        }
        let mut writer = Writer::<ORIGINS> { out, space: self.space };
        if self.add_dummy_prefix && !self.treat_whitespace_as_suffix {
            writer.push_space(read);
        }
        let mut is_after_space = self.remove_extra_whitespaces;
        while read < text.len() {
            let plain = self.plain_length(&text.as_bytes()[read..]);
            if plain > 0 {
                is_after_space =
                    self.push_plain(&text[read..read + plain], read, is_after_space, &mut writer);
                read += plain;
                continue;
            }
            let Some((mut new, length)) = self.next(&text[read..], user_defined) else { break };
            if is_after_space {
                new = new.trim_start_matches(' ');
            }
            if !new.is_empty() {
                writer.push(new, read);
                is_after_space = new.ends_with(' ') && self.remove_extra_whitespaces;
            }
            read += length;
        }
        let mut end = read;
        if self.remove_extra_whitespaces {
            while out.text.ends_with(self.space) {
                out.text.truncate(out.text.len() - self.space.len());
                if ORIGINS {
                    end = out.origins[out.text.len()];
                    out.origins.truncate(out.text.len());
                }
            }
        }
        let mut writer = Writer::<ORIGINS> { out, space: self.space };
        if self.add_dummy_prefix && self.treat_whitespace_as_suffix {
            writer.push_space(end);
        }
        if ORIGINS {
            out.origins.push(end);
        }
    }

    /// How many bytes of `text` are plain ASCII for sure.
    #[inline]
    fn plain_length(&self, text: &[u8]) -> usize {
        let is_plain = |&byte: &u8| self.is_plain.get(usize::from(byte)).is_some_and(|&is_plain| is_plain);
        let run = text.iter().take_while(|byte| is_plain(byte)).count();
        match text.get(run) {
            Some(0x80..) => run.saturating_sub(1),
            _ => run,
        }
    }

    /// Appends plain text; gives whether a space right after it would be one too many.
    fn push_plain<const ORIGINS: bool>(
        &self,
        text: &str,
        at: usize,
        mut is_after_space: bool,
        writer: &mut Writer<'_, ORIGINS>,
    ) -> bool {
        let mut at = at;
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                if !is_after_space {
                    writer.push_space(at);
                }
                is_after_space = self.remove_extra_whitespaces;
                at += 1;
            }
            if !word.is_empty() {
                writer.push_plain(word, at);
                is_after_space = false;
                at += word.len();
            }
        }
        is_after_space
    }

    /// What the beginning of `text` becomes, and how long it is; `None` at the end.
    fn next<'t>(&'t self, text: &'t str, user_defined: &DoubleArray) -> Option<(&'t str, usize)> {
        if let Some((length, _)) = user_defined.longest_prefix(text.as_bytes()) {
            return Some((&text[..length], length));
        }
        let mapped = self.charsmap.as_ref().and_then(|charsmap| charsmap.longest_prefix(text.as_bytes()));
        // A damaged table could end a sequence within a character.
        if let Some((length, new)) = mapped.filter(|&(length, _)| text.is_char_boundary(length)) {
            return Some((new, length));
        }
        let length = text.chars().next()?.len_utf8();
        Some((&text[..length], length))
    }
}

/// Appends to a normalised text.
struct Writer<'o, const ORIGINS: bool> {
    out: &'o mut Normalized,
    space: &'static str,
}

impl<const ORIGINS: bool> Writer<'_, ORIGINS> {
    /// Appends what comes from the one place `origin`, with its spaces escaped.
    fn push(&mut self, text: &str, origin: usize) {
        for (index, part) in text.split(' ').enumerate() {
            if index > 0 {
                self.push_space(origin);
            }
            self.out.text.push_str(part);
            if ORIGINS {
                self.out.origins.resize(self.out.text.len(), origin);
            }
        }
    }

    fn push_space(&mut self, origin: usize) {
        self.out.text.push_str(self.space);
        if ORIGINS {
            self.out.origins.resize(self.out.text.len(), origin);
        }
    }

    /// Appends bytes that come from one byte each, from `origin` on.
    fn push_plain(&mut self, text: &str, origin: usize) {
        self.out.text.push_str(text);
        if ORIGINS {
            self.out.origins.extend(origin..origin + text.len());
        }
    }
}
