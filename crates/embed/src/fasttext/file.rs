//! fastText's binary files, version 12 (and 11, which differs in one setting).
//!
//! All little-endian: a magic and a version; settings; the dictionary, whose entries are a string ended by a zero
//! byte, a count and a kind; then input and output matrix, each after a byte that says whether it is quantised.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use super::{Dictionary, FastText, Kind, Loss, Matrix, Quantised, Settings};
use crate::io::{Atomic, Input, bytes, fault};
use crate::quantise::Quantiser;
use crate::{Result, Words};

pub(super) const MAGIC: i32 = 793_712_314;
const VERSION: i32 = 12;
/// Longest word, in bytes.
const WORD: usize = 1 << 16;

struct Reader {
    input: Input,
}

impl Reader {
    fn fault<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(fault(&self.input.path, format!("byte {}", self.input.at), what))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        match self.input.fill(&mut bytes)? {
            Ok(()) => Ok(bytes),
            Err(_) => self.fault("the file ends there"),
        }
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.take()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    fn flag(&mut self) -> Result<bool> {
        Ok(self.take::<1>()? != [0])
    }

    /// A number that is a size, below a limit.
    fn size(&mut self, what: &str, number: i64, limit: i64) -> Result<usize> {
        if (0..=limit).contains(&number) {
            return Ok(number as usize);
        }
        self.fault(format!("{what} is {number}, expected 0 to {limit}"))
    }

    fn small(&mut self, what: &str) -> Result<usize> {
        let number = self.i32()?;
        self.size(what, number.into(), 1 << 30)
    }

    /// Bytes that the file must still have.
    fn bytes(&mut self, what: &str, count: u128) -> Result<Vec<u8>> {
        let left = self.input.size.saturating_sub(self.input.at);
        if count > u128::from(left) {
            return self.fault(format!("{what} needs {count} bytes, the file has {left}"));
        }
        let mut bytes = vec![0; count as usize];
        match self.input.fill(&mut bytes)? {
            Ok(()) => Ok(bytes),
            Err(_) => self.fault("the file ends there"),
        }
    }

