//! Checking a bundle: in one direction, in bounded memory, closed at the first thing that doesn't fit.
//!
//! The order is that of trust: the archive's form, the signature over the manifest, the files that the manifest names, the log's signed
//! head, then record by record the header's place in the tree, the artifact's bytes and its commitment, and at the end the root.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, BufReader, Read},
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{
    CHECKPOINT, ENVELOPE, FILES, MANIFEST, MAX_FILE_BYTES, MAX_MANIFEST_BYTES, MAX_OPENING_BYTES, NODES, OPENINGS,
    PREDICATE_TYPE, READ_BYTES, RECORDS, SUMS,
    archive::{ArchiveError, ArchiveReader},
    explain::{OTHER_MEMBER, explain},
    hands::{AtOnce, Hands, Opened},
    keys::{self, Signer},
    manifest::{self, Entry, HASH_VERSION, Headers, Refused, Rest, Selection},
    opening::{MAX_COPY_BYTES, Opening, OpeningLine},
    verdict::{Anchor, Class, Complete, Failure, Finding, KeyChange, Verdict, not_proved},
    walk::{Lines, Shown, Walk},
};
use crate::{
    at,
    header::Header,
    hex,
    kind::Kind,
    merkle::Hash,
    seal::MAX_BODY_BYTES,
    sign::{checkpoint::Checkpoint, dsse, key::PublicKey, note::MAX_NOTE_BYTES},
};

/// A bundle that can be read from its beginning more than once.
pub trait Source {
    /// Its bytes from the beginning.
    ///
    /// # Errors
    /// When it can't be read.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Source for &[u8] {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(*self))
    }
}

/// What the reader brings along; nothing of it is taken from the bundle.
#[derive(Debug)]
pub struct Trust<'a> {
    /// The key of the node: the one that signed, or one that it took over from by changes that both signed.
    pub key: &'a PublicKey,
    /// Heads of the log that were seen before, already checked.
    pub known: &'a [Checkpoint],
    /// The key of whoever made a copy with values taken out, where that isn't the node itself.
    pub copier: Option<&'a PublicKey>,
}

/// A shown record, with its artifact where the bundle has it.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its header.
    pub header: &'a Header,
    /// Its artifact, whose bytes are those that the manifest names and that the header commits to.
    pub artifact: Option<SeenArtifact<'a>>,
}

/// An artifact as it is in a bundle.
#[derive(Debug)]
pub struct SeenArtifact<'a> {
    /// What the manifest says of it.
    pub entry: &'a Entry,
    /// Its bytes.
    pub body: &'a [u8],
    /// What opens its commitment.
    pub opening: &'a Opening,
}

/// What a check came to, and what the manifest says beside the list of artifacts.
#[derive(Debug)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// The manifest without its list.
    pub rest: Rest,
    /// SHA-256 of the manifest, in hex.
    pub manifest: String,
}

/// Checks a bundle.
///
/// # Errors
/// The first thing that is wrong, or that it can't be read.
pub fn verify(bundle: &dyn Source, trust: &Trust<'_>) -> Result<Verdict, Failure> {
    read(bundle, trust, &mut AtOnce::default(), &mut |_| ()).map(|checked| checked.verdict)
}

