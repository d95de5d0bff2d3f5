//! What channels answer. Whatever they say, `proved` needs what the channel's contract calls proof.

use candor_core::{notice::Outcome, time::Timestamp};
use candor_world::senders::{
    Ended, HttpAnswer, Run, Wire,
    command::{self, MayProve},
    openclaw_cli, retry_after_ms, telegram, webhook,
};

/// An answer from bytes: two for the status, one for what else differs, the rest is the body.
fn answer(bytes: &[u8]) -> (HttpAnswer, u8) {
    let (head, body) = bytes.split_at_checked(3).unwrap_or((&[1, 144, 0], bytes));
    let mut head = head.iter().copied();
    let mut next = || head.next().unwrap_or(0);
    let (status, rest) = (u16::from_be_bytes([next(), next()]), next());
    let retry_after_ms = (rest & 1 == 1).then(|| u64::from(rest) * 1_000);
    let location = (rest & 2 == 2).then(|| "https://example.org".to_owned());
    let answer = HttpAnswer { status, retry_after_ms, location, body: body.to_vec(), whole: rest & 4 == 0 };
    (answer, rest >> 3)
}

/// No shorter wait than the channel's.
fn keeps_the_floor(outcome: &Outcome, asked: Option<u64>) {
    if let Outcome::Failed { retry_after_ms: Some(kept), .. } | Outcome::RateLimited { retry_after_ms: Some(kept) } =
        outcome
    {
        assert!(asked.is_none_or(|asked| *kept >= asked), "waits {kept} ms where {asked:?} were asked for");
    }
}

pub(crate) fn webhook(bytes: &[u8]) {
    let (answer, attempt) = answer(bytes);
    let (status, asked) = (answer.status, answer.retry_after_ms);
    let outcome = webhook::classify(&Wire::Answered(answer), u32::from(attempt));
    if matches!(outcome, Outcome::Proved { .. }) {
        assert!((200..300).contains(&status), "status {status} is no proof");
    }
    keeps_the_floor(&outcome, asked);
}

pub(crate) fn telegram(bytes: &[u8]) {
    let (answer, which) = answer(bytes);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let asked = if which & 1 == 0 { telegram::Chat::Number(42) } else { telegram::Chat::Name("@watchers".to_owned()) };
    let outcome = telegram::classify(&Wire::Answered(answer), &asked);
    if matches!(outcome, Outcome::Proved { .. }) {
        // Keys may be written with escapes, which only makes the text longer than this needs.
        assert!(text.contains("true") && text.contains('{'), "proof without the API's own object: {text}");
    }
}

pub(crate) fn command(bytes: &[u8]) {
    let (code, stdout) = bytes.split_first().unwrap_or((&0, &[]));
    let run = Run { ended: Ended::Exited(i32::from(*code)), stdout: stdout.to_vec(), stderr: Vec::new() };
    let key = "n-1.ops";
    let outcome = command::classify(&run, key, MayProve::Stored);
    if matches!(outcome, Outcome::Proved { .. }) {
        assert_eq!(*code, 0, "exit code {code} is no proof");
        assert!(stdout.starts_with(b"{") || stdout.trim_ascii_start().starts_with(b"{"), "proof without an object");
    }
}

pub(crate) fn openclaw(bytes: &[u8]) {
    let (code, stdout) = bytes.split_first().unwrap_or((&0, &[]));
    let run = Run { ended: Ended::Exited(i32::from(*code)), stdout: stdout.to_vec(), stderr: stdout.to_vec() };
    if matches!(openclaw_cli::classify(&run, "111"), Outcome::Proved { .. }) {
        assert_eq!(*code, 0, "exit code {code} is no proof");
        assert!(stdout.trim_ascii_start().starts_with(b"{"), "proof without an object");
        // Keys may be written with escapes, which only makes the text longer than this needs.
        assert!(stdout.len() > r#"{"messageId":"1","dryRun":false}"#.len(), "proof without an id");
    }
}

/// Both forms, with and without a `Date`, one per line.
pub(crate) fn retry_after(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let (after, date) = (lines.next().unwrap_or_default(), lines.next());
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    let wait = retry_after_ms(after, date, now);
    if let Ok(seconds) = after.parse::<u64>()
        && after.bytes().all(|byte| byte.is_ascii_digit())
    {
        assert_eq!(wait, Some(seconds.saturating_mul(1_000)), "seconds are taken as they are");
    }
}
