//! Lines of a word and its numbers.

use std::io::Write;
use std::path::Path;

use super::{Atomic, Input, Load, fault};
use crate::corpus::BYTE_ORDER_MARK;
use crate::{Result, Vectors};

/// Longest word and blanks of a line, in bytes.
const WORD: usize = 1 << 16;
/// Longest number.
const NUMBER: usize = 64;
/// Longest first line of a file that does not say how many numbers a line has.
const FIRST: usize = 1 << 24;

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Number of words and dimensions of a line that holds nothing else.
pub(super) fn parse_header(line: &[u8]) -> Option<(u64, usize)> {
    let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let header = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some(header)
}

/// Whether a line holds two numbers of any kind, as no line of a word and its numbers does.
pub(super) fn is_two_numbers(line: &[u8]) -> bool {
    let mut fields = fields(trim_end(line));
    let is_two = matches!((fields.next(), fields.next()), (Some(a), Some(b)) if is_number(a) && is_number(b));
    is_two && fields.next().is_none()
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| is_blank(byte)).filter(|field| !field.is_empty())
}

fn trim_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = line {
        line = rest;
    }
    line
}

/// Splits off the last blank-separated field.
fn last_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().rposition(|&byte| is_blank(byte))?;
    let mut rest = &line[..at];
    while let [before @ .., b' ' | b'\t'] = rest {
        rest = before;
    }
    Some((rest, &line[at + 1..]))
}

/// Where the word ends, for a line of `dim` numbers behind it: a word may hold blanks.
fn split(line: &[u8], dim: usize) -> Option<&[u8]> {
    let mut rest = line;
    for _ in 0..dim {
        rest = last_field(rest)?.0;
    }
    Some(rest)
}

fn parse(number: &[u8]) -> Option<f32> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Whether it is written in digits; `nan` and `inf` are words.
fn is_number(field: &[u8]) -> bool {
    field.iter().any(u8::is_ascii_digit) && parse(field).is_some()
}

/// Whether a line is a word and `dim` numbers.
pub(super) fn is_row(line: &[u8], dim: usize) -> bool {
    let line = trim_end(line);
    let Some(word) = split(line, dim) else { return false };
    fields(&line[word.len()..]).all(|x| parse(x).is_some())
}

pub(super) fn read(load: &Load, path: &Path, has_header: bool) -> Result<Vectors> {
    let mut input = Input::open(path)?;
    let mut line = Vec::new();
    let mut number = 1;
    if !input.until(b'\n', FIRST, "the first line", &mut line)? {
        return Err(fault(path, "the file", "it is empty"));
    }
    if line.starts_with(BYTE_ORDER_MARK) {
        line.drain(..BYTE_ORDER_MARK.len());
    }
    let (count, dim) = if has_header {
        let expected = || fault(path, "line 1", "expected the number of words and of dimensions");
        let header = parse_header(&line).ok_or_else(expected)?;
        check_header(path, header, input.size, 2)?;
        (Some(header.0 as usize), header.1)
    } else {
        let found = fields(trim_end(&line)).count();
        if found < 2 {
            return Err(fault(path, "line 1", "expected a word and its numbers"));
        }
        (None, found - 1)
    };
    let mut rows = load.rows(path, dim);
    rows.data.reserve_exact(count.map_or(0, |count| load.wanted(count)) * dim);
    let wanted = load.wanted(usize::MAX);
    let mut has_line = !has_header;
    while rows.read < wanted {
        if !has_line {
            number += 1;
            if !input.until(b'\n', WORD + dim * NUMBER, "a line", &mut line)? {
                break;
            }
        }
        has_line = false;
        let row = trim_end(&line);
        // An empty line at the end is no word.
        if row.is_empty() && input.peek()?.is_empty() {
            break;
        }
        if count.is_some_and(|count| rows.read >= count) {
            let what = format!("more words than the {} that line 1 says", rows.read);
            return Err(fault(path, format!("line {number}"), what));
        }
        let at = || format!("line {number}");
        let word = split(row, dim).filter(|word| !fields(word).skip(1).any(is_number));
        let Some(word) = word else {
            let what = format!("expected a word and {dim} numbers, found {} fields", fields(row).count());
            return Err(fault(path, at(), what));
        };
        for field in fields(&row[word.len()..]) {
            let Some(value) = parse(field) else {
                let what = format!("{:?} is no number", String::from_utf8_lossy(field));
                return Err(fault(path, at(), what));
            };
            rows.data.push(value);
        }
        rows.add(word, &at)?;
    }
    if let Some(count) = count
        && rows.read < load.wanted(count)
    {
        let what = format!("the file ends after {} of the {count} words that line 1 says", rows.read);
        return Err(fault(path, format!("line {number}"), what));
    }
    rows.finish()
}

/// Refuses a header that promises more than the file can hold, with `least` bytes for each number.
pub(super) fn check_header(path: &Path, (count, dim): (u64, usize), size: u64, least: u128) -> Result<()> {
    let needed = u128::from(count) * (dim as u128 * least + 1);
    if count == 0 || dim == 0 || needed > u128::from(size) {
        let what = format!("{count} words of {dim} dimensions, in a file of {size} bytes");
        return Err(fault(path, "the first line", what));
    }
    Ok(())
}

pub(super) fn write(vectors: &Vectors, path: &Path, has_header: bool) -> Result<()> {
    let mut file = Atomic::create(path)?;
    file.write(|out| {
        if has_header {
            writeln!(out, "{} {}", vectors.len(), vectors.dim())?;
        }
        for (word, row) in vectors.iter() {
            out.write_all(word.as_bytes())?;
            for value in row {
                write!(out, " {value}")?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    file.done()
}
