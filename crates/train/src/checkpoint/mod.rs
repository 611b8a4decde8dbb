//! Checkpoints: the whole state of a training run, so that it goes on bit for bit where it stopped.

mod average;
mod directory;
mod format;
mod optimizer;

use std::fs::File;
use std::io;
use std::path::Path;

use nn::Module;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor::{Element, Tensor};

use crate::error::{Error, Mismatch};
use nn::atomic::{Sink, write_atomically_through};

pub use average::average;
pub use directory::{Checkpoints, Latest};

/// Tensors by name.
pub type Named<E = f32> = Vec<(String, Tensor<E>)>;

/// The state of a run: a value of your own (step, generators, position in the data, configuration, best
/// loss), and named tensors (parameters, optimiser moments).
///
/// The file is described in the crate's README. It is read only if all of it is as it was written, and
/// written so that a file of that name is always whole.
///
/// ```
/// use nn::{Module, Param};
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// use serde::{Deserialize, Serialize};
/// use tensor::Tensor;
/// use train::Checkpoint;
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// struct State {
///     step: u64,
///     rng: ChaCha8Rng,
///     best_loss: Option<f64>,
/// }
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("run.ckpt");
/// let mut model = vec![Param::new(Tensor::<f32>::ones(&[2, 3]))];
/// let state = State { step: 7, rng: ChaCha8Rng::seed_from_u64(1), best_loss: Some(1.5) };
/// let mut checkpoint = Checkpoint::new("example", state);
/// checkpoint.put_model("model", &model);
/// checkpoint.write(&path)?;
///
/// model[0].set(Tensor::zeros(&[2, 3]));
/// let found = Checkpoint::<State>::read(&path, "example")?;
/// found.restore_model("model", &mut model)?;
/// assert_eq!(found.state, checkpoint.state);
/// assert_eq!(model[0].value().to_vec(), [1.0; 6]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoint<S, E: Element = f32> {
    /// What kind of run this is of, such as `gpt`: one kind is never read as another.
    pub kind: String,
    /// Everything that is no tensor.
    pub state: S,
    /// Names are `group/path`, such as `model/layers.0.weight`.
    pub tensors: Named<E>,
}

impl<S, E: Element> Checkpoint<S, E> {
    /// Without tensors so far.
    pub fn new(kind: impl Into<String>, state: S) -> Self {
        Self { kind: kind.into(), state, tensors: Vec::new() }
    }

    /// Adds tensors as `group/name`.
    pub fn put(&mut self, group: &str, tensors: impl IntoIterator<Item = (String, Tensor<E>)>) {
        self.tensors.extend(tensors.into_iter().map(|(name, value)| (format!("{group}/{name}"), value)));
    }

    /// Adds all parameters of a model, frozen ones too. Their storage is shared, not copied.
    pub fn put_model(&mut self, group: &str, model: &impl Module<E>) {
        self.put(group, model.parameters().into_iter().map(|(path, param)| (path, param.value().clone())));
    }

    /// The tensors of a group, in the order they were put, named as they were put.
    pub fn group(&self, group: &str) -> Named<E> {
        let name = |full: &str| full.strip_prefix(group)?.strip_prefix('/').map(str::to_owned);
        self.tensors.iter().filter_map(|(full, value)| Some((name(full)?, value.clone()))).collect()
    }

    /// Sets all parameters of a model from a group.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with every missing, unexpected and mis-shaped name; the model is then unchanged.
    pub fn restore_model(&self, group: &str, model: &mut impl Module<E>) -> Result<(), Error> {
        let saved = self.group(group);
        let expected: Vec<(String, Vec<usize>)> =
            model.parameters().into_iter().map(|(path, param)| (path, param.shape().to_vec())).collect();
        compare(&expected, &saved).into_result()?;
        for (path, param) in model.parameters_mut() {
            if let Some((_, value)) = saved.iter().find(|(name, _)| *name == path) {
                param.set(value.clone());
            }
        }
        Ok(())
    }
}

/// Checks that a file is a whole and undamaged checkpoint of this version, whatever it holds.
///
/// # Errors
/// If it cannot be read, is too short, of another version or damaged.
pub fn verify(path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let mut file = File::open(path).map_err(Error::io(path))?;
    format::verify(&mut file).map_err(|fault| fault.at(path))
}

/// How `found` differs from the expected names and shapes.
fn compare<E: Element>(expected: &[(String, Vec<usize>)], found: &[(String, Tensor<E>)]) -> Mismatch {
    let mut mismatch = Mismatch::default();
    for (name, shape) in expected {
        match found.iter().find(|(other, _)| other == name) {
            None => mismatch.missing.push(name.clone()),
            Some((_, value)) if value.shape() != &shape[..] => {
                mismatch.shapes.push((name.clone(), shape.clone(), value.shape().to_vec()));
            }
            Some(_) => {}
        }
    }
    let unexpected = found.iter().filter(|(name, _)| !expected.iter().any(|(other, _)| other == name));
    mismatch.unexpected = unexpected.map(|(name, _)| name.clone()).collect();
    mismatch
}

impl<S: Serialize + DeserializeOwned, E: Element> Checkpoint<S, E> {
    /// Largest file that [`read`](Self::read) accepts: 64 GiB.
    pub const MAX_BYTES: u64 = 64 << 30;

    /// Writes the file, atomically and durably: after a crash at any moment `path` holds its old content or
    /// the new.
    ///
    /// # Errors
    /// If it cannot be written, as on a full disk; the old file is then still there. Also if two tensors have
    /// the same name, or the state is larger than 64 MiB.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.write_through(path.as_ref(), |file| file)
    }

    pub(crate) fn write_through<W: Sink>(
        &self,
        path: &Path,
        wrap: impl FnOnce(File) -> W,
    ) -> Result<(), Error> {
        let head = format::encode_head(self).map_err(|what| Error::format(path, what))?;
        let body = |writer: &mut io::BufWriter<W>| format::write(writer, &head, &self.tensors);
        write_atomically_through(path, wrap, body).map_err(Error::io(path))
    }

    /// Reads a file of this kind of run.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, of another version, element type or kind, larger than
    /// [`MAX_BYTES`](Self::MAX_BYTES), or its state is not an `S`. No more memory is used than the file is long.
    pub fn read(path: impl AsRef<Path>, kind: &str) -> Result<Self, Error> {
        Self::read_limited(path, kind, Self::MAX_BYTES)
    }

    /// [`read`](Self::read) with a limit of your own on the size of the file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_limited(path: impl AsRef<Path>, kind: &str, max_bytes: u64) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(Error::io(path))?;
        format::read(&mut file, kind, max_bytes).map_err(|fault| fault.at(path))
    }
}
