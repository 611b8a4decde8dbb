//! A whole sequence as one operation: one product for the inputs of all steps, the steps in the kernel of
//! `tensor::kernels::recurrent`, and on the way back one product for each gradient of a weight.

use autograd::Var;
use nn::Param;
use tensor::kernels::recurrent::{Gates, History, Sequence, backward, forward};
use tensor::shape::agree;
use tensor::{Element, Tensor};

use crate::cell::Weights;
use crate::unroll::Order;

/// What a sequence gives.
pub(crate) struct Output<E: Element> {
    /// `(time, batch, hidden)`
    pub(crate) y: Var<E>,
    /// The last output, `(batch, hidden)`.
    pub(crate) h: Var<E>,
    /// The last memory, `(batch, hidden)`.
    pub(crate) c: Option<Var<E>>,
}

/// `x (time, batch, input)`, `h` and `c (batch, hidden)`. Equal to [`unroll`](crate::unroll()) of the cell.
#[track_caller]
pub(crate) fn sequence<E: Element, G: Gates<E>>(
    op: &'static str,
    gates: G,
    x: &Var<E>,
    h: &Var<E>,
    c: Option<&Var<E>>,
    weights: &Weights<E>,
    order: &Order,
) -> Output<E> {
    order.check(x);
    let none: tensor::shape::Operand<'_> = ("", "..", &[]);
    let operands = [
        ("x", "time batch input", x.shape()),
        ("h", "batch hidden", h.shape()),
        c.map_or(none, |c| ("c", "batch hidden", c.shape())),
        ("weight_ih", "gates·hidden input", weights.weight_ih.shape()),
        ("weight_hh", "gates·hidden hidden", weights.weight_hh.shape()),
    ];
    let given: Vec<_> = operands.into_iter().filter(|operand| !operand.0.is_empty()).collect();
    agree(op, &given);
    let biases = [&weights.bias_ih, &weights.bias_hh].map(|bias| bias.as_ref().map(Param::var));
    let maps = [Some(weights.weight_ih.var()), Some(weights.weight_hh.var()), biases[0], biases[1]];
    let inputs: Vec<&Var<E>> = [Some(x), Some(h), c].into_iter().chain(maps).flatten().collect();

    let run = Run::forward(gates, x, h, c, maps, order, Var::will_record(&inputs));
    let (time, memory) = (order.time(), c.is_some());
    let value = run.output();
    let wanted: Vec<bool> = inputs.iter().map(|input| input.needs_grad()).collect();
    let has_bias = biases.map(|bias| bias.is_some());
    let whole = Var::record_many(op, &inputs, value, move |dy| run.backward(dy, &wanted, has_bias));

    // What was the state before the first step is no output.
    let sizes: &[usize] = if order.is_reverse() { &[time, 1, 1, 1] } else { &[1, time, 1, 1] };
    let pieces = whole.split(0, &sizes[..3 + usize::from(memory)]);
    Output {
        y: pieces[usize::from(!order.is_reverse())].clone(),
        h: pieces[2].squeeze(0),
        c: memory.then(|| pieces[3].squeeze(0)),
    }
}

/// A sequence that was computed, and what the way back needs of it.
struct Run<E: Element, G> {
    gates: G,
    order: Order,
    x: Tensor<E>,
    weight_ih: Tensor<E>,
    weight_hh: Tensor<E>,
    /// Outputs in `time + 1` places, then the last output and the last memory.
    states: Tensor<E>,
    /// Memories in `time + 1` places; empty for cells without.
    memories: Tensor<E>,
    saved: Tensor<E>,
}

