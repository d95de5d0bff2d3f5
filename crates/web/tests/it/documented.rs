//! `docs/http-api.md` is true: its examples are run, its codes are the ones that are sent, its paths are the ones that answer.

use std::collections::VecDeque;

use candor_core::event::EVENT_TYPES;
use candor_core::ids::{NoticeNo, TargetName, TaskId};
use candor_core::limits::{EVENT_BATCH_MAX, EVENT_BYTES_MAX, JSON_DEPTH_MAX, REQUEST_BYTES_MAX};
use candor_path::Refusal;
use candor_web::{limits, refusal_status};
use serde_json::Value;

use crate::{
    client::{AGENT, OPERATOR, Request, Server},
    events::event,
};

const DOCS: &str = include_str!("../../../../docs/http-api.md");
const ROOT: &str = include_str!("../../src/api/root.txt");

/// Every path, its method, and one that exists nowhere in its place.
const PATHS: [(&str, &str, &str); 14] = [
    ("GET", "/", "/"),
    ("GET", "/healthz", "/healthz"),
    ("POST", "/v1/events", "/v1/events"),
    ("POST", "/v1/acts", "/v1/acts"),
    ("GET", "/v1/status", "/v1/status"),
    ("GET", "/v1/tasks", "/v1/tasks"),
    ("GET", "/v1/tasks/ID", "/v1/tasks/t1"),
    ("GET", "/v1/notices", "/v1/notices"),
    ("GET", "/v1/notices/NO", "/v1/notices/n-1"),
    ("GET", "/v1/decisions/NO", "/v1/decisions/d-1"),
    ("GET", "/v1/events/NO", "/v1/events/e-1"),
    ("GET", "/v1/evidence?task=ID", "/v1/evidence?task=t1"),
    ("GET", "/v1/evidence/NO", "/v1/evidence/v-1"),
    ("GET", "/v1/gates", "/v1/gates"),
];

/// Fails unless the documentation's table holds the code with this status.
pub(crate) fn assert_code(code: &str, status: u16) {
    let row = DOCS
        .lines()
        .find(|line| line.starts_with(&format!("| `{code}` |")))
        .unwrap_or_else(|| panic!("`{code}` is not documented"));
    let statuses = row.split('|').nth(2).unwrap();
    assert!(
        statuses.split(',').any(|each| each.trim() == status.to_string()),
        "`{code}` is documented as {statuses}, not {status}"
    );
}

#[test]
fn every_refusal_stands_in_the_table() {
    let task: TaskId = "t1".parse().unwrap();
    let notice: NoticeNo = "n-1".parse().unwrap();
    let target: TargetName = "phone".parse().unwrap();
    let all = [
        Refusal::UnknownTask(task.clone()),
        Refusal::UnknownParent(task.clone()),
        Refusal::NotOwner { task: task.clone(), owner: String::new() },
        Refusal::Ended(task.clone()),
        Refusal::Reserved(""),
        Refusal::TooMany { task, what: "", max: 1 },
        Refusal::ReceiptSupports(String::new()),
        Refusal::UnknownNotice(notice),
        Refusal::UnknownDelivery { notice, target: target.clone() },
        Refusal::UnknownTarget(target),
        Refusal::AlreadyAcked(notice),
        Refusal::BeingSent(notice),
        Refusal::NoIncident(notice),
        Refusal::UnknownEvidence("v-1".parse().unwrap()),
        Refusal::NotCollectable("v-1".parse().unwrap()),
        Refusal::GateNotOpen(String::new()),
        Refusal::Approval(candor_path::ApprovalRefusal::NoOwners),
        Refusal::Package(String::new()),
        Refusal::NoWork("w-1".parse().unwrap()),
        Refusal::WorkFull { max: 1 },
        Refusal::NoItem { kind: "", key: String::new(), command: "" },
        Refusal::RequestsFull { max: 1 },
        Refusal::Unwanted(String::new()),
        Refusal::OperatorOnly,
        Refusal::GateClosed(""),
        Refusal::NotSigned { field: "", why: String::new() },
        Refusal::NotPrunable(""),
        Refusal::Text { field: "", max: 1 },
    ];
    for refusal in &all {
        assert_code(refusal.code(), refusal_status(refusal).as_u16());
    }
}

#[test]
fn limits_are_documented_as_they_are() {
    let seconds = |duration: std::time::Duration| format!("{} s", duration.as_secs());
    for (what, value) in [
        ("one event", format!("{} KiB", EVENT_BYTES_MAX / 1024)),
        ("one batch", format!("{} MiB", REQUEST_BYTES_MAX / 1024 / 1024)),
        ("events in one batch", EVENT_BATCH_MAX.to_string()),
        ("one act", format!("{} KiB", limits::ACT_BYTES_MAX / 1024)),
        ("nesting of JSON", JSON_DEPTH_MAX.to_string()),
        ("all headers", format!("{} KiB", limits::HEADER_BYTES_MAX / 1024)),
        ("number of headers", limits::HEADERS_MAX.to_string()),
        ("entries of a page", limits::PAGE_MAX.to_string()),
        ("batches at the same time", limits::BATCHES_IN_FLIGHT_MAX.to_string()),
        ("connections at the same time", limits::CONNECTIONS_MAX.to_string()),
        ("time for the headers, or between two requests", seconds(limits::HEADER_READ_MAX)),
        ("time for a body", seconds(limits::BODY_READ_MAX)),
        ("life of a connection", seconds(limits::CONNECTION_LIFE_MAX)),
        ("time to finish when it stops", seconds(limits::FINISH_MAX)),
    ] {
        let row = format!("| {what} | {value} |");
        assert!(DOCS.contains(&row), "not in the documentation: {row}");
    }
}