    fn floats(&mut self, what: &str, count: u128) -> Result<Vec<f32>> {
        let values = crate::io::floats(&self.bytes(what, count * 4)?);
        match values.iter().position(|x| !x.is_finite()) {
            Some(i) => self.fault(format!("number {i} of {what} is {}", values[i])),
            None => Ok(values),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<FastText> {
    let mut reader = Reader { input: Input::open(path)? };
    if reader.i32()? != MAGIC {
        return Err(fault(path, "byte 0", "this is no fastText model"));
    }
    let version = reader.i32()?;
    if !(11..=VERSION).contains(&version) {
        return reader.fault(format!("version {version}, expected 11 or 12"));
    }
    let settings = read_settings(&mut reader, version)?;
    let dictionary = read_dictionary(&mut reader)?;
    let is_quantised = reader.flag()?;
    let input = read_matrix(&mut reader, "the input matrix", is_quantised, settings.dim)?;
    let is_quantised_too = reader.flag()? && is_quantised;
    let output = read_matrix(&mut reader, "the output matrix", is_quantised_too, settings.dim)?;
    if !reader.input.peek()?.is_empty() {
        return reader.fault("the file goes on after the output matrix");
    }
    let buckets = match &dictionary.pruned {
        Some(left) => left.values().map(|&row| row as usize + 1).max().unwrap_or(0),
        None if settings.chars.1 > 0 || settings.word_ngrams > 1 => settings.buckets as usize,
        None => 0,
    };
    let needed = dictionary.words.len() + buckets;
    if input.rows() < needed {
        return reader.fault(format!("the input matrix has {} rows, expected {needed}", input.rows()));
    }
    let needed = match settings.kind {
        Kind::Classifier => dictionary.labels.len(),
        _ => dictionary.words.len(),
    };
    if output.rows() < needed || needed == 0 {
        return reader.fault(format!("the output matrix has {} rows for {needed} outputs", output.rows()));
    }
    Ok(FastText::new(settings, dictionary, input, output))
}

fn read_settings(reader: &mut Reader, version: i32) -> Result<Settings> {
    let dim = reader.small("dim")?;
    let [window, epochs, min_count, negatives] =
        [reader.small("ws")?, reader.small("epoch")?, reader.small("minCount")?, reader.small("neg")?];
    let word_ngrams = reader.small("wordNgrams")?;
    let loss = match reader.i32()? {
        1 => Loss::Hierarchical,
        2 => Loss::NegativeSampling,
        3 => Loss::Softmax,
        4 => Loss::OneVsAll,
        other => return reader.fault(format!("loss {other}, expected 1 to 4")),
    };
    let kind = match reader.i32()? {
        1 => Kind::Cbow,
        2 => Kind::SkipGram,
        3 => Kind::Classifier,
        other => return reader.fault(format!("model {other}, expected 1 to 3")),
    };
    let buckets = reader.small("bucket")? as u32;
    let mut chars = (reader.small("minn")?, reader.small("maxn")?);
    let update_rate = reader.i32()?;
    let sample = f64::from_le_bytes(reader.take()?);
    // Classifiers of version 11 had no n-grams of characters, whatever they say.
    if version == 11 && kind == Kind::Classifier {
        chars.1 = 0;
    }
    if !(1..=1 << 16).contains(&dim) {
        return reader.fault(format!("{dim} dimensions, expected 1 to 65536"));
    }
    let has_buckets = chars.1 > 0 || word_ngrams > 1;
    if has_buckets && buckets == 0 || chars.1 > 64 {
        return reader.fault(format!("{buckets} buckets for n-grams of up to {} characters", chars.1));
    }
    Ok(Settings {
        dim,
        window,
        epochs,
        min_count,
        negatives,
        word_ngrams,
        loss,
        kind,
        buckets,
        chars,
        update_rate,
        sample,
    })
}

fn read_dictionary(reader: &mut Reader) -> Result<Dictionary> {
    let size = reader.small("size")?;
    let (words, labels) = (reader.small("nwords")?, reader.small("nlabels")?);
    let tokens = reader.i64()?.max(0) as u64;
    let pruned = reader.i64()?;
    if words + labels != size {
        return reader.fault(format!("{words} words and {labels} labels in {size} entries"));
    }
    let mut dictionary = Dictionary { tokens, ..Dictionary::default() };
    let mut word = Vec::new();
    for entry in 0..size {
        let at = reader.input.at;
        reader.input.until(0, WORD, "a word", &mut word)?;
        if word.pop() != Some(0) {
            return reader.fault(format!("the file ends in entry {entry} of {size}"));
        }
        dictionary.counts.push(reader.i64()?.max(0) as u64);
        let is_label = reader.take::<1>()? == [1];
        let path = &reader.input.path;
        let place = || format!("entry {entry} at byte {at}");
        if is_label != (entry >= words) {
            return Err(fault(path, place(), "words come first, then labels; this is not so"));
        }
        // Words cut in the middle of a character occur in models made from broken text; their bytes are lost.
        let text = String::from_utf8_lossy(&word);
        let list: &mut Words = if is_label { &mut dictionary.labels } else { &mut dictionary.words };
        if !list.insert(&text)?.1 {
            // Two words that differ in their invalid bytes alone.
            let mut other = format!("{text}#{entry}");
            while !list.insert(&other)?.1 {
                other.push('#');
            }
        }
    }
    if pruned >= 0 {
        let left = reader.input.size.saturating_sub(reader.input.at) as i64;
        let count = reader.size("the number of rows left by pruning", pruned, left / 8)?;
        let mut rows = HashMap::with_capacity(count);
        for _ in 0..count {
            let (bucket, row) = (reader.i32()?, reader.i32()?);
            let row = reader.size("a row", row.into(), i32::MAX.into())?;
            rows.insert(bucket as u32, row as u32);
        }
        dictionary.pruned = Some(rows);
    }
    Ok(dictionary)
}

fn read_matrix(reader: &mut Reader, what: &str, is_quantised: bool, dim: usize) -> Result<Matrix> {
    let with_norms = is_quantised && reader.flag()?;
    let (rows, columns) = (reader.i64()?, reader.i64()?);
    if columns != dim as i64 || rows < 0 {
        return reader.fault(format!("{what} is {rows} × {columns}, expected {dim} columns"));
    }
    if !is_quantised {
        let data = reader.floats(what, rows as u128 * dim as u128)?;
        return Ok(Matrix::Dense { data, dim });
    }
    let rows = rows as usize;
    let length = reader.small("the size of the codes")?;
    let codes = reader.bytes("the codes", length as u128)?;
    let quantiser = read_quantiser(reader)?;
    if quantiser.dim() != dim || length as u128 != rows as u128 * quantiser.code_len() as u128 {
        return reader.fault(format!("{length} bytes of codes for {rows} rows"));
    }
    let mut norms = None;
    if with_norms {
        let codes = reader.bytes("the lengths", rows as u128)?;
        let quantiser = read_quantiser(reader)?;
        if quantiser.dim() != 1 {
            return reader.fault("lengths of more than one dimension");
        }
        norms = Some((codes, quantiser));
    }
    Ok(Matrix::Quantised(Quantised { rows, codes, quantiser, norms }))
}

fn read_quantiser(reader: &mut Reader) -> Result<Quantiser> {
    let (dim, parts) = (reader.small("dim")?, reader.small("nsubq")?);
    let (width, last) = (reader.small("dsub")?, reader.small("lastdsub")?);
    let fits = width > 0 && (1..=width).contains(&last) && parts > 0;
    if !fits || (parts as u128 - 1) * width as u128 + last as u128 != dim as u128 {
        return reader.fault(format!("{dim} dimensions in {parts} parts of {width}, the last of {last}"));
    }
    let centroids = reader.floats("the centroids", dim as u128 * 256)?;
    Ok(Quantiser::from_parts(dim, width, centroids))
}

pub(super) fn write(model: &FastText, path: &Path) -> Result<()> {
    let Dictionary { words, labels, .. } = &model.dictionary;
    let is_lost = |entry: &&str| entry.is_empty() || entry.contains('\0') || entry.len() >= WORD;
    if let Some(entry) = words.iter().chain(labels.iter()).find(is_lost) {
        let what =
            format!("{entry:?} cannot be written: expected 1 to {} bytes, none of them zero", WORD - 1);
        return Err(fault(path, "the words", what));
    }
    let mut file = Atomic::create(path)?;
    file.write(|out| {
        let Settings { loss, kind, chars, .. } = model.settings;
        let loss = match loss {
            Loss::Hierarchical => 1,
            Loss::NegativeSampling => 2,
            Loss::Softmax => 3,
            Loss::OneVsAll => 4,
        };
        let kind = match kind {
            Kind::Cbow => 1,
            Kind::SkipGram => 2,
            Kind::Classifier => 3,
        };
        let s = &model.settings;
        let numbers = [
            s.dim,
            s.window,
            s.epochs,
            s.min_count,
            s.negatives,
            s.word_ngrams,
            loss,
            kind,
            s.buckets as usize,
            chars.0,
            chars.1,
        ];
        let head =
            [MAGIC, VERSION].into_iter().chain(numbers.iter().map(|&x| x as i32)).chain([s.update_rate]);
        for number in head {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&s.sample.to_le_bytes())?;
        write_dictionary(&model.dictionary, out)?;
        let is_quantised = |matrix: &Matrix| u8::from(matches!(matrix, Matrix::Quantised(_)));
        for matrix in [&model.input, &model.output] {
            out.write_all(&[is_quantised(matrix)])?;
            write_matrix(matrix, out)?;
        }
        Ok(())
    })?;
    file.done()
}

fn write_dictionary(dictionary: &Dictionary, out: &mut impl Write) -> std::io::Result<()> {
    let (words, labels) = (dictionary.words.len() as i32, dictionary.labels.len() as i32);
    for number in [words + labels, words, labels] {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(&(dictionary.tokens as i64).to_le_bytes())?;
    let pruned = dictionary.pruned.as_ref().map_or(-1, |rows| rows.len() as i64);
    out.write_all(&pruned.to_le_bytes())?;
    let entries =
        dictionary.words.iter().map(|word| (word, 0)).chain(dictionary.labels.iter().map(|l| (l, 1)));
    for ((entry, kind), &count) in entries.zip(&dictionary.counts) {
        out.write_all(entry.as_bytes())?;
        out.write_all(&[0])?;
        out.write_all(&(count as i64).to_le_bytes())?;
        out.write_all(&[kind])?;
    }
    let mut rows: Vec<_> = dictionary.pruned.iter().flatten().collect();
    rows.sort();
    for (bucket, row) in rows {
        out.write_all(&bucket.to_le_bytes())?;
        out.write_all(&row.to_le_bytes())?;
    }
    Ok(())
}

fn write_matrix(matrix: &Matrix, out: &mut impl Write) -> std::io::Result<()> {
    let sizes = |out: &mut dyn Write| {
        [matrix.rows(), matrix.dim()].iter().try_for_each(|&n| out.write_all(&(n as i64).to_le_bytes()))
    };
    match matrix {
        Matrix::Dense { data, .. } => {
            sizes(out)?;
            out.write_all(&bytes(data))
        }
        Matrix::Quantised(Quantised { codes, quantiser, norms, .. }) => {
            out.write_all(&[u8::from(norms.is_some())])?;
            sizes(out)?;
            out.write_all(&(codes.len() as i32).to_le_bytes())?;
            out.write_all(codes)?;
            write_quantiser(quantiser, out)?;
            if let Some((codes, quantiser)) = norms {
                out.write_all(codes)?;
                write_quantiser(quantiser, out)?;
            }
            Ok(())
        }
    }
}

fn write_quantiser(quantiser: &Quantiser, out: &mut impl Write) -> std::io::Result<()> {
    let (dim, width, parts) = (quantiser.dim(), quantiser.width(), quantiser.code_len());
    for number in [dim, parts, width, dim - (parts - 1) * width] {
        out.write_all(&(number as i32).to_le_bytes())?;
    }
    out.write_all(&bytes(quantiser.centroids()))
}
