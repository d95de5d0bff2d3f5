//! The Bot API's answers, over the scriptable receiver: every mode that a chat provider's bad day has.

use std::time::Duration;

use serde_json::{Value, json};

use super::sink::{Act, Reply, Seen, Sink};

/// The modes.
pub(super) const MODES: [&str; 18] = [
    "ok",
    "slowok",
    "400",
    "401",
    "403",
    "404",
    "429",
    "429long",
    "429page",
    "500",
    "500kept",
    "502html",
    "badjson",
    "drop",
    "drop_before",
    "drop_after",
    "hang",
    "other_chat",
];

pub(super) async fn start(mode: &'static str) -> Sink {
    let sink = Sink::start().await;
    sink.behaves(move |seen| act(mode, seen));
    sink
}

fn error(code: u16, description: &str, more: Value) -> Reply {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if !more.is_null() {
        body["parameters"] = more;
    }
    Reply::Answer(code, vec![("content-type", "application/json".to_owned())], body.to_string())
}

fn stored(seen: &Seen, chat: Option<i64>) -> Reply {
    let asked: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    let chat = chat.or_else(|| asked["chat_id"].as_i64()).unwrap_or(7777);
    let result = json!({
        "message_id": 1001, "date": 1_795_593_600, "text": asked["text"],
        "chat": {"id": chat, "type": "private", "first_name": "Op"},
        "from": {"id": 42, "is_bot": true, "first_name": "fake"},
    });
    Reply::Answer(200, Vec::new(), json!({"ok": true, "result": result}).to_string())
}

fn act(mode: &str, seen: &Seen) -> Act {
    let page = |status| Reply::Answer(status, Vec::new(), "<html>502 Bad Gateway</html>".to_owned());
    let (keeps, reply) = match mode {
        "ok" => (true, stored(seen, None)),
        "slowok" => match stored(seen, None) {
            Reply::Answer(status, _, body) => (true, Reply::Late(Duration::from_millis(50), status, body)),
            other => (true, other),
        },
        "other_chat" => (true, stored(seen, Some(-5))),
        "400" => (false, error(400, "Bad Request: chat not found", Value::Null)),
        "401" => (false, error(401, "Unauthorized", Value::Null)),
        "403" => (false, error(403, "Forbidden: bot was blocked by the user", Value::Null)),
        "404" => (false, error(404, "Not Found", Value::Null)),
        "429" => (false, error(429, "Too Many Requests: retry after 2", json!({"retry_after": 2}))),
        "429long" => (false, error(429, "Too Many Requests: retry after 3600", json!({"retry_after": 3600}))),
        "429page" => (false, Reply::Answer(429, vec![("retry-after", "5".to_owned())], "slow down".to_owned())),
        "500" => (false, error(500, "Internal Server Error", Value::Null)),
        // A proxy's 500 over a message that went through.
        "500kept" => (true, page(500)),
        "502html" => (true, page(502)),
        "badjson" => (true, Reply::Answer(200, Vec::new(), "{not json".to_owned())),
        "drop" => (false, Reply::DropAfterBody),
        "drop_before" => (false, Reply::DropBeforeBody),
        "drop_after" => (true, Reply::DropAfterBody),
        "hang" => (true, Reply::Hang),
        other => panic!("no mode {other}"),
    };
    Act { keeps, reply }
}
