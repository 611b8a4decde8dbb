//! Reading and adding at indices.
//!
//! Ids out of range panic here, at the caller's line, with their position: callers that take ids from outside
//! check them first with [`Ids::check_below`].

use crate::element::Element;
use crate::ids::Ids;
use crate::kernels::{map, par};
use crate::reduce::split_at_axis;
use crate::shape::{self, Dims, axis_index};
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// The elements `ids` (one dimension) along `axis`, in that order, repeats allowed.
    ///
    /// # Panics
    /// If there is no such axis, `ids` has not one dimension, or an id is not below the axis' size.
    #[track_caller]
    pub fn index_select(&self, axis: isize, ids: &Ids) -> Self {
        let at = axis_index("index_select", axis, self.rank());
        shape::agree("index_select", &[("ids", "ids", ids.shape())]);
        ids.assert_below("index_select", self.shape[at]);
        let source = self.contiguous();
        let [_, size, inner] = split_at_axis(&self.shape, at);
        let mut shape = self.shape;
        shape[at] = ids.len();
        Self::build(&shape, |out| {
            copy_rows(
                out,
                inner,
                |row| row / ids.len() * size + ids.data()[row % ids.len()] as usize,
                &source,
            );
        })
    }

    /// Embedding lookup: row `ids[i]` of this `(vocab, d_model)` for every id; `ids (..)` → `(.., d_model)`.
    ///
    /// # Panics
    /// If this has not two dimensions or an id is not below `vocab`.
    ///
    /// ```
    /// use tensor::{Ids, Tensor};
    /// let table = Tensor::<f32>::arange(6).reshape(&[3, 2]);              // (vocab, d_model)
    /// let tokens = Ids::new(vec![2, 0, 2, 1], &[2, 2]);                   // (batch, time)
    /// let x = table.rows(&tokens);                                        // (batch, time, d_model)
    /// assert_eq!(x.shape(), [2, 2, 2]);
    /// assert_eq!(x.to_vec(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn rows(&self, ids: &Ids) -> Self {
        shape::agree("rows", &[("table", "vocab d_model", self.shape())]);
        ids.assert_below("rows", self.shape[0]);
        let mut shape = Dims::new(ids.shape());
        shape.push(self.shape[1]); // (.., d_model)
        let table = self.contiguous();
        Self::build(&shape, |out| copy_rows(out, self.shape[1], |row| ids.data()[row] as usize, &table))
    }

    /// `self[ids[i], ·] += src[i, ·]`: the gradient of [`rows`](Self::rows). This `(vocab, d_model)`,
    /// `ids (..)`, `src (.., d_model)`. Repeated ids add up in the order of their positions.
    ///
    /// # Panics
    /// If the shapes do not fit or an id is not below `vocab`.
    #[track_caller]
    pub fn scatter_add_rows(&mut self, ids: &Ids, src: &Self) {
        let mut expected = Dims::new(ids.shape());
        expected.push(self.shape.last().copied().unwrap_or(0));
        if self.rank() != 2 || src.shape != expected {
            let operands = [
                ("table", "vocab d_model", self.shape()),
                ("ids", "", ids.shape()),
                ("src", "", src.shape()),
            ];
            shape::fail("scatter_add_rows", &operands, "src must have the shape of ids and then d_model");
        }
        ids.assert_below("scatter_add_rows", self.shape[0]);
        let (vocab, width, src) = (self.shape[0], self.shape[1], src.contiguous());
        if src.is_empty() {
            return;
        }
        let src = src.data();
        let table = self.data_mut();
        if src.len() < par::CHUNK {
            for (id, row) in ids.data().iter().zip(src.chunks_exact(width)) {
                map::add_assign(&mut table[*id as usize * width..][..width], row);
            }
            return;
        }
        // Tasks own ranges of table rows, so no two write the same row; sorting the positions by id lets each
        // find its own at once.
        let mut order: Vec<(u32, u32)> = ids.data().iter().copied().zip(0..).collect();
        order.sort_unstable();
        let per_row = width * (ids.len() / vocab).max(1);
        par::for_each(par::rows(table, width), vocab, par::rows_per_chunk(per_row), |start, part| {
            let end = start + part.data.len() / width;
            let from = order.partition_point(|(id, _)| (*id as usize) < start);
            for (id, position) in order[from..].iter().take_while(|(id, _)| (*id as usize) < end) {
                let row = &src[*position as usize * width..][..width];
                map::add_assign(&mut part.data[(*id as usize - start) * width..][..width], row);
            }
        });
    }

    /// `yᵢⱼₖ = x[i, ids[i, j, k], k]` for `axis` 1, and so on: `ids` has this rank and shape except along
    /// `axis`; the result has the shape of `ids`.
    ///
    /// # Panics
    /// If the shapes do not fit or an id is not below the axis' size.
    ///
    /// ```
    /// use tensor::{Ids, Tensor};
    /// let logits = Tensor::<f32>::arange(6).reshape(&[2, 3]);             // (batch, vocab)
    /// let picked = logits.gather(-1, &Ids::new(vec![2, 0], &[2, 1]));     // (batch, 1)
    /// assert_eq!(picked.to_vec(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn gather(&self, axis: isize, ids: &Ids) -> Self {
        let at = self.check_beside("gather", axis, ids);
        let source = self.contiguous();
        let (source, [_, size, inner]) = (source.data(), split_at_axis(&self.shape, at));
        let length = ids.shape()[at];
        Self::build(ids.shape(), |out| {
            let count = out.len();
            par::for_each((out, ids.data()), count, par::CHUNK, |start, (out, ids)| {
                for (flat, (out, id)) in (start..).zip(out.iter_mut().zip(ids)) {
                    let (outer, inside) = (flat / (length * inner), flat % inner);
                    *out = source[(outer * size + *id as usize) * inner + inside];
                }
            });
        })
    }

    /// `x[i, ids[i, j, k], k] += src[i, j, k]` for `axis` 1, and so on: the gradient of
    /// [`gather`](Self::gather). `src` has the shape of `ids`. Repeated ids add up in order of position.
    ///
    /// # Panics
    /// If the shapes do not fit or an id is not below the axis' size.
    #[track_caller]
    pub fn scatter_add(&mut self, axis: isize, ids: &Ids, src: &Self) {
        let at = self.check_beside("scatter_add", axis, ids);
        if src.shape() != ids.shape() {
            let operands = [("ids", "", ids.shape()), ("src", "", src.shape())];
            shape::fail("scatter_add", &operands, "shapes differ");
        }
        let src = src.contiguous();
        let [outer, size, inner] = split_at_axis(&self.shape, at);
        let (width, read) = (size * inner, ids.shape()[at] * inner);
        if ids.is_empty() {
            return;
        }
        let data =
            (par::rows(self.data_mut(), width), par::rows(ids.data(), read), par::rows(src.data(), read));
        par::for_each(data, outer, par::rows_per_chunk(4 * read), |_, (out, ids, src)| {
            let blocks = ids.data.chunks_exact(read).zip(src.data.chunks_exact(read));
            for (out, (ids, src)) in out.data.chunks_exact_mut(width).zip(blocks) {
                for (flat, (id, src)) in ids.iter().zip(src).enumerate() {
                    out[*id as usize * inner + flat % inner] += *src;
                }
            }
        });
    }

    /// 1 at each id and 0 elsewhere: `ids (..)` → `(.., classes)`.
    ///
    /// # Panics
    /// If an id is not below `classes`.
    #[track_caller]
    pub fn one_hot(ids: &Ids, classes: usize) -> Self {
        ids.assert_below("one_hot", classes);
        let mut shape = Dims::new(ids.shape());
        shape.push(classes); // (.., classes)
        let mut out = Self::zeros(&shape);
        if !ids.is_empty() {
            let rows = out.data_mut().chunks_exact_mut(classes);
            rows.zip(ids.data()).for_each(|(row, id)| row[*id as usize] = E::ONE);
        }
        out
    }

    /// Checks that `ids` has this shape except along `axis`, and ids within it; returns the axis.
    #[track_caller]
    fn check_beside(&self, op: &str, axis: isize, ids: &Ids) -> usize {
        let at = axis_index(op, axis, self.rank());
        let fits = ids.rank() == self.rank()
            && (0..self.rank()).all(|axis| axis == at || ids.shape()[axis] == self.shape[axis]);
        if !fits {
            let operands = [("x", "", self.shape()), ("ids", "", ids.shape())];
            shape::fail(op, &operands, &format!("shapes differ in more than axis {axis}"));
        }
        ids.assert_below(op, self.shape[at]);
        at
    }
}

