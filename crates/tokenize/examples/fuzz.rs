//! Damages files of tokenizers and reads them, for as long as you like:
//!
//! `cargo run --release -p tokenize --example fuzz -- SECONDS [SEED [TARGET]]`
//!
//! Each case takes a valid file of the goldens, changes it at random and reads it. Whatever is read is then asked to
//! encode, decode and write itself, and what it wrote is read again. A finding is a panic, a case that takes more than
//! ten seconds, or a file that was written but cannot be read. It is kept under `target/fuzz`; the last case is there
//! too, for what ends the process itself. Texts to encode are random in the same way.
//!
//! For the target `vocabularies` a file is a list of tokens. Small models of these and of stretches of the text encode
//! the text, of which nothing may be lost.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokenize::chinese::{Mode, Segmenter};
use tokenize::model::{Bpe, BpeOptions, Model, Piece, Scratch, Unigram, WordPiece, WordPieceOptions};
use tokenize::normalise::{NormalizedText, Normalizer, Pattern};
use tokenize::{ByteLevelBpe, CharTokenizer, Pipeline, SentencePiece, Specials, Split, Tokenizer};

/// A kind of file: what reads it, and valid ones.
struct Target {
    name: &'static str,
    seeds: Vec<Vec<u8>>,
    run: fn(&[u8], &str),
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().ok_or("usage: fuzz SECONDS [SEED [TARGET]]")?.parse()?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let only = arguments.next();
    let mut targets = targets()?;
    targets.retain(|target| only.as_ref().is_none_or(|only| target.name == only));
    if targets.is_empty() {
        return Err("no such target".into());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
    fs::create_dir_all(&folder)?;

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let (mut cases, mut findings) = (vec![0_u64; targets.len()], 0);
    let mut index = 0;
    while start.elapsed() < limit {
        index = (index + 1) % targets.len();
        let target = &targets[index];
        let file = damaged(&target.seeds, &mut rng);
        let text = String::from_utf8_lossy(&damaged(&TEXTS.map(|text| text.as_bytes().to_vec()), &mut rng))
            .into_owned();
        fs::write(folder.join("last"), &file)?;
        fs::write(folder.join("last.txt"), &text)?;
        let began = processor_time(start);
        let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(&file, &text)));
        cases[index] += 1;
        let took = processor_time(start) - began;
        if ended.is_err() || took > Duration::from_secs(10) {
            let name = format!("{}-{seed}-{}", target.name, cases[index]);
            fs::write(folder.join(&name), &file)?;
            fs::write(folder.join(format!("{name}.txt")), &text)?;
            eprintln!("finding: {name} after {took:?}");
            findings += 1;
        }
    }
    for (target, cases) in targets.iter().zip(cases) {
        println!("{:>16}  {cases} cases", target.name);
    }
    println!("{findings} findings in {seconds} s");
    if findings == 0 { Ok(()) } else { Err("there are findings under target/fuzz".into()) }
}

/// What this thread has had of a processor, so that other programs are no findings; where the system does not tell, the
/// time since `start`.
fn processor_time(start: Instant) -> Duration {
    let spent = fs::read_to_string("/proc/thread-self/schedstat").ok();
    match spent.and_then(|spent| spent.split(' ').next()?.parse().ok()) {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => start.elapsed(),
    }
}

const TEXTS: [&str; 5] = [
    "The quick brown fox doesn't jump over 12345 lazy dogs; <|end|> [MASK] <s>\n\n  fn main() { println!(\"x\"); }",
    "我爱北京天安门。話說天下大勢，分久必合，合久必分。曹操、劉備、孫權。日本語カタカナ 한국어",
    "e\u{301}\u{323} ÅÉß ﬁ İı 👩\u{200d}👩\u{200d}👧 🇩🇪 שָׁלוֹם مرحبا हिन्दी ภาษาไทย \u{feff}\u{ad}\u{3000}\u{a0}",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa      \n\n\n\n",
    "",
];

