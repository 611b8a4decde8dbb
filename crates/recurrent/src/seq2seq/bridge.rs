//! From what the encoder knows to where the decoder begins.

use autograd::Var;
use nn::{ConfigError, Linear, module};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::Element;

use super::encoder::Encoded;
use crate::shapes::mean_over_lengths;
use crate::state::State;

/// What a decoder begins from; see [`Bridge`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BridgeKind {
    /// Zeros: everything must come by attention.
    Zero,
    /// The encoder's last states, both directions side by side.
    Copy,
    /// `tanh` of a linear layer of them, one for each part of each state.
    #[default]
    Dense,
    /// The mean of the encoder's outputs as first output of every layer; memories are 0.
    Mean,
}

/// The first state of a decoder, from an encoded source.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use recurrent::{Bridge, BridgeKind, Cell, Encoder, GruCell, StackConfig};
/// use tensor::Ids;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let config = StackConfig { bidirectional: true, ..StackConfig::new(5, 4) };
/// let encoder = Encoder::<f32, GruCell>::new(11, config, &mut rng)?;
/// let encoded = encoder.forward(&Ids::new(vec![3, 4, 5], &[1, 3]), &[3], &mut Mode::Eval);
/// let decoder = GruCell::<f32>::new_cell(5, 8, true, &mut rng)?;
/// // One layer, two directions of 4 units, to 8 units; a GRU's state has one part.
/// let copy = Bridge::new(BridgeKind::Copy, 1, 2, 4, 8, 1, &mut rng)?;
/// let first = copy.forward(&encoded, &[decoder.start(1)]);                            // one for each layer
/// let both: Vec<f32> = encoded.state.iter().flat_map(|state| state.value().to_vec()).collect();
/// assert_eq!(first[0].value().to_vec(), both);
/// # use recurrent::NewCell;
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bridge<E: Element = f32> {
    /// Of the dense kind, a layer for each part of each state of the decoder, layer by layer.
    pub dense: Vec<Linear<E>>,
    kind: BridgeKind,
    directions: usize,
}
module!(Bridge<E> { dense; kind, directions });

impl<E: Element> Bridge<E> {
    /// A bridge from `layers` of `directions` with `from` units each to as many of `to`; a state has `parts` parts.
    ///
    /// # Errors
    /// If a size is 0, or the kind copies and sizes differ.
    pub fn new(
        kind: BridgeKind,
        layers: usize,
        directions: usize,
        from: usize,
        to: usize,
        parts: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let all = directions * from;
        if matches!(kind, BridgeKind::Copy | BridgeKind::Mean) && all != to {
            let found = format!("{to}, and {all} of the encoder");
            return Err(ConfigError::new("bridge", "hidden", found, "as many units in encoder and decoder"));
        }
        let count = if kind == BridgeKind::Dense { layers * parts } else { 0 };
        let dense = (0..count).map(|_| Linear::new(all, to, true, rng)).collect::<Result<_, _>>()?;
        Ok(Self { dense, kind, directions })
    }

    /// The decoder's first states; `zeros` is what they look like, one for each layer.
    ///
    /// # Panics
    /// If the numbers of layers differ.
    #[track_caller]
    pub fn forward<S: State<E>>(&self, encoded: &Encoded<E, S>, zeros: &[S]) -> Vec<S> {
        if self.kind == BridgeKind::Zero {
            return zeros.to_vec();
        }
        if self.kind == BridgeKind::Mean {
            let mean = mean_over_lengths(&encoded.outputs, &encoded.lengths); // (batch, hidden)
            return zeros.iter().map(|state| state.with_hidden(mean.clone())).collect();
        }
        let layers = encoded.state.chunks(self.directions);
        assert!(
            layers.len() == zeros.len(),
            "bridge: {} layers of the encoder, {} of the decoder",
            layers.len(),
            zeros.len()
        );
        let mut dense = self.dense.iter();
        let one = |states: &[S]| {
            let both = match states {
                [a, b] => a.zip(b, |a, b| Var::concat(&[a, b], -1)),
                _ => states[0].clone(),
            };
            both.map(|part| match self.kind {
                BridgeKind::Dense => dense.next().expect("a layer for each part").forward(part).tanh(),
                _ => part.clone(),
            })
        };
        layers.map(one).collect()
    }
}
