//! Load over HTTP: closed loop with a number of callers, or open loop at a rate.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::Instant};

use super::sink::{message, now_micros};

/// One connection that is kept.
pub(crate) struct Caller {
    stream: TcpStream,
    buffer: Vec<u8>,
    address: SocketAddr,
}

/// What is posted: path, content type, further header lines, and the body of notice number n.
pub(crate) struct Shape {
    /// Where to.
    pub(crate) path: &'static str,
    /// As what.
    pub(crate) content_type: &'static str,
    /// Further header lines, each ended by CRLF.
    pub(crate) headers: String,
    /// The body for a number.
    pub(crate) body: Box<dyn Fn(u64) -> String + Send + Sync>,
}

impl Caller {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), address })
    }

    /// Posts, and waits for an answer of class 2xx.
    pub(crate) async fn post(&mut self, shape: &Shape, no: u64) -> io::Result<()> {
        let body = (shape.body)(no);
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: {}\r\n{}content-length: {}\r\n\r\n",
            shape.path,
            self.address,
            shape.content_type,
            shape.headers,
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
        let answer = message(&mut self.stream, &mut self.buffer).await?.unwrap_or_default();
        if answer.starts_with(b"HTTP/1.1 2") {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&answer).chars().take(600).collect::<String>();
        Err(io::Error::other(format!("`{}` answered: {text}", self.address)))
    }
}

/// When each number was sent, or due to be sent, in microseconds since the Unix epoch.
pub(crate) type Sent = Vec<(u64, i64)>;

/// Posts `count` notices from number `first` on, each of `callers` callers as soon as its last was answered.
pub(crate) async fn burst(
    address: SocketAddr,
    shape: Arc<Shape>,
    first: u64,
    count: u64,
    callers: u64,
) -> io::Result<Sent> {
    let next = Arc::new(AtomicU64::new(first));
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (next, shape) = (Arc::clone(&next), Arc::clone(&shape));
        let mut caller = Caller::connect(address).await?;
        tasks.push(tokio::spawn(async move {
            let mut sent = Vec::new();
            loop {
                let no = next.fetch_add(1, Ordering::Relaxed);
                if no >= first + count {
                    return io::Result::Ok(sent);
                }
                sent.push((no, now_micros()));
                caller.post(&shape, no).await?;
            }
        }));
    }
    let mut sent = Vec::new();
    for task in tasks {
        sent.extend(task.await.map_err(io::Error::other)??);
    }
    Ok(sent)
}

/// Posts at `rate` per second for `lasts`; the time kept is when each was due, so that a late post counts as latency.
pub(crate) async fn paced(
    address: SocketAddr,
    shape: Arc<Shape>,
    first: u64,
    rate: u64,
    lasts: Duration,
) -> io::Result<Sent> {
    let (start, start_micros) = (Instant::now(), now_micros());
    let step = Duration::from_secs(1) / u32::try_from(rate).unwrap_or(1);
    let mut callers: Vec<Caller> = Vec::new();
    let mut sent = Vec::new();
    let (done, mut back) = tokio::sync::mpsc::unbounded_channel();
    let mut failed = None;
    for k in 0..rate * lasts.as_secs() {
        let due = step * u32::try_from(k).unwrap_or(u32::MAX);
        tokio::time::sleep_until(start + due).await;
        sent.push((first + k, start_micros + i64::try_from(due.as_micros()).unwrap_or(0)));
        while let Ok(returned) = back.try_recv() {
            match returned {
                Ok(caller) => callers.push(caller),
                Err(error) => failed = Some(error),
            }
        }
        let mut caller = match callers.pop() {
            Some(caller) => caller,
            None => Caller::connect(address).await?,
        };
        let (shape, done) = (Arc::clone(&shape), done.clone());
        tokio::spawn(async move {
            let posted = caller.post(&shape, first + k).await;
            let _ = done.send(posted.map(|()| caller));
        });
    }
    drop(done);
    while let Some(returned) = back.recv().await {
        failed = returned.err().or(failed);
    }
    failed.map_or(Ok(sent), Err)
}
