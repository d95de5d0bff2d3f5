//! Approval packages: the contract, and the way from a deployment's state to one, through the binary.

mod chain;
mod contract;
mod follow;
mod gates;
mod mutants;
mod planted;
mod refused;
mod requests;
mod shown;
mod void;
