//! Event: a report is taken in, once. What it does to its task, what it claims, and what it brings.

mod act;
mod intake;
mod record;
mod report;

pub(crate) use act::act;
pub(crate) use intake::{collected, conclude, take_in};
