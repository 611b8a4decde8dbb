//! Text to ids and back, line by line, for scripts.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tokenize::Pipeline;

use crate::Failure;

/// Encode text to ids with a tokenizer file, or decode ids to text: one line out for each line in
#[derive(Args)]
#[command(after_help = "\
Examples:
  echo 'To be, or not to be' | cargo xtask tokenize --tokenizer target/demo/gpt/tokenizer.json
  cargo xtask tokenize --tokenizer tokenizer.json --pieces --offsets my.txt
  cargo xtask tokenize --tokenizer tokenizer.json my.txt | cargo xtask tokenize --tokenizer tokenizer.json --decode

Lines end with a line feed, before which a carriage return is left out. Tokens are set off by blanks; tokens that contain
blanks, and texts that contain line feeds (written \\n), are told apart with --json.")]
pub(crate) struct Tokenize {
    /// tokenizer.json, sentencepiece's .model, .tiktoken, vocab.txt, or a folder with one of these or vocab.json and
    /// merges.txt
    #[arg(long, value_name = "FILE")]
    tokenizer: PathBuf,
    /// Lines of ids to lines of text
    #[arg(long)]
    decode: bool,
    /// Each id with the bytes of the line that it stands for: ID:START-END
    #[arg(long, conflicts_with = "decode")]
    offsets: bool,
    /// Tokens as strings in place of ids
    #[arg(long, conflicts_with = "decode")]
    pieces: bool,
    /// With the special tokens that the tokenizer adds; in decoding, keep them
    #[arg(long)]
    special: bool,
    /// Special tokens that the text names are text
    #[arg(long, conflicts_with = "decode")]
    specials_as_text: bool,
    /// Cut and pad as the tokenizer file says, instead of giving each line whole
    #[arg(long, conflicts_with = "decode")]
    limits: bool,
    /// U+FFFD for what cannot be decoded, instead of an error
    #[arg(long, requires = "decode")]
    lossy: bool,
    /// A line of JSON for each line: an array of ids or tokens, of [id or token, start, end] with --offsets, or a string
    /// with --decode
    #[arg(long)]
    json: bool,
    /// Texts, `-` for standard input; that alone if there is none
    files: Vec<PathBuf>,
}

impl Tokenize {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut tokenizer = Pipeline::load(&self.tokenizer)?.with_specials_as_text(self.specials_as_text);
        if !self.limits {
            tokenizer = tokenizer.with_truncation(None).with_padding(None)?;
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        let done = self.lines(&mut |place, line| {
            let answer = match self.decode {
                true => self.decode_line(&tokenizer, line),
                false => self.encode_line(&tokenizer, line),
            };
            let answer = answer.map_err(|error| format!("{place}: {error}"))?;
            Ok(writeln!(out, "{answer}")?)
        });
        match done.and_then(|()| Ok(out.flush()?)) {
            // Whoever reads the lines has enough of them, as `head` has.
            Err(error) if error.downcast_ref().is_some_and(is_broken_pipe) => Ok(()),
            other => other,
        }
    }

    /// Calls `visit` with every line and its place.
    fn lines(&self, visit: &mut dyn FnMut(&str, &str) -> Result<(), Failure>) -> Result<(), Failure> {
        let standard_input = [PathBuf::from("-")];
        let files = if self.files.is_empty() { &standard_input } else { &self.files[..] };
        for path in files {
            if path.as_os_str() == "-" {
                each_line("standard input", &mut io::stdin().lock(), visit)?;
                continue;
            }
            let name = path.display().to_string();
            let file = open(path).map_err(|error| format!("{name}: {error}"))?;
            each_line(&name, &mut BufReader::new(file), visit)?;
        }
        Ok(())
    }

    fn encode_line(&self, tokenizer: &Pipeline, line: &str) -> Result<String, Failure> {
        if !self.offsets && !self.pieces {
            let ids = tokenizer.encode_ids(line, self.special)?;
            return match self.json {
                true => Ok(serde_json::to_string(&ids)?),
                false => Ok(joined(ids.iter().map(u32::to_string))),
            };
        }
        let encoding = tokenizer.encode(line, self.special)?;
        let entries = encoding.ids.iter().zip(&encoding.tokens).zip(&encoding.offsets);
        if self.json {
            let entries = entries.map(|((id, token), range)| {
                let token = if self.pieces { json!(token) } else { json!(id) };
                if self.offsets { json!([token, range.start, range.end]) } else { token }
            });
            return Ok(Value::Array(entries.collect()).to_string());
        }
        Ok(joined(entries.map(|((id, token), range)| {
            let token = if self.pieces { token.clone() } else { id.to_string() };
            match self.offsets {
                true => format!("{token}:{}-{}", range.start, range.end),
                false => token,
            }
        })))
    }

    fn decode_line(&self, tokenizer: &Pipeline, line: &str) -> Result<String, Failure> {
        let ids = match self.json {
            true => {
                serde_json::from_str(line).map_err(|error| format!("an array of ids is expected: {error}"))?
            }
            false => line.split_whitespace().map(id).collect::<Result<Vec<_>, _>>()?,
        };
        let text = match self.lossy {
            true => tokenizer.decode_lossy(&ids, !self.special),
            false => tokenizer.decode(&ids, !self.special)?,
        };
        match self.json {
            true => Ok(serde_json::to_string(&text)?),
            false => Ok(text.replace('\r', "\\r").replace('\n', "\\n")),
        }
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn id(word: &str) -> Result<u32, Failure> {
    word.parse().map_err(|_| format!("`{word}` is not a token id").into())
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Not a folder, which opens and then cannot be read.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder, where a text is expected"));
    }
    Ok(file)
}

fn each_line(
    name: &str,
    reader: &mut dyn BufRead,
    visit: &mut dyn FnMut(&str, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|error| format!("{name}: {error}"))? == 0 {
            break;
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        let place = format!("{name}: line {number}");
        let line = std::str::from_utf8(&bytes)
            .map_err(|error| format!("{place}: not UTF-8 at byte {}", error.valid_up_to()))?;
        visit(&place, line)?;
    }
    Ok(())
}
