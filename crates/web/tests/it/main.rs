//! The HTTP boundary over a real loopback socket, in front of a desk that keeps everything in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod acts;
mod bounds;
mod client;
mod desk;
mod documented;
mod events;
mod fuzz;
mod guard;
mod tokens;
mod views;
