//! A server under test, and a client that sends exactly the bytes it is told to.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use candor_web::{About, App, Bounds, Secret, Tokens, serve};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use crate::{desk::FakeDesk, documented};

/// Longest wait for the server to do anything: shorter than every default bound, so that a test of a bound that was set can't pass
/// by a default.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const OPERATOR: &str = "operator-token-0123456789";
pub(crate) const ADAPTER: &str = "adapter-token-0123456789";
pub(crate) const AGENT: &str = "agent-a-token-0123456789";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) desk: Arc<FakeDesk>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
}

pub(crate) fn tokens() -> Tokens {
    Tokens {
        operator: Secret::new(OPERATOR).unwrap(),
        adapter: Secret::new(ADAPTER).unwrap(),
        agents: BTreeMap::from([(Secret::new(AGENT).unwrap(), "agent-a".parse().unwrap())]),
        require_agent_token: false,
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(FakeDesk::new(), tokens(), Bounds::default()).await
    }

    pub(crate) async fn with(desk: Arc<FakeDesk>, tokens: Tokens, bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let about = About { role: "up".to_owned(), version: "0.1.0".to_owned() };
        let app = App::new(Arc::clone(&desk) as _, tokens, about, bounds).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(listener, app, async {
            let _ = stopped.await;
        }));
        Self { address, desk, stop: Some(stop), serving }
    }

    /// Asks the server to stop. It goes on until what is in flight is done.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection { stream: TcpStream::connect(self.address).await.unwrap(), buffer: Vec::new() }
    }

    /// One request on its own connection.
    pub(crate) async fn send(&self, request: &Request) -> Answer {
        let mut connection = self.connect().await;
        connection.write(&request.bytes()).await;
        connection.answer().await.expect("an answer")
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn end_writing(&mut self) {
        // The other side may have closed already.
        let _ = self.stream.shutdown().await;
    }

    /// The next answer; none when the server closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        loop {
            if let Some((answer, used)) = Answer::read(&self.buffer) {
                self.buffer.drain(..used);
                return Some(answer);
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            if read.expect("the server neither answered nor closed").unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("Host".to_owned(), b"127.0.0.1".to_vec())],
            body: Vec::new(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", path) }.header("Content-Type", content_type)
    }

    pub(crate) fn event(body: impl Into<Vec<u8>>) -> Self {
        Self::post("/v1/events", "application/cloudevents+json", body)
    }

    pub(crate) fn batch(body: impl Into<Vec<u8>>) -> Self {
        Self::post("/v1/events", "application/cloudevents-batch+json", body)
    }

    pub(crate) fn act(body: impl Into<Vec<u8>>) -> Self {
        Self::post("/v1/acts", "application/json", body).bearer(OPERATOR)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.headers.retain(|(name, _)| name != "Host");
        self.header("Host", host)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(each, _)| each != name);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if self.method == "POST" {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer and its length, when the whole of it is there.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: Vec::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let end = head_end + 4 + length;
        answer.body = bytes.get(head_end + 4..end)?.to_vec();
        Some((answer, end))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("access-control-allow-origin"), None);
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The body of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The `error` of an answer that must have this status and code, and stand so in the documentation.
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status, status, "{body}");
        check_error(&self.json()["error"], status, code)
    }
}

/// Checks an `error` object, alone or in a batch.
pub(crate) fn check_error(error: &Value, status: u16, code: &str) -> Value {
    assert_eq!(error["code"], code, "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(!message.is_empty() && !message.contains("struct ") && !message.contains("enum "), "{message}");
    documented::assert_code(code, status);
    error.clone()
}
