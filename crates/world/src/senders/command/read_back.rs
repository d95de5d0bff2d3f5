//! From what a `readback` program did to what became of the message. Pure.

use candor_core::{
    notice::{Proof, ProofLevel},
    read_back::ReadBack,
};
use serde::Deserialize;
use serde_json::Value;

use super::MayProve;
use crate::senders::{
    Ended, Run,
    found::{fields, unable, unknown},
};

/// What a program prints: one JSON object, and nothing else.
#[derive(Deserialize)]
struct Said {
    notice: String,
    level: Level,
    id: Option<String>,
}

/// What it says of the message.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    /// It isn't there.
    Absent,
    /// A relay has it.
    Relayed,
    /// The channel has it.
    Stored,
    /// The channel gave it back.
    ReadBack,
}

/// What the run says of the notice of this key: the contract of the sender, with one word more, `absent`.
///
/// Only exit code 0 with an object that echoes the key counts, for no more than `may_prove`. Every other end says nothing, also the two
/// exit codes by which a sender says that nothing happened: here they speak of the question.
#[must_use]
pub fn classify(run: &Run, key: &str, may_prove: MayProve) -> ReadBack {
    match &run.ended {
        Ended::Exited(0) => said(run, key, may_prove),
        Ended::NotStarted { missing: true, why } => unable(why.clone()),
        ended => unknown(run.with_words(&ended.says())),
    }
}

fn said(run: &Run, key: &str, may_prove: MayProve) -> ReadBack {
    let not = |why: &str| unknown(format!("exit code 0, but {why}"));
    let Ok(Value::Object(object)) = serde_json::from_slice(&run.stdout) else {
        return not("what it printed is not one JSON object");
    };
    let fields = fields(&object);
    let Ok(said) = serde_json::from_value::<Said>(Value::Object(object)) else {
        return not("its answer has no `notice` and `level` of the contract");
    };
    if said.notice != key {
        return not("its answer is for another notice");
    }
    let level = match (said.level, may_prove) {
        (Level::Absent, _) => return ReadBack::Absent { why: "the program says that it isn't there".to_owned() },
        (Level::Relayed, _) => return not("only a relay has it"),
        (_, MayProve::Relayed) => return not("`may_prove: relayed` lets the program prove nothing"),
        (Level::ReadBack, MayProve::ReadBack) => ProofLevel::ReadBack,
        (Level::Stored | Level::ReadBack, _) => ProofLevel::Stored,
    };
    ReadBack::Found { proof: Proof { level, provider_id: said.id.filter(|id| !id.is_empty()) }, fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "node/n-3/ops";

    fn word(code: i32, stdout: &str, may_prove: MayProve) -> String {
        let run = Run { ended: Ended::Exited(code), stdout: stdout.as_bytes().to_vec(), stderr: Vec::new() };
        match classify(&run, KEY, may_prove) {
            ReadBack::Found { proof, .. } => format!("found {}", proof.level.as_str()),
            other => other.as_str().to_owned(),
        }
    }

    #[test]
    fn a_claimed_level_is_capped_by_the_config() {
        use MayProve::{ReadBack, Relayed, Stored};
        for (claimed, cap, expected) in [
            ("absent", Relayed, "absent"),
            ("absent", ReadBack, "absent"),
            ("relayed", ReadBack, "unknown"),
            ("stored", Relayed, "unknown"),
            ("read_back", Relayed, "unknown"),
            ("stored", Stored, "found stored"),
            ("read_back", Stored, "found stored"),
            ("stored", ReadBack, "found stored"),
            ("read_back", ReadBack, "found read_back"),
            ("human", ReadBack, "unknown"),
            ("acked", ReadBack, "unknown"),
        ] {
            let answer = format!(r#"{{"notice":"{KEY}","level":"{claimed}","id":"x1"}}"#);
            assert_eq!(word(0, &answer, cap), expected, "{claimed} under {cap:?}");
        }
    }

    #[test]
    fn nothing_else_says_anything() {
        let answer = format!(r#"{{"notice":"{KEY}","level":"read_back"}}"#);
        for code in 1..=255 {
            assert_eq!(word(code, &answer, MayProve::ReadBack), "unknown", "{code}");
            assert_eq!(word(code, &answer.replace("read_back", "absent"), MayProve::ReadBack), "unknown", "{code}");
        }
        for stdout in
            ["", "absent", "[]", "{}", r#"{"level":"absent"}"#, &answer.replace("n-3", "n-4"), &answer.repeat(2)]
        {
            assert_eq!(word(0, stdout, MayProve::ReadBack), "unknown", "{stdout}");
        }
    }
}
