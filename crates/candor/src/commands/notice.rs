//! `candor notice`: look at notices and their receipts, and settle what waits for an operator.

use std::time::{Duration, Instant};

use candor_core::{
    ids::{NoticeNo, TargetName, TaskId},
    notice::{Delivery, DeliveryState, StateName},
    time::format_duration,
};
use candor_path::Act;
use candor_store::{Listing, NoticeFilter, NoticeRow};
use candor_web::ViewRequest;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    gate::act_on,
    task::{duration, whole},
};
use crate::{
    cli::Global,
    desk::{self, Desk},
    engine::Clock,
    exit::{Exit, Failure, Outcome},
    output, views,
};

/// How often a waiting test looks for its receipt.
const WAIT_POLL: Duration = Duration::from_millis(50);

/// Look at notices, and settle them.
#[derive(Debug, Subcommand)]
pub enum NoticeCommand {
    /// List notices, one row per target
    #[command(after_help = "Example:\n  candor notice list --in blocked")]
    List(ListArgs),
    /// Show one notice with every receipt
    #[command(
        after_help = "Example:\n  candor notice show n-3\n\nExit code: 0 acked, 3 pending, 4 blocked, 5 outcome unknown (the least certain target counts)."
    )]
    Show(ShowArgs),
    /// Try a blocked or pending notice again
    #[command(after_help = "Example:\n  candor notice retry n-3 --target phone")]
    Retry(RetryArgs),
    /// Settle a notice without proof: it is recorded as your word, and never becomes acked
    #[command(after_help = "Example:\n  candor notice resolve n-3 --note \"called them by phone\"")]
    Resolve(ResolveArgs),
    /// Take an incident on: stops its escalation
    #[command(after_help = "Example:\n  candor notice ack n-3 --by robin")]
    Ack(AckArgs),
    /// Send a test through the real queue, gate and sender
    #[command(after_help = "Example:\n  candor notice test --target phone --wait 30s")]
    Test(TestArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only notices with a delivery in this state
    #[arg(id = "in_state", long = "in", value_name = "STATE", value_parser = state)]
    state: Option<StateName>,
    /// Only notices about this task
    #[arg(long)]
    task: Option<TaskId>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The notice
    notice: NoticeNo,
}

#[derive(Debug, Args)]
pub struct RetryArgs {
    /// The notice
    notice: NoticeNo,
    /// Only this target
    #[arg(long)]
    target: Option<TargetName>,
}

#[derive(Debug, Args)]
pub struct ResolveArgs {
    /// The notice
    notice: NoticeNo,
    /// Only this target
    #[arg(long)]
    target: Option<TargetName>,
    /// How it was settled
    #[arg(long)]
    note: String,
}

#[derive(Debug, Args)]
pub struct AckArgs {
    /// A notice of the incident
    notice: NoticeNo,
    /// Who takes it on
    #[arg(long, env = "USER")]
    by: String,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only this target
    #[arg(long)]
    target: Option<TargetName>,
    /// How long to wait for the receipt
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    wait: String,
}

fn state(text: &str) -> Result<StateName, String> {
    StateName::parse(text).ok_or_else(|| {
        let known: Vec<&str> = StateName::ALL.iter().map(|state| state.as_str()).collect();
        format!("`{text}` is no delivery state; use {}", known.join(", "))
    })
}

/// Runs the command.
pub fn run(global: &Global, command: NoticeCommand) -> Outcome {
    match command {
        NoticeCommand::List(args) => list(global, &args),
        NoticeCommand::Show(args) => show(global, args.notice),
        NoticeCommand::Retry(args) => {
            let done = format!("{} is queued again", args.notice);
            act_on(global, Act::Retry { notice: args.notice, target: args.target }, &done)
        }
        NoticeCommand::Resolve(args) => {
            let done = format!("{} is settled by your word; no proof of delivery is on record", args.notice);
            act_on(global, Act::Resolve { notice: args.notice, target: args.target, note: args.note }, &done)
        }
        NoticeCommand::Ack(args) => {
            let done = format!("{} takes it on; nothing escalates any further", args.by);
            act_on(global, Act::Acknowledge { notice: args.notice, by: args.by }, &done)
        }
        NoticeCommand::Test(args) => test(global, args),
    }
}

fn level(delivery: &Delivery) -> String {
    match &delivery.state {
        DeliveryState::Acked { proof } => proof.level.as_str().to_owned(),
        state => state.reason().unwrap_or_default().to_owned(),
    }
}

fn next(delivery: &Delivery, now: candor_core::time::Timestamp) -> String {
    match delivery.state.due_at() {
        Some(at) if at > now => format!("in {}", format_duration(whole(at.since(now)).max(Duration::from_secs(1)))),
        Some(_) => "due".to_owned(),
        None => String::new(),
    }
}

fn list(global: &Global, args: &ListArgs) -> Outcome {
    let store = desk::reader(global)?;
    let filter = NoticeFilter { state: args.state, task: args.task.clone() };
    let rows = store.notices(&filter, args.limit).map_err(desk::store_failure)?;
    if global.json {
        output::json(&json!({ "notices": rows }))?;
        return Ok(Exit::Ok);
    }
    if rows.is_empty() {
        output::line("no notices");
        return Ok(Exit::Ok);
    }
    print_rows(&rows);
    Ok(Exit::Ok)
}

