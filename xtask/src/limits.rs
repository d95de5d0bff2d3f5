//! `cargo xtask limits`: writes docs/limits.md from the constants in core, so that users read the values that hold.

use std::fs;

use crate::shell::{TaskError, Trying, failed, read, root};

/// Where the limits are.
pub(crate) const SOURCE: &str = "crates/core/src/limits.rs";
/// Where users read them.
pub(crate) const PAGE: &str = "docs/limits.md";

/// Writes the page.
pub(crate) fn run() -> Result<bool, TaskError> {
    let Some(page) = page(&read(&root().join(SOURCE))?) else {
        return failed(format!("`{SOURCE}` holds a constant without a doc comment, or a value that can't be read"));
    };
    fs::write(root().join(PAGE), page).trying(format!("cannot write `{PAGE}`"))?;
    println!("wrote {PAGE}");
    Ok(true)
}

/// The page for this source; none where a constant has no doc comment or no plain value.
pub(crate) fn page(source: &str) -> Option<String> {
    let mut page = String::from(
        "# Limits\n\n\
         What comes from outside has a limit. What is beyond it is refused with an error that names the limit; nothing is cut silently.\n\
         `cargo xtask limits` writes this page from the source.\n\n\
         | Limit | Value | Meaning |\n| --- | --- | --- |\n",
    );
    let mut meaning = String::new();
    // rustfmt may break a constant over two lines.
    for line in source.replace("=\n", "= ").lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            meaning = if meaning.is_empty() { text.to_owned() } else { format!("{meaning} {text}") };
        } else if let Some(constant) = line.strip_prefix("pub const ") {
            let (name, rest) = constant.split_once(':')?;
            let value = rest.split_once('=')?.1.trim().trim_end_matches(';');
            if meaning.is_empty() {
                return None;
            }
            page.push_str(&format!("| `{name}` | {} | {meaning} |\n", spoken(value)?));
            meaning.clear();
        }
    }
    Some(page)
}

/// A value as a user reads it: `65 536`, or `2h`.
fn spoken(value: &str) -> Option<String> {
    if let Some(seconds) = value.strip_prefix("Duration::from_secs(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(duration(product(seconds)?));
    }
    if let Some(millis) = value.strip_prefix("Duration::from_millis(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(format!("{}ms", product(millis)?));
    }
    Some(grouped(product(value)?))
}

fn product(text: &str) -> Option<u64> {
    text.split('*')
        .map(|factor| factor.trim().replace('_', "").parse::<u64>().ok())
        .try_fold(1_u64, |all, factor| all.checked_mul(factor?))
}

/// In the largest unit of the configuration that leaves nothing over.
fn duration(seconds: u64) -> String {
    let (unit, length) = [("d", 86_400), ("h", 3_600), ("m", 60)]
        .into_iter()
        .find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length))
        .unwrap_or(("s", 1));
    format!("{}{unit}", seconds / length)
}

/// Thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{page, spoken};

    #[test]
    fn values_are_spoken_as_users_write_them() {
        assert_eq!(spoken("4 * 1024 * 1024").as_deref(), Some("4 194 304"));
        assert_eq!(spoken("1_000").as_deref(), Some("1 000"));
        assert_eq!(spoken("512").as_deref(), Some("512"));
        assert_eq!(spoken("Duration::from_secs(2 * 3600)").as_deref(), Some("2h"));
        assert_eq!(spoken("Duration::from_secs(366 * 24 * 3600)").as_deref(), Some("366d"));
        assert_eq!(spoken("Duration::from_secs(1)").as_deref(), Some("1s"));
        assert_eq!(spoken("OTHER + 1"), None);
    }

    #[test]
    fn a_constant_without_a_meaning_is_refused() {
        assert!(
            page("/// Most things.\npub const THINGS_MAX: usize = 3;\n")
                .is_some_and(|page| page.contains("| `THINGS_MAX` | 3 | Most things. |"))
        );
        assert_eq!(page("pub const THINGS_MAX: usize = 3;\n"), None);
    }
}
