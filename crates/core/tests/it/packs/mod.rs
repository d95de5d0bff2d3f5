//! Packs: the core packs and their cases, loading, the laws of evaluation, and a naive twin of the evaluator.

mod arbitrary;
mod core;
mod docs;
mod explain;
mod laws;
mod loading;
mod mutants;
mod truths;
mod twin;
