//! Just enough HTTP/1.1 over loopback for a sink and a load generator that cost next to nothing beside what they measure.

use std::{
    io,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Most bytes of a message's head.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most bytes of a message's body.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Microseconds since the Unix epoch, the time that all logs of a run share.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// One request or answer.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// The first line and the headers.
    head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The status of an answer, 0 where there is none.
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// One connection, with what was read of it beyond the last message.
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Over a stream that is open.
    pub(crate) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::with_capacity(8 * 1024) })
    }

    /// To a server on this machine.
    pub(crate) async fn to(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// Reads one message; none at the end of the connection.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Message>> {
        let head_bytes = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if self.unread.len() > HEAD_BYTES_MAX {
                return Err(io::Error::other("the head is too long"));
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(self.unread.get(..head_bytes).unwrap_or_default()).into_owned();
        if header(&head, "transfer-encoding").is_some() {
            return self.read_chunked(head, head_bytes).await.map(Some);
        }
        let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
        if length > BODY_BYTES_MAX {
            return Err(io::Error::other("the body is too long"));
        }
        self.fill(head_bytes + length).await?;
        let mut rest = self.unread.split_off(head_bytes + length);
        std::mem::swap(&mut rest, &mut self.unread);
        Ok(Some(Message { head, body: rest.split_off(head_bytes) }))
    }

    /// A body in chunks, as Go's servers send them when they don't know the length.
    async fn read_chunked(&mut self, head: String, head_bytes: usize) -> io::Result<Message> {
        self.unread.drain(..head_bytes);
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(at) = self.unread.windows(2).position(|two| two == b"\r\n") {
                    break at;
                }
                let more = self.unread.len() + 1;
                self.fill(more).await?;
            };
            let size = String::from_utf8_lossy(self.unread.get(..line).unwrap_or_default()).trim().to_owned();
            let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
            if body.len() + size > BODY_BYTES_MAX {
                return Err(io::Error::other("the body is too long"));
            }
            self.fill(line + 2 + size + 2).await?;
            body.extend_from_slice(self.unread.get(line + 2..line + 2 + size).unwrap_or_default());
            self.unread.drain(..line + 2 + size + 2);
            if size == 0 {
                return Ok(Message { head, body });
            }
        }
    }

    /// Reads until so many bytes are there.
    async fn fill(&mut self, bytes: usize) -> io::Result<()> {
        while self.unread.len() < bytes {
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Writes a message as it is.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Message> {
        self.write(request).await?;
        self.read().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// A POST of JSON, complete.
pub(crate) fn post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A GET, complete.
pub(crate) fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}
