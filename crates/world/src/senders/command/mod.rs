//! `command`: hands a notice to the operator's own program. Its README is the contract.

mod classify;

use std::{path::PathBuf, time::Duration};

use candor_approval::{Permit, kinds::ProductionWrite};
use candor_core::{
    notice::{Answer, Message},
    time::duration_text,
};
use secrecy::SecretString;
use serde::Deserialize;

pub use self::classify::{EXIT_REFUSED, EXIT_TRY_AGAIN, MayProve, classify};
use super::{
    HttpPool, Now, Sender,
    binding::{answer, scrubbed},
    http::timeout_in_bounds,
    process::{self, Program},
};
use crate::redact::Redactor;

/// Most arguments of a program.
pub const ARGS_MAX: usize = 64;
/// Which variables of this process a program gets, beside `CANDOR_NOTICE`.
const PASSED_ON: [&str; 2] = ["PATH", "HOME"];

/// Which program, and how far it is believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program, by its absolute path. No shell is involved.
    pub program: PathBuf,
    /// Its arguments. They show in the list of processes: keep secrets out of them.
    #[serde(default)]
    pub args: Vec<String>,
    /// Longest run; then the program and what it started are killed. Default: 30 s.
    #[serde(default = "default_timeout", with = "duration_text")]
    pub timeout: Duration,
    /// The most that its answer may prove. Default: `relayed`, which never makes a delivery `acked`.
    #[serde(default)]
    pub may_prove: MayProve,
    /// Whether the program drops repeats of the same `CANDOR_NOTICE`. Default: no.
    #[serde(default)]
    pub idempotent: bool,
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

/// See the module.
#[derive(Debug)]
pub struct Command {
    config: Config,
}

impl Sender for Command {
    type Gate = ProductionWrite;
    type Config = Config;
    const NAME: &'static str = "command";

    fn bind(config: &Config, _pool: &HttpPool) -> Result<Self, String> {
        timeout_in_bounds(config.timeout)?;
        if !config.program.is_absolute() {
            return Err(format!("`program` must be an absolute path, not `{}`", config.program.display()));
        }
        if config.args.len() > ARGS_MAX {
            return Err(format!("`args` takes at most {ARGS_MAX}"));
        }
        Ok(Self { config: config.clone() })
    }

    fn idempotent(&self) -> bool {
        self.config.idempotent
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        serde_json::to_vec(message).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<String> {
        process::missing(&self.config.program).into_iter().collect()
    }

    async fn send(
        &self,
        permit: Permit<ProductionWrite>,
        _: &[SecretString],
        message: &Message,
        now: Now<'_>,
    ) -> Answer {
        let called_at = now();
        let mut env = process::inherited(PASSED_ON);
        env.push(("CANDOR_NOTICE".to_owned(), message.key.clone().into()));
        let program = Program {
            path: &self.config.program,
            args: &self.config.args,
            env,
            input: self.payload(message),
            timeout: self.config.timeout,
        };
        let run = process::run(permit, program).await;
        let outcome = classify(&run, &message.key, self.config.may_prove);
        let status = run.status();
        scrubbed(&Redactor::default(), Answer { status, ..answer(outcome, called_at, now()) }, &run.outputs())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn bind(own: &str) -> Result<Command, String> {
        let config: Config = serde_json::from_str(own).map_err(|error| error.to_string())?;
        Command::bind(&config, &HttpPool::default())
    }

    #[test]
    fn fields_are_checked() {
        let plain = bind(r#"{"program":"/bin/true"}"#).unwrap();
        assert_eq!(plain.config.may_prove, MayProve::Relayed);
        assert_eq!(plain.config.timeout, Duration::from_secs(30));
        assert!(!Sender::idempotent(&plain));
        for bad in [
            r#"{"program":"true"}"#,
            r#"{"program":"./true"}"#,
            r#"{"program":"/bin/true","may_prove":"human"}"#,
            r#"{"program":"/bin/true","may_prove":"acked"}"#,
            r#"{"program":"/bin/true","shell":true}"#,
            r#"{"program":"/bin/true","timeout":"0s"}"#,
            r#"{}"#,
        ] {
            assert!(bind(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_a_warning_before_it_is_a_receipt() {
        assert!(bind(r#"{"program":"/bin/sh"}"#).unwrap().warnings().is_empty());
        assert!(bind(r#"{"program":"/nowhere/notify"}"#).unwrap().warnings().concat().contains("/nowhere/notify"));
    }
}
