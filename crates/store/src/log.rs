//! The log's records: how an artifact of a plan is sealed, and how it is shown.

use candor_audit::{
    commit::Nonce,
    header::{Header, TaskLink},
    kind::Kind,
    merkle::{Frontier, Hash, Log},
    seal::{SealError, SealInput, Sealed, seal},
};
use candor_core::{
    ids::{CorrelationId, NoticeNo, TaskId},
    time::Timestamp,
};
use candor_path::{Artifact, ArtifactKind};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The kind under which an artifact stands in headers and exports.
#[must_use]
pub fn audit_kind(kind: ArtifactKind) -> Kind {
    match kind {
        ArtifactKind::Event => Kind::Event,
        ArtifactKind::Claim => Kind::Claim,
        ArtifactKind::Evidence => Kind::Evidence,
        ArtifactKind::Decision => Kind::Decision,
        ArtifactKind::Queue => Kind::Queue,
        ArtifactKind::Spool => Kind::Spool,
        ArtifactKind::Attempt => Kind::Attempt,
        ArtifactKind::Receipt => Kind::Receipt,
        ArtifactKind::Incident => Kind::Incident,
        ArtifactKind::Gate => Kind::Gate,
        ArtifactKind::Approval => Kind::Approval,
        ArtifactKind::Effect => Kind::Effect,
        ArtifactKind::Work => Kind::Work,
        ArtifactKind::Readback => Kind::Readback,
        ArtifactKind::HeartbeatFold => Kind::HeartbeatFold,
        ArtifactKind::Gap => Kind::Gap,
        ArtifactKind::OperatorAct => Kind::OperatorAct,
        ArtifactKind::Profile => Kind::Profile,
        ArtifactKind::Capability => Kind::Capability,
        ArtifactKind::Pack => Kind::Pack,
        ArtifactKind::Key => Kind::Key,
    }
}

/// The rules of a decision's artifact; none for any other.
pub(crate) fn rules(record: &Record) -> Vec<String> {
    let decided = record.kind == Kind::Decision;
    let hits = record.body.get("rules").and_then(Value::as_array).filter(|_| decided);
    let names = hits.into_iter().flatten().filter_map(|hit| hit.get("rule").and_then(Value::as_str));
    names.map(str::to_owned).collect()
}

/// Newest records of a task in which its rules are looked for.
pub(crate) const RULES_RECORDS_MAX: usize = 500;

/// Which work to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkFilter {
    /// What waits or is started.
    Open,
    /// What is over, too.
    All,
}

/// One artifact, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Its place in the log, from 0.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it is.
    #[serde(serialize_with = "kind_word")]
    pub kind: Kind,
    /// Its id within the kind.
    pub id: String,
    /// The task that it belongs to.
    pub task: Option<TaskId>,
    /// The incident or firing that it belongs to.
    pub correlation: Option<CorrelationId>,
    /// Its content.
    pub body: Value,
}

impl Record {
    /// Whether its content was pruned.
    #[must_use]
    pub fn is_pruned(&self) -> bool {
        self.body == pruned()
    }
}

fn kind_word<S: Serializer>(kind: &Kind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.as_str())
}

/// One artifact as sealed: all that an export and a verifier need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The log line, without newline.
    pub header_line: Vec<u8>,
    /// The secret of its salts; zeros where its content was pruned.
    pub nonce: Nonce,
    /// Its content in canonical bytes; nothing where it was pruned.
    pub body: Vec<u8>,
}

impl LogEntry {
    /// Whether its content was pruned: the header is all that is left.
    #[must_use]
    pub fn is_pruned(&self) -> bool {
        self.body.is_empty()
    }

    /// Its header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn header(&self) -> Result<Header, String> {
        Header::parse(&self.header_line).map_err(|error| error.to_string())
    }

    /// Takes its content and nonce out.
    pub(crate) fn prune(&mut self) {
        self.body.clear();
        self.nonce = Nonce([0; 32]);
    }

    /// The artifact that this is; one whose content was pruned says so in place of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn record(&self) -> Result<Record, String> {
        let header = self.header()?;
        let task = header.task.map(|link| link.task_id.parse()).transpose().map_err(|error| format!("{error}"))?;
        let correlation = header.correlation_id.map(|id| id.parse()).transpose().map_err(|error| format!("{error}"))?;
        Ok(Record {
            index: header.index,
            at: Timestamp::from_micros(header.at_us),
            kind: header.kind,
            id: header.id.as_str().to_owned(),
            task,
            correlation,
            body: if self.is_pruned() {
                pruned()
            } else {
                serde_json::from_slice(&self.body).map_err(|error| error.to_string())?
            },
        })
    }
}

/// What people see in place of a content that was pruned.
pub(crate) fn pruned() -> Value {
    serde_json::json!({ "pruned": true })
}

/// The end of a task's chain of artifacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// How many artifacts the task has.
    pub(crate) seq: u64,
    /// Leaf hash of the last one.
    pub(crate) leaf: Option<Hash>,
    /// Log index of the last one.
    pub(crate) last: Option<u64>,
}

/// The growing end of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tip {
    /// The tree over all leaves.
    pub(crate) tree: Frontier<Log>,
    /// The last leaf.
    pub(crate) leaf: Option<Hash>,
}

impl Tip {
    /// Seals an artifact as the log's next, and moves the log's end and its task's chain on.
    pub(crate) fn append(
        &mut self,
        artifact: &Artifact,
        chain: Option<&mut Chain>,
        nonce: &Nonce,
        now: Timestamp,
        on_subtree: impl FnMut(u32, u64, Hash),
    ) -> Result<Sealed, SealError> {
        let index = self.tree.size();
        let link = artifact.task.as_ref().zip(chain.as_deref()).map(|(task, chain)| TaskLink {
            task_id: task.as_str().to_owned(),
            seq: chain.seq + 1,
            prev: chain.leaf,
        });
        let sealed = seal(SealInput {
            index,
            at_us: now.as_micros(),
            kind: audit_kind(artifact.kind),
            id: &artifact.id,
            task: link,
            correlation_id: artifact.correlation.as_ref().map(|id| id.as_str().to_owned()),
            body: &artifact.body,
            nonce,
        })?;
        self.tree.push_noting(sealed.leaf_hash, on_subtree);
        self.leaf = Some(sealed.leaf_hash);
        if let Some(chain) = chain {
            *chain = Chain { seq: chain.seq + 1, leaf: Some(sealed.leaf_hash), last: Some(index) };
        }
        Ok(sealed)
    }
}

/// The notice that a receipt's artifact speaks about. A late answer is recorded under `late`.
pub(crate) fn receipt_notice(body: &Value) -> Option<NoticeNo> {
    body.get("notice").or_else(|| body.get("late")?.get("notice"))?.as_str()?.parse().ok()
}
