//! Packs: the core packs and their cases, loading, the laws of evaluation, and a naive twin of the evaluator.

mod core;
