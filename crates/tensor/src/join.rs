//! Putting tensors together and taking them apart.

use crate::element::Element;
use crate::elementwise::{merge, segments};
use crate::kernels::par;
use crate::reduce::split_at_axis;
use crate::shape::{self, Dims, axis_index};
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// The parts behind one another along `axis`, in which alone their shapes may differ.
    ///
    /// # Panics
    /// If there are no parts, or another dimension differs.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let (a, b) = (Tensor::<f32>::zeros(&[2, 1]), Tensor::<f32>::ones(&[2, 2]));
    /// assert_eq!(Tensor::concat(&[&a, &b], 1).to_vec(), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn concat(parts: &[&Self], axis: isize) -> Self {
        assert!(!parts.is_empty(), "concat: no tensors");
        let first = parts[0];
        let at = axis_index("concat", axis, first.rank());
        let mut shape = first.shape;
        shape[at] = 0;
        for (i, part) in parts.iter().enumerate() {
            let agrees = part.rank() == first.rank()
                && (0..first.rank()).all(|d| d == at || part.shape[d] == first.shape[d]);
            if !agrees {
                let name = format!("tensor {i}");
                let operands = [("tensor 0", "", first.shape()), (&name, "", part.shape())];
                shape::fail("concat", &operands, &format!("shapes differ in more than axis {axis}"));
            }
            shape[at] += part.shape[at];
        }
        Self::build(&shape, |out| {
            let mut start = 0;
            for part in parts {
                write_block(part, out, &shape, at, start);
                start += part.shape[at];
            }
        })
    }

    /// The parts, all of one shape, along a new dimension before `axis`; −1 appends it at the end.
    ///
    /// # Panics
    /// If there are no parts or their shapes differ.
    #[track_caller]
    pub fn stack(parts: &[&Self], axis: isize) -> Self {
        assert!(!parts.is_empty(), "stack: no tensors");
        if let Some(other) = parts.iter().position(|part| part.shape != parts[0].shape) {
            let name = format!("tensor {other}");
            let operands = [("tensor 0", "", parts[0].shape()), (&name, "", parts[other].shape())];
            shape::fail("stack", &operands, "shapes differ");
        }
        let parts: Vec<Self> = parts.iter().map(|part| part.unsqueeze(axis)).collect();
        Self::concat(&parts.iter().collect::<Vec<_>>(), axis)
    }

    /// Consecutive pieces of these sizes along `axis`. Views.
    ///
    /// # Panics
    /// If the sizes do not add up to the dimension.
    #[track_caller]
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Vec<Self> {
        let total: usize = sizes.iter().sum();
        assert!(
            total == self.dim(axis),
            "split: sizes {sizes:?} add up to {total}, not to axis {axis} of shape {:?}",
            self.shape()
        );
        let mut start = 0;
        sizes
            .iter()
            .map(|size| {
                let piece = self.slice(axis, start..start + size);
                start += size;
                piece
            })
            .collect()
    }

    /// `n` pieces of equal size along `axis`. Views.
    ///
    /// # Panics
    /// If `n` does not divide the dimension.
    #[track_caller]
    pub fn chunk(&self, axis: isize, n: usize) -> Vec<Self> {
        let size = self.dim(axis);
        assert!(
            n > 0 && size.is_multiple_of(n),
            "chunk: axis {axis} of shape {:?} in {n} equal pieces",
            self.shape()
        );
        self.split(axis, &vec![size / n; n])
    }

    /// `before` and `after` copies of `value` added at the ends of `axis`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn pad(&self, axis: isize, before: usize, after: usize, value: E) -> Self {
        let at = axis_index("pad", axis, self.rank());
        let mut shape = self.shape;
        shape[at] += before + after;
        let mut out = Self::full(&shape, value);
        write_block(self, out.data_mut(), &shape, at, before);
        out
    }

    /// The whole tensor repeated `times[i]` times along dimension `i` (NumPy's `tile`). Fewer numbers than
    /// dimensions mean the last ones; more add dimensions in front.
    pub fn repeat(&self, times: &[usize]) -> Self {
        let rank = self.rank().max(times.len());
        let padded = |values: &[usize]| [&vec![1; rank - values.len()], values].concat();
        let (dims, times) = (padded(&self.shape), padded(times));
        // One axis at a time as (outer, times, dim · inner) with `times` stretched: three dimensions, whatever the rank.
        let mut out = self.reshape(&dims);
        for axis in 0..rank {
            if times[axis] != 1 {
                let [outer, dim, inner] = split_at_axis(&out.shape, axis);
                let mut shape = out.shape;
                shape[axis] *= times[axis];
                let stretched =
                    out.reshape(&[outer, 1, dim * inner]).broadcast_to(&[outer, times[axis], dim * inner]);
                out = stretched.reshape(&shape);
            }
        }
        out
    }

    /// [`repeat`](Self::repeat) under NumPy's name.
    pub fn tile(&self, times: &[usize]) -> Self {
        self.repeat(times)
    }

    /// The order along `axis` reversed.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Self {
        let at = axis_index("flip", axis, self.rank());
        let size = self.shape[at];
        self.rearranged(at, |i| size - 1 - i)
    }

    /// Element `i` along `axis` moved to `i + shift`, those that leave at the end coming in at the front.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn roll(&self, axis: isize, shift: isize) -> Self {
        let at = axis_index("roll", axis, self.rank());
        let size = self.shape[at] as isize;
        self.rearranged(at, |i| (i as isize - shift).rem_euclid(size) as usize)
    }

    /// Result index `i` along `axis` is `source(i)` of this.
    fn rearranged(&self, axis: usize, source: impl Fn(usize) -> usize + Sync) -> Self {
        let from = self.contiguous();
        let [_, size, inner] = split_at_axis(&self.shape, axis);
        Self::build(&self.shape, |out| {
            if out.is_empty() {
                return;
            }
            let rows = out.len() / inner;
            par::for_each(par::rows(out, inner), rows, par::rows_per_chunk(inner), |start, part| {
                for (row, out) in (start..).zip(part.data.chunks_exact_mut(inner)) {
                    let at = row - row % size + source(row % size);
                    out.copy_from_slice(&from.data()[at * inner..][..inner]);
                }
            });
        })
    }

    /// The lower triangle of each matrix `(.., rows, cols)`: elements with `col ≤ row + k` kept, others 0.
    ///
    /// # Panics
    /// Below two dimensions.
    #[track_caller]
    pub fn tril(&self, k: isize) -> Self {
        self.triangle("tril", move |row, col| col <= row + k)
    }

    /// The upper triangle of each matrix `(.., rows, cols)`: elements with `col ≥ row + k` kept, others 0.
    ///
    /// # Panics
    /// Below two dimensions.
    #[track_caller]
    pub fn triu(&self, k: isize) -> Self {
        self.triangle("triu", move |row, col| col >= row + k)
    }

    #[track_caller]
    fn triangle(&self, op: &str, keep: impl Fn(isize, isize) -> bool) -> Self {
        shape::agree(op, &[("x", ".. rows cols", self.shape())]);
        let (rows, cols) = (self.dim(-2), self.dim(-1));
        let mut out = self.contiguous();
        if out.is_empty() {
            return out;
        }
        for (row, line) in out.data_mut().chunks_exact_mut(cols).enumerate() {
            for (col, x) in line.iter_mut().enumerate() {
                if !keep((row % rows) as isize, col as isize) {
                    *x = E::ZERO;
                }
            }
        }
        out
    }
}

