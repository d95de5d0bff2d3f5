//! `POST /v1/events`: three modes, and what each refuses.

use std::time::Duration;

use candor_core::limits::{EVENT_BATCH_MAX, EVENT_BYTES_MAX, REQUEST_BYTES_MAX};
use candor_web::DeskError;
use serde_json::{Value, json};

use crate::client::{Request, Server, check_error};

pub(crate) fn event(id: &str, word: &str, subject: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/test",
        "type": format!("reporting-governance.{word}"),
        "subject": subject,
        "data": data,
    })
}

pub(crate) fn started(id: &str, task: &str) -> Value {
    event(id, "task.started", task, json!({ "period": "5m" }))
}

fn binary(word: &str) -> Request {
    Request::post("/v1/events", "application/json", "{}")
        .header("ce-specversion", "1.0")
        .header("ce-id", "1")
        .header("ce-source", "/test")
        .header("ce-type", format!("reporting-governance.{word}"))
        .header("ce-subject", "t1")
}

#[tokio::test]
async fn a_structured_event_is_answered_with_its_decision() {
    let server = Server::start().await;
    let answer = server.send(&Request::event(started("1", "t1").to_string())).await.ok();
    assert_eq!(
        answer,
        json!({"accepted": true, "event": "e-1", "duplicate": false,
            "decision": {"no": "d-1", "requested": "allow", "effective": "allow", "rules": []}})
    );
    let claim = event("2", "claim.made", "t1", json!({ "claim": "tests_passed" }));
    let answer = server.send(&Request::event(claim.to_string())).await.ok();
    assert_eq!(answer["claim"], "c-1");
    assert_eq!(
        answer["decision"]["rules"],
        json!([{"rule": "completion-integrity/claim-needs-evidence", "verdict": "request_evidence",
            "message": "nothing supports this claim yet"}])
    );
}

#[tokio::test]
async fn the_event_is_handed_over_as_it_came() {
    let server = Server::start().await;
    let sent = started("1", "t1");
    server.send(&Request::event(sent.to_string())).await.ok();
    assert_eq!(server.desk.last_report().0.raw, sent);
}

#[tokio::test]
async fn a_routine_checkpoint_is_folded_and_a_repeat_is_a_duplicate() {
    let server = Server::start().await;
    let start = Request::event(started("1", "t1").to_string());
    server.send(&start).await.ok();
    assert_eq!(
        server.send(&start).await.ok(),
        json!({"accepted": true, "event": "e-1", "duplicate": true, "decision": {"no": "d-1"}})
    );
    let beat = event("2", "task.checkpointed", "t1", json!({}));
    assert_eq!(server.send(&Request::event(beat.to_string())).await.ok(), json!({"accepted": true, "folded": true}));
}

