//! Drawing primitives: lines, rectangles and text on a bitmap.

use std::io;
use std::path::Path;
use std::sync::Once;

use plotters::prelude::{BitMapBackend, DrawingBackend, IntoFont, RGBColor, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, FontTransform, register_font};
use plotters_backend::BackendTextStyle;

use crate::chart::font::Font;
use crate::chart::palette::{Colour, PAPER};
use crate::error::Error;

/// Everything is drawn this much larger and then averaged down, which smooths lines and letters.
const SCALE: usize = 3;
const FONT: &str = "DejaVu Sans";

static FONTS: Once = Once::new();

/// Which point of a text its position is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A bitmap to draw on; the origin is at the top left, units are pixels of the finished picture.
pub(super) struct Canvas<'a> {
    backend: BitMapBackend<'a>,
    /// For texts that the font of the program cannot show.
    other: Option<&'a Font>,
    fault: Option<String>,
}

impl<'a> Canvas<'a> {
    /// A white picture with what `body` draws, saved as PNG.
    pub(super) fn save(
        path: &Path,
        (width, height): (u32, u32),
        other: Option<&Font>,
        body: impl FnOnce(&mut Canvas<'_>),
    ) -> Result<(), Error> {
        FONTS.call_once(|| {
            // The font is a constant of the program; if it were damaged, drawing text would say so.
            let _ = register_font(FONT, FontStyle::Normal, dejavu::sans::regular());
        });
        let (wide, high) = (width as usize * SCALE, height as usize * SCALE);
        let mut pixels = vec![PAPER[0]; wide * high * 3];
        let size = (wide as u32, high as u32);
        let mut canvas =
            Canvas { backend: BitMapBackend::with_buffer(&mut pixels, size), other, fault: None };
        body(&mut canvas);
        let fault = canvas.fault.take();
        drop(canvas);
        if let Some(what) = fault {
            return Err(Error::Chart { path: path.to_owned(), what });
        }
        let small = shrink(&pixels, width as usize, height as usize);
        let png = encode(&small, width, height)
            .map_err(|error| Error::Chart { path: path.to_owned(), what: error.to_string() })?;
        nn::write_atomically(path, |writer| io::Write::write_all(writer, &png)).map_err(Error::io(path))
    }

    /// Keeps the first fault; a picture with one is not saved.
    fn note<T, E: std::fmt::Display>(&mut self, result: Result<T, E>) {
        if let Err(error) = result {
            self.fault.get_or_insert(error.to_string());
        }
    }

    /// The font that shows a text.
    fn font(&self, text: &str) -> &'a str {
        match self.other {
            Some(font) if Font::is_needed(text) => font.name(),
            _ => FONT,
        }
    }

    /// Straight pieces between points.
    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: Colour, width: f64) {
        let style =
            ShapeStyle { color: rgb(colour), filled: true, stroke_width: (width * SCALE as f64) as u32 };
        let scaled: Vec<(i32, i32)> = points.iter().map(|&point| place(point)).collect();
        // Piece by piece: joined pieces would get long spikes where a noisy curve turns sharply.
        for pair in scaled.windows(2).filter(|pair| pair[0] != pair[1]) {
            let result = self.backend.draw_path(pair.iter().copied(), &style);
            self.note(result);
        }
        if width >= 1.5 {
            let radius = style.stroke_width / 2;
            for &point in &scaled {
                let result = self.backend.draw_circle(point, radius, &style, true);
                self.note(result);
            }
        }
    }

    /// A filled circle.
    pub(super) fn dot(&mut self, at: (f64, f64), colour: Colour, radius: f64) {
        let style = ShapeStyle::from(&rgb(colour)).filled();
        let result = self.backend.draw_circle(place(at), (radius * SCALE as f64) as u32, &style, true);
        self.note(result);
    }

    /// A filled rectangle between two corners.
    pub(super) fn rectangle(&mut self, from: (f64, f64), to: (f64, f64), colour: Colour) {
        let style = ShapeStyle::from(&rgb(colour)).filled();
        let result = self.backend.draw_rect(place(from), place(to), &style, true);
        self.note(result);
    }

    /// Text, vertically centred on its position. Upwards, it runs from bottom to top.
    pub(super) fn text(
        &mut self,
        text: &str,
        at: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: Colour,
        upwards: bool,
    ) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let mut style = style(self.font(text), size).pos(Pos::new(horizontal, VPos::Center));
        style.color = rgb(colour).to_backend_color();
        if upwards {
            style = style.transform(FontTransform::Rotate270);
        }
        // The centre of a text box is above that of its letters, which have no descenders for the most part.
        let drop = 0.17 * size;
        let at = if upwards { (at.0 + drop, at.1) } else { (at.0, at.1 + drop) };
        let result = self.backend.draw_text(text, &style, place(at));
        self.note(result);
    }

    /// Width of a text.
    pub(super) fn width(&mut self, text: &str, size: f64) -> f64 {
        match style(self.font(text), size).layout_box(text) {
            Ok(((left, _), (right, _))) => f64::from(right - left) / SCALE as f64,
            Err(error) => {
                self.note(Err::<(), _>(error));
                0.0
            }
        }
    }
}

fn style(font: &str, size: f64) -> TextStyle<'_> {
    TextStyle::from((FontFamily::Name(font), size * SCALE as f64).into_font())
}

fn rgb([r, g, b]: Colour) -> plotters::style::RGBAColor {
    RGBColor(r, g, b).to_rgba()
}

fn place((x, y): (f64, f64)) -> (i32, i32) {
    ((x * SCALE as f64).round() as i32, (y * SCALE as f64).round() as i32)
}

/// Means over squares of `SCALE × SCALE` pixels.
fn shrink(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut small = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let sum: usize = (0..SCALE * SCALE)
                    .map(|i| {
                        let (dy, dx) = (i / SCALE, i % SCALE);
                        pixels[((y * SCALE + dy) * width * SCALE + x * SCALE + dx) * 3 + channel] as usize
                    })
                    .sum();
                small.push((sum / (SCALE * SCALE)) as u8);
            }
        }
    }
    small
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}
