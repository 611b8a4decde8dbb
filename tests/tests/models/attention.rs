//! Attention and the Transformer's layers beside PyTorch, forward and backward.

use attention::{Mask, MultiHeadAttention};
use autograd::Var;
use nn::{Activation, LayerNorm, Mode, Module};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use transformer::{Decoder, DecoderLayer, Encoder, EncoderLayer, NormPosition, TransformerConfig};
use workspace_tests::{Golden, assert_close};

const TOLERANCE: f64 = 1e-9;

/// One case of the golden file.
struct Case<'g> {
    golden: &'g Golden,
    name: &'g str,
}

impl Case<'_> {
    fn input(&self, name: &str) -> Var<f64> {
        Var::leaf(self.golden.tensor(&format!("{}/input/{name}", self.name)))
    }

    fn load(&self, model: &mut impl Module<f64>) {
        self.golden.load(&format!("{}/param/", self.name), model);
    }

    fn setting(&self, name: &str) -> &serde_json::Value {
        &self.golden.settings()[self.name][name]
    }

    /// The valid keys of each batch item; in these cases padding is always at the end.
    fn padding(&self, keep: &str) -> Mask {
        let keep = self.golden.bools(&format!("{}/input/{keep}", self.name)); // (batch, time)
        let rows = keep.data().chunks(keep.shape()[1]);
        let lengths: Vec<usize> = rows.clone().map(|row| row.iter().filter(|keep| **keep).count()).collect();
        assert!(rows.zip(&lengths).all(|(row, length)| row[..*length].iter().all(|keep| *keep)));
        Mask::lengths(&lengths)
    }

    fn has(&self, input: &str) -> bool {
        self.golden.names().contains(&format!("{}/input/{input}", self.name))
    }

    fn config(&self) -> TransformerConfig {
        TransformerConfig {
            d_model: 10,
            heads: 2,
            d_ff: 13,
            encoder_layers: 2,
            decoder_layers: 2,
            dropout: 0.0,
            activation: if self.setting("activation") == "gelu" {
                Activation::Gelu
            } else {
                Activation::Relu
            },
            norm: if self.setting("norm_first") == true { NormPosition::Pre } else { NormPosition::Post },
            eps: self.setting("eps").as_f64().unwrap(),
        }
    }

    /// Compares output, input gradients and parameter gradients.
    fn compare(&self, y: &Var<f64>, inputs: &[(&str, &Var<f64>)], model: &impl Module<f64>) {
        let expected =
            |kind: &str, name: &str| self.golden.tensor::<f64>(&format!("{}/{kind}/{name}", self.name));
        assert_close(self.name, y.value(), &expected("output", "y"), TOLERANCE);
        let grads = y.backward_from(&expected("upstream", "y")).unwrap();
        for (name, input) in inputs {
            assert_close(name, grads.get(input).unwrap(), &expected("grad", name), TOLERANCE);
        }
        for (path, param) in model.parameters() {
            assert_close(&path, grads.get(param.var()).unwrap(), &expected("grad", &path), TOLERANCE);
        }
    }
}

fn each_case(prefix: &str, check: impl Fn(Case<'_>)) {
    let golden = Golden::open("attention", "cases");
    let cases: Vec<String> = golden.settings().as_object().unwrap().keys().cloned().collect();
    let chosen: Vec<&String> = cases.iter().filter(|name| name.starts_with(prefix)).collect();
    assert!(!chosen.is_empty());
    chosen.into_iter().for_each(|name| check(Case { golden: &golden, name }));
}

#[test]
fn encoder_layers_match_pytorch() {
    each_case("encoder_layer", |case| {
        let mut layer = EncoderLayer::new(&case.config(), &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        case.load(&mut layer);
        let src = case.input("src");
        let y = layer.forward(&src, &case.padding("src_keep"), &mut Mode::Eval);
        case.compare(&y, &[("src", &src)], &layer);
    });
}

#[test]
fn decoder_layers_match_pytorch() {
    each_case("decoder_layer", |case| {
        let mut layer = DecoderLayer::new(&case.config(), &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        case.load(&mut layer);
        let (tgt, memory) = (case.input("tgt"), case.input("memory"));
        let mask = Mask::causal().and(&case.padding("tgt_keep"));
        let y = layer.forward(&tgt, &memory, &mask, &case.padding("memory_keep"), &mut Mode::Eval);
        case.compare(&y, &[("tgt", &tgt), ("memory", &memory)], &layer);
    });
}

/// Encoder and decoder together, as PyTorch's `nn.Transformer` names them.
struct Both {
    encoder: Encoder<f64>,
    decoder: Decoder<f64>,
}

impl Module<f64> for Both {
    fn visit<'a>(&'a self, path: &mut nn::Path, visitor: &mut nn::Visitor<'_, 'a, f64>) {
        path.scope("encoder", |path| self.encoder.visit(path, visitor));
        path.scope("decoder", |path| self.decoder.visit(path, visitor));
    }
    fn visit_mut<'a>(&'a mut self, path: &mut nn::Path, visitor: &mut nn::VisitorMut<'_, 'a, f64>) {
        path.scope("encoder", |path| self.encoder.visit_mut(path, visitor));
        path.scope("decoder", |path| self.decoder.visit_mut(path, visitor));
    }
}

#[test]
fn multi_head_attention_matches_pytorch() {
    each_case("mha", |case| {
        let mut layer = MultiHeadAttention::new(10, 2, 0.0, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        case.load(&mut layer);
        let causal = if case.has("attn_mask") { Mask::causal() } else { Mask::none() };
        let mask = if case.has("key_mask") { causal.and(&case.padding("key_mask")) } else { causal };
        let query = case.input("query");
        if case.has("key") {
            let (key, value) = (case.input("key"), case.input("value"));
            let y = layer.forward_query_key_value(&query, &key, &value, &mask, &mut Mode::Eval);
            case.compare(&y, &[("query", &query), ("key", &key), ("value", &value)], &layer);
        } else {
            let weights = case.golden.tensor::<f64>(&format!("{}/output/weights", case.name));
            assert_close("weights", layer.weights(&query, &query, &mask).value(), &weights, TOLERANCE);
            let y = layer.forward(&query, &mask, &mut Mode::Eval);
            case.compare(&y, &[("query", &query)], &layer);
        }
    });
}

#[test]
fn the_encoder_decoder_matches_pytorch() {
    each_case("transformer", |case| {
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        let config = case.config();
        let mut both = Both {
            encoder: Encoder::new(&config, rng).unwrap(),
            decoder: Decoder::new(&config, rng).unwrap(),
        };
        // PyTorch ends both stacks in a norm, with post-norm layers too.
        both.encoder.norm = Some(LayerNorm::new(10).unwrap());
        both.decoder.norm = Some(LayerNorm::new(10).unwrap());
        case.load(&mut both);
        let (src, tgt) = (case.input("src"), case.input("tgt"));
        let src_mask = case.padding("src_keep");
        let memory = both.encoder.forward(&src, &src_mask, &mut Mode::Eval);
        let mask = Mask::causal().and(&case.padding("tgt_keep"));
        let y = both.decoder.forward(&tgt, &memory, &mask, &src_mask, &mut Mode::Eval);
        case.compare(&y, &[("src", &src), ("tgt", &tgt)], &both);
    });
}
