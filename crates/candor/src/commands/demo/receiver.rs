//! A receiver on loopback: takes what is posted to `/notices`, and answers 410 to everything else.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Largest body taken, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The receiver. Its threads end with the process.
pub(super) struct Receiver {
    address: SocketAddr,
    titles: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub(super) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let titles = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&titles);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let titles = Arc::clone(&kept);
                std::thread::spawn(move || serve(&stream, &titles));
            }
        });
        Ok(Self { address, titles })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn seen(&self) -> usize {
        self.titles.lock().map_or(0, |titles| titles.len())
    }

    pub(super) fn last_title(&self) -> Option<String> {
        self.titles.lock().ok()?.last().cloned()
    }
}

fn serve(stream: &TcpStream, titles: &Mutex<Vec<String>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader) {
        let taken = path == "/notices";
        if taken
            && let Ok(body) = serde_json::from_slice::<serde_json::Value>(&body)
            && let Ok(mut titles) = titles.lock()
        {
            titles.push(title(&body).unwrap_or_default());
        }
        let status = if taken { "200 OK" } else { "410 Gone" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
}

/// The title, wherever the sender's body has it.
fn title(body: &serde_json::Value) -> Option<String> {
    match body {
        serde_json::Value::Object(fields) => match fields.get("title") {
            Some(serde_json::Value::String(title)) => Some(title.clone()),
            _ => fields.values().find_map(title),
        },
        _ => None,
    }
}

fn request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let mut length = 0_usize;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|count| *count > 0)?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0_u8; length.min(BODY_BYTES_MAX)];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}
