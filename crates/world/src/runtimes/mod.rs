//! Runtimes: asking them, read-only, what they themselves have on record, for the canonical readback plans.
//!
//! A runtime is asked by a program, its own command line or one of the operator's. What it prints is cut down to the fields that the plan
//! needs before anything of it is returned ([`Reading`]): a runtime's lists hold prompts and transcripts, and those are nobody's business.
//! [`Reader::would_ask`] says what would be asked, and touches nothing.
//!
//! One folder is one kind of reader, with a README for its configuration. `docs/adding-a-runtime.md` tells how to add one.

mod reading;

pub mod command;
pub mod openclaw;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use candor_approval::{GateClosed, GateKeeper, Permit, kinds::CanonicalRuntimeReadback};
use candor_core::{gate::Gate, time::Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::reading::{READ_ITEMS_MAX, Reading};
use crate::{
    redact::Redactor,
    secrets::SecretRef,
    senders::{
        Ended, binding,
        process::{self, Program},
    },
};

/// Most bytes of a runtime's answer. A longer one isn't read in part: what is missing from it would seem not to be there.
pub const READ_BYTES_MAX: usize = 1024 * 1024;

/// What a runtime can be asked: the canonical readback plans that ask a runtime rather than a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeRead {
    /// What its gateway has to deliver, and what became of it.
    GatewayQueue,
    /// Its own list of tasks.
    RuntimeTasks,
    /// Its own word on tasks whose results were captured.
    CapturedResults,
}

impl RuntimeRead {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::GatewayQueue, Self::RuntimeTasks, Self::CapturedResults];

    /// The plan's id.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GatewayQueue => "gateway-queue",
            Self::RuntimeTasks => "runtime-tasks",
            Self::CapturedResults => "captured-results",
        }
    }

    /// The read of that plan.
    #[must_use]
    pub fn parse(plan: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|read| read.as_str() == plan)
    }

    /// The fields of an answer that are kept, in the spellings of the runtimes that are known. None of them holds a text of a person or of a
    /// model.
    #[must_use]
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::GatewayQueue => &[
                "id",
                "queueId",
                "queue_id",
                "status",
                "state",
                "outcome",
                "channel",
                "direction",
                "kind",
                "retryCount",
                "retry_count",
                "recoveryState",
                "recovery_state",
                "failureStage",
                "failure_stage",
                "reasonCode",
                "reason_code",
                "resultCount",
                "result_count",
                "durationMs",
                "duration_ms",
                "occurredAt",
                "createdAt",
                "created_at",
                "enqueuedAt",
                "at",
            ],
            Self::RuntimeTasks | Self::CapturedResults => &[
                "id",
                "taskId",
                "task_id",
                "runId",
                "run_id",
                "runtime",
                "agentId",
                "agent_id",
                "status",
                "state",
                "deliveryStatus",
                "delivery_status",
                "terminalOutcome",
                "terminal_outcome",
                "exitCode",
                "exit_code",
                "createdAt",
                "created_at",
                "startedAt",
                "started_at",
                "endedAt",
                "ended_at",
                "lastEventAt",
                "last_event_at",
                "lastActivityAt",
            ],
        }
    }
}

/// How a runtime is asked, as an operator writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "reader", rename_all = "kebab-case")]
pub enum ReaderConfig {
    /// By OpenClaw's own command line.
    Openclaw(openclaw::Config),
    /// By a program per plan.
    Command(command::Config),
}

/// A program to be run for a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    program: PathBuf,
    args: Vec<String>,
    pass_env: Vec<String>,
    timeout: Duration,
}

/// What would be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The plan.
    pub plan: RuntimeRead,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// The gates that it passes.
    pub gates: Vec<Gate>,
    /// The fields that would be kept.
    pub fields: &'static [&'static str],
}

/// Why nothing was read. Never holds anything that the runtime printed but one scrubbed line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// This runtime can't be asked that.
    #[error("it can't be asked: {0}")]
    Unable(String),
    /// A gate is closed; nothing was asked and no secret was read.
    #[error("{0}")]
    GateClosed(#[from] GateClosed),
    /// It was asked and gave no usable answer.
    #[error("it gave no answer: {0}")]
    NoAnswer(String),
}

