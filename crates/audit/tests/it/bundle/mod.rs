//! Bundles: honest ones are taken, and whatever is done to them is found and named.

mod attack;
mod copy;
mod honest;
mod log;
mod rotated;
mod sweep;
