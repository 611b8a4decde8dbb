//! The steps of a sequence, one after the other.

use std::ops::Range;

use super::{Forward, Gates, Sequence, blocks, blocks_mut, each, two_pieces};
use crate::Element;
use crate::kernels::gemm::{
    MatMut, MatRef, NoEpilogue, Output, PackedB, gemm_packed_serial, gemm_serial, worth_sharing,
};
use crate::kernels::shared_rows::SharedRows;

/// Up to this many rows weights are read where they are: packing them would cost more than it saves.
const UNPACKED_ROWS: usize = 8;

/// Computes all steps. `weight (gates·hidden, hidden)` and `bias (gates·hidden)` are those of the state, `sums
/// (time, batch, gates·hidden)` come from the inputs. Of `h (time + 1, batch, hidden)` and, for cells with a memory,
/// `c`, the place before the first step computed is given (0, or `time` in reverse), and the others are written.
/// `saved (time, batch, saved·hidden)` is for [`backward`](super::backward()), or empty.
///
/// # Panics
/// If the lengths do not fit the sizes, or more rows are active later.
///
/// ```
/// use tensor::kernels::recurrent::{RnnGates, Sequence, forward};
/// let shape = Sequence { batch: 1, hidden: 1, active: &[1, 1], reverse: false };
/// let mut h = [1.0_f32, 0.0, 0.0]; // the first state, and room for two more
/// forward(RnnGates::Relu, &shape, &[2.0], None, &[3.0, -20.0], &mut h, &mut [], &mut []);
/// assert_eq!(h, [1.0, 5.0, 0.0]);
/// ```
#[track_caller]
pub fn forward<E: Element, G: Gates<E>>(
    gates: G,
    shape: &Sequence<'_>,
    weight: &[E],
    bias: Option<&[E]>,
    sums: &[E],
    h: &mut [E],
    c: &mut [E],
    saved: &mut [E],
) {
    let (time, batch, hidden) = (shape.time(), shape.batch, shape.hidden);
    let (width, step) = (G::GATES * hidden, batch * hidden);
    let memory = usize::from(G::MEMORY) * step;
    let save = if saved.is_empty() { 0 } else { G::SAVED * step };
    shape.check(&[
        ("weight", weight.len(), width * hidden),
        ("bias", bias.map_or(width, <[E]>::len), width),
        ("sums", sums.len(), time * batch * width),
        ("h", h.len(), (time + 1) * step),
        ("c", c.len(), (time + 1) * memory),
        ("saved", saved.len(), time * save),
    ]);
    if time == 0 || step == 0 {
        return;
    }
    let parallel = worth_sharing(batch, hidden, width);
    let mut parts: Vec<Part<E>> = shape.parts().map(|units| Part::new(units, batch, G::GATES)).collect();
    if batch > UNPACKED_ROWS {
        each(&mut parts, parallel, |part| part.pack(weight, hidden, G::GATES));
    }
    for t in shape.steps() {
        let (h_before, h) = two_pieces(h, shape.before(t), shape.after(t), step);
        let (c_before, c) = two_pieces(c, shape.before(t), shape.after(t), memory);
        let job = Step {
            gates,
            batch,
            hidden,
            active: shape.active[t],
            weight,
            bias,
            sums: &sums[t * batch * width..][..batch * width],
            h_before,
            c_before,
            h: SharedRows::new(h, hidden),
            c: SharedRows::new(c, hidden),
            saved: SharedRows::new(&mut saved[t * save..][..save], G::SAVED * hidden),
            save: save > 0,
        };
        each(&mut parts, parallel, |part| job.run(part));
    }
}

/// Some of the hidden units and what one thread needs to compute them.
struct Part<E> {
    units: Range<usize>,
    /// The columns of its units in all gates, `(hidden, gates·units)`, unless read in place.
    packed: Option<PackedB<E>>,
    /// Sums from the state, `(batch, gates·units)`.
    sums: Vec<E>,
    /// In place of what is saved where nothing is, four blocks.
    unsaved: Vec<E>,
}

