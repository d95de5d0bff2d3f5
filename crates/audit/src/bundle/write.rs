//! Making a bundle: the log is gone through once from its beginning, then the artifacts once more.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    CHECKPOINT, ENVELOPE, MANIFEST, NODES, OPENINGS, PREDICATE_TYPE, RECORDS, SUMS,
    archive::ArchiveWriter,
    manifest::{Derived, Entry, HASH_VERSION, LogHead, ManifestWriter, Rest, Selection, Withheld},
    opening::{Opening, OpeningLine},
    walk::Node,
};
use crate::{
    at,
    header::Header,
    hex,
    kind::Kind,
    merkle::{Hash, log_node},
    sign::{checkpoint::Checkpoint, dsse, key::NodeKey},
};

/// What a bundle says of itself beside its records.
#[derive(Clone, Debug)]
pub struct About {
    /// By what the records were chosen.
    pub selection: Selection,
    /// The task that it is about, where it is about one.
    pub task_id: Option<String>,
    /// The incident or firing that it is about, where it is about one.
    pub correlation_id: Option<String>,
    /// The profile in force, `name@version`.
    pub deployment_profile: Option<String>,
    /// The capability descriptor in force, `name@version`.
    pub capability_descriptor: Option<String>,
    /// The version of the package that made the records.
    pub plugin_package_version: String,
    /// What makes the bundle, `candor 0.1.0`.
    pub exporter: String,
    /// When, in microseconds since the Unix epoch.
    pub exported_at_us: i64,
    /// Of what it is a copy, where it is one.
    pub derived: Option<Derived>,
}

/// An artifact as it is shipped.
#[derive(Clone, Debug)]
pub struct Shipped<'a> {
    /// Its bytes: the recorded ones, or those of a redacted copy.
    pub body: &'a [u8],
    /// What opens its commitment.
    pub opening: Opening,
    /// JSON pointers of what was removed.
    pub redacted: Vec<String>,
}

/// A bundle in the making.
#[derive(Debug, Default)]
pub struct Draft {
    manifest: ManifestWriter,
    records: Vec<u8>,
    nodes: Vec<u8>,
    openings: Vec<u8>,
    sums: String,
    hidden: Hidden,
    gaps: Vec<u64>,
    withheld: Vec<Withheld>,
}

