//! Integration tests of the world: one binary, one module per part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod collectors;
mod runtimes;
mod senders;
mod signals;
