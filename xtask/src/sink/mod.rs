//! A receiver on loopback for crash tests and benches: answers POSTs, logs what it saw, and misbehaves as asked.

mod faults;
mod log;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
};

pub(crate) use faults::Faults;
pub(crate) use log::{Log, Sight};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    http::{Connection, Message, now_us},
    shell::{TaskError, Trying},
};

/// `cargo xtask sink`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9900)]
    port: u16,
    /// File that gets one line per request: unix µs, key, mark, status (0: closed without an answer).
    #[arg(long)]
    log: Option<PathBuf>,
    #[command(flatten)]
    faults: Faults,
}

/// Runs the sink until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    let sink = Sink::start(args.port, args.faults.clone(), args.log.clone())?;
    println!("listening on http://{}; Ctrl-C ends it", sink.address);
    let runtime = runtime()?;
    runtime.block_on(async { tokio::signal::ctrl_c().await }).trying("cannot wait for Ctrl-C")?;
    let log = sink.stop();
    println!("{} requests for {} keys", log.requests(), log.keys());
    Ok(true)
}

fn runtime() -> Result<tokio::runtime::Runtime, TaskError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().trying("cannot start a runtime")
}

/// A sink that runs on a thread of its own.
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it saw so far.
    pub(crate) log: Arc<Log>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Starts one. Returns once it listens.
    pub(crate) fn start(port: u16, faults: Faults, file: Option<PathBuf>) -> Result<Self, TaskError> {
        let runtime = runtime()?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
            .trying(format!("cannot listen on port {port}"))?;
        let address = listener.local_addr().trying("cannot tell the sink's port")?;
        let log = Arc::new(Log::new(file)?);
        let (stop, stopped) = oneshot::channel();
        let seen = Arc::clone(&log);
        let thread = std::thread::spawn(move || runtime.block_on(serve(listener, Arc::new(faults), seen, stopped)));
        Ok(Self { address, log, stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it and returns what it saw.
    pub(crate) fn stop(mut self) -> Arc<Log> {
        self.end();
        self.log.flush();
        Arc::clone(&self.log)
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.end();
    }
}

async fn serve(listener: TcpListener, faults: Arc<Faults>, log: Arc<Log>, mut stopped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (faults, log) = (Arc::clone(&faults), Arc::clone(&log));
                tokio::spawn(async move {
                    // A peer that goes away in the middle is what this sink is for.
                    if let Ok(connection) = Connection::over(stream) {
                        let _ = answer_all(connection, &faults, &log).await;
                    }
                });
            }
        }
    }
}

async fn answer_all(mut connection: Connection, faults: &Faults, log: &Log) -> std::io::Result<()> {
    while let Some(request) = connection.read().await? {
        let at_us = now_us();
        let key = request.header("webhook-id").unwrap_or("-").to_owned();
        // A sender that gathers several notices into one request carries a mark for each.
        let marks = marks(&request);
        // Logged before the answer: from here on the sender may die, and this sink has seen the notice all the same.
        let status = log.take(at_us, &key, &marks, |attempt| faults.status(&key, &marks, attempt));
        let wait = faults.wait(&key, &marks);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        if status == 0 {
            return Ok(());
        }
        connection.write(faults.answer(status).as_bytes()).await?;
    }
    Ok(())
}

/// The numbers after `mark-` in a body, which the load generator puts into each notice's text.
fn marks(request: &Message) -> Vec<u64> {
    const SIGN: &[u8] = b"mark-";
    let mut found = Vec::new();
    let mut rest = request.body.as_slice();
    while let Some(at) = rest.windows(SIGN.len()).position(|window| window == SIGN) {
        rest = rest.get(at + SIGN.len()..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number =
            std::str::from_utf8(rest.get(..digits).unwrap_or_default()).ok().and_then(|text| text.parse().ok());
        if let Some(number) = number
            && !found.contains(&number)
        {
            found.push(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::{Connection, Faults, Sink};
    use crate::http::{Message, post};

    async fn ask(sink: &Sink, key: &str, body: &str) -> std::io::Result<Message> {
        let head = format!("POST / HTTP/1.1\r\nwebhook-id: {key}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Connection::to(sink.address).await.unwrap().ask(head.as_bytes()).await
    }

    #[test]
    fn it_logs_what_it_saw_and_answers() {
        let sink = Sink::start(0, Faults::default(), None).unwrap();
        super::runtime().unwrap().block_on(async {
            assert_eq!(ask(&sink, "n-1", "x mark-7 mark-7 mark-8").await.unwrap().status(), 200);
            let mut connection = Connection::to(sink.address).await.unwrap();
            for _ in 0..2 {
                let again = post(sink.address, "/", "text/plain", b"mark-9");
                assert_eq!(connection.ask(&again).await.unwrap().status(), 200);
            }
        });
        let log = sink.stop();
        let sights: Vec<_> = log.sights().into_iter().map(|sight| (sight.key, sight.mark, sight.status)).collect();
        assert_eq!(
            sights,
            [
                ("n-1".to_owned(), Some(7), 200),
                ("n-1".to_owned(), Some(8), 200),
                ("-".to_owned(), Some(9), 200),
                ("-".to_owned(), Some(9), 200)
            ]
        );
    }

    #[test]
    fn it_fails_first_attempts_and_closes_without_an_answer() {
        let faults = Faults { fail_first: 1, fail_status: 503, retry_after: Some("2".to_owned()), ..Faults::default() };
        let sink = Sink::start(0, faults, None).unwrap();
        super::runtime().unwrap().block_on(async {
            let first = ask(&sink, "n-1", "").await.unwrap();
            assert_eq!((first.status(), first.header("retry-after")), (503, Some("2")));
            assert_eq!(ask(&sink, "n-1", "").await.unwrap().status(), 200);
        });
        let closing = Sink::start(0, Faults { close_after_body: 100, ..Faults::default() }, None).unwrap();
        super::runtime().unwrap().block_on(async {
            assert!(ask(&closing, "n-1", "").await.is_err(), "an answer came where none was due");
            assert_eq!(ask(&closing, "n-1", "").await.unwrap().status(), 200);
        });
        match closing.stop().sights().as_slice() {
            [first, second] => assert_eq!((first.status, second.status), (0, 200)),
            other => panic!("{other:?}"),
        }
    }
}
