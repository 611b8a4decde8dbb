//! A step of rows that go on from others.

use autograd::Var;
use tensor::{Element, Ids, Tensor};

/// What a step of a search needs: each row goes on from a row of the state before, several often from the same one, with
/// one of the inputs that there are. Sums that rows have in common are computed once.
#[derive(Debug)]
pub struct Fork<'a, E: Element = f32> {
    /// Sums from every input, bias included, `(inputs, sums)`.
    pub inputs: &'a Tensor<E>,
    /// Which input each row has.
    pub input: &'a [u32],
    /// Which row of the state each row goes on from.
    pub parents: &'a [usize],
    /// Sums from what else each of those rows is given, `(places, sums)`.
    pub given: Option<Tensor<E>>,
    /// Sums from the last output of each of those rows, bias included, `(places, sums)`.
    pub recurrent: Tensor<E>,
    /// The place of each row's parent in those two.
    pub places: &'a [u32],
}

impl<E: Element> Fork<'_, E> {
    /// Sums from the input of every row, `(rows, sums)`.
    pub fn input_sums(&self) -> Var<E> {
        let mut sums = self.inputs.index_select(0, &Ids::from_slice(self.input));
        if let Some(given) = &self.given {
            sums.add_assign(&given.index_select(0, &Ids::from_slice(self.places)));
        }
        Var::constant(sums)
    }

    /// Sums from the last output of every row, `(rows, sums)`.
    pub fn recurrent_sums(&self) -> Var<E> {
        Var::constant(self.recurrent.index_select(0, &Ids::from_slice(self.places)))
    }
}
