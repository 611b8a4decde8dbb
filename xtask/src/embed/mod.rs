//! Word vectors for a user's own files: train, ask, score.

mod convert;
mod destination;
mod eval;
mod query;
mod train;
mod words;

use std::io::Read;
use std::path::Path;

use clap::Subcommand;
use embed::{FastText, Quantised, Vectors};

use crate::Failure;

pub(crate) use eval::{Sets, evaluate};

/// Train word vectors on your own text, ask them questions, score them, convert them
#[derive(Subcommand)]
pub(crate) enum Embed {
    Train(train::Train),
    Query(query::Query),
    Eval(eval::Eval),
    Convert(convert::Convert),
}

impl Embed {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Train(train) => train.run(),
            Self::Query(query) => query.run(),
            Self::Eval(eval) => eval.run(),
            Self::Convert(convert) => convert.run(),
        }
    }
}

/// The words of a file in any format, fastText's models and quantised vectors too.
fn load(path: &Path) -> Result<(Vectors, Option<FastText>), Failure> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(8).read_to_end(&mut start));
    file.map_err(|error| format!("{}: {error}", path.display()))?;
    if FastText::is_start(&start) {
        let model = FastText::load(path)?;
        return Ok((model.vectors(), Some(model)));
    }
    if Quantised::is_start(&start) {
        return Ok((Quantised::load(path)?.to_vectors(), None));
    }
    // What can be mapped is, and its numbers are checked here; the rest is checked as it is read.
    let Ok(vectors) = Vectors::open(path) else { return Ok((Vectors::load(path)?, None)) };
    vectors.check_finite().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((vectors, None))
}
