//! Both stores held to one suite, and SQLite to what files and other processes do to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod conformance;
mod files;
mod fixtures;
mod model;
mod processes;
mod pruned_files;
