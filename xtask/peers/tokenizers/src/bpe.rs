//! OpenAI's encodings.

use std::error::Error;

use crate::report::{Report, once, passes};

/// A text that the checksum of a loaded tokenizer is of.
const PROBE: &str = "The quick brown fox, 12345 times; 我爱北京天安门。";

pub fn run(library: &str, work: &str, text: &str) -> Result<Report, Box<dyn Error>> {
    let documents: Vec<&str> = text.split_inclusive('\n').collect();
    let over = |encode: &dyn Fn(&str) -> Vec<u32>| {
        passes(|sink| documents.iter().for_each(|document| sink.ids(&encode(document))))
    };
    Ok(match (library, work) {
        ("toktok-rs", "load-cl100k") => {
            once(|| toktok::Tokenizer::builtin("cl100k_base"), |loaded, sink| {
                sink.ids(&loaded.expect("it is built in").encode(PROBE.as_bytes()));
            })
        }
        ("bpe-openai", "load-cl100k") => once(bpe_openai::cl100k_base, |loaded, sink| sink.ids(&loaded.encode(PROBE))),
        ("tiktoken-rs", "load-cl100k") => once(tiktoken_rs::cl100k_base, |loaded, sink| {
            sink.ids(&loaded.expect("it is built in").encode_ordinary(PROBE));
        }),
        ("toktok-rs", "cl100k" | "o200k") => {
            let tokenizer = toktok::Tokenizer::builtin(&format!("{work}_base"))?;
            over(&|document| tokenizer.encode(document.as_bytes()))
        }
        ("bpe-openai", "cl100k") => over(&|document| bpe_openai::cl100k_base().encode(document)),
        ("bpe-openai", "o200k") => over(&|document| bpe_openai::o200k_base().encode(document)),
        ("tiktoken-rs", "cl100k" | "o200k") => {
            let tokenizer =
                if work == "cl100k" { tiktoken_rs::cl100k_base()? } else { tiktoken_rs::o200k_base()? };
            over(&|document| tokenizer.encode_ordinary(document))
        }
        _ => return Err(format!("{library} does not do {work}").into()),
    })
}