/// A runtime that can be asked.
#[derive(Clone, Debug)]
pub struct Reader {
    config: ReaderConfig,
}

impl Reader {
    /// Checks the fields. Nothing is started here.
    ///
    /// # Errors
    /// What is wrong with them, in words, and what to write instead.
    pub fn bind(config: &ReaderConfig) -> Result<Self, String> {
        match config {
            ReaderConfig::Openclaw(own) => own.check()?,
            ReaderConfig::Command(own) => own.check()?,
        }
        Ok(Self { config: config.clone() })
    }

    /// What the read of a plan would ask. Touches nothing.
    ///
    /// # Errors
    /// Why this runtime can't be asked that.
    pub fn would_ask(&self, plan: RuntimeRead) -> Result<Asked, String> {
        let Call { program, args, .. } = self.call(plan)?;
        let gates = binding::gates_of(Some(Gate::CanonicalRuntimeReadback), &self.secrets());
        Ok(Asked { plan, program, args, gates, fields: plan.fields() })
    }

    /// Where its secrets lie.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretRef> {
        match &self.config {
            ReaderConfig::Openclaw(own) => own.token.iter().cloned().collect(),
            ReaderConfig::Command(_) => Vec::new(),
        }
    }

    /// What an operator should know about it: a program that isn't there, a secret that can't be read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let calls = RuntimeRead::ALL.into_iter().filter_map(|plan| self.call(plan).ok());
        let mut warnings: Vec<String> = calls.filter_map(|call| process::missing(&call.program)).collect();
        warnings.dedup();
        warnings.extend(self.secrets().iter().filter_map(|secret| Some(secret.check().err()?.to_string())));
        warnings
    }

    /// Asks, once, if the keeper lets it.
    ///
    /// # Errors
    /// Why nothing was read.
    pub async fn read(&self, keeper: &mut GateKeeper, plan: RuntimeRead, at: Timestamp) -> Result<Reading, ReadError> {
        let call = self.call(plan).map_err(ReadError::Unable)?;
        let refs = self.secrets();
        let permit = keeper.permit::<CanonicalRuntimeReadback>(None, at)?;
        let leave = binding::leave_to_read(&refs, keeper, None, at)?;
        let secrets = binding::read_with(leave, &refs).await.map_err(|error| ReadError::NoAnswer(error.to_string()))?;
        self.ask(permit, &secrets, plan, call).await
    }

    async fn ask(
        &self,
        permit: Permit<CanonicalRuntimeReadback>,
        secrets: &[SecretString],
        plan: RuntimeRead,
        call: Call,
    ) -> Result<Reading, ReadError> {
        let (env, hidden) = self.environment(&call, secrets);
        let redactor = Redactor::new(&hidden);
        let Call { program, args, timeout, .. } = call;
        let program = Program { path: &program, args: &args, env, input: Vec::new(), timeout };
        let run = process::run_keeping(permit, program, READ_BYTES_MAX).await;
        match run.ended {
            Ended::Exited(0) => {}
            Ended::NotStarted { missing: true, ref why } => return Err(ReadError::Unable(redactor.line(why))),
            ref ended => return Err(ReadError::NoAnswer(redactor.line(&run.with_words(&ended.says())))),
        }
        reading::of(plan, &run.stdout, &redactor).map_err(ReadError::NoAnswer)
    }

    fn call(&self, plan: RuntimeRead) -> Result<Call, String> {
        match &self.config {
            ReaderConfig::Openclaw(own) => own.call(plan),
            ReaderConfig::Command(own) => own.call(plan),
        }
    }

    fn environment(&self, call: &Call, secrets: &[SecretString]) -> (Vec<(String, OsString)>, Vec<SecretString>) {
        match &self.config {
            ReaderConfig::Openclaw(_) => crate::senders::openclaw_cli::environment(&call.pass_env, secrets.first()),
            ReaderConfig::Command(_) => (process::inherited(crate::senders::command::PASSED_ON), Vec::new()),
        }
    }
}
