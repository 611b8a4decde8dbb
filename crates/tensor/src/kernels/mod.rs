//! Numeric kernels over slices: no shapes, no allocation, no views.

mod compiled;
pub mod map;
pub mod math;
pub mod par;
pub mod reduce;
pub mod softmax;

pub mod gemm;
