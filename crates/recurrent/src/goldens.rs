//! Recurrent cells and layers and sequence-to-sequence models beside PyTorch.

use std::collections::BTreeMap;

use crate::shapes::{self, Pool};
use crate::{
    Cell, CoupledLstmCell, Gru, GruCell, LayerNormLstmCell, Lstm, LstmCell, LstmState, NewCell, Nonlinearity,
    Normalised, NormalisedMemory, Peephole, ProjectedLstm, Reset, Rnn, RnnCell, Seq2Seq, Seq2SeqConfig,
    Stack, StackConfig, State, Teacher,
};
use autograd::Var;
use nn::optim::{Adam, Optim, Optimizer};
use nn::weights::WeightsFile;
use nn::{CrossEntropy, Linear, Mode, Module};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tensor::{Ids, Tensor};

const INPUT: usize = 4;
const HIDDEN: usize = 5;

/// A file of golden numbers; see `fixtures/goldens/README.md`.
struct Golden {
    file: WeightsFile,
    settings: serde_json::Value,
}

impl Golden {
    fn open(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens");
        let file = WeightsFile::open(&std::path::Path::new(folder).join(name)).unwrap();
        let settings = serde_json::from_str(&file.metadata()["cases"]).unwrap();
        Self { file, settings }
    }

    fn tensor(&self, key: &str) -> Tensor<f64> {
        self.file.tensor(key).unwrap()
    }

    /// What there is below `prefix`, by the rest of the name.
    fn below(&self, prefix: &str) -> BTreeMap<String, Tensor<f64>> {
        let all = self.file.tensors();
        let names = all.iter().filter_map(|(name, _)| name.strip_prefix(prefix));
        names.map(|name| (name.to_owned(), self.tensor(&format!("{prefix}{name}")))).collect()
    }

    /// Sets every parameter to the tensor of its path below `prefix`, and each tensor is used.
    fn load(&self, prefix: &str, model: &mut impl Module<f64>) {
        let mut values = self.below(prefix);
        for (path, param) in model.parameters_mut() {
            param.set(values.remove(&path).unwrap_or_else(|| panic!("no {prefix}{path}")));
        }
        assert!(values.is_empty(), "no parameter for {:?}", values.keys());
    }
}

#[track_caller]
fn assert_close(what: &str, found: &Tensor<f64>, expected: &Tensor<f64>, relative: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let size = expected.to_vec().iter().fold(1e-3_f64, |size, x| size.max(x.abs()));
    let difference = found.max_abs_diff(expected);
    assert!(difference <= relative * size, "{what}: differs by {difference:e}, values up to {size:e}");
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

/// One case of the golden file.
#[derive(Clone, Copy)]
struct Case<'g> {
    golden: &'g Golden,
    name: &'g str,
}

