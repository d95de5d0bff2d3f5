//! `shim`: a scripted stand-in for a channel, for tests and rehearsals. Every answer is marked simulated, whatever it says, and a
//! simulated answer never makes a delivery `acked`.

use std::time::Duration;

use candor_approval::{Permit, kinds::Simulation};
use candor_core::{
    notice::{Answer, BlockReason, Message, Outcome, Proof, ProofLevel},
    time::duration_text,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{HttpPool, Now, Sender, binding::answer};

/// Most steps of a script.
pub const SCRIPT_STEPS_MAX: usize = 256;

/// The script, and how the channel that it stands for behaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What to answer, step by step; after the last step it begins again. The place in it follows from the attempt's number, so a
    /// restart changes nothing.
    pub script: Vec<Step>,
    /// Whether the channel is one that a repeat under the same key leaves unchanged. Default: no.
    #[serde(default)]
    pub idempotent: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What to answer.
    pub outcome: Word,
    /// How often in a row. Default: once.
    #[serde(default = "once")]
    pub times: u32,
    /// With `failed` and `rate_limited`: how long the channel asks to wait.
    #[serde(default, with = "duration_text::option")]
    pub retry_after: Option<Duration>,
    /// With `refused`: why. Default: `message_refused`.
    #[serde(default)]
    pub reason: Option<BlockReason>,
    /// With `proved`: what is proved. Default: `stored`.
    #[serde(default)]
    pub level: Option<ProofLevel>,
}

fn once() -> u32 {
    1
}

/// The outcomes that a script can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// As if the destination had proved it.
    Proved,
    /// As if a relay had taken it.
    Relayed,
    /// As if the channel had refused it for good.
    Refused,
    /// As if the channel had asked to wait.
    RateLimited,
    /// As if no usable answer had come.
    Unknown,
    /// As if it had failed without effect.
    Failed,
}

/// See the module.
#[derive(Debug)]
pub struct Shim {
    config: Config,
}

impl Sender for Shim {
    type Gate = Simulation;
    type Config = Config;
    const NAME: &'static str = "shim";

    fn bind(config: &Config, _pool: &HttpPool) -> Result<Self, String> {
        if config.script.is_empty() || config.script.len() > SCRIPT_STEPS_MAX {
            return Err(format!("`script` needs 1 to {SCRIPT_STEPS_MAX} steps"));
        }
        for (place, step) in config.script.iter().enumerate() {
            fits(step).map_err(|why| format!("step {} of `script`: {why}", place + 1))?;
        }
        Ok(Self { config: config.clone() })
    }

    fn idempotent(&self) -> bool {
        self.config.idempotent
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        serde_json::to_vec(message).unwrap_or_default()
    }

    async fn send(&self, _permit: Permit<Simulation>, _: &[SecretString], message: &Message, now: Now<'_>) -> Answer {
        let at = now();
        let outcome = step(&self.config.script, message.attempt).map_or(Outcome::Simulated, outcome);
        Answer { simulated: true, ..answer(outcome, at, at) }
    }
}

fn fits(step: &Step) -> Result<(), &'static str> {
    if step.times == 0 {
        return Err("`times` starts at 1");
    }
    if step.retry_after.is_some() && !matches!(step.outcome, Word::Failed | Word::RateLimited) {
        return Err("`retry_after` goes with `failed` and `rate_limited` only");
    }
    if step.reason.is_some() && step.outcome != Word::Refused {
        return Err("`reason` goes with `refused` only");
    }
    if step.level.is_some() && step.outcome != Word::Proved {
        return Err("`level` goes with `proved` only");
    }
    Ok(())
}

/// The step for an attempt, counted from 1.
fn step(script: &[Step], attempt: u32) -> Option<&Step> {
    let round: u64 = script.iter().map(|step| u64::from(step.times)).sum();
    let mut place = u64::from(attempt.saturating_sub(1)).checked_rem(round)?;
    script.iter().find(|step| match place.checked_sub(u64::from(step.times)) {
        Some(left) => {
            place = left;
            false
        }
        None => true,
    })
}

