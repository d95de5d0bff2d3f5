//! From what a program did to an outcome. Pure.

use candor_core::notice::{BlockReason, Outcome, Proof, ProofLevel};
use serde::Deserialize;

use crate::senders::{Ended, Run};

/// Exit code for "nothing happened, try again": `EX_TEMPFAIL` of sysexits.h.
pub const EXIT_TRY_AGAIN: i32 = 75;
/// Exit code for "nothing happened, and won't": `EX_NOPERM` of sysexits.h.
pub const EXIT_REFUSED: i32 = 77;

/// The most that a program's answer may prove, weakest first. `human` isn't among them: a person answers Candor, not a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MayProve {
    /// A relay took it.
    #[default]
    Relayed,
    /// The channel returned the message's id in the target chat.
    Stored,
    /// The channel returned the message itself.
    ReadBack,
}

/// What a program prints: one JSON object, and nothing else.
#[derive(Deserialize)]
struct Said {
    notice: String,
    level: MayProve,
    id: Option<String>,
}

/// What the run proves about the notice of this key.
///
/// Exit 0 alone proves nothing: many tools exit 0 without having sent. Only an object that echoes the key counts, for the level that it
/// claims, and no more than `may_prove`. Any other end may have come after the message left.
#[must_use]
pub fn classify(run: &Run, key: &str, may_prove: MayProve) -> Outcome {
    let unknown = |why: String| Outcome::Unknown { why };
    match &run.ended {
        Ended::NotStarted { missing: true, why } => {
            Outcome::Refused { reason: BlockReason::SenderMissing, why: why.clone() }
        }
        Ended::NotStarted { missing: false, why } => Outcome::Failed { why: why.clone(), retry_after_ms: None },
        Ended::Exited(0) => said(run, key, may_prove),
        Ended::Exited(EXIT_TRY_AGAIN) => {
            Outcome::Failed { why: run.with_words("exit code 75, try again"), retry_after_ms: None }
        }
        Ended::Exited(EXIT_REFUSED) => {
            Outcome::Refused { reason: BlockReason::RecipientRefused, why: run.with_words("exit code 77, refused") }
        }
        Ended::Exited(code) => {
            unknown(run.with_words(&format!("exit code {code}, which says nothing about the message")))
        }
        Ended::Killed(signal) => unknown(run.with_words(&format!("the program was ended by signal {signal}"))),
        Ended::TimedOut(after) => {
            unknown(format!("no end within {}; the program was killed", candor_core::time::format_duration(*after)))
        }
        Ended::Lost(why) => unknown(format!("the program's end wasn't seen: {why}")),
    }
}

fn said(run: &Run, key: &str, may_prove: MayProve) -> Outcome {
    let unknown = |why: &str| Outcome::Unknown { why: format!("exit code 0, but {why}") };
    if run.stdout.trim_ascii().is_empty() {
        return unknown("it printed no answer");
    }
    let Ok(said) = serde_json::from_slice::<Said>(&run.stdout) else {
        return unknown("what it printed is not one JSON object with `notice` and `level`");
    };
    if said.notice != key {
        return unknown("its answer is for another notice");
    }
    let provider_id = said.id.filter(|id| !id.is_empty());
    match said.level.min(may_prove) {
        MayProve::Relayed => Outcome::Relayed { provider_id },
        MayProve::Stored => Outcome::Proved { proof: Proof { level: ProofLevel::Stored, provider_id } },
        MayProve::ReadBack => Outcome::Proved { proof: Proof { level: ProofLevel::ReadBack, provider_id } },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: &str = "node/n-3/ops";

    fn ended(ended: Ended, stdout: &str) -> Run {
        Run { ended, stdout: stdout.as_bytes().to_vec(), stderr: b"\n no route \nmore".to_vec() }
    }

    fn word(run: &Run, may_prove: MayProve) -> String {
        match classify(run, KEY, may_prove) {
            Outcome::Proved { proof } => {
                format!("proved {} {}", proof.level.as_str(), proof.provider_id.as_deref().unwrap_or("-"))
            }
            Outcome::Relayed { provider_id } => {
                format!("relayed {}", provider_id.as_deref().unwrap_or("-"))
            }
            Outcome::Failed { why, .. } => format!("failed {why}"),
            Outcome::Refused { reason, why } => format!("refused {} {why}", reason.as_str()),
            Outcome::Unknown { .. } => "unknown".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_claimed_level_is_capped_by_the_config() {
        use MayProve::{ReadBack, Relayed, Stored};
        for (claimed, cap, expected) in [
            ("relayed", Relayed, "relayed x1"),
            ("stored", Relayed, "relayed x1"),
            ("read_back", Relayed, "relayed x1"),
            ("relayed", Stored, "relayed x1"),
            ("stored", Stored, "proved stored x1"),
            ("read_back", Stored, "proved stored x1"),
            ("relayed", ReadBack, "relayed x1"),
            ("stored", ReadBack, "proved stored x1"),
            ("read_back", ReadBack, "proved read_back x1"),
            ("human", ReadBack, "unknown"),
        ] {
            let run = ended(Ended::Exited(0), &format!(r#"{{"notice":"{KEY}","level":"{claimed}","id":"x1"}}"#));
            assert_eq!(word(&run, cap), expected, "{claimed} under {cap:?}");
        }
    }

    #[test]
    fn exit_0_proves_nothing_without_an_answer_for_this_notice() {
        for stdout in [
            "",
            " \n",
            "sent!",
            "{}",
            r#"{"notice":"node/n-3/ops"}"#,
            r#"{"level":"stored"}"#,
            r#"{"notice":"node/n-4/ops","level":"stored"}"#,
            r#"{"notice":"node/n-3/ops","level":"acked"}"#,
            r#"{"notice":"node/n-3/ops","level":"stored"} {"notice":"node/n-3/ops","level":"stored"}"#,
            r#"log line
{"notice":"node/n-3/ops","level":"stored"}"#,
            r#"[{"notice":"node/n-3/ops","level":"stored"}]"#,
        ] {
            assert_eq!(word(&ended(Ended::Exited(0), stdout), MayProve::ReadBack), "unknown", "{stdout}");
        }
        let plain = ended(Ended::Exited(0), "\n{\"notice\":\"node/n-3/ops\",\"level\":\"stored\",\"extra\":1}\n");
        assert_eq!(word(&plain, MayProve::Stored), "proved stored -");
    }

    #[test]
    fn two_exit_codes_say_that_nothing_happened_and_no_other_does() {
        // An answer that was printed first changes nothing: the exit code is the program's last word.
        let stdout = r#"{"notice":"node/n-3/ops","level":"stored"}"#;
        for code in 1..=255 {
            let expected = match code {
                75 => "failed exit code 75, try again: no route",
                77 => "refused recipient_refused exit code 77, refused: no route",
                _ => "unknown",
            };
            assert_eq!(word(&ended(Ended::Exited(code), stdout), MayProve::ReadBack), expected, "{code}");
        }
    }

    #[test]
    fn the_other_ends() {
        let why = || "because".to_owned();
        for (end, expected) in [
            (Ended::NotStarted { missing: true, why: why() }, "refused sender_missing because"),
            (Ended::NotStarted { missing: false, why: why() }, "failed because"),
            (Ended::Killed(9), "unknown"),
            (Ended::TimedOut(Duration::from_secs(30)), "unknown"),
            (Ended::Lost(why()), "unknown"),
        ] {
            assert_eq!(word(&ended(end, ""), MayProve::ReadBack), expected);
        }
    }
}
