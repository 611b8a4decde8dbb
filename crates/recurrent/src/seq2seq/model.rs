//! The whole model: sizes, training, and the start of decoding.

use attention::{Mask, ScoreKind, Source};
use autograd::{Var, no_grad};
use nn::{ConfigError, CrossEntropy, Mode};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use tensor::{Element, Ids};

use super::bridge::{Bridge, BridgeKind};
use super::cell_module;
use super::decoder::{Decoder, DecoderOutput, DecoderState};
use super::encoder::Encoder;
use crate::cell::{Cell, NewCell};
use crate::input::{InputError, check_ids, check_lengths, check_probability, same_batch, same_shape};
use crate::stack::StackConfig;
use crate::state::State;

/// Sizes of a [`Seq2Seq`].
///
/// ```
/// use attention::ScoreKind;
/// use recurrent::{BridgeKind, Seq2SeqConfig};
/// // Luong's model: the attentional vector `tanh(W_c·[h; context])` gives the logits and is fed in.
/// let luong = Seq2SeqConfig {
///     attention: Some(ScoreKind::General),
///     attentional: true,
///     ..Seq2SeqConfig::new(30, 45, 128, 512)
/// };
/// // Sutskever's: two layers, no attention, the decoder goes on from the encoder's states.
/// let plain = Seq2SeqConfig {
///     layers: 2,
///     attention: None,
///     bidirectional: false,
///     encoder_hidden: 512,
///     bridge: BridgeKind::Copy,
///     ..luong
/// };
/// # let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(0);
/// # for config in [luong, plain] {
/// #     recurrent::Seq2Seq::<f32, recurrent::GruCell>::new(&config, &mut rng)?;
/// # }
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seq2SeqConfig {
    /// Tokens of the source.
    pub src_vocab: usize,
    /// Tokens of the target.
    pub tgt_vocab: usize,
    /// Size of both embeddings.
    pub embed: usize,
    /// Units of each direction of the encoder.
    pub encoder_hidden: usize,
    /// Whether the encoder reads in both directions.
    pub bidirectional: bool,
    /// Units of the decoder.
    pub hidden: usize,
    /// Layers of each.
    pub layers: usize,
    /// The score of the attention; none for the model without (Sutskever, Vinyals & Le 2014).
    pub attention: Option<ScoreKind>,
    /// Units of scores that have some.
    pub attention_hidden: usize,
    /// Whether logits come from the attentional vector.
    pub attentional: bool,
    /// Whether the context, or the attentional vector, goes into the next step.
    pub input_feeding: bool,
    /// What the decoder begins from.
    pub bridge: BridgeKind,
    /// Probability of dropping a value in training: of embeddings, between layers, and of what logits come from.
    pub dropout: f64,
}

impl Seq2SeqConfig {
    /// One layer; the encoder reads in both directions with half the units each; additive attention with its context
    /// fed in (Bahdanau, Cho & Bengio 2015), a dense bridge, no dropout.
    pub fn new(src_vocab: usize, tgt_vocab: usize, embed: usize, hidden: usize) -> Self {
        Self {
            src_vocab,
            tgt_vocab,
            embed,
            encoder_hidden: hidden / 2,
            bidirectional: true,
            hidden,
            layers: 1,
            attention: Some(ScoreKind::Additive),
            attention_hidden: hidden / 2,
            attentional: false,
            input_feeding: true,
            bridge: BridgeKind::Dense,
            dropout: 0.0,
        }
    }
}

