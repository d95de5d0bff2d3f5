//! The real binary, in folders of its own, with real processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod approval;
mod audit;
mod bad_days;
mod bot_api;
mod cli;
mod common;
mod deploy;
mod exec;
mod heads;
mod indexed;
mod kill;
mod owners;
mod package;
mod profiles;
mod prune;
mod readback;
mod redact;
mod reload;
mod replay;
mod rotation;
mod schemas;
mod sender;
mod show;
mod verify;
