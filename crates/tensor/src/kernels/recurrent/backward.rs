//! The steps of a sequence, from the last to the first.

use std::ops::Range;

use super::{Backward, Gates, Sequence, blocks, blocks_mut, each, two_pieces};
use crate::Element;
use crate::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, PackedB, gemm_packed_serial, worth_sharing};
use crate::kernels::map;
use crate::kernels::shared_rows::SharedRows;

/// What [`forward`](super::forward()) left for the way back.
#[derive(Clone, Copy, Debug)]
pub struct History<'a, E> {
    /// Outputs, `(time + 1, batch, hidden)`.
    pub h: &'a [E],
    /// Memories, the same; empty for cells without.
    pub c: &'a [E],
    /// What the gates saved.
    pub saved: &'a [E],
}

/// Back through time. `dy (time, batch, hidden)` is the gradient of the outputs; `dh (batch, hidden)` and, for cells
/// with a memory, `dc` hold those of the last state and get those of the first. Gradients of the sums go to `input`
/// and, where they differ, `recurrent`, both `(time, batch, gates·hidden)`, zero where a row is not active.
///
/// # Panics
/// If the lengths do not fit the sizes, or more rows are active later.
#[track_caller]
pub fn backward<E: Element, G: Gates<E>>(
    gates: G,
    shape: &Sequence<'_>,
    weight: &[E],
    history: History<'_, E>,
    dy: &[E],
    dh: &mut [E],
    dc: &mut [E],
    input: &mut [E],
    recurrent: &mut [E],
) {
    let (time, batch, hidden) = (shape.time(), shape.batch, shape.hidden);
    let (width, step) = (G::GATES * hidden, batch * hidden);
    let (memory, sums) = (usize::from(G::MEMORY) * step, batch * width);
    shape.check(&[
        ("weight", weight.len(), width * hidden),
        ("h", history.h.len(), (time + 1) * step),
        ("c", history.c.len(), (time + 1) * memory),
        ("saved", history.saved.len(), time * G::SAVED * step),
        ("dy", dy.len(), time * step),
        ("dh", dh.len(), step),
        ("dc", dc.len(), memory),
        ("input", input.len(), time * sums),
        ("recurrent", recurrent.len(), usize::from(G::TWO_SUMS) * time * sums),
    ]);
    if time == 0 || step == 0 {
        return;
    }
    let parallel = worth_sharing(batch, hidden, width);
    let weight = MatRef::row_major(weight, width, hidden);
    let mut parts: Vec<Part<E>> = shape.parts().map(|units| Part::new(units, batch)).collect();
    each(&mut parts, parallel, |part| part.begin(weight, dh, dc, hidden));
    // The step computed before, which is the later one, whose sums have yet to be multiplied.
    let mut later = None;
    for t in shape.steps().rev() {
        let read = later.unwrap_or(if t == 0 { time - 1 } else { t - 1 });
        let (pending, input, recurrent) = match (time, G::TWO_SUMS) {
            (1, _) => (&[][..], &mut *input, &mut *recurrent),
            (_, true) => {
                let (pending, recurrent) = two_pieces(recurrent, read, t, sums);
                (pending, &mut input[t * sums..][..sums], recurrent)
            }
            (_, false) => {
                let (pending, input) = two_pieces(input, read, t, sums);
                (pending, input, &mut *recurrent)
            }
        };
        let place = |at: usize| at * step..(at + 1) * step;
        let memory = |at: usize| at * memory..(at + 1) * memory;
        let job = Step {
            gates,
            batch,
            hidden,
            active: shape.active[t],
            pending: later.map(|later: usize| &pending[..shape.active[later] * width]),
            dy: &dy[place(t)],
            h_before: &history.h[place(shape.before(t))],
            h: &history.h[place(shape.after(t))],
            c_before: &history.c[memory(shape.before(t))],
            c: &history.c[memory(shape.after(t))],
            saved: &history.saved[t * G::SAVED * step..][..G::SAVED * step],
            input: SharedRows::new(input, width),
            recurrent: SharedRows::new(recurrent, width),
        };
        each(&mut parts, parallel, |part| job.run(part));
        later = Some(t);
    }
    let first = later.expect("at least one step");
    let pending = &(if G::TWO_SUMS { recurrent } else { input })[first * sums..];
    let pending = &pending[..shape.active[first] * width];
    each(&mut parts, parallel, |part| part.pass_on(pending, width));
    parts.iter().for_each(|part| part.finish(dh, dc, hidden));
}

