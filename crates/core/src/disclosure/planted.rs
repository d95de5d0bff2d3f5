//! Made-up things of each shape, for the tests of all who scan.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

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
    ("candor-signing-key", "PRIVATE+", "KEY+candor-node-1a2b3c4d+5e6f7a8b+AZ3eM1q0bC2dE4fG6hI8jK0lM2nO4pQ6rS8tU0vW2xY"),
];

fn in_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The ways in which a secret can stand in a text.
pub(crate) fn encodings(secret: &str) -> Vec<String> {
    let hex = in_hex(secret);
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
    all.push(STANDARD.encode(in_hex(secret)));
    all
}
