#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use ssh_key::{
    LineEnding,
    private::Ed25519Keypair,
    public::{KeyData, SkEd25519},
};

use super::*;
use crate::fixtures::{self, sign};

const MESSAGE: &[u8] = b"{\"gates\":[\"bot_api_call\"]}";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIE5d1QJ4Zb+1ll+ty8Fyf4o+UKmd6HYJBfk34bR1oPU";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn fault(text: &str) -> (usize, SignersFault) {
    let error = Owners::parse(text).unwrap_err();
    (error.line, error.why)
}

#[test]
fn an_owners_signature_names_the_owner_and_the_key() {
    let (line, key) = fixtures::owner(1);
    let owners = Owners::parse(&format!("# who may approve\n\n{line}")).unwrap();
    let signer = owners.verify(NAMESPACE, MESSAGE, &fixtures::approve(&key, MESSAGE), now()).unwrap();
    assert_eq!(signer.principal, "owner-1@example.org");
    assert_eq!(signer.key, owners.keys()[0].fingerprint());
    assert_eq!(owners.keys()[0].line(), 3);
    // Ends of lines that a form or a mail changed are no reason to refuse.
    let pem = format!("\r\n{}\r\n", fixtures::approve(&key, MESSAGE).trim().replace('\n', "\r\n"));
    assert!(owners.verify(NAMESPACE, MESSAGE, &pem, now()).is_ok());
}

#[test]
fn nobody_is_an_owner_of_an_empty_file() {
    let (_, key) = fixtures::owner(1);
    for nothing in ["", "\n\n", "# nobody yet\n"] {
        let owners = Owners::parse(nothing).unwrap();
        assert!(owners.is_empty());
        let refused = owners.verify(NAMESPACE, MESSAGE, &sign(&key, NAMESPACE, MESSAGE), now()).unwrap_err();
        assert!(matches!(refused, SignatureError::Unknown { .. }), "{refused}");
    }
}