impl<E: Element, G: Gates<E>> Run<E, G> {
    fn forward(
        gates: G,
        x: &Var<E>,
        h: &Var<E>,
        c: Option<&Var<E>>,
        maps: [Option<&Var<E>>; 4],
        order: &Order,
        save: bool,
    ) -> Self {
        let [weight_ih, weight_hh, bias_ih, bias_hh] =
            maps.map(|map| map.map(|map| map.value().contiguous()));
        let (weight_ih, weight_hh) = (weight_ih.expect("given"), weight_hh.expect("given"));
        let (time, batch, hidden) = (x.dim(0), x.dim(1), weight_hh.dim(1));
        let step = batch * hidden;
        let x = x.value().contiguous();
        let sums = x.linear(&weight_ih, bias_ih.as_ref()); // (time, batch, gates·hidden)
        let stale = |places: usize, wide: usize| Tensor::build(&[places, batch, wide], |_| {});
        let memory = usize::from(c.is_some());
        let mut states = stale(time + 2 + memory, hidden);
        let mut memories = stale((time + 1) * memory, hidden);
        let mut saved = stale(if save { time } else { 0 }, G::SAVED * hidden);
        let (first, last) = if order.is_reverse() { (time, 0) } else { (0, time) };
        let place = |at: usize| at * step..(at + 1) * step;
        let (all, all_c) = (states.data_mut(), memories.data_mut());
        all[place(first)].copy_from_slice(h.value().contiguous().data());
        if let Some(c) = c {
            all_c[place(first)].copy_from_slice(c.value().contiguous().data());
        }
        let shape = Sequence { batch, hidden, active: order.active(), reverse: order.is_reverse() };
        let bias = bias_hh.as_ref().map(Tensor::data);
        let steps = &mut all[..(time + 1) * step];
        forward(gates, &shape, weight_hh.data(), bias, sums.data(), steps, all_c, saved.data_mut());
        all.copy_within(place(last), (time + 1) * step);
        if memory == 1 {
            all[place(time + 2)].copy_from_slice(&all_c[place(last)]);
        }
        Self { gates, order: order.clone(), x, weight_ih, weight_hh, states, memories, saved }
    }

    /// The states; the outputs among them 0 beyond a row's length.
    fn output(&self) -> Tensor<E> {
        let mut output = self.states.clone();
        if self.order.is_ragged() {
            let (batch, hidden) = (output.dim(1), output.dim(2));
            let skip = usize::from(!self.order.is_reverse());
            let places = output.data_mut().chunks_exact_mut((batch * hidden).max(1)).skip(skip);
            for (place, active) in places.zip(self.order.active()) {
                place[active * hidden..].fill(E::ZERO);
            }
        }
        output
    }

    /// Gradients of `x, h, c, weight_ih, weight_hh, bias_ih, bias_hh`, of those that there are.
    fn backward(&self, dy: &Tensor<E>, wanted: &[bool], has_bias: [bool; 2]) -> Vec<Option<Tensor<E>>> {
        let (time, batch, hidden) = (self.x.dim(0), self.x.dim(1), self.weight_hh.dim(1));
        let (width, step) = (G::GATES * hidden, batch * hidden);
        let reverse = self.order.is_reverse();
        let dy = dy.contiguous();
        let from = usize::from(!reverse);
        let place = |at: usize| Tensor::from_slice(&dy.data()[at * step..(at + 1) * step], &[batch, hidden]);
        let mut dh = place(time + 1);
        let mut dc = if G::MEMORY { place(time + 2) } else { Tensor::zeros(&[0]) };
        let stale = |times: usize| Tensor::build(&[times, batch, width], |_| {});
        let mut input = stale(time);
        let mut recurrent = stale(if G::TWO_SUMS { time } else { 0 });
        let history = History {
            h: &self.states.data()[..(time + 1) * step],
            c: self.memories.data(),
            saved: self.saved.data(),
        };
        let shape = Sequence { batch, hidden, active: self.order.active(), reverse };
        backward(
            self.gates,
            &shape,
            self.weight_hh.data(),
            history,
            &dy.data()[from * step..][..time * step],
            dh.data_mut(),
            dc.data_mut(),
            input.data_mut(),
            recurrent.data_mut(),
        );
        let recurrent = if G::TWO_SUMS { recurrent } else { input.clone() };
        let first = usize::from(reverse);
        let before = self.states.slice(0, first..first + time); // (time, batch, hidden)

        let state = 2 + usize::from(G::MEMORY);
        let mut gradients = vec![wanted[0].then(|| input.linear_grad_input(&self.weight_ih)), Some(dh)];
        gradients.extend(G::MEMORY.then_some(Some(dc)));
        gradients.push(wanted[state].then(|| input.linear_grad_weight(&self.x)));
        gradients.push(wanted[state + 1].then(|| recurrent.linear_grad_weight(&before)));
        let bias_ih = has_bias[0].then(|| input.linear_grad_bias());
        let bias_hh = has_bias[1].then(|| match &bias_ih {
            Some(same) if !G::TWO_SUMS => same.clone(),
            _ => recurrent.linear_grad_bias(),
        });
        gradients.extend([bias_ih, bias_hh].into_iter().flatten().map(Some));
        gradients
    }
}
