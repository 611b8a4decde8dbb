//! Points with names, such as words on a map.

use crate::chart::canvas::{Anchor, Canvas};
use crate::chart::figure::{Area, LABEL, TITLE};
use crate::chart::palette::{GRID, INK, series};

/// Named points in groups, each group in a colour; names are put beside their points where there is room.
///
/// The font knows Latin, Greek and Cyrillic letters; for Chinese ones the figure needs [another](crate::chart::Font).
///
/// ```
/// use train::chart::{Figure, Scatter};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("map.png");
/// let map = Scatter::new("Words")
///     .group("royal", &[(0.1, 0.9, "king"), (0.2, 0.8, "queen")])
///     .group("food", &[(-0.7, 0.1, "bread")]);
/// Figure::from(map).save(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scatter {
    title: String,
    groups: Vec<(String, Vec<Point>)>,
}

/// Place and name.
type Point = (f64, f64, String);

/// Height of a name, and how far it stands from its point.
const HEIGHT: f64 = 16.0;
const GAP: f64 = 7.0;

impl Scatter {
    /// No points yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), groups: Vec::new() }
    }

    /// Adds points `(x, y, name)`; those that are not finite are left out.
    #[must_use]
    pub fn group<S: AsRef<str>>(mut self, name: impl Into<String>, points: &[(f64, f64, S)]) -> Self {
        let finite = points.iter().filter(|(x, y, _)| x.is_finite() && y.is_finite());
        let points = finite.map(|(x, y, name)| (*x, *y, name.as_ref().to_owned())).collect();
        self.groups.push((name.into(), points));
        self
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Area) {
        let plot = self.frame(canvas, area);
        let span = |value: fn(&Point) -> f64| {
            let all = || self.groups.iter().flat_map(|(_, points)| points).map(value);
            let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
            if high > low { (low, high - low) } else { (low - 0.5, 1.0) }
        };
        let (x, y) = (span(|point| point.0), span(|point| point.1));
        let place = |point: &Point| {
            let (u, v) = ((point.0 - x.0) / x.1, (point.1 - y.0) / y.1);
            // Room for names at the edges.
            let (u, v) = (0.06 + 0.88 * u, 0.04 + 0.92 * v);
            (plot.left + u * plot.width(), plot.bottom - v * plot.height())
        };
        let dot = |(x, y): (f64, f64)| Area { left: x - 3.0, right: x + 3.0, top: y - 3.0, bottom: y + 3.0 };
        let mut taken: Vec<Area> =
            self.groups.iter().flat_map(|(_, points)| points).map(|point| dot(place(point))).collect();
        for (i, (_, points)) in self.groups.iter().enumerate() {
            for point in points {
                let at = place(point);
                canvas.dot(at, series(i), 3.5);
                let width = canvas.width(&point.2, LABEL);
                let name = free_place(at, width, &taken, plot);
                let middle = (name.top + name.bottom) / 2.0;
                canvas.text(&point.2, (name.left, middle), LABEL, Anchor::Left, series(i), false);
                taken.push(name);
            }
        }
    }

    /// Draws title, groups' names and a box; returns the inside of the box.
    fn frame(&self, canvas: &mut Canvas<'_>, area: Area) -> Area {
        let mut top = area.top + 24.0;
        if !self.title.is_empty() {
            canvas.text(&self.title, (area.left + 24.0, top), TITLE, Anchor::Left, INK, false);
            top += 28.0;
        }
        let mut left = area.left + 24.0;
        for (i, (name, _)) in self.groups.iter().enumerate().filter(|(_, (name, _))| !name.is_empty()) {
            canvas.dot((left + 5.0, top), series(i), 4.0);
            canvas.text(name, (left + 16.0, top), LABEL, Anchor::Left, INK, false);
            left += canvas.width(name, LABEL) + 40.0;
        }
        let plot = Area {
            left: area.left + 16.0,
            right: area.right - 16.0,
            top: top + 16.0,
            bottom: area.bottom - 16.0,
        };
        let corners = [
            (plot.left, plot.top),
            (plot.right, plot.top),
            (plot.right, plot.bottom),
            (plot.left, plot.bottom),
            (plot.left, plot.top),
        ];
        canvas.line(&corners, GRID, 1.0);
        plot
    }
}

/// Where to write a name: beside its point, farther away as long as there is something in the way.
fn free_place((x, y): (f64, f64), width: f64, taken: &[Area], plot: Area) -> Area {
    let area = |left: f64, middle: f64| Area {
        left,
        right: left + width,
        top: middle - HEIGHT / 2.0,
        bottom: middle + HEIGHT / 2.0,
    };
    let meets =
        |a: &Area, b: &Area| a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    let around = (0..5).flat_map(|ring| {
        let (far, up) = (GAP + 5.0 * f64::from(ring), 13.0 + 8.0 * f64::from(ring));
        [
            area(x + far, y),
            area(x - far - width, y),
            area(x - width / 2.0, y - up),
            area(x - width / 2.0, y + up),
            area(x + far, y - up / 2.0 - 3.0),
            area(x + far, y + up / 2.0 + 3.0),
            area(x - far - width, y - up / 2.0 - 3.0),
            area(x - far - width, y + up / 2.0 + 3.0),
        ]
    });
    let inside = |a: &Area| plot.holds((a.left, a.top)) && plot.holds((a.right, a.bottom));
    let mut around = around.filter(inside);
    let first = around.clone().next().unwrap_or_else(|| area(x + GAP, y));
    around.find(|place| taken.iter().all(|other| !meets(place, other))).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_off_each_other() {
        let plot = Area { left: 0.0, right: 500.0, top: 0.0, bottom: 500.0 };
        let mut taken = Vec::new();
        for i in 0..5 {
            let name = free_place((250.0 + f64::from(i), 250.0), 40.0, &taken, plot);
            let clear = |other: &Area| {
                name.left >= other.right
                    || name.right <= other.left
                    || name.top >= other.bottom
                    || name.bottom <= other.top
            };
            assert!(taken.iter().all(clear), "name {i}");
            taken.push(name);
        }
    }
}
