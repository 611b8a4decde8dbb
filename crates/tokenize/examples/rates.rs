//! How fast training and encoding are on a text of yours:
//!
//! `cargo run --release -p tokenize --example rates -- TEXT [VOCAB_SIZE [TOKENIZER.json]]`
//!
//! Trains on the file, on one thread and on all, then encodes it. Given a third argument, the tokenizer is saved there.

use std::error::Error;
use std::time::Instant;

use tokenize::{ByteLevelBpe, ByteLevelBpeTrainer, Split, WordCounts};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: rates TEXT [VOCAB_SIZE [TOKENIZER.json]]")?;
    let vocab_size = arguments.next().map_or(Ok(8192), |size| size.parse())?;
    let text = std::fs::read_to_string(path)?;
    let all = rayon::current_num_threads();

    let mut tokenizer = None;
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        tokenizer = Some(pool.install(|| train(&text, vocab_size, threads))?);
    }
    let tokenizer = tokenizer.ok_or("no threads")?;

    measure("encode, first time", text.len(), || tokenizer.encode(&text).len());
    measure("encode, again", text.len(), || tokenizer.encode(&text).len());
    measure("count", text.len(), || tokenizer.count(&text));
    measure(&format!("encode, {all} threads"), text.len(), || tokenizer.encode_parallel(&text).len());
    let ids = tokenizer.encode(&text);
    measure("decode", text.len(), || tokenizer.decode_lossy(&ids).len());
    println!("{:.2} bytes per token", text.len() as f64 / ids.len() as f64);
    for unit in ["a", "中", " ", "ab"] {
        let run = unit.repeat(1_000_000 / unit.len());
        measure(&format!("encode a megabyte of {unit:?}"), run.len(), || tokenizer.encode(&run).len());
    }
    if let Some(path) = arguments.next() {
        tokenizer.save(path)?;
    }
    Ok(())
}

/// Trains in the two steps that training consists of.
fn train(text: &str, vocab_size: usize, threads: usize) -> Result<ByteLevelBpe, tokenize::Error> {
    let mut counts = WordCounts::new();
    let mut counted = Ok(());
    measure(&format!("count words, {threads} threads"), text.len(), || {
        counted = counts.count_texts(Split::Gpt2, [text]);
        counts.len()
    });
    counted?;
    let start = Instant::now();
    let tokenizer = ByteLevelBpeTrainer::new(vocab_size).train_counts(&counts, &mut |_| {})?;
    println!("{:>32}  {:8.3} s  {} merges", "merge", start.elapsed().as_secs_f64(), tokenizer.merges().len());
    Ok(tokenizer)
}

/// Runs `work` once and prints its time and rate.
fn measure(what: &str, bytes: usize, work: impl FnOnce() -> usize) {
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:>32}  {seconds:8.3} s  {:8.1} MB/s  {result}", bytes as f64 / seconds / 1e6);
}
