//! Cells over sequences: several layers, one or two directions, batches of unequal lengths.

use std::fmt;

use autograd::Var;
use nn::{ConfigError, Dropout, LockedDropout, Mode, Module, Path, Visitor, VisitorMut};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::{Element, Ids, shape};

use crate::cell::{
    Cell, GruCell, LstmCell, NewCell, Nonlinearity, Projected, RnnCell, Stepper, VariationalDropout,
};
use crate::state::State;
use crate::unroll::Order;

/// Sizes of a [`Stack`].
///
/// ```
/// use recurrent::StackConfig;
/// let config = StackConfig { layers: 2, bidirectional: true, ..StackConfig::new(128, 256) };
/// assert_eq!(config.output(), 512);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackConfig {
    /// Size of the input.
    pub input: usize,
    /// Size of the output of one direction.
    pub hidden: usize,
    /// Layers, each over the outputs of the one below.
    pub layers: usize,
    /// Whether each layer also goes from the last step to the first.
    pub bidirectional: bool,
    /// Whether there are biases.
    pub bias: bool,
    /// Probability of dropping a value between layers in training.
    pub dropout: f64,
    /// Whether a value is dropped at all steps or none (Gal & Ghahramani 2016).
    pub locked: bool,
    /// Probability of dropping a value of a layer's own last output before it is read again, in training and at all steps or
    /// none (Gal & Ghahramani 2016). Above 0, training goes step by step and not by the fused kernel.
    #[serde(default)]
    pub recurrent_dropout: f64,
}

impl StackConfig {
    /// One layer, one direction, biases, no dropout.
    pub fn new(input: usize, hidden: usize) -> Self {
        Self {
            input,
            hidden,
            layers: 1,
            bidirectional: false,
            bias: true,
            dropout: 0.0,
            locked: false,
            recurrent_dropout: 0.0,
        }
    }

    /// Size of the output, both directions together.
    pub fn output(&self) -> usize {
        self.hidden * self.directions()
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let what = "recurrent stack";
        for (setting, size) in [("input", self.input), ("hidden", self.hidden), ("layers", self.layers)] {
            if size == 0 {
                return Err(ConfigError::new(what, setting, size, "at least 1"));
            }
        }
        for (setting, p) in [("dropout", self.dropout), ("recurrent_dropout", self.recurrent_dropout)] {
            if !(0.0..1.0).contains(&p) {
                return Err(ConfigError::new(what, setting, p, "a number in [0, 1)"));
            }
        }
        Ok(())
    }

    /// Whether a step of training drops what others before it dropped.
    fn is_locked(&self) -> bool {
        self.recurrent_dropout > 0.0 || (self.locked && self.dropout > 0.0)
    }
}

/// Layers of a cell over sequences, as PyTorch's `RNN`, `LSTM` and `GRU` with `batch_first`; its parameters have the
/// names there: `weight_ih_l0`, `bias_hh_l1_reverse`.
///
/// ```
/// use nn::{Mode, Module};
/// use rand::SeedableRng;
/// use recurrent::{Lstm, StackConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let lstm = Lstm::<f32>::new(StackConfig { bidirectional: true, ..StackConfig::new(5, 7) }, &mut rng)?;
/// let x = tensor::Tensor::ones(&[2, 4, 5]).into();                          // (batch, time, input)
/// let out = lstm.forward(&x, None, Some(&[4, 3]), &mut Mode::Eval);
/// assert_eq!(out.y.shape(), [2, 4, 14]);                                    // (batch, time, directions·hidden)
/// assert_eq!(out.state[1].c.shape(), [2, 7]);                               // layer 0, from the last step
/// assert_eq!(lstm.parameters()[4].0, "weight_ih_l0_reverse");
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stack<C> {
    /// Layer by layer; of each the cell from the first step and, if there are two directions, that from the last.
    cells: Vec<C>,
    config: StackConfig,
}

/// LSTM layers on the fused kernel.
pub type Lstm<E = f32> = Stack<LstmCell<E>>;
/// GRU layers on the fused kernel.
pub type Gru<E = f32> = Stack<GruCell<E>>;
/// Simple recurrent layers on the fused kernel.
pub type Rnn<E = f32> = Stack<RnnCell<E>>;
/// LSTM layers with projected outputs.
pub type ProjectedLstm<E = f32> = Stack<Projected<E, LstmCell<E>>>;

