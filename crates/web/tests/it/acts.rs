//! `POST /v1/acts`.

use candor_core::{
    approval::Signed,
    evidence::Origin,
    gate::{Gate, Scope},
    ids::NoticeNo,
    work::{DocumentKind, Wanted},
};
use candor_path::{Act, Input};
use candor_web::limits::ACT_BYTES_MAX;
use serde_json::json;

use crate::client::{Request, Server};

#[tokio::test]
async fn every_act_is_read() {
    let server = Server::start().await;
    let notice = NoticeNo(1);
    let signed = Signed { document: "{}".to_owned(), signatures: vec!["s".to_owned()] };
    for (body, act) in [
        (json!({"act": "test", "target": "phone"}), Act::Test { target: Some("phone".parse().unwrap()) }),
        (json!({"act": "retry", "notice": "n-1", "target": null}), Act::Retry { notice, target: None }),
        (
            json!({"act": "resolve", "notice": "n-1", "note": "told in person"}),
            Act::Resolve { notice, target: None, note: "told in person".to_owned() },
        ),
        (json!({"act": "verify", "evidence": "v-4"}), Act::Verify { evidence: "v-4".parse().unwrap() }),
        (
            json!({"act": "approve", "signed": {"document": "{}", "signatures": ["s"]}}),
            Act::Approve { signed: signed.clone() },
        ),
        (json!({"act": "revoke", "signed": {"document": "{}", "signatures": ["s"]}}), Act::Revoke { signed }),
        (
            json!({"act": "record_package", "package": {"a": 1}, "evidence": {}}),
            Act::RecordPackage { package: json!({"a": 1}), evidence: json!({}) },
        ),
        (
            json!({"act": "keep", "kind": "drill", "key": "close-gates", "body": {}}),
            Act::Keep { kind: DocumentKind::Drill, key: "close-gates".to_owned(), body: json!({}) },
        ),
        (
            json!({"act": "close_item", "kind": "review_item", "key": "t1", "note": "looked at it"}),
            Act::CloseItem { kind: DocumentKind::ReviewItem, key: "t1".to_owned(), note: "looked at it".to_owned() },
        ),
        (json!({"act": "want", "wanted": {"want": "prune"}}), Act::Want { wanted: Wanted::Prune }),
        (json!({"act": "withdraw", "work": "w-1"}), Act::Withdraw { work: "w-1".parse().unwrap() }),
        (
            json!({"act": "take_use", "gates": ["bot_api_call"], "scope": {"channel": "phone"}, "what": "look"}),
            Act::TakeUse {
                gates: vec![Gate::BotApiCall],
                scope: Scope::channel(&"phone".parse().unwrap()),
                what: "look".to_owned(),
            },
        ),
    ] {
        assert_eq!(candor_web::act_to_json(&act)["act"], body["act"]);
        server.send(&Request::act(body.to_string())).await.ok();
        server.send(&Request::act(candor_web::act_to_json(&act).to_string())).await.ok();
        let expected = Input::Operator { act, origin: Origin::Operator };
        assert!(server.desk.inputs().ends_with(&[expected.clone(), expected]));
    }
    server
        .send(&Request::act(r#"{"act": "acknowledge", "notice": "n-1", "by": "me"}"#))
        .await
        .error(409, "no_incident");
    server.send(&Request::act(r#"{"act": "close_gate", "gate": "bot_api_call"}"#)).await.error(409, "gate_not_open");
    server.send(&Request::act(r#"{"act": "retry", "notice": "n-99"}"#)).await.error(404, "unknown_notice");
}

#[tokio::test]
async fn an_act_that_is_not_known_word_for_word_is_refused() {
    let server = Server::start().await;
    for body in [
        json!({"act": "retry"}),
        json!({"act": "retry", "notice": "n-1", "targets": "phone"}),
        json!({"act": "retry", "notice": "3"}),
        json!({"act": "delete_all"}),
        // Nobody opens a gate by word.
        json!({"act": "open_gate", "gate": "bot_api_call", "reason": "x", "lasts": "2h"}),
        json!({"act": "close_gate", "gate": "front_door"}),
        json!({"act": "approve", "signed": {"document": "{}"}}),
        json!({"act": "want", "wanted": {"want": "everything"}}),
        // A step of a pruning is no act from outside.
        json!({"act": "prune", "stretches": [[0, 1]]}),
        json!({"notice": "n-1"}),
        json!([]),
        json!(null),
    ] {
        server.send(&Request::act(body.to_string())).await.error(422, "bad_act");
    }
    server.send(&Request::act(r#"{"act": "test", "act": "test"}"#)).await.error(400, "bad_json");
    let large = json!({"act": "resolve", "notice": "n-1", "note": "x".repeat(ACT_BYTES_MAX)});
    server.send(&Request::act(large.to_string())).await.error(413, "too_large");
    let form = Request::act(r#"{"act": "test"}"#).without("Content-Type").header("Content-Type", "text/plain");
    server.send(&form).await.error(415, "unsupported_media_type");
    assert!(server.desk.inputs().is_empty());
}