/// Some of the hidden units and what one thread needs to compute them.
struct Part<E> {
    units: Range<usize>,
    /// The rows of the weights' transpose for its units, `(gates·hidden, units)`.
    packed: Option<PackedB<E>>,
    /// Gradient of the output, `(batch, units)`.
    dh: Vec<E>,
    /// Gradient of the memory, `(batch, units)`; empty for cells without.
    dc: Vec<E>,
    /// One block.
    scratch: Vec<E>,
}

impl<E: Element> Part<E> {
    fn new(units: Range<usize>, batch: usize) -> Self {
        let (count, dh) = (units.len(), vec![E::ZERO; batch * units.len()]);
        Self { units, packed: None, dh, dc: Vec::new(), scratch: vec![E::ZERO; count] }
    }

    fn begin(&mut self, weight: MatRef<'_, E>, dh: &[E], dc: &[E], hidden: usize) {
        self.packed = Some(PackedB::new(weight.cols_range(self.units.clone())));
        let own =
            |rows: &[E]| rows.chunks_exact(hidden).flat_map(|row| row[self.units.clone()].to_vec()).collect();
        (self.dh, self.dc) = (own(dh), own(dc));
    }

    /// Adds what comes back through the product, from the gradients of the sums `(rows, width)` of the later step.
    fn pass_on(&mut self, sums: &[E], width: usize) {
        let (rows, packed) = (sums.len() / width, self.packed.as_ref().expect("packed at the beginning"));
        let (sums, dh) = (MatRef::row_major(sums, rows, width), &mut self.dh);
        let dh = MatMut::row_major(dh, rows, self.units.len());
        gemm_packed_serial(sums, packed, dh, Output::Accumulate, &NoEpilogue);
    }

    fn finish(&self, dh: &mut [E], dc: &mut [E], hidden: usize) {
        for (all, own) in [(dh, &self.dh), (dc, &self.dc)] {
            let rows = all.chunks_exact_mut(hidden).zip(own.chunks_exact(self.units.len()));
            rows.for_each(|(row, own)| row[self.units.clone()].copy_from_slice(own));
        }
    }
}

/// One step, for all parts.
struct Step<'a, E, G> {
    gates: G,
    batch: usize,
    hidden: usize,
    active: usize,
    /// Gradients of the later step's sums.
    pending: Option<&'a [E]>,
    dy: &'a [E],
    h_before: &'a [E],
    h: &'a [E],
    c_before: &'a [E],
    c: &'a [E],
    saved: &'a [E],
    input: SharedRows<'a, E>,
    recurrent: SharedRows<'a, E>,
}

impl<E: Element, G: Gates<E>> Step<'_, E, G> {
    fn run(&self, part: &mut Part<E>) {
        let (hidden, units, count) = (self.hidden, part.units.clone(), part.units.len());
        if let Some(pending) = self.pending {
            part.pass_on(pending, G::GATES * hidden);
        }
        let two = if G::TWO_SUMS { G::GATES } else { 0 };
        for row in 0..self.batch {
            // SAFETY: each part takes the columns of its own units only, a row's once; blocks lie side by side.
            let (mut input, mut recurrent) = unsafe {
                let at = |gate: usize| gate * hidden + units.start;
                (
                    blocks_mut(G::GATES, |gate| self.input.segment(row, at(gate), count)),
                    blocks_mut(two, |gate| self.recurrent.segment(row, at(gate), count)),
                )
            };
            if row >= self.active {
                input.iter_mut().chain(&mut recurrent).for_each(|block| block.fill(E::ZERO));
                continue;
            }
            let own = row * hidden + units.start..row * hidden + units.end;
            let memory = if G::MEMORY { own.clone() } else { 0..0 };
            let dh = &mut part.dh[row * count..][..count];
            map::add_assign(dh, &self.dy[own.clone()]);
            let saved = &self.saved[row * G::SAVED * hidden..];
            self.gates.backward(Backward {
                saved: blocks(G::SAVED, |block| &saved[block * hidden + units.start..][..count]),
                h_before: &self.h_before[own.clone()],
                h: &self.h[own.clone()],
                c_before: &self.c_before[memory.clone()],
                c: &self.c[memory],
                dh,
                dc: if G::MEMORY { &mut part.dc[row * count..][..count] } else { &mut [] },
                input,
                recurrent,
                scratch: &mut part.scratch,
            });
        }
    }
}
