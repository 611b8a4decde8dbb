//! Putting variables together and taking them apart.

use std::sync::atomic::{AtomicU64, Ordering};

use tensor::shape::{Dims, axis_index};
use tensor::{Element, Tensor};

use crate::{Case, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("concat", |draw| {
        let [a, b, c] = draw.dims();
        let axis = draw.below(3);
        let mut part = |size: usize| {
            let mut shape = [a, b, c];
            shape[axis] = size;
            draw.normal(&shape)
        };
        let parts = [part(2), part(1), part(4)];
        gradcheck(|v| Var::concat(&[&v[0], &v[1], &v[2], &v[0]], axis as isize), &parts)
    }),
    Case::new("stack", |draw| {
        let dims = draw.dims::<2>();
        let axis = draw.below(6) as isize - 3;
        let parts = [draw.normal(&dims), draw.normal(&dims)];
        gradcheck(|v| Var::stack(&[&v[0], &v[1], &v[0]], axis), &parts)
    }),
    Case::new("split", |draw| {
        let [a, b] = draw.dims();
        let (x, axis) = (draw.normal(&[a, 6, b]), [1, -2][draw.below(2)]);
        gradcheck(
            |v| {
                let parts = v[0].split(axis, &[1, 3, 2]);
                Var::concat(&[&parts[2].square(), &parts[0].exp(), &parts[2]], axis) // One piece is unused.
            },
            &[x],
        )
    }),
    Case::new("unbind", |draw| {
        let [a, b] = draw.dims();
        let x = draw.normal(&[a, 3, b]);
        gradcheck(
            |v| {
                let steps = v[0].unbind(1);
                &steps[0] * &steps[2] + &steps[1]
            },
            &[x],
        )
    }),
    Case::new("pad", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(3) as isize);
        gradcheck(|v| v[0].pad(axis, 2, 1, 0.5), &[x])
    }),
    Case::new("repeat", |draw| {
        let dims = draw.dims::<2>();
        let x = draw.normal(&dims);
        let times: &[usize] = [&[2, 3][..], &[3], &[2, 1, 2], &[1, 1]][draw.below(4)];
        gradcheck(|v| v[0].repeat(times), &[x])
    }),
    Case::new("flip and roll", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(6) as isize - 3);
        let shift = draw.below(9) as isize - 4;
        gradcheck(|v| v[0].flip(axis).roll(axis, shift), &[x])
    }),
];

fn values<'a, E: Element>(parts: &[&'a Var<E>]) -> Vec<&'a Tensor<E>> {
    parts.iter().map(|part| part.value()).collect()
}

impl<E: Element> Var<E> {
    /// The parts behind one another along `axis`, in which alone their shapes may differ; each gets its piece of
    /// `dy`.
    ///
    /// # Panics
    /// If there are no parts, or another dimension differs.
    #[track_caller]
    pub fn concat(parts: &[&Self], axis: isize) -> Self {
        let value = Tensor::concat(&values(parts), axis);
        let sizes: Vec<usize> = parts.iter().map(|part| part.dim(axis)).collect();
        Self::record_many("concat", parts, value, move |dy| {
            dy.split(axis, &sizes).into_iter().map(Some).collect()
        })
    }

    /// The parts, all of one shape, along a new dimension before `axis`; −1 appends it at the end. Each gets its
    /// piece of `dy`.
    ///
    /// # Panics
    /// If there are no parts or their shapes differ.
    #[track_caller]
    pub fn stack(parts: &[&Self], axis: isize) -> Self {
        let value = Tensor::stack(&values(parts), axis);
        let count = parts.len();
        Self::record_many("stack", parts, value, move |dy| {
            (0..count).map(|i| Some(dy.select(axis, i))).collect()
        })
    }

    /// Consecutive pieces of these sizes along `axis`; `dx` is the gradients of the pieces put together, once.
    ///
    /// # Panics
    /// If the sizes do not add up to the dimension.
    ///
    /// ```
    /// use autograd::Var;
    /// use tensor::Tensor;
    /// let gates = Var::leaf(Tensor::<f32>::ones(&[2, 7]));
    /// let parts = gates.split(-1, &[3, 4]);
    /// assert_eq!((parts[0].shape(), parts[1].shape()), (&[2, 3][..], &[2, 4][..]));
    /// ```
    #[track_caller]
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Vec<Self> {
        let pieces = self.value().split(axis, sizes);
        self.taken_apart("split", axis_index("split", axis, self.rank()), pieces)
    }

    /// `n` pieces of equal size along `axis`; gradients as of [`split`](Self::split).
    ///
    /// # Panics
    /// If `n` does not divide the dimension.
    #[track_caller]
    pub fn chunk(&self, axis: isize, n: usize) -> Vec<Self> {
        let pieces = self.value().chunk(axis, n);
        self.taken_apart("chunk", axis_index("chunk", axis, self.rank()), pieces)
    }

