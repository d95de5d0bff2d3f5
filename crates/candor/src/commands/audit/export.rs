//! `candor audit export`: records of the log as a bundle.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use candor_audit::{
    bundle::{
        archive::ArchiveWriter,
        manifest::{Headers, Selection},
        opening::Opening,
        write::{About, Draft, Shipped, WriteError},
    },
    header::Header,
    kind::Kind,
    merkle::log_leaf,
    sign::{checkpoint::Checkpoint, key::NodeKey},
};
use candor_core::{
    ids::{CorrelationId, IncidentNo, TaskId},
    profile::PACKAGE_VERSION,
    time::Timestamp,
};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};
use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::{
    fresh::{self, Fresh, digest},
    indexed,
    packed::Packing,
    redactions::{Cut, Redactions},
    source::{self, Entry},
    ssh, verify,
};
use crate::{
    cli::Global,
    desk::{self, Desk},
    engine::{Clock, crash},
    exit::{Exit, Failure, Outcome},
    heads,
    home::Home,
    keys, output,
};

/// Most headers that a bundle shows beside those of its own records.
const RANGE_HEADERS_MAX: u64 = 100_000;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["task", "correlation", "incident", "since"]))]
pub struct ExportArgs {
    /// All records of this task
    #[arg(long)]
    task: Option<TaskId>,
    /// All records under this correlation id
    #[arg(long)]
    correlation: Option<CorrelationId>,
    /// All records of this incident
    #[arg(long)]
    incident: Option<IncidentNo>,
    /// All records since this instant
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// … and until this one [default: now]
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<Timestamp>,
    /// The file to write; one that ends with `.zst` is packed [default: audit-NAME.tar in the current folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
    /// Take out what stands here in each record that has it, as a JSON pointer (repeatable)
    #[arg(long, value_name = "POINTER")]
    redact: Vec<String>,
    /// Take out each value in which one of the lines of this file stands; the bundle is kept only if none of them is left in it
    #[arg(long, value_name = "FILE")]
    redact_texts: Option<PathBuf>,
    /// Take out each value in which something with the shape of a secret stands; the bundle is kept only if none is left in it
    #[arg(long)]
    scan: bool,
    /// Show the chosen records' headers alone, not every header up to the log's end
    #[arg(long)]
    selected: bool,
    /// Let the bundle continue this head of the log, so that who has it can compare (repeatable)
    #[arg(long, value_name = "FILE")]
    since_head: Vec<PathBuf>,
    /// Sign the finished file by this SSH key too, beside it as FILE.sig
    #[arg(long, value_name = "KEYFILE")]
    ssh_sign: Option<PathBuf>,
}

/// Writes the bundle.
pub fn run(global: &Global, args: ExportArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let reader = desk::reader(global)?;
    let key = home.audit_key()?;
    let now = Clock::from_env().now();
    let rotations = keys::rotations(&reader).map_err(desk::store_failure)?;
    let known: Vec<_> = keys::terms(&rotations, &key.public()).into_iter().map(|term| term.key).collect();
    let splits = args
        .since_head
        .iter()
        .map(|path| Ok(verify::head(path, &known)?.size))
        .collect::<Result<BTreeSet<u64>, Failure>>()?;
    let choice = Choice::of(&args, &reader, now)?;
    let mut found = Found::default();
    let kept = reader.head().map_err(desk::store_failure)?;
    let chosen = indexed::chosen(&reader, &choice, kept.length)?;
    let head = match &chosen {
        Some(chosen) => {
            found = indexed::found(&reader, chosen, kept.length)?;
            heads::of_store(&kept, key.public().name(), now)?
        }
        None => source::head(&reader, key.public().name(), now, |entry| found.take(&choice, entry))?,
    };
    let range = !args.selected && head.size.saturating_sub(found.first.unwrap_or(head.size)) <= RANGE_HEADERS_MAX;
    let headers = if range { Headers::Range } else { Headers::Selected };
    if !range && !args.selected {
        output::note(format!(
            "more than {RANGE_HEADERS_MAX} headers follow the first chosen record; only the chosen ones are shown"
        ));
    }
    if found.first.is_none() {
        return Err(Failure::new(Exit::NotFound, format!("nothing is on record of {}", choice.words()))
            .hint("`candor task list --all` shows what there is"));
    }
    let about = about(&choice, &found, headers, now);
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("audit-{}.tar", choice.file_name())));
    let redact = Redactions::of(&args.redact, args.redact_texts.as_ref(), args.scan)?;
    let mut plan = Plan { choice: &choice, context: &found.context, redact, splits: &splits, range };
    plan.look(&reader, &head)?;
    let file = Fresh::create(&out, args.force)?;
    let (draft, shipped) = match &chosen {
        Some(chosen) => indexed::draft(&mut plan, &reader, &head, chosen)?,
        None => plan.draft(&reader, &head)?,
    };
    let packing = Packing::new(BufWriter::new(&file.file), &out).map_err(fresh::unwritten)?;
    plan.write(&reader, draft.seal(about, &head, &head.sign(&[&key]), &key, packing), &shipped)?;
    plan.redact.left_in(&file.temporary)?;
    let signature = args.ssh_sign.as_deref();
    let signature = signature.map(|key| ssh::sign(key, &file.temporary, &out, args.force)).transpose()?;
    // On record before anybody can have it.
    let (bundle, records) = (digest(&file.temporary)?, shipped.len() as u64);
    record(global, Act::Exported { bundle, about: choice.words(), records, tree_size: head.size })?;
    crash::point("export.before_keep");
    signature.map(Fresh::keep).transpose()?;
    file.keep()?;
    told(global, &out, &key, &choice, shipped.len(), &head)
}

