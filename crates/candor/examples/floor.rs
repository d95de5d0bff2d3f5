//! The least that a notice costs with the crates that Candor is built from: taken in by HTTP, committed, answered, posted on, committed.
//! Nothing is checked, decided, sealed, retried or limited. `cargo xtask bench` runs it beside the daemon, so that what Candor adds can
//! be told from what anybody would pay.
//!
//! Usage: `floor DATABASE LISTEN SINK_URL`
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a measuring stick: it may only work or fall over")]

use std::{env, sync::mpsc, thread, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use candor_world::senders::daemon_client;
use rusqlite::{Connection, ToSql, params};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};

/// Work for the thread that writes.
enum Write {
    /// A notice came.
    Accept(String, oneshot::Sender<i64>),
    /// Its receiver answered.
    Receipt(i64, String),
}

/// What a request needs.
#[derive(Clone)]
struct Way {
    writes: mpsc::Sender<Write>,
    client: reqwest::Client,
    sink: String,
}

fn main() {
    let [database, listen, sink] =
        env::args().skip(1).collect::<Vec<_>>().try_into().expect("floor DATABASE LISTEN SINK_URL");
    let (writes, inbox) = mpsc::channel();
    thread::spawn(move || write(&database, &inbox));
    let client = daemon_client(Duration::from_secs(20)).expect("a client");
    let router = Router::new().route("/v1/events", post(accept)).with_state(Way { writes, client, sink });
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let listener = TcpListener::bind(listen).await.expect("a free address");
        axum::serve(listener, router).await.expect("serving");
    });
}

/// Every write, in order; those that wait together are one commit.
fn write(database: &str, inbox: &mpsc::Receiver<Write>) {
    let db = Connection::open(database).expect("a database");
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         CREATE TABLE log (seq INTEGER PRIMARY KEY, body TEXT);
         CREATE TABLE notice (no INTEGER PRIMARY KEY, id TEXT UNIQUE, state TEXT);",
    )
    .expect("tables");
    while let Ok(first) = inbox.recv() {
        let mut accepted = Vec::new();
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for job in std::iter::once(first).chain(inbox.try_iter()) {
            let (no, body, durable) = match job {
                Write::Accept(body, done) => {
                    let event: Value = serde_json::from_str(&body).expect("a document");
                    let id = event.get("id").and_then(Value::as_str);
                    run(&db, "INSERT INTO notice (id, state) VALUES (?, 'sending')", params![id]);
                    (db.last_insert_rowid(), body, Some(done))
                }
                Write::Receipt(no, body) => {
                    run(&db, "UPDATE notice SET state = 'acked' WHERE no = ?", params![no]);
                    (no, body, None)
                }
            };
            run(&db, "INSERT INTO log (body) VALUES (?)", params![body]);
            accepted.extend(durable.map(|done| (done, no)));
        }
        db.execute_batch("COMMIT").unwrap();
        for (done, no) in accepted {
            let _ = done.send(no);
        }
    }
}

fn run(db: &Connection, text: &str, values: &[&dyn ToSql]) {
    db.prepare_cached(text).and_then(|mut statement| statement.execute(values)).expect("room on disk");
}

/// Answers once it is durable, and sends on.
async fn accept(State(way): State<Way>, body: String) -> StatusCode {
    let (done, durable) = oneshot::channel();
    way.writes.send(Write::Accept(body.clone(), done)).expect("the writer lives");
    let no = durable.await.expect("the writer lives");
    tokio::spawn(async move {
        let answer = way.client.post(&way.sink).header("content-type", "application/json").body(body).send().await;
        let answer = answer.expect("the sink answers");
        let status = answer.status().as_u16();
        let raw = answer.text().await.unwrap_or_default();
        let receipt = json!({"no": no, "status": status, "raw": raw, "state": "acked"}).to_string();
        way.writes.send(Write::Receipt(no, receipt)).expect("the writer lives");
    });
    StatusCode::ACCEPTED
}
