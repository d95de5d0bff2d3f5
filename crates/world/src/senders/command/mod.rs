//! `command`: hands a notice to the operator's own program. Its README is the contract.

mod classify;
mod read_back;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use candor_approval::{
    LiveGate, Permit,
    kinds::{CanonicalRuntimeReadback, ProductionWrite},
};
use candor_core::{
    notice::{Answer, Message},
    read_back::{Question, ReadBack},
    time::duration_text,
};
use secrecy::SecretString;
use serde::Deserialize;

pub use self::{
    classify::{EXIT_REFUSED, EXIT_TRY_AGAIN, MayProve, classify},
    read_back::classify as classify_read_back,
};
use super::{
    HttpPool, Now, Sender,
    binding::{answer, scrubbed},
    http::timeout_in_bounds,
    process::{self, Program, Run},
};
use crate::redact::Redactor;

/// Most arguments of a program.
pub const ARGS_MAX: usize = 64;
/// Which variables of this process a program gets, beside `CANDOR_NOTICE`.
pub(crate) const PASSED_ON: [&str; 2] = ["PATH", "HOME"];

/// Which program, and how far it is believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program, by its absolute path. No shell is involved.
    pub program: PathBuf,
    /// Its arguments. They show in the list of processes: keep secrets out of them.
    #[serde(default)]
    pub args: Vec<String>,
    /// The program that says what became of a notice, by its absolute path. It gets the same arguments. Without it nothing can be read back.
    #[serde(default)]
    pub readback: Option<PathBuf>,
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
        for (field, program) in [("program", Some(&config.program)), ("readback", config.readback.as_ref())] {
            if let Some(program) = program.filter(|program| !program.is_absolute()) {
                return Err(format!("`{field}` must be an absolute path, not `{}`", program.display()));
            }
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
        [Some(&self.config.program), self.config.readback.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|program| process::missing(program))
            .collect()
    }

    async fn send(
        &self,
        permit: Permit<ProductionWrite>,
        _: &[SecretString],
        message: &Message,
        now: Now<'_>,
    ) -> Answer {
        let called_at = now();
        let run = self.run(permit, &self.config.program, message).await;
        let outcome = classify(&run, &message.key, self.config.may_prove);
        let status = run.status();
        scrubbed(&Redactor::default(), Answer { status, ..answer(outcome, called_at, now()) }, &run.outputs())
    }

    fn reads_back(&self) -> Result<(), String> {
        match self.config.readback {
            Some(_) => Ok(()),
            None => Err("the target names no `readback` program".to_owned()),
        }
    }

    async fn read_back(
        &self,
        permit: Permit<CanonicalRuntimeReadback>,
        _: &[SecretString],
        question: &Question,
        _: Now<'_>,
    ) -> ReadBack {
        let Some(program) = &self.config.readback else {
            return ReadBack::Unable { why: self.reads_back().err().unwrap_or_default() };
        };
        let run = self.run(permit, program, &question.message).await;
        Redactor::default().read_back(classify_read_back(&run, &question.message.key, self.config.may_prove))
    }
}

impl Command {
    /// Runs one of the programs for a message.
    async fn run<G: LiveGate>(&self, permit: Permit<G>, program: &Path, message: &Message) -> Run {
        let mut env = process::inherited(PASSED_ON);
        env.push(("CANDOR_NOTICE".to_owned(), message.key.clone().into()));
        let (input, timeout) = (self.payload(message), self.config.timeout);
        process::run(permit, Program { path: program, args: &self.config.args, env, input, timeout }).await
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
