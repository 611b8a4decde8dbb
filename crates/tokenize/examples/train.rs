//! How long training takes on a text of yours, and how much memory:
//!
//! `cargo run --release -p tokenize --example train -- TEXT [VOCAB_SIZE [MEMORY_MB [TOKENIZER.json]]]`
//!
//! The file is streamed. With a limit of memory, in MiB, training keeps to it; 0 stands for no limit.

use std::error::Error;
use std::time::Instant;

use tokenize::ByteLevelBpeTrainer;
use tokenize::train::Progress;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: train TEXT [VOCAB_SIZE [MEMORY_MB [TOKENIZER.json]]]")?;
    let vocab_size = arguments.next().map_or(Ok(32_256), |size| size.parse())?;
    let limit: usize = arguments.next().map_or(Ok(0), |limit| limit.parse())?;
    let mut trainer = ByteLevelBpeTrainer::new(vocab_size);
    if limit > 0 {
        trainer = trainer.memory_limit(limit << 20);
    }
    let start = Instant::now();
    let mut counted = start;
    let tokenizer = trainer.train_files([path], &mut |progress| match progress {
        Progress::Counting { .. } => counted = Instant::now(),
        Progress::Dropped { words, least_count } => {
            println!("left out {words} words, all of them seen less than {least_count} times");
        }
        _ => {}
    })?;
    println!("count {:8.3} s", (counted - start).as_secs_f64());
    println!("merge {:8.3} s  {} merges", counted.elapsed().as_secs_f64(), tokenizer.merges().len());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        println!("peak  {}", peak.unwrap_or("unknown").trim());
    }
    if let Some(path) = arguments.next() {
        tokenizer.save(path)?;
    }
    Ok(())
}