#[tokio::test]
async fn binary_mode_takes_attributes_from_headers_and_data_from_the_body() {
    let server = Server::start().await;
    let request = Request::post("/v1/events", "application/json; charset=UTF-8", r#"{"name": "Nightly build"}"#)
        .header("CE-SpecVersion", "1.0")
        .header("ce-id", "caf%C3%A9 %25")
        .header("ce-source", r#""/quoted \" source""#)
        .header("ce-type", "reporting-governance.task.started")
        .header("ce-subject", "t1")
        .header("ce-agentid", "agent-b");
    server.send(&request).await.ok();
    let (event, _) = server.desk.last_report();
    assert_eq!(event.id, "café %");
    assert_eq!(event.source, r#"/quoted " source"#);
    assert_eq!(event.agent.unwrap().as_str(), "agent-b");
    assert_eq!(event.raw["datacontenttype"], "application/json");
    assert_eq!(event.raw["data"], json!({"name": "Nightly build"}));
}

#[tokio::test]
async fn binary_mode_without_a_body_is_an_event_without_data() {
    let server = Server::start().await;
    let request = Request::new("POST", "/v1/events")
        .header("ce-specversion", "1.0")
        .header("ce-id", "1")
        .header("ce-source", "/test")
        .header("ce-type", "reporting-governance.task.started")
        .header("ce-subject", "t1");
    server.send(&request).await.ok();
    let (event, _) = server.desk.last_report();
    assert_eq!((event.raw.get("data"), event.raw.get("datacontenttype")), (None, None));
}

#[tokio::test]
async fn header_tricks_in_binary_mode_are_refused() {
    let server = Server::start().await;
    for (name, value) in [
        ("ce-id", b"again".as_slice()),
        ("ce-agentid", b"%C0%A0"),
        ("ce-agentid", b"%4"),
        ("ce-agentid", b"100%"),
        ("ce-agentid", b"\"open"),
        ("ce-agentid", b"\"open\\"),
        ("ce-agentid", b"caf\xc3\xa9"),
        ("ce-data", b"{}"),
        ("ce-datacontenttype", b"application/json"),
    ] {
        let answer = server.send(&binary("task.started").header(name, value)).await;
        assert_eq!(answer.error(400, "bad_header")["at"], name);
    }
    let unknown = server.send(&binary("task.started").header("ce-taksid", "t1")).await;
    assert_eq!(unknown.error(422, "bad_event")["at"], "/taksid");
    let split = server.send(&binary("task.started").header("ce-taskid", "t1%0d%0ax: y")).await;
    assert_eq!(split.error(422, "bad_event")["at"], "/taskid");
    assert!(server.desk.inputs().is_empty());
}

#[tokio::test]
async fn in_structured_mode_the_body_alone_speaks() {
    let server = Server::start().await;
    let request = Request::event(started("1", "t1").to_string()).header("ce-agentid", "somebody").header("ce-id", "2");
    server.send(&request).await.ok();
    let (event, _) = server.desk.last_report();
    assert_eq!((event.id.as_str(), event.agent), ("1", None));
}

#[tokio::test]
async fn content_types_that_a_form_could_send_are_refused() {
    let server = Server::start().await;
    let body = started("1", "t1").to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json",
        "application/cloudevents",
        "application/cloudevents+xml",
        "application/cloudevents+json; charset=latin1",
        "text/plain, application/cloudevents+json",
        "",
    ] {
        let answer = server.send(&Request::post("/v1/events", kind, body.clone())).await;
        assert_eq!(answer.error(415, "unsupported_media_type")["at"], "content-type", "{kind}");
    }
    let none = Request::event(body.clone()).without("Content-Type");
    server.send(&none).await.error(415, "unsupported_media_type");
    let two = Request::event(body).header("Content-Type", "text/plain");
    server.send(&two).await.error(415, "unsupported_media_type");
    assert!(server.desk.inputs().is_empty());
}

#[tokio::test]
async fn what_is_not_strict_json_is_refused_with_its_place() {
    let server = Server::start().await;
    for (body, says) in [
        ("", "not valid JSON"),
        ("{", "line 1 column"),
        ("{\"id\": 1, \"id\": 2}", "`id` stands twice"),
        ("{\"data\": {\"$redacted\": 1}}", "reserved"),
        ("[1e400]", "number"),
        ("{\"id\": 9007199254740993}", "2^53"),
        ("{} {}", "exactly one"),
        ("\u{feff}{}", "not valid JSON"),
    ] {
        let error = server.send(&Request::event(body)).await.error(400, "bad_json");
        assert!(error["message"].as_str().unwrap().contains(says), "{body}: {error}");
    }
    server.send(&Request::event(b"{\"id\": \"\xff\"}".as_slice())).await.error(400, "bad_json");
    let deep = format!("{{\"traceparent\": {}{}}}", "[".repeat(40), "]".repeat(40));
    server.send(&Request::event(deep)).await.error(400, "bad_json");
}

#[tokio::test]
async fn what_is_no_event_is_refused_with_a_pointer() {
    let server = Server::start().await;
    let error = server.send(&Request::event("[]")).await.error(422, "bad_event");
    assert_eq!(error["at"], "");
    let typo = event("1", "task.stared", "t1", json!({}));
    let error = server.send(&Request::event(typo.to_string())).await.error(422, "bad_event");
    assert_eq!(error["at"], "/type");
    assert!(error["message"].as_str().unwrap().contains("did you mean `task.started`"));
}

#[tokio::test]
async fn limits_are_exact() {
    let server = Server::start().await;
    let event = started("1", "t1").to_string();
    let padded = |bytes: usize| format!("{event}{}", " ".repeat(bytes - event.len()));
    server.send(&Request::event(padded(EVENT_BYTES_MAX))).await.ok();
    let error = server.send(&Request::event(padded(EVENT_BYTES_MAX + 1))).await.error(413, "too_large");
    assert!(error["message"].as_str().unwrap().contains("65536"));
    // So large that it doesn't fit into any buffer on the way: the refusal must arrive all the same.
    server.send(&Request::event(padded(REQUEST_BYTES_MAX))).await.error(413, "too_large");

    let batch = format!("[{event}]");
    let padded = |bytes: usize| format!("{batch}{}", " ".repeat(bytes - batch.len()));
    server.send(&Request::batch(padded(REQUEST_BYTES_MAX))).await.ok();
    server.send(&Request::batch(padded(REQUEST_BYTES_MAX + 1))).await.error(413, "too_large");

    let many = |count: usize| Value::from((0..count).map(|id| started(&id.to_string(), "t1")).collect::<Vec<_>>());
    let answer = server.send(&Request::batch(many(EVENT_BATCH_MAX).to_string())).await.ok();
    assert_eq!(answer.as_array().unwrap().len(), EVENT_BATCH_MAX);
    server.send(&Request::batch(many(EVENT_BATCH_MAX + 1).to_string())).await.error(413, "too_large");
}

#[tokio::test]
async fn a_chunked_body_is_bounded_too() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let head = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write(head.as_bytes()).await;
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    for _ in 0..5 {
        connection.write(chunk.as_bytes()).await;
    }
    connection.write(b"0\r\n\r\n").await;
    connection.answer().await.unwrap().error(413, "too_large");

    connection.write(head.as_bytes()).await;
    for piece in started("1", "t1").to_string().as_bytes().chunks(7) {
        connection.write(format!("{:x}\r\n", piece.len()).as_bytes()).await;
        connection.write(piece).await;
        connection.write(b"\r\n").await;
    }
    connection.write(b"0\r\n\r\n").await;
    connection.answer().await.unwrap().ok();
}

#[tokio::test]
async fn a_batch_is_accepted_item_by_item() {
    let server = Server::start().await;
    let all = json!([started("1", "t1"), event("2", "task.waiting", "t1", json!({"on": "review"}))]);
    let answer = server.send(&Request::batch(all.to_string())).await.ok();
    assert_eq!(answer[0]["status"], 200);
    assert_eq!((&answer[0]["event"], &answer[1]["event"]), (&json!("e-1"), &json!("e-2")));

    let large = event("5", "task.blocked", "t1", json!({"reason": "x".repeat(EVENT_BYTES_MAX)}));
    let some = json!([
        started("1", "t1"),
        event("3", "task.checkpointed", "t9", json!({})),
        event("4", "task.checkpointed", "t1", json!({"percent": 101})),
        large,
        event(
            "6",
            "task.missed",
            "t1",
            json!({"incident": null, "level": 1, "seen_at": "2026-01-01T00:00:00Z", "looked_at": []})
        ),
        event("7", "task.checkpointed", "t1", json!({})),
    ]);
    let answer = server.send(&Request::batch(some.to_string())).await;
    assert_eq!(answer.status, 207);
    let items = answer.json();
    assert_eq!(
        items[0],
        json!({"status": 200, "accepted": true, "event": "e-1", "duplicate": true, "decision": {"no": "d-1"}})
    );
    for (index, status, code) in
        [(1, 404, "unknown_task"), (2, 422, "bad_event"), (3, 413, "too_large"), (4, 403, "reserved")]
    {
        let item = &items[index];
        assert_eq!((&item["status"], &item["accepted"]), (&json!(status), &json!(false)));
        assert_eq!(check_error(&item["error"], status, code)["index"], index);
    }
    assert_eq!(items[2]["error"]["at"], "/data/percent");
    assert_eq!(items[5], json!({"status": 200, "accepted": true, "folded": true}));

    assert_eq!(server.send(&Request::batch("[]")).await.ok(), json!([]));
    server.send(&Request::batch("{}")).await.error(400, "bad_json");
    server.send(&Request::batch("[{]")).await.error(400, "bad_json");
    let only_bad = server.send(&Request::batch("[1]")).await;
    assert_eq!(only_bad.status, 207);
    check_error(&only_bad.json()[0]["error"], 422, "bad_event");
}

#[tokio::test]
async fn refusals_keep_their_codes() {
    let server = Server::start().await;
    let owned = |id: &str, agent: &str, word: &str| {
        let mut event = event(id, word, "t1", json!({}));
        event["agentid"] = json!(agent);
        Request::event(event.to_string())
    };
    server.send(&owned("1", "agent-a", "task.started")).await.ok();
    server.send(&owned("2", "agent-b", "task.completed")).await.error(403, "not_owner");
    server.send(&owned("3", "agent-a", "task.completed")).await.ok();
    server.send(&owned("4", "agent-a", "task.unblocked")).await.error(409, "ended");
    let beat = event("5", "task.checkpointed", "t9", json!({})).to_string();
    server.send(&Request::event(beat)).await.error(404, "unknown_task");
}

#[tokio::test]
async fn a_desk_that_takes_nothing_is_no_2xx_alone_or_in_a_batch() {
    for (error, status, code, retry) in [
        (DeskError::Full { retry_after: Duration::from_millis(1500) }, 503, "full", Some("2")),
        (DeskError::StoreFull, 507, "store_full", None),
        (DeskError::ReadOnly, 503, "read_only", None),
        (DeskError::Stopping, 503, "stopping", None),
        (DeskError::Internal("the secret path /x broke".to_owned()), 500, "internal", None),
    ] {
        let server = Server::start().await;
        server.desk.fail_with(error);
        let event = started("1", "t1");
        for request in [Request::event(event.to_string()), Request::batch(json!([event, 1]).to_string())] {
            let answer = server.send(&request).await;
            let told = answer.error(status, code);
            assert_eq!(answer.header("retry-after"), retry);
            assert!(!told.to_string().contains("secret path"));
        }
    }
}

#[tokio::test]
async fn an_event_without_an_answer_is_no_2xx() {
    let server = Server::start().await;
    server.desk.forget_answers();
    let event = started("1", "t1");
    server.send(&Request::event(event.to_string())).await.error(500, "internal");
    server.send(&Request::batch(json!([event]).to_string())).await.error(500, "internal");
}
