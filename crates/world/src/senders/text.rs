//! A message as plain text, within a channel's limit.

use candor_core::notice::Message;

/// Title, text, and a last line with the notice's and the task's id. A text that is too long is cut, with a mark that says so and names
/// the notice. The limit is in UTF-16 code units, as chat providers count.
pub(super) fn text(message: &Message, units_max: usize) -> String {
    let head = format!("{}: {}\n\n", message.severity.as_str(), message.title);
    let task = message.task.as_ref().map(|task| format!(" · task {task}")).unwrap_or_default();
    let foot = format!("\n\n{}{task}", message.notice);
    let whole = format!("{head}{}{foot}", message.text);
    if units(&whole) <= units_max {
        return whole;
    }
    let mark = format!("\n[cut here; the whole text is in notice {}]", message.notice);
    // A title is one line of limited length, so what is left for the text is never nothing.
    let room = units_max.saturating_sub(units(&mark) + units(&foot));
    let (mut kept, mut used) = (String::new(), 0);
    for letter in head.chars().chain(message.text.chars()) {
        used += letter.len_utf16();
        if used > room {
            break;
        }
        kept.push(letter);
    }
    format!("{kept}{mark}{foot}")
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use candor_core::{
        decision::Severity,
        ids::{Fence, NoticeNo},
        time::Timestamp,
    };

    use super::*;

    const TEXT_UNITS_MAX: usize = 4096;

    fn message(text: String) -> Message {
        Message {
            notice: NoticeNo(3),
            target: "phone".parse().unwrap(),
            attempt: 1,
            fence: Fence(1),
            key: "node/n-3/phone".to_owned(),
            severity: Severity::Critical,
            title: "nightly is silent".to_owned(),
            text,
            task: Some("nightly".parse().unwrap()),
            correlation: "c-1".parse().unwrap(),
            at: Timestamp::from_micros(0),
            covers: Vec::new(),
            maybe_repeat: false,
            failure_of: None,
        }
    }

    #[test]
    fn a_short_text_is_whole() {
        assert_eq!(
            text(&message("No checkpoint for 2h.".to_owned()), TEXT_UNITS_MAX),
            "critical: nightly is silent\n\nNo checkpoint for 2h.\n\nn-3 · task nightly"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_the_limit_with_a_mark() {
        let frame = units(&text(&message(String::new()), TEXT_UNITS_MAX));
        for letter in ["x", "é", "語", "🌒"] {
            let each = units(letter);
            let fits = (TEXT_UNITS_MAX - frame) / each;
            let whole = text(&message(letter.repeat(fits)), TEXT_UNITS_MAX);
            assert!(units(&whole) <= TEXT_UNITS_MAX && !whole.contains("[cut here"), "{letter}");

            let over = text(&message(letter.repeat(fits + 1)), TEXT_UNITS_MAX);
            assert!(over.ends_with("\n[cut here; the whole text is in notice n-3]\n\nn-3 · task nightly"), "{letter}");
            assert!(
                units(&over) <= TEXT_UNITS_MAX && units(&over) + each > TEXT_UNITS_MAX,
                "{letter}: {}",
                units(&over)
            );
        }
    }

    #[test]
    fn even_an_endless_title_fits() {
        let long = Message { title: "🌒".repeat(5_000), ..message("text".to_owned()) };
        assert!(units(&text(&long, TEXT_UNITS_MAX)) <= TEXT_UNITS_MAX);
    }
}
