//! Picking, placing, masking and sorting elements.

use tensor::shape::Dims;
use tensor::{Bools, Element, Ids, Tensor};

use crate::{Case, Gen, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("index_select", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(3));
        let ids = draw.ids(&[4], dims[axis]);
        gradcheck(|v| v[0].index_select(axis as isize, &ids), &[x])
    }),
    Case::new("gather", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(3));
        let mut shape = dims;
        shape[axis] = 6;
        let ids = draw.ids(&shape, dims[axis]);
        gradcheck(|v| v[0].gather(axis as isize, &ids), &[x])
    }),
    Case::new("scatter_add", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(3));
        let mut shape = dims;
        shape[axis] = 6;
        let (ids, source) = (draw.ids(&shape, dims[axis]), draw.normal(&shape));
        gradcheck(|v| v[0].scatter_add(axis as isize, &ids, &v[1]), &[x, source])
    }),
    Case::new("masked_fill", |draw| {
        let [a, b, c] = draw.dims();
        let (x, mask) = (draw.normal(&[a, b, c]), random_mask(draw, &[b, 1]));
        gradcheck(|v| v[0].masked_fill(&mask, 3.0), &[x])
    }),
    Case::new("select_where", |draw| {
        let [a, b] = draw.dims();
        let (x, y, mask) = (draw.normal(&[a, b]), draw.normal(&[b]), random_mask(draw, &[a, b]));
        gradcheck(|v| Var::select_where(&mask, &v[0], &v[1]), &[x, y])
    }),
    Case::new("topk", |draw| {
        let [a, b] = draw.dims();
        let x = draw.distinct(&[a, b + 2]);
        gradcheck(|v| v[0].topk(3).0, &[x])
    }),
    Case::new("sort", |draw| {
        let dims = draw.dims::<2>();
        let (x, descending) = (draw.distinct(&dims), draw.flip());
        gradcheck(|v| v[0].sort(descending).0, &[x])
    }),
    Case::new("tril and triu", |draw| {
        let dims = draw.dims::<3>();
        let (x, k) = (draw.normal(&dims), draw.below(5) as isize - 2);
        gradcheck(|v| v[0].tril(k) + v[0].triu(k) * 2.0, &[x])
    }),
];

fn random_mask(draw: &mut Gen, shape: &[usize]) -> Bools {
    Bools::new((0..shape.iter().product()).map(|_| draw.flip()).collect(), shape)
}

impl<E: Element> Var<E> {
    /// The elements `ids (n)` along `axis`, in that order, repeats allowed; each element gets the sum of `dy` over
    /// the places it was taken to.
    ///
    /// # Panics
    /// If there is no such axis, `ids` has not one dimension, or an id is not below the axis' size.
    #[track_caller]
    pub fn index_select(&self, axis: isize, ids: &Ids) -> Self {
        let value = self.value().index_select(axis, ids);
        let (from, ids) = (Dims::new(self.shape()), ids.clone());
        Self::record("index_select", [self], value, move |dy| {
            // As rows of a table: (axis, others).
            let dy = dy.transpose(0, axis);
            let others = Dims::new(&dy.shape()[1..]);
            let width: usize = others.iter().product();
            let size = from[tensor::shape::axis_index("index_select", axis, from.len())];
            let mut table = Tensor::zeros(&[size, width]);
            table.scatter_add_rows(&ids, &dy.reshape(&[ids.len(), width]));
            [Some(table.reshape(&[&[size], &others[..]].concat()).transpose(0, axis))]
        })
    }

    /// `yᵢⱼₖ = x[i, ids[i, j, k], k]` for `axis` 1, and so on; `ids` has the shape of `x` except along `axis`, `y`
    /// that of `ids`. Each element gets the sum of `dy` over the places it was taken to.
    ///
    /// # Panics
    /// If the shapes do not fit or an id is not below the axis' size.
    #[track_caller]
    pub fn gather(&self, axis: isize, ids: &Ids) -> Self {
        self.gathered("gather", axis, ids.clone(), self.value().gather(axis, ids))
    }

