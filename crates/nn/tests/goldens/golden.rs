//! Reading the numbers PyTorch computed (`fixtures/goldens/README.md`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use autograd::{Gradients, Var};
use nn::weights::WeightsFile;
use nn::{Module, Param};
use tensor::{Bools, Element, Ids, Tensor};

/// A file of the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens").join(name)
}

/// The cases of one golden file and their settings.
pub(crate) struct Golden {
    file: WeightsFile,
    settings: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        let file = WeightsFile::open(&fixture(name)).unwrap();
        let settings = serde_json::from_str(&file.metadata()["cases"]).unwrap();
        Self { file, settings }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.settings.keys().cloned().collect()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.file.tensors().iter().any(|(name, _)| name == key)
    }

    pub(crate) fn tensor<E: Element>(&self, key: &str) -> Tensor<E> {
        self.file.tensor(key).unwrap()
    }

    pub(crate) fn case<'g>(&'g self, name: &'g str) -> Case<'g> {
        assert!(self.settings.contains_key(name), "no case {name}");
        Case { golden: self, name }
    }
}

/// One case: what went in, came out and flowed back.
#[derive(Clone, Copy)]
pub(crate) struct Case<'g> {
    golden: &'g Golden,
    pub(crate) name: &'g str,
}

impl Case<'_> {
    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}", self.name)
    }

    pub(crate) fn setting(&self, name: &str) -> Option<&serde_json::Value> {
        self.golden.settings[self.name].get(name)
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.setting(name)
            .and_then(serde_json::Value::as_f64)
            .unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }

    /// An input as a variable whose gradient is wanted.
    pub(crate) fn leaf<E: Element>(&self, name: &str) -> Var<E> {
        Var::leaf(self.input(name))
    }

    pub(crate) fn input<E: Element>(&self, name: &str) -> Tensor<E> {
        self.golden.tensor(&self.key("input", name))
    }

    pub(crate) fn ids(&self, name: &str) -> Ids {
        self.golden.file.ids(&self.key("input", name)).unwrap()
    }

    /// Signs or zeros and ones as booleans.
    pub(crate) fn bools(&self, name: &str) -> Bools {
        let numbers = self.input::<f64>(name);
        Bools::new(numbers.to_vec().iter().map(|x| *x > 0.0).collect(), numbers.shape())
    }

    pub(crate) fn param<E: Element>(&self, name: &str) -> Param<E> {
        Param::new(self.golden.tensor(&self.key("param", name)))
    }

    pub(crate) fn has_param(&self, name: &str) -> bool {
        self.golden.has(&self.key("param", name))
    }

    /// Compares the output and the gradients of the named variables.
    pub(crate) fn check<E: Element>(&self, y: &Var<E>, wanted: &[(&str, &Var<E>)]) {
        let upstream = self.golden.tensor::<E>(&self.key("upstream", "y"));
        close(&format!("{} output", self.name), y.value(), &self.golden.tensor(&self.key("output", "y")));
        let grads = y.backward_from(&upstream).unwrap();
        for (name, var) in wanted {
            self.check_gradient(&grads, name, var);
        }
        let compared = wanted.len();
        let prefix = self.key("grad", "");
        let kept = self.golden.file.tensors().iter().filter(|(key, _)| key.starts_with(&prefix)).count();
        assert_eq!(compared, kept, "{}: gradients compared", self.name);
    }

    /// Compares output and gradients of inputs and of all parameters of a layer.
    pub(crate) fn check_layer<E: Element>(
        &self,
        y: &Var<E>,
        layer: &dyn Module<E>,
        inputs: &[(&str, &Var<E>)],
    ) {
        let params = layer.parameters();
        let mut wanted: Vec<(&str, &Var<E>)> =
            params.iter().map(|(path, p)| (path.as_str(), p.var())).collect();
        wanted.extend(inputs);
        self.check(y, &wanted);
    }

    fn check_gradient<E: Element>(&self, grads: &Gradients<E>, name: &str, var: &Var<E>) {
        let gradient = grads.get(var).unwrap_or_else(|| panic!("{}: no gradient of {name}", self.name));
        close(
            &format!("{} gradient of {name}", self.name),
            gradient,
            &self.golden.tensor(&self.key("grad", name)),
        );
    }
}

/// Equal up to rounding: 1e-4 in f32, 1e-9 in f64, relative to the largest value.
pub(crate) fn close<E: Element>(what: &str, found: &Tensor<E>, expected: &Tensor<E>) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    // PyTorch computes hard sigmoid and hard swish with a constant 1/6 in single precision, off by 3e-8.
    let rounded = what.starts_with("hardsigmoid") || what.starts_with("hardswish");
    let tolerance = if E::NAME == "f32" {
        1e-4
    } else if rounded {
        1e-7
    } else {
        1e-9
    };
    let scale = expected.to_vec().iter().fold(1e-3, |m: f64, x| m.max(x.to_f64().abs()));
    let error = found.max_abs_diff(expected) / scale;
    assert!(error < tolerance, "{what}: relative error {error:e}\nfound {found:?}\nexpected {expected:?}");
}