/// Where the inputs of a decoder come from in training.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use recurrent::{GruCell, Seq2Seq, Seq2SeqConfig, Teacher, pad};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Seq2Seq::<f32, GruCell>::new(&Seq2SeqConfig::new(11, 13, 6, 8), &mut rng)?;
/// let (source, lengths) = pad(&[&[3, 4, 5]], 0);
/// let (right, _) = pad(&[&[1, 7, 8, 9]], 0);
/// let (wrong, _) = pad(&[&[1, 9, 9, 9]], 0);                                         // begins as the other does
/// let mut last = |target, teacher| -> Result<_, recurrent::InputError> {
///     let out = model.forward(&source, &lengths, target, teacher, &mut Mode::Train(&mut rng))?;
///     Ok(out.logits.value().select(1, 3))                                             // (batch, vocab)
/// };
/// assert!(last(&right, Teacher::Forcing)? != last(&wrong, Teacher::Forcing)?);
/// // On its own, the model sees nothing of the target but the first token.
/// assert!(last(&right, Teacher::Scheduled(1.0))? == last(&wrong, Teacher::Scheduled(1.0))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Teacher {
    /// Always the right token before.
    #[default]
    Forcing,
    /// With this probability, in `[0, 1]`, the model's own most likely token (scheduled sampling, Bengio et al. 2015);
    /// a caller lets it rise in training.
    Scheduled(f64),
}

/// A recurrent encoder and decoder of any cell.
///
/// ```
/// use nn::{CrossEntropy, Mode, Module};
/// use rand::SeedableRng;
/// use recurrent::{LstmCell, Seq2Seq, Seq2SeqConfig, Teacher, pad};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Seq2Seq::<f32, LstmCell>::new(&Seq2SeqConfig::new(11, 13, 6, 8), &mut rng)?;
/// let (source, lengths) = pad(&[&[3, 4, 5], &[6]], 0);                              // (batch, src_time)
/// let (target, _) = pad(&[&[1, 7], &[1, 9]], 0);                                    // begins with the start token
/// let (next, _) = pad(&[&[7, 2], &[9, 2]], 0);                                      // ends with the end token
/// let options = CrossEntropy { label_smoothing: 0.1, ignore_index: Some(0), ..CrossEntropy::default() };
/// let loss = model.loss(&source, &lengths, &target, &next, &options, Teacher::Forcing, &mut Mode::Train(&mut rng))?;
/// let grads = model.backward(&loss)?;
/// # let _ = grads;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Seq2Seq<E: Element, C> {
    /// Reads the source.
    pub encoder: Encoder<E, C>,
    /// From its states to the decoder's.
    pub bridge: Bridge<E>,
    /// Writes the target.
    pub decoder: Decoder<E, C>,
}
cell_module!(Seq2Seq { encoder, bridge, decoder; });

/// A source that was encoded, and where the decoder begins.
pub(super) type Start<E, S> = (DecoderState<E, S>, Option<Source<E>>);

impl<E: Element, C: Cell<E>> Seq2Seq<E, C> {
    /// A model with PyTorch's start of all layers.
    ///
    /// # Errors
    /// If a size is 0, `dropout` is not in `[0, 1)`, or sizes differ that score or bridge want equal.
    pub fn new(config: &Seq2SeqConfig, rng: &mut (impl Rng + ?Sized)) -> Result<Self, ConfigError>
    where
        C: NewCell<E>,
    {
        let encoder = StackConfig {
            layers: config.layers,
            bidirectional: config.bidirectional,
            dropout: config.dropout,
            ..StackConfig::new(config.embed, config.encoder_hidden)
        };
        let directions = 1 + usize::from(config.bidirectional);
        let memory = encoder.output();
        let encoder = Encoder::new(config.src_vocab, encoder, rng)?;
        let decoder = Decoder::<E, C>::new(config, memory, rng)?;
        let mut parts = 0;
        let _ = decoder.rnn.cells()[0].start(1).map(|part| {
            parts += 1;
            part.clone()
        });
        let (layers, from, to) = (config.layers, config.encoder_hidden, config.hidden);
        let bridge = Bridge::new(config.bridge, layers, directions, from, to, parts, rng)?;
        Ok(Self { encoder, bridge, decoder })
    }

