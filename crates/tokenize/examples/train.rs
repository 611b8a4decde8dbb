//! How long training takes on a text of yours, and how much memory:
//!
//! `cargo run --release -p tokenize --example train -- TEXT [KIND [VOCAB_SIZE [MEMORY_MB [TOKENIZER.json]]]]`
//!
//! The kind is `byte-level-bpe`, `bpe`, `word-piece` or `unigram`; words are GPT-2's pieces for the first, cut at white
//! space for the others. The file is streamed. With a limit of memory, in MiB, training keeps to it; 0 stands for no
//! limit. `xtask/peers/tokenizers/train.py` does the same with Hugging Face's `tokenizers`.

use std::error::Error;
use std::time::Instant;

use tokenize::model::Model;
use tokenize::pre::PreTokenizer;
use tokenize::train::{BpeTrainer, Progress, Trainer, UnigramTrainer, WordPieceTrainer};
use tokenize::{ByteLevelBpeTrainer, Parts, Pipeline};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: train TEXT [KIND [VOCAB_SIZE [MEMORY_MB [TOKENIZER.json]]]]";
    let path = arguments.next().ok_or(usage)?;
    let kind = arguments.next().unwrap_or_else(|| "byte-level-bpe".to_owned());
    let size = arguments.next().map_or(Ok(32_000), |size| size.parse())?;
    let limit = arguments.next().map_or(Ok(0_usize), |limit| limit.parse())? << 20;
    let save = arguments.next();

    let start = Instant::now();
    let mut counted = start;
    let mut steps = 0;
    let progress = &mut |progress: Progress<'_>| match progress {
        Progress::Counting { .. } => counted = Instant::now(),
        Progress::Dropped { words, least_count } => {
            println!("left out {words} words, all of them seen less than {least_count} times");
        }
        _ => steps += 1,
    };
    let words = PreTokenizer::WhitespaceSplit;
    let model = match kind.as_str() {
        "byte-level-bpe" => {
            let mut trainer = ByteLevelBpeTrainer::new(size);
            if limit > 0 {
                trainer = trainer.memory_limit(limit);
            }
            let tokenizer = trainer.train_files([path], progress)?;
            if let Some(path) = &save {
                tokenizer.save(path)?;
            }
            None
        }
        "bpe" => {
            let mut trainer = BpeTrainer::new(size);
            if limit > 0 {
                trainer = trainer.memory_limit(limit);
            }
            Some(Model::Bpe(trainer.train_files(&words, [path], progress)?))
        }
        "word-piece" => {
            let mut trainer = WordPieceTrainer::new(size).special_tokens(["[UNK]"]);
            if limit > 0 {
                trainer = trainer.memory_limit(limit);
            }
            Some(Model::WordPiece(trainer.train_files(&words, [path], progress)?))
        }
        "unigram" => {
            let mut trainer = UnigramTrainer::new(size).unk_token("<unk>");
            if limit > 0 {
                trainer = trainer.memory_limit(limit);
            }
            Some(Model::Unigram(trainer.train_files(&words, [path], progress)?))
        }
        _ => return Err(usage.into()),
    };
    println!("count {:8.3} s", (counted - start).as_secs_f64());
    println!("learn {:8.3} s  {steps} steps", counted.elapsed().as_secs_f64());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        println!("peak  {}", peak.unwrap_or("unknown").trim());
    }
    if let (Some(model), Some(path)) = (model, save) {
        Pipeline::new(Parts { pre_tokenizer: Some(words), ..Parts::new(model) })?.save(path)?;
    }
    Ok(())
}
