//! word2vec's binary format.

use std::io::Write;
use std::path::Path;

use super::{Atomic, Input, Load, bytes, fault, text};
use crate::{Result, Vectors};

/// Longest first line and longest word, in bytes.
const HEADER: usize = 100;
const WORD: usize = 1 << 16;

pub(super) fn read(load: &Load, path: &Path) -> Result<Vectors> {
    let mut input = Input::open(path)?;
    let mut word = Vec::new();
    input.until(b'\n', HEADER, "the first line", &mut word)?;
    let header = text::parse_header(&word);
    let header = header
        .ok_or_else(|| fault(path, "the first line", "expected the number of words and of dimensions"))?;
    text::check_header(path, header, input.size, 4)?;
    let (count, dim) = (header.0 as usize, header.1);
    let mut rows = load.rows(path, dim);
    rows.data.reserve_exact(load.wanted(count) * dim);
    let mut row = vec![0; dim * 4];
    while rows.read < load.wanted(count) {
        let at = input.at;
        let place = |what: &str| format!("word {} at byte {at}{what}", rows.read + 1);
        // word2vec ends a vector by a line end, gensim does not.
        if input.peek()?.first() == Some(&b'\n') {
            input.skip(1);
        }
        input.until(b' ', WORD, "a word", &mut word)?;
        if word.pop_if(|last| *last == b' ').is_none() {
            let what = format!("the file ends there; the first line says {count} words");
            return Err(fault(path, place(""), what));
        }
        if let Err(found) = input.fill(&mut row)? {
            let what = format!("the file ends after {found} of {} bytes of its vector", row.len());
            return Err(fault(path, place(""), what));
        }
        let (values, _) = row.as_chunks::<4>();
        rows.data.extend(values.iter().map(|&value| f32::from_le_bytes(value)));
        let place = place("");
        rows.add(&word, &|| place.clone())?;
    }
    if rows.read == count {
        if input.peek()?.first() == Some(&b'\n') {
            input.skip(1);
        }
        if !input.peek()?.is_empty() {
            let what = format!("the file goes on after the {count} words that its first line says");
            return Err(fault(path, format!("byte {}", input.at), what));
        }
    }
    rows.finish()
}

pub(super) fn write(vectors: &Vectors, path: &Path) -> Result<()> {
    let mut file = Atomic::create(path)?;
    file.write(|out| {
        writeln!(out, "{} {}", vectors.len(), vectors.dim())?;
        for (word, row) in vectors.iter() {
            out.write_all(word.as_bytes())?;
            out.write_all(b" ")?;
            out.write_all(&bytes(row))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    file.done()
}
