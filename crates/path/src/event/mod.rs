//! Event: a report is taken in, once. What it does to its task, what it claims, and what it brings.

mod act;
mod approval;
mod intake;
mod record;
mod report;
mod request;

pub(crate) use act::{act, failure_receipt, says};
pub(crate) use approval::{disclosed_in, kept};
pub(crate) use intake::{collected, conclude, take_in};