impl<E: Element> Part<E> {
    fn new(units: Range<usize>, batch: usize, gates: usize) -> Self {
        let (sums, unsaved) = (batch * gates * units.len(), 4 * units.len());
        Self { units, packed: None, sums: vec![E::ZERO; sums], unsaved: vec![E::ZERO; unsaved] }
    }

    fn pack(&mut self, weight: &[E], hidden: usize, gates: usize) {
        let rows =
            |gate: usize| &weight[(gate * hidden + self.units.start) * hidden..][..self.units.len() * hidden];
        let own: Vec<E> = (0..gates).flat_map(|gate| rows(gate).iter().copied()).collect();
        let own = MatRef::row_major(&own, gates * self.units.len(), hidden);
        self.packed = Some(PackedB::new(own.t()));
    }
}

/// One step, for all parts.
struct Step<'a, E, G> {
    gates: G,
    batch: usize,
    hidden: usize,
    active: usize,
    weight: &'a [E],
    bias: Option<&'a [E]>,
    sums: &'a [E],
    h_before: &'a [E],
    c_before: &'a [E],
    h: SharedRows<'a, E>,
    c: SharedRows<'a, E>,
    saved: SharedRows<'a, E>,
    save: bool,
}

impl<E: Element, G: Gates<E>> Step<'_, E, G> {
    fn run(&self, part: &mut Part<E>) {
        self.multiply(part);
        let (hidden, units, count) = (self.hidden, part.units.clone(), part.units.len());
        for row in 0..self.batch {
            let own = row * hidden + units.start..row * hidden + units.end;
            // SAFETY: each part takes the columns of its own units only, and a row's once.
            let (h, c) = unsafe {
                let c = if G::MEMORY { self.c.segment(row, units.start, count) } else { &mut [] };
                (self.h.segment(row, units.start, count), c)
            };
            let h_before = &self.h_before[own.clone()];
            let c_before = if G::MEMORY { &self.c_before[own] } else { &[] };
            if row >= self.active {
                h.copy_from_slice(h_before);
                c.copy_from_slice(c_before);
                continue;
            }
            let input = &self.sums[row * G::GATES * hidden..];
            let recurrent = &part.sums[row * G::GATES * count..];
            let mut unsaved = part.unsaved.chunks_exact_mut(count);
            let saved = blocks_mut(G::SAVED, |block| match self.save {
                // SAFETY: as above; blocks lie side by side.
                true => unsafe { self.saved.segment(row, block * hidden + units.start, count) },
                false => unsaved.next().expect("room for four blocks"),
            });
            self.gates.forward(Forward {
                input: blocks(G::GATES, |gate| &input[gate * hidden + units.start..][..count]),
                recurrent: blocks(G::GATES, |gate| &recurrent[gate * count..][..count]),
                h_before,
                c_before,
                h,
                c,
                saved,
            });
        }
    }

    /// The part's sums from the state, `h_before · weightᵀ + bias`.
    fn multiply(&self, part: &mut Part<E>) {
        let (hidden, count, active) = (self.hidden, part.units.len(), self.active);
        let width = G::GATES * count;
        if active == 0 {
            return;
        }
        let output = match self.bias {
            None => Output::Replace,
            Some(bias) => {
                for row in part.sums[..active * width].chunks_exact_mut(width) {
                    for (gate, block) in row.chunks_exact_mut(count).enumerate() {
                        block.copy_from_slice(&bias[gate * hidden + part.units.start..][..count]);
                    }
                }
                Output::Accumulate
            }
        };
        let state = MatRef::row_major(self.h_before, active, hidden);
        if let Some(packed) = &part.packed {
            let sums = MatMut::row_major(&mut part.sums, active, width);
            return gemm_packed_serial(state, packed, sums, output, &NoEpilogue);
        }
        for gate in 0..G::GATES {
            let rows = &self.weight[(gate * hidden + part.units.start) * hidden..];
            let columns = MatRef::row_major(rows, count, hidden).t();
            let sums = MatMut::new(&mut part.sums[gate * count..], active, count, width);
            gemm_serial(state, columns, sums, output, &NoEpilogue);
        }
    }
}
