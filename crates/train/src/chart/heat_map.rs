//! A matrix as colours.

use crate::chart::canvas::{Anchor, Canvas};
use crate::chart::figure::{Area, LABEL, TITLE};
use crate::chart::palette::{INK, heat};
use crate::error::Error;

/// Up to this many rows or columns, each is labelled.
const LABELLED: usize = 48;

/// A matrix as coloured cells, such as attention weights: rows from top to bottom, dark is low. Cells that are
/// not finite are grey.
///
/// ```
/// use train::chart::{Figure, HeatMap};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("attention.png");
/// let map = HeatMap::new("Attention", &["le", "chat"], &["the", "cat"], &[0.9, 0.1, 0.2, 0.8])?;
/// Figure::from(map.axes("target", "source").range(0.0, 1.0)).save(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HeatMap {
    title: String,
    rows: Vec<String>,
    columns: Vec<String>,
    values: Vec<f64>,
    axes: (String, String),
    range: Option<(f64, f64)>,
}

impl HeatMap {
    /// Of `values (rows, columns)` in row-major order.
    ///
    /// # Errors
    /// If there is not one value per cell.
    pub fn new<S: AsRef<str>>(
        title: impl Into<String>,
        rows: &[S],
        columns: &[S],
        values: &[f64],
    ) -> Result<Self, Error> {
        if values.len() != rows.len() * columns.len() {
            let (count, r, c) = (values.len(), rows.len(), columns.len());
            return Err(Error::Config(format!("{count} values for a heat map of {r} rows and {c} columns")));
        }
        let own = |names: &[S]| names.iter().map(|name| name.as_ref().to_owned()).collect();
        let (rows, columns, values) = (own(rows), own(columns), values.to_vec());
        let axes = (String::new(), String::new());
        Ok(Self { title: title.into(), rows, columns, values, axes, range: None })
    }

    /// Names what rows and columns are.
    #[must_use]
    pub fn axes(mut self, rows: impl Into<String>, columns: impl Into<String>) -> Self {
        self.axes = (rows.into(), columns.into());
        self
    }

    /// The values at the ends of the colour scale, instead of the smallest and largest.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Area) {
        let plot = self.frame(canvas, area);
        let (low, high) = self.ends();
        let (rows, columns) = (self.rows.len(), self.columns.len());
        let (cell_width, cell_height) = (plot.width() / columns as f64, plot.height() / rows as f64);
        for (i, &value) in self.values.iter().enumerate() {
            let (row, column) = ((i / columns) as f64, (i % columns) as f64);
            let corner = |r: f64, c: f64| (plot.left + c * cell_width, plot.top + r * cell_height);
            let colour = heat((value - low) / (high - low));
            canvas.rectangle(corner(row, column), corner(row + 1.0, column + 1.0), colour);
        }
        let size = |cell: f64| LABEL.min(cell.max(7.0));
        for (i, name) in self.rows.iter().enumerate().filter(|_| rows <= LABELLED) {
            let at = (plot.left - 6.0, plot.top + (i as f64 + 0.5) * cell_height);
            canvas.text(name, at, size(cell_height), Anchor::Right, INK, false);
        }
        let upwards = self.is_upwards(canvas, cell_width);
        for (i, name) in self.columns.iter().enumerate().filter(|_| columns <= LABELLED) {
            let x = plot.left + (i as f64 + 0.5) * cell_width;
            if upwards {
                canvas.text(name, (x, plot.bottom + 6.0), size(cell_width), Anchor::Right, INK, true);
            } else {
                canvas.text(name, (x, plot.bottom + 14.0), LABEL, Anchor::Middle, INK, false);
            }
        }
        Self::scale(canvas, plot, low, high);
    }

    fn ends(&self) -> (f64, f64) {
        let finite = || self.values.iter().copied().filter(|value| value.is_finite());
        let (low, high) = self.range.unwrap_or_else(|| {
            (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max))
        });
        if low < high {
            (low, high)
        } else if low == high {
            (low, low + 1.0)
        } else {
            (0.0, 1.0)
        }
    }

    /// Whether column names are wider than their cells.
    fn is_upwards(&self, canvas: &mut Canvas<'_>, cell_width: f64) -> bool {
        self.columns.iter().any(|name| canvas.width(name, LABEL) + 4.0 > cell_width)
    }

    /// Draws title and axis names; returns where the cells go.
    fn frame(&self, canvas: &mut Canvas<'_>, area: Area) -> Area {
        let widest = |canvas: &mut Canvas<'_>, names: &[String]| {
            let labelled = names.len() <= LABELLED;
            names.iter().filter(|_| labelled).map(|name| canvas.width(name, LABEL)).fold(0.0, f64::max)
        };
        let (row_names, column_names) = (widest(canvas, &self.rows), widest(canvas, &self.columns));
        let title = if self.title.is_empty() { 12.0 } else { 44.0 };
        let named = |name: &str| if name.is_empty() { 0.0 } else { 24.0 };
        let left = area.left + 16.0 + named(&self.axes.0) + row_names + 8.0;
        let right = area.right - 84.0;
        let upwards = self.is_upwards(canvas, (right - left) / self.columns.len().max(1) as f64);
        let below = if upwards { column_names + 12.0 } else { 26.0 };
        let bottom = area.bottom - 12.0 - named(&self.axes.1) - below;
        let plot = Area { left, right, top: area.top + title, bottom };
        canvas.text(&self.title, (area.left + 24.0, area.top + 24.0), TITLE, Anchor::Left, INK, false);
        let middle = ((plot.left + plot.right) / 2.0, (plot.top + plot.bottom) / 2.0);
        canvas.text(&self.axes.0, (area.left + 18.0, middle.1), LABEL, Anchor::Middle, INK, true);
        canvas.text(&self.axes.1, (middle.0, area.bottom - 18.0), LABEL, Anchor::Middle, INK, false);
        plot
    }

    /// The colour scale on the right.
    fn scale(canvas: &mut Canvas<'_>, plot: Area, low: f64, high: f64) {
        let left = plot.right + 16.0;
        let steps = 100;
        for i in 0..steps {
            let place = |i: usize| plot.bottom - plot.height() * i as f64 / steps as f64;
            let colour = heat((i as f64 + 0.5) / steps as f64);
            canvas.rectangle((left, place(i + 1)), (left + 14.0, place(i)), colour);
        }
        let axis = crate::chart::axis::Axis::range(low, high, false);
        for (value, label) in axis.ticks((plot.height() / 50.0).max(1.0) as usize) {
            let Some(v) = axis.place(value) else { continue };
            let at = (left + 19.0, plot.bottom - v * plot.height());
            canvas.text(&label, at, LABEL, Anchor::Left, INK, false);
        }
    }
}
