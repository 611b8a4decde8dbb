//! A line chart with several series.

use std::ops::RangeInclusive;

use metrics::ExponentialMean;

use crate::chart::axis::Axis;
use crate::chart::canvas::{Anchor, Canvas};
use crate::chart::figure::{Area, LABEL, TITLE};
use crate::chart::palette::{Colour, GRID, INK, PAPER, mix, series};

/// Values over steps, smoothed by an exponential mean that forgets `decay` per point.
///
/// ```
/// let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 3.0)];
/// let smoothed = train::chart::smooth(&points, 0.5);
/// assert_eq!(smoothed[0], (0.0, 1.0));
/// assert!(smoothed[1].1 < smoothed[2].1 && smoothed[2].1 < 3.0);
/// ```
///
/// # Panics
/// If the decay is outside `[0, 1)`.
pub fn smooth(points: &[(f64, f64)], decay: f64) -> Vec<(f64, f64)> {
    let mut mean = ExponentialMean::new(decay);
    let smoothed = points.iter().filter(|(_, y)| y.is_finite()).map(|&(x, y)| {
        mean.add(y);
        (x, mean.mean())
    });
    smoothed.collect()
}

/// A line chart. Points that are not finite interrupt their line; on a logarithmic axis so do those at or
/// below 0.
///
/// ```
/// use train::chart::{Chart, Figure};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("loss.png");
/// let train: Vec<(f64, f64)> = (1..500).map(|i| (i as f64, 4.0 / (i as f64).sqrt())).collect();
/// let chart = Chart::new("Loss")
///     .x("step")
///     .y("nats per token")
///     .smoothed("train", &train, 0.95)
///     .marked("validation", &[(100.0, 0.6), (400.0, 0.4)])
///     .log_y();
/// Figure::from(chart).save(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Chart {
    title: String,
    x_label: String,
    y_label: String,
    log_x: bool,
    log_y: bool,
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
    curves: Vec<Curve>,
}

#[derive(Debug, Clone)]
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
    /// Unsmoothed points, drawn pale behind the curve.
    raw: Vec<(f64, f64)>,
    marked: bool,
    dashed: bool,
}

