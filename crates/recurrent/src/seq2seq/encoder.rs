//! Reads the source.

use autograd::Var;
use nn::{ConfigError, Dropout, Embedding, Mode};
use rand::Rng;
use tensor::{Element, Ids};

use super::cell_module;
use crate::cell::{Cell, NewCell};
use crate::stack::{Stack, StackConfig};

/// Embedding and recurrent layers over a source.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use recurrent::{Encoder, GruCell, StackConfig, pad};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let config = StackConfig { bidirectional: true, ..StackConfig::new(5, 4) };
/// let encoder = Encoder::<f32, GruCell>::new(11, config, &mut rng)?;
/// let (source, lengths) = pad(&[&[3, 4, 5], &[6]], 0);                      // (batch, src_time)
/// let encoded = encoder.forward(&source, &lengths, &mut Mode::Eval);
/// assert_eq!(encoded.outputs.shape(), [2, 3, 8]);                           // (batch, src_time, directions·hidden)
/// assert_eq!(encoded.outputs.value().select(0, 1).select(0, 2).to_vec(), [0.0; 8]);     // padding
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder<E: Element, C> {
    /// `(vocab, embed)`
    pub embedding: Embedding<E>,
    /// The recurrent layers.
    pub rnn: Stack<C>,
    dropout: Dropout,
}
cell_module!(Encoder { embedding, rnn; dropout });

/// A source that was read.
#[derive(Clone, Debug)]
pub struct Encoded<E: Element, S> {
    /// Outputs at every position, `(batch, src_time, directions·hidden)`; 0 beyond a source's length.
    pub outputs: Var<E>,
    /// The last states, as [`StackOutput`](crate::StackOutput) orders them.
    pub state: Vec<S>,
    /// Tokens of each source.
    pub lengths: Vec<usize>,
}

impl<E: Element, C: Cell<E>> Encoder<E, C> {
    /// An encoder of `vocab` tokens with random weights; `config.dropout` also drops values of the embeddings.
    ///
    /// # Errors
    /// If a size is 0 or a rate of dropout is not in `[0, 1)`.
    pub fn new(vocab: usize, config: StackConfig, rng: &mut (impl Rng + ?Sized)) -> Result<Self, ConfigError>
    where
        C: NewCell<E>,
    {
        let embedding = Embedding::new(vocab, config.input, rng)?;
        Ok(Self { embedding, rnn: Stack::new(config, rng)?, dropout: Dropout::new(config.dropout)? })
    }

    /// Reads `source (batch, src_time)`, of which row `i` has `lengths[i]` tokens.
    ///
    /// # Panics
    /// If an id is no token or a length exceeds `src_time`; [`Seq2Seq`](super::Seq2Seq) checks both.
    #[track_caller]
    pub fn forward(&self, source: &Ids, lengths: &[usize], mode: &mut Mode<'_>) -> Encoded<E, C::State> {
        let x = self.dropout.forward(&self.embedding.lookup(source), mode); // (batch, src_time, embed)
        let out = self.rnn.forward(&x, None, Some(lengths), mode);
        Encoded { outputs: out.y, state: out.state, lengths: lengths.to_vec() }
    }
}