/// What [`Stack::forward`] gives.
#[derive(Clone, Debug)]
pub struct StackOutput<E: Element, S> {
    /// Outputs of the last layer, `(batch, time, directions·hidden)`; 0 beyond a row's length.
    pub y: Var<E>,
    /// The state after each row's last step (its first, in reverse), in PyTorch's order: layer by layer, of each the
    /// direction from the first step and then that from the last.
    pub state: Vec<S>,
}

impl<C> Stack<C> {
    /// Layers of cells that sizes alone define: [`Lstm`], [`Gru`], [`Rnn`].
    ///
    /// # Errors
    /// If a size is 0 or a rate of dropout is not in `[0, 1)`.
    pub fn new<E: Element>(config: StackConfig, rng: &mut (impl Rng + ?Sized)) -> Result<Self, ConfigError>
    where
        C: NewCell<E>,
    {
        Self::with(config, |input| C::new_cell(input, config.hidden, config.bias, rng))
    }

    /// Layers of cells that `make` makes for each size of input. `config.hidden` is the size of their output.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use recurrent::{LstmCell, Peephole, Stack, StackConfig};
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let config = StackConfig { layers: 2, ..StackConfig::new(5, 7) };
    /// let stack = Stack::with(config, |input| {
    ///     Ok(Peephole::new(LstmCell::<f32>::new(input, 7, true, &mut rng)?, &mut rng))
    /// })?;
    /// assert_eq!(nn::Module::parameters(&stack)[4].0, "weight_ci_l0");
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// If a size is 0, a rate of dropout is not in `[0, 1)`, or `make` fails.
    pub fn with(
        config: StackConfig,
        mut make: impl FnMut(usize) -> Result<C, ConfigError>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let count = config.layers * config.directions();
        let input = |i: usize| if i < config.directions() { config.input } else { config.output() };
        let cells = (0..count).map(|i| make(input(i))).collect::<Result<_, _>>()?;
        Ok(Self { cells, config })
    }

    /// Its sizes.
    pub fn config(&self) -> &StackConfig {
        &self.config
    }

    /// Its cells, layer by layer, of each layer the direction from the first step and then that from the last.
    pub fn cells(&self) -> &[C] {
        &self.cells
    }

    /// The same, to change them.
    pub fn cells_mut(&mut self) -> &mut [C] {
        &mut self.cells
    }

    /// The states before the first step, of all cells: zeros.
    pub fn start<E: Element>(&self, batch: usize) -> Vec<C::State>
    where
        C: Cell<E>,
    {
        self.cells.iter().map(|cell| cell.start(batch)).collect()
    }

    /// All layers over `x (batch, time, input)`. Row `i` has the first `lengths[i]` steps, all if not given; one of
    /// length 0 keeps its state. Begins from `state`, as [`StackOutput`] orders it, or from zeros: a sequence may so
    /// come in pieces, and detached states cut gradients between them.
    ///
    /// # Panics
    /// If the shapes do not fit together, or a length exceeds `time`.
    #[track_caller]
    pub fn forward<E: Element>(
        &self,
        x: &Var<E>,
        state: Option<&[C::State]>,
        lengths: Option<&[usize]>,
        mode: &mut Mode<'_>,
    ) -> StackOutput<E, C::State>
    where
        C: Cell<E>,
    {
        shape::agree("recurrent stack", &[("x", "batch time input", x.shape())]);
        let (batch, time) = (x.dim(0), x.dim(1));
        let state = state.map_or_else(|| self.start(batch), <[C::State]>::to_vec);
        assert!(
            state.len() == self.cells.len(),
            "recurrent stack: {} states for {} cells",
            state.len(),
            self.cells.len()
        );
        let rows = lengths.map(|lengths| Rows::by_length(lengths, batch, time)).unwrap_or_default();
        let order = match lengths {
            Some(lengths) => Order::ragged(time, &rows.apply(lengths)),
            None => Order::forward(time, batch),
        };
        let mut x = rows.forward(&x.transpose(0, 1), 1); // (time, batch, input)
        let mut states = Vec::with_capacity(self.cells.len());
        for (layer, cells) in self.cells.chunks(self.config.directions()).enumerate() {
            if layer > 0 {
                x = self.between(&x, mode);
            }
            let mut outputs = Vec::new();
            for (direction, cell) in cells.iter().enumerate() {
                let start = state[states.len()].map(|part| rows.forward(part, 0));
                let order = if direction == 0 { order.clone() } else { order.clone().reversed() };
                let (y, end) = self.sequence(cell, &x, &start, &order, mode); // (time, batch, hidden)
                outputs.push(y);
                states.push(end.map(|part| rows.back(part, 0)));
            }
            x = match &outputs[..] {
                [y] => y.clone(),
                both => Var::concat(&both.iter().collect::<Vec<_>>(), -1), // (time, batch, 2·hidden)
            };
        }
        StackOutput { y: rows.back(&x, 1).transpose(0, 1), state: states } // (batch, time, directions·hidden)
    }

