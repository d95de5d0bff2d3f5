//! Senders: how a notice leaves this machine, and what the channel's answer proves about it.
//!
//! One folder is one sender: its configuration, what it sends, and a pure classifier from the channel's answer to an
//! [`Outcome`](candor_core::notice::Outcome). A receipt says no more than that classifier could read:
//! - `proved` only where the destination itself answered for the message;
//! - `refused` and `failed` only where the message surely had no effect;
//! - `unknown` wherever bytes may have left and no usable answer came.
//!
//! A sender may also ask its channel, afterwards, what became of a message. The same holds there: only the channel's own words prove, and
//! silence proves nothing.
//!
//! `docs/adding-a-sender.md` tells how to add one.

pub(crate) mod binding;
mod config;
mod found;
mod http;
pub(crate) mod process;
mod text;

pub mod command;
pub mod dry_run;
pub mod openclaw_cli;
pub mod shim;
pub mod telegram;
pub mod webhook;

pub use binding::{Binding, Now, Sender};
pub use config::{ConfigError, TargetConfig};
pub use found::READ_BACK_FIELDS_MAX;
pub(crate) use http::timeout_in_bounds;
pub use http::{HTTP_BODY_BYTES_MAX, HttpAnswer, HttpPool, Wire, daemon_client, retry_after_ms};
pub use process::{Ended, OUTPUT_BYTES_MAX, Run};

config::registry! {
    DryRun => dry_run::DryRun,
    Shim => shim::Shim,
    Command => command::Command,
    Webhook => webhook::Webhook,
    Telegram => telegram::Telegram,
    OpenclawCli => openclaw_cli::OpenclawCli,
}