fn outcome(step: &Step) -> Outcome {
    let why = || "the script says so".to_owned();
    let retry_after_ms = step.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    match step.outcome {
        Word::Proved => {
            let level = step.level.unwrap_or(ProofLevel::Stored);
            Outcome::Proved { proof: Proof { level, provider_id: None } }
        }
        Word::Relayed => Outcome::Relayed { provider_id: None },
        Word::Refused => Outcome::Refused { reason: step.reason.unwrap_or(BlockReason::MessageRefused), why: why() },
        Word::RateLimited => Outcome::RateLimited { retry_after_ms },
        Word::Unknown => Outcome::Unknown { why: why() },
        Word::Failed => Outcome::Failed { why: why(), retry_after_ms },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn script(steps: &str) -> Vec<Step> {
        serde_json::from_str(steps).unwrap()
    }

    #[test]
    fn the_script_cycles_by_attempt() {
        let script = script(r#"[{"outcome":"failed","times":2},{"outcome":"unknown"},{"outcome":"proved"}]"#);
        let words: Vec<Word> = (1..=9).map(|attempt| step(&script, attempt).unwrap().outcome).collect();
        use Word::{Failed, Proved, Unknown};
        assert_eq!(words, [Failed, Failed, Unknown, Proved, Failed, Failed, Unknown, Proved, Failed]);
        assert_eq!(step(&script, 0), step(&script, 1));
    }

    #[test]
    fn each_word_is_its_outcome() {
        let failed = |ms| Outcome::Failed { why: "the script says so".to_owned(), retry_after_ms: ms };
        let refused = |reason| Outcome::Refused { reason, why: "the script says so".to_owned() };
        let proved = |level| Outcome::Proved { proof: Proof { level, provider_id: None } };
        for (text, expected) in [
            (r#"{"outcome":"proved"}"#, proved(ProofLevel::Stored)),
            (r#"{"outcome":"proved","level":"human"}"#, proved(ProofLevel::Human)),
            (r#"{"outcome":"relayed"}"#, Outcome::Relayed { provider_id: None }),
            (r#"{"outcome":"refused"}"#, refused(BlockReason::MessageRefused)),
            (r#"{"outcome":"refused","reason":"bad_credential"}"#, refused(BlockReason::BadCredential)),
            (r#"{"outcome":"rate_limited","retry_after":"2s"}"#, Outcome::RateLimited { retry_after_ms: Some(2_000) }),
            (r#"{"outcome":"unknown"}"#, Outcome::Unknown { why: "the script says so".to_owned() }),
            (r#"{"outcome":"failed"}"#, failed(None)),
            (r#"{"outcome":"failed","retry_after":"1500ms"}"#, failed(Some(1_500))),
        ] {
            let step: Step = serde_json::from_str(text).unwrap();
            assert_eq!(fits(&step), Ok(()), "{text}");
            assert_eq!(outcome(&step), expected, "{text}");
        }
    }

    #[test]
    fn a_script_that_cannot_mean_anything_is_refused() {
        for bad in [
            r#"{"outcome":"proved","times":0}"#,
            r#"{"outcome":"proved","retry_after":"1s"}"#,
            r#"{"outcome":"failed","reason":"bad_credential"}"#,
            r#"{"outcome":"relayed","level":"human"}"#,
        ] {
            let config = Config { script: vec![serde_json::from_str(bad).unwrap()], idempotent: false };
            assert!(Shim::bind(&config, &HttpPool::default()).unwrap_err().contains("step 1"), "{bad}");
        }
        let empty = Config { script: Vec::new(), idempotent: false };
        assert!(Shim::bind(&empty, &HttpPool::default()).is_err());
        assert!(serde_json::from_str::<Step>(r#"{"outcome":"acked"}"#).is_err());
    }
}
