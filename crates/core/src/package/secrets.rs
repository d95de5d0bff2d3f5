//! Texts that look like a secret: what no package may hold.

/// Words with which secrets of known makers begin, and how many more characters make one.
const BEGINNINGS: [(&str, usize, &str); 14] = [
    ("PRIVATE+KEY+", 8, "a signing key of Candor"),
    ("whsec_", 16, "a webhook's signing key"),
    ("ghp_", 20, "a GitHub token"),
    ("gho_", 20, "a GitHub token"),
    ("ghs_", 20, "a GitHub token"),
    ("github_pat_", 20, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("xoxb-", 10, "a Slack token"),
    ("xoxp-", 10, "a Slack token"),
    ("xapp-", 10, "a Slack token"),
    ("sk-ant-", 16, "an API key"),
    ("sk-proj-", 16, "an API key"),
    ("AKIA", 16, "a cloud access key"),
    ("AIza", 30, "an API key"),
];
/// Words before a credential in a header, and how many characters without a space make one.
const BEFORE: [(&str, usize); 2] = [("bearer ", 20), ("basic ", 20)];
/// A bot token's parts: digits, a colon, and a tail.
const BOT_DIGITS_MIN: usize = 6;
const BOT_TAIL_MIN: usize = 30;

/// The first line, from 1, on which something looks like a secret, and what it looks like. Its text is never repeated.
pub(super) fn find(text: &str) -> Option<(usize, &'static str)> {
    text.lines().enumerate().find_map(|(at, line)| Some((at + 1, looks_like(line)?)))
}

fn looks_like(line: &str) -> Option<&'static str> {
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let begun = BEGINNINGS.iter().find(|(word, tail, _)| {
        line.match_indices(word).any(|(at, _)| {
            let starts = !line.get(..at).is_some_and(|before| before.ends_with(is_token));
            starts && line.get(at + word.len()..).is_some_and(|rest| run(rest) >= *tail)
        })
    });
    if let Some((_, _, what)) = begun {
        return Some(what);
    }
    let lower = line.to_ascii_lowercase();
    let after = |(word, least): &(&str, usize)| {
        lower.match_indices(word).any(|(at, _)| {
            let rest = lower.get(at + word.len()..).unwrap_or_default();
            let token = rest.get(..run(rest)).unwrap_or_default();
            token.len() >= *least && token.bytes().any(|byte| byte.is_ascii_digit())
        })
    };
    if BEFORE.iter().any(after) {
        return Some("a credential of a header");
    }
    if has_bot_token(line) {
        return Some("a bot's token");
    }
    has_user_info(line).then_some("a password in an address")
}

fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.~+/=".contains(letter)
}

/// How many characters of a token a text begins with.
fn run(text: &str) -> usize {
    text.find(|letter: char| !is_token(letter)).unwrap_or(text.len())
}

fn has_bot_token(line: &str) -> bool {
    line.match_indices(':').any(|(colon, _)| {
        let before = line.get(..colon).unwrap_or_default();
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let after = line.get(colon + 1..).unwrap_or_default();
        let is_tail = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        digits >= BOT_DIGITS_MIN && after.find(|c| !is_tail(c)).unwrap_or(after.len()) >= BOT_TAIL_MIN
    })
}

/// `user:password@` after `://`.
fn has_user_info(line: &str) -> bool {
    line.match_indices("://").any(|(at, mark)| {
        let rest = line.get(at + mark.len()..).unwrap_or_default();
        let host = rest.split(['/', '?', ' ', '"', '\'', '`', ')']).next().unwrap_or_default();
        host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn what_looks_like_a_secret_is_found_with_its_line() {
        for (line, what) in [
            ("token: 123456789:AAExample_token-with-35-characters_", "a bot's token"),
            ("key: whsec_C2FVsBQIhrscChlQIMV+b5sSYs/ob7oD", "a webhook's signing key"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
            ("PRIVATE+KEY+builder+12345678+AQIDBAUG", "a signing key of Candor"),
            ("Authorization: Bearer abc.def-ghi.0123456789", "a credential of a header"),
            ("url: https://me:hunter2@example.org/x", "a password in an address"),
            ("ghp_0123456789abcdefghij0123456789abcdef", "a GitHub token"),
            ("id AKIAIOSFODNN7EXAMPLE", "a cloud access key"),
        ] {
            assert_eq!(find(&format!("# one\n{line}\n")), Some((2, what)), "{line}");
        }
    }

    #[test]
    fn ordinary_text_is_none() {
        for line in [
            "12:30:45 all basic tests of the bearer authentication passed",
            "`https://example.org/a?b=c`, user@example.org, 10:20",
            "`whsec_…`, `whsec_YOUR_KEY`, sk-1, ghp_short, PRIVATE+KEY+",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "token: {file: /home/me/.secrets/telegram-token}",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
    }
}
