//! The HTTP boundary: reports come in as CloudEvents, operators act, and views go out as JSON.
//!
//! This crate knows HTTP, credentials and the shape of answers, and nothing of stores, threads or senders. Whoever runs it hands
//! in a [`Desk`]: the one seam to the writer and the views.
//!
//! The way of a request: [`serve`] takes the connection within [`Bounds`]; the guard turns away what a browser could be tricked
//! into sending; [`Tokens`] say who asks; the API reads it strictly and hands it to the desk; the desk's answer, or a
//! [`Problem`], goes back as JSON. A 2xx is written only after the desk has answered, and the desk answers only when what it
//! accepted is durable.
//!
//! `docs/http-api.md` is the contract for users; its examples are run by this crate's tests.

mod answer;
mod api;
mod app;
mod cloud_events;
mod credentials;
mod desk;
mod guard;
pub mod limits;
mod percent;
mod problem;
mod serve;

pub use api::acts::{act_reply_to_json, act_to_json};
pub use app::{About, App};
pub use cloud_events::parse_binary_mode;
pub use credentials::{Caller, Secret, Tokens, TokensError};
pub use desk::{Desk, DeskError, DeskFuture, ViewRequest};
pub use problem::{Problem, refusal_status};
pub use serve::{Bounds, serve};