#[test]
fn a_signature_is_refused_with_its_reason() {
    let (line, key) = fixtures::owner(1);
    let (_, stranger) = fixtures::owner(2);
    let owners = Owners::parse(&line).unwrap();
    let why = |message: &[u8], pem: &str| owners.verify(NAMESPACE, message, pem, now()).unwrap_err();

    let good = sign(&key, NAMESPACE, MESSAGE);
    assert!(
        matches!(why(b"other", &good), SignatureError::Damaged { principal } if principal == "owner-1@example.org")
    );
    assert_eq!(
        why(MESSAGE, &sign(&key, "git", MESSAGE)),
        SignatureError::Namespace { found: "git".to_owned(), asked: NAMESPACE.to_owned() }
    );
    assert!(
        matches!(why(MESSAGE, &sign(&stranger, NAMESPACE, MESSAGE)), SignatureError::Unknown { key } if key.starts_with("SHA256:"))
    );
    for not in
        ["", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----", "ssh-ed25519 AAAA", &good[..good.len() / 2]]
    {
        assert_eq!(why(MESSAGE, not), SignatureError::Form, "{not}");
    }
    let long = format!("{good}{}", "\n".repeat(SSH_SIGNATURE_BYTES_MAX));
    assert_eq!(why(MESSAGE, &long), SignatureError::TooLarge);
}

#[test]
fn an_owners_key_counts_for_its_time_and_its_use() {
    let (line, key) = fixtures::owner(1);
    let pem = sign(&key, NAMESPACE, MESSAGE);
    let verify = |options: &str, at: Timestamp| {
        let owners = Owners::parse(&line.replacen(' ', &format!(" {options} "), 1)).unwrap();
        owners.verify(NAMESPACE, MESSAGE, &pem, at).map(|signer| signer.principal)
    };
    let whole = "valid-after=\"20260601Z\",valid-before=\"20260701120000Z\"";
    for (moment, good) in [
        ("2026-05-31T23:59:59Z", false),
        ("2026-06-01T00:00:00Z", true),
        ("2026-07-01T12:00:00.999999Z", true),
        ("2026-07-01T12:00:01Z", false),
    ] {
        assert_eq!(verify(whole, at(moment)).is_ok(), good, "{moment}");
    }
    assert!(matches!(verify(whole, at("2026-01-01T00:00:00Z")), Err(SignatureError::NotYet { line: 1, .. })));
    assert!(matches!(verify(whole, at("2027-01-01T00:00:00Z")), Err(SignatureError::Over { line: 1, .. })));
    assert!(verify("namespaces=\"git,candor-*\"", now()).is_ok());
    assert!(verify("NAMESPACES=\"candor-approval\"", now()).is_ok());
    assert!(matches!(verify("namespaces=\"git\"", now()), Err(SignatureError::NotFor { .. })));
}

#[test]
fn a_key_with_two_lines_counts_when_one_of_them_does() {
    let (line, key) = fixtures::owner(1);
    let pem = sign(&key, NAMESPACE, MESSAGE);
    let old = line.replacen(' ', " valid-before=\"20250101Z\" ", 1);
    let new = line.replacen(' ', " valid-after=\"20260101Z\" ", 1);
    for file in [format!("{old}{new}"), format!("{new}{old}")] {
        assert!(Owners::parse(&file).unwrap().verify(NAMESPACE, MESSAGE, &pem, now()).is_ok());
    }
}

#[test]
fn one_person_never_passes_for_two() {
    let (one, two) = (format!("ann@example.org {KEY}\n"), format!("bob@example.org {OTHER}\n"));
    assert_eq!(Owners::parse(&format!("{one}{two}")).unwrap().names(), ["ann@example.org", "bob@example.org"]);
    // Two keys of one owner are one owner.
    let keys = Owners::parse(&format!("{one}ann@example.org {OTHER}\n")).unwrap();
    assert_eq!((keys.keys().len(), keys.names()), (2, vec!["ann@example.org"]));
    // One key under two names, and one name under two owners, are neither.
    assert_eq!(
        fault(&format!("{one}bob@example.org {KEY}\n")),
        (2, SignersFault::Shared("ann@example.org".to_owned()))
    );
    assert_eq!(
        fault(&format!("{one}bob@example.org,ann@example.org {OTHER}\n")),
        (2, SignersFault::Ambiguous("ann@example.org".to_owned()))
    );
    // Other names of one line are the same person.
    let owners = Owners::parse(&format!("ann@example.org,ann@home {KEY}\n")).unwrap();
    assert_eq!((owners.called("ann@home"), owners.called("bob")), (Some("ann@example.org"), None));
}

#[test]
fn a_line_that_is_not_clear_is_refused_with_its_number() {
    for (line, why) in [
        (format!("*@example.org {KEY}"), SignersFault::Pattern("*@example.org".to_owned())),
        (format!("ann,!bob {KEY}"), SignersFault::Pattern("!bob".to_owned())),
        (format!("ann cert-authority {KEY}"), SignersFault::Authority),
        (format!("ann namespaces=\"git\",CERT-AUTHORITY {KEY}"), SignersFault::Authority),
        (format!("ann no-such {KEY}"), SignersFault::Option("no-such".to_owned())),
        (format!("ann namespaces=git {KEY}"), SignersFault::Option("namespaces=git".to_owned())),
        (format!("ann namespaces=\"a\",namespaces=\"b\" {KEY}"), SignersFault::Twice("namespaces")),
        (format!("ann valid-after=\"20260101\" {KEY}"), SignersFault::Zone("20260101".to_owned())),
        (format!("ann valid-after=\"soon\" {KEY}"), SignersFault::Time("soon".to_owned())),
        (format!("ann valid-after=\"20260230Z\" {KEY}"), SignersFault::Time("20260230Z".to_owned())),
        (format!("ann valid-after=\"2026010112Z\" {KEY}"), SignersFault::Time("2026010112Z".to_owned())),
        (format!("ann valid-after=\"20270101Z\",valid-before=\"20260101Z\" {KEY}"), SignersFault::Never),
        (format!("ann namespaces=\"git {KEY}"), SignersFault::Quotation),
        (format!("\"ann {KEY}"), SignersFault::Quotation),
        (format!(", {KEY}"), SignersFault::Name(String::new())),
        (format!("{} {KEY}", "a".repeat(200)), SignersFault::Name("a".repeat(64))),
        ("ann".to_owned(), SignersFault::Form),
        ("ann ssh-ed25519".to_owned(), SignersFault::Form),
        ("ann ssh-ed25519 AAAA".to_owned(), SignersFault::Key),
        (format!("ann {}", KEY.replace("ssh-ed25519", "ssh-rsa")), SignersFault::Key),
        ("ann ecdsa-sha2-nistp384 AAAA".to_owned(), SignersFault::KeyType("ecdsa-sha2-nistp384".to_owned())),
        ("ann ssh-dss AAAA".to_owned(), SignersFault::KeyType("ssh-dss".to_owned())),
        (
            "ann ssh-ed25519-cert-v01@openssh.com AAAA".to_owned(),
            SignersFault::KeyType("ssh-ed25519-cert-v01@openssh.com".to_owned()),
        ),
    ] {
        assert_eq!(fault(&format!("# owners\n{line}\n")), (2, why), "{line}");
    }
    let said = Owners::parse(&format!("*@example.org {KEY}")).unwrap_err().to_string();
    assert_eq!(
        said,
        "line 1: `*@example.org` is a pattern; an approval needs to know who gave it, so write one line per owner with their name"
    );
}

#[test]
fn a_file_has_its_limits() {
    let long = format!("# {}\n", "x".repeat(ALLOWED_SIGNERS_BYTES_MAX));
    assert_eq!(fault(&long), (0, SignersFault::TooLarge));
    let lines = |count: usize| format!("ann {KEY}\n").repeat(count);
    assert!(Owners::parse(&lines(OWNER_KEYS_MAX)).is_ok());
    assert_eq!(fault(&lines(OWNER_KEYS_MAX + 1)), (0, SignersFault::TooMany));
}

#[test]
fn names_may_stand_in_quotation_marks_and_comments_may_follow() {
    let owners = Owners::parse(&format!("\"Ann Example,ann\"\t{KEY} ann's \"laptop\n")).unwrap();
    assert_eq!(owners.keys()[0].names(), ["Ann Example", "ann"]);
}

#[test]
fn a_hardware_key_that_nobody_touched_is_told_by_its_flag() {
    let trailer = |flags: u8| [vec![9; 64], vec![flags, 0, 0, 0, 7]].concat();
    assert!(touched(&trailer(0b0101)) && touched(&trailer(1)));
    assert!(!touched(&trailer(0b0100)) && !touched(&[]) && !touched(&[1]));
}

fn raw(by: &impl ssh_key::SigningKey, bytes: &[u8]) -> ssh_key::Signature {
    by.try_sign(bytes).unwrap()
}

/// A hardware key's signature, made as the hardware makes it (`PROTOCOL.u2f`): it signs the digest of what OpenSSH signs, with its flags.
fn by_hardware(flags: u8) -> (String, String) {
    let pair = Ed25519Keypair::from_seed(&[7; 32]);
    let key = KeyData::from(SkEd25519::new(pair.public, "ssh:"));
    let inner = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, MESSAGE).unwrap();
    let trailer = [flags, 0, 0, 0, 7];
    let signed = [&HashAlg::Sha256.digest(b"ssh:")[..], &trailer, &HashAlg::Sha256.digest(&inner)].concat();
    let raw = raw(&ssh_key::PrivateKey::from(pair), &signed);
    let signature = ssh_key::Signature::new(Algorithm::SkEd25519, [raw.as_bytes(), &trailer].concat()).unwrap();
    let pem = SshSig::new(key.clone(), NAMESPACE, HashAlg::Sha512, signature).unwrap().to_pem(LineEnding::LF).unwrap();
    (format!("ann {}\n", PublicKey::from(key).to_openssh().unwrap()), pem)
}

