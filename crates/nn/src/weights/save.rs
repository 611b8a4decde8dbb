//! Writing a model.

use std::io::Write;
use std::path::Path;

use tensor::Element;

use super::header;
use super::{Metadata, SaveError};
use crate::atomic::write_atomically;
use crate::module::Module;

/// Writes all parameters of `model`, frozen ones too, under their paths in the precision they have, with free text
/// `metadata` beside them. An existing file is replaced as a whole or, on failure, not at all. The same weights and
/// metadata give the same bytes.
///
/// ```
/// use nn::weights::{Metadata, load, save};
/// use nn::Param;
/// use tensor::Tensor;
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("model.safetensors");
/// let model = Param::new(Tensor::<f32>::ones(&[2, 3]));
/// save(&model, &path, &Metadata::from([("step".into(), "100".into())]))?;
///
/// let mut copy = Param::new(Tensor::<f32>::zeros(&[2, 3]));
/// let metadata = load(&mut copy, &path)?;
/// assert_eq!((copy.value(), metadata["step"].as_str()), (model.value(), "100"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of the file system.
pub fn save<E: Element>(model: &dyn Module<E>, path: &Path, metadata: &Metadata) -> Result<(), SaveError> {
    let params = model.parameters();
    let named: Vec<(String, Vec<usize>)> =
        params.iter().map(|(name, param)| (name.clone(), param.shape().to_vec())).collect();
    let single = E::NAME == f32::NAME;
    let (dtype, item_size) = if single { ("F32", 4) } else { ("F64", 8) };
    let written = write_atomically(path, |out| {
        out.write_all(&header::encode(&named, dtype, item_size, metadata))?;
        for (_, param) in &params {
            let values = param.value().contiguous();
            for x in values.data() {
                // From f32 to f64 and back: the same number.
                let x = x.to_f64();
                if single {
                    out.write_all(&(x as f32).to_le_bytes())?;
                } else {
                    out.write_all(&x.to_le_bytes())?;
                }
            }
        }
        Ok(())
    });
    written.map_err(|source| SaveError { path: path.to_owned(), source })
}
