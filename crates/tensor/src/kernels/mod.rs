//! Numeric kernels over slices: no shapes, no allocation, no views.
