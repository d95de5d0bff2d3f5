//! A receiver on loopback, for the demo and for verification. It answers by the end of the path: at `taken` it takes what comes, at `lost` it takes it
//! and hangs up, and anywhere else nothing is there any more.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::exit::{Exit, Failure};

/// Largest body taken, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a sender may take.
const READ_MAX: Duration = Duration::from_secs(30);

/// What came so far.
#[derive(Default)]
struct Came {
    /// How often each path was asked.
    counts: BTreeMap<String, u64>,
    /// The title of what was taken last.
    title: String,
}

type Shared = Arc<Mutex<Came>>;

/// The receiver. Its threads end with the process.
pub struct Receiver {
    address: SocketAddr,
    came: Shared,
}

impl Receiver {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(Exit::Internal, format!("no receiver on loopback: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let came = Shared::default();
        let kept = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let came = Arc::clone(&kept);
                std::thread::spawn(move || drop(serve(&stream, &came)));
            }
        });
        Ok(Self { address, came })
    }

    /// Where a sender finds one of its ways: `taken`, `gone` or `lost`.
    #[must_use]
    pub fn url(&self, whose: &str, way: &str) -> String {
        format!("http://{}/{whose}/{way}", self.address)
    }

    /// How many requests came there.
    #[must_use]
    pub fn count(&self, whose: &str, way: &str) -> u64 {
        self.came.lock().map_or(0, |came| came.counts.get(&format!("/{whose}/{way}")).copied().unwrap_or(0))
    }

    /// The title of what was taken last.
    #[must_use]
    pub fn last_title(&self) -> String {
        self.came.lock().map(|came| came.title.clone()).unwrap_or_default()
    }
}

fn serve(stream: &TcpStream, came: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(READ_MAX))?;
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader)? {
        if let Ok(mut came) = came.lock() {
            *came.counts.entry(path.clone()).or_default() += 1;
            if path.ends_with("/taken") {
                came.title = serde_json::from_slice(&body).ok().and_then(|body| title(&body)).unwrap_or_default();
            }
        }
        let status = match path.rsplit('/').next() {
            Some("taken") => "200 OK",
            Some("lost") => return stream.shutdown(std::net::Shutdown::Both),
            _ => "410 Gone",
        };
        reader.get_mut().write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes())?;
    }
    Ok(())
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

fn request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut length = 0_usize;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0_u8; length.min(BODY_BYTES_MAX)];
    reader.read_exact(&mut body)?;
    Ok(Some((path, body)))
}
