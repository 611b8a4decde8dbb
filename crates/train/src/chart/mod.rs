//! Pictures of training: curves, heat maps, maps of words, and grids of them, as PNG files.
//!
//! Text is drawn with a font that is part of the program, so pictures look the same on every machine; it knows Latin, Greek
//! and Cyrillic letters. [`Font`] adds one for other scripts.

mod axis;
mod canvas;
mod curves;
mod figure;
mod font;
mod heat_map;
mod palette;
mod scatter;

pub use curves::{Chart, smooth};
pub use figure::{Figure, Panel};
pub use font::Font;
pub use heat_map::HeatMap;
pub use scatter::Scatter;
