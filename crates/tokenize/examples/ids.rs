//! What a tokenizer makes of many texts, for comparison with another program:
//!
//! `cargo run --release -p tokenize --example ids -- FILE TEXTS`
//!
//! The file is a `tokenizer.json`, a sentencepiece `.model`, or `cl100k_base.tiktoken` or another of OpenAI's. Texts end
//! with the character U+001E. For each comes a line with the CRC-32 of its ids (in decimal, joined by a space) and of
//! the text that they are decoded to. `xtask/peers/tokenizers/differential.py` makes the texts and compares.

use std::error::Error;
use std::io::Write;

use tokenize::{ByteLevelBpe, Pipeline, SentencePiece, Tiktoken, Tokenizer};

/// A pipeline finds special tokens in a text and adds some; the others are asked for neither.
enum Loaded {
    Pipeline(Box<Pipeline>),
    Other(Box<dyn Tokenizer>),
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(texts)) = (arguments.next(), arguments.next()) else {
        return Err("usage: ids FILE TEXTS".into());
    };
    let tokenizer = match file.rsplit(['/', '.']).take(2).collect::<Vec<_>>()[..] {
        ["tiktoken", name] => Loaded::Other(Box::new(ByteLevelBpe::from_tiktoken(&file, encoding(name)?)?)),
        ["model", _] => Loaded::Other(Box::new(SentencePiece::from_file(&file)?)),
        _ => {
            let pipeline = Pipeline::from_file(&file)?.with_truncation(None).with_padding(None)?;
            Loaded::Pipeline(Box::new(pipeline))
        }
    };
    let texts = std::fs::read_to_string(texts)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for text in texts.split_terminator('\u{1e}') {
        let (ids, decoded) = match &tokenizer {
            Loaded::Pipeline(pipeline) => {
                let ids = pipeline.encode_ids(text, true)?;
                assert_eq!(ids, pipeline.encode(text, true)?.ids, "{text:?}");
                let decoded = pipeline.decode(&ids, false)?;
                (ids, decoded)
            }
            Loaded::Other(tokenizer) => {
                let ids = tokenizer.encode(text)?;
                let decoded = tokenizer.decode(&ids)?;
                (ids, decoded)
            }
        };
        let spelled: Vec<String> = ids.iter().map(u32::to_string).collect();
        let sums = [spelled.join(" "), decoded].map(|text| crc32fast::hash(text.as_bytes()));
        writeln!(out, "{:08x} {:08x}", sums[0], sums[1])?;
    }
    Ok(out.flush()?)
}

fn encoding(name: &str) -> Result<Tiktoken, String> {
    match name {
        "r50k_base" => Ok(Tiktoken::R50k),
        "p50k_base" => Ok(Tiktoken::P50k),
        "cl100k_base" => Ok(Tiktoken::Cl100k),
        "o200k_base" => Ok(Tiktoken::O200k),
        _ => Err(format!("{name}: none of OpenAI's encodings")),
    }
}
