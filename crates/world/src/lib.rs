//! candor-world
pub mod collectors;
pub mod places;
pub mod probes;
pub mod redact;
pub mod runtimes;
pub mod schedulers;
pub mod secrets;
pub mod senders;
pub mod signals;
