//! The read-back's conformance: each sender asks a channel that answers rightly, wrongly, late, half and not at all. What is found is there,
//! what is absent isn't, and nothing that isn't the channel's own word about this message is either.

use candor_approval::fixtures::keeper;
use candor_core::{
    gate::{GATES, Gate},
    limits::LINE_BYTES_MAX,
    read_back::{Question, ReadBack},
};
use candor_world::senders::{Binding, READ_BACK_FIELDS_MAX};

use super::{
    KEY, bind,
    command::write_program,
    gates::manager,
    message, now, open, secret_file,
    sink::{Act, Reply, Seen, Sink},
};

const TOKEN: &str = "123456789:AAF0planted-token-of-35-characters_";

fn question(provider_id: Option<&str>) -> Question {
    let message = message(1);
    let sent_at = message.at;
    Question { message, provider_id: provider_id.map(str::to_owned), sent_at }
}

async fn ask(binding: &Binding, provider_id: Option<&str>) -> ReadBack {
    binding.read_back(&mut open(), &question(provider_id), &now).await.unwrap()
}

/// Its word, with the level of a proof.
fn word(read: &ReadBack) -> String {
    match read {
        ReadBack::Found { proof, .. } => format!("found {}", proof.level.as_str()),
        other => other.as_str().to_owned(),
    }
}

/// The truths that hold for every read-back. `there` is whether the channel has the message.
fn holds_the_truth(case: &str, read: &ReadBack, there: bool) {
    match read {
        ReadBack::Found { proof, fields } => {
            assert!(there, "{case}: invented proof: {read:?}");
            assert_ne!(proof.level.as_str(), "human", "{case}: no channel proves a person");
            assert!(fields.len() <= READ_BACK_FIELDS_MAX, "{case}");
            assert!(fields.iter().all(|(name, value)| name.len().max(value.len()) <= LINE_BYTES_MAX), "{case}");
        }
        ReadBack::Absent { .. } => assert!(!there, "{case}: a false absent: {read:?}"),
        ReadBack::Unknown { why } | ReadBack::Unable { why } => assert!(!why.is_empty(), "{case}: no reason"),
    }
}

fn answers(status: u16, body: &str) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_owned())
}

/// Whatever a channel may do that says nothing, with the message there and without.
fn says_nothing(good: &str) -> Vec<(String, Reply)> {
    let mut all: Vec<(String, Reply)> = (100..600_u16)
        .step_by(1)
        .filter(|status| ![100, 101, 200, 204, 304, 400, 404].contains(status) && *status >= 200)
        .map(|status| (format!("status {status}"), answers(status, good)))
        .collect();
    all.extend([
        ("drop before".to_owned(), Reply::DropBeforeBody),
        ("drop after".to_owned(), Reply::DropAfterBody),
        ("garbage".to_owned(), Reply::Garbage),
        ("half a body".to_owned(), Reply::BreakInBody(200)),
        ("a stalled body".to_owned(), Reply::StallInBody(200)),
        ("silence".to_owned(), Reply::Hang),
        ("a huge body".to_owned(), Reply::HugeBody(200, 1 << 20)),
        ("a page".to_owned(), answers(200, "<html>it is there</html>")),
        ("nothing".to_owned(), answers(200, "")),
        ("an empty object".to_owned(), answers(200, "{}")),
        ("null".to_owned(), answers(200, "null")),
        ("half of it".to_owned(), answers(200, &good[..good.len() - 1])),
    ]);
    all
}

