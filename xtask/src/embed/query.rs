//! `cargo xtask embed query`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use embed::{Neighbour, Vectors};
use serde_json::json;

use super::load;
use crate::Failure;
use crate::args::on_threads;

/// Ask word vectors which words are like which
#[derive(Args)]
#[command(group = ArgGroup::new("question").required(true).multiple(false).args(["nearest", "similarity", "analogy", "odd"]))]
#[command(after_help = "\
Examples:
  cargo xtask embed query my.bin --nearest king
  cargo xtask embed query my.bin --analogy man king woman        man is to king as woman is to ...
  cargo xtask embed query my.bin --odd breakfast lunch dinner cereal
  cargo xtask embed query my.bin --similarity king queen --json

Files: word2vec's, GloVe's, fastText's .vec, .bin and .ftz, .npy with .vocab, .safetensors. fastText's .bin and .ftz
answer for words never seen, too.")]
pub(crate) struct Query {
    /// A file of vectors
    vectors: PathBuf,
    /// The words nearest to the mean of these
    #[arg(long, value_name = "WORD", num_args = 1..)]
    nearest: Vec<String>,
    /// The cosine of two words
    #[arg(long, value_name = "WORD", num_args = 2)]
    similarity: Vec<String>,
    /// A is to B as C is to what?
    #[arg(long, value_names = ["A", "B", "C"], num_args = 3)]
    analogy: Vec<String>,
    /// The analogy by products (3CosMul) in place of sums
    #[arg(long, requires = "analogy")]
    product: bool,
    /// The word that does not belong
    #[arg(long, value_name = "WORD", num_args = 2..)]
    odd: Vec<String>,
    /// How many words to show
    #[arg(long, default_value_t = 10, value_name = "N")]
    count: usize,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// JSON in place of a table
    #[arg(long)]
    json: bool,
}

impl Query {
    pub(super) fn run(self) -> Result<(), Failure> {
        on_threads(self.threads, || self.ask())
    }

    fn ask(&self) -> Result<(), Failure> {
        let (vectors, model) = load(&self.vectors)?;
        if let [a, b] = &self.similarity[..] {
            let cosine = match &model {
                Some(model) => cosine(&model.vector(a), &model.vector(b)),
                None => vectors.similarity(a, b)?,
            };
            let answer =
                if self.json { json!({ "similarity": cosine }).to_string() } else { format!("{cosine:.4}") };
            println!("{answer}");
            return Ok(());
        }
        if !self.odd.is_empty() {
            let odd = vectors.odd_one_out(&self.odd)?;
            println!("{}", if self.json { json!({ "odd": odd }).to_string() } else { odd.to_owned() });
            return Ok(());
        }
        let found = match &self.analogy[..] {
            [a, b, c] if self.product => vectors.analogy_by_product(&[b, c], &[a], self.count)?,
            [a, b, c] => vectors.analogy(&[b, c], &[a], self.count)?,
            _ => {
                let rows: Vec<usize> = self.nearest.iter().filter_map(|word| vectors.index(word)).collect();
                let mean = match &model {
                    Some(model) => mean(self.nearest.iter().map(|word| model.vector(word))),
                    None => vectors.mean(&self.nearest)?,
                };
                vectors.nearest_to(&mean, self.count, &rows)
            }
        };
        self.print(&vectors, &found);
        Ok(())
    }

    fn print(&self, vectors: &Vectors, found: &[Neighbour<'_>]) {
        if self.json {
            println!("{}", json!(found));
            return;
        }
        for near in found {
            println!("{:>7.4}  {}", near.score, near.word);
        }
        if found.is_empty() {
            println!("nothing among {} words", vectors.len());
        }
    }
}

fn mean(vectors: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
    let sum = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(b).map(|(a, b)| a + b).collect();
    vectors.reduce(sum).unwrap_or_default()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}
