//! `candor evidence`: bring evidence, have it looked at, and look at what there is.

use std::{path::PathBuf, time::Duration};

use candor_core::{
    claim::ClaimKind,
    evidence::{Bearing, Evidence, Method},
    ids::{EvidenceNo, NoticeNo, TaskId},
    work::{Wanted, Work, WorkState},
};
use candor_path::Act;
use candor_store::{Listing, WorkFilter};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::task::Who;
use crate::{
    cli::Global,
    desk::{self, Desk},
    exit::{Exit, Failure, Outcome},
    gated, output,
    report::{self, Envelope},
};

/// Most pieces of open work that are looked through, newest first.
const WORK_LOOKED_AT_MAX: usize = 1_000;
/// How long a daemon's collector is waited for. A recipe's own timeout is shorter by default.
const LOOK_MAX: Duration = Duration::from_secs(15 * 60);
/// How often it is looked whether the collector has finished.
const LOOK_POLL: Duration = Duration::from_millis(100);

/// Bring evidence, and look at it.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Bring evidence for a task's claims
    #[command(
        after_help = "Examples:\n  candor evidence add nightly --supports tests_passed --test-report target/nextest/ci/junit.xml\n  candor evidence add nightly --supports completion --git . --commit HEAD\n  candor evidence add nightly --supports tests_passed --recipe tests\n\nStrength is computed from how Candor obtained it; nothing that is said here raises it.\nFiles and repositories must lie below `evidence.collectors.roots`."
    )]
    Add(Box<AddArgs>),
    /// List a task's evidence
    #[command(after_help = "Example:\n  candor evidence list nightly")]
    List(ListArgs),
    /// Look at evidence again
    #[command(after_help = "Example:\n  candor evidence verify v-3")]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub struct AddArgs {
    #[command(flatten)]
    who: Who,
    /// The claim that it speaks to. May be repeated
    #[arg(long, required = true, value_name = "CLAIM")]
    supports: Vec<ClaimKind>,
    #[command(flatten)]
    what: What,
    /// With --git: the commit
    #[arg(long, default_value = "HEAD", requires = "git")]
    commit: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// A file
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// A repository
    #[arg(long, value_name = "REPO")]
    git: Option<PathBuf>,
    /// A recipe of the configuration, which Candor runs
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// A test report: JUnit XML, or what libtest and nextest print
    #[arg(long, value_name = "PATH")]
    test_report: Option<PathBuf>,
    /// A notice whose receipts show that the operator was told
    #[arg(long, value_name = "NOTICE")]
    receipt: Option<NoticeNo>,
    /// A person's statement
    #[arg(long, value_name = "TEXT")]
    human: Option<String>,
    /// Anything else, as told
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// The task
    task: TaskId,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The record
    evidence: EvidenceNo,
}

/// Runs the command.
pub fn run(global: &Global, command: EvidenceCommand) -> Outcome {
    match command {
        EvidenceCommand::Add(args) => add(global, *args),
        EvidenceCommand::List(args) => list(global, &args.task),
        EvidenceCommand::Verify(args) => verify(global, args.evidence),
    }
}

fn absolute(path: &std::path::Path) -> Result<String, Failure> {
    std::path::absolute(path)
        .map(|path| path.to_string_lossy().into_owned())
        .map_err(|error| Failure::new(Exit::Refused, format!("`{}`: {error}", path.display())))
}

fn subject(args: &AddArgs) -> Result<Value, Failure> {
    let what = &args.what;
    Ok(if let Some(path) = &what.file {
        json!({ "kind": "file", "path": absolute(path)? })
    } else if let Some(repo) = &what.git {
        json!({ "kind": "git", "repo": absolute(repo)?, "commit": args.commit })
    } else if let Some(recipe) = &what.recipe {
        json!({ "kind": "command", "recipe": recipe, "command": null, "exit_code": null, "output_sha256": null })
    } else if let Some(path) = &what.test_report {
        json!({ "kind": "test_report", "path": absolute(path)? })
    } else if let Some(notice) = &what.receipt {
        json!({ "kind": "receipt", "notice": notice })
    } else if let Some(statement) = &what.human {
        json!({ "kind": "human", "statement": statement })
    } else {
        json!({ "kind": "note", "statement": what.note })
    })
}

fn add(global: &Global, args: AddArgs) -> Outcome {
    let envelope = Envelope {
        task: Some(args.who.task.clone()),
        agent: args.who.as_whom.agent.clone(),
        runtime: "cli".parse().ok(),
        ..Envelope::default()
    };
    let data = json!({ "supports": args.supports, "evidence": subject(&args)? });
    let event = report::event("evidence.added", &envelope, data)?;
    let no = desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.report(event, &args.who.as_whom.credential()).await;
        desk.close().await?;
        let no = told?.evidence.ok_or_else(|| Failure::new(Exit::Internal, "the evidence got no number"))?;
        no.parse::<EvidenceNo>().map_err(|error| Failure::new(Exit::Internal, error.to_string()))
    })?;
    match wait_for_look(global, no, None)? {
        Looked::Seen(evidence) => show(global, &evidence),
        Looked::Waits(work) => gated::tell(global, &work),
    }
}

