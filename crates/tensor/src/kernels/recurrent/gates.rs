//! What the cells do between two products: the gates of a row, forward and back.
//!
//! Each loop touches few slices, so that the compiler can prove them apart and vectorises it; a row's part is in the
//! first-level cache throughout.

use crate::Element;
use crate::kernels::compiled::compiled;

/// One row of a step, a range of hidden units. Of the arrays of blocks, a cell uses as many as it has.
#[derive(Debug)]
pub struct Forward<'a, E> {
    /// Sums from the input, a block for each gate.
    pub input: [&'a [E]; 4],
    /// Sums from the state before, a block for each gate.
    pub recurrent: [&'a [E]; 4],
    /// Output before.
    pub h_before: &'a [E],
    /// Memory before; empty for cells without.
    pub c_before: &'a [E],
    /// Output after.
    pub h: &'a mut [E],
    /// Memory after; empty for cells without.
    pub c: &'a mut [E],
    /// What backward needs.
    pub saved: [&'a mut [E]; 4],
}

/// One row of a step on the way back, a range of hidden units.
#[derive(Debug)]
pub struct Backward<'a, E> {
    /// What forward saved.
    pub saved: [&'a [E]; 4],
    /// Output before.
    pub h_before: &'a [E],
    /// Output after.
    pub h: &'a [E],
    /// Memory before; empty for cells without.
    pub c_before: &'a [E],
    /// Memory after; empty for cells without.
    pub c: &'a [E],
    /// In: the gradient of the output after. Out: the part of that of the output before which passes by the products.
    pub dh: &'a mut [E],
    /// In: the gradient of the memory after. Out: of the memory before.
    pub dc: &'a mut [E],
    /// Gradients of the sums from the input, a block for each gate.
    pub input: [&'a mut [E]; 4],
    /// Gradients of the sums from the state, where they differ from `input`; else empty.
    pub recurrent: [&'a mut [E]; 4],
    /// Room for one block.
    pub scratch: &'a mut [E],
}

/// The part of a recurrent cell that works unit by unit.
pub trait Gates<E: Element>: Copy + Send + Sync + 'static {
    /// Blocks of sums.
    const GATES: usize;
    /// Blocks kept for the way back.
    const SAVED: usize;
    /// Whether there is a memory beside the output.
    const MEMORY: bool;
    /// Whether gradients of the two kinds of sums differ.
    const TWO_SUMS: bool;
    /// From the sums to the new state.
    fn forward(self, row: Forward<'_, E>);
    /// From the gradient of the new state to those of the sums.
    fn backward(self, row: Backward<'_, E>);
}

compiled! {
    fn sigmoid_of_sum<'a, E>(x: &'a [E], q: &'a [E], y: &'a mut [E]) {
        for ((y, &x), &q) in y.iter_mut().zip(x).zip(q) {
            *y = (x + q).vsigmoid::<FMA>();
        }
    }

    fn tanh_of_sum<'a, E>(x: &'a [E], q: &'a [E], y: &'a mut [E]) {
        for ((y, &x), &q) in y.iter_mut().zip(x).zip(q) {
            *y = (x + q).vtanh::<FMA>();
        }
    }

    fn relu_of_sum<'a, E>(x: &'a [E], q: &'a [E], y: &'a mut [E]) {
        for ((y, &x), &q) in y.iter_mut().zip(x).zip(q) {
            *y = (x + q).maximum(E::ZERO);
        }
    }

    /// `c = f·c_before + i·g`
    fn remember<'a, E>(i: &'a [E], f: &'a [E], g: &'a [E], c_before: &'a [E], c: &'a mut [E]) {
        for ((((c, &i), &f), &g), &before) in c.iter_mut().zip(i).zip(f).zip(g).zip(c_before) {
            *c = f.fma::<FMA>(before, i * g);
        }
    }

    /// `h = o·tanh c`
    fn show<'a, E>(o: &'a [E], c: &'a [E], h: &'a mut [E]) {
        for ((h, &o), &c) in h.iter_mut().zip(o).zip(c) {
            *h = o * c.vtanh::<FMA>();
        }
    }

    /// `n = tanh(x + r·q)`
    fn candidate<'a, E>(x: &'a [E], r: &'a [E], q: &'a [E], n: &'a mut [E]) {
        for (((n, &x), &r), &q) in n.iter_mut().zip(x).zip(r).zip(q) {
            *n = r.fma::<FMA>(q, x).vtanh::<FMA>();
        }
    }

    /// `h = n + z·(h_before − n)`
    fn mix<'a, E>(n: &'a [E], z: &'a [E], h_before: &'a [E], h: &'a mut [E]) {
        for (((h, &n), &z), &before) in h.iter_mut().zip(n).zip(z).zip(h_before) {
            *h = z.fma::<FMA>(before - n, n);
        }
    }

    fn tanh_into<'a, E>(x: &'a [E], y: &'a mut [E]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x.vtanh::<FMA>();
        }
    }

    /// `out = d·other·y·(1 − y)` for a sigmoid's value `y`.
    fn through_sigmoid<'a, E>(d: &'a [E], other: &'a [E], y: &'a [E], out: &'a mut [E]) {
        for (((out, &d), &other), &y) in out.iter_mut().zip(d).zip(other).zip(y) {
            *out = d * other * (y - y * y);
        }
    }

    /// `out = d·other·(1 − y²)` for a tanh's value `y`.
    fn through_tanh<'a, E>(d: &'a [E], other: &'a [E], y: &'a [E], out: &'a mut [E]) {
        for (((out, &d), &other), &y) in out.iter_mut().zip(d).zip(other).zip(y) {
            *out = d * other * (E::ONE - y * y);
        }
    }

    /// `dc += dh·o·(1 − t²)`
    fn into_memory<'a, E>(dh: &'a [E], o: &'a [E], t: &'a [E], dc: &'a mut [E]) {
        for (((dc, &dh), &o), &t) in dc.iter_mut().zip(dh).zip(o).zip(t) {
            *dc += dh * o * (E::ONE - t * t);
        }
    }

    fn times<'a, E>(x: &'a [E], y: &'a mut [E]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y *= x;
        }
    }

    /// `out = a − b`
    fn difference<'a, E>(a: &'a [E], b: &'a [E], out: &'a mut [E]) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = a - b;
        }
    }

    /// `out = dh·(1 − y²)`
    fn through_tanh_alone<'a, E>(dh: &'a [E], y: &'a [E], out: &'a mut [E]) {
        for ((out, &d), &y) in out.iter_mut().zip(dh).zip(y) {
            *out = d * (E::ONE - y * y);
        }
    }

    fn through_relu<'a, E>(dh: &'a [E], y: &'a [E], out: &'a mut [E]) {
        for ((out, &d), &y) in out.iter_mut().zip(dh).zip(y) {
            *out = if y > E::ZERO { d } else { E::ZERO };
        }
    }

    /// `out = a·b`
    fn product<'a, E>(a: &'a [E], b: &'a [E], out: &'a mut [E]) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = a * b;
        }
    }

    /// `out = a·(1 − b)`
    fn product_with_rest<'a, E>(a: &'a [E], b: &'a [E], out: &'a mut [E]) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = a * (E::ONE - b);
        }
    }
}

