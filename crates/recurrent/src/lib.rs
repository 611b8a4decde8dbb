#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod case;
mod cell;
#[cfg(test)]
mod faults;
mod fused;
#[cfg(test)]
mod goldens;
mod input;
mod language_model;
#[cfg(test)]
mod laws;
mod seq2seq;
pub mod shapes;
mod stack;
mod state;
mod stepper;
mod unroll;

pub use case::cases;
pub use cell::{
    Cell, CoupledLstmCell, Fork, GateValues, GruCell, LayerNormLstmCell, Look, LstmCell, LstmVariant, Masked,
    NewCell, Nonlinearity, Normalised, NormalisedMemory, Peephole, Projected, Reset, RnnCell, Stepper,
    VariationalDropout, Weights,
};
pub use input::{InputError, length_batches, pad};
pub use language_model::{Head, LanguageModel, LanguageModelConfig, LanguageModelScorer};
pub use seq2seq::{
    Bridge, BridgeKind, Decoder, DecoderOutput, DecoderState, DecoderStep, Encoded, Encoder, Seq2Seq,
    Seq2SeqConfig, Seq2SeqScorer, Teacher,
};
pub use stack::{Gru, Lstm, ProjectedLstm, Rnn, Stack, StackConfig, StackOutput};
pub use state::{LstmState, State};
pub use unroll::{Order, Trace, trace, unroll};
