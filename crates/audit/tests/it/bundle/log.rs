//! A log to make bundles of.

use candor_audit::{
    bundle::{
        manifest::{Headers, Selection},
        opening::Opening,
        verdict::{Failure, Finding, Verdict},
        verify::{Trust, verify},
        write::{About, Draft, Shipped},
    },
    canonical,
    commit::{Nonce, redact},
    header::{Header, TaskLink},
    kind::Kind,
    merkle::{Hash, log_root},
    seal::{SealInput, Sealed, seal},
    sign::{checkpoint::Checkpoint, key::NodeKey},
};
use serde_json::{Value, json};

pub const AT: i64 = 1_795_424_578_123_456;

/// One record with what belongs to it.
#[derive(Clone)]
pub struct Record {
    pub sealed: Sealed,
    pub header: Header,
    pub nonce: Nonce,
    pub body: Value,
}

/// A log of `count` records, each third one of the task `t`.
#[derive(Clone)]
pub struct Made {
    pub records: Vec<Record>,
    pub key: NodeKey,
}

pub fn key() -> NodeKey {
    NodeKey::from_seed("candor-node-7", &[7; 32]).unwrap()
}

pub fn made(count: u64) -> Made {
    made_with(count, &[])
}

/// The same, whose first records are changes of keys with these notes.
pub fn made_with(count: u64, rotations: &[String]) -> Made {
    let mut records: Vec<Record> = Vec::new();
    for index in 0..count {
        let ours = index % 3 == 1;
        let task_id = if ours { "t".to_owned() } else { format!("other-{}", index % 2) };
        let before = records.iter().rev().find(|record| record.header.task.as_ref().unwrap().task_id == task_id);
        let task = TaskLink {
            seq: before.map_or(1, |record| record.header.task.as_ref().unwrap().seq + 1),
            prev: before.map(|record| record.sealed.leaf_hash),
            task_id,
        };
        let rotation = rotations.get(index as usize);
        let body = match rotation {
            Some(note) => json!({ "rotation": note }),
            None => json!({"n": index, "secret": format!("pin-{index}"), "list": [1, {}]}),
        };
        let nonce = Nonce([index as u8; 32]);
        let kind = match (rotation, index) {
            (Some(_), _) => Kind::Key,
            (None, 4) => Kind::Gap,
            (None, _) => Kind::Event,
        };
        let sealed = seal(SealInput {
            index,
            at_us: AT + index as i64 * 1_000_000,
            kind,
            id: &format!("e-{index}"),
            task: Some(task),
            correlation_id: Some(format!("c-{}", index / 5)),
            body: &body,
            nonce: &nonce,
        })
        .unwrap();
        let header = Header::parse(&sealed.header_line).unwrap();
        records.push(Record { sealed, header, nonce, body });
    }
    Made { records, key: key() }
}

impl Made {
    pub fn head(&self, size: usize) -> Checkpoint {
        let leaves: Vec<Hash> = self.records[..size].iter().map(|record| record.sealed.leaf_hash).collect();
        Checkpoint { origin: "candor-node-7".into(), size: size as u64, root: log_root(leaves), at_us: AT }
    }
}

pub fn task(headers: Headers) -> Selection {
    Selection::Task { task_id: "t".into(), headers }
}

/// What to do differently from an honest exporter.
pub struct Plan<'a> {
    pub selection: Selection,
    pub redact: &'a [&'a str],
    pub split_at: Option<u64>,
    pub withhold: Option<u64>,
}

impl Plan<'_> {
    pub fn of(selection: Selection) -> Plan<'static> {
        Plan { selection, redact: &[], split_at: None, withhold: None }
    }
}

pub fn chosen(selection: &Selection, header: &Header) -> bool {
    match selection {
        Selection::Task { task_id, .. } => header.task.as_ref().is_some_and(|link| link.task_id == *task_id),
        Selection::Correlation { correlation_id, .. } => header.correlation_id.as_ref() == Some(correlation_id),
        Selection::Window { from, to, .. } => {
            let at = |text: &str| candor_audit::at::parse(text).unwrap();
            (at(from)..=at(to)).contains(&header.at_us)
        }
    }
}

fn ranged(selection: &Selection) -> bool {
    let (Selection::Task { headers, .. } | Selection::Correlation { headers, .. } | Selection::Window { headers, .. }) =
        selection;
    *headers == Headers::Range
}

/// The bundle that an exporter with these records and this key makes.
pub fn bundle(made: &Made, plan: &Plan<'_>) -> Vec<u8> {
    let head = made.head(made.records.len());
    let mut draft = Draft::default();
    let mut bodies = Vec::new();
    let mut begun = false;
    for record in &made.records {
        let header = &record.header;
        if plan.split_at == Some(header.index) {
            draft.split();
        }
        let ours = chosen(&plan.selection, header);
        begun |= ours;
        if plan.withhold == Some(header.index) {
            draft.withhold(&record.sealed.header_line, header.index, "legal hold");
        } else if ours || header.kind == Kind::Key {
            let pointers: std::collections::BTreeSet<String> = plan.redact.iter().map(|p| (*p).to_owned()).collect();
            let (body, opening) = if pointers.is_empty() {
                (record.sealed.body.clone(), Opening::Whole(record.nonce.clone()))
            } else {
                let redacted = redact(&record.nonce, &record.body, &pointers).unwrap();
                (canonical::to_bytes(&redacted.copy), Opening::Redacted(redacted.salts))
            };
            let shipped = Shipped { body: &body, opening, redacted: pointers.into_iter().collect() };
            draft.ship(&record.sealed.header_line, header, shipped).unwrap();
            bodies.push((format!("{}/{}.json", header.kind.folder(), header.id.as_str()), body));
        } else if begun && ranged(&plan.selection) {
            draft.show(&record.sealed.header_line);
        } else {
            draft.hide(header.index, record.sealed.leaf_hash);
        }
    }
    let about = About {
        selection: plan.selection.clone(),
        task_id: Some("t".into()),
        correlation_id: None,
        deployment_profile: Some("standard-team-mode@1.0.0".into()),
        capability_descriptor: None,
        plugin_package_version: "0.1.0-mainline".into(),
        exporter: "candor 0.1.0".into(),
        exported_at_us: AT,
        derived: None,
    };
    let mut archive = draft.seal(about, &head, &head.sign(&[&made.key]), &made.key, Vec::new()).unwrap();
    for (name, body) in bodies {
        archive.add(&name, &body).unwrap();
    }
    archive.finish().unwrap()
}

pub fn checked(bytes: &[u8], known: &[Checkpoint]) -> Result<Verdict, Finding> {
    let key = key().public();
    verify(&bytes, &Trust { key: &key, known, copier: None }).map_err(|failure| match failure {
        Failure::Found(finding) => finding,
        Failure::Unreadable(error) => panic!("{error}"),
    })
}