    /// The vjp of elements taken from `ids` along `axis`.
    fn gathered(&self, op: &'static str, axis: isize, ids: Ids, value: Tensor<E>) -> Self {
        let from = Dims::new(self.shape());
        Self::record(op, [self], value, move |dy| {
            let mut dx = Tensor::zeros(&from);
            dx.scatter_add(axis, &ids, dy);
            [Some(dx)]
        })
    }

    /// `y = x`, and `y[i, ids[i, j, k], k] += source[i, j, k]` for `axis` 1, and so on; `ids` and `source` have
    /// the shape of `x` except along `axis`. `dx = dy`, `dsource = gather(dy)`.
    ///
    /// # Panics
    /// If the shapes do not fit or an id is not below the axis' size.
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, ids: &Ids, source: &Self) -> Self {
        let mut value = self.value().clone();
        value.scatter_add(axis, ids, source.value());
        let (ids, need_source) = (ids.clone(), source.needs_grad());
        Self::record("scatter_add", [self, source], value, move |dy| {
            [Some(dy.clone()), need_source.then(|| dy.gather(axis, &ids))]
        })
    }

    /// `value` where `mask`, which broadcasts to this shape, is true; `dx = dy` elsewhere and 0 there.
    ///
    /// # Panics
    /// If `mask` does not broadcast to this shape.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Bools, value: E) -> Self {
        let filled = self.value().masked_fill(mask, value);
        let mask = mask.clone();
        Self::record("masked_fill", [self], filled, move |dy| [Some(dy.masked_fill(&mask, E::ZERO))])
    }

    /// `a` where `mask` is true, `b` elsewhere, all three broadcast; `dy` goes to the one taken.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn select_where(mask: &Bools, a: &Self, b: &Self) -> Self {
        let value = Tensor::select_where(mask, a.value(), b.value());
        let mask = mask.clone();
        let (need_a, need_b) = (a.needs_grad(), b.needs_grad());
        Self::record("select_where", [a, b], value, move |dy| {
            let da = need_a.then(|| Tensor::select_where(&mask, dy, &Tensor::scalar(E::ZERO)));
            [da, need_b.then(|| dy.masked_fill(&mask, E::ZERO))]
        })
    }

    /// The `k` largest elements along the last axis, largest first, and their indices: `(.., n)` → `(.., k)`
    /// each. `dy` goes back to the elements taken.
    ///
    /// # Panics
    /// If there is no axis or `k` is above its size.
    #[track_caller]
    pub fn topk(&self, k: usize) -> (Self, Ids) {
        let (value, ids) = self.value().topk(k);
        (self.gathered("topk", -1, ids.clone(), value), ids)
    }

    /// The elements sorted along the last axis, and the indices they came from: `(.., n)` → `(.., n)` each. `dy`
    /// goes back to where they came from.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn sort(&self, descending: bool) -> (Self, Ids) {
        let (value, ids) = self.value().sort(descending);
        (self.gathered("sort", -1, ids.clone(), value), ids)
    }

    /// The lower triangle of each matrix `(.., rows, cols)`: elements with `col ≤ row + k` kept, others 0, in
    /// `dy` too.
    ///
    /// # Panics
    /// Below two dimensions.
    #[track_caller]
    pub fn tril(&self, k: isize) -> Self {
        Self::record("tril", [self], self.value().tril(k), move |dy| [Some(dy.tril(k))])
    }

    /// The upper triangle of each matrix `(.., rows, cols)`: elements with `col ≥ row + k` kept, others 0, in
    /// `dy` too.
    ///
    /// # Panics
    /// Below two dimensions.
    #[track_caller]
    pub fn triu(&self, k: isize) -> Self {
        Self::record("triu", [self], self.value().triu(k), move |dy| [Some(dy.triu(k))])
    }
}
