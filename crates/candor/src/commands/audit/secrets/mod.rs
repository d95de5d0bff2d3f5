//! Secrets in texts: known by their shape, as they are and as they are encoded.

use std::collections::BTreeSet;

use base64::{Engine as _, alphabet, engine::GeneralPurpose, engine::general_purpose::GeneralPurposeConfig};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// The shapes.
const RULES: &str = include_str!("rules.txt");
/// Largest compiled form of one shape, and of all together, in bytes.
const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What the search for all shapes at once may keep of its states, in bytes: with less it starts over again and again, and takes many times as long.
const STATES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often something may be encoded in something that is encoded.
const DEPTH_MAX: usize = 2;
/// Shortest run of letters that is looked at as base64 or hexadecimal of something, in bytes.
const RUN_BYTES_MIN: usize = 16;
/// Shortest text that a shape can fit, in bytes: `a+://b:cde@`.
const SECRET_BYTES_MIN: usize = 11;
/// Base64 whose rest, where it was cut, is left aside.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// What finds secrets.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    names: Vec<&'static str>,
    shapes: Vec<Regex>,
    any: RegexSet,
}

/// A secret that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Secret {
    /// The shape's name.
    pub(super) rule: &'static str,
    /// The secret itself, decoded where it was encoded. Never shown.
    pub(super) text: Vec<u8>,
}

impl Scanner {
    /// All shapes.
    ///
    /// # Errors
    /// When one doesn't compile: a test holds that all do.
    pub(super) fn new() -> Result<Self, regex::Error> {
        let rules = || RULES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
        let one = |shape| RegexBuilder::new(shape).unicode(false).size_limit(COMPILED_BYTES_MAX).build();
        let shapes = rules().map(|(_, shape)| one(shape)).collect::<Result<_, _>>()?;
        let any = RegexSetBuilder::new(rules().map(|(_, shape)| shape))
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(STATES_BYTES_MAX)
            .build()?;
        Ok(Self { names: rules().map(|(name, _)| name).collect(), shapes, any })
    }

    /// What is found in a text, as it is or encoded.
    pub(super) fn find(&self, text: &[u8]) -> BTreeSet<Secret> {
        let mut found = BTreeSet::new();
        if text.len() >= SECRET_BYTES_MIN {
            self.find_at(text, 0, &mut found);
        }
        found
    }

    fn find_at(&self, text: &[u8], depth: usize, found: &mut BTreeSet<Secret>) {
        for at in self.any.matches(text) {
            let (Some(rule), Some(shape)) = (self.names.get(at).copied(), self.shapes.get(at)) else { continue };
            found.extend(shape.find_iter(text).map(|one| Secret { rule, text: one.as_bytes().to_vec() }));
        }
        if depth < DEPTH_MAX {
            decoded(text).iter().for_each(|inner| self.find_at(inner, depth + 1, found));
        }
    }
}

/// What a text could be an encoding of, part by part: URL-encoded, hexadecimal, base64 in both alphabets, from whichever letter on.
fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    if text.contains(&b'%') {
        all.push(percent_decoded(text));
    }
    let runs = |fits: fn(&u8) -> bool| text.split(move |byte| !fits(byte)).filter(|run| run.len() >= RUN_BYTES_MIN);
    for from in 0..2 {
        let each = runs(u8::is_ascii_hexdigit).map(|run| hex_decoded(run.get(from..).unwrap_or_default()));
        all.push(each.collect::<Vec<_>>().join(&b'\n'));
    }
    for from in 0..4 {
        let each = runs(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte))
            .map(|run| base64_decoded(run.get(from..).unwrap_or_default()));
        all.push(each.collect::<Vec<_>>().join(&b'\n'));
    }
    all.retain(|inner| inner.len() >= RUN_BYTES_MIN / 2);
    all
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(first);
        }
    }
    out
}

