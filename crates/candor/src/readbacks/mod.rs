//! Read-backs: what is asked of channels and runtimes, and what may be kept of their answers.

mod answer;
mod question;

pub use self::{
    answer::shown,
    question::{InDoubt, about, in_doubt},
};