fn about(choice: &Choice, found: &Found, headers: Headers, now: Timestamp) -> About {
    About {
        selection: choice.selection(headers),
        task_id: choice.task(),
        correlation_id: choice.correlation(),
        deployment_profile: found.names.get(&Kind::Profile).cloned(),
        capability_descriptor: found.names.get(&Kind::Capability).cloned(),
        plugin_package_version: found.package.clone().unwrap_or_else(|| PACKAGE_VERSION.to_owned()),
        exporter: format!("candor {}", env!("CARGO_PKG_VERSION")),
        exported_at_us: now.as_micros(),
        derived: None,
    }
}

/// A bundle that Candor makes for itself: whole records of a time.
pub(super) struct Job {
    choice: Choice,
    found: Found,
    head: Checkpoint,
    about: About,
}

impl Job {
    pub(super) fn window(
        reader: &Reader,
        key: &NodeKey,
        (from, until): (Timestamp, Timestamp),
        headers: Headers,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let (choice, mut found) = (Choice::Window(from, until), Found::default());
        let head = source::head(reader, key.public().name(), now, |entry| found.take(&choice, entry))?;
        let about = about(&choice, &found, headers, now);
        Ok(Self { choice, found, head, about })
    }

    pub(super) fn write<W: Write>(self, reader: &Reader, key: &NodeKey, to: Packing<W>) -> Result<(), Failure> {
        let (redact, splits) = (Redactions::of(&[], None, false)?, BTreeSet::new());
        let mut plan =
            Plan { choice: &self.choice, context: &self.found.context, redact, splits: &splits, range: false };
        let (draft, shipped) = plan.draft(reader, &self.head)?;
        plan.write(reader, draft.seal(self.about, &self.head, &self.head.sign(&[key]), key, to), &shipped)
    }
}

fn told(global: &Global, out: &Path, key: &NodeKey, choice: &Choice, count: usize, head: &Checkpoint) -> Outcome {
    let key = key.public().to_string();
    if global.json {
        let bundle = json!({ "file": out, "artifacts": count, "tree_size": head.size, "key": key });
        output::json(&bundle)?;
    } else {
        output::line(format!("{}: {count} records of {}, log of {}", out.display(), choice.words(), head.size));
        output::line(format!("check it with: candor audit verify {} --key {key}", out.display()));
    }
    Ok(Exit::Ok)
}

/// Has an export on record.
pub(super) fn record(global: &Global, act: Act) -> Result<(), Failure> {
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        desk.act(act).await?;
        desk.close().await
    })
}

/// What the bundle is about.
pub(super) enum Choice {
    Task(TaskId),
    Correlation(CorrelationId),
    Window(Timestamp, Timestamp),
}

