//! Decoding of sequence models: greedy and sampling.