impl Case<'_> {
    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}", self.name)
    }

    fn input(&self, name: &str) -> Var<f64> {
        Var::leaf(self.golden.tensor(&self.key("input", name)))
    }

    fn load(&self, model: &mut impl Module<f64>) {
        self.golden.load(&self.key("param", ""), model);
    }

    /// Compares all outputs in one row, and the gradients of every parameter and of the inputs.
    fn check(&self, outputs: &[Var<f64>], model: &impl Module<f64>, inputs: &[(&str, &Var<f64>)]) {
        let rows: Vec<Var<f64>> = outputs.iter().map(|output| output.flatten(0, -1)).collect();
        let y = Var::concat(&rows.iter().collect::<Vec<_>>(), 0);
        assert_close(self.name, y.value(), &self.golden.tensor(&self.key("output", "y")), 1e-9);
        let grads = y.backward_from(&self.golden.tensor(&self.key("upstream", "y"))).unwrap();
        let expected = self.golden.below(&self.key("grad", ""));
        let params = model.parameters();
        let params = params.iter().map(|(path, param)| (path.as_str(), param.var()));
        let all: Vec<_> = params.chain(inputs.iter().copied()).collect();
        assert_eq!(all.len(), expected.len(), "{}: gradients compared", self.name);
        for (name, var) in all {
            let gradient = grads.get(var).unwrap_or_else(|| panic!("{}: no gradient of {name}", self.name));
            assert_close(&format!("{} {name}", self.name), gradient, &expected[name], 1e-9);
        }
    }

    fn check_simple<C: Cell<f64, State = Var<f64>> + Module<f64>>(&self, mut cell: C) {
        self.load(&mut cell);
        let (x, h) = (self.input("x"), self.input("h"));
        self.check(&[cell.step(&x, &h)], &cell, &[("x", &x), ("h", &h)]);
    }

    fn check_lstm<C: Cell<f64, State = LstmState<f64>> + Module<f64>>(&self, mut cell: C) {
        self.load(&mut cell);
        let (x, h, c) = (self.input("x"), self.input("h"), self.input("c"));
        let next = cell.step(&x, &LstmState { h: h.clone(), c: c.clone() });
        self.check(&[next.h, next.c], &cell, &[("x", &x), ("h", &h), ("c", &c)]);
    }

    fn config(&self, hidden: usize) -> StackConfig {
        let settings = &self.golden.settings[self.name];
        StackConfig {
            layers: settings["layers"].as_u64().unwrap() as usize,
            bidirectional: settings["bidirectional"] == true,
            bias: settings["bias"] == true,
            ..StackConfig::new(INPUT, hidden)
        }
    }

    /// A layer from given states; `state` makes one from `h` and, for an LSTM, `c`.
    fn check_stack<C: Cell<f64> + Module<f64>>(
        &self,
        mut stack: Stack<C>,
        state: impl Fn(Var<f64>, Option<Var<f64>>) -> C::State,
        memory: impl Fn(&C::State) -> Option<Var<f64>>,
    ) {
        self.load(&mut stack);
        let (x, h) = (self.input("x"), self.input("h"));
        let c = self.golden.below("").contains_key(&self.key("input", "c")).then(|| self.input("c"));
        let count = stack.cells().len();
        let start: Vec<C::State> =
            (0..count).map(|i| state(h.select(0, i), c.as_ref().map(|c| c.select(0, i)))).collect();
        let lengths: Option<Vec<usize>> = self.golden.settings[self.name]["lengths"]
            .as_array()
            .map(|lengths| lengths.iter().map(|l| l.as_u64().unwrap() as usize).collect());
        let out = stack.forward(&x, Some(&start), lengths.as_deref(), &mut Mode::Eval);
        let mut outputs = vec![out.y];
        outputs.extend(out.state.iter().map(|state| state.hidden().clone()));
        outputs.extend(out.state.iter().filter_map(memory));
        let mut inputs = vec![("x", &x), ("h", &h)];
        inputs.extend(c.iter().map(|c| ("c", c)));
        self.check(&outputs, &stack, &inputs);
    }

    /// Ten steps of training, from the losses' weights and on their batches.
    fn check_training<C: Cell<f64> + NewCell<f64> + Module<f64>>(&self) {
        let settings = &self.golden.settings[self.name];
        let bidirectional = settings["bidirectional"] == true;
        let config = Seq2SeqConfig {
            encoder_hidden: if bidirectional { 3 } else { 6 },
            bidirectional,
            layers: settings["layers"].as_u64().unwrap() as usize,
            attention: serde_json::from_value(settings["attention"].clone()).unwrap(),
            attentional: settings["attentional"] == true,
            input_feeding: settings["input_feeding"] == true,
            bridge: serde_json::from_value(settings["bridge"].clone()).unwrap(),
            ..Seq2SeqConfig::new(7, 8, 4, 6)
        };
        let mut model = Seq2Seq::<f64, C>::new(&config, &mut rng()).unwrap();
        self.load(&mut model);
        let ids = |name: &str| self.golden.file.ids(&self.key("input", name)).unwrap();
        let [source, lengths, target, next] = ["source", "lengths", "target", "next"].map(ids);
        let losses = self.golden.tensor(&self.key("output", "losses")).to_vec();
        let options = CrossEntropy { label_smoothing: 0.1, ignore_index: Some(0), ..CrossEntropy::default() };
        let mut adam = Optim::new(Adam::default()).unwrap();
        for (step, expected) in losses.iter().enumerate() {
            let batch = |ids: &Ids| Ids::new(ids.row(step).to_vec(), &ids.shape()[1..]);
            let lengths: Vec<usize> = batch(&lengths).data().iter().map(|length| *length as usize).collect();
            let (source, target, next) = (batch(&source), batch(&target), batch(&next));
            let (teacher, mode) = (Teacher::Forcing, &mut Mode::Eval);
            let loss = model.loss(&source, &lengths, &target, &next, &options, teacher, mode).unwrap();
            let found = loss.item();
            assert!((found - expected).abs() < 1e-7, "{} step {step}: {found}, not {expected}", self.name);
            let grads = model.backward(&loss).unwrap();
            adam.step(&mut model, &grads, 0.01).unwrap();
        }
    }
}

fn golden() -> Golden {
    Golden::open("recurrent.safetensors")
}

