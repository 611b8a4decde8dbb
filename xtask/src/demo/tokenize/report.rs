//! What the demo shows.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use tokenize::train::Progress;
use tokenize::{ByteLevelBpeTrainer, Pipeline};

use super::kinds::Kind;
use crate::Failure;

/// A blank in pieces of Unigram.
const MARK: &str = "▁";

/// The first merges of byte pairs that are text, as they are made. Chinese characters are three bytes each, so that
/// many merges come before.
pub(super) fn first_merges(text: &str) -> Result<(), Failure> {
    const SHOWN: usize = 12;
    const MADE: usize = 1000;
    println!("the first merges to whole characters, each the most frequent pair of neighbours");
    let mut shown = 0;
    ByteLevelBpeTrainer::new(256 + MADE).train_with([text], &mut |progress| {
        if let Progress::Merging { done, left, right, count, .. } = progress
            && shown < SHOWN
            && std::str::from_utf8(&[left, right].concat()).is_ok()
        {
            shown += 1;
            let (left, right) = (show(left), show(right));
            println!("  {done:>3}  {left:<12} + {right:<12} {count:>8} times");
        }
    })?;
    println!();
    Ok(())
}

/// Bytes as text in quotes, or as numbers where they are half a character.
fn show(token: &[u8]) -> String {
    match std::str::from_utf8(token) {
        Ok(text) => format!("{text:?}"),
        Err(_) => token.iter().map(|byte| format!("<{byte:02X}>")).collect(),
    }
}

/// A tokenizer, measured on text that it was not trained on.
pub(super) struct Measured {
    pub(super) kind: Kind,
    pub(super) tokenizer: Pipeline,
    vocab: usize,
    train_seconds: f64,
    tokens: usize,
    bytes: usize,
    units: usize,
    mb_per_s: f64,
}

impl Measured {
    /// Trains and encodes, on one thread, for at least a fifth of a second.
    pub(super) fn new(
        kind: Kind,
        vocab: usize,
        train: &str,
        held_out: &str,
        units: usize,
    ) -> Result<Self, Failure> {
        let start = Instant::now();
        let tokenizer = kind.train(vocab, train)?;
        let train_seconds = start.elapsed().as_secs_f64();
        let (start, mut rounds, mut tokens) = (Instant::now(), 0, 0);
        while rounds == 0 || start.elapsed() < Duration::from_millis(200) {
            tokens = 0;
            for line in held_out.split_inclusive('\n') {
                tokens += tokenizer.encode_ids(line, false)?.len();
            }
            rounds += 1;
        }
        let mb_per_s = (rounds * held_out.len()) as f64 / start.elapsed().as_secs_f64() / 1e6;
        let (vocab, bytes) = (tokenizer.len(), held_out.len());
        Ok(Self { kind, tokenizer, vocab, train_seconds, tokens, bytes, units, mb_per_s })
    }

    pub(super) fn bytes_per_token(&self) -> f64 {
        self.bytes as f64 / self.tokens as f64
    }

    fn row(&self) -> String {
        format!(
            "{:<10} {:>7} {:>9.2} {:>9} {:>12.3} {:>12.2} {:>8.1}",
            self.kind.name(),
            self.vocab,
            self.train_seconds,
            self.tokens,
            self.tokens as f64 / self.units as f64,
            self.bytes_per_token(),
            self.mb_per_s
        )
    }
}

/// A row for each tokenizer, then each sentence under each of them.
pub(super) fn print(measured: &[Measured], unit: &str, sentences: &[&str]) -> Result<(), Failure> {
    println!(
        "{:<10} {:>7} {:>9} {:>9} {:>12} {:>12} {:>8}",
        "held out",
        "vocab",
        "train s",
        "tokens",
        format!("per {unit}"),
        "bytes/token",
        "MB/s"
    );
    measured.iter().for_each(|measured| println!("{}", measured.row()));
    for sentence in sentences {
        println!();
        for Measured { kind, tokenizer, .. } in measured {
            let encoding = tokenizer.encode(*sentence, false)?;
            println!(
                "{:<10} {:>3}  {}",
                kind.name(),
                encoding.len(),
                pieces(sentence, &encoding.tokens, &encoding.offsets)
            );
        }
    }
    println!();
    Ok(())
}

/// A sentence with its tokens set off from each other: by colour on a terminal, by bars elsewhere. A token that is a
/// further part of the same character is a dot; a `▁` before a word that no blank precedes is itself.
fn pieces(sentence: &str, tokens: &[String], offsets: &[Range<usize>]) -> String {
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (mut line, mut at) = (String::new(), 0);
    for (i, (token, range)) in tokens.iter().zip(offsets).enumerate() {
        line += &sentence[at.min(range.start)..range.start];
        let own = range.end > at;
        let bare = token == MARK && own && !sentence[range.clone()].starts_with(' ');
        let piece = match (bare, own) {
            (true, _) => MARK,
            (false, true) => &sentence[range.start.max(at)..range.end],
            (false, false) => "·",
        };
        match coloured {
            true => {
                // Black on four light backgrounds in turn.
                let _ = write!(line, "\x1b[30;48;5;{}m{piece}\x1b[0m", [153, 222, 157, 218][i % 4]);
            }
            false => {
                let _ = write!(line, "{}{piece}", if i > 0 { "|" } else { "" });
            }
        }
        if !bare {
            at = at.max(range.end);
        }
    }
    line + &sentence[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_set_off() {
        let set_off = |sentence: &str, tokens: &[(&str, Range<usize>)]| {
            let (tokens, offsets): (Vec<String>, Vec<Range<usize>>) =
                tokens.iter().map(|(token, range)| (token.to_string(), range.clone())).unzip();
            pieces(sentence, &tokens, &offsets)
        };
        assert_eq!(set_off("a bcd", &[("a", 0..1), ("▁b", 1..3), ("cd", 3..5)]), "a| b|cd");
        assert_eq!(set_off("a bc", &[("a", 0..1), ("bc", 2..4)]), "a |bc");
        assert_eq!(set_off("中x", &[("ä", 0..3), ("¸Ń", 0..3), ("x", 3..4)]), "中|·|x");
        assert_eq!(set_off("分 x", &[("▁", 0..3), ("分", 0..3), ("▁", 3..4), ("x", 4..5)]), "▁|分| |x");
    }
}