/// The LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000): gates i, f, g, o;
/// `c = f·c + i·g`, `h = o·tanh c`. Saves the gates.
#[derive(Clone, Copy, Debug)]
pub struct LstmGates;

impl<E: Element> Gates<E> for LstmGates {
    const GATES: usize = 4;
    const SAVED: usize = 4;
    const MEMORY: bool = true;
    const TWO_SUMS: bool = false;

    fn forward(self, row: Forward<'_, E>) {
        let [xi, xf, xg, xo] = row.input;
        let [qi, qf, qg, qo] = row.recurrent;
        let [i, f, g, o] = row.saved;
        sigmoid_of_sum(xi, qi, i);
        sigmoid_of_sum(xf, qf, f);
        tanh_of_sum(xg, qg, g);
        sigmoid_of_sum(xo, qo, o);
        remember(i, f, g, row.c_before, row.c);
        show(o, row.c, row.h);
    }

    fn backward(self, row: Backward<'_, E>) {
        let [i, f, g, o] = row.saved;
        let [di, df, dg, d_o] = row.input;
        let (dh, dc, t) = (row.dh, row.dc, row.scratch);
        tanh_into(row.c, t);
        through_sigmoid(dh, t, o, d_o);
        into_memory(dh, o, t, dc);
        through_sigmoid(dc, g, i, di);
        through_sigmoid(dc, row.c_before, f, df);
        through_tanh(dc, i, g, dg);
        times(f, dc);
        dh.fill(E::ZERO);
    }
}

/// The GRU (Cho et al. 2014) with the reset gate after the product, as in cuDNN and PyTorch: gates r, z, n;
/// `n = tanh(x + r·q)`, `h = (1 − z)·n + z·h`. Saves the gates and the recurrent sum `q` of n.
#[derive(Clone, Copy, Debug)]
pub struct GruGates;

impl<E: Element> Gates<E> for GruGates {
    const GATES: usize = 3;
    const SAVED: usize = 4;
    const MEMORY: bool = false;
    const TWO_SUMS: bool = true;

    fn forward(self, row: Forward<'_, E>) {
        let [xr, xz, xn, _] = row.input;
        let [qr, qz, qn, _] = row.recurrent;
        let [r, z, n, q] = row.saved;
        sigmoid_of_sum(xr, qr, r);
        sigmoid_of_sum(xz, qz, z);
        q.copy_from_slice(qn);
        candidate(xn, r, q, n);
        mix(n, z, row.h_before, row.h);
    }

    fn backward(self, row: Backward<'_, E>) {
        let [r, z, n, q] = row.saved;
        let [dr, dz, dn, _] = row.input;
        let [to_r, to_z, to_q, _] = row.recurrent;
        let (dh, t) = (row.dh, row.scratch);
        product_with_rest(dh, z, t);
        through_tanh_alone(t, n, dn);
        product(dn, r, to_q);
        through_sigmoid(dn, q, r, dr);
        difference(row.h_before, n, t);
        through_sigmoid(dh, t, z, dz);
        to_r.copy_from_slice(dr);
        to_z.copy_from_slice(dz);
        times(z, dh);
    }
}

/// The simple recurrent network (Elman 1990), `h = tanh(x + q)` or `max(x + q, 0)`. Saves nothing but the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RnnGates {
    /// Hyperbolic tangent.
    Tanh,
    /// Rectifier.
    Relu,
}

impl<E: Element> Gates<E> for RnnGates {
    const GATES: usize = 1;
    const SAVED: usize = 0;
    const MEMORY: bool = false;
    const TWO_SUMS: bool = false;

    fn forward(self, row: Forward<'_, E>) {
        match self {
            Self::Tanh => tanh_of_sum(row.input[0], row.recurrent[0], row.h),
            Self::Relu => relu_of_sum(row.input[0], row.recurrent[0], row.h),
        }
    }

    fn backward(self, row: Backward<'_, E>) {
        let [d, ..] = row.input;
        match self {
            Self::Tanh => through_tanh_alone(row.dh, row.h, d),
            Self::Relu => through_relu(row.dh, row.h, d),
        }
        row.dh.fill(E::ZERO);
    }
}
