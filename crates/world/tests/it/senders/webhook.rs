//! `webhook` against a receiver that misbehaves.

use std::time::Duration;

use candor_core::notice::Outcome;
use candor_world::senders::{HTTP_BODY_BYTES_MAX, HttpPool};
use sha2::{Digest, Sha256};

use super::{
    KEY, bind, holds_the_truth, message, now, open, secret_file, send, send_attempt,
    sink::{Act, Reply, Seen, Sink},
    target, word,
};

fn webhook(sink: &Sink) -> String {
    format!("{{name: ops, sender: webhook, url: 'http://127.0.0.1:{}/hook'}}", sink.port)
}

fn impatient(sink: &Sink) -> String {
    format!("{{name: ops, sender: webhook, url: 'http://127.0.0.1:{}/hook', timeout: 300ms}}", sink.port)
}

fn answers(status: u16) -> Reply {
    Reply::Answer(status, Vec::new(), String::new())
}

fn answers_with(status: u16, name: &'static str, value: &str) -> Reply {
    Reply::Answer(status, vec![(name, value.to_owned())], String::new())
}

/// A date in the form that HTTP wants, so long after the server's own.
const SERVER_DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const SEVEN_SECONDS_LATER: &str = "Sun, 06 Nov 1994 08:49:44 GMT";

#[tokio::test]
async fn every_answer_and_fault_has_its_outcome_and_none_lies() {
    let sink = Sink::start().await;
    let (patient, impatient) = (bind(&webhook(&sink)), bind(&impatient(&sink)));
    // What the receiver did, whether it kept the message, and what the receipt may say.
    let cases: Vec<(&str, bool, Reply, &str)> = vec![
        ("200", true, answers(200), "proved stored"),
        ("201", true, answers(201), "proved stored"),
        ("202", true, answers(202), "proved stored"),
        ("204", true, answers(204), "proved stored"),
        ("200 and a huge body", true, Reply::HugeBody(200, 4 * HTTP_BODY_BYTES_MAX), "proved stored"),
        ("200 and bad JSON", true, Reply::Answer(200, Vec::new(), "{not json".to_owned()), "proved stored"),
        ("200 and half a body", true, Reply::BreakInBody(200), "proved stored"),
        ("200 and a body that stalls", true, Reply::StallInBody(200), "proved stored"),
        ("301", false, answers_with(301, "location", "http://127.0.0.1:1/elsewhere"), "refused bad_configuration"),
        ("307", false, answers_with(307, "location", "/elsewhere"), "refused bad_configuration"),
        ("304", false, answers(304), "refused bad_configuration"),
        ("400", false, answers(400), "refused message_refused"),
        ("401", false, answers(401), "failed"),
        ("403", false, answers(403), "failed"),
        ("404", false, answers(404), "failed"),
        ("405", false, answers(405), "refused bad_configuration"),
        ("408", false, answers(408), "failed"),
        ("409, has it already", true, answers(409), "unknown"),
        ("410", false, answers(410), "refused no_such_destination"),
        ("413", false, answers(413), "refused message_refused"),
        ("422", false, answers(422), "refused message_refused"),
        ("425", false, answers_with(425, "retry-after", "3"), "failed, wait 3000"),
        ("429", false, answers(429), "rate_limited"),
        ("429 in seconds", false, answers_with(429, "retry-after", "3600"), "rate_limited, wait 3600000"),
        (
            "429 by date",
            false,
            Reply::Answer(
                429,
                vec![("retry-after", SEVEN_SECONDS_LATER.to_owned()), ("date", SERVER_DATE.to_owned())],
                String::new(),
            ),
            "rate_limited, wait 7000",
        ),
        ("429 with nonsense", false, answers_with(429, "retry-after", "soon"), "rate_limited"),
        ("503 in seconds", false, answers_with(503, "retry-after", "2"), "rate_limited, wait 2000"),
        ("500 after it kept the message", true, answers(500), "unknown"),
        ("500", false, answers(500), "unknown"),
        ("502 with a page", true, Reply::Answer(502, Vec::new(), "<html>Bad Gateway</html>".to_owned()), "unknown"),
        ("504", true, answers(504), "unknown"),
        ("500 and half a body", true, Reply::BreakInBody(500), "unknown"),
        ("drop before the body", false, Reply::DropBeforeBody, "unknown"),
        ("drop after the body", false, Reply::DropAfterBody, "unknown"),
        ("drop after it kept the message", true, Reply::DropAfterBody, "unknown"),
        ("hang after it kept the message", true, Reply::Hang, "unknown"),
        ("200, late", true, Reply::Late(Duration::from_millis(50), 200, String::new()), "proved stored"),
        ("garbage", true, Reply::Garbage, "unknown"),
    ];
    for (case, keeps, reply, expected) in cases {
        let binding = if reply.waits_for_the_timeout() { &impatient } else { &patient };
        sink.acts(Act { keeps, reply });
        let answer = send(binding).await;
        assert_eq!(word(&answer.outcome), expected, "{case}: {answer:?}");
        assert!(!answer.simulated, "{case}");
        holds_the_truth(case, &answer, sink.kept());
        assert!(sink.seen().len() <= 1, "{case}: one attempt is one request");
    }
}