/// Each type's row names every field that it takes: an unknown field's refusal lists them.
#[tokio::test]
async fn every_event_type_is_documented_with_its_fields() {
    let server = Server::start().await;
    for event_type in EVENT_TYPES.iter().filter(|event_type| !event_type.is_reserved()) {
        let word = event_type.as_str();
        let row = DOCS.lines().find(|line| line.starts_with(&format!("| `{word}` |")));
        let row = row.unwrap_or_else(|| panic!("`{word}` is not documented"));
        let sent = event("1", word, "t1", serde_json::json!({ "no-such-field": 1 }));
        let error = server.send(&Request::event(sent.to_string())).await.error(422, "bad_event");
        let message = error["message"].as_str().unwrap();
        let fields = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let taken = message.split_once("expected ").expect("a list of fields").1;
        assert_eq!(fields(row.splitn(3, '|').nth(2).unwrap()), fields(taken), "{word}");
    }
}

#[tokio::test]
async fn every_path_answers_and_is_documented() {
    let server = Server::start().await;
    for (method, written, path) in PATHS {
        assert!(DOCS.contains(&format!("`{method} {written}`")), "`{method} {written}` is not documented");
        assert!(path == "/" || ROOT.contains(written.trim_start_matches("/v1")), "the front page lacks {written}");
        let answer = server.send(&Request::new(method, path).bearer(OPERATOR)).await;
        if answer.status == 404 {
            assert_eq!(answer.json()["error"]["code"], "not_found", "{method} {path}");
        }
        assert_ne!(answer.status, 405, "{method} {path}");
        server.send(&Request::new("PUT", path).bearer(OPERATOR)).await.error(405, "method_not_allowed");
    }
    let documented = DOCS.lines().filter(|line| line.starts_with("| `GET /") || line.starts_with("| `POST /")).count();
    assert_eq!(documented, PATHS.len(), "the documentation names a path that doesn't exist");
}

#[tokio::test]
async fn every_example_is_answered_as_shown() {
    let server = Server::start().await;
    let mut examples = 0;
    let mut command = None;
    for (language, text) in fences(DOCS) {
        match (language, command.take()) {
            ("sh", None) => command = Some(text),
            ("http", Some(sent)) => {
                let answer = server.send(&curl(sent)).await;
                let (head, body) = text.split_once("\n\n").expect("a head and a body");
                assert_eq!(head, format!("HTTP/1.1 {}", answer.status), "{sent}");
                let shown: Value = serde_json::from_str(body).expect("JSON in the example");
                assert_eq!(answer.json(), shown, "{sent}");
                examples += 1;
            }
            other => panic!("a command without its answer, or the reverse: {other:?}"),
        }
    }
    assert!(command.is_none(), "the last command has no answer");
    assert!(examples >= 8, "only {examples} examples were found");
}

#[tokio::test]
async fn the_front_pages_example_is_accepted() {
    let server = Server::start().await;
    let start = ROOT.find("  curl http://127.0.0.1:7717/v1/events").unwrap();
    let end = start + ROOT[start..].find("\n\n").unwrap();
    server.send(&curl(ROOT[start..end].trim())).await.ok();
}

/// The fenced blocks of a Markdown text that name a language.
fn fences(text: &str) -> Vec<(&str, &str)> {
    let mut parts = text.split("```");
    parts.next();
    let mut blocks = Vec::new();
    while let Some(block) = parts.next() {
        let (language, body) = block.split_once('\n').unwrap();
        blocks.push((language, body.trim_end()));
        parts.next();
    }
    blocks
}

/// A request from a curl command line.
fn curl(command: &str) -> Request {
    let mut words = VecDeque::from(words(command));
    assert_eq!(words.pop_front().as_deref(), Some("curl"), "{command}");
    let (mut path, mut headers, mut body) = (None, Vec::new(), None);
    while let Some(word) = words.pop_front() {
        match word.as_str() {
            "-H" => headers.push(words.pop_front().unwrap()),
            "-d" => body = words.pop_front(),
            url => {
                path = Some(url.strip_prefix("http://127.0.0.1:7717").expect("the address of the daemon").to_owned())
            }
        }
    }
    let path = path.expect("an address");
    let request = match body {
        // As curl does it, a form unless the command says otherwise.
        Some(body) if headers.iter().any(|header| header.to_lowercase().starts_with("content-type:")) => {
            Request::post(&path, "", body).without("Content-Type")
        }
        Some(body) => Request::post(&path, "application/x-www-form-urlencoded", body),
        None => Request::get(&path),
    };
    headers.iter().fold(request, |request, header| {
        let (name, value) = header.split_once(": ").expect("a header");
        request.header(name, value)
    })
}

/// Splits as a shell would, as far as the examples go: quotes, line continuations, and the two variables.
fn words(command: &str) -> Vec<String> {
    let command = command.replace("\\\n", " ").replace("$CANDOR_TOKEN", OPERATOR).replace("$AGENT_TOKEN", AGENT);
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    assert_eq!(quote, None, "an open quote in {command}");
    words.extend(word);
    words
}
