//! Reading a model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tensor::{Element, Tensor};

use super::{LoadError, Metadata, WeightsFile};
use crate::module::Module;
use crate::report::Mismatch;

/// Sets every parameter of `model` from the tensor of its path and returns the file's metadata. Numbers are
/// converted where the precision differs.
///
/// # Errors
/// If the file cannot be read or is damaged, or if it has not exactly the model's parameters: all that are missing,
/// unexpected or of another shape are listed, and the model is unchanged.
pub fn load<E: Element>(model: &mut dyn Module<E>, path: &Path) -> Result<Metadata, LoadError> {
    let file = WeightsFile::open(path)?;
    assign(model, &file, |name| Some(name.to_owned()), Missing::Fault)?;
    Ok(file.metadata().clone())
}

/// What [`load_mapped`] left as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters of the model that the file did not set.
    pub missing: Vec<String>,
    /// Tensors of the file that `rename` gave no name, or one the model does not have.
    pub ignored: Vec<String>,
}

/// Sets the parameters of `model` that the file has, under the names that `rename` makes of the file's: to strip
/// or add a prefix, to translate another program's names, to take a part (`None` leaves a tensor out).
///
/// ```
/// # use nn::{Param, weights::{Metadata, load_mapped, save}};
/// # use tensor::Tensor;
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("model.safetensors");
/// # save(&vec![Param::new(Tensor::<f32>::ones(&[2]))], &path, &Metadata::new())?;
/// # let mut model = Param::new(Tensor::<f32>::zeros(&[2]));
/// let report = load_mapped(&mut model, &path, |name| name.strip_prefix("0").map(str::to_owned))?;
/// assert!(report.missing.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read or is damaged, if parameters have another shape there (all are listed), or if two
/// tensors get the same name. The model is then unchanged.
pub fn load_mapped<E: Element>(
    model: &mut dyn Module<E>,
    path: &Path,
    rename: impl Fn(&str) -> Option<String>,
) -> Result<LoadReport, LoadError> {
    assign(model, &WeightsFile::open(path)?, rename, Missing::Report)
}

/// Whether names on one side alone are faults.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Fault,
    Report,
}

fn assign<E: Element>(
    model: &mut dyn Module<E>,
    file: &WeightsFile,
    rename: impl Fn(&str) -> Option<String>,
    policy: Missing,
) -> Result<LoadReport, LoadError> {
    let mut report = LoadReport::default();
    let params: BTreeSet<String> = model.parameters().into_iter().map(|(path, _)| path).collect();
    // From the model's name to the file's name and shape.
    let mut sources: BTreeMap<String, (String, Vec<usize>)> = BTreeMap::new();
    for (name, shape) in file.tensors() {
        match rename(&name).filter(|new| params.contains(new)) {
            None => report.ignored.push(name),
            Some(new) => {
                if let Some((other, _)) = sources.insert(new.clone(), (name.clone(), shape)) {
                    let why = format!("`{other}` and `{name}` are both meant for {new}");
                    return Err(LoadError::Format { path: file.path().to_owned(), why });
                }
            }
        }
    }
    let mut misshaped = Vec::new();
    for (path, param) in model.parameters() {
        match sources.get(&path) {
            None => report.missing.push(path),
            Some((_, shape)) if shape != param.shape() => {
                misshaped.push((path, param.shape().to_vec(), shape.clone()));
            }
            Some(_) => {}
        }
    }
    let (missing, unexpected) = match policy {
        Missing::Fault => (std::mem::take(&mut report.missing), std::mem::take(&mut report.ignored)),
        Missing::Report => Default::default(),
    };
    if !(Mismatch { missing: &missing, unexpected: &unexpected, misshaped: &misshaped }).is_empty() {
        return Err(LoadError::Mismatch { path: file.path().to_owned(), missing, unexpected, misshaped });
    }
    let mut values: BTreeMap<&String, Tensor<E>> = BTreeMap::new();
    for (path, (name, _)) in &sources {
        values.insert(path, file.tensor(name)?);
    }
    for (path, param) in model.parameters_mut() {
        if let Some(value) = values.remove(&path) {
            param.set(value);
        }
    }
    Ok(report)
}