#[tokio::test]
async fn refusals_that_may_pass_are_final_from_the_third_attempt_on() {
    let sink = Sink::start().await;
    let binding = bind(&webhook(&sink));
    for (status, last) in
        [(401, "refused bad_credential"), (403, "refused recipient_refused"), (404, "refused no_such_destination")]
    {
        sink.acts(Act { keeps: false, reply: answers(status) });
        assert_eq!(word(&send_attempt(&binding, 2).await.outcome), "failed", "{status}");
        assert_eq!(word(&send_attempt(&binding, 3).await.outcome), last, "{status}");
    }
}

#[tokio::test]
async fn where_nothing_can_have_left_it_failed() {
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: answers(200) });
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let refused = bind(&format!("{{name: ops, sender: webhook, url: 'http://127.0.0.1:{free}/hook'}}"));
    let no_tls = bind(&format!("{{name: ops, sender: webhook, url: 'https://127.0.0.1:{}/hook'}}", sink.port));
    for (case, binding) in [("connection refused", refused), ("no TLS there", no_tls)] {
        let answer = send(&binding).await;
        assert_eq!(word(&answer.outcome), "failed", "{case}: {answer:?}");
        assert_eq!((answer.status, answer.raw.as_deref()), (None, None), "{case}");
        holds_the_truth(case, &answer, sink.kept());
    }
}

