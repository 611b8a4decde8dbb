//! Layers, losses, optimisers, schedules and weight files.
