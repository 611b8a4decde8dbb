//! The training step of the GPT cases in burn: see `../../README.md`.

mod model;

use std::error::Error;

use burn_shared::{BurnFlex, BurnNdArray};

use crate::model::Gpt;

fn main() -> Result<(), Box<dyn Error>> {
    burn_shared::run::<Gpt<BurnFlex>, Gpt<BurnNdArray>>()
}
