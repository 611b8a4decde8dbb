//! safetensors: named matrices in one file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use safetensors::{Dtype, SafeTensors};
use serde_json::json;

use super::{Atomic, Load, Named, bytes, fault, whole, words_of_lines};
use crate::vectors::{Data, Map};
use crate::words::Mapped;
use crate::{Error, Result, Vectors, Words};

/// The key in the metadata under which the version of the index of the words stands, and the version known here, of
/// [`Mapped`] and [`hash`](crate::words::hash).
const INDEX: &str = "word_index";
const INDEX_VERSION: &str = "1";

/// A file in memory, or mapped there, whose header has been checked.
pub(crate) struct Tensors<'a> {
    path: &'a Path,
    map: Arc<Map>,
    /// Where the tensors begin.
    start: usize,
    metadata: safetensors::tensor::Metadata,
}

impl<'a> Tensors<'a> {
    pub(crate) fn open(path: &'a Path) -> Result<Self> {
        let map = Data::map(path)?;
        let broken = |error| fault(path, "the header", format!("{error}"));
        // Checks that tensors lie one after the other and fill the file.
        let (length, metadata) = SafeTensors::read_metadata(&map).map_err(broken)?;
        SafeTensors::deserialize(&map).map_err(broken)?;
        Ok(Self { path, map, start: length + 8, metadata })
    }

    /// Names of all tensors of some type and number of dimensions.
    fn names(&self, dtype: Dtype, dimensions: usize) -> Vec<String> {
        let tensors = self.metadata.tensors();
        let wanted = tensors.iter().filter(|(_, info)| info.dtype == dtype && info.shape.len() == dimensions);
        wanted.map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// The metadata's text of this key.
    pub(crate) fn text(&self, key: &str) -> Result<&str> {
        let text = self.metadata.metadata().as_ref().and_then(|map| map.get(key));
        text.map(String::as_str).ok_or_else(|| fault(self.path, "the metadata", format!("no `{key}`")))
    }

    /// Bytes and shape of a tensor.
    pub(crate) fn get(&self, name: &str, dtype: Dtype) -> Result<(&[u8], &[usize])> {
        let Some(info) = self.metadata.info(name) else {
            let mut names = self.metadata.offset_keys();
            names.sort();
            return Err(fault(self.path, "the tensors", format!("no `{name}` among {}", names.join(", "))));
        };
        if info.dtype != dtype {
            let what = format!("type {:?}, expected {dtype:?}", info.dtype);
            return Err(fault(self.path, format!("tensor `{name}`"), what));
        }
        let (from, to) = info.data_offsets;
        Ok((&self.map[self.start + from..self.start + to], &info.shape))
    }

    /// The numbers and sizes of a matrix.
    pub(crate) fn matrix(&self, name: &str) -> Result<(Vec<f32>, usize, usize)> {
        let (bytes, shape) = self.get(name, Dtype::F32)?;
        let &[rows, dim] = shape else {
            return Err(fault(
                self.path,
                format!("tensor `{name}`"),
                format!("shape {shape:?}, expected two sizes"),
            ));
        };
        Ok((floats(bytes), rows, dim))
    }

    pub(crate) fn words(&self, rows: usize) -> Result<Words> {
        words_of_lines(self.path, self.get("words", Dtype::U8)?.0, rows)
    }

    /// The words in place, if the file has an index of them that is known here.
    fn words_in_place(&self, rows: usize) -> Result<Option<Words>> {
        if self.text(INDEX).is_ok_and(|version| version == INDEX_VERSION) {
            let (_, shape) = self.get("word_ends", Dtype::U64)?;
            if shape != [rows] {
                return Err(fault(
                    self.path,
                    "tensor `word_ends`",
                    format!("shape {shape:?}, expected [{rows}]"),
                ));
            }
            let part = |name, dtype| self.get(name, dtype).map(|(bytes, _)| self.place(bytes));
            let (text, ends) = (part("words", Dtype::U8)?, part("word_ends", Dtype::U64)?);
            let slots = part("word_slots", Dtype::U32)?;
            let words = Mapped::new(Arc::clone(&self.map), text, ends, slots);
            let words = words.map_err(|what| fault(self.path, "the index of the words", what))?;
            return Ok(Some(Words::from_mapped(words)));
        }
        Ok(None)
    }

    /// Where bytes of the map lie in it.
    fn place(&self, bytes: &[u8]) -> Range<usize> {
        let start = bytes.as_ptr() as usize - self.map.as_ptr() as usize;
        start..start + bytes.len()
    }
}

/// Little-endian floats.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

/// A tensor to be written: type, shape, bytes.
pub(crate) type Tensor<'a> = (Dtype, Vec<usize>, Cow<'a, [u8]>);

