//! The binary against a Bot API in all of its moods: every target's receipt is as strong as what the API did, and never stronger.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use crate::common::{Home, wait, write};

pub(crate) const TOKEN: &str = "123456789:AAF0example-token-of-35-characters_";

/// A mood, and the state and reason that its chat must end in.
const MOODS: [(&str, &str, Option<&str>); 15] = [
    ("ok", "acked", None),
    ("slowok", "acked", None),
    ("400", "blocked", Some("no_such_destination")),
    ("401", "blocked", Some("bad_credential")),
    ("403", "blocked", Some("recipient_refused")),
    ("404", "blocked", Some("bad_credential")),
    ("429", "acked", None),
    ("429long", "pending_external_send", Some("retry_scheduled")),
    ("500", "acked", None),
    ("502html", "pending_external_send", Some("outcome_unknown")),
    ("badjson", "pending_external_send", Some("outcome_unknown")),
    ("drop", "pending_external_send", Some("outcome_unknown")),
    ("drop_after", "pending_external_send", Some("outcome_unknown")),
    ("hang", "pending_external_send", Some("outcome_unknown")),
    ("other_chat", "pending_external_send", Some("outcome_unknown")),
];

/// A Bot API: chat N is in mood N. It tells apart what it was asked and what it kept.
pub(crate) struct BotApi {
    pub(crate) address: SocketAddr,
    /// Requests per chat.
    pub(crate) asked: Arc<Mutex<BTreeMap<usize, usize>>>,
    /// Chats that have a message.
    kept: Arc<Mutex<BTreeSet<usize>>>,
    /// What people wrote to the bot, as updates.
    pub(crate) written: Arc<Mutex<Vec<Value>>>,
    /// Every method that was called.
    pub(crate) called: Arc<Mutex<Vec<String>>>,
}

impl BotApi {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let api = Self {
            address,
            asked: Arc::default(),
            kept: Arc::default(),
            written: Arc::default(),
            called: Arc::default(),
        };
        let (asked, kept) = (Arc::clone(&api.asked), Arc::clone(&api.kept));
        let (written, called) = (Arc::clone(&api.written), Arc::clone(&api.called));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, kept) = (Arc::clone(&asked), Arc::clone(&kept));
                let (written, called) = (Arc::clone(&written), Arc::clone(&called));
                std::thread::spawn(move || {
                    let (first, body) = request(&stream)?;
                    let method = first.split(' ').nth(1)?.rsplit('/').next()?.to_owned();
                    called.lock().unwrap().push(method.clone());
                    match method.as_str() {
                        "sendMessage" => answer(&stream, &body, &asked, &kept),
                        other => setting_up(&stream, &first, other, &body, &written),
                    }
                });
            }
        });
        api
    }
}

/// What the API answers while a bot is set up.
fn setting_up(
    mut stream: &TcpStream,
    first: &str,
    method: &str,
    asked: &Value,
    written: &Mutex<Vec<Value>>,
) -> Option<()> {
    let (status, body) = match method {
        _ if !first.contains(TOKEN) => (401, json!({"ok": false, "error_code": 401, "description": "Unauthorized"})),
        "getMe" => (200, json!({"ok": true, "result": {"id": 1, "is_bot": true, "username": "night_bot"}})),
        "getUpdates" => {
            let from = asked["offset"].as_i64().unwrap_or_default();
            let is_new = |update: &&Value| update["update_id"].as_i64() >= Some(from);
            let new: Vec<Value> = written.lock().unwrap().iter().filter(is_new).cloned().collect();
            if new.is_empty() {
                std::thread::park_timeout(Duration::from_millis(100));
            }
            (200, json!({"ok": true, "result": new}))
        }
        other => panic!("{other}"),
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()
}

fn request(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 2)?;
        if let Some(of) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = of.trim().parse().ok()?;
        }
        if length > 0 && reader.buffer().starts_with(b"\r\n") {
            break;
        }
    }
    reader.read_line(&mut String::new()).ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, serde_json::from_slice(&body).ok()?))
}

