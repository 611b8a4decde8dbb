//! Colours that people with colour-blindness can tell apart.

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

pub(super) const INK: Colour = [40, 40, 40];
pub(super) const GRID: Colour = [226, 226, 226];
pub(super) const PAPER: Colour = [255, 255, 255];
pub(super) const UNKNOWN: Colour = [200, 200, 200];

/// The palette of Okabe & Ito (2008), the yellow left out: too light on paper.
const SERIES: [Colour; 7] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [230, 159, 0],
    [90, 90, 90],
];

/// Of the `i`-th series.
pub(super) fn series(i: usize) -> Colour {
    SERIES[i % SERIES.len()]
}

/// Between `from` at 0 and `to` at 1.
pub(super) fn mix(from: Colour, to: Colour, at: f64) -> Colour {
    std::array::from_fn(|i| (f64::from(from[i]) + (f64::from(to[i]) - f64::from(from[i])) * at).round() as u8)
}

/// Dark to light with rising lightness, so that order can be read without hue (after the map "viridis").
pub(super) fn heat(at: f64) -> Colour {
    const STOPS: [Colour; 5] = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
    if !at.is_finite() {
        return UNKNOWN;
    }
    let place = at.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let below = (place as usize).min(STOPS.len() - 2);
    mix(STOPS[below], STOPS[below + 1], place - below as f64)
}
