//! Transformer encoder, decoder and GPT.
