//! Attention of decoders and copying beside their equations in PyTorch, forward and backward.

use std::collections::BTreeMap;
use std::path::Path;

use autograd::Var;
use nn::weights::WeightsFile;
use nn::{Linear, Mode, Module};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tensor::{Ids, Tensor};

use crate::{
    CoverageAttention, LocalAttention, Mask, Score, ScoreKind, SourceAttention, copy_log_probs,
    coverage_loss, normalise,
};

/// Valid keys of the sources, of 5 there are.
const LENGTHS: [usize; 3] = [5, 3, 1];

/// One case of `seq2seq.safetensors`; see `fixtures/goldens/README.md`.
struct Case {
    file: WeightsFile,
    name: &'static str,
}

impl Case {
    fn open(name: &'static str) -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/seq2seq.safetensors");
        Self { file: WeightsFile::open(Path::new(path)).unwrap(), name }
    }

    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}", self.name)
    }

    fn tensor(&self, kind: &str, name: &str) -> Tensor<f64> {
        self.file.tensor(&self.key(kind, name)).unwrap()
    }

    fn inputs<const N: usize>(&self, names: [&str; N]) -> [Var<f64>; N] {
        names.map(|name| Var::leaf(self.tensor("input", name)))
    }

    fn ids(&self, name: &str) -> Ids {
        self.file.ids(&self.key("input", name)).unwrap()
    }

    /// Sets every parameter to the tensor of its path, and each tensor is used.
    fn load(&self, model: &mut impl Module<f64>) {
        let prefix = self.key("param", "");
        let all = self.file.tensors();
        let names = all.iter().filter_map(|(name, _)| name.strip_prefix(&prefix));
        let mut values: BTreeMap<&str, Tensor<f64>> =
            names.map(|name| (name, self.tensor("param", name))).collect();
        for (path, param) in model.parameters_mut() {
            param.set(values.remove(&*path).unwrap_or_else(|| panic!("no {prefix}{path}")));
        }
        assert!(values.is_empty(), "{}: no parameter for {:?}", self.name, values.keys());
    }

    fn assert_close(&self, kind: &str, name: &str, found: &Tensor<f64>) {
        let expected = self.tensor(kind, name);
        assert_eq!(found.shape(), expected.shape(), "{} {kind} {name}", self.name);
        let difference = found.max_abs_diff(&expected);
        assert!(difference < 1e-12, "{} {kind} {name}: differs by {difference:e}", self.name);
    }

    /// [`check`](Self::check) of several outputs, one behind the other.
    fn check_joined(&self, outputs: &[Var<f64>], model: &impl Module<f64>, inputs: &[(&str, &Var<f64>)]) {
        let rows: Vec<Var<f64>> = outputs.iter().map(|output| output.flatten(0, -1)).collect();
        self.check(&Var::concat(&rows.iter().collect::<Vec<_>>(), 0), model, inputs);
    }

    /// Compares `y`, and the gradients of every parameter and of the inputs, which are all that the file has.
    fn check(&self, y: &Var<f64>, model: &impl Module<f64>, inputs: &[(&str, &Var<f64>)]) {
        self.assert_close("output", "y", y.value());
        let grads = y.backward_from(&self.tensor("upstream", "y")).unwrap();
        let params = model.parameters();
        let params = params.iter().map(|(path, param)| (path.as_str(), param.var()));
        let all: Vec<_> = params.chain(inputs.iter().copied()).collect();
        let recorded =
            self.file.tensors().iter().filter(|(name, _)| name.starts_with(&self.key("grad", ""))).count();
        assert_eq!(all.len(), recorded, "{}: gradients compared", self.name);
        for (name, var) in all {
            self.assert_close("grad", name, grads.get(var).unwrap());
        }
    }
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

#[test]
fn attention_with_each_score_equals_its_equations() {
    let kinds = [
        ("additive", ScoreKind::Additive),
        ("general", ScoreKind::General),
        ("concat", ScoreKind::Concat),
        ("dot", ScoreKind::Dot),
        ("scaled_dot", ScoreKind::ScaledDot),
    ];
    for (name, kind) in kinds {
        let case = Case::open(name);
        let [q, k] = case.inputs(["q", "k"]);
        let mut score = Score::new(kind, q.dim(-1), k.dim(-1), 7, &mut rng()).unwrap();
        case.load(&mut score);
        let attention = SourceAttention::new(score, 0.0).unwrap();
        let source = attention.source(&k, Mask::lengths(&LENGTHS));
        let out = attention.forward(&q, &source, &mut Mode::Eval);
        case.check_joined(&[out.context, out.weights], &attention.score, &[("q", &q), ("k", &k)]);
    }
}

#[test]
fn local_attention_equals_its_equations() {
    let score = |q: &Var<f64>, k: &Var<f64>| {
        Score::new(ScoreKind::General, q.dim(-1), k.dim(-1), 0, &mut rng()).unwrap()
    };
    let check = |case: &Case, mut local: LocalAttention<f64>, q: &Var<f64>, k: &Var<f64>, first: usize| {
        case.load(&mut local);
        let out = local.forward(q, &local.source(k, Mask::none()), &LENGTHS, first);
        case.check_joined(&[out.context, out.weights], &local, &[("q", q), ("k", k)]);
    };
    let case = Case::open("local_monotonic");
    let [q, k] = case.inputs(["q", "k"]);
    check(&case, LocalAttention::monotonic(score(&q, &k), 1).unwrap(), &q, &k, 1);
    let case = Case::open("local");
    let [q, k] = case.inputs(["q", "k"]);
    let predictive = LocalAttention::predictive(score(&q, &k), q.dim(-1), 7, 2, &mut rng()).unwrap();
    check(&case, predictive, &q, &k, 0);
}

/// Two steps with the same query.
#[test]
fn coverage_equals_its_equations() {
    let case = Case::open("coverage");
    let [q, k] = case.inputs(["q", "k"]);
    let mut attention = CoverageAttention::new(q.dim(-1), k.dim(-1), 7, &mut rng()).unwrap();
    case.load(&mut attention);
    let source = attention.source(&k, Mask::lengths(&LENGTHS));
    let (mut coverage, mut outputs) = (attention.start(&source), Vec::new());
    for _ in 0..2 {
        let (out, after) = attention.forward(&q.select(1, 0), &source, &coverage);
        let loss = coverage_loss(&out.weights.squeeze(1), &coverage);
        outputs.extend([out.context, loss]);
        coverage = after;
    }
    outputs.push(coverage);
    case.check_joined(&outputs, &attention, &[("q", &q), ("k", &k)]);
}

#[test]
fn copying_equals_its_equations() {
    let case = Case::open("copy");
    let [logits, scores, context, state, x] = case.inputs(["logits", "scores", "context", "state", "x"]);
    let features = Var::concat(&[&context, &state, &x], -1);
    let mut gate = Linear::new(features.dim(-1), 1, true, &mut rng()).unwrap();
    case.load(&mut gate);
    let generate = gate.forward(&features).sigmoid(); // (batch, 1)
    let weights = normalise(&scores.unsqueeze(1), &Mask::lengths(&LENGTHS)).squeeze(1); // (batch, key)
    let p = copy_log_probs(&logits, &generate, &weights, &case.ids("source"), 9); // (batch, extended)
    case.assert_close("output", "p", &p.value().map(f64::exp));
    let y = p.gather(-1, &case.ids("target"));
    let inputs =
        [("logits", &logits), ("scores", &scores), ("context", &context), ("state", &state), ("x", &x)];
    case.check(&y, &gate, &inputs);
}