/// Checks a bundle, and shows each record to `on_record` on the way, in the log's order. What was shown counts only once there is a verdict:
/// whether the header is in the log, and the content what it commits to, is known at the end.
///
/// # Errors
/// The first thing that is wrong, or that it can't be read.
pub fn read(
    bundle: &dyn Source,
    trust: &Trust<'_>,
    hands: &mut dyn Hands,
    on_record: &mut dyn FnMut(&Seen<'_>),
) -> Result<Checked, Failure> {
    let outcome = walk(bundle, trust, hands, on_record);
    // What was brought to the hands stands before whatever the walk came to.
    hands.wait()?;
    outcome
}

fn walk(
    bundle: &dyn Source,
    trust: &Trust<'_>,
    hands: &mut dyn Hands,
    on_record: &mut dyn FnMut(&Seen<'_>),
) -> Result<Checked, Failure> {
    let signer = keys::signer(bundle, trust)?;
    let mut from = ArchiveReader::new(BufReader::with_capacity(READ_BYTES, bundle.open().map_err(Failure::io)?));
    let front = Front::read(&mut from, trust, &signer)?;
    let head = front.head(trust, &signer)?;
    let mut check = Check {
        walk: Walk::new(cursor(bundle, RECORDS)?, cursor(bundle, NODES)?, trust.known),
        openings: Lines::new(cursor(bundle, OPENINGS)?, OPENINGS, MAX_OPENING_BYTES),
        artifacts: from,
        sums: front.sums(),
        front: &front,
        chain: None,
        first_chosen: None,
        withheld: front.rest.withheld.iter().map(|withheld| withheld.index).collect(),
        gaps: 0,
        redacted: 0,
        failed: None,
        hands,
        on_record,
    };
    let list = cursor(bundle, MANIFEST)?;
    let read = manifest::read(list, |entry| check.entry(&entry).map_err(|failure| check.keep(failure)));
    if let Some(failure) = check.failed.take() {
        return Err(explain(failure, bundle));
    }
    read.map_err(|error| damaged(MANIFEST, &error))?;
    let verdict = check.finish(&head, trust, &signer)?;
    let manifest = front.hashes.into_iter().next().map_or(String::new(), |(_, hash)| hash);
    Ok(Checked { verdict, rest: front.rest, manifest })
}

fn damaged(place: &str, why: &dyn std::fmt::Display) -> Finding {
    Finding::new(Class::Damaged, place, why.to_string())
}

/// A reader of one of the files before the artifacts.
pub(super) fn cursor<'b>(bundle: &'b dyn Source, name: &str) -> Result<Box<dyn BufRead + 'b>, Failure> {
    let mut from = ArchiveReader::new(BufReader::with_capacity(READ_BYTES, bundle.open().map_err(Failure::io)?));
    while let Some(member) = from.next_member().map_err(of_archive)? {
        if member.name == name {
            return Ok(Box::new(BufReader::with_capacity(READ_BYTES, from)));
        }
    }
    Err(Finding::new(Class::Missing, name, "it isn't in the bundle").into())
}

fn of_archive(error: ArchiveError) -> Failure {
    match error {
        ArchiveError::Io(error) => Failure::io(error),
        other => damaged("the archive", &other).into(),
    }
}

