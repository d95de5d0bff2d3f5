//! What a browser could be tricked into is turned away, and what leads nowhere says so.

use crate::{
    client::{OPERATOR, Request, Server},
    events::started,
};

fn report() -> Request {
    Request::event(started("1", "t1").to_string())
}

#[tokio::test]
async fn only_loopback_names_are_answered() {
    let server = Server::start().await;
    for host in ["localhost", "LOCALHOST:7717", "127.0.0.1:1", "[::1]", "[::1]:7717"] {
        server.send(&report().host(host)).await.ok();
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "192.168.0.2:7717", "localhost:evil", ""]
    {
        server.send(&report().host(host)).await.error(421, "bad_host");
        server.send(&Request::get("/healthz").host(host)).await.error(421, "bad_host");
        server.send(&Request::get("/nowhere").host(host)).await.error(421, "bad_host");
    }
    server.send(&report().without("Host")).await.error(400, "bad_host");
    server.send(&report().header("Host", "evil.example")).await.error(400, "bad_host");
    let absolute = Request::get("http://evil.example/v1/status").bearer(OPERATOR);
    server.send(&absolute).await.error(421, "bad_host");
}

#[tokio::test]
async fn a_page_of_elsewhere_posts_nothing() {
    let server = Server::start().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "file://",
        "localhost",
    ] {
        server.send(&report().header("Origin", origin)).await.error(403, "bad_origin");
        server.send(&Request::act(r#"{"act": "test"}"#).header("Origin", origin)).await.error(403, "bad_origin");
        let preflight = server.send(&Request::new("OPTIONS", "/v1/events").header("Origin", origin)).await;
        preflight.error(403, "bad_origin");
    }
    assert!(server.desk.inputs().is_empty());
    server.send(&report().header("Origin", "http://localhost:3000")).await.ok();
    let preflight = server.send(&Request::new("OPTIONS", "/v1/events").header("Origin", "http://localhost:3000")).await;
    preflight.error(405, "method_not_allowed");
}

#[tokio::test]
async fn what_leads_nowhere_is_told_as_json() {
    let server = Server::start().await;
    for path in ["/v1", "/v1/", "/v2/events", "/v1/tasks/", "/v1/notices/n-1/x", "/healthz/x", "//", "/%2e%2e"] {
        server.send(&Request::get(path).bearer(OPERATOR)).await.error(404, "no_such_path");
    }
    let answer = server.send(&Request::get("/v1/events").bearer(OPERATOR)).await;
    answer.error(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    server.send(&Request::new("DELETE", "/v1/tasks/t1").bearer(OPERATOR)).await.error(405, "method_not_allowed");
}