    /// A cell's way over `x (time, batch, input)`.
    #[track_caller]
    fn sequence<E: Element>(
        &self,
        cell: &C,
        x: &Var<E>,
        start: &C::State,
        order: &Order,
        mode: &mut Mode<'_>,
    ) -> (Var<E>, C::State)
    where
        C: Cell<E>,
    {
        if self.config.recurrent_dropout > 0.0 && mode.is_train() {
            let dropout = VariationalDropout::new(0.0, self.config.recurrent_dropout);
            let masked = dropout.expect("checked when built").over(cell, x.dim(1), mode);
            return masked.sequence(x, start, order);
        }
        cell.sequence(x, start, order)
    }

    /// One step of every layer: `x (batch, input)` → the output of the last, `(batch, hidden)`, and the next states.
    ///
    /// ```
    /// use nn::Mode;
    /// use rand::SeedableRng;
    /// use recurrent::{Gru, StackConfig};
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let gru = Gru::<f32>::new(StackConfig { layers: 2, ..StackConfig::new(5, 7) }, &mut rng)?;
    /// let mode = &mut Mode::Eval;
    /// let x = tensor::Tensor::normal(&[2, 3, 5], 0.0, 1.0, &mut rng).into();          // (batch, time, input)
    /// let whole = gru.forward(&x, None, None, mode).y;                                // (batch, time, hidden)
    /// let mut state = gru.start(2);
    /// for t in 0..3 {
    ///     let (y, next) = gru.step(&x.select(1, t), &state, mode);                    // (batch, hidden)
    ///     assert!(y.value().max_abs_diff(&whole.value().select(1, t)) < 1e-6);
    ///     state = next;
    /// }
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If there are two directions, the shapes do not fit together, or in training dropout is locked, since a step does not
    /// know what those before it dropped.
    #[track_caller]
    pub fn step<E: Element>(
        &self,
        x: &Var<E>,
        state: &[C::State],
        mode: &mut Mode<'_>,
    ) -> (Var<E>, Vec<C::State>)
    where
        C: Cell<E>,
    {
        let cells: Vec<Stepper<'_, E, C::State>> = self
            .cells
            .iter()
            .map(|cell| -> Stepper<'_, E, C::State> { Box::new(|x, s| cell.step(x, s)) })
            .collect();
        self.step_with(&cells, x, state, mode)
    }

    /// The cells' [steppers](Cell::stepper), for [`step_with`](Self::step_with).
    pub(crate) fn steppers<E: Element>(&self) -> Vec<Stepper<'_, E, C::State>>
    where
        C: Cell<E>,
    {
        self.cells.iter().map(Cell::stepper).collect()
    }

    /// [`step`](Self::step) by given steps of the cells.
    #[track_caller]
    pub(crate) fn step_with<E: Element>(
        &self,
        cells: &[Stepper<'_, E, C::State>],
        x: &Var<E>,
        state: &[C::State],
        mode: &mut Mode<'_>,
    ) -> (Var<E>, Vec<C::State>)
    where
        C: Cell<E>,
    {
        assert!(!self.config.bidirectional, "recurrent stack: a step of two directions");
        assert!(
            !(self.config.is_locked() && mode.is_train()),
            "recurrent stack: a step alone cannot lock its dropout to that of the steps before"
        );
        assert!(
            state.len() == cells.len(),
            "recurrent stack: {} states for {} cells",
            state.len(),
            cells.len()
        );
        let (mut x, mut next) = (x.clone(), Vec::with_capacity(state.len()));
        for (layer, (cell, state)) in cells.iter().zip(state).enumerate() {
            if layer > 0 {
                x = Dropout::rate(self.config.dropout).forward(&x, mode);
            }
            let state = cell(&x, state);
            x = state.hidden().clone();
            next.push(state);
        }
        (x, next)
    }

    /// Dropout between layers, `x (time, batch, hidden)`.
    fn between<E: Element>(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        if self.config.locked {
            return LockedDropout::new(self.config.dropout, 0).expect("checked when built").forward(x, mode);
        }
        Dropout::rate(self.config.dropout).forward(x, mode)
    }
}

impl<E: Element> Rnn<E> {
    /// Simple recurrent layers of another function than tanh.
    ///
    /// # Errors
    /// As [`Stack::new`].
    pub fn with_nonlinearity(
        config: StackConfig,
        nonlinearity: Nonlinearity,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        Self::with(config, |input| RnnCell::new(input, config.hidden, nonlinearity, config.bias, rng))
    }
}

impl<E: Element> ProjectedLstm<E> {
    /// LSTM layers with `memory` units, whose outputs are projected to `config.hidden` (Sak, Senior & Beaufays 2014).
    ///
    /// ```
    /// use nn::Mode;
    /// use rand::SeedableRng;
    /// use recurrent::{ProjectedLstm, StackConfig};
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let lstm = ProjectedLstm::<f32>::projected(StackConfig::new(5, 3), 16, &mut rng)?;
    /// let out = lstm.forward(&tensor::Tensor::ones(&[2, 4, 5]).into(), None, None, &mut Mode::Eval);
    /// assert_eq!(out.y.shape(), [2, 4, 3]);                                   // what is handed on is small,
    /// assert_eq!(out.state[0].c.shape(), [2, 16]);                            // the memory is not
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Stack::new`].
    pub fn projected(
        config: StackConfig,
        memory: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        Self::with(config, |input| Projected::lstm(input, memory, config.hidden, config.bias, rng))
    }
}

/// The batch in order of falling length, and back; nothing where it is in that order.
#[derive(Default)]
struct Rows {
    order: Option<(Ids, Ids)>,
}

impl Rows {
    #[track_caller]
    fn by_length(lengths: &[usize], batch: usize, time: usize) -> Self {
        assert!(lengths.len() == batch, "recurrent stack: {} lengths for {batch} rows", lengths.len());
        let longest = lengths.iter().copied().max().unwrap_or(0);
        assert!(longest <= time, "recurrent stack: a length of {longest} in {time} steps");
        if lengths.windows(2).all(|pair| pair[0] >= pair[1]) {
            return Self::default();
        }
        let mut order: Vec<u32> = (0..batch as u32).collect();
        order.sort_by_key(|row| std::cmp::Reverse(lengths[*row as usize]));
        let mut back = vec![0; batch];
        order.iter().enumerate().for_each(|(at, row)| back[*row as usize] = at as u32);
        Self { order: Some((Ids::from_slice(&order), Ids::from_slice(&back))) }
    }

    fn apply(&self, lengths: &[usize]) -> Vec<usize> {
        match &self.order {
            Some((order, _)) => order.data().iter().map(|row| lengths[*row as usize]).collect(),
            None => lengths.to_vec(),
        }
    }

    fn forward<E: Element>(&self, x: &Var<E>, axis: isize) -> Var<E> {
        self.order.as_ref().map_or_else(|| x.clone(), |(order, _)| x.index_select(axis, order))
    }

    fn back<E: Element>(&self, x: &Var<E>, axis: isize) -> Var<E> {
        self.order.as_ref().map_or_else(|| x.clone(), |(_, back)| x.index_select(axis, back))
    }
}

impl<C> Stack<C> {
    /// What PyTorch puts behind the names of the parameters of cell `index`.
    fn suffix(&self, index: usize) -> String {
        let directions = self.config.directions();
        format!("_l{}{}", index / directions, if index % directions == 1 { "_reverse" } else { "" })
    }
}

impl<E: Element, C: Module<E>> Module<E> for Stack<C> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        for (i, cell) in self.cells.iter().enumerate() {
            let suffix = self.suffix(i);
            for (name, param) in cell.parameters() {
                path.scope(&format!("{name}{suffix}"), |path| visitor(path.as_str(), param));
            }
        }
    }

    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        let suffixes: Vec<String> = (0..self.cells.len()).map(|i| self.suffix(i)).collect();
        for (cell, suffix) in self.cells.iter_mut().zip(suffixes) {
            for (name, param) in cell.parameters_mut() {
                path.scope(&format!("{name}{suffix}"), |path| visitor(path.as_str(), param));
            }
        }
    }
}

impl<C> fmt::Display for Stack<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StackConfig { input, hidden, layers, bidirectional, dropout, recurrent_dropout, .. } =
            self.config;
        let cell = std::any::type_name::<C>().split('<').next().unwrap_or_default();
        let cell = cell.rsplit("::").next().unwrap_or_default();
        write!(f, "Stack({cell}, input={input}, hidden={hidden}, layers={layers}")?;
        if bidirectional {
            f.write_str(", bidirectional")?;
        }
        if dropout > 0.0 {
            write!(f, ", dropout={dropout}")?;
        }
        if recurrent_dropout > 0.0 {
            write!(f, ", recurrent_dropout={recurrent_dropout}")?;
        }
        f.write_str(")")
    }
}
