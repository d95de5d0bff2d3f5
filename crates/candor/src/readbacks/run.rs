//! A run of a plan: each question is asked under uses of its own, and nothing is kept before all of it was looked through.

use candor_approval::{
    GateKeeper, Permit,
    kinds::RuntimeResultCaptureWrite,
    reading::{self, Row},
};
use candor_audit::{canonical, hex};
use candor_core::{
    catalogue::PlanEntry,
    disclosure::Kind,
    gate::{Gate, Grant, Scope},
    ids::{NoticeNo, PlanId, TargetName},
    read_back::ReadBack,
    time::Timestamp,
};
use candor_path::{Answered, Performed};
use candor_store::sqlite;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use tokio::runtime::Handle;

use super::{
    plans::{Ask, Askable, PlanKind, Unasked, asks},
    question, rows, shown,
};
use crate::{
    approvals::shown::redacted,
    desk::store_failure,
    exit::{Exit, Failure},
};

/// What a run needs of the deployment.
pub struct Asker<'a> {
    /// Who can be asked.
    pub of: Askable<'a>,
    /// What is on record.
    pub store: &'a sqlite::Reader,
    /// Makes a keeper from uses.
    pub keeper: &'a dyn Fn(Vec<Grant>) -> GateKeeper,
    /// Takes one use of each of these gates, for what is said.
    pub take: &'a dyn Fn(Vec<Gate>, Scope, String) -> Result<Vec<Grant>, Failure>,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Where questions wait for their answers.
    pub runtime: &'a Handle,
}

/// What came of the questions so far.
#[derive(Default)]
struct Read {
    rows: Vec<Row>,
    /// How many things were asked about.
    asked: usize,
    digests: Vec<String>,
    found: BTreeMap<Kind, u64>,
    answers: Vec<(NoticeNo, TargetName, Answered)>,
    unasked: Vec<Unasked>,
    left_out: u64,
    dropped: u64,
}

