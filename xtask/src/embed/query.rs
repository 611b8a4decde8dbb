//! `cargo xtask embed query`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use embed::{FastText, Neighbour, Vectors};
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

Files: word2vec's, GloVe's, fastText's .vec, .bin and .ftz, .npy with .vocab, .safetensors, .pq. fastText's .bin and .ftz
answer for words never seen, too.")]
pub(crate) struct Query {
    /// A file of vectors; it stands before the words
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
        let vectors = self.vectors()?;
        if let [a, b] = &self.similarity[..] {
            let cosine = vectors.similarity(a, b)?;
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
                vectors.nearest_to(&vectors.mean(&self.nearest)?, self.count, &rows)
            }
        };
        self.print(&vectors, &found);
        Ok(())
    }

    /// The vectors of the file; of a model that makes them of n-grams, those of the words asked about too, whether seen
    /// or not.
    fn vectors(&self) -> Result<Vectors, Failure> {
        let asked = || [&self.nearest, &self.similarity, &self.analogy, &self.odd].into_iter().flatten();
        let (mut vectors, model) = load(&self.vectors)?;
        if let Some(model) = model {
            vectors = with_words(vectors, &model, asked())?;
        }
        let is_zero = |word: &&String| vectors.get(word).is_some_and(|row| row.iter().all(|&x| x == 0.0));
        match asked().find(is_zero) {
            Some(word) => Err(format!("the vector of {word:?} is all zeros: it is like no word").into()),
            None => Ok(vectors),
        }
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

/// Adds the words that are missing.
fn with_words<'w>(
    vectors: Vectors,
    model: &FastText,
    asked: impl Iterator<Item = &'w String>,
) -> Result<Vectors, Failure> {
    let dim = vectors.dim();
    let (mut words, mut data) = vectors.into_parts();
    for word in asked {
        if words.insert(word)?.1 {
            data.extend(model.vector(word));
        }
    }
    Ok(Vectors::new(words, dim, data)?)
}
