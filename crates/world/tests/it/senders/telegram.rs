//! `telegram` against a Bot API in all of its moods.

use std::collections::BTreeMap;

use candor_core::notice::Outcome;
use serde_json::Value;

use super::{bind, bot_api, holds_the_truth, message, now, open, secret_file, send, sink::Sink, word};

const TOKEN: &str = "123456789:AAF0example-token-of-35-characters_";

fn telegram(sink: &Sink, token_file: &str, more: &str) -> String {
    let base = format!("http://127.0.0.1:{}", sink.port);
    format!("{{name: ops, sender: telegram, token: {{file: '{token_file}'}}, chat: 111, api_base: '{base}'{more}}}")
}

#[tokio::test]
async fn every_mode_has_its_outcome_and_none_lies() {
    let expected = BTreeMap::from([
        ("ok", "proved stored"),
        ("slowok", "proved stored"),
        ("400", "refused no_such_destination"),
        ("401", "refused bad_credential"),
        ("403", "refused recipient_refused"),
        ("404", "refused bad_credential"),
        ("429", "rate_limited, wait 2000"),
        ("429long", "rate_limited, wait 3600000"),
        ("429page", "rate_limited, wait 5000"),
        ("500", "failed"),
        ("500kept", "unknown"),
        ("502html", "unknown"),
        ("badjson", "unknown"),
        ("drop", "unknown"),
        ("drop_before", "unknown"),
        ("drop_after", "unknown"),
        ("hang", "unknown"),
        ("other_chat", "unknown"),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let token = secret_file(folder.path(), "token", TOKEN);
    for mode in bot_api::MODES {
        let sink = bot_api::start(mode).await;
        let more = if mode == "hang" { ", timeout: 300ms" } else { "" };
        let answer = send(&bind(&telegram(&sink, &token, more))).await;
        assert_eq!(word(&answer.outcome), expected[mode], "{mode}: {answer:?}");
        holds_the_truth(mode, &answer, sink.kept());
        assert!(sink.seen().len() <= 1, "{mode}: one attempt is one request");
    }
}

#[tokio::test]
async fn what_is_sent_is_plain_text_to_the_chat_and_the_proof_is_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let token = secret_file(folder.path(), "token", &format!("{TOKEN}\n"));
    let sink = bot_api::start("ok").await;
    let binding = bind(&telegram(&sink, &token, ", thread: 5"));
    let answer = send(&binding).await;
    let Outcome::Proved { proof } = answer.outcome else { panic!("{answer:?}") };
    assert_eq!((proof.provider_id.as_deref(), answer.status), (Some("1001"), Some(200)));
    assert!(answer.raw.unwrap().contains("\"message_id\":1001"));

    let seen = sink.seen().remove(0);
    assert_eq!(seen.line, format!("POST /bot{TOKEN}/sendMessage HTTP/1.1"));
    assert_eq!(seen.body, binding.payload(&message(1)));
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!((&body["chat_id"], &body["message_thread_id"]), (&111.into(), &5.into()));
    assert_eq!(body["link_preview_options"]["is_disabled"], true);
    assert!(body.get("parse_mode").is_none());
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("critical: nightly is silent") && text.ends_with("n-3 · task nightly"), "{text}");
    assert!(!binding.idempotent());
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let token = secret_file(folder.path(), "token", TOKEN);
    let sink = bot_api::start("ok").await;
    let binding = bind(&telegram(&sink, &token, ""));
    let long = candor_core::notice::Message { text: "🌒".repeat(4_000), ..message(1) };
    let answer = binding.send(&mut open(), &long, &now).await;
    assert_eq!(word(&answer.outcome), "proved stored");
    let body: Value = serde_json::from_slice(&sink.seen()[0].body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(text.encode_utf16().count() <= 4096 && text.contains("[cut here; the whole text is in notice n-3]"));
}

#[tokio::test]
async fn a_token_is_read_at_each_send_and_a_bad_one_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let token = secret_file(folder.path(), "token", TOKEN);
    let sink = bot_api::start("ok").await;
    let binding = bind(&telegram(&sink, &token, ""));
    send(&binding).await;
    secret_file(folder.path(), "token", "987654321:rotated");
    send(&binding).await;
    let lines: Vec<String> = sink.seen().into_iter().map(|seen| seen.line).collect();
    assert!(lines[0].contains(TOKEN) && lines[1].contains("bot987654321:rotated/"), "{lines:?}");

    secret_file(folder.path(), "token", "not/a bot?token");
    assert_eq!(word(&send(&binding).await.outcome), "refused bad_credential");
    std::fs::remove_file(&token).unwrap();
    let answer = send(&binding).await;
    assert_eq!(word(&answer.outcome), "refused secret_unreadable");
    assert!(format!("{answer:?}").contains(&token), "{answer:?}");
    assert_eq!(sink.seen().len(), 2);
}

#[tokio::test]
async fn where_nothing_can_have_left_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let token = secret_file(folder.path(), "token", TOKEN);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let base = format!("http://127.0.0.1:{free}");
    let binding =
        bind(&format!("{{name: ops, sender: telegram, token: {{file: '{token}'}}, chat: 111, api_base: '{base}'}}"));
    assert_eq!(word(&send(&binding).await.outcome), "failed");
}
