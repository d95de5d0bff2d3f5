//! candor-world
pub mod collectors;
pub mod redact;
pub mod secrets;
pub mod senders;
pub mod signals;