/// Prints notices, one row per target.
pub fn print_rows(rows: &[NoticeRow]) {
    let now = Clock::from_env().now();
    let mut table = Vec::new();
    for row in rows {
        let title: String = row.notice.title.chars().take(70).collect();
        let severity = row.notice.severity.as_str().to_owned();
        if row.deliveries.is_empty() {
            table.push(vec![
                row.notice.no.to_string(),
                severity,
                "no target takes it".to_owned(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                title,
            ]);
            continue;
        }
        for delivery in &row.deliveries {
            table.push(vec![
                row.notice.no.to_string(),
                severity.clone(),
                delivery.target.to_string(),
                delivery.state.name().as_str().to_owned(),
                level(delivery),
                delivery.attempts.to_string(),
                next(delivery, now),
                title.clone(),
            ]);
        }
    }
    output::table(&["NOTICE", "SEVERITY", "TARGET", "STATE", "PROOF OR REASON", "ATTEMPTS", "NEXT", "TITLE"], table);
}

/// The exit code of a notice: that of its least certain delivery.
fn exit_of(deliveries: &[Delivery]) -> Exit {
    let of = |delivery: &Delivery| match &delivery.state {
        DeliveryState::Acked { .. } => Exit::Ok,
        DeliveryState::Blocked { .. } => Exit::Blocked,
        state if state.reason() == Some("outcome_unknown") => Exit::Unknown,
        _ => Exit::Pending,
    };
    deliveries.iter().map(of).max().unwrap_or(Exit::Pending)
}

fn row(global: &Global, no: NoticeNo) -> Result<NoticeRow, Failure> {
    desk::reader(global)?.notice_row(no).map_err(desk::store_failure)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no notice `{no}`")).hint("`candor notice list` shows what there is")
    })
}

fn show(global: &Global, no: NoticeNo) -> Outcome {
    let about = row(global, no)?;
    let store = desk::reader(global)?;
    let view = views::view(&store, &ViewRequest::Notice(no), Clock::from_env().now())
        .map_err(desk::store_failure)?
        .unwrap_or(Value::Null);
    if global.json {
        output::json(&view)?;
        return Ok(exit_of(&about.deliveries));
    }
    let notice = &about.notice;
    output::line(format!("{} [{}] {}", notice.no, notice.severity.as_str(), notice.title));
    for text in notice.text.lines() {
        output::line(format!("  {text}"));
    }
    output::line("");
    print_rows(std::slice::from_ref(&about));
    let receipts = view.get("receipts").and_then(Value::as_array).cloned().unwrap_or_default();
    if !receipts.is_empty() {
        output::line("");
        print_receipts(&receipts);
    }
    Ok(exit_of(&about.deliveries))
}

/// Prints receipts, one row each.
pub fn print_receipts(receipts: &[Value]) {
    let text = |receipt: &Value, at: &str| match receipt.pointer(at) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let row = |receipt: &Value| {
        let marks = [("/simulated", "simulated"), ("/maybe_repeat", "possible repeat")];
        let marks = marks
            .iter()
            .filter(|(at, _)| receipt.pointer(at) == Some(&Value::Bool(true)))
            .map(|(_, word)| (*word).to_owned());
        let why = [text(receipt, "/answer/outcome/why"), text(receipt, "/note")];
        let covered = text(receipt, "/covered_by");
        let covered = (!covered.is_empty()).then(|| format!("in the digest of {covered}"));
        let notes: Vec<String> = marks.chain(covered).chain(why).filter(|note| !note.is_empty()).collect();
        let proof = match text(receipt, "/proof/level") {
            level if level.is_empty() => text(receipt, "/reason"),
            level => format!("{level} {}", text(receipt, "/proof/provider_id")).trim().to_owned(),
        };
        vec![
            text(receipt, "/no"),
            text(receipt, "/target"),
            text(receipt, "/attempt"),
            text(receipt, "/state"),
            proof,
            text(receipt, "/answer/status"),
            text(receipt, "/at"),
            notes.join("; "),
        ]
    };
    output::table(
        &["RECEIPT", "TARGET", "ATTEMPT", "STATE", "PROOF OR REASON", "STATUS", "AT", "NOTE"],
        receipts.iter().map(row),
    );
}

fn test(global: &Global, args: TestArgs) -> Outcome {
    let wait =
        candor_core::time::parse_duration(&args.wait).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let (no, served) = send_test(global, args.target)?;
    if served {
        settled(global, no, wait)?;
    } else {
        output::note(format!("no daemon runs; `candor run` or `candor up` sends {no}"));
    }
    show(global, no)
}

/// Hands a test notice in; its number, and whether a daemon runs that sends it.
///
/// # Errors
/// As for [`Desk::act`].
pub fn send_test(global: &Global, target: Option<TargetName>) -> Result<(NoticeNo, bool), Failure> {
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let served = matches!(desk, Desk::Daemon(_));
        let told = desk.act(Act::Test { target }).await;
        desk.close().await?;
        let told = told?;
        let no: Option<NoticeNo> = told.get("notice").and_then(Value::as_str).and_then(|no| no.parse().ok());
        let no = no.ok_or_else(|| Failure::new(Exit::Internal, format!("the test got no notice: {told}")))?;
        Ok((no, served))
    })
}

/// Waits until nothing moves a notice by itself any more, for so long at most; the exit code that goes with how it stands then.
///
/// # Errors
/// When the store can't be read.
pub fn settled(global: &Global, no: NoticeNo, wait: Duration) -> Outcome {
    let until = Instant::now() + wait;
    loop {
        let about = row(global, no)?;
        let moving = about.deliveries.iter().any(|delivery| {
            matches!(
                delivery.state,
                DeliveryState::Prepared
                    | DeliveryState::Queued { .. }
                    | DeliveryState::Dispatched { .. }
                    | DeliveryState::Sending { .. }
            )
        });
        if !moving || Instant::now() >= until {
            return Ok(exit_of(&about.deliveries));
        }
        std::thread::sleep(WAIT_POLL);
    }
}
