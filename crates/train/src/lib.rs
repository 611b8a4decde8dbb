//! Batching, checkpoints, progress, metrics files and charts.
