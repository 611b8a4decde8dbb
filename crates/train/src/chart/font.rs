//! A font for other scripts.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use plotters::style::{FontStyle, register_font};

use crate::error::Error;

/// Fonts that are in memory, by their paths.
static LOADED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A font from a file, for texts with signs that the font of the program lacks: Chinese, Japanese, Korean.
///
/// ```no_run
/// use train::chart::{Figure, Font, Scatter};
///
/// let map = Scatter::new("Words").group("", &[(0.1, 0.9, "曹操"), (0.2, 0.8, "荆州")]);
/// Figure::from(map).other_font(Font::load("NotoSansSC-Regular.otf")?).save("map.png")?;
/// # Ok::<(), train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Font {
    name: String,
}

impl Font {
    /// Reads a TrueType or OpenType font. It stays in memory until the program ends, once for each path.
    ///
    /// # Errors
    /// If the file cannot be read or is no such font.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if !loaded.contains(&name) {
            let bytes = std::fs::read(path).map_err(Error::io(path))?;
            register_font(&name, FontStyle::Normal, bytes.leak())
                .map_err(|_| Error::format(path, "this is no TrueType or OpenType font"))?;
            loaded.insert(name.clone());
        }
        Ok(Self { name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a text has signs from the blocks of CJK radicals on.
    pub(super) fn is_needed(text: &str) -> bool {
        text.chars().any(|c| c >= '\u{2e80}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Figure, Scatter};

    #[test]
    fn other_scripts_are_drawn_with_it() {
        assert!(!Font::is_needed("θ, König, кот") && Font::is_needed("n = 三"));
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        // It has no Chinese, whose signs become boxes, but other Latin letters than the font of the program.
        std::fs::write(path("serif.ttf"), dejavu::serif::regular()).unwrap();
        let font = Font::load(path("serif.ttf")).unwrap();
        let picture = |name: &str, font: Option<Font>| {
            let figure = Figure::from(Scatter::new(name).group("", &[(0.0, 0.0, name)]));
            let figure = font.map_or(figure.clone(), |font| figure.other_font(font));
            figure.save(path("picture.png")).unwrap();
            std::fs::read(path("picture.png")).unwrap()
        };
        assert!(picture("三 three", Some(font.clone())) != picture("三 three", None));
        assert!(picture("three", Some(font)) == picture("three", None));
    }

    #[test]
    fn no_font_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("font.ttf");
        assert!(Font::load(&path).is_err());
        std::fs::write(&path, "no font").unwrap();
        assert!(Font::load(&path).unwrap_err().to_string().ends_with("this is no TrueType or OpenType font"));
    }
}
