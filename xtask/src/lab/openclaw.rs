//! The sender `openclaw-cli` against a real gateway: what each receipt says, beside what the Bot API knows.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    bot_api::{BotApi, Chat, Mood},
    candor::Candor,
    gateway::{Gateway, OpenClaw, TOKEN},
    install, lab, write,
};
use crate::shell::{TaskError, Trying as _, failed};

/// Longest wait for a receipt; the sender's own limit is 2 minutes.
const WAIT: &str = "3m";
/// How long a notice that is tried again may take.
const AGAIN_MAX: Duration = Duration::from_secs(120);
/// How long to wait for the gateway to be in the middle of a send.
const MIDDLE_MAX: Duration = Duration::from_secs(120);

/// One case: a chat in a mood, and the receipt that is the only right one.
struct Row {
    name: &'static str,
    channel: &'static str,
    mood: Mood,
    state: &'static str,
    /// The state's reason, and what the receipt must quote.
    reason: &'static str,
    quotes: &'static str,
    /// The sender's own time limit.
    timeout: &'static str,
}

const fn row(name: &'static str, mood: Mood, state: &'static str, reason: &'static str, quotes: &'static str) -> Row {
    Row { name, channel: "telegram", mood, state, reason, quotes, timeout: "2m" }
}

/// Which row is made before the gateway runs, which in the middle of its end, and which the hook drops.
const DOWN: usize = 0;
const DROPPED: usize = 2;
const KILLED: usize = 11;

const PENDING: &str = "pending_external_send";

const ROWS: [Row; 12] = [
    row("gateway-down", Mood::Well, PENDING, "retry_scheduled", "Gateway not reachable"),
    row("sent", Mood::Well, "acked", "", "messageId"),
    row("dropped-by-a-hook", Mood::Well, "blocked", "message_refused", "cancelled_by_message_sending_hook"),
    row("answer-lost", Mood::Lost, PENDING, "outcome_unknown", "Network request"),
    row(
        "bot-blocked-403",
        Mood::Fails(403, "Forbidden: bot was blocked by the user"),
        "blocked",
        "recipient_refused",
        "403",
    ),
    row(
        "no-such-chat-400",
        Mood::Fails(400, "Bad Request: chat not found"),
        "blocked",
        "no_such_destination",
        "not found",
    ),
    row("busy-429", Mood::Fails(429, "Too Many Requests: retry after 2"), PENDING, "retry_scheduled", "retry after 2"),
    row("failing-500", Mood::Fails(500, "Internal Server Error"), PENDING, "outcome_unknown", "500"),
    row("another-chat", Mood::Elsewhere, PENDING, "outcome_unknown", "not in"),
    Row { channel: "nosuch", ..row("no-such-channel", Mood::Well, "blocked", "bad_configuration", "Unknown channel") },
    Row { timeout: "4s", ..row("out-of-time", Mood::Well, PENDING, "outcome_unknown", "no end within 4s") },
    row("gateway-killed", Mood::Silent, PENDING, "outcome_unknown", "gateway closed"),
];

/// The row's chat: its place, from 1 on.
fn chat_of(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(0) + 1
}

/// Plays all rows, prints the table, and says whether every receipt was right.
pub(super) fn run() -> Result<bool, TaskError> {
    let started = Instant::now();
    let folder = lab().join("run");
    if folder.exists() {
        fs::remove_dir_all(&folder).trying(format!("cannot clear `{}`", folder.display()))?;
    }
    let api = BotApi::start(ROWS.iter().enumerate().map(|(place, row)| (chat_of(place), row.mood)))?;
    let claw = OpenClaw::fresh(&folder, api.address, chat_of(DROPPED))?;
    let token = folder.join("gateway.token");
    write(&token, TOKEN)?;
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).trying("cannot keep the token private")?;
    let targets = ROWS.iter().enumerate().map(|(place, row)| {
        format!(
            "  - {{name: {}, sender: openclaw-cli, program: '{}', channel: {}, to: {}, token: {{file: '{}'}}, \
             timeout: {}, retry: {{first: 1h, longest: 1h}}}}\n",
            row.name,
            install::program().display(),
            row.channel,
            chat_of(place),
            token.display(),
            row.timeout
        )
    });
    let config = format!(
        "targets:\n{}runtimes:\n  claw: {{reader: openclaw, program: '{}', token: {{file: '{}'}}}}\n",
        targets.collect::<String>(),
        install::program().display(),
        token.display()
    );
    let candor = Candor::start(&folder.join("candor"), &config, &claw.environment())?;
    candor.ask(&["gate", "open", "gateway_queue_write", "--reason", "lab", "--expires", "1h"])?;
    println!("\n{:<20} {:<9} {:<40} {:>6}", "case", "provider", "receipt", "wall");
    let (mut right, mut gateway, mut first) = (0, None, Value::Null);
    for (place, row) in ROWS.iter().enumerate() {
        if place == DOWN + 1 {
            gateway = Some(claw.start()?);
            right += usize::from(again(&candor, &api, &first)?);
        }
        if place == KILLED {
            right += usize::from(read_back(&candor)?);
        }
        let asked = Instant::now();
        let shown = match (place, &mut gateway) {
            (KILLED, Some(gateway)) => thread::scope(|scope| {
                scope.spawn(|| kill_in_the_middle(gateway, &api, chat_of(place)));
                tested(&candor, row)
            })?,
            _ => tested(&candor, row)?,
        };
        right += usize::from(judge(row, chat_of(place), &shown, api.chat(chat_of(place)), asked.elapsed()));
        if place == DOWN {
            first = shown;
        }
    }
    let all = ROWS.len() + 2;
    println!(
        "\n{right} of {} receipts are right ({}, {:.0} s)",
        all,
        install::OPENCLAW,
        started.elapsed().as_secs_f64()
    );
    Ok(right == all)
}