/// A model of unseen words, with one number so small that the sum of two is infinite.
const HMM: &str = "#start
-0.26 -3.14e+100 -3.14e+100 -1.46
#from B, E, M, S
-3.14e+100 -0.51 -0.91 -3.14e+100
-0.58 -3.14e+100 -3.14e+100 -0.8
-3.14e+100 -0.33 -1.26 -1.7e308
-0.72 -3.14e+100 -3.14e+100 -0.66
#B
我:-3.1,天:-2.5,北:-2,曹:-1,劉:-1.5
#E
京:-1,门:-2,操:-1.5,備:-1.5,下:-3
#M
安:-1,天:-4,说:-3
#S
我:-1,爱:-1.5,分:-2,合:-2,必:-3
";

/// Tokens with marks, spaces and characters of several code points, some of which begin others.
const TOKENS: &str = "the\nth\n he\naa\naaaa\n天下\n天下大\n分久必\ne\u{301}\n👩\u{200d}\n##s\ns</w>\n  \n";

/// What the models of `vocabularies` have for the unknown; no text names it.
const UNKNOWN: &str = "[unknown]";

fn targets() -> Result<Vec<Target>, Box<dyn Error>> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens");
    let files = |folder: &str, end: &str| -> Result<Vec<Vec<u8>>, std::io::Error> {
        let paths = fs::read_dir(goldens.join(folder))?.map(|entry| Ok(entry?.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<Result<_, std::io::Error>>()?;
        paths.retain(|path| path.to_string_lossy().ends_with(end));
        paths.sort();
        paths.iter().map(fs::read).collect()
    };
    let small: Vec<serde_json::Value> =
        serde_json::from_slice(&fs::read(goldens.join("tokenize/pipeline/small.json"))?)?;
    let mut pipelines: Vec<Vec<u8>> =
        small.iter().filter_map(|case| Some(case["json"].as_str()?.as_bytes().to_vec())).collect();
    pipelines.retain(|json| !json.is_empty());
    pipelines.extend(components(&goldens)?);
    let words = "[UNK]\n[CLS]\n[SEP]\nun\n##aff\n##able\nthe\n##s\n中\n##é\n";
    Ok(vec![
        Target { name: "tokenizer.json", seeds: pipelines, run: pipeline },
        Target { name: "byte-level", seeds: files("bpe", ".tokenizer.json")?, run: byte_level },
        Target { name: "tiktoken", seeds: files("tokenize/tiktoken", ".tiktoken")?, run: tiktoken },
        Target {
            name: "sentencepiece",
            seeds: files("tokenize_sentencepiece", ".model")?,
            run: sentencepiece,
        },
        Target { name: "vocab.txt", seeds: vec![words.as_bytes().to_vec()], run: vocab_text },
        Target {
            name: "vocab+merges",
            seeds: vocab_and_merges(&files("bpe", ".tokenizer.json")?)?,
            run: two_files,
        },
        Target { name: "dictionary", seeds: files("chinese", "dict.txt")?, run: dictionary },
        Target { name: "hmm", seeds: vec![HMM.into()], run: hmm },
        Target { name: "user words", seeds: files("chinese", "dict.txt")?, run: user_words },
        Target {
            name: "characters",
            seeds: vec![CharTokenizer::from_texts(TEXTS).to_json().into()],
            run: characters,
        },
        Target { name: "vocabularies", seeds: vec![words.into(), TOKENS.into()], run: vocabularies },
        Target { name: "patterns", seeds: patterns(&goldens)?, run: pattern },
        Target {
            name: "load",
            seeds: [
                files("bpe", ".json")?,
                files("tokenize/tiktoken", ".tiktoken")?,
                files("tokenize_sentencepiece", ".model")?,
                vec![words.into()],
            ]
            .concat(),
            run: any_file,
        },
    ])
}

/// The expressions of the goldens.
fn patterns(goldens: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let all: serde_json::Value =
        serde_json::from_slice(&fs::read(goldens.join("tokenize/pipeline/patterns.json"))?)?;
    let patterns = all["patterns"].as_array().ok_or("patterns.json: no list")?;
    Ok(patterns.iter().filter_map(|case| Some(case[0].as_str()?.as_bytes().to_vec())).collect())
}

/// A small pipeline for each component of the goldens.
fn components(goldens: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let all: serde_json::Value =
        serde_json::from_slice(&fs::read(goldens.join("tokenize/pipeline/components.json"))?)?;
    let mut files = Vec::new();
    for (kind, place) in
        [("normalizers", "normalizer"), ("pre_tokenizers", "pre_tokenizer"), ("decoders", "decoder")]
    {
        for component in all[kind].as_object().ok_or("components.json: no object")?.values() {
            let mut file = serde_json::json!({
                "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                "pre_tokenizer": null, "post_processor": null, "decoder": null,
                "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁the", -1.5], ["a", -2.0], ["Ġ", -3.0]],
                          "byte_fallback": false}
            });
            file[place] = component["spec"].clone();
            files.push(file.to_string().into_bytes());
        }
    }
    Ok(files)
}