/// What stands before the artifacts, each file held against the manifest, and the manifest against its signature.
struct Front {
    rest: Rest,
    checkpoint: String,
    /// SHA-256 of each file, in hex, in the order of the archive.
    hashes: Vec<(&'static str, String)>,
}

impl Front {
    fn read(from: &mut ArchiveReader<impl Read>, trust: &Trust<'_>, signer: &Signer) -> Result<Front, Failure> {
        let mut hashes = Vec::new();
        let (mut rest, mut envelope, mut checkpoint) = (None, Vec::new(), Vec::new());
        for name in FILES {
            let member = from.next_member().map_err(of_archive)?;
            let found = member.as_ref().map_or("the end of the archive", |member| &member.name);
            if found != name {
                let class = if FILES.contains(&found) || member.is_none() { Class::Missing } else { Class::Foreign };
                return Err(Finding::new(class, name, format!("`{}` stands in its place", found.escape_debug())).into());
            }
            let bytes = member.map_or(0, |member| member.bytes);
            let max_bytes = if name == MANIFEST { MAX_MANIFEST_BYTES } else { MAX_FILE_BYTES };
            if bytes > max_bytes {
                return Err(damaged(name, &format!("it has {bytes} bytes, more than {max_bytes}")).into());
            }
            let mut hashing = Hashing { from: &mut *from, hash: Sha256::new() };
            match name {
                // A reader of JSON asks for one byte after the other.
                MANIFEST => rest = Some(Self::manifest(BufReader::with_capacity(READ_BYTES, &mut hashing))),
                ENVELOPE => envelope = short(&mut hashing, name, dsse::MAX_ENVELOPE_BYTES)?,
                CHECKPOINT => checkpoint = short(&mut hashing, name, MAX_NOTE_BYTES)?,
                _ => {}
            }
            io::copy(&mut hashing, &mut io::sink()).map_err(Failure::io)?;
            hashes.push((name, hex(&hashing.hash.finalize())));
            if name == ENVELOPE {
                let key = keys::maker(rest.as_ref(), trust, &signer.key)?;
                let digest = dsse::open(&envelope, key, MANIFEST, PREDICATE_TYPE)
                    .map_err(|error| Finding::new(Class::Signature, ENVELOPE, error.to_string()))?;
                if hashes.first().is_none_or(|(_, hash)| *hash != digest) {
                    let words = "it isn't the manifest that was signed";
                    return Err(Finding::new(Class::Changed, MANIFEST, words).into());
                }
            }
        }
        let rest = rest.ok_or_else(|| damaged(MANIFEST, &"it isn't there"))??;
        let checkpoint = String::from_utf8(checkpoint).map_err(|error| damaged(CHECKPOINT, &error))?;
        let front = Front { rest, checkpoint, hashes };
        front.files()?;
        Ok(front)
    }