/// Why a bundle can't be made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It can't be written.
    #[error("the bundle can't be written: {0}")]
    Io(#[from] io::Error),
    /// A manifest that can't be put in JSON.
    #[error("the manifest can't be written: {0}")]
    Manifest(#[from] serde_json::Error),
}

impl Draft {
    /// A copy of a bundle, whose shown headers and subtree roots stay as they are.
    #[must_use]
    pub fn copy_of(records: Vec<u8>, nodes: Vec<u8>, withheld: Vec<Withheld>) -> Self {
        Draft { records, nodes, withheld, ..Draft::default() }
    }

    /// The next record of the log isn't shown.
    pub fn hide(&mut self, index: u64, leaf: Hash) {
        self.hide_subtree(index, 0, leaf);
    }

    /// None of the next `2^level` records of the log is shown; `from` is a multiple of their number, and this is the root over them.
    pub fn hide_subtree(&mut self, from: u64, level: u32, root: Hash) {
        self.hidden.push(Node { from, level, root });
    }

    /// What comes next begins a new subtree, so that the head of this size can be met by whoever holds it.
    pub fn split(&mut self) {
        self.hidden.flush(&mut self.nodes);
    }

    /// The next record's header is shown, its artifact isn't.
    pub fn show(&mut self, header_line: &[u8]) {
        self.split();
        self.records.extend_from_slice(header_line);
        self.records.push(b'\n');
    }

    /// The next record is chosen, and its artifact kept back for a reason.
    pub fn withhold(&mut self, header_line: &[u8], index: u64, why: &str) {
        self.show(header_line);
        self.withheld.push(Withheld { index, why: why.to_owned() });
    }

    /// The next record is in the bundle with its artifact.
    ///
    /// # Errors
    /// Never in practice: what it adds is plain JSON.
    pub fn ship(&mut self, header_line: &[u8], header: &Header, shipped: Shipped<'_>) -> Result<(), WriteError> {
        self.show(header_line);
        self.ship_shown(header, shipped)
    }

    /// The same for a record whose header is shown already, in a copy.
    ///
    /// # Errors
    /// As with [`Draft::ship`].
    pub fn ship_shown(&mut self, header: &Header, shipped: Shipped<'_>) -> Result<(), WriteError> {
        let place = header.artifact_ref();
        let sha256 = hex(&Sha256::digest(shipped.body));
        self.sums.push_str(&format!("{sha256}  {place}\n"));
        self.openings.extend_from_slice(&OpeningLine { index: header.index, opening: shipped.opening }.line());
        self.openings.push(b'\n');
        if header.kind == Kind::Gap {
            self.gaps.push(header.index);
        }
        self.manifest.add(&Entry {
            kind: header.kind.as_str().to_owned(),
            r#ref: place,
            sha256,
            bytes: shipped.body.len() as u64,
            index: header.index,
            redacted: shipped.redacted,
        })?;
        Ok(())
    }

    /// Signs, and writes all but the artifacts. They follow in the same order with [`ArchiveWriter::add`].
    ///
    /// # Errors
    /// When it can't be written.
    pub fn seal<W: Write>(
        mut self,
        about: About,
        head: &Checkpoint,
        checkpoint: &str,
        key: &NodeKey,
        to: W,
    ) -> Result<ArchiveWriter<W>, WriteError> {
        self.hidden.flush(&mut self.nodes);
        let files = [
            (CHECKPOINT, checkpoint.as_bytes()),
            (RECORDS, &self.records),
            (NODES, &self.nodes),
            (OPENINGS, &self.openings),
        ];
        let hashes: BTreeMap<String, String> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), hex(&Sha256::digest(bytes)))).collect();
        let log = LogHead { origin: head.origin.clone(), tree_size: head.size, root: STANDARD.encode(head.root) };
        let count = self.manifest.count();
        let manifest = self.manifest.finish(&Rest {
            capability_descriptor: about.capability_descriptor,
            correlation_id: about.correlation_id,
            count,
            deployment_profile: about.deployment_profile,
            derived: about.derived,
            exported_at: at::text(about.exported_at_us),
            exporter: about.exporter,
            files: hashes,
            gaps: self.gaps,
            hash_version: HASH_VERSION,
            log,
            plugin_package_version: about.plugin_package_version,
            selection: about.selection,
            task_id: about.task_id,
            withheld: self.withheld,
        })?;
        let predicate = json!({"log": head.origin, "tree_size": head.size});
        let digest = hex(&Sha256::digest(&manifest));
        let envelope = dsse::seal(&dsse::statement(MANIFEST, &digest, PREDICATE_TYPE, &predicate), key);
        let front = [(MANIFEST, manifest.as_slice()), (ENVELOPE, &envelope)];
        let mut archive = ArchiveWriter::new(to);
        let mut sums = String::new();
        for (name, bytes) in front.into_iter().chain(files) {
            sums.push_str(&format!("{}  {name}\n", hex(&Sha256::digest(bytes))));
            archive.add(name, bytes)?;
        }
        sums.push_str(&self.sums);
        archive.add(SUMS, sums.as_bytes())?;
        Ok(archive)
    }
}

/// Records that aren't shown, as few subtrees as stand for them.
#[derive(Debug, Default)]
struct Hidden(Vec<Node>);

impl Hidden {
    fn push(&mut self, node: Node) {
        self.0.push(node);
        while let [.., left, right] = self.0.as_slice() {
            let pair = left.level == right.level && left.from.is_multiple_of(1 << (left.level + 1));
            if !pair {
                break;
            }
            let merged = Node { from: left.from, level: left.level + 1, root: log_node(&left.root, &right.root) };
            self.0.truncate(self.0.len() - 2);
            self.0.push(merged);
        }
    }

    fn flush(&mut self, to: &mut Vec<u8>) {
        for node in self.0.drain(..) {
            to.extend_from_slice(node.line().as_bytes());
        }
    }
}
