//! The models: three recurrent ones without attention, two with, and the Transformer.

use attention::ScoreKind;
use autograd::{Var, no_grad};
use decode::process::LogitBias;
use decode::{Beam, BeamSearch, Hypothesis};
use nn::{CrossEntropy, Mode, Module};
use rand::Rng;
use recurrent::{Cell, GruCell, LstmCell, RnnCell, Seq2Seq, Seq2SeqConfig, Seq2SeqScorer, Teacher};
use tensor::{Ids, Tensor};
use transformer::{NormPosition, Transformer, TransformerConfig, TransformerScorer};

use super::batch::{Batch, PAD, SPECIALS, START};
use crate::Failure;

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rnn,
    Gru,
    Lstm,
    LstmAttention,
    LstmLuong,
    Transformer,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Rnn, Self::Gru, Self::Lstm, Self::LstmAttention, Self::LstmLuong, Self::Transformer];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::LstmAttention => "lstm-attention",
            Self::LstmLuong => "lstm-luong",
            Self::Transformer => "transformer",
        }
    }

    /// The model called so, or all.
    pub(crate) fn choose(name: Option<&str>) -> Result<Vec<Self>, Failure> {
        let Some(name) = name else { return Ok(Self::ALL.to_vec()) };
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.map(|kind| vec![kind]).ok_or_else(|| format!("no model `{name}`; there are {names}").into())
    }

    /// A model with random weights. The recurrent ones read the source in both directions, with half the units each.
    pub(crate) fn build(
        self,
        sizes: &Sizes,
        src_vocab: usize,
        tgt_vocab: usize,
        rng: &mut impl Rng,
    ) -> Result<Box<dyn Translator>, Failure> {
        let Sizes { embed, hidden, layers, dropout, .. } = *sizes;
        let bahdanau =
            Seq2SeqConfig { layers, dropout, ..Seq2SeqConfig::new(src_vocab, tgt_vocab, embed, hidden) };
        let without = Seq2SeqConfig { attention: None, ..bahdanau };
        // Without input feeding, the attention of all steps is one operation.
        let luong = Seq2SeqConfig {
            attention: Some(ScoreKind::General),
            attentional: true,
            input_feeding: false,
            ..bahdanau
        };
        Ok(match self {
            Self::Rnn => Box::new(Seq2Seq::<f32, RnnCell>::new(&without, rng)?),
            Self::Gru => Box::new(Seq2Seq::<f32, GruCell>::new(&without, rng)?),
            Self::Lstm => Box::new(Seq2Seq::<f32, LstmCell>::new(&without, rng)?),
            Self::LstmAttention => Box::new(Seq2Seq::<f32, LstmCell>::new(&bahdanau, rng)?),
            Self::LstmLuong => Box::new(Seq2Seq::<f32, LstmCell>::new(&luong, rng)?),
            Self::Transformer => {
                Box::new(Transformer::<f32>::new(&sizes.transformer(), src_vocab, tgt_vocab, rng)?)
            }
        })
    }
}

/// Sizes of the models, and their dropout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) embed: usize,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    /// Of the Transformer.
    pub(crate) d_model: usize,
    /// Of the Transformer, in encoder and decoder each.
    pub(crate) blocks: usize,
    pub(crate) dropout: f64,
}

impl Sizes {
    fn transformer(&self) -> TransformerConfig {
        TransformerConfig {
            d_model: self.d_model,
            heads: 4,
            encoder_layers: self.blocks,
            decoder_layers: self.blocks,
            d_ff: 2 * self.d_model,
            dropout: self.dropout,
            norm: NormPosition::Pre,
            ..TransformerConfig::default()
        }
    }
}

/// A model from sequences to sequences.
pub(crate) trait Translator: Module {
    /// Mean loss of a batch.
    fn loss(&self, batch: &Batch, options: &CrossEntropy, mode: &mut Mode<'_>) -> Result<Var, Failure>;

    /// What the model writes for each source `(batch, src_time)`, best first.
    fn search(
        &self,
        beam: &BeamSearch,
        source: &Ids,
        lengths: &[usize],
    ) -> Result<Vec<Vec<Hypothesis>>, Failure>;

    /// Where in the source it looks as it writes each target token, `(batch, tgt_time, src_time)`: of the Transformer,
    /// the mean over the heads of the last layer.
    fn attention(&self, batch: &Batch) -> Result<Option<Tensor>, Failure>;
}

/// A beam search that writes nothing that is no part of a text: neither fill nor start, nor what else is `forbidden`.
pub(crate) fn beam_search(beam: &Beam, forbidden: &[u32]) -> Result<BeamSearch, decode::ConfigError> {
    let never: Vec<(u32, f32)> =
        [PAD, START].iter().chain(forbidden).map(|token| (*token, f32::NEG_INFINITY)).collect();
    Ok(BeamSearch::new(beam)?.with(LogitBias::new(&never, SPECIALS as usize)?))
}

/// One start token for each source.
fn prompts(count: usize) -> Vec<Vec<u32>> {
    vec![vec![START]; count]
}

impl<C: Cell<f32> + Module> Translator for Seq2Seq<f32, C> {
    fn loss(&self, batch: &Batch, options: &CrossEntropy, mode: &mut Mode<'_>) -> Result<Var, Failure> {
        let Batch { source, lengths, target, next, .. } = batch;
        Ok(self.loss(source, lengths, target, next, options, Teacher::Forcing, mode)?)
    }

    fn search(
        &self,
        beam: &BeamSearch,
        source: &Ids,
        lengths: &[usize],
    ) -> Result<Vec<Vec<Hypothesis>>, Failure> {
        let mut scorer = Seq2SeqScorer::new(self, source, lengths)?;
        Ok(beam.run(&mut scorer, &prompts(lengths.len()))?)
    }

    fn attention(&self, batch: &Batch) -> Result<Option<Tensor>, Failure> {
        let Batch { source, lengths, target, .. } = batch;
        let out = no_grad(|| self.forward(source, lengths, target, Teacher::Forcing, &mut Mode::Eval))?;
        Ok(out.weights.map(Var::into_value))
    }
}

impl Translator for Transformer {
    fn loss(&self, batch: &Batch, options: &CrossEntropy, mode: &mut Mode<'_>) -> Result<Var, Failure> {
        Ok(self.loss(&batch.source, &batch.lengths, &batch.target, &batch.next, options, mode)?)
    }

    fn search(
        &self,
        beam: &BeamSearch,
        source: &Ids,
        lengths: &[usize],
    ) -> Result<Vec<Vec<Hypothesis>>, Failure> {
        let mut scorer = TransformerScorer::new(self, source, lengths)?;
        Ok(beam.run(&mut scorer, &prompts(lengths.len()))?)
    }

    fn attention(&self, batch: &Batch) -> Result<Option<Tensor>, Failure> {
        let layers = self.attention(&batch.source, &batch.lengths, &batch.target)?;
        Ok(layers.last().map(|heads| heads.mean_axis(1, false))) // (batch, tgt_time, src_time)
    }
}
