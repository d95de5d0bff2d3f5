//! A receiver on this machine that answers as it is told, and knows what it kept.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// Whether it keeps the message.
    pub(super) keeps: bool,
    /// How it answers.
    pub(super) reply: Reply,
}

/// How the receiver answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// With a status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// With the same, after a while.
    Late(Duration, u16, String),
    /// Closes the connection before it has read the body.
    DropBeforeBody,
    /// Reads the whole request and closes the connection.
    DropAfterBody,
    /// Reads the whole request and says nothing.
    Hang,
    /// A status and the start of a body, and then nothing.
    StallInBody(u16),
    /// A status, less body than announced, and the end.
    BreakInBody(u16),
    /// A status and a body of so many bytes.
    HugeBody(u16, usize),
    /// Something that isn't HTTP.
    Garbage,
}

type Behaviour = dyn Fn(&Seen) -> Act + Send + Sync;

pub(super) struct Sink {
    pub(super) port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    behaviour: Mutex<Arc<Behaviour>>,
    seen: Mutex<Vec<Seen>>,
    kept: Mutex<usize>,
    connections: Mutex<usize>,
}

impl Sink {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let quiet: Arc<Behaviour> = Arc::new(|_: &Seen| Act { keeps: false, reply: Reply::DropAfterBody });
        let state = Arc::new(State {
            behaviour: Mutex::new(quiet),
            seen: Mutex::default(),
            kept: Mutex::default(),
            connections: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *shared.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, accepting }
    }

    pub(super) fn behaves(&self, behaviour: impl Fn(&Seen) -> Act + Send + Sync + 'static) {
        *self.state.behaviour.lock().unwrap() = Arc::new(behaviour);
        *self.state.kept.lock().unwrap() = 0;
        self.state.seen.lock().unwrap().clear();
    }

    pub(super) fn acts(&self, act: Act) {
        self.behaves(move |_| act.clone());
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(super) fn kept(&self) -> usize {
        *self.state.kept.lock().unwrap()
    }

    pub(super) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }
}

impl Reply {
    /// Whether the sender learns nothing more until it gives up.
    pub(super) fn waits_for_the_timeout(&self) -> bool {
        matches!(self, Self::Hang | Self::StallInBody(_))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(()) = exchange(&mut stream, &state).await {}
}

async fn exchange(stream: &mut BufReader<TcpStream>, state: &State) -> Option<()> {
    let mut seen = head(stream).await?;
    let length: usize = seen.headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let behaviour = Arc::clone(&state.behaviour.lock().unwrap());
    if matches!(behaviour(&seen).reply, Reply::DropBeforeBody) {
        return None;
    }
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).await.ok()?;
    let act = behaviour(&seen);
    state.seen.lock().unwrap().push(seen);
    if act.keeps {
        *state.kept.lock().unwrap() += 1;
    }
    match act.reply {
        Reply::Answer(status, headers, body) => {
            let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.ok()?;
            return Some(());
        }
        Reply::Late(after, status, body) => {
            tokio::time::sleep(after).await;
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).await.ok()?;
        }
        Reply::DropBeforeBody | Reply::DropAfterBody => {}
        Reply::Hang => std::future::pending().await,
        Reply::StallInBody(status) => {
            stream
                .write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n{{\"i").as_bytes())
                .await
                .ok()?;
            stream.flush().await.ok()?;
            std::future::pending::<()>().await;
        }
        Reply::BreakInBody(status) => {
            stream
                .write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n{{\"i").as_bytes())
                .await
                .ok()?;
        }
        Reply::HugeBody(status, bytes) => {
            stream
                .write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: {bytes}\r\n\r\n").as_bytes())
                .await
                .ok()?;
            let chunk = vec![b'x'; 8192];
            for _ in 0..bytes.div_ceil(chunk.len()) {
                stream.write_all(&chunk).await.ok()?;
            }
        }
        Reply::Garbage => stream.write_all(b"220 smtp ready\r\n\r\n").await.ok()?,
    }
    stream.shutdown().await.ok()?;
    None
}

async fn head(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Seen { line: line.trim_end().to_owned(), headers, body: Vec::new() })
}
