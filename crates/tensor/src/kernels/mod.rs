//! Numeric kernels over slices: no shapes, no allocation, no views.

pub mod activation;
mod compiled;
pub mod loss;
pub mod map;
pub mod math;
pub mod norm;
pub mod optim;
pub mod par;
pub mod random;
pub mod recurrent;
pub mod reduce;
pub(crate) mod shared_rows;
pub mod softmax;

pub mod gemm;
