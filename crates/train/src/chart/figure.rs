//! A picture of one panel or a grid of them.

use std::path::Path;

use crate::chart::canvas::{Anchor, Canvas};
use crate::chart::curves::Chart;
use crate::chart::font::Font;
use crate::chart::heat_map::HeatMap;
use crate::chart::palette::INK;
use crate::chart::scatter::Scatter;
use crate::error::Error;

/// Text sizes in pixels.
pub(super) const LABEL: f64 = 15.0;
pub(super) const TITLE: f64 = 19.0;

/// A rectangle of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Area {
    pub(super) fn width(self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn holds(self, (x, y): (f64, f64)) -> bool {
        (self.left - 0.5..=self.right + 0.5).contains(&x) && (self.top - 0.5..=self.bottom + 0.5).contains(&y)
    }

    /// The part of a line that lies inside (Liang & Barsky 1984).
    pub(super) fn clip(self, from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        let edges = [
            (-dx, from.0 - self.left),
            (dx, self.right - from.0),
            (-dy, from.1 - self.top),
            (dy, self.bottom - from.1),
        ];
        for (towards, room) in edges {
            if towards == 0.0 && room < 0.0 {
                return None;
            } else if towards < 0.0 {
                enter = enter.max(room / towards);
            } else if towards > 0.0 {
                leave = leave.min(room / towards);
            }
        }
        let at = |t: f64| match t {
            // Exactly the given ends, so that neighbouring pieces join.
            0.0 => from,
            1.0 => to,
            t => (from.0 + t * dx, from.1 + t * dy),
        };
        (enter <= leave).then(|| (at(enter), at(leave)))
    }
}

/// What a figure is made of.
#[derive(Debug, Clone)]
pub enum Panel {
    /// Curves.
    Chart(Chart),
    /// A matrix.
    HeatMap(HeatMap),
    /// Points with names.
    Scatter(Scatter),
}

impl From<Chart> for Panel {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

impl From<HeatMap> for Panel {
    fn from(map: HeatMap) -> Self {
        Self::HeatMap(map)
    }
}

impl From<Scatter> for Panel {
    fn from(scatter: Scatter) -> Self {
        Self::Scatter(scatter)
    }
}

/// Panels in a grid, row by row.
///
/// ```
/// use train::chart::{Chart, Figure};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("activations.png");
/// let curve = |name: &str, f: fn(f64) -> f64| Chart::new(name).function("", -4.0..=4.0, f);
/// Figure::new()
///     .title("Activations")
///     .columns(2)
///     .panel_size(420, 300)
///     .add(curve("tanh", f64::tanh))
///     .add(curve("ReLU", |x| x.max(0.0)))
///     .save(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    panels: Vec<Panel>,
    columns: usize,
    size: (u32, u32),
    other_font: Option<Font>,
}

impl Default for Figure {
    fn default() -> Self {
        Self { title: String::new(), panels: Vec::new(), columns: 1, size: (960, 600), other_font: None }
    }
}

impl<P: Into<Panel>> From<P> for Figure {
    fn from(panel: P) -> Self {
        Self::new().add(panel)
    }
}

impl Figure {
    /// No panels yet; each will be 960 × 600 pixels, one below the other.
    pub fn new() -> Self {
        Self::default()
    }

    /// A title over all panels.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// How many panels stand side by side; at least one does.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Size of each panel in pixels.
    #[must_use]
    pub fn panel_size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws texts that the font of the program cannot show with this one.
    #[must_use]
    pub fn other_font(mut self, font: Font) -> Self {
        self.other_font = Some(font);
        self
    }

    /// Adds a panel.
    #[must_use]
    #[allow(clippy::should_implement_trait)] // A builder step, no sum of figures.
    pub fn add(mut self, panel: impl Into<Panel>) -> Self {
        self.panels.push(panel.into());
        self
    }

    /// Draws the figure into a PNG file, atomically.
    ///
    /// # Errors
    /// If there is no panel, a panel is smaller than 160 × 120 or the picture larger than 16,384 pixels a
    /// side, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let fault = |what: String| Err(Error::Chart { path: path.to_owned(), what });
        if self.panels.is_empty() {
            return fault("a figure without panels cannot be drawn".into());
        }
        let (width, height) = self.size;
        let columns = self.columns.min(self.panels.len());
        let rows = self.panels.len().div_ceil(columns);
        let heading = if self.title.is_empty() { 0 } else { 48 };
        let whole = |count: usize, size: u32| (count as u64).saturating_mul(u64::from(size));
        let (wide, high) = (whole(columns, width), whole(rows, height) + heading);
        if width < 160 || height < 120 || wide.max(high) > 16_384 {
            return fault(format!("a picture of {wide} × {high} pixels in panels of {width} × {height}"));
        }
        Canvas::save(path, (wide as u32, high as u32), self.other_font.as_ref(), |canvas| {
            let middle = (wide as f64 / 2.0, 28.0);
            canvas.text(&self.title, middle, TITLE + 4.0, Anchor::Middle, INK, false);
            for (i, panel) in self.panels.iter().enumerate() {
                let left = (i % columns) as f64 * f64::from(width);
                let top = (i / columns) as f64 * f64::from(height) + heading as f64;
                let (right, bottom) = (left + f64::from(width), top + f64::from(height));
                let area = Area { left, right, top, bottom };
                match panel {
                    Panel::Chart(chart) => chart.draw(canvas, area),
                    Panel::HeatMap(map) => map.draw(canvas, area),
                    Panel::Scatter(scatter) => scatter.draw(canvas, area),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn clipping_keeps_what_is_inside(
            from in (-5.0_f64..5.0, -5.0_f64..5.0),
            to in (-5.0_f64..5.0, -5.0_f64..5.0),
        ) {
            let area = Area { left: -1.0, right: 2.0, top: -2.0, bottom: 1.0 };
            let inside = |(x, y): (f64, f64)| {
                (-1.0 - 1e-9..=2.0 + 1e-9).contains(&x) && (-2.0 - 1e-9..=1.0 + 1e-9).contains(&y)
            };
            let along = |t: f64| (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1));
            let samples: Vec<f64> = (0..=200).map(|i| f64::from(i) / 200.0).filter(|t| inside(along(*t))).collect();
            match area.clip(from, to) {
                None => prop_assert!(samples.is_empty()),
                Some((a, b)) => {
                    prop_assert!(inside(a) && inside(b));
                    let length = |p: (f64, f64), q: (f64, f64)| (p.0 - q.0).hypot(p.1 - q.1);
                    let covered = samples.len().saturating_sub(1) as f64 / 200.0;
                    prop_assert!(length(a, b) >= covered * length(from, to) - 1e-9);
                }
            }
        }
    }

    #[test]
    fn impossible_pictures_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        assert!(Figure::new().save(&path).is_err());
        assert!(Figure::from(Chart::new("x")).panel_size(10, 10).save(&path).is_err());
        assert!(Figure::from(Chart::new("x")).panel_size(60_000, 400).save(&path).is_err());
        assert!(!path.exists());
    }
}
