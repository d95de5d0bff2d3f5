//! A process that works: the CPU time of it and of all its descendants, from `/proc`.
//!
//! A process id alone names nothing for long: the kernel gives it to another process later. The pair of id and start time (in
//! clock ticks since boot) does, so [`identify`] is asked when a task starts, and a reading with other ticks reads as not there.
//!
//! Elsewhere than on Linux there is no `/proc`: every process reads as not there and [`SUPPORTED`] is false, so that whoever
//! takes such a signal in can refuse it and say why.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Table, identify};
#[cfg(target_os = "linux")]
pub use linux::{Table, identify};

/// Whether processes can be watched on this system.
pub const SUPPORTED: bool = cfg!(target_os = "linux");

/// Most processes looked at in one reading. A machine with more than this reads only the watched process itself and the
/// descendants found so far.
pub const PROCESSES_MAX: usize = 65_536;