/// What was found of it.
#[derive(Default)]
pub(super) struct Found {
    first: Option<u64>,
    /// What was in force for it: the last of each kind before the first of its records, and each that came later.
    context: BTreeSet<u64>,
    /// The last of them by name, `name@version`.
    names: BTreeMap<Kind, String>,
    /// The version of the package that the last of them came from.
    package: Option<String>,
    /// The last of each kind so far.
    latest: BTreeMap<Kind, u64>,
}

impl Found {
    /// What was found without going through the log.
    pub(super) fn of(
        first: Option<u64>,
        context: BTreeSet<u64>,
        names: BTreeMap<Kind, String>,
        package: Option<String>,
    ) -> Self {
        Self { first, context, names, package, latest: BTreeMap::new() }
    }

    /// Takes the log's next record into account.
    fn take(&mut self, choice: &Choice, entry: &Entry) {
        let (index, kind) = (entry.header.index, entry.header.kind);
        let chosen = choice.has(&entry.header);
        if chosen && self.first.is_none() {
            self.first = Some(index);
            self.context.extend(self.latest.values());
        }
        // Every change of keys: a reader may have any of them.
        if kind == Kind::Key && !chosen {
            self.context.insert(index);
        }
        if !CONTEXT.contains(&kind) {
            return;
        }
        if !chosen {
            self.latest.insert(kind, index);
            if self.first.is_some() {
                self.context.insert(index);
            }
        }
        let said: Value = serde_json::from_slice(&entry.stored.body).unwrap_or_default();
        let name = said.get("profile").or_else(|| said.get("descriptor")).and_then(Value::as_str);
        name.and_then(|name| self.names.insert(kind, name.to_owned()));
        if let Some(version) = package(kind, &said) {
            self.package = Some(version);
        }
    }
}

/// The version of the package that a profile's record names.
pub(super) fn package(kind: Kind, said: &Value) -> Option<String> {
    let id = said.get("package").and_then(Value::as_str).filter(|_| kind == Kind::Profile);
    id.and_then(|id| id.split_once('@')).map(|(_, version)| version.to_owned())
}

/// Why a record whose content was pruned isn't in a bundle.
const PRUNED: &str = "pruned: its retention window is over";

/// What decisions go by.
pub(super) const CONTEXT: [Kind; 3] = [Kind::Profile, Kind::Capability, Kind::Pack];

impl Choice {
    fn of(args: &ExportArgs, reader: &Reader, now: Timestamp) -> Result<Self, Failure> {
        if let Some(no) = args.incident {
            let all = reader.incidents(false, usize::MAX).map_err(desk::store_failure)?;
            let incident = all.into_iter().find(|incident| incident.no == no);
            let incident = incident.ok_or_else(|| Failure::new(Exit::NotFound, format!("no incident `{no}`")))?;
            return Ok(Self::Correlation(incident.correlation));
        }
        Ok(match (&args.task, &args.correlation, args.since) {
            (Some(task), _, _) => Self::Task(task.clone()),
            (_, Some(correlation), _) => Self::Correlation(correlation.clone()),
            (_, _, since) => Self::Window(since.unwrap_or(now), args.until.unwrap_or(now)),
        })
    }

    fn has(&self, header: &Header) -> bool {
        match self {
            Self::Task(task) => header.task.as_ref().is_some_and(|link| link.task_id == task.as_str()),
            Self::Correlation(correlation) => header.correlation_id.as_deref() == Some(correlation.as_str()),
            Self::Window(from, to) => (from.as_micros()..=to.as_micros()).contains(&header.at_us),
        }
    }

    fn selection(&self, headers: Headers) -> Selection {
        match self {
            Self::Task(task) => Selection::Task { task_id: task.as_str().to_owned(), headers },
            Self::Correlation(correlation) => {
                Selection::Correlation { correlation_id: correlation.as_str().to_owned(), headers }
            }
            Self::Window(from, to) => Selection::Window { from: from.to_string(), to: to.to_string(), headers },
        }
    }

    fn task(&self) -> Option<String> {
        if let Self::Task(task) = self { Some(task.as_str().to_owned()) } else { None }
    }

    fn correlation(&self) -> Option<String> {
        if let Self::Correlation(correlation) = self { Some(correlation.as_str().to_owned()) } else { None }
    }

    fn words(&self) -> String {
        match self {
            Self::Task(task) => format!("task `{task}`"),
            Self::Correlation(correlation) => format!("correlation id `{correlation}`"),
            Self::Window(from, to) => format!("{from} to {to}"),
        }
    }

