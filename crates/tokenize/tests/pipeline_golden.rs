//! Against Hugging Face's `tokenizers`: every component, small pipelines, and real tokenizers where they have been
//! fetched (made by `fixtures/goldens/tokenize_pipeline.py`, which says what the files hold).

mod common;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenize::decoder::Decoder;
use tokenize::normalise::{NormalizedText, Normalizer, Pattern};
use tokenize::pre::{PatternSplit, PreTokenizer, SplitBehavior};
use tokenize::{Encoding, Error, Pipeline, Sequence};

#[derive(Deserialize)]
struct Components {
    normalizers: BTreeMap<String, Case>,
    pre_tokenizers: BTreeMap<String, Case>,
    decoders: BTreeMap<String, Decoded>,
    tokens: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Case {
    spec: Value,
    strings: Vec<u32>,
    blocks: Vec<u32>,
}

#[derive(Deserialize)]
struct Decoded {
    spec: Value,
    texts: Vec<String>,
}

#[derive(Deserialize)]
struct Patterns {
    texts: Vec<String>,
    /// With the checksums of what they find in the texts; without, where they are refused.
    patterns: Vec<(String, Option<Vec<u32>>)>,
}

#[derive(Deserialize)]
struct Small {
    name: String,
    /// Empty: that of the case before, with other limits.
    json: String,
    limits: serde_json::Map<String, Value>,
    /// Of the file as `tokenizers` writes it.
    pretty: u32,
    single: Vec<u32>,
    plain: Vec<u32>,
    pairs: Vec<u32>,
    words: Vec<u32>,
    batch: Vec<u32>,
    #[serde(default)]
    decoded: Vec<u32>,
    #[serde(default, rename = "decoded with specials")]
    decoded_with_specials: Vec<u32>,
    #[serde(default, rename = "specials as text")]
    specials_as_text: Vec<u32>,
}

#[derive(Deserialize)]
struct Real {
    path: String,
    single: Vec<u32>,
    pairs: Vec<u32>,
    decoded: Vec<u32>,
}

fn golden<T: DeserializeOwned>(name: &str) -> T {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/tokenize/pipeline");
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// Every code point between two letters, 256 to a text, under the number of its block of 4096.
fn blocks() -> impl Iterator<Item = (u32, String)> {
    let starts = (0..0x32400).chain(0xe0000..0xe0200).step_by(256);
    starts.filter_map(|start| {
        let chars = (start..start + 256).filter_map(char::from_u32);
        let text: String = chars.map(|character| format!(" a{character}b")).collect();
        (!text.is_empty()).then_some((start >> 12, text))
    })
}

fn checksum(text: &str) -> u32 {
    crc32fast::hash(text.as_bytes())
}

/// One checksum for each 4096 code points.
fn in_blocks(mut lines: impl FnMut(&str) -> String) -> Vec<u32> {
    let mut sums: BTreeMap<u32, crc32fast::Hasher> = BTreeMap::new();
    for (block, text) in blocks() {
        sums.entry(block).or_default().update(lines(&text).as_bytes());
    }
    sums.into_values().map(crc32fast::Hasher::finalize).collect()
}

/// A pipeline with one component and a model that does not matter.
fn with_part(part: &str, spec: &Value) -> Pipeline {
    let model = json!({ "type": "WordLevel", "vocab": { "?": 0 }, "unk_token": "?" });
    Pipeline::from_json(&json!({ part: spec, "model": model }).to_string()).unwrap()
}

/// Offsets of characters from those of bytes, of which none lie within a character.
fn in_chars(text: &str, range: std::ops::Range<usize>) -> (usize, usize) {
    (text[..range.start].chars().count(), text[..range.end].chars().count())
}

fn normalized_lines(normalizer: &Normalizer, text: &str) -> String {
    let mut normalized = NormalizedText::new(text);
    normalizer.normalize(&mut normalized).unwrap();
    let mut lines = format!("{}\n", normalized.as_str());
    // The number of the character at each byte, so that long texts take no quadratic time.
    let mut numbers = Vec::new();
    for (number, character) in text.chars().enumerate() {
        numbers.resize(numbers.len() + character.len_utf8(), number);
    }
    numbers.push(text.chars().count());
    for (at, character) in normalized.as_str().char_indices() {
        let origin = normalized.original_range(at..at + character.len_utf8());
        write!(lines, "{},{};", numbers[origin.start], numbers[origin.end]).unwrap();
    }
    lines
}

fn pieces_lines(pre_tokenizer: &PreTokenizer, text: &str) -> String {
    let mut lines = String::new();
    let (mut start, mut chars) = (0, 0);
    for (piece, range) in pre_tokenizer.pieces(text).unwrap() {
        // Pieces come in the order of the text, so the characters are counted once.
        if range.start < start {
            (start, chars) = (0, 0);
        }
        chars += text[start..range.start].chars().count();
        start = range.start;
        let (_, length) = in_chars(&text[range.start..], 0..range.len());
        writeln!(lines, "{piece}\t{chars},{}", chars + length).unwrap();
    }
    lines
}

fn encoding_lines(encoding: &Encoding) -> String {
    fn joined<T>(values: &[T], show: impl Fn(&T) -> String) -> String {
        values.iter().map(show).collect::<Vec<_>>().join(" ")
    }
    let flag = |flag: &bool| u8::from(*flag).to_string();
    let mut lines = [
        joined(&encoding.ids, u32::to_string),
        joined(&encoding.type_ids, u32::to_string),
        joined(&encoding.special_tokens_mask, flag),
        joined(&encoding.attention_mask, flag),
        joined(&encoding.words, |word| word.map_or("-".to_owned(), |word| word.to_string())),
        joined(&encoding.sequence_ids(), |id| id.map_or("-".to_owned(), |id| id.to_string())),
        joined(&encoding.offsets, |range| format!("{},{}", range.start, range.end)),
        encoding.tokens.join("\u{1f}"),
    ]
    .join("\n");
    lines.push('\n');
    encoding.overflowing.iter().for_each(|part| lines += &encoding_lines(part));
    lines
}

/// 0 for what is refused.
fn encoded(encoding: Result<Encoding, Error>) -> u32 {
    encoding.map_or(0, |encoding| checksum(&encoding_lines(&encoding)))
}

#[test]
fn normalizers() {
    let strings: Vec<String> = golden("strings.json");
    for (name, case) in golden::<Components>("components.json").normalizers {
        let pipeline = with_part("normalizer", &case.spec);
        let normalizer = pipeline.normalizer().unwrap();
        for (string, &expected) in strings.iter().zip(&case.strings) {
            let lines = normalized_lines(normalizer, string);
            assert_eq!(checksum(&lines), expected, "{name}: {string:?} gives {lines:?}");
        }
        let sums = in_blocks(|text| normalized_lines(normalizer, text));
        let wrong: Vec<usize> = (0..sums.len()).filter(|&block| sums[block] != case.blocks[block]).collect();
        assert_eq!(sums.len(), case.blocks.len());
        assert!(wrong.is_empty(), "{name}: other results in the blocks {wrong:x?}");
    }
}

#[test]
fn pre_tokenizers() {
    let strings: Vec<String> = golden("strings.json");
    for (name, case) in golden::<Components>("components.json").pre_tokenizers {
        let pipeline = with_part("pre_tokenizer", &case.spec);
        let pre_tokenizer = pipeline.pre_tokenizer().unwrap();
        for (string, &expected) in strings.iter().zip(&case.strings) {
            let lines = pieces_lines(pre_tokenizer, string);
            assert_eq!(checksum(&lines), expected, "{name}: {string:?} gives {lines:?}");
        }
        let sums = in_blocks(|text| pieces_lines(pre_tokenizer, text));
        let wrong: Vec<usize> = (0..sums.len()).filter(|&block| sums[block] != case.blocks[block]).collect();
        assert_eq!(sums.len(), case.blocks.len());
        assert!(wrong.is_empty(), "{name}: other results in the blocks {wrong:x?}");
    }
}

/// Expressions of Oniguruma that are refused rather than followed in another way.
const REFUSED: &[&str] = &[
    r"\X",
    r"\y",
    r"\Y",
    r"(?i)ß",
    r"(?i)straße",
    r"(?i)STRASSE",
    r"(?i)ss",
    r"(?i)s(?:s)",
    r"(?i)ﬁ",
    r"(?i)fi",
    r"(?i)st",
    r"(?i)[ß]",
    r"(?i)[À-ÿ]",
    r"(?i)[^ß]",
    r"(?i)[é]",
    r"(?i)İ",
    r"(?i)\u0073\x73",
    r"\pL",
    r"\PL",
    r"[\pL]",
    r"\p{Graph}",
    r"\p{Print}",
    r"\p{Word}",
    r"[[:graph:]]",
    r"[[:print:]]",
    r"[a-z--[aeiou]]",
    r"[+--]",
    r"[\R]",
    r"[\101]",
    r"\xc3\xa9",
    r"\x6",
    r"\U00000061",
    r"\141",
    r"\0",
    r"\M-a",
    r"\o{141}",
    r"\q",
    r"\Qab\E",
    r"(?'x'a)b",
    r"(?<n>a|(?<n>b))\k<n>",
    r"(a)\10",
    r"(?<=a+)b",
    r"(?~|ab)",
    r"(?~|ab|.*)",
    r"(a)?(?(1)b|c)",
    r"(*FAIL)",
    r"(?{1})",
];

#[test]
fn patterns() {
    let golden: Patterns = golden("patterns.json");
    let mut faults = Vec::new();
    let mut refused = Vec::new();
    for (pattern, sums) in &golden.patterns {
        let Ok(compiled) = Pattern::regex(pattern) else {
            if sums.is_some() {
                refused.push(pattern.as_str());
            }
            continue;
        };
        let Some(sums) = sums else {
            faults.push(format!("{pattern:?} is none in Oniguruma"));
            continue;
        };
        let replace = Normalizer::Replace { pattern: compiled.clone(), content: "@".to_owned() };
        let split = PreTokenizer::Split(PatternSplit::new(compiled, SplitBehavior::Isolated, false));
        for (text, &sum) in golden.texts.iter().zip(sums) {
            let mut replaced = NormalizedText::new(text);
            replace.normalize(&mut replaced).unwrap();
            let lines = format!("{}\n{}", replaced.as_str(), pieces_lines(&split, text));
            if checksum(&lines) != sum {
                faults.push(format!("{pattern:?} in {text:?}: {lines:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(refused, REFUSED);
}

#[test]
fn decoders() {
    let components: Components = golden("components.json");
    for (name, case) in components.decoders {
        let pipeline = with_part("decoder", &case.spec);
        let decoder: &Decoder = pipeline.decoder().unwrap();
        for (tokens, expected) in components.tokens.iter().zip(&case.texts) {
            let text = decoder.decode(tokens.iter().map(String::as_str)).unwrap();
            assert_eq!(&text, expected, "{name}: {tokens:?}");
        }
    }
}

#[test]
fn small_pipelines() {
    let strings: Vec<String> = golden("strings.json");
    let first = strings.iter().step_by(3);
    let pairs: Vec<(&str, &str)> =
        first.zip(strings.iter().skip(1).step_by(3)).map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let cases: Vec<Small> = golden("small.json");
    assert!(cases.len() > 40);
    let mut file = serde_json::Map::new();
    for case in cases {
        if !case.json.is_empty() {
            file = serde_json::from_str(&case.json).unwrap();
        }
        file.extend(case.limits.clone());
        let json = serde_json::to_string(&file).unwrap();
        let pipeline = Pipeline::from_json(&json).unwrap();
        let name = &case.name;
        assert_eq!(checksum(&pipeline.to_json()), case.pretty, "{name}: {}", pipeline.to_json());
        let step = if case.single.len() == strings.len() { 1 } else { 6 };
        let texts: Vec<&str> = strings.iter().step_by(step).map(String::as_str).collect();
        for (index, &text) in texts.iter().enumerate() {
            let whole = pipeline.encode_char_offsets(text, true);
            assert_eq!(
                encoded(whole),
                case.single[index],
                "{name}: {text:?} {:?}",
                pipeline.encode_char_offsets(text, true)
            );
            assert_eq!(
                encoded(pipeline.encode_char_offsets(text, false)),
                case.plain[index],
                "{name}: {text:?}"
            );
            let words: Vec<&str> = text.split(' ').collect();
            let words = pipeline.encode_char_offsets(Sequence::Words(&words), true);
            assert_eq!(encoded(words), case.words[index], "{name}: words of {text:?}");
            for specials in [false, true] {
                if let Ok(encoding) = pipeline.encode(text, specials) {
                    assert_eq!(
                        pipeline.encode_ids(text, specials).unwrap(),
                        encoding.ids,
                        "{name}: {text:?}"
                    );
                }
            }
        }
        for (&pair, &expected) in pairs.iter().zip(&case.pairs) {
            assert_eq!(encoded(pipeline.encode_char_offsets(pair, true)), expected, "{name}: {pair:?}");
        }
        if !case.batch.is_empty() {
            let batch = pipeline.encode_batch_char_offsets(texts.iter().copied(), true).unwrap();
            let sums: Vec<u32> = batch.iter().map(|encoding| checksum(&encoding_lines(encoding))).collect();
            assert_eq!(sums, case.batch, "{name}");
        }
        check_decoding(&pipeline, &texts, &case);
    }
}

/// Decoding at once and token by token, and special tokens in a text as text.
fn check_decoding(pipeline: &Pipeline, texts: &[&str], case: &Small) {
    for (index, &expected) in case.decoded.iter().enumerate() {
        let ids = pipeline.encode(texts[index], true).unwrap().ids;
        for (skip, expected) in [(true, expected), (false, case.decoded_with_specials[index])] {
            let text = pipeline.decode(&ids, skip).unwrap();
            assert_eq!(checksum(&text), expected, "{}: {:?} gives {text:?}", case.name, texts[index]);
            let mut stream = pipeline.stream_decoder(skip);
            let mut streamed: String = ids.iter().map(|&id| stream.push(id).unwrap()).collect();
            streamed += &stream.finish();
            assert_eq!(streamed, text, "{}", case.name);
        }
    }
    let as_text = pipeline.clone().with_specials_as_text(true);
    for (index, &expected) in case.specials_as_text.iter().enumerate() {
        let encoding = as_text.encode_char_offsets(texts[index], true);
        assert_eq!(encoded(encoding), expected, "{}: {:?} as text", case.name, texts[index]);
        let ids = as_text.encode(texts[index], true).unwrap().ids;
        assert_eq!(as_text.encode_ids(texts[index], true).unwrap(), ids, "{}", case.name);
    }
}

#[test]
fn real_tokenizers() {
    let strings: Vec<String> = golden("strings.json");
    for (name, case) in golden::<HashMap<String, Real>>("real.json") {
        let Some(file) = common::fetched(&name, &case.path) else { continue };
        let pipeline = Pipeline::from_file(file).unwrap().with_truncation(None).with_padding(None).unwrap();
        for (index, string) in strings.iter().enumerate() {
            let encoding = pipeline.encode_char_offsets(string, true).unwrap();
            let lines = encoding_lines(&encoding);
            assert_eq!(checksum(&lines), case.single[index], "{name}: {string:?} gives {lines:?}");
            assert_eq!(pipeline.encode_ids(string, true).unwrap(), encoding.ids, "{name}: {string:?}");
            let text = pipeline.decode(&encoding.ids, true).unwrap();
            assert_eq!(checksum(&text), case.decoded[index], "{name}: {string:?} gives {text:?}");
        }
        let pairs = strings.iter().step_by(5).zip(strings.iter().skip(1).step_by(5));
        for (pair, &expected) in pairs.zip(&case.pairs) {
            assert_eq!(encoded(pipeline.encode_char_offsets(pair, true)), expected, "{name}: {pair:?}");
        }
    }
}
