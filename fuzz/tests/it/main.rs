//! Replays the corpus: what was nasty once must stay harmless.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod replay;
