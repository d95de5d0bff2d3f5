//! Collectors: they look at what a piece of evidence is about, and say what they saw.
//!
//! A collector never runs what an agent gives it, and never reads outside the folders that the operator allows. It says what
//! it saw ([`collector::Seen`]); what that is worth for the claims at hand is decided in one place, [`collect`].
//!
//! One folder per collector, and one line in [`collector::COLLECTORS`]. How to add one: `docs/adding-a-collector.md`.

mod collector;
pub mod command;
mod config;
pub mod file;
pub mod git;
mod paths;
mod run;
pub mod test_report;

pub use collector::{COLLECTORS, Collector, Look, Saw, Seen, checks, collect, collect_by};
pub use config::{CollectorConfig, ConfigError, Limits, NOT_SOURCE, Recipe};