/// Row `i` of `out` becomes row `from(i)` of `source`, rows being `width` long.
fn copy_rows<E: Element>(
    out: &mut [E],
    width: usize,
    from: impl Fn(usize) -> usize + Sync,
    source: &Tensor<E>,
) {
    if out.is_empty() {
        return;
    }
    let (count, source) = (out.len() / width, source.data());
    par::for_each(par::rows(out, width), count, par::rows_per_chunk(width), |start, part| {
        for (row, out) in (start..).zip(part.data.chunks_exact_mut(width)) {
            out.copy_from_slice(&source[from(row) * width..][..width]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::par::tests::same_on_any_threads;
    use crate::test_views::{indices, reshown, view};
    use proptest::prelude::*;

    /// Ids below `limit` that repeat.
    fn some_ids(shape: &[usize], limit: usize) -> Ids {
        Ids::new((0..shape::size(shape)).map(|i| (i * i * 5 + i / 3) as u32 % limit as u32).collect(), shape)
    }

    proptest! {
        #[test]
        fn select_gather_scatter(x in view(1..5), axis in 0_usize..8, length in 0_usize..6) {
            prop_assume!(x.rank() > 0);
            let axis = axis % x.rank();
            let (a, size) = (axis as isize, x.shape()[axis]);
            let ids = some_ids(&[length], size);
            let selected = x.index_select(a, &ids);
            let mut shape = x.shape().to_vec();
            shape[axis] = length;
            prop_assert_eq!(selected.shape(), &shape[..]);
            let beside = some_ids(&shape, size);
            let gathered = x.gather(a - x.rank() as isize, &beside);
            let mut sums = x.clone();
            sums.scatter_add(a, &beside, &gathered);
            let mut expected = x.contiguous();
            for (flat, index) in indices(&shape).into_iter().enumerate() {
                let mut at = index.clone();
                at[axis] = ids.data()[index[axis]] as usize;
                prop_assert_eq!(selected.at(&index), x.at(&at));
                at[axis] = beside.data()[flat] as usize;
                prop_assert_eq!(gathered.at(&index), x.at(&at));
                let place = at.iter().zip(x.shape()).fold(0, |flat, (i, d)| flat * d + i);
                expected.data_mut()[place] += x.at(&at);
            }
            prop_assert_eq!(sums, expected);
        }

        #[test]
        fn lookup_is_a_product_with_one_hot(
            (vocab, d_model) in (1_usize..7, 0_usize..6),
            kind in 0_usize..5,
            axis in 0_usize..2,
            ids_shape in prop::collection::vec(0_usize..4, 0..4),
        ) {
            let table = reshown(&[vocab, d_model], kind, axis, 1);
            let ids = some_ids(&ids_shape, vocab);
            let looked_up = table.rows(&ids);                                              // (.., d_model)
            let picks = Tensor::<f64>::one_hot(&ids, vocab).unsqueeze(-1);          // (.., vocab, 1)
            prop_assert_eq!(&looked_up, &(&picks * &table).sum_axis(-2, false));
            let mut gradient = Tensor::zeros(table.shape());
            gradient.scatter_add_rows(&ids, &looked_up);
            let flat: Vec<isize> = (0..ids.rank() as isize).collect();
            let expected = (&picks * &looked_up.unsqueeze(-2)).sum_axes(&flat, false);     // (vocab, d_model)
            prop_assert_eq!(gradient, expected);
        }
    }

    #[test]
    fn large_embedding_gradient_adds_in_order_of_position() {
        let (vocab, width, count) = (1003, 48, 4000);
        let ids = some_ids(&[40, 100], vocab);
        let src = Tensor::<f32>::arange(count * width).map(|x| (x * 0.7).sin()).reshape(&[40, 100, width]);
        let got = same_on_any_threads(|| {
            let mut table = Tensor::<f32>::ones(&[vocab, width]);
            table.scatter_add_rows(&ids, &src);
            table.to_vec()
        });
        let mut expected = vec![1.0_f32; vocab * width];
        for (position, id) in ids.data().iter().enumerate() {
            for col in 0..width {
                expected[*id as usize * width + col] += src.data()[position * width + col];
            }
        }
        assert_eq!(got, expected);
    }

    #[test]
    #[should_panic(expected = "rows: id 3 at position [0, 1] is not below 3")]
    fn ids_out_of_range_are_named() {
        let _ = Tensor::<f32>::zeros(&[3, 2]).rows(&Ids::new(vec![0, 3], &[1, 2]));
    }

    #[test]
    #[should_panic(expected = "gather: x (2, 3), ids (1, 1): shapes differ in more than axis 1")]
    fn gather_checks_shapes() {
        let _ = Tensor::<f32>::zeros(&[2, 3]).gather(1, &Ids::new(vec![0], &[1, 1]));
    }
}