/// `vocab.json` and `merges.txt` of tokenizers, one behind the other with a zero byte between.
fn vocab_and_merges(tokenizers: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let folder = std::env::temp_dir();
    let (vocab, merges) = (folder.join("fuzz-seed-vocab.json"), folder.join("fuzz-seed-merges.txt"));
    let mut seeds = Vec::new();
    for json in tokenizers {
        if let Ok(tokenizer) = ByteLevelBpe::from_json(std::str::from_utf8(json)?) {
            tokenizer.save_vocab_and_merges(&vocab, &merges)?;
            seeds.push([fs::read(&vocab)?, vec![0], fs::read(&merges)?].concat());
        }
    }
    Ok(seeds)
}

/// One of `seeds` after some changes.
fn damaged(seeds: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const TELLING: [&[u8]; 16] = [
        b"0",
        b"-1",
        b"4294967295",
        b"18446744073709551616",
        b"1e999",
        b"null",
        b"\"\"",
        b"[]",
        b"{}",
        b"\\u0000",
        "\u{10ffff}".as_bytes(),
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x80",
        b"\n",
        b" ",
        b"\xe4\xb8",
    ];
    let mut file = seeds[rng.random_range(0..seeds.len())].clone();
    for _ in 0..rng.random_range(0..6) {
        let at = rng.random_range(0..=file.len());
        let most = 1 << rng.random_range(1..9);
        let end = (at + rng.random_range(0..most)).min(file.len());
        match rng.random_range(0..8) {
            0 => file.truncate(at),
            1 => drop(file.drain(at..end)),
            2 => file[at..end].iter_mut().for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
            3 => {
                let copy = file[at..end].to_vec();
                let to = rng.random_range(0..=file.len());
                drop(file.splice(to..to, copy));
            }
            4 => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..=other.len());
                let copy = other[from..(from + end - at).min(other.len())].to_vec();
                drop(file.splice(at..end, copy));
            }
            // A number, a word or a bracket in the place of another.
            5 => {
                let numbers = file[at..].iter().position(u8::is_ascii_digit).map(|digit| at + digit);
                let at = numbers.unwrap_or(at);
                let end = at + file[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                drop(file.splice(at..end, TELLING[rng.random_range(0..TELLING.len())].iter().copied()));
            }
            6 => drop(file.splice(at..at, TELLING[rng.random_range(0..TELLING.len())].iter().copied())),
            _ => {
                let copies = rng.random_range(1..64);
                let copy = file[at..end.min(at + 32)].repeat(copies);
                drop(file.splice(at..at, copy));
            }
        }
    }
    file
}

fn pipeline(file: &[u8], text: &str) {
    let Ok(pipeline) = Pipeline::from_json(&String::from_utf8_lossy(file)) else { return };
    if let Ok(encoding) = pipeline.encode(text, true) {
        assert_eq!(pipeline.encode_ids(text, true).ok().as_ref(), Some(&encoding.ids));
        _ = pipeline.decode(&encoding.ids, true);
    }
    _ = pipeline.encode((text, "pair"), true);
    _ = pipeline.encode_char_offsets(text, false);
    _ = pipeline.decode(&[0, 1, 2, u32::MAX], false);
    // Not held to be written the same again: a score may move by its last digit each time that it is read, here as in
    // `tokenizers`.
    Pipeline::from_json(&pipeline.to_json()).expect("what was written is read");
}

fn byte_level(file: &[u8], text: &str) {
    let Ok(model) = ByteLevelBpe::from_json(&String::from_utf8_lossy(file)) else { return };
    use_byte_level(&model, text);
    let json = model.to_json();
    assert_eq!(ByteLevelBpe::from_json(&json).expect("what was written is read").to_json(), json);
}