    /// Every element along `axis`, which disappears: of `(batch, time, input)` along 1, each step as
    /// `(batch, input)`. Gradients as of [`split`](Self::split).
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn unbind(&self, axis: isize) -> Vec<Self> {
        let at = axis_index("unbind", axis, self.rank());
        let pieces = self.value().split(axis, &vec![1; self.dim(axis)]);
        self.taken_apart("unbind", at, pieces).iter().map(|piece| piece.squeeze(at as isize)).collect()
    }

    /// One node for each piece, and below them one that puts their gradients together. A piece leaves its
    /// gradient with the pass and hands on a zero of shape `()`, so a tensor taken apart into many pieces costs no
    /// more than one, where padding each piece's gradient with zeros would cost as many times the whole.
    fn taken_apart(&self, op: &'static str, axis: usize, pieces: Vec<Tensor<E>>) -> Vec<Self> {
        let shapes: Vec<Dims> = pieces.iter().map(|piece| Dims::new(piece.shape())).collect();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        let hub = Self::record_node(op, &[self], Tensor::zeros(&[]), move |_, pass| {
            let unused = |shape: &Dims| Tensor::scalar(E::ZERO).broadcast_to(shape);
            let part = |(i, shape)| pass.pieces.remove(&(key, i)).unwrap_or_else(|| unused(shape));
            let parts: Vec<Tensor<E>> = shapes.iter().enumerate().map(part).collect();
            vec![Some(Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis as isize))]
        });
        let piece = |(i, value)| {
            Self::record_derived(op, &hub, self, value, move |dy, pass| {
                pass.pieces.insert((key, i), dy.clone());
                Tensor::zeros(&[])
            })
        };
        pieces.into_iter().enumerate().map(piece).collect()
    }

    /// `before` and `after` copies of `value` added at the ends of `axis`; `dx` is `dy` without them.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn pad(&self, axis: isize, before: usize, after: usize, value: E) -> Self {
        let padded = self.value().pad(axis, before, after, value);
        let inside = before..before + self.dim(axis);
        Self::record("pad", [self], padded, move |dy| [Some(dy.slice(axis, inside.clone()))])
    }

    /// The whole repeated `times[i]` times along dimension `i` (NumPy's `tile`): fewer numbers than dimensions
    /// mean the last ones, more add dimensions in front. `dx` is the sum of `dy` over the repeats.
    pub fn repeat(&self, times: &[usize]) -> Self {
        let value = self.value().repeat(times);
        let from = Dims::new(self.shape());
        let rank = value.rank();
        let times = [&vec![1; rank - times.len()], times].concat();
        Self::record("repeat", [self], value, move |dy| {
            let mut dx = dy.clone();
            for axis in (0..rank).filter(|axis| times[*axis] != 1) {
                let shape = Dims::new(dx.shape());
                let [outer, dim, inner] = [&shape[..axis], &shape[axis..=axis], &shape[axis + 1..]]
                    .map(|dims| dims.iter().product::<usize>());
                let mut summed = shape;
                summed[axis] = dim / times[axis].max(1);
                let copies = dx.reshape(&[outer, times[axis], summed[axis], inner]);
                dx = copies.sum_axis(1, false).reshape(&summed);
            }
            [Some(dx.reshape(&from))]
        })
    }

    /// The order along `axis` reversed; in `dy` back again.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Self {
        Self::record("flip", [self], self.value().flip(axis), move |dy| [Some(dy.flip(axis))])
    }

    /// Element `i` along `axis` moved to `i + shift`, those that leave at the end coming in at the front; in `dy`
    /// back again.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn roll(&self, axis: isize, shift: isize) -> Self {
        Self::record("roll", [self], self.value().roll(axis, shift), move |dy| [Some(dy.roll(axis, -shift))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_graph_is_taken_apart_twice_the_same() {
        let x = Var::leaf(Tensor::<f32>::arange(4));
        let parts = x.split(0, &[1, 3]);
        let loss = parts[1].square().sum();
        let [first, second] = [(); 2].map(|()| loss.backward_retain().unwrap().get(&x).unwrap().to_vec());
        assert_eq!(first, [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(first, second);
    }

    #[test]
    fn passes_over_one_kept_graph_do_not_mix() {
        let x = Var::leaf(Tensor::<f32>::arange(6));
        let parts = x.split(0, &[1, 2, 3]);
        let loss = |i: usize, factor: f32| (&parts[i].square() * factor).sum();
        let losses = [loss(0, 1.0) + loss(2, 2.0), loss(1, 3.0) + loss(2, 4.0)];
        let expected = [[0.0, 0.0, 0.0, 12.0, 16.0, 20.0], [0.0, 6.0, 12.0, 24.0, 32.0, 40.0]];
        std::thread::scope(|scope| {
            for (loss, expected) in losses.iter().zip(expected) {
                let x = &x;
                scope.spawn(move || {
                    for _ in 0..300 {
                        assert_eq!(loss.backward_retain().unwrap().get(x).unwrap().to_vec(), expected);
                    }
                });
            }
        });
    }
}
