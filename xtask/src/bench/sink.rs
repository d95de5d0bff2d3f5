//! The receiver that every system sends to: HTTP on loopback, answers 200 at once, and remembers when it first saw each notice.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What marks a notice in any payload: `bn-` and its number.
const MARK: &[u8] = b"bn-";

/// When each notice was first seen whole, in microseconds since the Unix epoch.
type Seen = BTreeMap<u64, i64>;

/// A running sink.
#[derive(Clone)]
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    /// Starts one on the current runtime.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self { address: listener.local_addr()?, seen: Arc::default() };
        let seen = Arc::clone(&sink.seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let _ = serve(stream, &seen).await;
                });
            }
        });
        Ok(sink)
    }

    /// How many notices were seen.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets what was seen, and says what it was.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

async fn serve(mut stream: TcpStream, seen: &Mutex<Seen>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8_192);
    while let Some(message) = message(&mut stream, &mut buffer).await? {
        let at = now_micros();
        if let Some(no) = marked(&message) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).entry(no).or_insert(at);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok").await?;
    }
    Ok(())
}

/// The next HTTP message of a stream, head and body; none when the other side has ended.
pub(crate) async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = whole(buffer) {
            let rest = buffer.split_off(length);
            return Ok(Some(std::mem::replace(buffer, rest)));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The length of the message at the start of a buffer, if all of it is there.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = position(buffer, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(buffer.get(..head)?).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let length = head + length.unwrap_or(0);
    (buffer.len() >= length).then_some(length)
}

fn position(buffer: &[u8], of: &[u8]) -> Option<usize> {
    buffer.windows(of.len()).position(|window| window == of)
}

/// The number of the first marked notice in a message.
fn marked(message: &[u8]) -> Option<u64> {
    let from = message.get(position(message, MARK)? + MARK.len()..)?;
    let digits = from.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(from.get(..digits)?).ok()?.parse().ok()
}