/// Writes tensors in the order of their names.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: &BTreeMap<&str, Tensor<'_>>,
    metadata: &BTreeMap<&str, String>,
) -> Result<()> {
    // Wider types first, so that all are aligned.
    let mut order: Vec<_> = tensors.iter().collect();
    order.sort_by_key(|(_, (dtype, ..))| std::cmp::Reverse(dtype.bitsize()));
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".to_owned(), json!(metadata));
    }
    let mut at = 0;
    for (name, (dtype, shape, bytes)) in &order {
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [at, at + bytes.len()]});
        header.insert((**name).to_owned(), entry);
        at += bytes.len();
    }
    let mut header = serde_json::Value::Object(header).to_string();
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut file = Atomic::create(path)?;
    file.write(|out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        order.iter().try_for_each(|(_, (.., bytes))| out.write_all(bytes))
    })?;
    file.done()
}

/// Adds the words as tensors: their text, joined by line ends, and the index by which they are found in place.
pub(crate) fn add_words(
    words: &Words,
    tensors: &mut BTreeMap<&str, Tensor<'_>>,
    metadata: &mut BTreeMap<&str, String>,
) {
    let text = words.iter().collect::<Vec<_>>().join("\n").into_bytes();
    let (ends, slots) = words.index_bytes();
    tensors.insert("words", (Dtype::U8, vec![text.len()], text.into()));
    tensors.insert("word_ends", (Dtype::U64, vec![words.len()], ends.into()));
    tensors.insert("word_slots", (Dtype::U32, vec![slots.len() / 8, 2], slots.into()));
    metadata.insert(INDEX, INDEX_VERSION.to_owned());
}

pub(super) fn read(load: &Load, path: &Path, is_mapped: bool) -> Result<Vectors> {
    let file = Tensors::open(path)?;
    let matrices = file.names(Dtype::F32, 2);
    let name = match &matrices[..] {
        [only] => only.as_str(),
        _ => "vectors",
    };
    let (values, shape) = file.get(name, Dtype::F32)?;
    let &[rows, dim] = shape else {
        return Err(fault(path, format!("tensor `{name}`"), format!("shape {shape:?}, expected two sizes")));
    };
    let in_place = if is_mapped { file.words_in_place(rows)? } else { None };
    let words = if let Some(words) = in_place {
        Named { words, left_out: Vec::new() }
    } else if file.has("words") {
        load.words_of_lines(path, file.get("words", Dtype::U8)?.0, rows)?
    } else {
        let beside = path.with_extension("vocab");
        let text = std::fs::read(&beside).map_err(Error::io(&beside))?;
        load.words_of_lines(&beside, &text, rows)?
    };
    let data = if is_mapped {
        Data::mapped(Arc::clone(&file.map), file.place(values).start, rows * dim)
    } else {
        Data::Owned(floats(values))
    };
    whole(path, words, dim, data)
}

pub(super) fn write(vectors: &Vectors, path: &Path) -> Result<()> {
    let matrix = (Dtype::F32, vec![vectors.len(), vectors.dim()], bytes(vectors.data()));
    let (mut tensors, mut metadata) = (BTreeMap::from([("vectors", matrix)]), BTreeMap::new());
    add_words(vectors.words(), &mut tensors, &mut metadata);
    write_tensors(path, &tensors, &metadata)
}
