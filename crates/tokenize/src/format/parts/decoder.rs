//! `decoder`.

use super::super::component::Component;
use super::super::ordered::Json;
use super::pre_tokenizer::{read_byte_level, read_metaspace, write_byte_level, write_metaspace};
use super::{read_pattern, write_pattern};
use crate::decoder::Decoder;
use crate::error::Error;

pub(in super::super) fn read_decoder(mut component: Component<'_>) -> Result<Decoder, Error> {
    let decoder = match component.kind.as_str() {
        "ByteLevel" => Decoder::ByteLevel(read_byte_level(&mut component)?),
        "WordPiece" => {
            Decoder::WordPiece { prefix: component.text("prefix")?, cleanup: component.flag("cleanup")? }
        }
        "Metaspace" => Decoder::Metaspace(read_metaspace(&mut component)?),
        "ByteFallback" => Decoder::ByteFallback,
        "Replace" => {
            Decoder::Replace { pattern: read_pattern(&mut component)?, content: component.text("content")? }
        }
        "Fuse" => Decoder::Fuse,
        "Strip" => Decoder::Strip {
            content: component.character("content")?,
            start: component.count("start")?,
            stop: component.count("stop")?,
        },
        "BPEDecoder" => Decoder::Bpe { suffix: component.text("suffix")? },
        "CTC" => Decoder::Ctc {
            pad_token: component.text("pad_token")?,
            word_delimiter_token: component.text("word_delimiter_token")?,
            cleanup: component.flag("cleanup")?,
        },
        "Sequence" => Decoder::Sequence(component.components("decoders", read_decoder)?),
        _ => return Err(component.unknown()),
    };
    component.finish()?;
    Ok(decoder)
}

pub(in super::super) fn write_decoder(decoder: &Decoder) -> Json {
    match decoder {
        Decoder::ByteLevel(level) => write_byte_level(*level),
        Decoder::WordPiece { prefix, cleanup } => {
            Json::component("WordPiece", [("prefix", Json::text(prefix)), ("cleanup", Json::Bool(*cleanup))])
        }
        Decoder::Metaspace(metaspace) => write_metaspace(*metaspace),
        Decoder::ByteFallback => Json::component("ByteFallback", []),
        Decoder::Replace { pattern, content } => Json::component(
            "Replace",
            [("pattern", write_pattern(pattern)), ("content", Json::text(content))],
        ),
        Decoder::Fuse => Json::component("Fuse", []),
        Decoder::Strip { content, start, stop } => Json::component(
            "Strip",
            [
                ("content", Json::text(*content)),
                ("start", Json::Whole(*start as u64)),
                ("stop", Json::Whole(*stop as u64)),
            ],
        ),
        Decoder::Bpe { suffix } => Json::component("BPEDecoder", [("suffix", Json::text(suffix))]),
        Decoder::Ctc { pad_token, word_delimiter_token, cleanup } => Json::component(
            "CTC",
            [
                ("pad_token", Json::text(pad_token)),
                ("word_delimiter_token", Json::text(word_delimiter_token)),
                ("cleanup", Json::Bool(*cleanup)),
            ],
        ),
        Decoder::Sequence(steps) => {
            Json::component("Sequence", [("decoders", Json::list(steps, write_decoder))])
        }
    }
}