fn use_byte_level(model: &ByteLevelBpe, text: &str) {
    let ids = model.encode_with(text, Specials::All);
    assert_eq!(model.decode(&ids).expect("ids of a text"), text);
    assert_eq!(model.encode_bytes(text.as_bytes()), model.encode(text));
    let (beginning, count) = model.take_tokens(text, 7);
    assert!(count <= 7 && text.starts_with(beginning));
    _ = model.decode(&[0, u32::MAX]);
}

fn tiktoken(file: &[u8], text: &str) {
    for split in [Split::Cl100k, Split::O200k] {
        let file = String::from_utf8_lossy(file);
        let Ok(model) = ByteLevelBpe::from_tiktoken_str(&file, split, &[("<|end|>", 100_000)]) else {
            return;
        };
        use_byte_level(&model, text);
        let written = model.to_tiktoken();
        let again = ByteLevelBpe::from_tiktoken_str(&written, split, &[("<|end|>", 100_000)]);
        assert_eq!(again.expect("what was written is read").encode(text), model.encode(text));
    }
}

fn sentencepiece(file: &[u8], text: &str) {
    let Ok(model) = SentencePiece::from_bytes(file) else { return };
    if let Ok(ids) = model.encode(text) {
        _ = model.decode(&ids);
    }
    _ = model.decode(&[0, 1, u32::MAX]);
    SentencePiece::from_bytes(&model.to_bytes()).expect("what was written is read");
}

fn vocab_text(file: &[u8], text: &str) {
    let file = String::from_utf8_lossy(file);
    let Ok(model) = WordPiece::from_vocab_text(&file, WordPieceOptions::default()) else { return };
    let (model, mut pieces): (_, Vec<Piece>) = (Model::WordPiece(model), Vec::new());
    text.split_whitespace().for_each(|word| _ = model.pieces(word, &mut pieces));
}

fn two_files(file: &[u8], text: &str) {
    let folder = std::env::temp_dir();
    let (vocab, merges) = (folder.join("fuzz-vocab.json"), folder.join("fuzz-merges.txt"));
    let middle = file.iter().position(|&byte| byte == 0).unwrap_or(file.len());
    fs::write(&vocab, &file[..middle]).expect("a temporary file");
    fs::write(&merges, &file[(middle + 1).min(file.len())..]).expect("a temporary file");
    if let Ok(model) = ByteLevelBpe::from_vocab_and_merges(&vocab, &merges, &[]) {
        use_byte_level(&model, text);
    }
}

fn dictionary(file: &[u8], text: &str) {
    let Ok(segmenter) = Segmenter::from_text(&String::from_utf8_lossy(file)) else { return };
    let joined: String = segmenter.cut(text).map(|word| &text[word]).collect();
    assert_eq!(joined, text);
    segmenter.cut_as(text, Mode::Full).for_each(drop);
    segmenter.tag(text, true).for_each(drop);
}

fn hmm(file: &[u8], text: &str) {
    let Ok(path) = tempfile::NamedTempFile::new() else { return };
    let mut segmenter = Segmenter::new();
    if fs::write(&path, file).is_err() || segmenter.load_hmm(&path).is_err() {
        return;
    }
    let joined: String = segmenter.cut(text).map(|word| &text[word]).collect();
    assert_eq!(joined, text);
    segmenter.cut_as(text, Mode::Search { hmm: true }).for_each(drop);
}

fn user_words(file: &[u8], text: &str) {
    let Ok(mut segmenter) = Segmenter::from_text("天安门 9 n\n") else { return };
    let _ = segmenter.add_user_words(&String::from_utf8_lossy(file));
    let joined: String = segmenter.cut(text).map(|word| &text[word]).collect();
    assert_eq!(joined, text);
}

fn vocabularies(file: &[u8], text: &str) {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    if words.is_empty() {
        return;
    }
    // A case is a file and a text, from which all choices follow.
    let seed = u64::from(crc32fast::hash(file)) << 32 | u64::from(crc32fast::hash(text.as_bytes()));
    let mut vocabulary = Vocabulary { words, rng: ChaCha8Rng::seed_from_u64(seed), tokens: BTreeSet::new() };
    let lines = String::from_utf8_lossy(file);
    // A line that names a byte would be taken for it.
    vocabulary
        .tokens
        .extend(lines.lines().filter(|line| !line.is_empty() && !line.starts_with("<0x")).map(String::from));
    vocabulary.bpe();
    vocabulary.word_piece();
    vocabulary.unigram();
}