    /// The manifest without its list, whose order and number are looked at here.
    fn manifest(from: impl Read) -> Result<Rest, Finding> {
        let (mut count, mut last, mut wrong) = (0, None, None);
        let read = manifest::read(from, |entry| {
            count += 1;
            if last.is_some_and(|last| entry.index <= last) {
                wrong = Some(Finding::new(
                    Class::Reordered,
                    MANIFEST,
                    format!("`{}` is out of the log's order", entry.r#ref),
                ));
                return Err(Refused);
            }
            last = Some(entry.index);
            Ok(())
        });
        let rest = match (read, wrong) {
            (_, Some(wrong)) => return Err(wrong),
            (Err(error), None) => return Err(damaged(MANIFEST, &error)),
            (Ok(rest), None) => rest,
        };
        if rest.count != count {
            let words = format!("it lists {count} artifacts and says {}", rest.count);
            return Err(Finding::new(Class::Missing, MANIFEST, words));
        }
        if rest.hash_version != HASH_VERSION {
            let words =
                format!("hash version {} is not known here; this program knows {HASH_VERSION}", rest.hash_version);
            return Err(damaged(MANIFEST, &words));
        }
        Ok(rest)
    }

    /// Holds the files that the manifest names against it.
    fn files(&self) -> Result<(), Finding> {
        let named: BTreeMap<&str, &str> = self.rest.files.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let expected = [CHECKPOINT, RECORDS, NODES, OPENINGS];
        if !named.keys().copied().eq(BTreeSet::from(expected)) {
            return Err(damaged(MANIFEST, &"it names other files than a bundle has"));
        }
        for (name, hash) in self.hashes.iter().filter(|(name, _)| expected.contains(name)) {
            if named.get(name) != Some(&hash.as_str()) {
                return Err(Finding::new(Class::Changed, *name, "it isn't the file that the manifest names"));
            }
        }
        Ok(())
    }

    /// The log's head, if the key signed it and the manifest says the same.
    fn head(&self, trust: &Trust<'_>, signer: &Signer) -> Result<Checkpoint, Failure> {
        let head = Checkpoint::open(&self.checkpoint, &signer.key)
            .map_err(|error| Finding::new(Class::Signature, CHECKPOINT, error.to_string()))?;
        let log = &self.rest.log;
        if log.origin != head.origin || log.tree_size != head.size || log.root != STANDARD.encode(head.root) {
            let words = "the manifest speaks of another head of the log";
            return Err(Finding::new(Class::Changed, CHECKPOINT, words).into());
        }
        if signer.chain.iter().any(|step| step.origin != head.origin) {
            let words = "the change of keys that leads to its key is of another log";
            return Err(Finding::new(Class::Foreign, CHECKPOINT, words).into());
        }
        for known in trust.known {
            if known.origin != head.origin {
                let words =
                    format!("it is of the log `{}`; the head that you have is of `{}`", head.origin, known.origin);
                return Err(Finding::new(Class::Foreign, CHECKPOINT, words).into());
            }
            if known.size > head.size && known.at_us > head.at_us {
                return Err(Failure::Incomparable(format!(
                    "the head that you have was signed at {}, after the bundle's of {}; ask for a bundle that was made since, or leave that head out",
                    at::text(known.at_us),
                    at::text(head.at_us)
                )));
            }
            if known.size > head.size {
                let words = format!(
                    "the log has {} records; it had {} when the head that you have was signed",
                    head.size, known.size
                );
                return Err(Finding::new(Class::Truncated, CHECKPOINT, words).into());
            }
        }
        Ok(head)
    }

    /// The hash that `SHA256SUMS` is to have, as far as the files before the artifacts go.
    fn sums(&self) -> Sha256 {
        let mut sums = Sha256::new();
        for (name, hash) in self.hashes.iter().filter(|(name, _)| *name != SUMS) {
            sums.update(format!("{hash}  {name}\n"));
        }
        sums
    }
}

/// A file that is held in memory.
fn short(from: &mut impl Read, name: &str, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    from.take(max_bytes as u64 + 1).read_to_end(&mut content).map_err(Failure::io)?;
    if content.len() > max_bytes {
        return Err(damaged(name, &format!("it has more than {max_bytes} bytes")).into());
    }
    Ok(content)
}

/// Hashes what goes through it.
struct Hashing<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// What decisions go by, and changes of the signing key. A bundle has what was in force for its records, whatever else it is about.
const CONTEXT: [Kind; 4] = [Kind::Profile, Kind::Capability, Kind::Pack, Kind::Key];

/// The record by record part.
struct Check<'k, R, A> {
    walk: Walk<'k, R>,
    openings: Lines<R>,
    artifacts: ArchiveReader<A>,
    sums: Sha256,
    front: &'k Front,
    /// The chosen task's last record: its number and leaf.
    chain: Option<(u64, Hash)>,
    first_chosen: Option<u64>,
    withheld: BTreeSet<u64>,
    gaps: u64,
    redacted: u64,
    failed: Option<Failure>,
    hands: &'k mut dyn Hands,
    on_record: &'k mut dyn FnMut(&Seen<'_>),
}

