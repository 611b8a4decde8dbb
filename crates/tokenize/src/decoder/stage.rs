//! Decoders as stages that tokens run through, so that a text can be decoded while its tokens still come.
//!
//! A stage gives on what can no longer change. After a stage that fuses all tokens into one, that one token runs on in
//! parts; a stage that must see it whole keeps the parts until the end.

use super::Decoder;
use crate::byte_chars;
use crate::error::Error;
use crate::stream::unfinished;

/// A chain of stages and what they hold back.
pub(crate) struct Stages<'d>(Vec<Stage<'d>>);

struct Stage<'d> {
    decoder: &'d Decoder,
    /// Whether what comes in are parts of one token.
    fused: bool,
    /// Number of tokens that have come.
    count: usize,
    state: State,
}

/// What a stage holds back or remembers.
enum State {
    /// Nothing.
    None,
    /// A token, whole or as far as it has come.
    Text(Option<String>),
    /// Bytes that are not yet characters.
    Bytes(Vec<u8>),
    /// How many characters may still be stripped from the start.
    Start(usize),
}

impl<'d> Stages<'d> {
    pub(crate) fn new(decoder: &'d Decoder) -> Self {
        let mut stages = Vec::new();
        add(decoder, &mut stages);
        Self(stages)
    }

    /// Takes a token and appends to `out` what is certain with it.
    pub(crate) fn push(&mut self, token: &str, out: &mut String) -> Result<(), Error> {
        push(&mut self.0, token, out)
    }

    /// Appends what is left.
    pub(crate) fn finish(&mut self, out: &mut String) -> Result<(), Error> {
        for index in 0..self.0.len() {
            finish(&mut self.0[index..], out)?;
        }
        Ok(())
    }
}

/// Appends the stages of a decoder.
fn add<'d>(decoder: &'d Decoder, stages: &mut Vec<Stage<'d>>) {
    if let Decoder::Sequence(steps) = decoder {
        return steps.iter().for_each(|step| add(step, stages));
    }
    let fused = stages
        .last()
        .is_some_and(|last| last.fused || matches!(last.decoder, Decoder::Fuse | Decoder::ByteLevel(_)));
    let state = match decoder {
        Decoder::ByteLevel(_) | Decoder::ByteFallback if !fused => State::Bytes(Vec::new()),
        Decoder::Bpe { .. } | Decoder::Ctc { .. } if !fused => State::Text(None),
        Decoder::Strip { start, stop: 0, .. } if fused => State::Start(*start),
        _ if fused && !reads_parts(decoder) => State::Text(Some(String::new())),
        _ => State::None,
    };
    stages.push(Stage { decoder, fused, count: 0, state });
}

/// Whether parts of a token give parts of the result.
fn reads_parts(decoder: &Decoder) -> bool {
    match decoder {
        Decoder::Metaspace(_) | Decoder::Fuse => true,
        Decoder::Replace { pattern, .. } => !pattern.is_regex() && pattern.source().chars().count() == 1,
        _ => false,
    }
}

fn push(stages: &mut [Stage<'_>], token: &str, out: &mut String) -> Result<(), Error> {
    let Some((stage, rest)) = stages.split_first_mut() else {
        out.push_str(token);
        return Ok(());
    };
    let is_first = stage.count == 0 || stage.fused;
    stage.count += 1;
    match (stage.decoder, &mut stage.state) {
        (Decoder::Strip { content, .. }, State::Start(left)) => {
            let mut part = token;
            while *left > 0 && !part.is_empty() {
                match part.strip_prefix(*content) {
                    Some(stripped) => (part, *left) = (stripped, *left - 1),
                    None => *left = 0,
                }
            }
            push(rest, part, out)
        }
        (_, State::Text(Some(text))) if stage.fused => {
            text.push_str(token);
            Ok(())
        }
        (Decoder::ByteLevel(_), State::Bytes(bytes)) => {
            unspell(token, bytes);
            let complete = bytes.len() - unfinished(bytes);
            if complete == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&bytes[..complete]).into_owned();
            bytes.drain(..complete);
            push(rest, &text, out)
        }
        (Decoder::ByteFallback, State::Bytes(bytes)) => match fallback_byte(token) {
            Some(byte) => {
                bytes.push(byte);
                Ok(())
            }
            None => {
                end_run(bytes, rest, out)?;
                push(rest, token, out)
            }
        },
        (Decoder::Bpe { suffix }, State::Text(last)) => match last.replace(token.to_owned()) {
            Some(before) => push(rest, &before.replace(suffix, " "), out),
            None => Ok(()),
        },
        (Decoder::Ctc { .. }, State::Text(last)) => {
            if last.as_deref() == Some(token) {
                return Ok(());
            }
            *last = Some(token.to_owned());
            match whole(stage.decoder, token, is_first)? {
                text if text.is_empty() => Ok(()),
                text => push(rest, &text, out),
            }
        }
        (Decoder::Fuse, _) => push(rest, token, out),
        _ => push(rest, &whole(stage.decoder, token, is_first)?, out),
    }
}

