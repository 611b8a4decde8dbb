//! End-to-end runs of the workspace.
fn main() {}
