//! Reverse-mode differentiation over tensors, with a public gradient checker.
