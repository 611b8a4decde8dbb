//! What the tests that span crates share. The tests themselves are in `tests/tests`.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;

use nn::Module;
use safetensors::{Dtype, SafeTensors};
use tensor::{Bools, Element, Ids, Tensor};

/// The examples of the workspace's README, which are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// A file of golden numbers; see `fixtures/goldens/README.md`.
pub struct Golden {
    bytes: Vec<u8>,
    settings: serde_json::Value,
}

impl Golden {
    /// Opens `fixtures/goldens/NAME.safetensors`; `metadata` is the entry that holds its settings.
    pub fn open(name: &str, metadata: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let bytes =
            std::fs::read(root.join("fixtures/goldens").join(name).with_extension("safetensors")).unwrap();
        let (_, head) = SafeTensors::read_metadata(&bytes).unwrap();
        let text = &head.metadata().as_ref().unwrap()[metadata];
        let settings = serde_json::from_str(text).unwrap();
        Self { bytes, settings }
    }

    /// The settings.
    pub fn settings(&self) -> &serde_json::Value {
        &self.settings
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap()
    }

    /// All names.
    pub fn names(&self) -> Vec<String> {
        self.file().names().into_iter().map(str::to_owned).collect()
    }

    /// A tensor of floats.
    pub fn tensor<E: Element>(&self, name: &str) -> Tensor<E> {
        let file = self.file();
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let values: Vec<E> = match view.dtype() {
            Dtype::F64 => chunks(view.data(), f64::from_le_bytes).map(E::from_f64).collect(),
            Dtype::F32 => chunks(view.data(), f32::from_le_bytes).map(|x| E::from_f64(x.into())).collect(),
            other => panic!("{name}: {other:?}"),
        };
        Tensor::from_vec(values, view.shape())
    }

    /// An array of ids.
    pub fn ids(&self, name: &str) -> Ids {
        let file = self.file();
        let view = file.tensor(name).unwrap();
        assert_eq!(view.dtype(), Dtype::U32, "{name}");
        Ids::new(chunks(view.data(), u32::from_le_bytes).collect(), view.shape())
    }

    /// An array of booleans.
    pub fn bools(&self, name: &str) -> Bools {
        let file = self.file();
        let view = file.tensor(name).unwrap();
        assert_eq!(view.dtype(), Dtype::BOOL, "{name}");
        Bools::new(view.data().iter().map(|byte| *byte != 0).collect(), view.shape())
    }

    /// All tensors below `prefix`, by the rest of their name.
    pub fn below<E: Element>(&self, prefix: &str) -> BTreeMap<String, Tensor<E>> {
        let inside = |name: &String| Some((name.strip_prefix(prefix)?.to_owned(), self.tensor(name)));
        self.names().iter().filter_map(inside).collect()
    }

    /// Sets every parameter of a model to the tensor of its path below `prefix`; panics if one is missing or
    /// one is left over.
    pub fn load<E: Element>(&self, prefix: &str, model: &mut impl Module<E>) {
        let mut values = self.below::<E>(prefix);
        for (path, param) in model.parameters_mut() {
            param.set(values.remove(&path).unwrap_or_else(|| panic!("no {prefix}{path}")));
        }
        assert!(values.is_empty(), "no parameter for {:?}", values.keys());
    }
}

fn chunks<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> impl Iterator<Item = T> {
    bytes.as_chunks::<N>().0.iter().map(move |chunk| read(*chunk))
}

/// Panics unless the tensors agree to `relative` times the largest value of `expected`.
#[track_caller]
pub fn assert_close<E: Element>(what: &str, found: &Tensor<E>, expected: &Tensor<E>, relative: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let size = expected.to_vec().iter().fold(1e-3_f64, |size, x| size.max(x.to_f64().abs()));
    let difference = found.max_abs_diff(expected);
    assert!(difference <= relative * size, "{what}: differs by {difference:e}, values up to {size:e}");
}
