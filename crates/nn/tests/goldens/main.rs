//! Layers, losses, optimisers and schedules against PyTorch, in one program: each program of tests compiles all the
//! generic code below it again.

mod golden;
mod layers;
mod losses;
mod optimisers;
mod schedules;
