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
    let table = languages::run(run, &dir)?;
    std::fs::write(dir.join("summary.txt"), table.trim_start())?;
    println!("\npictures, summary: {}", dir.display());
    Ok(())
}