    /// Logits of the next target token at every position, and the attention weights: `source (batch, src_time)` with
    /// `lengths` tokens each, `target (batch, tgt_time)`.
    ///
    /// # Errors
    /// If an id is no token of its vocabulary, the shapes are not `(batch, time)` of one batch, a length is 0 (there is
    /// no last token to go on from) or exceeds `src_time`, or the probability of `teacher` is not in `[0, 1]`.
    pub fn forward(
        &self,
        source: &Ids,
        lengths: &[usize],
        target: &Ids,
        teacher: Teacher,
        mode: &mut Mode<'_>,
    ) -> Result<DecoderOutput<E>, InputError> {
        if let Teacher::Scheduled(p) = teacher {
            check_probability("teacher", p)?;
        }
        let (batch, _) = check_ids(target, self.decoder.vocab(), "target token")?;
        let (state, source) = self.encode(source, lengths, mode)?;
        same_batch("target", batch, "source", lengths.len())?;
        match teacher {
            Teacher::Scheduled(p) if mode.is_train() && p > 0.0 => {
                Ok(self.sampled(target, &state, source.as_ref(), p, mode))
            }
            _ => Ok(self.decoder.forward(target, &state, source.as_ref(), mode)),
        }
    }

    /// Mean cross-entropy in nats of `next (batch, tgt_time)` given `target`, with `options` for padding and
    /// smoothing.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also if a target is no token, or none counts.
    pub fn loss(
        &self,
        source: &Ids,
        lengths: &[usize],
        target: &Ids,
        next: &Ids,
        options: &CrossEntropy,
        teacher: Teacher,
        mode: &mut Mode<'_>,
    ) -> Result<Var<E>, InputError> {
        same_shape("next", next, "target", target)?;
        let out = self.forward(source, lengths, target, teacher, mode)?;
        Ok(options.forward(&out.logits, next)?)
    }

    /// Encodes sources and crosses the bridge.
    pub(super) fn encode(
        &self,
        source: &Ids,
        lengths: &[usize],
        mode: &mut Mode<'_>,
    ) -> Result<Start<E, C::State>, InputError> {
        let (batch, time) = check_ids(source, self.encoder.embedding.vocab(), "source token")?;
        same_batch("lengths", lengths.len(), "source", batch)?;
        check_lengths(lengths, time)?;
        let encoded = self.encoder.forward(source, lengths, mode);
        let cells = self.bridge.forward(&encoded, &self.decoder.rnn.start(batch));
        let whole = lengths.iter().all(|length| *length == time);
        let mask = if whole { Mask::none() } else { Mask::lengths(lengths) };
        let source =
            self.decoder.attention.as_ref().map(|attention| attention.source(&encoded.outputs, mask));
        Ok((self.decoder.start(cells, batch), source))
    }

