//! A right operand packed once for many products.

#[cfg(target_arch = "x86_64")]
use super::buffer::Line;
use super::element::Right;
use super::view::{MatMut, MatRef};
use super::{Epilogue, Output, check};
use crate::Element;

/// `B (k, n)` in the order in which the kernels read it: recurrent weights, and all weights at inference.
///
/// Holds a copy, so later changes of the matrix it was made from do not show.
#[derive(Clone, Debug)]
pub struct PackedB<E> {
    rows: usize,
    cols: usize,
    storage: Storage<E>,
}

/// How a packed operand is kept.
#[derive(Clone, Debug)]
pub enum Storage<E> {
    /// Row after row.
    Plain(Vec<E>),
    /// In the strips of the micro-kernels.
    #[cfg(target_arch = "x86_64")]
    Strips(Strips),
}

/// Strips for the `f32` micro-kernels.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Debug)]
pub struct Strips(pub(super) Vec<Line>);

impl<E: Element> PackedB<E> {
    /// Packs `b (k, n)`, whatever its strides.
    pub fn new(b: MatRef<'_, E>) -> Self {
        Self { rows: b.rows(), cols: b.cols(), storage: E::pack(b) }
    }
}

impl<E> PackedB<E> {
    /// `k`
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// `n`
    pub fn cols(&self) -> usize {
        self.cols
    }

    pub(super) fn storage(&self) -> &Storage<E> {
        &self.storage
    }

    /// The operand as a view, if it was kept plain.
    pub(super) fn plain(&self) -> Option<MatRef<'_, E>> {
        match &self.storage {
            Storage::Plain(data) => Some(MatRef::row_major(data, self.rows, self.cols)),
            #[cfg(target_arch = "x86_64")]
            Storage::Strips(_) => None,
        }
    }
}

/// [`gemm`](super::gemm) with a right operand packed beforehand.
///
/// `a (m, k)`, `b (k, n)`, `c (m, n)`.
///
/// # Panics
/// If the shapes do not fit together.
#[track_caller]
pub fn gemm_packed<E: Element>(
    a: MatRef<'_, E>,
    b: &PackedB<E>,
    c: MatMut<'_, E>,
    output: Output,
    epilogue: &impl Epilogue<E>,
) {
    check(&a, b.rows, b.cols, &c);
    E::product(a, Right::Packed(b), c, output, epilogue, true);
}

/// [`gemm_packed`] on the calling thread alone.
///
/// # Panics
/// If the shapes do not fit together.
#[track_caller]
pub fn gemm_packed_serial<E: Element>(
    a: MatRef<'_, E>,
    b: &PackedB<E>,
    c: MatMut<'_, E>,
    output: Output,
    epilogue: &impl Epilogue<E>,
) {
    check(&a, b.rows, b.cols, &c);
    E::product(a, Right::Packed(b), c, output, epilogue, false);
}
