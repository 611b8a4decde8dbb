//! Our side of the work; `xtask/peers/tokenizers` has the others'.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use tokenize::chinese::Segmenter;
use tokenize::model::Scratch;
use tokenize::{ByteLevelBpe, ByteLevelBpeTrainer, Pipeline, Tiktoken};

use super::cases::{Case, Inputs, Work};
use crate::Failure;

/// Most passes of the same work that are timed.
const PASSES: usize = 7;
/// No more passes after so much time, in seconds.
const ENOUGH: f64 = 3.0;
/// A text that the checksum of a loaded tokenizer is of.
const PROBE: &str = "The quick brown fox, 12345 times; 我爱北京天安门。";

/// Seconds and checksum of a case.
pub(super) fn measure(case: &Case, inputs: &Inputs) -> Result<(f64, String), Failure> {
    let text = match case.work {
        // Training reads the file itself, and what it takes of memory is reported.
        Work::TrainBpe => String::new(),
        _ => std::fs::read_to_string(&inputs.text)?,
    };
    let model = inputs.model.as_deref().unwrap_or(Path::new(""));
    let documents: Vec<&str> = text.split_inclusive('\n').collect();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let (seconds, checksum) = match case.work {
        Work::Cl100k => ranks(model, Tiktoken::Cl100k, &documents)?,
        Work::O200k => ranks(model, Tiktoken::O200k, &documents)?,
        Work::LoadCl100k => {
            let load = || ByteLevelBpe::from_tiktoken(model, Tiktoken::Cl100k);
            once(load, |loaded, sink| sink.ids(&loaded.encode(PROBE)))?
        }
        Work::WordPiece | Work::Unigram => {
            let pipeline = Pipeline::from_file(model)?.with_truncation(None).with_padding(None)?;
            passes(|sink| {
                for line in &lines {
                    sink.ids(&pipeline.encode_ids(line, true)?);
                }
                Ok(())
            })?
        }
        Work::WordPieceWords | Work::UnigramWords => {
            let pipeline = Pipeline::from_file(model)?;
            let (mut scratch, mut pieces) = (Scratch::default(), Vec::new());
            passes(|sink| {
                for word in &lines {
                    pieces.clear();
                    pipeline.model().pieces_with(word, &mut scratch, &mut pieces)?;
                    pieces.iter().for_each(|piece| sink.number(piece.id as usize));
                }
                Ok(())
            })?
        }
        Work::Jieba => {
            let segmenter = Segmenter::from_file(model)?;
            passes(|sink| {
                for line in &documents {
                    segmenter.cut(line).for_each(|word| sink.number(word.len()));
                }
                Ok(())
            })?
        }
        Work::JiebaTags => {
            let segmenter = Segmenter::from_file(model)?;
            passes(|sink| {
                for line in &documents {
                    for word in segmenter.tag(line, true) {
                        sink.number(word.range.len());
                        sink.text(word.tag);
                    }
                }
                Ok(())
            })?
        }
        Work::TrainBpe => {
            let trainer = ByteLevelBpeTrainer::new(32_256);
            once(
                || trainer.train_files([&inputs.text], &mut |_| {}),
                |model, sink| {
                    tokens(&model).iter().for_each(|token| sink.text(token));
                },
            )?
        }
    };
    Ok((seconds, format!("{checksum:016x}")))
}

/// Lines to ids by the ranks of a file.
fn ranks(file: &Path, encoding: Tiktoken, documents: &[&str]) -> Result<(f64, u64), Failure> {
    let tokenizer = ByteLevelBpe::from_tiktoken(file, encoding)?;
    passes(|sink| {
        documents.iter().for_each(|document| sink.ids(&tokenizer.encode(document)));
        Ok(())
    })
}

/// The tokens in the order of their ids, spelled as `tokenizer.json` spells them.
fn tokens(model: &ByteLevelBpe) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct File {
        model: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        vocab: BTreeMap<String, u32>,
    }
    let file: Result<File, _> = serde_json::from_str(&model.to_json());
    let mut tokens: Vec<_> = file.map(|file| file.model.vocab.into_iter().collect()).unwrap_or_default();
    tokens.sort_by_key(|&(_, id)| id);
    tokens.into_iter().map(|(token, _)| token).collect()
}

/// Least time of a pass, after a first one for the checksum.
fn passes(mut pass: impl FnMut(&mut Sink) -> Result<(), Failure>) -> Result<(f64, u64), Failure> {
    let mut sink = Sink::summing();
    pass(&mut sink)?;
    sink.sums = false;
    let (mut least, mut total) = (f64::INFINITY, 0.0);
    for _ in 0..PASSES {
        let start = Instant::now();
        pass(&mut sink)?;
        let seconds = start.elapsed().as_secs_f64();
        least = least.min(seconds);
        total += seconds;
        if total > ENOUGH {
            break;
        }
    }
    Ok((least, sink.sum))
}

/// Time of work that is done once; the sum comes from what `check` makes of its result.
fn once<T>(
    work: impl FnOnce() -> Result<T, tokenize::Error>,
    check: impl FnOnce(T, &mut Sink),
) -> Result<(f64, u64), Failure> {
    let start = Instant::now();
    let result = work()?;
    let seconds = start.elapsed().as_secs_f64();
    let mut sink = Sink::summing();
    check(result, &mut sink);
    Ok((seconds, sink.sum))
}

/// Takes what comes out; in the first pass it sums (FNV-1a over numbers), later it only looks.
struct Sink {
    sum: u64,
    sums: bool,
}

impl Sink {
    fn summing() -> Self {
        Self { sum: 0xcbf2_9ce4_8422_2325, sums: true }
    }

    fn ids(&mut self, ids: &[u32]) {
        if self.sums {
            ids.iter().for_each(|&id| self.add(u64::from(id)));
        } else {
            black_box(ids);
        }
    }

    fn number(&mut self, number: usize) {
        if self.sums {
            self.add(number as u64);
        } else {
            black_box(number);
        }
    }

    fn text(&mut self, text: &str) {
        if self.sums {
            text.bytes().for_each(|byte| self.add(u64::from(byte)));
        } else {
            black_box(text);
        }
    }

    fn add(&mut self, number: u64) {
        self.sum = (self.sum ^ number).wrapping_mul(0x100_0000_01b3);
    }
}