#[tokio::test]
async fn a_receiver_is_believed_for_this_key_only() {
    let sink = Sink::start().await;
    let target = format!(
        "{{name: ops, sender: webhook, url: 'http://127.0.0.1:{0}/hook', readback: 'http://127.0.0.1:{0}/notices/{{key}}', timeout: 150ms}}",
        sink.port
    );
    let binding = bind(&target);
    let text = serde_json::to_string(&message(1).text).unwrap();
    let stored = format!(r#"{{"id": "r-7", "key": "{KEY}", "received_at": "2026-11-25T08:00:00Z"}}"#);
    let whole = format!(r#"{{"type": "notice", "data": {{"key": "{KEY}", "text": {text}}}}}"#);
    for (case, there, reply, expected) in [
        ("it names the key", true, answers(200, &stored), "found stored"),
        ("it gives the message back", true, answers(200, &whole), "found read_back"),
        ("it lists it", true, answers(200, &format!("[{{\"key\":\"other\"}},{stored}]")), "found stored"),
        ("it has nothing", false, answers(404, ""), "absent"),
        ("it has nothing, and names the key", false, answers(404, &stored), "absent"),
        ("another key", false, answers(200, &stored.replace("n-3", "n-30")), "unknown"),
        ("a text that quotes the key", false, answers(200, &format!(r#"{{"error": "no {KEY}"}}"#)), "unknown"),
        ("a denial", false, answers(200, &stored.replace("\"id\": \"r-7\"", "\"found\": false")), "unknown"),
        (
            "an error beside the key",
            false,
            answers(200, &stored.replace("\"id\": \"r-7\"", "\"error\": \"gone\"")),
            "unknown",
        ),
        ("a denial around it", false, answers(200, &format!(r#"{{"ok": false, "asked": {stored}}}"#)), "unknown"),
    ] {
        sink.acts(Act { keeps: false, reply });
        let read = ask(&binding, None).await;
        assert_eq!(word(&read), expected, "{case}: {read:?}");
        holds_the_truth(case, &read, there);
    }
    for (case, reply) in says_nothing(&whole) {
        sink.acts(Act { keeps: false, reply });
        let read = ask(&binding, None).await;
        assert_eq!(word(&read), "unknown", "{case}: {read:?}");
    }
}

#[tokio::test]
async fn a_receiver_is_asked_with_a_signature_and_its_answer_is_kept_in_lines() {
    let folder = tempfile::tempdir().unwrap();
    let key = secret_file(folder.path(), "k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let sink = Sink::start().await;
    let binding = bind(&format!(
        "{{name: ops, sender: webhook, url: 'http://127.0.0.1:{0}/hook', readback: 'http://127.0.0.1:{0}/s3cret-path/{{key}}', secrets: [{{file: '{key}'}}]}}",
        sink.port
    ));
    let many: Vec<String> = (0..40).map(|n| format!("\"f{n:02}\": \"{}\"", "x".repeat(5_000))).collect();
    let many = format!(
        "{{\"key\": \"{KEY}\", \"echo\": \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\", {}}}",
        many[..8].join(", ")
    );
    sink.acts(Act { keeps: false, reply: answers(200, &many) });
    let read = ask(&binding, None).await;
    holds_the_truth("many fields", &read, true);
    let text = format!("{read:?} {binding:?}");
    assert!(text.contains("[redacted]") && !text.contains("MfKQ9r8") && !text.contains("s3cret-path"), "{text}");
    let seen: Vec<Seen> = sink.seen();
    assert!(seen[0].line.starts_with("GET /s3cret-path/node-1%2Fn-3%2Fops HTTP/1.1"), "{}", seen[0].line);
    assert!(seen[0].body.is_empty());
    assert_eq!(seen[0].headers["webhook-id"], KEY);
    let signed = standardwebhooks::Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let at: i64 = seen[0].headers["webhook-timestamp"].parse().unwrap();
    assert_eq!(seen[0].headers["webhook-signature"], signed.sign(KEY, at, b"").unwrap());
}

#[tokio::test]
async fn a_bot_api_knows_a_message_by_its_id_only() {
    let folder = tempfile::tempdir().unwrap();
    let token = secret_file(folder.path(), "t", TOKEN);
    let sink = Sink::start().await;
    let binding = bind(&format!(
        "{{name: ops, sender: telegram, token: {{file: '{token}'}}, chat: 42, api_base: 'http://127.0.0.1:{}', timeout: 150ms}}",
        sink.port
    ));
    let error =
        |words: &str| answers(400, &format!(r#"{{"ok":false,"error_code":400,"description":"Bad Request: {words}"}}"#));
    let text =
        "critical: nightly is silent\n\nNo checkpoint for 2h; the last one said \"halfway\".\n\nn-3 · task nightly";
    let edited = |id: i64, chat: i64, text: &str| {
        serde_json::json!({"ok": true, "result": {"message_id": id, "chat": {"id": chat}, "text": text}}).to_string()
    };
    let unchanged = "message is not modified: specified new message content and reply markup are exactly the same";
    for (case, there, reply, expected) in [
        ("not modified", true, error(unchanged), "found stored"),
        ("the message itself", true, answers(200, &edited(1001, 42, text)), "found read_back"),
        ("the message with another text", true, answers(200, &edited(1001, 42, "x")), "found stored"),
        ("gone", false, error("message to edit not found"), "absent"),
        ("another message", false, answers(200, &edited(1002, 42, text)), "unknown"),
        ("another chat", false, answers(200, &edited(1001, 43, text)), "unknown"),
        ("true", false, answers(200, r#"{"ok":true,"result":true}"#), "unknown"),
        ("no such chat", true, error("chat not found"), "unknown"),
        ("can't be edited", true, error("message can't be edited"), "unknown"),
        ("a 404", true, answers(404, r#"{"ok":false,"error_code":404,"description":"Not Found"}"#), "unknown"),
        ("not modified, as a page", false, answers(400, "message is not modified"), "unknown"),
    ] {
        sink.acts(Act { keeps: false, reply });
        let read = ask(&binding, Some("1001")).await;
        assert_eq!(word(&read), expected, "{case}: {read:?}");
        holds_the_truth(case, &read, there);
        let seen = sink.seen();
        assert!(seen[0].line.contains("/editMessageReplyMarkup "), "{}", seen[0].line);
        let body: serde_json::Value = serde_json::from_slice(&seen[0].body).unwrap();
        let asked = serde_json::json!({"chat_id": 42, "message_id": 1001, "reply_markup": {"inline_keyboard": []}});
        assert_eq!(body, asked, "it changes nothing about the message");
    }
    for (case, reply) in says_nothing(&edited(1001, 42, text)) {
        sink.acts(Act { keeps: false, reply });
        assert_eq!(word(&ask(&binding, Some("1001")).await), "unknown", "{case}");
    }
    // An outcome that isn't known has no id, and there is nothing to ask by.
    sink.behaves(|_| Act { keeps: false, reply: Reply::DropAfterBody });
    for id in [None, Some(""), Some("42/1001"), Some("x")] {
        let read = ask(&binding, id).await;
        assert!(matches!(&read, ReadBack::Unable { why } if why.contains("look into the chat")), "{read:?}");
    }
    assert!(sink.seen().is_empty(), "nothing was asked");
    // What a bot's server throws back is scrubbed.
    sink.acts(Act { keeps: false, reply: error(&format!("message is not modified by bot{TOKEN}")) });
    let text = format!("{:?}", ask(&binding, Some("1001")).await);
    assert!(text.contains("[redacted]") && !text.contains("planted"), "{text}");
}

#[tokio::test]
async fn a_program_is_believed_for_this_notice_and_no_further_than_it_may_prove() {
    let folder = tempfile::tempdir().unwrap();
    let run = async |lines: &str, more: &str| {
        let program = folder.path().join("look");
        write_program(&program, &format!("#!/bin/sh\n{lines}\n"));
        let binding = bind(&format!(
            "{{name: ops, sender: command, program: /bin/false, readback: '{}', timeout: 1s{more}}}",
            program.display()
        ));
        ask(&binding, None).await
    };
    let says = |level: &str| format!(r#"printf '{{"notice":"%s","level":"{level}","id":"x1"}}' "$CANDOR_NOTICE""#);
    let proves = ", may_prove: read_back";
    for (case, there, lines, more, expected) in [
        ("found", true, says("read_back"), proves, "found read_back"),
        ("stored", true, says("stored"), proves, "found stored"),
        ("capped", true, says("read_back"), ", may_prove: stored", "found stored"),
        ("it may prove nothing", true, says("read_back"), "", "unknown"),
        ("absent", false, says("absent"), "", "absent"),
        ("another notice", false, r#"printf '{"notice":"n-4","level":"read_back"}'"#.to_owned(), proves, "unknown"),
        ("nothing", false, "true".to_owned(), proves, "unknown"),
        ("words and an exit code", false, format!("{}; exit 1", says("read_back")), proves, "unknown"),
        ("absent and 75", true, format!("{}; exit 75", says("absent")), proves, "unknown"),
        ("absent and 77", true, format!("{}; exit 77", says("absent")), proves, "unknown"),
        ("killed", true, format!("{}; kill -9 $$", says("read_back")), proves, "unknown"),
        ("too long", true, format!("{}; sleep 5", says("absent")), proves, "unknown"),
    ] {
        let read = run(&lines, more).await;
        assert_eq!(word(&read), expected, "{case}: {read:?}");
        holds_the_truth(case, &read, there);
    }
    let read = run(&format!("cat > /dev/null; echo 'bot{TOKEN}' >&2; exit 3"), proves).await;
    assert!(!format!("{read:?}").contains("planted"), "{read:?}");
    let gone = bind("{name: ops, sender: command, program: /bin/false, readback: /nowhere/look}");
    assert_eq!(word(&ask(&gone, None).await), "unable");
    assert!(gone.warnings().concat().contains("/nowhere/look"));
}

#[tokio::test]
async fn openclaw_is_asked_for_the_latest_messages_where_it_can_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("openclaw");
    let text = "critical: nightly is silent\\n\\nNo checkpoint for 2h; the last one said \\\"halfway\\\".\\n\\nn-3 · task nightly";
    let said = format!(
        r#"{{"action":"read","payload":{{"ok":true,"messages":[{{"id":"7","ts":"1795593601.1","text":"{text}"}}]}}}}"#
    );
    let asked = folder.path().join("asked");
    write_program(&program, &format!("#!/bin/sh\nprintf '%s ' \"$@\" > '{}'\ncat <<'X'\n{said}\nX\n", asked.display()));
    let binding =
        bind(&format!("{{name: ops, sender: openclaw-cli, program: '{}', channel: slack, to: C1}}", program.display()));
    let read = ask(&binding, None).await;
    assert_eq!(word(&read), "found read_back", "{read:?}");
    holds_the_truth("slack", &read, true);
    let args = std::fs::read_to_string(asked).unwrap();
    assert_eq!(args, "message read --json --channel slack --target C1 --limit 20 ");
    for more in ["channel: telegram, to: 1", "channel: slack, to: C1, thread: 5"] {
        let binding = bind(&format!("{{name: ops, sender: openclaw-cli, program: '{}', {more}}}", program.display()));
        assert_eq!(word(&ask(&binding, None).await), "unable", "{more}");
        assert!(binding.read_back_gates().is_empty());
    }
}

#[tokio::test]
async fn truth_6_no_gate_no_question() {
    let sink = Sink::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (gives, port) = (manager(folder.path()), sink.port);
    let marks = folder.path().join("look");
    write_program(&marks, &format!("#!/bin/sh\ntouch '{}'\n", folder.path().join("ran").display()));
    let marks = marks.display();
    let but = |one: Gate| keeper(&GATES.iter().copied().filter(|gate| *gate != one).collect::<Vec<_>>());
    for yaml in [
        format!(
            "{{name: ops, sender: webhook, url: 'http://127.0.0.1:{port}/', readback: 'http://127.0.0.1:{port}/{{key}}', secrets: [{{command: ['{gives}']}}]}}"
        ),
        format!(
            "{{name: ops, sender: telegram, token: {{command: ['{gives}']}}, chat: 1, api_base: 'http://127.0.0.1:{port}'}}"
        ),
        format!("{{name: ops, sender: command, program: /bin/true, readback: '{marks}'}}"),
        format!(
            "{{name: ops, sender: openclaw-cli, program: '{marks}', channel: slack, to: 1, token: {{command: ['{gives}']}}}}"
        ),
    ] {
        let binding = bind(&yaml);
        let gates = binding.read_back_gates();
        assert_eq!(gates[0], Gate::CanonicalRuntimeReadback, "{yaml}");
        for gate in gates {
            let closed = binding.read_back(&mut but(gate), &question(Some("1")), &now).await.unwrap_err();
            assert_eq!(closed.gate, gate, "{yaml}");
        }
    }
    assert_eq!(sink.connections(), 0);
    for trace in ["asked", "ran"] {
        assert!(!folder.path().join(trace).exists(), "{trace}: something happened with a gate closed");
    }
    // What can't be asked says so, whatever the gates.
    for yaml in [
        "{name: ops, sender: dry-run}",
        "{name: ops, sender: shim, script: [{outcome: proved}]}",
        "{name: ops, sender: command, program: /bin/true}",
        "{name: ops, sender: webhook, url: 'https://example.org/x'}",
    ] {
        let read = bind(yaml).read_back(&mut keeper(&[]), &question(None), &now).await.unwrap();
        assert_eq!(word(&read), "unable", "{yaml}");
        holds_the_truth(yaml, &read, true);
    }
}
