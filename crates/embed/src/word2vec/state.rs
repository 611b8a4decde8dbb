//! A model in a file: vectors to be used, and all that training needs to go on.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;

use super::Model;
use super::run::Held;
use super::trainer::{input_rows, output_rows};
use crate::io::{Tensors, add_words, bytes, fault, write_tensors};
use crate::vocab::Vocab;
use crate::{Result, Word2Vec};

const SETTINGS: &str = "word2vec";
const POSITION: &str = "position";

impl Model {
    /// Writes the model, finished or broken off, to a safetensors file, or leaves the old file as it is.
    ///
    /// The file is also one of vectors, which [`Vectors::load`](crate::Vectors::load) and
    /// [`open`](crate::Vectors::open) read: tensors `vectors`, `words` with their index, `counts`, `output`, with
    /// subwords `input`, and for sentences held out `held_words`, their words one after the other, and `held_ends`
    /// `(sentences, 2)`, the block of each and where it ends there; settings and position as JSON in the metadata.
    ///
    /// # Errors
    /// If the file cannot be written, or a word has a line end in it.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use embed::word2vec::Trainer;
    /// use embed::{Model, Text, Vectors, Word2Vec};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("model.safetensors");
    ///
    /// let text = Text("to be or not to be that is the question\n");
    /// let settings = Word2Vec::cbow().dim(8).min_count(1).sample(0.0).epochs(4);
    /// let vocab = embed::Vocab::count(&text, &settings.vocab)?;
    /// let mut trainer = Trainer::new(settings, vocab)?;
    /// trainer.epoch(&text, &mut |_| ControlFlow::Continue(()))?;
    /// trainer.into_model().save(&path)?; // one epoch of four
    ///
    /// let mut trainer = Trainer::resume(Model::load(&path)?)?;
    /// while trainer.epoch(&text, &mut |_| ControlFlow::Continue(()))?.is_some() {}
    /// trainer.into_model().save(&path)?;
    /// assert_eq!(Vectors::open(&path)?.len(), 8);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (path, dim) = (path.as_ref(), self.settings.dim);
        if let Some(word) = self.vocab.words().iter().find(|word| word.contains('\n')) {
            return Err(fault(path, "the words", format!("{word:?} has a line end in it")));
        }
        let vectors = self.vectors();
        let counts: Vec<u8> = self.vocab.counts().iter().flat_map(|count| count.to_le_bytes()).collect();
        let matrix = |data| (Dtype::F32, vec![<[f32]>::len(data) / dim, dim], bytes(data));
        let mut tensors = BTreeMap::from([
            ("vectors", matrix(vectors.data())),
            ("output", matrix(&self.output)),
            ("counts", (Dtype::U64, vec![self.vocab.len()], counts.into())),
        ]);
        if self.settings.subwords.is_some() {
            tensors.insert("input", matrix(&self.input));
        }
        if !self.held.is_empty() {
            let (words, ends) = held_bytes(&self.held);
            tensors.insert("held_words", (Dtype::U32, vec![words.len() / 4], words.into()));
            tensors.insert("held_ends", (Dtype::U64, vec![ends.len() / 16, 2], ends.into()));
        }
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| fault(path, "the settings", error.to_string()))
        };
        let position = (self.position, self.vocab.total(), self.vocab.corpus_words());
        let mut metadata = BTreeMap::from([
            (SETTINGS, json(serde_json::to_string(&self.settings))?),
            (POSITION, json(serde_json::to_string(&position))?),
        ]);
        add_words(self.vocab.words(), &mut tensors, &mut metadata);
        write_tensors(path, &tensors, &metadata)
    }

    /// Reads a model that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If the file cannot be read, or is not such a model, or not whole.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = Tensors::open(path)?;
        let json = |error: serde_json::Error| fault(path, "the metadata", error.to_string());
        let settings: Word2Vec = serde_json::from_str(file.text(SETTINGS)?).map_err(json)?;
        settings.validate()?;
        let (position, total, corpus_words) = serde_json::from_str(file.text(POSITION)?).map_err(json)?;
        let (counts, shape) = file.get("counts", Dtype::U64)?;
        let counts: Vec<u64> =
            counts.as_chunks::<8>().0.iter().map(|&count| u64::from_le_bytes(count)).collect();
        let words = file.words(shape.iter().product())?;
        let vocab = Vocab::from_parts(words, counts, total, corpus_words)?;
        let name = if settings.subwords.is_some() { "input" } else { "vectors" };
        let matrix = |name: &str, rows: usize| {
            let (data, found, dim) = file.matrix(name)?;
            if (found, dim) == (rows, settings.dim) {
                return Ok(data);
            }
            let what = format!("{found} × {dim}, expected {rows} × {}", settings.dim);
            Err(fault(path, format!("tensor `{name}`"), what))
        };
        let input = matrix(name, input_rows(&settings, &vocab))?;
        let output = matrix("output", output_rows(&settings, &vocab))?;
        let mut held = Vec::new();
        if file.has("held_words") {
            let (words, ends) = (file.get("held_words", Dtype::U32)?.0, file.get("held_ends", Dtype::U64)?.0);
            held = held_of_bytes(words, ends, vocab.len())
                .ok_or_else(|| fault(path, "the sentences held out", "words or ends out of range"))?;
        }
        Ok(Self { settings, vocab, input, output, position, held })
    }
}

/// The words of all sentences, and for each sentence its block and where it ends.
fn held_bytes(held: &[Held]) -> (Vec<u8>, Vec<u8>) {
    let (mut words, mut ends) = (Vec::new(), Vec::new());
    for Held { block, words: of_block, ends: in_block } in held {
        let start = words.len() / 4;
        words.extend(of_block.iter().flat_map(|word| word.to_le_bytes()));
        ends.extend(
            in_block.iter().flat_map(|&end| [*block, (start + end) as u64]).flat_map(u64::to_le_bytes),
        );
    }
    (words, ends)
}

/// The sentences of these bytes; `None` if there are no such words, or sentences do not follow each other.
fn held_of_bytes(words: &[u8], ends: &[u8], vocab: usize) -> Option<Vec<Held>> {
    let words: Vec<u32> = words.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect();
    if words.iter().any(|&word| word as usize >= vocab) {
        return None;
    }
    let ends: Vec<u64> = ends.as_chunks::<8>().0.iter().map(|&end| u64::from_le_bytes(end)).collect();
    let (mut held, mut start): (Vec<Held>, usize) = (Vec::new(), 0);
    for &[block, end] in ends.as_chunks::<2>().0 {
        let end = usize::try_from(end).ok()?;
        let sentence = words.get(start..end)?;
        if held.last().is_none_or(|last| last.block != block) {
            held.push(Held { block, ..Held::default() });
        }
        let last = held.last_mut()?;
        last.words.extend(sentence);
        last.ends.push(last.words.len());
        start = end;
    }
    (start == words.len()).then_some(held)
}