/// Gives on what the first stage holds back.
fn finish(stages: &mut [Stage<'_>], out: &mut String) -> Result<(), Error> {
    let Some((stage, rest)) = stages.split_first_mut() else { return Ok(()) };
    match (stage.decoder, &mut stage.state) {
        (_, State::Text(Some(text))) if stage.fused => {
            let text = std::mem::take(text);
            push(rest, &whole(stage.decoder, &text, true)?, out)
        }
        (Decoder::Bpe { suffix }, State::Text(Some(last))) => push(rest, &last.replace(suffix, ""), out),
        (Decoder::ByteLevel(_), State::Bytes(bytes)) if !bytes.is_empty() => {
            push(rest, &String::from_utf8_lossy(bytes), out)
        }
        (Decoder::ByteFallback, State::Bytes(bytes)) => end_run(bytes, rest, out),
        _ => Ok(()),
    }
}

/// What a decoder makes of one whole token.
fn whole(decoder: &Decoder, token: &str, is_first: bool) -> Result<String, Error> {
    Ok(match decoder {
        Decoder::ByteLevel(_) => {
            let mut bytes = Vec::with_capacity(token.len());
            unspell(token, &mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Decoder::WordPiece { prefix, cleanup } => {
            let token = match token.strip_prefix(prefix.as_str()) {
                _ if is_first => token.to_owned(),
                Some(rest) => rest.to_owned(),
                None => format!(" {token}"),
            };
            if *cleanup { clean(token) } else { token }
        }
        Decoder::Metaspace(metaspace) => {
            let mut text = String::with_capacity(token.len());
            metaspace.decode(token, is_first, &mut text);
            text
        }
        Decoder::ByteFallback => match fallback_byte(token) {
            Some(byte) => String::from_utf8_lossy(&[byte]).into_owned(),
            None => token.to_owned(),
        },
        Decoder::Replace { pattern, content } => {
            let mut stretches = Vec::new();
            pattern.cut(token, &mut stretches)?;
            let part = |(range, matches)| if matches { content.as_str() } else { &token[range] };
            let parts = stretches.into_iter().map(part);
            let bytes = parts.clone().map(str::len).fold(0, usize::saturating_add);
            if bytes > token.len().max(MOST_BYTES) {
                let what = format!(
                    "{} bytes become {bytes} when decoded: at most {MOST_BYTES} are allowed",
                    token.len()
                );
                return Err(Error::Config(what));
            }
            parts.collect()
        }
        Decoder::Strip { content, start, stop } => strip(token, *content, *start, *stop).to_owned(),
        // The last token, where it is the only one.
        Decoder::Bpe { suffix } => token.replace(suffix, ""),
        Decoder::Ctc { pad_token, word_delimiter_token, cleanup } => {
            let text = token.replace(pad_token, "");
            if *cleanup { clean(text).replace(word_delimiter_token, " ") } else { text }
        }
        Decoder::Fuse | Decoder::Sequence(_) => token.to_owned(),
    })
}

/// What replacements make longer is not longer than this: without a bound, some that double a text one after the other
/// would take all memory.
const MOST_BYTES: usize = 1 << 24;

/// Appends the bytes that a token stands for, its own if not all of its characters stand for bytes.
fn unspell(token: &str, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    if byte_chars::unspell_into(token, bytes).is_err() {
        bytes.truncate(start);
        bytes.extend_from_slice(token.as_bytes());
    }
}

/// The byte of a token such as `<0x0A>`.
fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    // Two characters, of which the first may be a plus sign, as the reference reads them.
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// Ends a run of byte tokens: the characters they make, or U+FFFD for each.
fn end_run(bytes: &mut Vec<u8>, rest: &mut [Stage<'_>], out: &mut String) -> Result<(), Error> {
    if bytes.is_empty() {
        return Ok(());
    }
    match String::from_utf8(std::mem::take(bytes)) {
        Ok(text) => push(rest, &text, out),
        Err(error) => (0..error.as_bytes().len()).try_for_each(|_| push(rest, "\u{fffd}", out)),
    }
}

/// Removes up to `start` and `stop` times a character from the ends.
fn strip(token: &str, content: char, start: usize, stop: usize) -> &str {
    let mut text = token;
    for _ in 0..start {
        match text.strip_prefix(content) {
            Some(rest) => text = rest,
            None => break,
        }
    }
    for _ in 0..stop {
        match text.strip_suffix(content) {
            Some(rest) => text = rest,
            None => break,
        }
    }
    text
}

/// Removes the spaces that tokenizing has put before English punctuation and contractions.
fn clean(text: String) -> String {
    if !text.contains(' ') {
        return text;
    }
    text.replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
        .replace(" ,", ",")
        .replace(" ' ", "'")
        .replace(" n't", "n't")
        .replace(" 'm", "'m")
        .replace(" do not", " don't")
        .replace(" 's", "'s")
        .replace(" 've", "'ve")
        .replace(" 're", "'re")
}
