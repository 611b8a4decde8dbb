//! What a cell remembers from one step to the next.

use autograd::Var;
use tensor::{Bools, Element, Ids};

/// The state of a cell, explicit: it goes into a step and comes out.
///
/// A simple RNN's and a GRU's is a [`Var`], the output `(batch, hidden)`; an LSTM's is [`LstmState`].
pub trait State<E: Element = f32>: Clone {
    /// The output of the step that led here, `(batch, hidden)`.
    fn hidden(&self) -> &Var<E>;

    /// This state with another output.
    #[must_use]
    fn with_hidden(&self, hidden: Var<E>) -> Self;

    /// `f` of everything in the state.
    #[must_use]
    fn map(&self, f: impl FnMut(&Var<E>) -> Var<E>) -> Self;

    /// `f` of everything in two states.
    #[must_use]
    fn zip(&self, other: &Self, f: impl FnMut(&Var<E>, &Var<E>) -> Var<E>) -> Self;

    /// The same values as constants: gradients stop here, as between windows of truncated backpropagation.
    ///
    /// ```
    /// use nn::{Mode, Module};
    /// use rand::SeedableRng;
    /// use recurrent::{Gru, StackConfig, State};
    /// use tensor::Tensor;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let gru = Gru::<f32>::new(StackConfig::new(2, 3), &mut rng)?;
    /// let first = autograd::Var::leaf(Tensor::ones(&[1, 4, 2]));
    /// let second = Tensor::ones(&[1, 4, 2]).into();                                  // (batch, time, input)
    /// let state = gru.forward(&first, None, None, &mut Mode::Eval).state;
    /// let cut: Vec<_> = state.iter().map(State::detach).collect();
    /// let whole = gru.forward(&second, Some(&state), None, &mut Mode::Eval).y;
    /// let window = gru.forward(&second, Some(&cut), None, &mut Mode::Eval).y;
    /// assert_eq!(whole.value(), window.value());
    /// assert!(whole.sum().backward()?.get(&first).is_some());
    /// assert!(window.sum().backward()?.get(&first).is_none());                        // not across the cut
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    fn detach(&self) -> Self {
        self.map(Var::detach)
    }

    /// The rows `rows` of the batch, in that order; a row may occur any number of times.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    fn rows(&self, rows: &[usize]) -> Self {
        let ids = Ids::from_slice(&rows.iter().map(|row| *row as u32).collect::<Vec<_>>());
        self.map(|part| part.index_select(0, &ids))
    }

    /// This state where `mask (batch, 1)` is true, `other` elsewhere.
    #[must_use]
    fn or(&self, mask: &Bools, other: &Self) -> Self {
        self.zip(other, |a, b| Var::select_where(mask, a, b))
    }
}

impl<E: Element> State<E> for Var<E> {
    fn hidden(&self) -> &Var<E> {
        self
    }

    fn with_hidden(&self, hidden: Var<E>) -> Self {
        hidden
    }

    fn map(&self, mut f: impl FnMut(&Var<E>) -> Var<E>) -> Self {
        f(self)
    }

    fn zip(&self, other: &Self, mut f: impl FnMut(&Var<E>, &Var<E>) -> Var<E>) -> Self {
        f(self, other)
    }
}

/// Output and memory of an LSTM.
///
/// ```
/// use recurrent::{LstmState, State};
/// use tensor::Tensor;
/// let zeros = || Tensor::<f32>::zeros(&[2, 3]).into();                      // (batch, hidden)
/// let state = LstmState { h: zeros(), c: zeros() };
/// let moved = state.map(|part| part + 1.0);                                // both parts
/// assert_eq!(moved.rows(&[1]).c.value().to_vec(), [1.0; 3]);               // the second row alone
/// ```
#[derive(Clone, Debug)]
pub struct LstmState<E: Element = f32> {
    /// The output, `(batch, hidden)`, or `(batch, projected)` behind a projection.
    pub h: Var<E>,
    /// The memory, `(batch, hidden)`.
    pub c: Var<E>,
}

impl<E: Element> State<E> for LstmState<E> {
    fn hidden(&self) -> &Var<E> {
        &self.h
    }

    fn with_hidden(&self, hidden: Var<E>) -> Self {
        Self { h: hidden, c: self.c.clone() }
    }

    fn map(&self, mut f: impl FnMut(&Var<E>) -> Var<E>) -> Self {
        Self { h: f(&self.h), c: f(&self.c) }
    }

    fn zip(&self, other: &Self, mut f: impl FnMut(&Var<E>, &Var<E>) -> Var<E>) -> Self {
        Self { h: f(&self.h, &other.h), c: f(&self.c, &other.c) }
    }
}
