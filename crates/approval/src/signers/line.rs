//! One line of `allowed_signers`: `NAME[,NAME…] [options] KEY-TYPE KEY [comment]`.

use candor_core::{limits::ID_BYTES_MAX, time::Timestamp};
use ssh_key::{Algorithm, EcdsaCurve, PublicKey, public::KeyData};

use super::{OwnerKey, RSA_BITS_MIN, SignersFault};

/// The key types that OpenSSH knows begin so; an option never does.
const KEY_TYPES: [&str; 4] = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];

/// Reads a line; none for a blank one and for a comment.
pub(super) fn parse(line: usize, text: &str) -> Result<Option<OwnerKey>, SignersFault> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (names, rest) = principals(text)?;
    let (options, rest) = match word(rest)? {
        (first, _) if is_key_type(first) => (Options::default(), rest),
        (first, rest) => (Options::parse(first)?, rest),
    };
    let (kind, rest) = word(rest)?;
    let (key, _comment) = word(rest)?;
    let key = key_of(kind, key)?;
    let Options { namespaces, from, until } = options;
    Ok(Some(OwnerKey { line, names, key, namespaces, from, until }))
}

/// The names, which may stand in quotation marks, and what follows them.
fn principals(text: &str) -> Result<(Vec<String>, &str), SignersFault> {
    let (list, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or(SignersFault::Quotation)?,
        None => text.split_once([' ', '\t']).ok_or(SignersFault::Form)?,
    };
    let mut names = Vec::new();
    for name in list.split(',') {
        if name.is_empty() || name.len() > ID_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(SignersFault::Name(shown(name)));
        }
        if name.starts_with('!') || name.contains(['*', '?']) {
            return Err(SignersFault::Pattern(shown(name)));
        }
        if !names.iter().any(|one| one == name) {
            names.push(name.to_owned());
        }
    }
    Ok((names, rest))
}

/// The next word, in which quotation marks keep spaces together, and what follows it.
fn word(text: &str) -> Result<(&str, &str), SignersFault> {
    let text = text.trim_start_matches([' ', '\t']);
    let mut quoted = false;
    let end = text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (!quoted && (c == ' ' || c == '\t')).then_some(at)
    });
    match (text.is_empty(), end) {
        (true, _) => Err(SignersFault::Form),
        (false, None) if quoted => Err(SignersFault::Quotation),
        (false, end) => Ok(text.split_at(end.unwrap_or(text.len()))),
    }
}

fn is_key_type(word: &str) -> bool {
    KEY_TYPES.iter().any(|prefix| word.starts_with(prefix))
}

#[derive(Default)]
struct Options {
    namespaces: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, SignersFault> {
        let mut all = Self::default();
        for option in split_options(text) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            match (name.to_ascii_lowercase().as_str(), unquoted) {
                ("cert-authority", _) => return Err(SignersFault::Authority),
                ("namespaces", Some(list)) => set(&mut all.namespaces, list.to_owned(), "namespaces")?,
                ("valid-after", Some(at)) => set(&mut all.from, time(at)?, "valid-after")?,
                ("valid-before", Some(at)) => set(&mut all.until, time(at)?, "valid-before")?,
                _ => return Err(SignersFault::Option(shown(option))),
            }
        }
        match (all.from, all.until) {
            (Some(from), Some(until)) if from >= until => Err(SignersFault::Never),
            _ => Ok(all),
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), SignersFault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SignersFault::Twice(name)),
    }
}

/// At the commas outside of quotation marks.
fn split_options(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
}

/// `YYYYMMDD[HHMM[SS]]Z`.
fn time(text: &str) -> Result<Timestamp, SignersFault> {
    let wrong = || SignersFault::Time(shown(text));
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    let (date, (hour, minute, second)) = match digits.len() {
        8 => (digits, (Some("00"), Some("00"), Some("00"))),
        12 => (digits, (part(8, 10), part(10, 12), Some("00"))),
        14 => (digits, (part(8, 10), part(10, 12), part(12, 14))),
        _ => return Err(wrong()),
    };
    let (Some(year), Some(month), Some(day)) = (date.get(..4), date.get(4..6), date.get(6..8)) else {
        return Err(wrong());
    };
    let (Some(hour), Some(minute), Some(second)) = (hour, minute, second) else { return Err(wrong()) };
    let at = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().map_err(|_| wrong())?;
    if !text.ends_with('Z') {
        return Err(SignersFault::Zone(shown(text)));
    }
    Ok(at)
}

fn key_of(kind: &str, key: &str) -> Result<PublicKey, SignersFault> {
    if !is_key_type(kind) {
        return Err(SignersFault::Form);
    }
    let verified = kind.parse().is_ok_and(|algorithm: Algorithm| {
        matches!(
            algorithm,
            Algorithm::Ed25519
                | Algorithm::SkEd25519
                | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }
                | Algorithm::SkEcdsaSha2NistP256
                | Algorithm::Rsa { hash: None }
        )
    });
    if !verified {
        return Err(SignersFault::KeyType(shown(kind)));
    }
    let key = PublicKey::from_openssh(&format!("{kind} {key}")).map_err(|_| SignersFault::Key)?;
    if let KeyData::Rsa(rsa) = key.key_data()
        && rsa.key_size() < RSA_BITS_MIN
    {
        return Err(SignersFault::Small(rsa.key_size()));
    }
    Ok(key)
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Whether a list of patterns takes a text: one matches, and none that begins with `!` does (`match_pattern_list` of OpenSSH).
pub(super) fn matches_list(patterns: &str, text: &str) -> bool {
    let mut taken = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if matches(not, text) => return false,
            Some(_) => {}
            None => taken |= matches(pattern, text),
        }
    }
    taken
}

/// `*` stands for any text, `?` for one character. The last `*` alone is gone back to, so that no pattern takes long.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p = p.saturating_add(1);
            }
            (Some(one), _) if *one == b'?' || one == byte => (p, t) = (p.saturating_add(1), t.saturating_add(1)),
            (_, Some((at, from))) => {
                let next = from.saturating_add(1);
                star = Some((at, next));
                (p, t) = (at.saturating_add(1), next);
            }
            _ => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|left| *left == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_patterns_takes_what_openssh_takes() {
        for (list, text, taken) in [
            ("candor-approval", "candor-approval", true),
            ("candor-approval", "candor-audit", false),
            ("git,candor-*", "candor-approval", true),
            ("*,!candor-approval", "candor-approval", false),
            ("!candor-approval,*", "candor-approval", false),
            ("!git", "candor-approval", false),
            ("candor-?pproval", "candor-approval", true),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("*-approva*l", "candor-approval", true),
            ("", "candor-approval", false),
            ("*", "", true),
        ] {
            assert_eq!(matches_list(list, text), taken, "{list} {text}");
        }
    }
}
