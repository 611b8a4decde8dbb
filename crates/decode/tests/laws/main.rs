//! Decoders against a Markov model small enough to enumerate.

mod beams;
mod constrain;
mod decoders;
mod faults;
mod goldens;
mod model;
mod searches;
