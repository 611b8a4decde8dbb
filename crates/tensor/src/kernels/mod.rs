//! Numeric kernels over slices: no shapes, no allocation, no views.

pub mod map;
pub mod math;
pub mod par;
