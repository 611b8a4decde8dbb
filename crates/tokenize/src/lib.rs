//! Tokenizers: byte-level byte-pair encoding, trained and exact.