#[tokio::test]
async fn what_is_sent_is_signed_by_every_secret_under_one_id_for_all_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
    let files = [secret_file(folder.path(), "new", keys[0]), secret_file(folder.path(), "old", keys[1])];
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: Reply::Answer(200, Vec::new(), r#"{"id":"rx-17"}"#.to_owned()) });
    let binding = bind(&format!(
        "{{name: ops, sender: webhook, url: 'http://127.0.0.1:{}/hook', secrets: [{{file: '{}'}}, {{file: '{}'}}]}}",
        sink.port, files[0], files[1]
    ));
    for attempt in [1, 2] {
        let answer = send_attempt(&binding, attempt).await;
        let Outcome::Proved { proof } = &answer.outcome else { panic!("{answer:?}") };
        assert_eq!(proof.provider_id.as_deref(), Some("rx-17"));
        assert_eq!((answer.status, answer.raw.as_deref()), (Some(200), Some(r#"{"id":"rx-17"}"#)));
    }
    let seen = sink.seen();
    assert_eq!(seen.len(), 2);
    for Seen { line, headers, body } in &seen {
        assert_eq!(line, "POST /hook HTTP/1.1");
        assert_eq!(headers["webhook-id"], KEY);
        assert_eq!(headers["content-type"], "application/json");
        assert!(headers["user-agent"].starts_with("candor/"), "{headers:?}");
        let mut map = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            map.insert(name, headers[name].parse().unwrap());
        }
        for key in keys {
            standardwebhooks::Webhook::new(key).unwrap().verify(body, &map).unwrap();
        }
        assert!(standardwebhooks::Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAA").unwrap().verify(body, &map).is_err());
        let json: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(json["type"], "reporting-governance.notice.raised");
        assert_eq!((&json["data"]["notice"], &json["data"]["key"]), (&"n-3".into(), &KEY.into()));
    }
    // What the receipt keeps as the payload's hash is the hash of what arrived.
    let hash: String = Sha256::digest(&seen[0].body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(binding.payload_sha256(&message(1)), hash);
}

#[tokio::test]
async fn a_rotated_secret_is_seen_and_an_unreadable_one_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret_file(folder.path(), "key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: answers(200) });
    let binding = bind(&format!(
        "{{name: ops, sender: webhook, url: 'http://127.0.0.1:{}/hook', secrets: [{{file: '{file}'}}]}}",
        sink.port
    ));
    send(&binding).await;
    secret_file(folder.path(), "key", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    send(&binding).await;
    let signatures: Vec<String> = sink.seen().iter().map(|seen| seen.headers["webhook-signature"].clone()).collect();
    assert_ne!(signatures[0], signatures[1]);

    for (bad, says) in [("", "no usable secret"), ("whsk_0123456789", "is not a signing secret")] {
        secret_file(folder.path(), "key", bad);
        let answer = send(&binding).await;
        assert_eq!(word(&answer.outcome), "refused secret_unreadable", "{answer:?}");
        assert!(format!("{answer:?}").contains(says), "{answer:?}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(word(&send(&binding).await.outcome), "refused secret_unreadable");
    assert_eq!(sink.seen().len(), 2);
    assert!(binding.warnings()[0].contains(&file), "{:?}", binding.warnings());
}

#[tokio::test]
async fn an_unsigned_request_is_allowed_and_said() {
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: answers(200) });
    let binding = bind(&webhook(&sink));
    send(&binding).await;
    assert!(!sink.seen()[0].headers.contains_key("webhook-signature"));
    assert!(binding.warnings()[0].contains("unsigned"), "{:?}", binding.warnings());
    assert!(binding.idempotent());
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let (sink, other) = (Sink::start().await, Sink::start().await);
    sink.acts(Act {
        keeps: false,
        reply: answers_with(308, "location", &format!("http://127.0.0.1:{}/x?t=1", other.port)),
    });
    let answer = send(&bind(&webhook(&sink))).await;
    let text = format!("{answer:?}");
    assert!(text.contains(&format!("http://127.0.0.1:{},", other.port)) && !text.contains("t=1"), "{text}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn targets_that_share_a_pool_share_connections() {
    let sink = Sink::start().await;
    sink.acts(Act { keeps: true, reply: answers(200) });
    let pool = HttpPool::default();
    for _ in 0..5 {
        let config = target(&webhook(&sink));
        let binding = candor_world::senders::Binding::from_config(&config, &pool).unwrap();
        binding.send(&mut open(), &message(1), &now).await;
    }
    assert_eq!((sink.seen().len(), sink.connections()), (5, 1));
}

/// On a machine without certificates a receiver on this machine is reached all the same, and an encrypted one fails in words, to be tried
/// again: what runs is two of the tests above, in a process that finds no certificates.
#[test]
fn a_machine_without_certificates_still_reaches_itself() {
    let folder = tempfile::tempdir().unwrap();
    for test in ["an_unsigned_request_is_allowed_and_said", "where_nothing_can_have_left_it_failed"] {
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("senders::webhook::{test}")])
            .env("SSL_CERT_FILE", folder.path().join("none"))
            .env("SSL_CERT_DIR", folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && text.contains("1 passed"), "{text}");
    }
}
