//! The engine's laws and the precision of gradients, in one program: each program of tests compiles all the generic
//! code below it again.

mod engine;
mod precision;