/// Copies `part` into the row-major `out` of shape `shape`, at `start` along `axis`.
fn write_block<E: Element>(part: &Tensor<E>, out: &mut [E], shape: &Dims, axis: usize, start: usize) {
    let [outer, _, _] = split_at_axis(shape, axis);
    let [_, length, inner] = split_at_axis(&part.shape, axis);
    if part.is_empty() {
        return;
    }
    let (dims, strides) = merge(&part.shape, [part.strides]);
    let source = part.strided_data();
    let (stride, width) = (out.len() / outer, length * inner);
    let tasks = par::rows_per_chunk(width);
    par::for_each(par::rows(out, stride), outer, tasks, |first, rows| {
        for (row, out) in (first..).zip(rows.data.chunks_exact_mut(stride)) {
            let block = &mut out[start * inner..][..width];
            segments(&dims, strides, row * width, block, &mut |[at], [step], out| match step {
                1 => out.copy_from_slice(&source[at..][..out.len()]),
                _ => out.iter_mut().enumerate().for_each(|(i, o)| *o = source[at + i * step]),
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::par::tests::same_on_any_threads;
    use crate::test_views::{indices, reshown, view};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn concat_then_split_is_identity(
            shape in prop::collection::vec(1_usize..5, 1..5),
            axis in 0_usize..8,
            sizes in prop::collection::vec(0_usize..4, 1..4),
            kinds in prop::collection::vec(0_usize..5, 4),
        ) {
            let axis = axis % shape.len();
            let parts: Vec<Tensor<f64>> = sizes.iter().zip(&kinds).map(|(size, kind)| {
                let mut shape = shape.clone();
                shape[axis] = *size;
                reshown(&shape, *kind, axis, 1)
            }).collect();
            let whole = Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis as isize);
            prop_assert_eq!(whole.split(axis as isize - shape.len() as isize, &sizes), parts);
        }

        #[test]
        fn stack_then_select(x in view(0..4), axis in 0_usize..8) {
            prop_assume!(x.rank() < 4);
            let axis = (axis % (x.rank() + 1)) as isize;
            let y = &x * 2.0;
            let both = Tensor::stack(&[&x, &y], axis);
            prop_assert_eq!(both.select(axis, 0), x);
            prop_assert_eq!(both.select(axis, 1), y);
        }

        #[test]
        fn moves_by_index(x in view(0..5), axis in 0_usize..8, shift in -6_isize..7, before in 0_usize..3) {
            prop_assume!(x.rank() > 0);
            let axis = axis % x.rank();
            let (a, size) = (axis as isize, x.shape()[axis]);
            let (flipped, rolled) = (x.flip(a), x.roll(a, shift));
            let padded = x.pad(a, before, 1, 7.5);
            for index in indices(padded.shape()) {
                let mut at = index.clone();
                let inside = (before..before + size).contains(&index[axis]);
                let expected = if inside { at[axis] -= before; x.at(&at) } else { 7.5 };
                prop_assert_eq!(padded.at(&index), expected);
            }
            for index in indices(x.shape()) {
                let mut at = index.clone();
                at[axis] = size - 1 - index[axis];
                prop_assert_eq!(flipped.at(&index), x.at(&at));
                at[axis] = (index[axis] as isize + shift).rem_euclid(size as isize) as usize;
                prop_assert_eq!(rolled.at(&at), x.at(&index));
            }
        }

        #[test]
        fn repeat_reads_modulo(x in view(0..4), times in prop::collection::vec(0_usize..4, 0..5)) {
            let y = x.tile(&times);
            let new = y.rank() - x.rank();
            for index in indices(y.shape()) {
                let at: Vec<usize> = (0..x.rank()).map(|axis| index[axis + new] % x.shape()[axis]).collect();
                prop_assert_eq!(y.at(&index), x.at(&at));
            }
            let size: usize = times.iter().product();
            prop_assert_eq!(y.len(), x.len() * size);
        }

        #[test]
        fn triangles_add_up(x in view(0..5), k in -4_isize..5) {
            prop_assume!(x.rank() >= 2);
            let (low, high) = (x.tril(k), x.triu(k + 1));
            prop_assert_eq!(&low + &high, x.contiguous());
            for index in indices(x.shape()) {
                let (row, col) = (index[x.rank() - 2] as isize, index[x.rank() - 1] as isize);
                prop_assert_eq!(low.at(&index), if col <= row + k { x.at(&index) } else { 0.0 });
            }
        }
    }

    #[test]
    fn large_pieces_join_in_parallel() {
        let x = Tensor::<f32>::arange(300_000).reshape(&[300, 1000]);
        let joined = same_on_any_threads(|| {
            Tensor::concat(&[&x.slice(1, 400..1000), &x.slice(1, 0..400)], 1).to_vec()
        });
        assert_eq!(joined, x.roll(1, -400).to_vec());
        assert_eq!(x.chunk(1, 4)[3].shape(), [300, 250]);
    }

    #[test]
    #[should_panic(expected = "concat: tensor 0 (2, 3), tensor 1 (4, 4): shapes differ in more than axis 1")]
    fn concat_names_the_tensor() {
        let (a, b) = (Tensor::<f32>::zeros(&[2, 3]), Tensor::<f32>::zeros(&[4, 4]));
        let _ = Tensor::concat(&[&a, &b], 1);
    }

    #[test]
    #[should_panic(expected = "split: sizes [1, 1] add up to 2, not to axis 0 of shape [3]")]
    fn split_takes_everything() {
        let _ = Tensor::<f32>::zeros(&[3]).split(0, &[1, 1]);
    }
}
