//! Signatures over the log and over bundles: a node's key and its changes, signed notes, checkpoints, and one envelope.

pub mod checkpoint;
pub mod dsse;
pub mod key;
pub mod note;
pub mod rotation;
