//! The path's behaviour, over the memory store. Named truths are in `truths`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod approvals;
mod asked;
mod deliver;
mod harness;
mod record;
mod truths;
mod watch;
