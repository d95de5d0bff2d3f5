//! `openclaw-cli`: hands a notice to an OpenClaw gateway by `openclaw message send --json`. Its README has the table of outcomes.
//!
//! The command line has no key against repeats, and its exit code alone says nothing: a message that a hook dropped ends with 0 too, and
//! one that failed with 1 may still arrive minutes later.

mod classify;
mod config;
mod read_back;

use std::ffi::OsString;

use candor_approval::{
    LiveGate, Permit,
    kinds::{CanonicalRuntimeReadback, GatewayQueueWrite},
};
use candor_core::{
    notice::{Answer, Message},
    read_back::{Question, ReadBack},
};
use secrecy::{ExposeSecret, SecretString};

pub use self::{
    classify::classify,
    config::{CHANNEL_BYTES_MAX, Config, PASS_ENV_MAX, PLACE_BYTES_MAX, TIMEOUT},
    read_back::{READABLE, classify as classify_read_back},
};
use super::{
    HttpPool, Now, Sender,
    binding::{answer, scrubbed},
    process::{self, Program, Run},
    text::text,
};
use crate::{redact::Redactor, secrets::SecretRef};

/// Longest text that is handed over, in UTF-16 code units: the shortest limit of the large chat channels, so that OpenClaw doesn't split
/// it into messages of which one id proves only one.
pub const TEXT_UNITS_MAX: usize = 2_000;
/// Which variables of this process OpenClaw gets: where its interpreter is, where its state and its configuration lie, and where it may
/// write its log.
const NEEDED: [&str; 7] =
    ["PATH", "HOME", "TMPDIR", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH", "OPENCLAW_HOME", "OPENCLAW_PROFILE"];
/// Which variables it always gets: no colours, no questions, no call of its own to anybody.
const ALWAYS: [(&str, &str); 4] =
    [("NO_COLOR", "1"), ("CI", "1"), ("DO_NOT_TRACK", "1"), ("OPENCLAW_NO_AUTO_UPDATE", "1")];
/// In which variable it looks for its gateway's token.
const TOKEN_VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";

/// See the module.
#[derive(Debug)]
pub struct OpenclawCli {
    config: Config,
}

impl OpenclawCli {
    /// The whole command line but for the program.
    fn args(&self, message: &Message) -> Vec<String> {
        let config = &self.config;
        let mut args = self.place_args("send");
        if let Some(thread) = &config.thread {
            args.extend(["--thread-id".to_owned(), thread.clone()]);
        }
        args.extend(["--message".to_owned(), Self::text(message)]);
        args
    }

    /// The text as it is handed over. An argument can't hold a zero byte.
    fn text(message: &Message) -> String {
        text(message, TEXT_UNITS_MAX).replace('\0', " ")
    }

    /// What each of OpenClaw's own commands about this place begins with.
    fn place_args(&self, command: &str) -> Vec<String> {
        let mut args = vec!["message".to_owned(), command.to_owned(), "--json".to_owned()];
        let mut add = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
        add("--channel", &self.config.channel);
        add("--target", &self.config.to);
        if let Some(account) = &self.config.account {
            add("--account", account);
        }
        args
    }

    /// Runs OpenClaw once, with nothing on its standard input; what it must not show is known to the redactor.
    async fn run<G: LiveGate>(&self, permit: Permit<G>, secrets: &[SecretString], args: &[String]) -> (Run, Redactor) {
        let (env, hidden) = environment(&self.config.pass_env, secrets.first());
        let (path, input, timeout) = (&self.config.program, Vec::new(), self.config.timeout);
        (process::run(permit, Program { path, args, env, input, timeout }).await, Redactor::new(&hidden))
    }
}

/// OpenClaw's environment, and the values in it that nothing of its answers may show.
pub(crate) fn environment(
    pass_env: &[String],
    token: Option<&SecretString>,
) -> (Vec<(String, OsString)>, Vec<SecretString>) {
    let mut env = process::inherited(NEEDED);
    env.extend(ALWAYS.map(|(name, value)| (name.to_owned(), value.into())));
    let passed = process::inherited(pass_env.iter().map(String::as_str));
    let mut hidden: Vec<SecretString> =
        passed.iter().map(|(_, value)| SecretString::from(value.to_string_lossy().into_owned())).collect();
    env.extend(passed);
    if let Some(token) = token {
        env.push((TOKEN_VARIABLE.to_owned(), token.expose_secret().into()));
        hidden.push(token.clone());
    }
    (env, hidden)
}

impl Sender for OpenclawCli {
    type Gate = GatewayQueueWrite;
    type Config = Config;
    const NAME: &'static str = "openclaw-cli";

    fn bind(config: &Config, _pool: &HttpPool) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config: config.clone() })
    }

    fn idempotent(&self) -> bool {
        false
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        serde_json::to_vec(&self.args(message)).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<String> {
        let token = self.config.token.as_ref().and_then(|token| token.check().err()).map(|error| error.to_string());
        let unset = self.config.pass_env.iter().filter(|name| std::env::var_os(name).is_none());
        let unset = unset.map(|name| format!("`pass_env` names `{name}`, which isn't set for this process"));
        process::missing(&self.config.program).into_iter().chain(token).chain(unset).collect()
    }

    fn secrets(&self) -> Vec<SecretRef> {
        self.config.token.iter().cloned().collect()
    }

    async fn send(
        &self,
        permit: Permit<GatewayQueueWrite>,
        secrets: &[SecretString],
        message: &Message,
        now: Now<'_>,
    ) -> Answer {
        let called_at = now();
        let (run, redactor) = self.run(permit, secrets, &self.args(message)).await;
        let outcome = classify(&run, &self.config.to);
        let status = run.status();
        scrubbed(&redactor, Answer { status, ..answer(outcome, called_at, now()) }, &run.outputs())
    }

    fn reads_back(&self) -> Result<(), String> {
        let channel = &self.config.channel;
        if !READABLE.contains(&channel.as_str()) {
            return Err(format!(
                "OpenClaw's command line reads no messages of `{channel}`, and its queue forgets what it settled"
            ));
        }
        match &self.config.thread {
            None => Ok(()),
            Some(_) => Err("OpenClaw's command line reads a channel's messages, not a thread's".to_owned()),
        }
    }

    async fn read_back(
        &self,
        permit: Permit<CanonicalRuntimeReadback>,
        secrets: &[SecretString],
        question: &Question,
        _: Now<'_>,
    ) -> ReadBack {
        let mut args = self.place_args("read");
        args.extend(["--limit".to_owned(), read_back::MESSAGES_MAX.to_string()]);
        let (run, redactor) = self.run(permit, secrets, &args).await;
        redactor.read_back(classify_read_back(&run, &Self::text(&question.message), question.sent_at))
    }
}