/// Reads the gateway's own record of what it sent, as the plan of that name has it. The gateway's audit names neither a notice nor a
/// message id (OpenClaw 2026.9.6), so the right answer is that it says nothing of what was asked about, and nothing is kept or settled.
fn read_back(candor: &Candor) -> Result<bool, TaskError> {
    let asked = Instant::now();
    candor.ask(&["readback", "run", "gateway-queue", "--dry-run"])?;
    for gate in ["canonical_runtime_readback", "runtime_result_capture_write"] {
        candor.ask(&["gate", "open", gate, "--reason", "lab", "--expires", "1h"])?;
    }
    let work = candor.ask(&["readback", "run", "gateway-queue"])?;
    let why = work.pointer("/state/why").and_then(Value::as_str).unwrap_or_default();
    let right = why.contains("no answer names any of the");
    println!(
        "{:<20} {:<9} {:<40} {:>4.0} s  {}",
        "gateway-queue",
        "was read",
        "nothing kept, nothing settled",
        asked.elapsed().as_secs_f64(),
        if right { "ok" } else { "WRONG" }
    );
    if !right {
        println!("{:<20} {work}", "");
    }
    Ok(right)
}

fn tested(candor: &Candor, row: &Row) -> Result<Value, TaskError> {
    candor.ask(&["notice", "test", "--target", row.name, "--wait", WAIT])
}

/// What couldn't be sent without a gateway is sent with one: the same notice, once more.
fn again(candor: &Candor, api: &BotApi, shown: &Value) -> Result<bool, TaskError> {
    let row = row("gateway-up-again", Mood::Well, "acked", "", "messageId");
    let Some(notice) = shown.pointer("/notice/no").and_then(Value::as_str) else {
        return failed("the first notice has no number");
    };
    let asked = Instant::now();
    candor.ask(&["notice", "retry", notice])?;
    loop {
        let shown = candor.ask(&["notice", "show", notice])?;
        let acked = shown.pointer("/deliveries/0/state/state").and_then(Value::as_str) == Some(row.state);
        if acked || asked.elapsed() > AGAIN_MAX {
            return Ok(judge(&row, chat_of(DOWN), &shown, api.chat(chat_of(DOWN)), asked.elapsed()));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until the Bot API was asked, and kills the gateway before it has an answer.
fn kill_in_the_middle(gateway: &mut Gateway, api: &BotApi, chat: u64) {
    let started = Instant::now();
    while api.chat(chat).asked == 0 && started.elapsed() < MIDDLE_MAX {
        thread::sleep(Duration::from_millis(100));
    }
    gateway.kill();
}

/// Holds a receipt against what was expected and what the Bot API knows, and prints its line.
fn judge(row: &Row, chat: u64, shown: &Value, knows: Chat, took: Duration) -> bool {
    let text = |at: &str| shown.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let (state, reason) = (text("/deliveries/0/state/state"), text("/deliveries/0/state/reason"));
    let id = text("/deliveries/0/state/proof/provider_id");
    let mut wrong = Vec::new();
    if (state, reason) != (row.state, row.reason) {
        wrong.push(format!("expected {} {}", row.state, row.reason));
    }
    if state == "acked" && knows.kept.is_none_or(|kept| id != format!("{chat}/{kept}")) {
        wrong.push(format!("a false `acked`: the Bot API kept {:?}", knows.kept));
    }
    if (state == "blocked" || reason == "retry_scheduled") && knows.kept.is_some() {
        wrong.push("called not sent, but the Bot API has the message".to_owned());
    }
    let receipts = shown.get("receipts").map(Value::to_string).unwrap_or_default();
    if !receipts.contains(row.quotes) {
        wrong.push(format!("no receipt quotes `{}`", row.quotes));
    }
    if receipts.contains(TOKEN) {
        wrong.push("a receipt holds the gateway's token".to_owned());
    }
    let provider = match (knows.asked, knows.kept) {
        (0, _) => "not asked",
        (_, Some(_)) => "kept it",
        (_, None) => "asked",
    };
    let said = [state, reason, id].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    println!(
        "{:<20} {provider:<9} {said:<40} {:>4.0} s  {}",
        row.name,
        took.as_secs_f64(),
        if wrong.is_empty() { "ok" } else { "WRONG" }
    );
    for what in &wrong {
        println!("{:<20} {what}", "");
    }
    if !wrong.is_empty() {
        println!("{:<20} {receipts}", "");
    }
    wrong.is_empty()
}