    /// All steps, each token before replaced by the model's own choice with probability `p`.
    fn sampled(
        &self,
        target: &Ids,
        state: &DecoderState<E, C::State>,
        source: Option<&Source<E>>,
        p: f64,
        mode: &mut Mode<'_>,
    ) -> DecoderOutput<E> {
        let (batch, time) = (target.shape()[0], target.shape()[1]);
        let right = |t: usize| (0..batch).map(move |row| target.row(row)[t]);
        self.decoder.run(time, state, source, mode, |t, features, mode| {
            let mut ids: Vec<u32> = right(t).collect();
            if let Some(features) = features {
                let logits = no_grad(|| self.decoder.logits(&features.detach(), &mut Mode::Eval));
                let own = logits.value().argmax(-1);
                let rng = mode.rng().expect("sampled in training only");
                for (id, own) in ids.iter_mut().zip(own.data()) {
                    if rng.random_bool(p) {
                        *id = *own;
                    }
                }
            }
            self.decoder.embed(&Ids::from_slice(&ids), mode)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GruCell, LstmCell, NewCell, Seq2SeqScorer};
    use autograd::Gen;
    use nn::Module;
    use rand::SeedableRng;
    use tensor::Tensor;

    const START: u32 = 1;

    /// A model whose predictions differ from step to step, and a batch.
    fn model<C: Cell<f64> + NewCell<f64> + Module<f64>>(
        config: &Seq2SeqConfig,
    ) -> (Seq2Seq<f64, C>, Ids, Vec<usize>, Ids) {
        let draw = &mut Gen::new(5);
        let mut model = Seq2Seq::new(config, draw.rng()).unwrap();
        for (_, param) in model.parameters_mut() {
            param.set(draw.normal(param.shape()));
        }
        let (batch, time) = (6, 7);
        let mut target = draw.ids(&[batch, time], config.tgt_vocab).data().to_vec();
        target.iter_mut().step_by(time).for_each(|first| *first = START);
        (
            model,
            draw.ids(&[batch, 4], config.src_vocab),
            vec![4, 3, 4, 2, 1, 4],
            Ids::new(target, &[batch, time]),
        )
    }

    fn logits<C: Cell<f64>>(
        model: &Seq2Seq<f64, C>,
        (source, lengths, target): (&Ids, &[usize], &Ids),
        teacher: Teacher,
    ) -> Tensor<f64> {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let mode = &mut Mode::Train(rng);
        model.forward(source, lengths, target, teacher, mode).unwrap().logits.value().clone()
    }

    #[test]
    fn sampling_never_is_teacher_forcing() {
        let config = Seq2SeqConfig::new(9, 11, 4, 6);
        let (model, source, lengths, target) = model::<LstmCell<f64>>(&config);
        let batch = (&source, &lengths[..], &target);
        let forced = logits(&model, batch, Teacher::Forcing);
        assert_eq!(logits(&model, batch, Teacher::Scheduled(0.0)), forced);
        // So small a probability never comes up, but goes the way of one that does.
        assert_eq!(logits(&model, batch, Teacher::Scheduled(f64::MIN_POSITIVE)), forced);
        // Where nothing is fed, teacher forcing takes all steps at once: the last bits may differ.
        let config = Seq2SeqConfig { input_feeding: false, ..config };
        let (model, source, lengths, target) = self::model::<GruCell<f64>>(&config);
        let batch = (&source, &lengths[..], &target);
        let forced = logits(&model, batch, Teacher::Forcing);
        let stepped = logits(&model, batch, Teacher::Scheduled(f64::MIN_POSITIVE));
        assert!(stepped.max_abs_diff(&forced) < 1e-10);
    }

    #[test]
    fn sampling_always_reads_what_greedy_search_writes() {
        let (model, source, lengths, target) = model::<LstmCell<f64>>(&Seq2SeqConfig::new(9, 11, 4, 6));
        let (batch, time) = (target.shape()[0], target.shape()[1]);
        let sampled = logits(&model, (&source, &lengths, &target), Teacher::Scheduled(1.0));

        let mut scorer = Seq2SeqScorer::new(&model, &source, &lengths).unwrap();
        let prompts = vec![vec![START]; batch];
        let written = decode::greedy(&mut scorer, &prompts, &decode::Stop::after(time)).unwrap();
        let own: Vec<u32> =
            written.iter().flat_map(|row| [&[START], &row.tokens[..time - 1]].concat()).collect();
        let own = Ids::new(own, &[batch, time]);
        assert_ne!(own.data(), target.data());
        assert_eq!(logits(&model, (&source, &lengths, &own), Teacher::Forcing), sampled);
        let likeliest = sampled.argmax(-1);
        assert!((0..batch).all(|row| likeliest.row(row) == written[row].tokens));

        // The right tokens behind the first do not matter; without training they alone do.
        let other = Ids::new(vec![START; batch * time], &[batch, time]);
        assert_eq!(logits(&model, (&source, &lengths, &other), Teacher::Scheduled(1.0)), sampled);
        let teacher = Teacher::Scheduled(1.0);
        let out = model.forward(&source, &lengths, &target, teacher, &mut Mode::Eval).unwrap();
        assert_eq!(out.logits.value(), &logits(&model, (&source, &lengths, &target), Teacher::Forcing));
    }

    #[test]
    fn sampling_sometimes_takes_its_share() {
        let (model, source, lengths, target) = model::<LstmCell<f64>>(&Seq2SeqConfig::new(9, 11, 4, 6));
        let batch = (&source, &lengths[..], &target);
        let half = logits(&model, batch, Teacher::Scheduled(0.5));
        assert!(half != logits(&model, batch, Teacher::Forcing));
        assert!(half != logits(&model, batch, Teacher::Scheduled(1.0)));
        assert_eq!(half, logits(&model, batch, Teacher::Scheduled(0.5)));
    }
}