#[test]
fn cells_equal_pytorchs() {
    let golden = golden();
    let case = |name| Case { golden: &golden, name };
    let rnn = |f, bias| RnnCell::new(INPUT, HIDDEN, f, bias, &mut rng()).unwrap();
    case("cell_rnn_tanh").check_simple(rnn(Nonlinearity::Tanh, true));
    case("cell_rnn_relu").check_simple(rnn(Nonlinearity::Relu, true));
    case("cell_rnn_no_bias").check_simple(rnn(Nonlinearity::Tanh, false));
    case("cell_gru").check_simple(GruCell::new(INPUT, HIDDEN, Reset::After, true, &mut rng()).unwrap());
    case("cell_lstm").check_lstm(LstmCell::new(INPUT, HIDDEN, true, &mut rng()).unwrap());
}

#[test]
fn variants_equal_their_equations() {
    let golden = golden();
    let case = |name| Case { golden: &golden, name };
    let before = GruCell::new(INPUT, HIDDEN, Reset::Before, true, &mut rng()).unwrap();
    case("variant_reset_before").check_simple(before);
    let lstm = || LstmCell::new(INPUT, HIDDEN, true, &mut rng()).unwrap();
    case("variant_peephole").check_lstm(Peephole::new(lstm(), &mut rng()));
    let coupled = CoupledLstmCell::new(INPUT, HIDDEN, true, &mut rng()).unwrap();
    case("variant_coupled_peephole").check_lstm(Peephole::new(coupled, &mut rng()));
    let normalised: LayerNormLstmCell<f64> = Normalised::new(NormalisedMemory::new(lstm()));
    case("variant_layer_norm").check_lstm(normalised);
}

/// Two parts of one model.
struct Pair<A, B> {
    first: A,
    second: B,
}

impl<A: Module<f64>, B: Module<f64>> Module<f64> for Pair<A, B> {
    fn visit<'a>(&'a self, path: &mut nn::Path, visitor: &mut nn::Visitor<'_, 'a, f64>) {
        path.scope("first", |path| self.first.visit(path, visitor));
        path.scope("second", |path| self.second.visit(path, visitor));
    }

    fn visit_mut<'a>(&'a mut self, path: &mut nn::Path, visitor: &mut nn::VisitorMut<'_, 'a, f64>) {
        path.scope("first", |path| self.first.visit_mut(path, visitor));
        path.scope("second", |path| self.second.visit_mut(path, visitor));
    }
}

#[test]
fn shapes_equal_models_put_together_in_pytorch() {
    let golden = golden();
    let case = |name| Case { golden: &golden, name };
    let (lengths, mode) = ([3, 5, 1], &mut Mode::Eval);
    let config =
        |layers, bidirectional| StackConfig { layers, bidirectional, ..StackConfig::new(INPUT, HIDDEN) };

    let one_to_one = case("shape_one_to_one");
    let mut cell = GruCell::new(INPUT, HIDDEN, Reset::After, true, &mut rng()).unwrap();
    one_to_one.load(&mut cell);
    let x = one_to_one.input("x");
    one_to_one.check(&[shapes::one_to_one(&cell, &x)], &cell, &[("x", &x)]);

    let one_to_many = case("shape_one_to_many");
    let first = RnnCell::new(INPUT, HIDDEN, Nonlinearity::Tanh, true, &mut rng()).unwrap();
    let mut pair = Pair { first, second: Linear::new(HIDDEN, INPUT, true, &mut rng()).unwrap() };
    one_to_many.load(&mut pair);
    let x = one_to_many.input("x");
    let y = shapes::one_to_many(&pair.first, &x, 4, |h| pair.second.forward(h));
    one_to_many.check(&[y], &pair, &[("x", &x)]);

    let many_to_one = case("shape_many_to_one");
    let mut lstm = Lstm::new(config(2, true), &mut rng()).unwrap();
    many_to_one.load(&mut lstm);
    let x = many_to_one.input("x");
    let pooled =
        [Pool::Last, Pool::Mean, Pool::Max].map(|pool| shapes::many_to_one(&lstm, &x, &lengths, pool, mode));
    many_to_one.check(&pooled, &lstm, &[("x", &x)]);

    let many_to_many = case("shape_many_to_many");
    let mut gru = Gru::new(config(1, true), &mut rng()).unwrap();
    many_to_many.load(&mut gru);
    let x = many_to_many.input("x");
    many_to_many.check(&[shapes::many_to_many(&gru, &x, &lengths, mode)], &gru, &[("x", &x)]);

    let many_to_others = case("shape_many_to_others");
    let lstm = || Lstm::new(config(1, false), &mut rng()).unwrap();
    let mut pair = Pair { first: lstm(), second: lstm() };
    many_to_others.load(&mut pair);
    let (x, target) = (many_to_others.input("x"), many_to_others.input("target"));
    let y = shapes::many_to_others(&pair.first, &pair.second, &x, &lengths, &target, mode);
    many_to_others.check(&[y], &pair, &[("x", &x), ("target", &target)]);
}

