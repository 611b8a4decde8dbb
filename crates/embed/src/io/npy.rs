//! NumPy's `.npy` (its NEP 1), and the words beside it.

use std::io::{Read, Write};
use std::path::Path;

use super::{Atomic, Load, bytes, fault, whole};
use crate::vectors::Data;
use crate::{Error, Result, Vectors};

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What the header of a matrix says, and where the numbers begin.
struct Header {
    rows: usize,
    dim: usize,
    /// Numbers of 8 bytes.
    is_double: bool,
    start: usize,
}

/// The text between `'key':` and the comma outside parentheses that ends its value.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let quoted = format!("'{key}'");
    let rest = header[header.find(&quoted)? + quoted.len()..].trim_start().strip_prefix(':')?.trim_start();
    let end = if rest.starts_with('(') { rest.find(')')? + 1 } else { rest.find([',', '}'])? };
    Some(rest[..end].trim())
}

fn header(path: &Path, file: &[u8]) -> Result<Header> {
    let at = |what: String| fault(path, "the header", what);
    let short = || at("the file ends there".to_owned());
    let version = *file.get(6).ok_or_else(short)?;
    let (length, from) = match version {
        1 => (
            u32::from(u16::from_le_bytes(file.get(8..10).ok_or_else(short)?.try_into().unwrap_or_default())),
            10,
        ),
        2 | 3 => (u32::from_le_bytes(file.get(8..12).ok_or_else(short)?.try_into().unwrap_or_default()), 12),
        _ => return Err(at(format!("version {version}, expected 1 to 3"))),
    };
    let start = from + length as usize;
    let text = String::from_utf8_lossy(file.get(from..start).ok_or_else(short)?);
    let is_double = match value(&text, "descr").map(|descr| descr.trim_matches('\'')) {
        Some("<f4") => false,
        Some("<f8") => true,
        other => {
            return Err(at(format!("numbers are {}, expected <f4 or <f8", other.unwrap_or("not described"))));
        }
    };
    if value(&text, "fortran_order") != Some("False") {
        return Err(at("columns come first; save the matrix in C order".to_owned()));
    }
    let shape = value(&text, "shape").unwrap_or_default().trim_matches(['(', ')']);
    let sizes: Vec<usize> = shape.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    let [rows, dim] = sizes[..] else { return Err(at(format!("shape ({shape}), expected two sizes"))) };
    let expected = rows as u128 * dim as u128 * if is_double { 8 } else { 4 };
    let found = file.len() - start;
    if found as u128 != expected {
        return Err(at(format!("{rows} × {dim} numbers need {expected} bytes, the file has {found}")));
    }
    Ok(Header { rows, dim, is_double, start })
}

pub(super) fn read(load: &Load, path: &Path, is_mapped: bool) -> Result<Vectors> {
    let words_path = path.with_extension("vocab");
    let words = |rows: usize| {
        let text = std::fs::read(&words_path).map_err(Error::io(&words_path))?;
        load.words_of_lines(&words_path, &text, rows)
    };
    if is_mapped {
        let map = Data::map(path)?;
        let header = header(path, &map)?;
        let data = if header.is_double {
            Data::Owned(doubles(&map[header.start..]))
        } else {
            Data::mapped(map, header.start, header.rows * header.dim)
        };
        return whole(path, words(header.rows)?, header.dim, data);
    }
    let mut file = Vec::new();
    std::fs::File::open(path).and_then(|mut input| input.read_to_end(&mut file)).map_err(Error::io(path))?;
    let header = header(path, &file)?;
    let values = &file[header.start..];
    let data = if header.is_double { doubles(values) } else { super::tensors::floats(values) };
    whole(path, words(header.rows)?, header.dim, Data::Owned(data))
}

fn doubles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<8>().0.iter().map(|&value| f64::from_le_bytes(value) as f32).collect()
}

pub(super) fn write(vectors: &Vectors, path: &Path) -> Result<()> {
    let shape = format!("({}, {})", vectors.len(), vectors.dim());
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The numbers start at a multiple of 64.
    header.extend(std::iter::repeat_n(' ', 63 - (10 + header.len()) % 64));
    header.push('\n');
    let mut words = Atomic::create(&path.with_extension("vocab"))?;
    words.write(|out| vectors.words().iter().try_for_each(|word| writeln!(out, "{word}")))?;
    let mut file = Atomic::create(path)?;
    file.write(|out| {
        out.write_all(MAGIC)?;
        out.write_all(&[1, 0])?;
        out.write_all(&(header.len() as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        out.write_all(&bytes(vectors.data()))
    })?;
    words.done()?;
    file.done()
}
