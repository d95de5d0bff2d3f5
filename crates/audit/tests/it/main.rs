//! The audit format, tested from outside: vectors, oracles, properties, golden files, mutations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests, some of which read files"
)]

mod arbitrary;
mod at;
mod bundle;
mod canonical;
mod commit;
mod corpus;
mod golden;
mod header;
mod json;
mod merkle;
mod package;
mod proof;
mod seal;
mod sign;
