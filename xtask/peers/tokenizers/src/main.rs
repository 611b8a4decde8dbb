//! The tokenizer cases in other libraries: see `../../README.md`.

mod bpe;
mod hugging_face;
mod jieba;
mod report;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use report::Report;

/// Does one case in one library and prints the report, one line of JSON.
#[derive(Parser)]
struct Args {
    /// cl100k, o200k, load-cl100k, wordpiece, unigram, wordpiece-words, unigram-words, jieba, jieba-tags or train-bpe
    #[arg(long)]
    work: String,
    /// toktok-rs, bpe-openai, tiktoken-rs, tokenizers or jieba-rs
    #[arg(long)]
    library: String,
    /// The text; its lines are the documents, or the words of the cases whose names end with it.
    #[arg(long)]
    text: PathBuf,
    /// tokenizer.json of the cases of Hugging Face.
    #[arg(long)]
    model: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let text = match args.work.as_str() {
        // Training reads the file itself, and what it takes of memory is reported.
        "train-bpe" => String::new(),
        _ => std::fs::read_to_string(&args.text).map_err(|e| format!("{}: {e}", args.text.display()))?,
    };
    let model = || args.model.as_ref().ok_or("--model is needed");
    let report = match (args.library.as_str(), args.work.as_str()) {
        ("tokenizers", "train-bpe") => hugging_face::train(&args.text)?,
        ("tokenizers", work @ ("wordpiece-words" | "unigram-words")) => hugging_face::words(work, model()?, &text)?,
        ("tokenizers", work) => hugging_face::pipeline(work, model()?, &text)?,
        ("jieba-rs", work) => jieba::run(work, &text)?,
        (library, work) => bpe::run(library, work, &text)?,
    };
    print(&args, report);
    Ok(())
}

fn print(args: &Args, report: Report) {
    let line = serde_json::json!({
        "peer": args.library,
        "version": case::locked_version(&args.library),
        "case": args.work,
        "threads": 1,
        "seconds": report.seconds,
        "checksum": format!("{:016x}", report.checksum),
        "peak_rss_mb": case::peak_rss_mb(),
    });
    println!("{line}");
}
