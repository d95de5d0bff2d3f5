//! The built binary, run as people and scripts run it: real processes, real folders, real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;
mod config;
mod demo;
mod doctor;
mod exec;
mod explain;
mod pack;
mod status;
