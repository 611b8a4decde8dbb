//! The fully connected net: by hand, its activations, and how to keep it from learning by heart.

mod activations;
mod by_hand;
mod languages;

use crate::Failure;
use crate::args::RunArgs;

pub(super) fn run(run: &RunArgs) -> Result<(), Failure> {
    let dir = run.out_dir("demo/mlp")?;
    by_hand::run()?;
    activations::draw(&dir.join("activations.png"))?;
    languages::run(run, &dir)?;
    println!("\npictures: {}", dir.display());
    Ok(())
}
