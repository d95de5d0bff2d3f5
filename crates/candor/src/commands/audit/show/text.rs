//! Texts of others, made safe to look at: in a terminal and in a page.

use serde_json::Value;

use crate::approvals::shown;

/// Longest text that is shown whole, in characters.
pub(super) const TEXT_CHARS_MAX: usize = 1_000;

/// What stands in place of a value that was taken out.
pub(super) const TAKEN_OUT: &str = "\u{2588}\u{2588}\u{2588} (taken out)";

/// The text at a JSON pointer: empty where there is none.
pub(super) fn at(said: &Value, pointer: &str) -> String {
    said.pointer(pointer).map_or_else(String::new, of)
}

/// A value as a text for people: without what is never displayed, whoever wrote it.
pub(super) fn of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => shown::text(text),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("$redacted") => TAKEN_OUT.to_owned(),
        Value::Array(items) => items.iter().map(of).collect::<Vec<_>>().join(", "),
        other => shown::text(&other.to_string()),
    }
}

/// A text in which nothing acts: no control character, and none that turns the direction of what follows or isn't seen.
pub fn visible(text: &str) -> String {
    up_to(text, TEXT_CHARS_MAX)
}

/// The same with at most so many characters.
pub(super) fn up_to(text: &str, chars_max: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars();
    for letter in letters.by_ref().take(chars_max) {
        if letter == '\n' || !acts(letter) {
            shown.push(letter);
        } else {
            shown.push_str(&format!("[U+{:04X}]", u32::from(letter)));
        }
    }
    match letters.count() {
        0 => shown,
        more => format!("{shown} \u{2026} and {more} more characters"),
    }
}

/// Whether a character does something else than being seen (Unicode's bidirectional controls, and what has no width).
fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line.
pub(super) fn on_a_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
}

/// The text as it stands in HTML, in an element or in a quoted attribute.
pub(in crate::commands) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_in_a_text_acts() {
        assert_eq!(visible("a\u{202e}b\u{1b}[31m\r\nc\u{200b}"), "a[U+202E]b[U+001B][31m[U+000D]\nc[U+200B]");
        assert_eq!(html(r#"<script>"x"&'y'</script>"#), "&lt;script&gt;&quot;x&quot;&amp;&#39;y&#39;&lt;/script&gt;");
        let long = visible(&"x".repeat(TEXT_CHARS_MAX + 7));
        assert!(long.ends_with("and 7 more characters") && long.len() < TEXT_CHARS_MAX + 40);
        assert_eq!(of(&json!({"$redacted": "AAAA"})), TAKEN_OUT);
        assert_eq!(
            (of(&json!(["a", 1])), of(&json!(null)), of(&json!(true))),
            ("a, 1".into(), String::new(), "true".into())
        );
        assert_eq!(on_a_line(" a\n\n b "), "a / b");
        assert_eq!(visible("käse 🧀 日本"), "käse 🧀 日本");
    }
}
