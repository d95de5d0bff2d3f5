//! `openclaw`: asks an OpenClaw gateway by its own command line. Its README says what.

use std::{path::PathBuf, time::Duration};

use candor_core::time::duration_text;
use serde::Deserialize;

use super::{Call, RuntimeRead};
use crate::{
    secrets::SecretRef,
    senders::{
        openclaw_cli::{PASS_ENV_MAX, TIMEOUT},
        timeout_in_bounds,
    },
};

/// Which OpenClaw.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program `openclaw`, by its absolute path. No shell is involved.
    pub program: PathBuf,
    /// Where the gateway's token lies. Default: OpenClaw looks into its own configuration.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// Further variables of this process that OpenClaw gets, by name.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// Longest run. Default: 2 m.
    #[serde(default = "default_timeout", with = "duration_text")]
    pub timeout: Duration,
}

fn default_timeout() -> Duration {
    TIMEOUT
}

impl Config {
    pub(super) fn check(&self) -> Result<(), String> {
        timeout_in_bounds(self.timeout)?;
        if !self.program.is_absolute() {
            return Err(format!(
                "`program` must be an absolute path, not `{}`; `command -v openclaw` shows it",
                self.program.display()
            ));
        }
        if self.pass_env.len() > PASS_ENV_MAX {
            return Err(format!("`pass_env` takes at most {PASS_ENV_MAX} names"));
        }
        Ok(())
    }

    /// What each plan asks (OpenClaw 2026.9.6). None of these writes anything.
    pub(super) fn call(&self, plan: RuntimeRead) -> Result<Call, String> {
        let args: &[&str] = match plan {
            RuntimeRead::GatewayQueue => &["audit", "--kind", "message", "--direction", "outbound", "--json"],
            RuntimeRead::RuntimeTasks | RuntimeRead::CapturedResults => &["tasks", "list", "--json"],
        };
        Ok(Call {
            program: self.program.clone(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            pass_env: self.pass_env.clone(),
            timeout: self.timeout,
        })
    }
}