fn answer(
    mut stream: &TcpStream,
    body: &Value,
    asked: &Mutex<BTreeMap<usize, usize>>,
    kept: &Mutex<BTreeSet<usize>>,
) -> Option<()> {
    let chat = body["chat_id"].as_u64().and_then(|chat| usize::try_from(chat).ok())?;
    let before = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry(chat).or_default();
        *count += 1;
        *count - 1
    };
    let mut out = |status: u16, more: &str, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()
    };
    let message = |chat: usize| {
        kept.lock().unwrap().insert(chat);
        json!({"ok": true, "result": {"message_id": 1000 + chat, "date": 1, "chat": {"id": chat, "type": "private"}}})
            .to_string()
    };
    let fault = |code: u16, why: &str| json!({"ok": false, "error_code": code, "description": why}).to_string();
    let busy = |secs: u64| {
        json!({"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": secs}})
            .to_string()
    };
    match MOODS[chat].0 {
        "ok" => out(200, "", &message(chat)),
        "slowok" => {
            std::thread::park_timeout(Duration::from_millis(700));
            out(200, "", &message(chat))
        }
        "400" => out(400, "", &fault(400, "Bad Request: chat not found")),
        "401" => out(401, "", &fault(401, "Unauthorized")),
        "403" => out(403, "", &fault(403, "Forbidden: bot was blocked by the user")),
        "404" => out(404, "", &fault(404, "Not Found")),
        "429" if before == 0 => out(429, "", &busy(1)),
        "429long" => out(429, "", &busy(3_600)),
        "500" if before == 0 => out(500, "", &fault(500, "Internal Server Error")),
        "502html" => out(502, "content-type: text/html\r\n", "<html>bad gateway</html>"),
        "badjson" => {
            message(chat);
            out(200, "", "{\"ok\":true,\"resu")
        }
        "drop" => None,
        "drop_after" => {
            message(chat);
            None
        }
        "hang" => {
            std::thread::park_timeout(Duration::from_secs(20));
            None
        }
        "other_chat" => out(200, "", &message(chat + 5_000)),
        _ => out(200, "", &message(chat)),
    }
}

#[test]
fn no_mood_of_the_bot_api_makes_a_receipt_lie() {
    let api = BotApi::start();
    let home = Home::owned("");
    let token = home.folder.path().join("token");
    write(&token, TOKEN);
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let targets = MOODS.iter().enumerate().map(|(chat, (mood, _, _))| {
        format!(
            "- {{name: mood-{mood}, sender: telegram, chat: {chat}, token: {{file: '{}'}}, api_base: 'http://{}', \
             timeout: 2s, retry: {{first: 100ms, longest: 1s, attempts_max: 5}}}}\n",
            token.display(),
            api.address
        )
    });
    write(&home.state().join("candor.yaml"), &format!("targets:\n{}", targets.collect::<String>()));
    let _daemon = home.up();
    home.ends(0, &["gate", "open", "bot_api_call", "--reason", "test", "--expires", "1h"]);
    home.ends(0, &["notify", "look"]);
    let states = || -> BTreeMap<String, Value> {
        let shown = home.json(&["notice", "show", "n-1"]);
        let deliveries = shown["deliveries"].as_array().unwrap().clone();
        deliveries.into_iter().map(|of| (of["target"].as_str().unwrap().to_owned(), of["state"].clone())).collect()
    };
    let expected: BTreeMap<String, Value> = MOODS
        .iter()
        .map(|(mood, state, reason)| {
            let mut is = json!({"state": state});
            match reason {
                Some(reason) => is["reason"] = json!(reason),
                None => is["proof"] = json!({"level": "stored"}),
            }
            (format!("mood-{mood}"), is)
        })
        .collect();
    let plain = |states: BTreeMap<String, Value>| -> BTreeMap<String, Value> {
        let keep = |mut state: Value| {
            let fields = state.as_object_mut().unwrap();
            fields.retain(|name, _| ["state", "reason", "proof"].contains(&name.as_str()));
            if let Some(proof) = fields.get_mut("proof").and_then(Value::as_object_mut) {
                assert!(proof.remove("provider_id").is_some(), "an acked one names the message");
            }
            state
        };
        states.into_iter().map(|(target, state)| (target, keep(state))).collect()
    };
    wait("every mood has shown", || {
        plain(states()) == expected || {
            std::thread::park_timeout(Duration::from_millis(200));
            false
        }
    });
    // What a receipt says, beside what the API knows.
    let kept = api.kept.lock().unwrap().clone();
    for (chat, (mood, state, _)) in MOODS.iter().enumerate() {
        match *state {
            "acked" => assert!(kept.contains(&chat), "{mood}: a false `acked`"),
            "blocked" => assert!(!kept.contains(&chat), "{mood}: a false `blocked`"),
            _ => {}
        }
    }
    // What was refused for good or can't be known is asked once; what must wait an hour isn't asked again.
    let asked = api.asked.lock().unwrap().clone();
    for (chat, (mood, _, _)) in MOODS.iter().enumerate() {
        let times = if ["429", "500"].contains(mood) { 2 } else { 1 };
        assert_eq!(asked[&chat], times, "{mood}");
    }
    let all = home.json(&["notice", "show", "n-1"]).to_string();
    assert!(!all.contains(TOKEN), "the token shows");
}