    /// A name that is safe in every file system.
    fn file_name(&self) -> String {
        let name = match self {
            Self::Task(task) => task.as_str().to_owned(),
            Self::Correlation(correlation) => correlation.as_str().to_owned(),
            Self::Window(from, _) => from.to_string(),
        };
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        name.chars().map(plain).take(64).collect()
    }
}

/// How the records go into the bundle.
pub(super) struct Plan<'a> {
    choice: &'a Choice,
    /// Places of what was in force.
    pub(super) context: &'a BTreeSet<u64>,
    redact: Redactions,
    pub(super) splits: &'a BTreeSet<u64>,
    pub(super) range: bool,
}

impl Plan<'_> {
    /// The bundle but for its artifacts, and which those are.
    fn draft(&mut self, reader: &Reader, head: &Checkpoint) -> Result<(Draft, Vec<u64>), Failure> {
        let mut draft = Draft::default();
        let (mut shipped, mut begun) = (Vec::new(), false);
        source::each(reader, head.size, |entry| {
            let index = entry.header.index;
            if self.splits.contains(&index) {
                draft.split();
            }
            self.add(&mut draft, &mut shipped, &mut begun, entry)
        })?;
        Ok((draft, shipped))
    }

    /// The log's next record, as it goes into the bundle.
    pub(super) fn add(
        &mut self,
        draft: &mut Draft,
        shipped: &mut Vec<u64>,
        begun: &mut bool,
        entry: Entry,
    ) -> Result<(), Failure> {
        let (index, chosen) = (entry.header.index, self.choice.has(&entry.header));
        *begun |= chosen;
        if chosen && entry.stored.is_pruned() {
            draft.withhold(&entry.stored.header_line, index, PRUNED);
        } else if self.ships(&entry.header) {
            let cut = self.ship(&entry)?;
            let artifact = Shipped { body: &cut.body, opening: cut.opening, redacted: cut.redacted };
            draft.ship(&entry.stored.header_line, &entry.header, artifact).map_err(unwritten)?;
            shipped.push(index);
        } else if *begun && self.range {
            draft.show(&entry.stored.header_line);
        } else {
            draft.hide(index, log_leaf(&entry.stored.header_line));
        }
        Ok(())
    }

    /// A record as it is shipped.
    fn ship(&mut self, entry: &Entry) -> Result<Cut, Failure> {
        self.redact.cut(&entry.stored.body, &Opening::Whole(entry.stored.nonce.clone()), &[])
    }

    fn ships(&self, header: &Header) -> bool {
        self.choice.has(header) || self.context.contains(&header.index)
    }

    /// Looks for secrets in what is going to be shipped.
    fn look(&mut self, reader: &Reader, head: &Checkpoint) -> Result<(), Failure> {
        if !self.redact.scans() {
            return Ok(());
        }
        source::each(reader, head.size, |entry| {
            let shipped = self.ships(&entry.header) && !entry.stored.is_pruned();
            if shipped { self.redact.look(&entry.stored.body) } else { Ok(()) }
        })?;
        self.redact.learn()
    }

    fn write<W: Write>(
        &mut self,
        reader: &Reader,
        archive: Result<ArchiveWriter<Packing<W>>, WriteError>,
        shipped: &[u64],
    ) -> Result<(), Failure> {
        let mut archive = archive.map_err(unwritten)?;
        for index in shipped {
            let stored = reader.log(*index, 1).map_err(desk::store_failure)?.pop();
            let Some(stored) = stored else { continue };
            let header = Header::parse(&stored.header_line)
                .map_err(|error| Failure::new(Exit::Store, format!("record {index}: {error}")))?;
            let place = header.artifact_ref();
            let cut = self.ship(&Entry { stored, header })?;
            archive.add(&place, &cut.body).map_err(|error| unwritten(error.into()))?;
        }
        let packing = archive.finish().map_err(fresh::unwritten)?;
        packing.finish().and_then(|mut to| to.flush()).map_err(fresh::unwritten)
    }
}

/// Why a bundle can't be written.
pub(super) fn unwritten(error: WriteError) -> Failure {
    Failure::new(Exit::Store, error.to_string()).hint("name another place with `--out FILE`")
}