#[test]
fn a_hardware_key_signs_when_it_was_touched() {
    let (line, pem) = by_hardware(TOUCHED);
    let owners = Owners::parse(&line).unwrap();
    assert!(owners.keys()[0].hardware());
    assert_eq!(owners.verify(NAMESPACE, MESSAGE, &pem, now()).unwrap().principal, "ann");
    assert!(matches!(owners.verify(NAMESPACE, b"other", &pem, now()), Err(SignatureError::Damaged { .. })));
    let (_, untouched) = by_hardware(0);
    assert!(matches!(owners.verify(NAMESPACE, MESSAGE, &untouched, now()), Err(SignatureError::Untouched { .. })));
}

#[test]
fn no_changed_byte_of_a_signature_passes() {
    let (line, key) = fixtures::owner(1);
    let owners = Owners::parse(&line).unwrap();
    let good = sign(&key, NAMESPACE, MESSAGE);
    let body = good.find('\n').unwrap() + 1..good.rfind("\n-----END").unwrap();
    for place in body {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        if let Ok(signer) = owners.verify(NAMESPACE, MESSAGE, &changed, now()) {
            panic!("byte {place} was changed, and {signer:?} still signed");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}", lines in prop::collection::vec("[a-z@*!,\" \t=#Z0-9-]{0,60}", 0..6)) {
        let _ = Owners::parse(&text);
        let _ = Owners::parse(&lines.join("\n"));
        let owners = Owners::parse(&fixtures::owner(1).0).unwrap();
        prop_assert!(owners.verify(NAMESPACE, MESSAGE, &text, now()).is_err());
    }
}