/// Tokens of small models, and what they are drawn from.
struct Vocabulary<'t> {
    words: Vec<&'t str>,
    rng: ChaCha8Rng,
    tokens: BTreeSet<String>,
}

impl<'t> Vocabulary<'t> {
    fn bpe(&mut self) {
        let mut tokens = self.tokens.clone();
        let byte_fallback = self.rng.random_bool(0.3);
        // The bytes of an unknown character stand for prefix and suffix too, and a word that is a token lacks both.
        let is_plain = byte_fallback || self.rng.random_bool(0.3);
        let prefix = if is_plain || self.rng.random_bool(0.5) { "" } else { "##" };
        let suffix = if is_plain || self.rng.random_bool(0.5) { "" } else { "</w>" };
        let mut merges = Vec::new();
        for _ in 0..self.rng.random_range(0..200) {
            let (word, range) = self.stretch();
            let middle = word.ceil_char_boundary(self.rng.random_range(range.clone()) + 1);
            if middle < range.end {
                let left = spelled(word, range.start..middle, prefix, suffix);
                let right = spelled(word, middle..range.end, prefix, suffix);
                tokens.extend([left.clone(), right.clone(), spelled(word, range, prefix, suffix)]);
                merges.push((left, right));
            }
        }
        tokens.extend(self.characters(prefix, suffix));
        tokens.extend(unknown(byte_fallback));
        let options = BpeOptions {
            unk_token: Some(UNKNOWN.to_owned()),
            fuse_unk: self.rng.random_bool(0.5),
            byte_fallback,
            continuing_subword_prefix: Some(prefix.to_owned()),
            end_of_word_suffix: Some(suffix.to_owned()),
            ignore_merges: is_plain && self.rng.random_bool(0.5),
            dropout: None,
        };
        let model = Bpe::new(tokens.into_iter().zip(0..), merges, options).expect("merges of tokens");
        for word in &self.words {
            let mut pieces = Vec::new();
            model.sample_pieces(word, 0.3, &mut self.rng, &mut pieces).expect("a token for the unknown");
            check(&|id| model.token(id), word, &pieces, prefix, suffix);
        }
        self.check(&Model::Bpe(model), prefix, suffix);
    }

    fn word_piece(&mut self) {
        let prefix = if self.rng.random_bool(0.3) { "" } else { "##" };
        let mut tokens = self.tokens.clone();
        for _ in 0..self.rng.random_range(0..100) {
            let (word, range) = self.stretch();
            tokens.insert(spelled(word, range, prefix, ""));
        }
        tokens.extend(self.characters(prefix, ""));
        tokens.extend(unknown(false));
        let options = WordPieceOptions {
            unk_token: UNKNOWN.to_owned(),
            continuing_subword_prefix: prefix.to_owned(),
            max_input_chars_per_word: self.rng.random_range(1..200),
        };
        let model = WordPiece::new(tokens.into_iter().zip(0..), options).expect("tokens that differ");
        self.check(&Model::WordPiece(model), prefix, "");
    }

    fn unigram(&mut self) {
        let mut tokens = self.tokens.clone();
        for _ in 0..self.rng.random_range(0..100) {
            let (word, range) = self.stretch();
            tokens.insert(word[range].to_owned());
        }
        tokens.extend(self.characters("", ""));
        let byte_fallback = self.rng.random_bool(0.3);
        tokens.extend(unknown(byte_fallback));
        let unk_id = tokens.iter().position(|token| token == UNKNOWN).map(|place| place as u32);
        // Few scores, so that many paths are equal.
        let scored = tokens.into_iter().map(|token| (token, f64::from(-self.rng.random_range(0..5))));
        let Ok(model) = Unigram::new(scored.collect::<Vec<_>>(), unk_id, byte_fallback) else { return };
        for word in &self.words {
            let mut pieces = Vec::new();
            model.sample_pieces(word, 0.5, &mut self.rng, &mut pieces).expect("a token for the unknown");
            check(&|id| model.token(id), word, &pieces, "", "");
        }
        self.check(&Model::Unigram(model), "", "");
    }

