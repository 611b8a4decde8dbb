//! Three cells and attention, each behind the same output layer.

use attention::{Mask, sinusoidal};
use autograd::Var;
use nn::{Linear, Mode, Module};
use rand_chacha::ChaCha8Rng;
use recurrent::{Cell, GruCell, LstmCell, Order, RnnCell, Stack, StackConfig, trace};
use tensor::{Element, Tensor};
use transformer::{Encoder, NormPosition, TransformerConfig};

use super::tasks::{Examples, Task};
use crate::Failure;

const HIDDEN: usize = 48;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rnn,
    Lstm,
    Gru,
    Attention,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Rnn, Self::Lstm, Self::Gru, Self::Attention];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rnn => "RNN",
            Self::Lstm => "LSTM",
            Self::Gru => "GRU",
            Self::Attention => "attention",
        }
    }
}

/// A loss of all outputs `(batch, time, hidden)`.
type Loss<'l, E> = dyn Fn(&Var<E>) -> Result<Var<E>, Failure> + 'l;

/// What happens at each step of a model that hands a state on.
pub(super) struct Seen {
    /// Norms of the gradient that reaches each output from a loss on all outputs.
    pub(super) output: Vec<f64>,
    /// The same along the memory, for each step but the last; none where the output is the whole state.
    pub(super) memory: Vec<f64>,
    /// Mean of the gate that says how much stays, the LSTM's `f` and the GRU's `z`.
    pub(super) stays: Option<f64>,
}

/// Reads sequences: `x (batch, time, input)` → `(batch, time, hidden)`.
pub(super) trait Reader<E: Element>: Module<E> {
    fn read(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E>;

    /// Reads, and looks at each step; nothing where no state is handed on.
    fn seen(&self, x: &Var<E>, loss: &Loss<'_, E>) -> Result<Option<Seen>, Failure>;
}

impl<E: Element, C: Cell<E> + Module<E>> Reader<E> for Stack<C> {
    fn read(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        self.forward(x, None, None, mode).y
    }

    fn seen(&self, x: &Var<E>, loss: &Loss<'_, E>) -> Result<Option<Seen>, Failure> {
        let cell = &self.cells()[0];
        let order = Order::forward(x.dim(1), x.dim(0));
        let trace = trace(cell, &x.transpose(0, 1), &cell.start(x.dim(0)), &order); // (time, batch, hidden)
        let grads = loss(&trace.y.transpose(0, 1))?.backward()?;
        let (output, mut memory) = (trace.gradient_norms(&grads), trace.memory_norms(&grads));
        if memory == output {
            memory.clear();
        }
        memory.pop();
        let gates: Vec<f64> = trace
            .gates
            .iter()
            .flatten()
            .filter(|(name, _)| ["f", "z"].contains(name))
            .map(|(_, gate)| gate.value().mean().item().to_f64())
            .collect();
        let stays = (!gates.is_empty()).then(|| gates.iter().sum::<f64>() / gates.len() as f64);
        Ok(Some(Seen { output, memory, stays }))
    }
}

/// Two layers of causal self-attention over inputs with their positions.
struct SelfAttention<E: Element> {
    input: Linear<E>,
    encoder: Encoder<E>,
}
nn::module!(SelfAttention<E> { input, encoder });

impl<E: Element> Reader<E> for SelfAttention<E> {
    fn read(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        let positions = Var::constant(sinusoidal(0, x.dim(1), HIDDEN)); // (time, hidden)
        self.encoder.forward(&(self.input.forward(x) + positions), &Mask::causal(), mode)
    }

    fn seen(&self, _: &Var<E>, _: &Loss<'_, E>) -> Result<Option<Seen>, Failure> {
        Ok(None)
    }
}

/// A reader and what is said at each step.
pub(super) struct Model<E: Element = f32> {
    reader: Box<dyn Reader<E>>,
    head: Linear<E>,
}
nn::module!(Model<E> { reader, head });

impl Model {
    /// A model of this kind for sequences of `time` steps. Gates begin almost closed to what would overwrite the
    /// memory: their bias is `ln time`, so that it lasts about as long as a sequence (Tallec & Ollivier 2018).
    pub(super) fn new(kind: Kind, task: Task, time: usize, rng: &mut ChaCha8Rng) -> Result<Self, Failure> {
        let config = StackConfig::new(task.input(), HIDDEN);
        let mut reader: Box<dyn Reader<f32>> = match kind {
            Kind::Rnn => Box::new(Stack::<RnnCell>::new(config, rng)?),
            Kind::Lstm => Box::new(Stack::<LstmCell>::new(config, rng)?),
            Kind::Gru => Box::new(Stack::<GruCell>::new(config, rng)?),
            Kind::Attention => {
                let sizes = TransformerConfig {
                    d_model: HIDDEN,
                    heads: 4,
                    encoder_layers: 2,
                    d_ff: 2 * HIDDEN,
                    dropout: 0.0,
                    norm: NormPosition::Pre,
                    ..TransformerConfig::default()
                };
                let input = Linear::new(task.input(), HIDDEN, true, rng)?;
                Box::new(SelfAttention { input, encoder: Encoder::new(&sizes, rng)? })
            }
        };
        if matches!(kind, Kind::Lstm | Kind::Gru) {
            // The second gate is the LSTM's f and the GRU's z: both say how much stays.
            for (path, param) in reader.parameters_mut() {
                if path == "bias_ih_l0" {
                    let mut bias = param.value().to_vec();
                    bias[HIDDEN..2 * HIDDEN].fill((time as f32).ln());
                    param.set(Tensor::from_vec(bias, &[param.shape()[0]]));
                }
            }
        }
        Ok(Self { reader, head: Linear::new(HIDDEN, task.output(), true, rng)? })
    }

    /// `x (batch, time, input)` → `(batch, time, output)`
    pub(super) fn forward(&self, x: &Var, mode: &mut Mode<'_>) -> Var {
        self.head.forward(&self.reader.read(x, mode))
    }

    /// What happens at each step under the loss.
    pub(super) fn seen(&self, examples: &Examples) -> Result<Option<Seen>, Failure> {
        self.reader.seen(&examples.x, &|y| examples.loss(&self.head.forward(y)))
    }
}