fn verify(global: &Global, no: EvidenceNo) -> Outcome {
    let before = read(global, no)?;
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.act(Act::Verify { evidence: no }).await;
        desk.close().await?;
        told
    })?;
    match wait_for_look(global, no, Some(&before))? {
        Looked::Seen(evidence) => show(global, &evidence),
        Looked::Waits(work) => gated::tell(global, &work),
    }
}

/// What came of a look.
enum Looked {
    /// This.
    Seen(Box<Evidence>),
    /// Its recipe writes, and waits for its gate.
    Waits(Box<Work>),
}

/// The run of a recipe for this evidence that waits for its gate.
fn waits(global: &Global, no: EvidenceNo) -> Result<Option<Work>, Failure> {
    let open = desk::reader(global)?.all_work(WorkFilter::Open, WORK_LOOKED_AT_MAX).map_err(desk::store_failure)?;
    let of = |work: &Work| matches!(&work.wanted, Wanted::RunRecipe { evidence, .. } if *evidence == no);
    Ok(open.into_iter().find(|work| of(work) && work.state == WorkState::Pending))
}

fn read(global: &Global, no: EvidenceNo) -> Result<Evidence, Failure> {
    let store = desk::reader(global)?;
    store.evidence_by_no(no).map_err(desk::store_failure)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no evidence record `{no}`"))
            .hint("`candor evidence list TASK` shows what there is")
    })
}

/// Waits until the collector has looked: until the record is another than before, or than one that nobody looked at.
fn wait_for_look(global: &Global, no: EvidenceNo, before: Option<&Evidence>) -> Result<Looked, Failure> {
    let until = std::time::Instant::now() + LOOK_MAX;
    loop {
        let now = read(global, no)?;
        let looked = match before {
            Some(before) => now.finding.looked_at != before.finding.looked_at,
            None => {
                now.finding.method != Method::Told
                    || !now.subject.is_collectable()
                    || now.finding.looked_at > now.added_at
            }
        };
        if looked {
            return Ok(Looked::Seen(Box::new(now)));
        }
        if let Some(work) = waits(global, no)? {
            return Ok(Looked::Waits(Box::new(work)));
        }
        if std::time::Instant::now() >= until {
            return Err(Failure::new(Exit::Evidence, format!("nobody has looked at `{no}` yet"))
                .hint("`candor status` shows whether the daemon lives"));
        }
        std::thread::sleep(LOOK_POLL);
    }
}

fn bearing(evidence: &Evidence) -> &'static str {
    match evidence.finding.bearing {
        Bearing::Supports => "supports",
        Bearing::Contradicts => "contradicts",
        Bearing::Inconclusive => "says nothing of",
    }
}

fn claims(evidence: &Evidence) -> String {
    evidence.supports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn show(global: &Global, evidence: &Evidence) -> Outcome {
    if global.json {
        output::json(evidence)?;
    } else {
        output::line(format!(
            "{} ({}, {}) {} {}: {}",
            evidence.no,
            evidence.subject.kind(),
            evidence.strength.as_str(),
            bearing(evidence),
            claims(evidence),
            evidence.finding.summary
        ));
    }
    Ok(if evidence.finding.bearing == Bearing::Supports { Exit::Ok } else { Exit::Evidence })
}

fn list(global: &Global, task: &TaskId) -> Outcome {
    let store = desk::reader(global)?;
    let all = store.evidence_for(task, 1_000).map_err(desk::store_failure)?;
    if global.json {
        output::json(&json!({ "evidence": all }))?;
        return Ok(Exit::Ok);
    }
    if all.is_empty() {
        output::line(format!("no evidence for `{task}`; `candor evidence add {task} --supports CLAIM …` brings some"));
        return Ok(Exit::Ok);
    }
    let row = |evidence: &Evidence| {
        vec![
            evidence.no.to_string(),
            evidence.subject.kind().to_owned(),
            evidence.strength.as_str().to_owned(),
            format!("{} {}", bearing(evidence), claims(evidence)),
            evidence.finding.looked_at.to_string(),
            evidence.finding.summary.clone(),
        ]
    };
    output::table(&["EVIDENCE", "KIND", "STRENGTH", "CLAIMS", "LOOKED AT", "SEEN"], all.iter().map(row));
    Ok(Exit::Ok)
}