    /// A few characters of a word.
    fn stretch(&mut self) -> (&'t str, Range<usize>) {
        let word = self.words[self.rng.random_range(0..self.words.len())];
        let start = word.floor_char_boundary(self.rng.random_range(0..word.len()));
        let end = word.ceil_char_boundary((start + self.rng.random_range(1..12)).min(word.len()));
        (word, start..end)
    }

    /// Most characters of the words, in the forms that they have there.
    fn characters(&mut self, prefix: &str, suffix: &str) -> Vec<String> {
        let mut characters = Vec::new();
        for word in &self.words {
            for (start, character) in word.char_indices() {
                if self.rng.random_bool(0.9) {
                    characters.push(spelled(word, start..start + character.len_utf8(), prefix, suffix));
                }
            }
        }
        characters
    }

    fn check(&self, model: &Model, prefix: &str, suffix: &str) {
        let mut scratch = Scratch::default();
        for word in &self.words {
            let mut pieces = Vec::new();
            model.pieces_with(word, &mut scratch, &mut pieces).expect("a token for the unknown");
            check(&|id| model.token(id), word, &pieces, prefix, suffix);
        }
    }
}

/// What stands for the unknown: a token, and those of the bytes if they are wanted.
fn unknown(bytes: bool) -> impl Iterator<Item = String> {
    let bytes = bytes.then(|| (0..=255).map(|byte: u8| format!("<0x{byte:02X}>")));
    bytes.into_iter().flatten().chain([UNKNOWN.to_owned()])
}

/// Holds that each piece is spelled as the part of the word that it stands for, or is the unknown token, or a byte; and
/// that nothing of the word is lost.
fn check<'m>(
    token: &dyn Fn(u32) -> Option<&'m str>,
    word: &str,
    pieces: &[Piece],
    prefix: &str,
    suffix: &str,
) {
    let mut joined = Vec::new();
    for Piece { id, range } in pieces {
        let token = token(*id).expect("the id of a token");
        let is_text = word.get(range.clone()).is_some()
            && (token == UNKNOWN || token == spelled(word, range.clone(), prefix, suffix));
        if is_text {
            joined.extend_from_slice(&word.as_bytes()[range.clone()]);
        } else {
            let byte = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
            let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            joined.push(byte.unwrap_or_else(|| panic!("{token:?} for {range:?} of {word:?}")));
        }
    }
    assert!(joined == word.as_bytes(), "{word:?} became {joined:?}");
}

/// Part of a word as a token, with the marks of one that does not begin or that ends it.
fn spelled(word: &str, range: Range<usize>, prefix: &str, suffix: &str) -> String {
    let prefix = if range.start > 0 { prefix } else { "" };
    let suffix = if range.end == word.len() { suffix } else { "" };
    format!("{prefix}{}{suffix}", &word[range])
}

fn characters(file: &[u8], text: &str) {
    let Ok(tokenizer) = CharTokenizer::from_json(&String::from_utf8_lossy(file)) else { return };
    assert_eq!(CharTokenizer::from_json(&tokenizer.to_json()).unwrap(), tokenizer);
    if let Ok(ids) = tokenizer.encode(text) {
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}

fn pattern(file: &[u8], text: &str) {
    let Ok(pattern) = Pattern::regex(String::from_utf8_lossy(file)) else { return };
    let normalizer = Normalizer::Replace { pattern, content: "@".to_owned() };
    let _ = normalizer.normalize(&mut NormalizedText::new(text));
}

/// Through a file, whose kind is known by its content.
fn any_file(file: &[u8], text: &str) {
    let Ok(path) = tempfile::NamedTempFile::new() else { return };
    let loaded = fs::write(&path, file).ok().and_then(|()| tokenize::load(&path).ok());
    let Some(tokenizer) = loaded else { return };
    if let Ok(ids) = tokenizer.encode(text) {
        let _ = tokenizer.decode(&ids);
        let (start, taken) = tokenizer.take_tokens(text, ids.len() / 2).unwrap();
        assert!(text.starts_with(start) && taken <= ids.len());
    }
}
