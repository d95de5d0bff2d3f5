//! `GET`: the question reaches the desk as it was asked, or not at all.

use candor_core::{notice::StateName, task::TaskState};
use candor_web::{
    DeskError, ViewRequest,
    limits::{PAGE_DEFAULT, PAGE_MAX},
};
use serde_json::json;

use crate::client::{Answer, OPERATOR, Request, Server};

async fn get(server: &Server, path: &str) -> Answer {
    server.send(&Request::get(path).bearer(OPERATOR)).await
}

#[tokio::test]
async fn every_view_is_asked_for_as_written() {
    let server = Server::start().await;
    let task = "nightly/build:42";
    let cases = [
        ("/v1/status", ViewRequest::Status),
        ("/v1/gates", ViewRequest::Gates),
        ("/v1/tasks", ViewRequest::Tasks { state: None, after: None, limit: PAGE_DEFAULT }),
        (
            "/v1/tasks?state=running&after=nightly%2Fbuild:42&limit=1000",
            ViewRequest::Tasks { state: Some(TaskState::Running), after: Some(task.parse().unwrap()), limit: PAGE_MAX },
        ),
        ("/v1/tasks/nightly/build:42", ViewRequest::Task(task.parse().unwrap())),
        ("/v1/tasks/nightly%2Fbuild%3A42", ViewRequest::Task(task.parse().unwrap())),
        (
            "/v1/notices?state=acked&task=t1&before=n-7&limit=5",
            ViewRequest::Notices {
                state: Some(StateName::Acked),
                task: Some("t1".parse().unwrap()),
                before: Some("n-7".parse().unwrap()),
                limit: 5,
            },
        ),
        ("/v1/notices/n-3", ViewRequest::Notice("n-3".parse().unwrap())),
        ("/v1/decisions/d-3", ViewRequest::Decision("d-3".parse().unwrap())),
        ("/v1/events/e-3", ViewRequest::Event("e-3".parse().unwrap())),
        ("/v1/evidence?task=t1", ViewRequest::EvidenceOf("t1".parse().unwrap())),
        ("/v1/evidence/v-3", ViewRequest::Evidence("v-3".parse().unwrap())),
    ];
    for (path, view) in cases {
        let answer = get(&server, path).await;
        match answer.status {
            200 => assert!(answer.ok().is_object()),
            _ => assert!(answer.error(404, "not_found").is_object(), "{path}"),
        }
        assert_eq!(server.desk.views().last(), Some(&view), "{path}");
    }
}

#[tokio::test]
async fn a_question_that_is_not_understood_is_refused() {
    let server = Server::start().await;
    for (path, at) in [
        ("/v1/tasks?stat=running", "?stat"),
        ("/v1/tasks?state=asleep", "?state"),
        ("/v1/tasks?limit=0", "?limit"),
        ("/v1/tasks?limit=1001", "?limit"),
        ("/v1/tasks?limit=5&limit=6", "?limit"),
        ("/v1/tasks?after=%ff", "?after"),
        ("/v1/notices?before=7", "?before"),
        ("/v1/status?verbose", "?verbose"),
        ("/v1/tasks/t1?x=1", "?x"),
        ("/v1/evidence", "?task"),
    ] {
        assert_eq!(get(&server, path).await.error(400, "bad_query")["at"], at, "{path}");
    }
    for path in [
        "/v1/notices/3",
        "/v1/notices/e-3",
        "/v1/decisions/d-x",
        "/v1/tasks/%ff",
        "/v1/tasks/a%20b",
        "/v1/tasks/../../etc",
    ] {
        get(&server, path).await.error(400, "bad_path");
    }
    assert!(server.desk.views().is_empty());
}

#[tokio::test]
async fn a_desk_that_fails_says_so_without_its_insides() {
    let server = Server::start().await;
    server.desk.fail_with(DeskError::Internal("/home/x is broken".to_owned()));
    let error = get(&server, "/v1/tasks").await.error(500, "internal");
    assert!(!error.to_string().contains("/home/x"));
}

#[tokio::test]
async fn health_and_the_front_page_need_no_token_and_tell_little() {
    let server = Server::start().await;
    let health = server.send(&Request::get("/healthz")).await.ok();
    assert_eq!(health, json!({"ok": true, "role": "up", "version": "0.1.0"}));
    let root = server.send(&Request::get("/")).await;
    assert_eq!((root.status, root.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert!(server.desk.views().is_empty() && server.desk.inputs().is_empty());
}
