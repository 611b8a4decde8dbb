//! Models from sequences to sequences under one trait, and one way to train them: what the demos of pronunciation and
//! translation share.

mod batch;
mod fit;
mod model;

pub(crate) use batch::{Batch, END, Pair, SPECIALS, START, Symbols, UNKNOWN, share};
pub(crate) use fit::{Budget, Fitted, Recipe, fit};
pub(crate) use model::{Kind, Sizes, Translator, beam_search};
