//! Gradient checks of whole models.

use attention::Mask;
use autograd::{Case, Gen};
use nn::{Activation, CrossEntropy, Mode, gradcheck_module, gradcheck_module_with};

use crate::{DecoderLayer, EncoderLayer, Gpt, GptConfig, NormPosition, Transformer, TransformerConfig};

/// The gradient checks of all layers and models of this crate.
///
/// ```
/// let cases = transformer::cases();
/// let layer = cases.iter().find(|case| case.name == "EncoderLayer").unwrap();
/// assert!(layer.run(0, 1).is_ok());                            // one draw of sizes and numbers, from seed 0
/// ```
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("EncoderLayer", |draw| {
            let (config, [batch, time]) = (sizes(draw), draw.dims());
            let layer = EncoderLayer::<f64>::new(&config, draw.rng()).expect("sizes");
            let x = draw.normal(&[batch, time, config.d_model]);
            let mask = Mask::lengths(&vec![time.div_ceil(2); batch]);
            gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0], &mask, &mut Mode::Eval))
        }),
        Case::new("DecoderLayer", |draw| {
            let (config, [batch, time, src_time]) = (sizes(draw), draw.dims());
            let layer = DecoderLayer::<f64>::new(&config, draw.rng()).expect("sizes");
            let [x, memory] = [time, src_time].map(|time| draw.normal(&[batch, time, config.d_model]));
            gradcheck_module_with(&layer, &[x, memory], |layer, v| {
                layer.forward(&v[0], &v[1], &Mask::causal(), &Mask::none(), &mut Mode::Eval)
            })
        }),
        Case::new("Transformer", |draw| {
            let (config, [batch, time, src_time]) = (sizes(draw), draw.dims());
            let model = Transformer::<f64>::new(&config, 7, 5, draw.rng()).expect("sizes");
            let (source, target) = (draw.ids(&[batch, src_time], 7), draw.ids(&[batch, time], 5));
            let (next, lengths) = (draw.ids(&[batch, time], 5), vec![src_time; batch]);
            let options = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
            gradcheck_module(&model, |model| {
                model.loss(&source, &lengths, &target, &next, &options, &mut Mode::Eval).expect("ids")
            })
        }),
        Case::new("Gpt", |draw| check_gpt(draw, 0.0, true)),
        Case::new("Gpt, dropout, untied", |draw| check_gpt(draw, 0.2, false)),
    ]
}

fn sizes(draw: &mut Gen) -> TransformerConfig {
    TransformerConfig {
        d_model: 6,
        heads: 2,
        d_ff: 7,
        encoder_layers: 1,
        decoder_layers: 1,
        dropout: 0.0,
        activation: Activation::Gelu,
        norm: if draw.flip() { NormPosition::Pre } else { NormPosition::Post },
        eps: 1e-5,
    }
}

/// The whole small GPT, with weights large enough that attention is far from uniform.
fn check_gpt(
    draw: &mut Gen,
    dropout: f64,
    tied: bool,
) -> Result<autograd::GradcheckReport, autograd::GradcheckError> {
    let [batch, time] = draw.dims();
    let config = GptConfig { vocab: 11, time, layers: 2, heads: 2, d_model: 8, dropout, bias: true, tied };
    let mut model = Gpt::<f64>::new(config, draw.rng()).expect("sizes");
    for (_, param) in nn::Module::parameters_mut(&mut model) {
        let noise = draw.normal(param.shape());
        let moved = param.value() + &(&noise * 0.3);
        param.set(moved);
    }
    let (ids, targets) = (draw.ids(&[batch, time], 11), draw.ids(&[batch, time], 11));
    let rng = draw.rng().clone();
    gradcheck_module(&model, |model| {
        model.loss(&ids, &targets, &mut Mode::Train(&mut rng.clone())).expect("ids")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_gradient_matches_finite_differences() {
        for case in super::cases() {
            if let Err((seed, error)) = case.run(0, 4) {
                panic!("{} (seed {seed}): {error}", case.name);
            }
        }
    }
}
