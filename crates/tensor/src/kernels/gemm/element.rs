//! Which engine multiplies which scalar type.

use super::packed::{PackedB, Storage};
use super::view::{MatMut, MatRef};
use super::{Epilogue, Output, portable};

/// The right operand of a product.
#[derive(Clone, Copy, Debug)]
pub enum Right<'a, E> {
    /// As it lies in memory.
    View(MatRef<'a, E>),
    /// Packed beforehand.
    Packed(&'a PackedB<E>),
}

/// A scalar that matrices can be multiplied in; part of [`Element`](crate::Element).
pub trait GemmElement: Copy + Send + Sync + Sized + 'static {
    /// `C (+)= A · B`, shapes already checked.
    #[doc(hidden)]
    fn product<X: Epilogue<Self>>(
        a: MatRef<'_, Self>,
        b: Right<'_, Self>,
        c: MatMut<'_, Self>,
        output: Output,
        epilogue: &X,
        parallel: bool,
    );

    /// `b` in the form that [`GemmElement::product`] likes best.
    #[doc(hidden)]
    fn pack(b: MatRef<'_, Self>) -> Storage<Self>;
}

impl GemmElement for f64 {
    fn product<X: Epilogue<f64>>(
        a: MatRef<'_, f64>,
        b: Right<'_, f64>,
        c: MatMut<'_, f64>,
        output: Output,
        epilogue: &X,
        parallel: bool,
    ) {
        portable::product(a, portable::right(b), c, output, epilogue, parallel);
    }

    fn pack(b: MatRef<'_, f64>) -> Storage<f64> {
        portable::pack(b)
    }
}

impl GemmElement for f32 {
    fn product<X: Epilogue<f32>>(
        a: MatRef<'_, f32>,
        b: Right<'_, f32>,
        c: MatMut<'_, f32>,
        output: Output,
        epilogue: &X,
        parallel: bool,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(isa) = super::isa::isa() {
            return super::single::product(isa, a, b, c, output, epilogue, parallel);
        }
        portable::product(a, portable::right(b), c, output, epilogue, parallel);
    }

    fn pack(b: MatRef<'_, f32>) -> Storage<f32> {
        #[cfg(target_arch = "x86_64")]
        if let Some(isa) = super::isa::isa() {
            return super::single::pack(isa, b);
        }
        portable::pack(b)
    }
}