#[test]
fn layers_equal_pytorchs() {
    let golden = golden();
    let cases = golden.settings.as_object().unwrap();
    let layers: Vec<&String> = cases.keys().filter(|name| cases[*name]["layers"].is_u64()).collect();
    assert_eq!(layers.len(), 4 * 4 + 1);
    for name in layers {
        let case = Case { golden: &golden, name };
        let simple = |h, _: Option<Var<f64>>| h;
        let lstm = |h, c: Option<Var<f64>>| LstmState { h, c: c.unwrap() };
        let memory = |state: &LstmState<f64>| Some(state.c.clone());
        if name.starts_with("rnn") {
            let f = if name.starts_with("rnn_relu") { Nonlinearity::Relu } else { Nonlinearity::Tanh };
            let stack = Rnn::with_nonlinearity(case.config(HIDDEN), f, &mut rng()).unwrap();
            case.check_stack(stack, simple, |_| None);
        } else if name.starts_with("gru") {
            case.check_stack(Gru::new(case.config(HIDDEN), &mut rng()).unwrap(), simple, |_| None);
        } else if name.starts_with("lstm_projected") {
            let stack = ProjectedLstm::projected(case.config(2), HIDDEN, &mut rng()).unwrap();
            case.check_stack(stack, lstm, memory);
        } else {
            case.check_stack(Lstm::new(case.config(HIDDEN), &mut rng()).unwrap(), lstm, memory);
        }
    }
}

#[test]
fn ten_steps_of_training_have_pytorchs_losses() {
    let golden = Golden::open("seq2seq.safetensors");
    let cases: Vec<&String> =
        golden.settings.as_object().unwrap().keys().filter(|name| name.starts_with("training")).collect();
    assert_eq!(cases.len(), 6);
    for name in cases {
        let case = Case { golden: &golden, name };
        match golden.settings[name]["cell"].as_str().unwrap() {
            "LSTM" => case.check_training::<LstmCell<f64>>(),
            "GRU" => case.check_training::<GruCell<f64>>(),
            "RNN" => case.check_training::<RnnCell<f64>>(),
            other => panic!("{name}: no cell {other}"),
        }
    }
}

/// A module saved by `safetensors.torch.save_file(module.state_dict(), ..)` loads as it is.
#[test]
fn state_dicts_of_pytorch_load() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/state_dict");
    let outputs = WeightsFile::open(&folder.join("outputs.safetensors")).unwrap();
    let config = |layers, bidirectional| StackConfig { layers, bidirectional, ..StackConfig::new(5, 7) };
    fn check<C: Cell<f32> + Module<f32>>(
        (folder, outputs): (&std::path::Path, &WeightsFile),
        kind: &str,
        mut stack: Stack<C>,
        memory: impl Fn(&C::State) -> Option<Var<f32>>,
    ) {
        nn::weights::load(&mut stack, &folder.join(format!("{kind}.safetensors"))).unwrap();
        let tensor = |name: &str| outputs.tensor::<f32>(&format!("{kind}/{name}")).unwrap();
        let out = stack.forward(&Var::constant(tensor("x")), None, None, &mut Mode::Eval);
        let below = |parts: &[Var<f32>]| Var::stack(&parts.iter().collect::<Vec<_>>(), 0);
        let h: Vec<Var<f32>> = out.state.iter().map(|state| state.hidden().clone()).collect();
        let c: Vec<Var<f32>> = out.state.iter().filter_map(memory).collect();
        let mut found = vec![("y", out.y), ("h", below(&h))];
        found.extend((!c.is_empty()).then(|| ("c", below(&c))));
        for (name, found) in found {
            let difference = found.value().max_abs_diff(&tensor(name));
            assert!(difference < 1e-6, "{kind} {name}: differs by {difference:e}");
        }
    }
    let from = (&*folder, &outputs);
    check(from, "lstm", Lstm::new(config(2, true), &mut rng()).unwrap(), |state| Some(state.c.clone()));
    check(from, "gru", Gru::new(config(2, true), &mut rng()).unwrap(), |_| None);
    check(from, "rnn", Rnn::new(config(3, false), &mut rng()).unwrap(), |_| None);
    // A layer of another size says so.
    let mut wider = Gru::<f32>::new(StackConfig { hidden: 8, ..config(2, true) }, &mut rng()).unwrap();
    assert!(nn::weights::load(&mut wider, &folder.join("gru.safetensors")).is_err());
}