impl<R: BufRead, A: Read> Check<'_, R, A> {
    fn keep(&mut self, failure: Failure) -> Refused {
        self.failed = Some(failure);
        Refused
    }

    /// One artifact: its header, its bytes, and that the one commits to the other.
    fn entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        let place = entry.r#ref.as_str();
        let shown = loop {
            match self.walk.next_shown()? {
                Some(shown) if shown.header.index < entry.index => self.passed(&shown)?,
                Some(shown) if shown.header.index == entry.index => break shown,
                _ => {
                    let words = format!("the header of record {} is not among the shown ones", entry.index);
                    return Err(Finding::new(Class::Missing, place, words).into());
                }
            }
        };
        let header = &shown.header;
        if header.artifact_ref() != entry.r#ref || header.kind.as_str() != entry.kind {
            let words = format!("record {} is `{}`", entry.index, header.artifact_ref());
            return Err(Finding::new(Class::Foreign, place, words).into());
        }
        if self.chosen(header) {
            self.first_chosen = self.first_chosen.or(Some(header.index));
            self.link(&shown)?;
        } else if !CONTEXT.contains(&header.kind) {
            return Err(Finding::new(Class::Foreign, place, "it isn't among what the bundle is about").into());
        }
        self.gaps += u64::from(header.kind == Kind::Gap);
        let body = self.body(entry)?;
        let opening = self.opening(entry)?;
        self.redacted += entry.redacted.len() as u64;
        let artifact = SeenArtifact { entry, body: &body, opening: &opening };
        (self.on_record)(&Seen { header, artifact: Some(artifact) });
        let opened = Opened {
            index: entry.index,
            place: place.to_owned(),
            body,
            sha256: entry.sha256.clone(),
            opening,
            removed: entry.redacted.clone(),
            commit: header.commit,
        };
        if self.hands.take(opened) {
            return Ok(());
        }
        // Which one it was is told by the hands.
        Err(Finding::new(Class::Changed, place, "it, or one before it, is not what was recorded").into())
    }

    /// The next artifact's bytes.
    fn body(&mut self, entry: &Entry) -> Result<Vec<u8>, Failure> {
        let place = entry.r#ref.as_str();
        let member = self.artifacts.next_member().map_err(of_archive)?;
        let Some(member) = member.filter(|member| member.name == place) else {
            return Err(Finding::new(Class::Missing, place, OTHER_MEMBER).into());
        };
        let max_bytes = if entry.redacted.is_empty() { MAX_BODY_BYTES } else { MAX_COPY_BYTES };
        if member.bytes != entry.bytes {
            let words = format!("it has {} bytes; the manifest says {}", member.bytes, entry.bytes);
            return Err(Finding::new(Class::Changed, place, words).into());
        }
        let body = self.artifacts.content(max_bytes as u64).map_err(of_archive)?;
        // That the bytes have the hash that the manifest names is looked at by the hands.
        self.sums.update(format!("{}  {place}\n", entry.sha256));
        Ok(body)
    }

    fn opening(&mut self, entry: &Entry) -> Result<Opening, Failure> {
        let Some(line) = self.openings.next_line()? else {
            let words = format!("nothing opens `{}`", entry.r#ref);
            return Err(Finding::new(Class::Missing, OPENINGS, words).into());
        };
        match OpeningLine::parse(line) {
            Some(line) if line.index == entry.index => Ok(line.opening),
            Some(_) => Err(self.openings.wrong(&format!("opens another record than `{}`", entry.r#ref)).into()),
            None => Err(self.openings.wrong("opens nothing").into()),
        }
    }

    /// A header without an artifact: of others, or withheld.
    fn passed(&mut self, shown: &Shown) -> Result<(), Failure> {
        let header = &shown.header;
        (self.on_record)(&Seen { header, artifact: None });
        if !self.chosen(header) {
            return Ok(());
        }
        self.first_chosen = self.first_chosen.or(Some(header.index));
        self.link(shown)?;
        if self.withheld.remove(&header.index) {
            return Ok(());
        }
        let words = format!("record {} of the log is of what the bundle is about, and isn't in it", header.index);
        Err(Finding::new(Class::Missing, header.artifact_ref(), words).into())
    }

    /// Whether a record is of what the bundle is about.
    fn chosen(&self, header: &Header) -> bool {
        match &self.front.rest.selection {
            Selection::Task { task_id, .. } => header.task.as_ref().is_some_and(|link| link.task_id == *task_id),
            Selection::Correlation { correlation_id, .. } => header.correlation_id.as_ref() == Some(correlation_id),
            Selection::Window { from, to, .. } => {
                at::parse(from).is_some_and(|from| from <= header.at_us)
                    && at::parse(to).is_some_and(|to| header.at_us <= to)
            }
        }
    }

    /// The chain of the chosen task: no record of it is left out between two shown ones.
    fn link(&mut self, shown: &Shown) -> Result<(), Failure> {
        let (Selection::Task { .. }, Some(link)) = (&self.front.rest.selection, &shown.header.task) else {
            return Ok(());
        };
        let fits = match self.chain {
            None => link.seq == 1,
            Some((seq, leaf)) => link.seq == seq + 1 && link.prev == Some(leaf),
        };
        if !fits {
            let before = self.chain.map_or(0, |(seq, _)| seq);
            let words = format!("it is the task's {}. record, and the one shown before is its {before}.", link.seq);
            return Err(Finding::new(Class::Missing, shown.header.artifact_ref(), words).into());
        }
        self.chain = Some((link.seq, shown.leaf));
        Ok(())
    }

    /// What comes after the last artifact, and the root.
    fn finish(mut self, head: &Checkpoint, trust: &Trust<'_>, signer: &Signer) -> Result<Verdict, Failure> {
        while let Some(shown) = self.walk.next_shown()? {
            self.passed(&shown)?;
        }
        if let Some(member) = self.artifacts.next_member().map_err(of_archive)? {
            let words = "the manifest doesn't name it";
            return Err(Finding::new(Class::Foreign, member.name.escape_debug().to_string(), words).into());
        }
        if self.openings.next_line()?.is_some() {
            return Err(self.openings.wrong("opens nothing that is there").into());
        }
        let sums = hex(&self.sums.clone().finalize());
        if self.front.hashes.iter().any(|(name, hash)| *name == SUMS && *hash != sums) {
            return Err(Finding::new(Class::Changed, SUMS, "it doesn't list the files as they are").into());
        }
        if self.walk.finish(head.size)? != head.root {
            let words =
                "the shown records don't add up to the log's signed root: one was changed, or stands where another was";
            return Err(Finding::new(Class::Changed, RECORDS, words).into());
        }
        if let Some(index) = self.withheld.first() {
            return Err(Finding::new(
                Class::Missing,
                RECORDS,
                format!("the header of the withheld record {index} isn't shown"),
            )
            .into());
        }
        self.verdict(head, trust, signer)
    }

    fn verdict(&self, head: &Checkpoint, trust: &Trust<'_>, signer: &Signer) -> Result<Verdict, Failure> {
        let rest = &self.front.rest;
        if rest.gaps.len() as u64 != self.gaps {
            return Err(Finding::new(Class::Changed, MANIFEST, "it lists other gaps than the records show").into());
        }
        let (headers, about) = match &rest.selection {
            Selection::Task { task_id, headers } => (*headers, format!("task {task_id}")),
            Selection::Correlation { correlation_id, headers } => {
                (*headers, format!("correlation id {correlation_id}"))
            }
            Selection::Window { from, to, headers } => (*headers, format!("{from} to {to}")),
        };
        let complete = match (headers, self.walk.run_from, self.first_chosen) {
            (Headers::Range, Some(from), Some(first)) if from <= first => Complete::Range { from, to: head.size },
            (Headers::Range, _, Some(_)) => {
                let words = "it claims to show every header up to the log's end, and doesn't";
                return Err(Finding::new(Class::Missing, RECORDS, words).into());
            }
            _ => Complete::UpToLastShown { last: self.walk.last },
        };
        let anchored = match self.walk.met.iter().max() {
            Some(size) => Anchor::KnownHead { size: *size },
            None => Anchor::SignerOnly,
        };
        let mut verdict = Verdict {
            signed_by: signer.key.to_string(),
            key_changes: signer.chain.iter().map(KeyChange::from).collect(),
            origin: head.origin.clone(),
            tree_size: head.size,
            head_at: at::text(head.at_us),
            about,
            artifacts: rest.count,
            headers: self.walk.headers,
            complete,
            redacted: self.redacted,
            withheld: rest.withheld.len() as u64,
            gaps: self.gaps,
            anchored,
            derived: rest.derived.clone(),
            not_proved: Vec::new(),
        };
        let by_task = matches!(rest.selection, Selection::Task { .. });
        verdict.not_proved = not_proved(&verdict, by_task, !trust.known.is_empty());
        Ok(verdict)
    }
}
