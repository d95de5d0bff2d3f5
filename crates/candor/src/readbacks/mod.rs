//! Read-backs: what is asked of channels and runtimes, and what may be kept of their answers.

mod answer;
mod plans;
mod question;
mod rows;
mod run;

pub use self::{
    answer::shown,
    plans::{Ask, Askable, Asks, PlanKind, askable, asks, terms},
    question::about,
    run::Asker,
};