impl Chart {
    /// An empty chart.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Names the horizontal axis.
    #[must_use]
    pub fn x(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Names the vertical axis.
    #[must_use]
    pub fn y(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Makes the horizontal axis logarithmic.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Makes the vertical axis logarithmic.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// Shows this part of the horizontal axis, instead of all values.
    #[must_use]
    pub fn x_range(mut self, range: RangeInclusive<f64>) -> Self {
        self.x_range = Some((*range.start(), *range.end()));
        self
    }

    /// Shows this part of the vertical axis, instead of all values.
    #[must_use]
    pub fn y_range(mut self, range: RangeInclusive<f64>) -> Self {
        self.y_range = Some((*range.start(), *range.end()));
        self
    }

    /// Adds a curve.
    #[must_use]
    pub fn line(self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.curve(name, points, |_| ())
    }

    /// Adds a dashed curve.
    #[must_use]
    pub fn dashed(self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.curve(name, points, |curve| curve.dashed = true)
    }

    /// Adds a curve of few points, with a dot at each.
    #[must_use]
    pub fn marked(self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.curve(name, points, |curve| curve.marked = true)
    }

    /// Adds a noisy curve: smoothed as by [`smooth`], the points themselves pale behind.
    ///
    /// # Panics
    /// If the decay is outside `[0, 1)`.
    #[must_use]
    pub fn smoothed(self, name: impl Into<String>, points: &[(f64, f64)], decay: f64) -> Self {
        let smoothed = smooth(points, decay);
        self.curve(name, &smoothed, |curve| curve.raw = points.to_vec())
    }

    /// Adds the curve of a function.
    #[must_use]
    pub fn function(
        self,
        name: impl Into<String>,
        range: RangeInclusive<f64>,
        f: impl Fn(f64) -> f64,
    ) -> Self {
        let (low, high) = (*range.start(), *range.end());
        let points: Vec<(f64, f64)> =
            (0..=400).map(|i| low + (high - low) * f64::from(i) / 400.0).map(|x| (x, f(x))).collect();
        self.line(name, &points)
    }

    fn curve(
        mut self,
        name: impl Into<String>,
        points: &[(f64, f64)],
        options: impl FnOnce(&mut Curve),
    ) -> Self {
        let (points, raw) = (points.to_vec(), Vec::new());
        let mut curve = Curve { name: name.into(), points, raw, marked: false, dashed: false };
        options(&mut curve);
        self.curves.push(curve);
        self
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Area) {
        let all = || self.curves.iter().flat_map(|curve| curve.points.iter().chain(&curve.raw));
        let x = match self.x_range {
            Some((min, max)) => Axis::range(min, max, self.log_x),
            None => Axis::covering(all().map(|point| point.0), self.log_x, 0.0),
        };
        let y = match self.y_range {
            Some((min, max)) => Axis::range(min, max, self.log_y),
            None => Axis::covering(all().map(|point| point.1), self.log_y, 0.04),
        };
        let plot = self.frame(canvas, area, x, y);
        let place = |&(px, py): &(f64, f64)| {
            let (u, v) = (x.place(px)?, y.place(py)?);
            // Off the shown range by a lot would overflow the coordinates of the bitmap.
            Some((plot.left + u * plot.width(), plot.bottom - v.clamp(-9.0, 9.0) * plot.height()))
        };
        for (i, curve) in self.curves.iter().enumerate() {
            let colour = series(i);
            for piece in pieces(&curve.raw, place) {
                draw_clipped(canvas, plot, &piece, mix(PAPER, colour, 0.3), 1.0, false);
            }
            for piece in pieces(&curve.points, place) {
                draw_clipped(canvas, plot, &piece, colour, 2.0, curve.dashed);
                for &dot in piece.iter().filter(|dot| curve.marked && plot.holds(**dot)) {
                    canvas.dot(dot, colour, 4.0);
                }
                if let ([only], false) = (&piece[..], curve.marked) {
                    canvas.dot(*only, colour, 2.0);
                }
            }
        }
    }

    /// Draws title, legend, grid and labels; returns where the curves go.
    fn frame(&self, canvas: &mut Canvas<'_>, area: Area, x: Axis, y: Axis) -> Area {
        let y_ticks = y.ticks((area.height() / 65.0) as usize);
        let widest = y_ticks.iter().map(|(_, label)| canvas.width(label, LABEL)).fold(0.0, f64::max);
        let y_title = if self.y_label.is_empty() { 0.0 } else { 24.0 };
        let x_title = if self.x_label.is_empty() { 0.0 } else { 24.0 };
        let top = self.heading(canvas, area);
        let plot = Area {
            left: area.left + 14.0 + y_title + widest + 8.0,
            right: area.right - 24.0,
            top,
            bottom: area.bottom - 34.0 - x_title,
        };
        for (value, label) in y_ticks {
            let Some(v) = y.place(value) else { continue };
            let at = plot.bottom - v * plot.height();
            canvas.line(&[(plot.left, at), (plot.right, at)], GRID, 1.0);
            canvas.text(&label, (plot.left - 8.0, at), LABEL, Anchor::Right, INK, false);
        }
        for (value, label) in x.ticks((plot.width() / 90.0) as usize) {
            let Some(u) = x.place(value) else { continue };
            let at = plot.left + u * plot.width();
            canvas.line(&[(at, plot.top), (at, plot.bottom)], GRID, 1.0);
            canvas.text(&label, (at, plot.bottom + 16.0), LABEL, Anchor::Middle, INK, false);
        }
        canvas.line(&[(plot.left, plot.top), (plot.left, plot.bottom), (plot.right, plot.bottom)], INK, 1.0);
        let middle = ((plot.left + plot.right) / 2.0, (plot.top + plot.bottom) / 2.0);
        canvas.text(&self.x_label, (middle.0, area.bottom - 20.0), LABEL, Anchor::Middle, INK, false);
        canvas.text(&self.y_label, (area.left + 18.0, middle.1), LABEL, Anchor::Middle, INK, true);
        plot
    }

    /// Draws title and legend, the legend in as many rows as it needs; returns where they end.
    fn heading(&self, canvas: &mut Canvas<'_>, area: Area) -> f64 {
        let left = area.left + 24.0;
        let mut top = area.top + 12.0;
        if !self.title.is_empty() {
            canvas.text(&self.title, (left, top + 12.0), TITLE, Anchor::Left, INK, false);
            top += 30.0;
        }
        let mut at = left;
        let named: Vec<_> =
            self.curves.iter().enumerate().filter(|(_, curve)| !curve.name.is_empty()).collect();
        for (i, curve) in &named {
            let width = canvas.width(&curve.name, LABEL) + 34.0;
            if at + width > area.right - 12.0 && at > left {
                at = left;
                top += 20.0;
            }
            sample(canvas, (at, top + 8.0), series(*i), curve);
            canvas.text(&curve.name, (at + 28.0, top + 8.0), LABEL, Anchor::Left, INK, false);
            at += width + 16.0;
        }
        top + if named.is_empty() { 8.0 } else { 28.0 }
    }
}

/// A short piece of the curve for the legend.
fn sample(canvas: &mut Canvas<'_>, (x, y): (f64, f64), colour: Colour, curve: &Curve) {
    let piece = [(x, y), (x + 22.0, y)];
    if curve.dashed {
        dashes(&piece).for_each(|dash| canvas.line(&dash, colour, 2.0));
    } else {
        canvas.line(&piece, colour, 2.0);
    }
    if curve.marked {
        canvas.dot((x + 11.0, y), colour, 4.0);
    }
}

/// Runs of points that can be shown.
fn pieces(points: &[(f64, f64)], place: impl Fn(&(f64, f64)) -> Option<(f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for point in points {
        match (place(point), pieces.last_mut()) {
            (Some(placed), Some(last)) => last.push(placed),
            _ => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Draws the part of a curve that lies within the plot.
fn draw_clipped(
    canvas: &mut Canvas<'_>,
    plot: Area,
    points: &[(f64, f64)],
    colour: Colour,
    width: f64,
    dashed: bool,
) {
    let mut run: Vec<(f64, f64)> = Vec::new();
    let mut runs = Vec::new();
    for pair in points.windows(2) {
        match plot.clip(pair[0], pair[1]) {
            Some((from, to)) => {
                if run.last() != Some(&from) {
                    runs.push(std::mem::take(&mut run));
                    run.push(from);
                }
                run.push(to);
            }
            None => runs.push(std::mem::take(&mut run)),
        }
    }
    runs.push(run);
    for run in runs.into_iter().filter(|run| run.len() > 1) {
        if dashed {
            dashes(&run).for_each(|dash| canvas.line(&dash, colour, width));
        } else {
            canvas.line(&run, colour, width);
        }
    }
}

/// A line cut into dashes of 7 pixels with gaps of 4, which run on around corners.
fn dashes(points: &[(f64, f64)]) -> impl Iterator<Item = [(f64, f64); 2]> {
    const DASH: f64 = 7.0;
    const PERIOD: f64 = 11.0;
    let mut walked = 0.0;
    let mut all = Vec::new();
    for pair in points.windows(2) {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let length = dx.hypot(dy);
        let at = |s: f64| (pair[0].0 + dx * s / length, pair[0].1 + dy * s / length);
        let mut start = 0.0;
        while start < length {
            let phase = (walked + start) % PERIOD;
            let end = (start + if phase < DASH { DASH - phase } else { PERIOD - phase } + 1e-6).min(length);
            if phase < DASH {
                all.push([at(start), at(end)]);
            }
            start = end;
        }
        walked += length;
    }
    all.into_iter()
}