fn hex_decoded(run: &[u8]) -> Vec<u8> {
    run.as_chunks::<2>().0.iter().filter_map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn base64_decoded(run: &[u8]) -> Vec<u8> {
    let standard: Vec<u8> = run
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    // One letter alone says nothing.
    let whole = if standard.len() % 4 == 1 { standard.len() - 1 } else { standard.len() };
    BASE64.decode(standard.get(..whole).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use super::*;

    /// A made-up secret of each shape. In two halves, so that no scanner of source code takes this file for a leak.
    pub(crate) const PLANTED: &[(&str, &str, &str)] = &[
        ("aws-access-key-id", "AKIA", "Q3EGTIHXKVNW2PLA"),
        ("github-token", "ghp_", "q8Wm2VtLx0RkZc5Hy7NbTd3JsPf9GaUe6oIr"),
        (
            "github-fine-grained-token",
            "github_",
            "pat_11ABCDEFG0aZbYcXdWeVfU_9TgSh8RiQj7PkOl6NmM5nLo4KpJq3IrHs2GtFu1EvDw0CxBy9AzZa8Yb7XcW",
        ),
        ("gitlab-token", "glpat-", "x7Kq9Zt2Lm4Wv8Rb3Nc5"),
        ("slack-token", "xoxb-", "1234567890-1234567890-AbCdEfGhIjKlMnOp"),
        ("slack-app-token", "xapp-", "1-A0123456789-1234567890123-0123456789abcdef0123456789abcdef"),
        ("slack-webhook", "https://hooks.slack.", "com/services/T00000000/B00000000/aBcDeFgHiJkLmNoP"),
        (
            "discord-webhook",
            "https://discord.com/api/",
            "webhooks/123456789012345678/aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
        ),
        ("telegram-bot-token", "123456789", ":AAF4kx0ZqWn7YbLcVtRmSgUdHjPeOiNwQxz"),
        ("stripe-secret-key", "sk_", "live_4eC39HqLyjWDarjtT1zdp7dc"),
        ("webhook-secret", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("google-api-key", "AIza", "SyD3kPq7XvLm2Zt9Rb4Wc8Ng5Hj1Fs6Ka0U"),
        ("google-oauth-secret", "GOCSPX-", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"),
        ("openai-key", "sk-proj-", "a1B2c3D4e5F6g7H8i9J0T3BlbkFJk1L2m3N4o5P6q7R8s9T0"),
        ("anthropic-key", "sk-ant-", "api03-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4"),
        ("hugging-face-token", "hf_", "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"),
        ("npm-token", "npm_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
        ("pypi-token", "pypi-", "AgEIcHlwaS5vcmcCJGExYjJjM2Q0LWU1ZjYtNzg5MC1hYmNkLWVmMTIzNDU2Nzg5MAAC"),
        ("digitalocean-token", "dop_", "v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("sendgrid-key", "SG.", "a1B2c3D4e5F6g7H8i9J0k1.a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V"),
        ("twilio-api-key", "SK", "0123456789abcdef0123456789abcdef"),
        ("shopify-token", "shpat_", "0123456789abcdef0123456789abcdef"),
        ("vault-token", "hvs.", "CAESIJlWh7xkq2Zt9Rb4Wc8Ng5Hj1F"),
        ("databricks-token", "dapi", "0123456789abcdef0123456789abcdef"),
        ("linear-key", "lin_", "api_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"),
        (
            "azure-storage-key",
            "AccountKey=",
            "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7==",
        ),
        ("age-identity", "AGE-SECRET-", "KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE6MUA"),
        ("private-key", "-----BEGIN ", "OPENSSH PRIVATE KEY-----"),
        (
            "json-web-token",
            "eyJhbGciOiJIUzI1NiJ9.",
            "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ),
        ("bearer-token", "Bearer ", "a1B2c3D4e5F6g7H8i9J0k1L2"),
        ("basic-credentials", "Authorization: ", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("url-with-password", "postgres://candor", ":correct-horse@db.internal/x"),
        (
            "candor-signing-key",
            "PRIVATE+",
            "KEY+candor-node-1a2b3c4d+5e6f7a8b+AZ3eM1q0bC2dE4fG6hI8jK0lM2nO4pQ6rS8tU0vW2xY",
        ),
    ];

    fn url_encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    /// The ways in which a secret can stand in a text.
    pub(crate) fn encodings(secret: &str) -> Vec<String> {
        use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
        let hex = candor_audit::hex(secret.as_bytes());
        let mut all = vec![
            secret.to_owned(),
            format!("said {secret}."),
            format!("x{secret}"),
            hex.clone(),
            hex.to_uppercase(),
            url_encoded(secret),
        ];
        for before in ["", "a", "ab", "key="] {
            let text = format!("{before}{secret}\n");
            all.extend([STANDARD.encode(&text), STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]);
            all.push(format!("data:text/plain;base64,{}", STANDARD.encode(&text)));
        }
        all.push(url_encoded(&STANDARD.encode(secret)));
        all.push(STANDARD.encode(candor_audit::hex(secret.as_bytes())));
        all
    }

    #[test]
    fn a_planted_secret_of_each_shape_is_found_however_it_is_written() {
        let scanner = Scanner::new().unwrap();
        let planted: BTreeSet<&str> = PLANTED.iter().map(|(rule, _, _)| *rule).collect();
        assert_eq!(
            planted,
            scanner.names.iter().copied().collect(),
            "a shape without a planted secret is tested by nothing"
        );
        for (rule, front, back) in PLANTED {
            let secret = format!("{front}{back}");
            for text in encodings(&secret) {
                let found = scanner.find(text.as_bytes());
                assert!(found.iter().any(|one| one.rule == *rule), "{rule}: {text}");
            }
        }
    }

    #[test]
    fn the_shortest_text_that_fits_a_shape_is_found() {
        let shortest = "a+://b:cde@";
        assert_eq!((shortest.len(), Scanner::new().unwrap().find(shortest.as_bytes()).len()), (SECRET_BYTES_MIN, 1));
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        let scanner = Scanner::new().unwrap();
        let hash = "d3b07384d113edec49eaa6238ad5ff00c86f0e7c2f1a2d2b0c4b2d7e9f3a1b5c";
        let texts = [
            "task nightly is done: 42 tests pass, see https://ci.example/runs/12345678:9?x=1",
            "the bearer of this note",
            "a skeleton key",
            "sk-learn",
            "Authorization is needed",
            "candor-node-1a2b3c4d+5e6f7a8b+AdF3+6jiHiP/+TWYVmB+4ad+18urfm66hPERQ1J+hBLN",
            "2026-11-28T22:28:06.569802Z e-1 d-2 reporting-governance.task.completed",
            hash,
            "-----BEGIN PUBLIC KEY-----",
            "https://example.org:8080/a@b",
            "%zz%4",
        ];
        for text in texts {
            assert_eq!(scanner.find(text.as_bytes()), BTreeSet::new(), "{text}");
        }
        for source in candor_core::pack::core_sources() {
            for (name, text) in &source.files {
                assert_eq!(scanner.find(text.as_bytes()), BTreeSet::new(), "{}/{name}", source.folder);
            }
        }
    }
}