impl Asker<'_> {
    /// Runs the plan. `grants` are for its first question and for keeping what is read; each further question takes uses of its own.
    ///
    /// # Errors
    /// Why nothing was read, or nothing of it may be kept.
    pub fn run(&self, plan: &PlanId, entry: &PlanEntry, terms: &str, grants: Vec<Grant>) -> Result<Performed, Failure> {
        let refused = |why: String| Failure::new(Exit::Refused, why);
        let kind = PlanKind::parse(&entry.id).ok_or_else(|| refused(format!("this version can't run `{plan}`")))?;
        let asks = asks(kind, self.store, self.of).map_err(store_failure)?;
        let mut read = Read { unasked: asks.unasked, ..Read::default() };
        let mut keeper = (self.keeper)(grants);
        // What is read is kept, or nothing is read.
        let keeping = keeper.permit::<RuntimeResultCaptureWrite>(None, (self.now)());
        let keeping = keeping.map_err(|closed| refused(closed.to_string()))?;
        let mut questions = asks.questions.iter();
        let mut first = true;
        for ask in questions.by_ref() {
            if !std::mem::take(&mut first) {
                let what = format!("ask {ask} for the plan `{plan}`");
                match (self.take)(ask.gates(self.of), ask.scope(plan), what) {
                    Ok(grants) => keeper = (self.keeper)(grants),
                    Err(closed) => {
                        read.unasked.push(Unasked { what: ask.to_string(), why: closed.message });
                        break;
                    }
                }
            }
            self.ask(ask, &mut keeper, &mut read)?;
        }
        let left = questions.map(|ask| Unasked { what: ask.to_string(), why: "a gate closed before".to_owned() });
        read.unasked.extend(left);
        finished(keeping, entry, terms, read)
    }

    fn ask(&self, ask: &Ask, keeper: &mut GateKeeper, read: &mut Read) -> Result<(), Failure> {
        match ask {
            Ask::Notice { notice, target } => self.ask_channel(*notice, target, keeper, read),
            Ask::Runtime { runtime, read: what, about } => {
                let unasked = |why: String| Unasked { what: ask.to_string(), why };
                let Some(reader) = self.of.runtimes.get(runtime) else { return Ok(()) };
                let at = (self.now)();
                match self.runtime.block_on(reader.read(keeper, *what, at)) {
                    Ok(reading) => {
                        read.rows.extend(rows::of_reading(about, &reading, at));
                        read.asked = read.asked.saturating_add(about.len());
                        read.left_out = read.left_out.saturating_add(reading.left_out);
                        read.dropped = read.dropped.saturating_add(reading.dropped);
                        for (kind, times) in reading.found {
                            *read.found.entry(kind).or_default() += times;
                        }
                        read.digests.push(reading.sha256);
                    }
                    Err(error) => read.unasked.push(unasked(error.to_string())),
                }
                Ok(())
            }
        }
    }

    fn ask_channel(
        &self,
        notice: NoticeNo,
        target: &TargetName,
        keeper: &mut GateKeeper,
        read: &mut Read,
    ) -> Result<(), Failure> {
        let what = format!("target `{target}` about {notice}");
        let Some(binding) = self.of.bindings.get(target) else { return Ok(()) };
        let about = question::about(self.store, notice, target, self.of.node).map_err(store_failure)?;
        let Some(about) = about else { return Ok(()) };
        let at = (self.now)();
        let answer = match self.runtime.block_on(binding.read_back(keeper, &about, self.now)) {
            Ok(ReadBack::Unable { why }) => {
                read.unasked.push(Unasked { what, why });
                return Ok(());
            }
            Ok(answer) => answer,
            Err(closed) => {
                read.unasked.push(Unasked { what, why: closed.to_string() });
                return Ok(());
            }
        };
        let digest = digest(&answer);
        let mut row: Row = [
            ("notice", notice.to_string()),
            ("target", target.to_string()),
            ("idempotency_key", about.message.key),
            ("answer", answer.as_str().to_owned()),
            ("answer_digest", digest.clone()),
            ("asked_at", at.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        match &answer {
            ReadBack::Found { proof, fields } => {
                row.insert("proof".to_owned(), proof.level.as_str().to_owned());
                row.extend(proof.provider_id.clone().map(|id| ("provider_id".to_owned(), id)));
                row.extend(fields.iter().map(|(name, value)| (format!("said.{name}"), value.clone())));
            }
            other => drop(row.insert("why".to_owned(), other.says())),
        }
        read.rows.push(row);
        read.asked = read.asked.saturating_add(1);
        read.digests.push(digest);
        read.answers.push((notice, target.clone(), shown(answer)));
        Ok(())
    }
}

/// What is kept of it; nothing, where it lacks something or holds what is never displayed.
fn finished(
    _: Permit<RuntimeResultCaptureWrite>,
    entry: &PlanEntry,
    terms: &str,
    read: Read,
) -> Result<Performed, Failure> {
    let refused = |why: String| Failure::new(Exit::Refused, format!("nothing was kept: {why}"));
    if read.digests.is_empty() {
        return match read.unasked.is_empty() {
            true => Ok(Performed::Did { outcome: "there was nothing to ask about, so nothing is kept".to_owned() }),
            false => {
                let why = read.unasked.iter().map(|of| redacted(&format!("{}: {}", of.what, of.why)));
                Err(refused(why.collect::<Vec<_>>().join("; ")))
            }
        };
    }
    reading::check(entry, read.asked, &read.rows, &read.found).map_err(|why| {
        let why: Vec<String> = why.iter().map(|why| redacted(&why.to_string())).collect();
        refused(why.join("; "))
    })?;
    let clean = |row: &Row| -> Row { row.iter().map(|(name, value)| (redacted(name), redacted(value))).collect() };
    let unasked = read.unasked.iter().map(|of| Unasked { what: redacted(&of.what), why: redacted(&of.why) });
    let reading = json!({
        "terms": terms,
        "asked_about": read.asked,
        "rows": read.rows.iter().map(clean).collect::<Vec<_>>(),
        "unasked": unasked.collect::<Vec<_>>(),
        "left_out": read.left_out,
        "dropped": read.dropped,
    });
    let sha256 = match &read.digests[..] {
        [one] => one.clone(),
        all => digest(&all),
    };
    Ok(Performed::Reading { reading, sha256, answers: read.answers })
}

fn digest(of: &impl Serialize) -> String {
    let value = serde_json::to_value(of).unwrap_or_default();
    hex(&Sha256::digest(canonical::to_bytes(&value)))
}
