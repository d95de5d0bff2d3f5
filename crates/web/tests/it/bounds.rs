//! Connections: in order, within time, and ended without loss.

use std::time::Duration;

use candor_web::{About, App, Bounds, limits::BATCHES_IN_FLIGHT_MAX, limits::HEADER_BYTES_MAX, serve};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    client::{Request, Server, tokens},
    desk::FakeDesk,
    events::started,
};

const SHORT: Duration = Duration::from_millis(100);

fn report(id: &str) -> Request {
    Request::event(started(id, "t1").to_string())
}

async fn server(bounds: Bounds) -> Server {
    Server::with(FakeDesk::new(), tokens(), bounds).await
}

/// The truth that a 2xx is a promise: nothing is answered while nothing is durable.
#[tokio::test]
async fn truth_nothing_is_accepted_before_it_is_durable() {
    let server = Server::with(FakeDesk::held(), tokens(), Bounds::default()).await;
    let mut connection = server.connect().await;
    connection.write(&report("1").bytes()).await;
    server.desk.entered.acquire().await.unwrap().forget();
    let answer = tokio::spawn(async move { connection.answer().await });
    // A request that came later and needs no desk is answered; the report still isn't.
    server.send(&Request::get("/healthz")).await.ok();
    assert!(!answer.is_finished());
    assert!(server.desk.inputs().is_empty());
    server.desk.durable.add_permits(1);
    answer.await.unwrap().unwrap().ok();
    assert_eq!(server.desk.inputs().len(), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let mut bytes = Vec::new();
    for id in ["1", "2", "1", "3"] {
        bytes.extend(report(id).bytes());
    }
    bytes.extend(Request::get("/nowhere").bytes());
    connection.write(&bytes).await;
    for event in ["e-1", "e-2", "e-1", "e-3"] {
        assert_eq!(connection.answer().await.unwrap().ok()["event"], event);
    }
    connection.answer().await.unwrap().error(404, "no_such_path");
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_in_step() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    // The refused body holds what would be a request of its own, were it read as one.
    let smuggled = Request::act(r#"{"act": "test"}"#).bytes();
    connection.write(&Request::post("/v1/events", "text/plain", smuggled.clone()).bytes()).await;
    connection.write(&Request::act(smuggled).without("Authorization").bytes()).await;
    connection.write(&report("1").bytes()).await;
    connection.answer().await.unwrap().error(415, "unsupported_media_type");
    connection.answer().await.unwrap().error(401, "unauthorized");
    connection.answer().await.unwrap().ok();
    assert_eq!(server.desk.inputs().len(), 1);
}

#[tokio::test]
async fn both_lengths_at_once_are_no_way_to_smuggle() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let head = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\n";
    connection.write(format!("{head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n").as_bytes()).await;
    assert_eq!(connection.answer().await.map(|answer| answer.status), Some(400));
    assert!(connection.answer().await.is_none(), "the connection is closed");
}

#[tokio::test]
async fn headers_that_never_end_are_cut() {
    let server = server(Bounds { header_read: SHORT, ..Bounds::default() }).await;
    let mut connection = server.connect().await;
    connection.write(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nX-A: ").await;
    assert!(connection.answer().await.is_none());
    // A connection that asks for nothing at all is cut the same way.
    let mut idle = server.connect().await;
    assert!(idle.answer().await.is_none());
}

#[tokio::test]
async fn a_body_that_never_ends_is_told_and_cut() {
    let server = server(Bounds { body_read: SHORT, ..Bounds::default() }).await;
    for kind in ["application/cloudevents+json", "text/plain"] {
        let mut connection = server.connect().await;
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 100\r\n\r\n{{"
        );
        connection.write(head.as_bytes()).await;
        let answer = connection.answer().await.unwrap();
        match kind {
            "text/plain" => answer.error(415, "unsupported_media_type"),
            _ => answer.error(408, "too_slow"),
        };
        assert!(connection.answer().await.is_none(), "the connection is closed");
    }
    assert!(server.desk.inputs().is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let bytes = report("1").bytes();
    connection.write(&bytes[..bytes.len() - 1]).await;
    connection.end_writing().await;
    // Hyper may close at once, or let the refusal out.
    if let Some(answer) = connection.answer().await {
        answer.error(400, "broken_body");
    }
    assert!(server.desk.inputs().is_empty());
}

#[tokio::test]
async fn headers_are_bounded() {
    let server = Server::start().await;
    let long = Request::get("/healthz").header("X-Long", "x".repeat(HEADER_BYTES_MAX));
    assert_eq!(server.send(&long).await.status, 431);
    let many = (0..70).fold(Request::get("/healthz"), |request, n| request.header(&format!("X-{n}"), "x"));
    assert_eq!(server.send(&many).await.status, 431);
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_their_turn() {
    let server = server(Bounds { connections: 1, ..Bounds::default() }).await;
    let mut first = server.connect().await;
    first.write(&Request::get("/healthz").bytes()).await;
    first.answer().await.unwrap().ok();
    let mut second = server.connect().await;
    second.write(&Request::get("/healthz").bytes()).await;
    let waiting = tokio::spawn(async move { second.answer().await });
    // The first is served again while the second waits.
    first.write(&Request::get("/healthz").bytes()).await;
    first.answer().await.unwrap().ok();
    assert!(!waiting.is_finished());
    drop(first);
    waiting.await.unwrap().unwrap().ok();
}

#[tokio::test]
async fn a_connection_ends_at_its_age() {
    let server = server(Bounds { connection_life: SHORT, ..Bounds::default() }).await;
    let mut connection = server.connect().await;
    connection.write(&Request::get("/healthz").bytes()).await;
    connection.answer().await.unwrap().ok();
    assert!(connection.answer().await.is_none());
}

#[tokio::test]
async fn batches_beyond_the_bound_are_sent_back_at_once() {
    let server = Server::with(FakeDesk::held(), tokens(), Bounds::default()).await;
    let batch = Request::batch(json!([started("1", "t1")]).to_string());
    let mut waiting = Vec::new();
    for _ in 0..BATCHES_IN_FLIGHT_MAX {
        let mut connection = server.connect().await;
        connection.write(&batch.bytes()).await;
        server.desk.entered.acquire().await.unwrap().forget();
        waiting.push(connection);
    }
    let answer = server.send(&batch).await;
    answer.error(503, "full");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.desk.durable.add_permits(BATCHES_IN_FLIGHT_MAX);
    for mut connection in waiting {
        connection.answer().await.unwrap().ok();
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_takes_nothing_new() {
    let mut server = Server::with(FakeDesk::held(), tokens(), Bounds::default()).await;
    let mut idle = server.connect().await;
    idle.write(&Request::get("/healthz").bytes()).await;
    idle.answer().await.unwrap().ok();
    let mut busy = server.connect().await;
    busy.write(&report("1").bytes()).await;
    server.desk.entered.acquire().await.unwrap().forget();
    server.stop();
    assert!(idle.answer().await.is_none(), "an idle connection is closed");
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.desk.durable.add_permits(1);
    let answer = busy.answer().await.unwrap();
    answer.ok();
    assert_eq!(answer.header("connection"), Some("close"));
    (&mut server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_is_bounded() {
    let mut server = Server::with(FakeDesk::held(), tokens(), Bounds { finish: SHORT, ..Bounds::default() }).await;
    let mut stuck = server.connect().await;
    stuck.write(&report("1").bytes()).await;
    server.desk.entered.acquire().await.unwrap().forget();
    server.stop();
    (&mut server.serving).await.unwrap().unwrap();
    assert!(stuck.answer().await.is_none());
}

#[tokio::test]
async fn no_other_address_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let about = About { role: "up".to_owned(), version: "0".to_owned() };
    let app = App::new(FakeDesk::new(), tokens(), about, Bounds::default()).unwrap();
    let refused = serve(listener, app, std::future::ready(())).await.unwrap_err();
    assert!(refused.to_string().contains("not a loopback address"));
}
