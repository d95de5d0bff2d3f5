//! A Bot API on loopback whose chats have moods. It knows what it was asked and what it kept, which is what receipts are held against.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::shell::{TaskError, Trying as _};

/// Longest request that is read, in bytes.
const REQUEST_BYTES_MAX: u64 = 1 << 20;
/// How long a question for updates is held.
const POLL: Duration = Duration::from_secs(5);
/// How long a chat that doesn't answer holds the connection.
const HANG: Duration = Duration::from_secs(300);

/// How a chat answers `sendMessage`.
#[derive(Clone, Copy)]
pub(super) enum Mood {
    /// Keeps the message and says so.
    Well,
    /// Keeps it, and closes the connection without an answer.
    Lost,
    /// Says that it is in another chat.
    Elsewhere,
    /// Fails with this code and description.
    Fails(u16, &'static str),
    /// Never answers.
    Silent,
}

/// What happened in a chat.
#[derive(Clone, Copy, Default)]
pub(super) struct Chat {
    /// Requests to send.
    pub(super) asked: usize,
    /// The id of the message that it kept last.
    pub(super) kept: Option<u64>,
}

#[derive(Default)]
struct Known {
    moods: BTreeMap<u64, Mood>,
    chats: BTreeMap<u64, Chat>,
    last_id: u64,
}

/// A running one.
#[derive(Clone)]
pub(super) struct BotApi {
    /// Where it listens.
    pub(super) address: SocketAddr,
    known: Arc<Mutex<Known>>,
}

impl BotApi {
    /// Starts one whose chats have these moods.
    pub(super) fn start(moods: impl IntoIterator<Item = (u64, Mood)>) -> Result<Self, TaskError> {
        let listener = TcpListener::bind("127.0.0.1:0").trying("cannot listen on loopback")?;
        let address = listener.local_addr().trying("cannot listen on loopback")?;
        let known = Known { moods: moods.into_iter().collect(), last_id: 5_000, ..Known::default() };
        let api = Self { address, known: Arc::new(Mutex::new(known)) };
        let served = api.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let api = served.clone();
                thread::spawn(move || api.serve(&stream));
            }
        });
        Ok(api)
    }

    /// What happened in this chat so far.
    pub(super) fn chat(&self, chat: u64) -> Chat {
        self.known().chats.get(&chat).copied().unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: &TcpStream) -> Option<()> {
        let (method, body) = request(stream)?;
        let (status, answer) = match method.as_str() {
            "getMe" => (200, well(json!({"id": 42, "is_bot": true, "first_name": "lab", "username": "lab_bot"}))),
            "getUpdates" => {
                thread::sleep(POLL);
                (200, well(json!([])))
            }
            "sendMessage" => self.send(&body)?,
            _ => (200, well(json!(true))),
        };
        let body = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()
    }

    /// The status and the answer; none for no answer at all.
    fn send(&self, body: &Value) -> Option<(u16, Value)> {
        let chat = body.get("chat_id")?;
        let chat = chat.as_u64().or_else(|| chat.as_str()?.parse().ok())?;
        let mood = {
            let mut known = self.known();
            known.chats.entry(chat).or_default().asked += 1;
            known.moods.get(&chat).copied().unwrap_or(Mood::Well)
        };
        match mood {
            Mood::Well => Some((200, self.keep(chat, chat))),
            Mood::Elsewhere => Some((200, self.keep(chat, chat + 1_000))),
            Mood::Lost => {
                self.keep(chat, chat);
                None
            }
            Mood::Fails(code, why) => {
                Some((code, json!({"ok": false, "error_code": code, "description": why, "parameters": wait_of(why)})))
            }
            Mood::Silent => {
                thread::sleep(HANG);
                None
            }
        }
    }

    fn keep(&self, chat: u64, said: u64) -> Value {
        let mut known = self.known();
        known.last_id += 1;
        let id = known.last_id;
        known.chats.entry(chat).or_default().kept = Some(id);
        well(
            json!({"message_id": id, "date": 1, "chat": {"id": said, "type": "private", "first_name": "op"}, "text": "x"}),
        )
    }
}

fn well(result: Value) -> Value {
    json!({"ok": true, "result": result})
}

/// The parameters that go with a description such as `Too Many Requests: retry after 2`.
fn wait_of(description: &str) -> Value {
    let seconds = description.rsplit_once("retry after ").and_then(|(_, seconds)| seconds.parse::<u64>().ok());
    seconds.map_or(json!({}), |seconds| json!({"retry_after": seconds}))
}

/// The Bot API's method and its parameters.
fn request(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream.take(REQUEST_BYTES_MAX));
    let (mut first, mut length) = (String::new(), 0_u64);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(of) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = of.trim().parse().ok()?;
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body).ok()?;
    let path = first.split_whitespace().nth(1)?.split('?').next()?.to_owned();
    Some((path.rsplit_once('/')?.1.to_owned(), serde_json::from_slice(&body).unwrap_or_default()))
}
