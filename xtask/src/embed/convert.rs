//! `cargo xtask embed convert`.

use std::path::PathBuf;

use clap::Args;
use embed::Quantised;
use embed::io::Format;

use super::{destination, load};
use crate::Failure;
use crate::args::on_threads;

/// Write word vectors in another format
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask embed convert GoogleNews.bin google.safetensors     opens at once from then on
  cargo xtask embed convert my.safetensors my.pq                  an eighth of the size, by product quantisation
  cargo xtask embed convert model.fasttext.bin my.txt

The ending of the second file says the format: .bin and .txt or .vec word2vec's, .glove, .npy, .safetensors, .pq.")]
pub(crate) struct Convert {
    /// A file of vectors
    from: PathBuf,
    /// The file to be written
    to: PathBuf,
    /// .pq: numbers to a byte [default: 2]
    #[arg(long, value_name = "N")]
    width: Option<usize>,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Convert {
    pub(super) fn run(self) -> Result<(), Failure> {
        on_threads(self.threads, || self.convert())
    }

    fn convert(&self) -> Result<(), Failure> {
        let to = self.to.display();
        let is_quantised = self.to.extension().is_some_and(|ending| ending == "pq");
        let format = Format::of(&self.to);
        if format.is_none() && !is_quantised {
            return Err(format!(
                "{to}: expected an ending of .bin, .txt, .vec, .glove, .npy, .safetensors or .pq"
            )
            .into());
        }
        if self.width.is_some() && !is_quantised {
            return Err(format!("--width is of .pq alone, and {to} is another format").into());
        }
        destination::check(&self.to, &[])?;
        let (vectors, _) = load(&self.from)?;
        match format {
            Some(format) => vectors.save(&self.to, format)?,
            None => Quantised::new(&vectors, self.width.unwrap_or(2), 1)?.save(&self.to)?,
        }
        let megabytes = std::fs::metadata(&self.to)?.len() as f64 / 1e6;
        println!("{} vectors of {} numbers: {to}, {megabytes:.1} MB", vectors.len(), vectors.dim());
        Ok(())
    }
}
