//! `candor audit export`: records of the log as a bundle.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufWriter,
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
    time::Timestamp,
};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};
use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::{
    fresh::{self, Fresh, digest},
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
    home::Home,
    output,
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
    let splits = args
        .since_head
        .iter()
        .map(|path| Ok(verify::head(path, &key.public())?.size))
        .collect::<Result<BTreeSet<u64>, Failure>>()?;
    let choice = Choice::of(&args, &reader, now)?;
    let mut found = Found::default();
    let head = source::head(&reader, key.public().name(), now, |entry| found.take(&choice, entry))?;
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
    let about = About {
        selection: choice.selection(headers),
        task_id: choice.task(),
        correlation_id: choice.correlation(),
        deployment_profile: found.names.get(&Kind::Profile).cloned(),
        capability_descriptor: found.names.get(&Kind::Capability).cloned(),
        plugin_package_version: env!("CARGO_PKG_VERSION").to_owned(),
        exporter: format!("candor {}", env!("CARGO_PKG_VERSION")),
        exported_at_us: now.as_micros(),
        derived: None,
    };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("audit-{}.tar", choice.file_name())));
    let redact = Redactions::of(&args.redact, args.redact_texts.as_ref(), args.scan)?;
    let mut plan = Plan { choice: &choice, context: &found.context, redact, splits: &splits, range };
    plan.look(&reader, &head)?;
    let file = Fresh::create(&out, args.force)?;
    let (draft, shipped) = plan.draft(&reader, &head)?;
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
enum Choice {
    Task(TaskId),
    Correlation(CorrelationId),
    Window(Timestamp, Timestamp),
}

/// What was found of it.
#[derive(Default)]
struct Found {
    first: Option<u64>,
    /// What was in force for it: the last of each kind before the first of its records, and each that came later.
    context: BTreeSet<u64>,
    /// The last of them by name, `name@version`.
    names: BTreeMap<Kind, String>,
    /// The last of each kind so far.
    latest: BTreeMap<Kind, u64>,
}

impl Found {
    /// Takes the log's next record into account.
    fn take(&mut self, choice: &Choice, entry: &Entry) {
        let (index, kind) = (entry.header.index, entry.header.kind);
        let chosen = choice.has(&entry.header);
        if chosen && self.first.is_none() {
            self.first = Some(index);
            self.context.extend(self.latest.values());
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
    }
}

/// What decisions go by.
const CONTEXT: [Kind; 3] = [Kind::Profile, Kind::Capability, Kind::Pack];

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
struct Plan<'a> {
    choice: &'a Choice,
    /// Places of what was in force.
    context: &'a BTreeSet<u64>,
    redact: Redactions,
    splits: &'a BTreeSet<u64>,
    range: bool,
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
            if self.ships(&entry.header) {
                begun |= self.choice.has(&entry.header);
                let cut = self.ship(&entry)?;
                let artifact = Shipped { body: &cut.body, opening: cut.opening, redacted: cut.redacted };
                draft.ship(&entry.stored.header_line, &entry.header, artifact).map_err(unwritten)?;
                shipped.push(index);
            } else if begun && self.range {
                draft.show(&entry.stored.header_line);
            } else {
                draft.hide(index, log_leaf(&entry.stored.header_line));
            }
            Ok(())
        })?;
        Ok((draft, shipped))
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
            if self.ships(&entry.header) { self.redact.look(&entry.stored.body) } else { Ok(()) }
        })?;
        self.redact.learn()
    }

    fn write<W: std::io::Write>(
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
