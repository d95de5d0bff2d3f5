//! The command line as it is kept: short, and without what may be a secret.

use std::ffi::OsString;

use candor_world::redact::Redactor;

/// Longest command line kept, in characters.
const COMMAND_CHARS_MAX: usize = 200;
/// A word longer than this, in bytes, is left out.
const WORD_BYTES_MAX: usize = 40;
/// A word of letters and digits mixed that is at least this long, in bytes, may be a token.
const TOKEN_BYTES_MIN: usize = 16;
/// Parts of flags whose value is a secret.
const SECRET_FLAGS: [&str; 7] = ["token", "secret", "passw", "key", "auth", "credential", "bearer"];
/// What stands where something was left out.
const LEFT_OUT: &str = "…";

/// The command line, shortened. Arguments may hold secrets, so only the program and what looks like a plain word are kept.
pub(super) fn command_line(command: &[OsString]) -> String {
    let mut words = Vec::new();
    let mut after_secret_flag = false;
    for (at, word) in command.iter().enumerate() {
        let word = word.to_string_lossy();
        let keep = at == 0 || (is_plain(&word) && !after_secret_flag);
        let flag = word.to_ascii_lowercase();
        after_secret_flag = flag.starts_with('-') && SECRET_FLAGS.iter().any(|part| flag.contains(part));
        words.push(if keep { word.into_owned() } else { LEFT_OUT.to_owned() });
    }
    Redactor::default().scrub(&words.join(" ")).chars().take(COMMAND_CHARS_MAX).collect()
}

fn is_plain(word: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    let (letters, digits) = (word.bytes().any(|b| b.is_ascii_alphabetic()), word.bytes().any(|b| b.is_ascii_digit()));
    let like_token = letters && digits && word.len() >= TOKEN_BYTES_MIN && !word.contains(['/', '.']);
    word.len() <= WORD_BYTES_MAX && word.bytes().all(known) && !like_token
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(words: &[&str]) -> String {
        command_line(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn plain_words_stay_and_what_may_be_a_secret_goes() {
        assert_eq!(kept(&["cargo", "nextest", "run", "-p", "candor-core"]), "cargo nextest run -p candor-core");
        assert_eq!(kept(&["sh", "-c", "curl -H 'x: y'"]), "sh -c …");
        assert_eq!(kept(&["deploy", "--token", "hunter2", "prod"]), "deploy --token … prod");
        assert_eq!(kept(&["deploy", "--password=hunter2"]), "deploy …");
        assert_eq!(kept(&["deploy", "ghp16C7e42F292c6912E7710"]), "deploy …");
        assert_eq!(kept(&["x", &"a ".repeat(500)]), "x …");
        assert!(kept(&vec!["word"; 500]).chars().count() <= COMMAND_CHARS_MAX);
    }
}
