//! Whole layers and models, in one program: each program of tests compiles all the generic code below it again.

mod attention;
mod gpt;
