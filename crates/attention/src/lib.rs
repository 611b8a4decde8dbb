//! Attention: scores, masks, multi-head, key-value cache and the fused kernel.
