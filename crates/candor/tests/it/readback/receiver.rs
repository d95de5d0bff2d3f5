//! A receiver that can be asked what it has, and says what a test wants it to say.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use crate::common::{Home, wait};

/// What it does.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// Takes notices and closes without an answer: nobody can know.
    pub(crate) silent: bool,
    /// How it answers for a key: the status, and the body with `{key}` in it.
    pub(crate) answer: (u16, String),
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) script: Arc<Mutex<Script>>,
    /// Each request: its method and path.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub(crate) fn start(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script = Script { silent: true, answer: (status, body.to_owned()) };
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            script: Arc::new(Mutex::new(script)),
            asked: Arc::default(),
        };
        let (script, asked) = (Arc::clone(&receiver.script), Arc::clone(&receiver.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, asked) = (Arc::clone(&script), Arc::clone(&asked));
                std::thread::spawn(move || answer(&stream, &script, &asked));
            }
        });
        receiver
    }

    /// A target `hook` of it that is tried once, and a home with an owner.
    pub(crate) fn home(&self, more: &str) -> Home {
        Home::owned(&self.config(more))
    }

    pub(crate) fn config(&self, more: &str) -> String {
        format!(
            "targets:\n- name: hook\n  sender: webhook\n  url: 'http://{0}/hook'\n  readback: 'http://{0}/notices/{{key}}'\n  \
             timeout: 5s\n  retry: {{attempts_max: 1, first: 50ms, longest: 1s}}\n{more}",
            self.address
        )
    }

    /// How many requests of this method came.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|request| request.starts_with(method)).count()
    }

    /// A notice that it took without an answer; its number.
    pub(crate) fn doubted(&self, home: &Home) -> String {
        let notice = home.json(&["notify", "look"])["notice"].as_str().unwrap().to_owned();
        wait("its outcome is unknown", || super::state(home, &notice) == "pending_external_send outcome_unknown");
        notice
    }
}

fn answer(stream: &TcpStream, script: &Mutex<Script>, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0_usize);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(of) = line.strip_prefix("content-length:") {
            length = of.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let is_post = first.starts_with("POST");
    asked.lock().unwrap().push(format!("{} {path}", first.split(' ').next()?));
    let script = script.lock().unwrap().clone();
    let (status, body) = match is_post {
        true if script.silent => return stream.shutdown(std::net::Shutdown::Both).ok().and(None),
        true => (200, String::new()),
        false => (script.answer.0, script.answer.1.replace("{key}", path.rsplit('/').next()?)),
    };
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()
}
