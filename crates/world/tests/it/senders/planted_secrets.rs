//! Secrets are planted everywhere that a channel could echo them from; nothing that is kept or shown holds any part of them.

use candor_world::senders::{Binding, HttpPool};

use super::{
    message, now, open, secret_file,
    sink::{Act, Reply, Seen, Sink},
    target,
};

const TOKEN: &str = "123456789:AAF0planted-token-of-35-characters_";
const KEY: &str = "whsec_UGxhbnRlZFNlY3JldC9XaXRoK1NsYXNo";
const PASSWORD: &str = "planted-password";
const PATH: &str = "/T0/planted-path";
/// What must not be found. The last is `user:planted-password` in base64, as the request's own header carries it.
const NEEDLES: [&str; 8] = [
    "planted",
    "PLANTED",
    "123456789:AAF0",
    "UGxhbnRlZFNlY3Jld",
    "UGxhbnRlZFNlY3JldC9XaXRoK1NsYXNo",
    "C9XaXRo",
    "dXNlcjpwbGFudGVkLXBhc3N3b3Jk",
    "cGxhbnRlZC1wYXNzd29yZA",
];

/// The receiver throws back everything that it was sent, and what else it may know of the binding, in every place where text can stand.
fn echo(seen: &Seen, status: u16, knows: &str) -> Reply {
    let headers: Vec<String> = seen.headers.values().cloned().collect();
    let escaped = knows.replace('/', "\\/");
    let quoted = format!("{} {} {knows} {escaped}", seen.line, headers.join(" "));
    let object = format!(
        "{{\"ok\":false,\"error_code\":{status},\"id\":\"{knows}\",\"description\":\"{quoted}\",\"parameters\":null}}"
    );
    // Half of the answers are an object as the Bot API and a receiver with an id give it, half are not.
    let body = if status.is_multiple_of(2) { object } else { format!("{object} {quoted}") };
    Reply::Answer(status, vec![("location", format!("http://user:{PASSWORD}@127.0.0.1:1{PATH}?{TOKEN}"))], body)
}

fn check(case: &str, shown: &str) {
    for needle in NEEDLES {
        assert!(!shown.contains(needle), "{case}: {needle} is in {shown}");
    }
}

#[tokio::test]
async fn nothing_kept_or_shown_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    // Folders and files are named without the needles.
    let (token, key) = (secret_file(folder.path(), "t", TOKEN), secret_file(folder.path(), "k", KEY));
    let sink = Sink::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut answers = 0;
    for port in [sink.port, free] {
        let hook = format!("http://user:{PASSWORD}@127.0.0.1:{port}{PATH}?key={PASSWORD}");
        for (knows, yaml) in [
            (
                format!("{KEY} user:{PASSWORD}@ {PASSWORD} {PATH}"),
                format!("{{name: ops, sender: webhook, url: '{hook}', secrets: [{{file: '{key}'}}]}}"),
            ),
            (
                format!("{TOKEN} {}", TOKEN.split_once(':').unwrap().1),
                format!(
                    "{{name: ops, sender: telegram, token: {{file: '{token}'}}, chat: 1, \
                     api_base: 'http://127.0.0.1:{port}'}}"
                ),
            ),
        ] {
            let config = target(&yaml);
            let pool = HttpPool::default();
            let binding = Binding::from_config(&config, &pool).unwrap();
            for status in [200, 201, 302, 307, 400, 401, 403, 404, 409, 429, 500, 503, 599, 600] {
                let knows = knows.clone();
                sink.behaves(move |seen| Act { keeps: false, reply: echo(seen, status, &knows) });
                let answer = binding.send(&mut open(), &message(3), &now).await;
                check(&format!("{status}"), &format!("{answer:?}"));
                check(&format!("{status}"), &serde_json::to_string(&answer).unwrap());
                answers += 1;
            }
            for reply in [Reply::DropAfterBody, Reply::DropBeforeBody, Reply::Garbage] {
                sink.acts(Act { keeps: false, reply });
                let answer = binding.send(&mut open(), &message(1), &now).await;
                check("dropped", &format!("{answer:?}"));
            }
            check(
                "config",
                &format!("{config:?} {binding:?} {pool:?} {} {:?}", binding.describe(), binding.warnings()),
            );
            check("target", &format!("{:?}", config.target(Some(&binding))));
            check("payload", &String::from_utf8(binding.payload(&message(1))).unwrap());
        }
    }
    assert_eq!(answers, 56);
}

#[tokio::test]
async fn a_program_that_prints_what_looks_like_a_token_is_scrubbed() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("notify");
    let script = format!(
        "cat > '{}' <<'X'\n#!/bin/sh\necho 'curl https://api.telegram.org/bot{TOKEN}/x Authorization: Bearer {PASSWORD}' >&2\nexit 77\nX\nchmod 755 '{0}'",
        program.display()
    );
    assert!(std::process::Command::new("sh").args(["-c", &script]).status().unwrap().success());
    let config = target(&format!("{{name: ops, sender: command, program: '{}'}}", program.display()));
    let binding = Binding::from_config(&config, &HttpPool::default()).unwrap();
    let answer = binding.send(&mut open(), &message(1), &now).await;
    let text = format!("{answer:?}");
    assert!(text.contains("[redacted]") && answer.raw.is_some(), "{text}");
    check("command", &text);
}
