//! What is taken out of a bundle, and the look whether it is gone.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use candor_audit::{
    bundle::{opening::Opening, verify::Source as _},
    canonical,
    commit::{places_where, redact, redact_copy},
    json::{self as strict, REDACTED_KEY},
    seal::MAX_BODY_BYTES,
};
use candor_core::disclosure::{self, Scanner};
use serde_json::Value;

use super::packed::InFile;
use crate::exit::{Exit, Failure};

/// Most texts that are taken out, secrets that were found included.
const TEXTS_MAX: usize = 1_000;
/// Shortest text that is taken out, in bytes: a shorter one stands everywhere by chance.
const TEXT_BYTES_MIN: usize = 4;
/// Largest file of texts, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// What is read at once of a finished bundle, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;
/// What is looked at twice where two of them meet, in bytes: more than an encoded secret has.
const OVERLAP_BYTES: usize = 16 * 1024;

/// What is taken out.
pub(super) struct Redactions {
    pointers: Vec<String>,
    /// Pointers at which something stood.
    met: BTreeSet<String>,
    texts: BTreeSet<Vec<u8>>,
    /// The texts in each form that they can stand in; none where there are none.
    forms: Option<AhoCorasick>,
    scanner: Option<&'static Scanner>,
    /// The shapes of the secrets that were found.
    rules: BTreeSet<&'static str>,
}

/// A record as it is shipped.
pub(super) struct Cut {
    /// Its bytes.
    pub(super) body: Vec<u8>,
    /// What opens them.
    pub(super) opening: Opening,
    /// JSON pointers of all that was removed from it, now or before.
    pub(super) redacted: Vec<String>,
}

impl Redactions {
    /// What stands at these pointers, the lines of that file, and what a scanner finds.
    pub(super) fn of(pointers: &[String], texts: Option<&PathBuf>, scan: bool) -> Result<Self, Failure> {
        let internal = |error: disclosure::ShapesError| Failure::new(Exit::Internal, error.to_string());
        let texts = texts.map(|path| self::texts(path)).transpose()?.unwrap_or_default();
        let mut all = Self {
            pointers: pointers.to_vec(),
            met: BTreeSet::new(),
            texts,
            forms: None,
            scanner: scan.then(disclosure::secrets).transpose().map_err(internal)?,
            rules: BTreeSet::new(),
        };
        all.learn()?;
        Ok(all)
    }

    /// Whether records must be looked at before anything is taken out: a secret that is found in one may stand in another, where its shape alone
    /// doesn't show it.
    pub(super) fn scans(&self) -> bool {
        self.scanner.is_some()
    }

    /// Looks for secrets in a record.
    pub(super) fn look(&mut self, body: &[u8]) -> Result<(), Failure> {
        let Some(scanner) = self.scanner else { return Ok(()) };
        let value = read(body)?;
        let mut found = BTreeSet::new();
        places_where(&value, &mut |leaf: &str| {
            found.extend(scanner.texts(leaf.as_bytes()));
            false
        });
        for secret in found {
            self.rules.insert(secret.rule);
            self.texts.insert(secret.text);
        }
        if self.texts.len() > TEXTS_MAX {
            return Err(Failure::new(Exit::Refused, format!("more than {TEXTS_MAX} secrets were found"))
                .hint("take out the fields that hold them by their JSON pointers, or export less"));
        }
        Ok(())
    }

    /// Takes in what was found so far.
    pub(super) fn learn(&mut self) -> Result<(), Failure> {
        let forms: BTreeSet<Vec<u8>> = self.texts.iter().flat_map(|text| forms(text)).collect();
        let built = (!forms.is_empty()).then(|| AhoCorasick::new(forms)).transpose();
        self.forms = built.map_err(|error| Failure::new(Exit::Refused, error.to_string()).hint("give fewer texts"))?;
        Ok(())
    }

    /// The shapes of the secrets that were found.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'static str> {
        self.rules.iter().copied()
    }

    /// A pointer at which nothing stood in any record that was cut.
    pub(super) fn unmet(&self) -> Option<&str> {
        self.pointers.iter().map(String::as_str).find(|at| !self.met.contains(*at))
    }

    /// Where something is taken out of this record.
    fn places(&mut self, value: &Value) -> BTreeSet<String> {
        // Nothing stands in what stands for a removed value.
        let stands = |at: &&String| value.pointer(at).is_some() && !at.ends_with(REDACTED_KEY);
        let named: BTreeSet<String> = self.pointers.iter().filter(stands).cloned().collect();
        self.met.extend(named.iter().cloned());
        let (forms, scanner) = (&self.forms, &self.scanner);
        let found = places_where(value, &mut |leaf: &str| {
            forms.as_ref().is_some_and(|forms| forms.is_match(leaf))
                || scanner.as_ref().is_some_and(|scanner| !scanner.texts(leaf.as_bytes()).is_empty())
        });
        named.into_iter().chain(found).collect()
    }

    /// A record without what is taken out. `before` are the pointers of what had been.
    pub(super) fn cut(&mut self, body: &[u8], opening: &Opening, before: &[String]) -> Result<Cut, Failure> {
        let whole = || Cut { body: body.to_vec(), opening: opening.clone(), redacted: before.to_vec() };
        if self.pointers.is_empty() && self.texts.is_empty() && self.scanner.is_none() {
            return Ok(whole());
        }
        let value = read(body)?;
        let here = self.places(&value);
        if here.is_empty() {
            return Ok(whole());
        }
        let redacted = match opening {
            Opening::Whole(nonce) => redact(nonce, &value, &here).map_err(|error| internal(&error))?,
            Opening::Redacted(salts) => redact_copy(&value, salts, &here).map_err(|error| internal(&error))?,
        };
        let all: BTreeSet<String> = here.into_iter().chain(before.iter().cloned()).collect();
        Ok(Cut {
            body: canonical::to_bytes(&redacted.copy),
            opening: Opening::Redacted(redacted.salts),
            redacted: all.into_iter().collect(),
        })
    }

    /// Refuses a finished bundle in which one of the texts still stands, or in which the scanner finds a secret.
    pub(super) fn left_in(&self, bundle: &Path) -> Result<(), Failure> {
        let unread = |error: std::io::Error| Failure::new(Exit::Store, format!("the bundle can't be read: {error}"));
        let file = InFile(bundle);
        if let Some(forms) = &self.forms
            && let Some(found) = forms.stream_find_iter(file.open().map_err(unread)?).next()
        {
            found.map_err(unread)?;
            return Err(still("one of the texts"));
        }
        let Some(scanner) = self.scanner else { return Ok(()) };
        let mut from = file.open().map_err(unread)?;
        let mut window: Vec<u8> = Vec::new();
        loop {
            let read = from.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut window).map_err(unread)?;
            if read == 0 {
                return Ok(());
            }
            if let Some(secret) = scanner.texts(&window).first() {
                return Err(still(&format!("a secret (`{}`)", secret.rule)));
            }
            window.drain(..window.len().saturating_sub(OVERLAP_BYTES));
        }
    }
}

fn still(what: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        format!(
            "{what} is still in the bundle, so it isn't kept: in a task id, a field's name, or cut in two by an escape"
        ),
    )
    .hint("take out what holds it by its JSON pointer, or export less")
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Store, format!("a record can't be cut: {error}"))
}

fn read(body: &[u8]) -> Result<Value, Failure> {
    strict::parse_copy(body, 64 * MAX_BODY_BYTES).map_err(|error| internal(&error))
}

/// The text as it can stand in a file.
fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let escaped = serde_json::to_string(&String::from_utf8_lossy(text)).unwrap_or_default();
    let inner = escaped.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned();
    let hex = candor_audit::hex(text);
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let in_url = |all: bool| -> String {
        text.iter()
            .map(|byte| if unreserved(byte) && !all { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    let url = [in_url(false), in_url(true)];
    let small = url.clone().map(|text| text.to_lowercase());
    let plain = [inner, hex.clone(), hex.to_uppercase()].into_iter().chain(url).chain(small).map(String::into_bytes);
    [text.to_vec()]
        .into_iter()
        .chain(plain)
        .chain(in_base64(text))
        .filter(|form| form.len() >= TEXT_BYTES_MIN)
        .collect()
}

/// The middle of the base64 of a text is the same whatever stands before and after it, for each of three offsets.
fn in_base64(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let engines = [STANDARD, URL_SAFE];
    let shifted = (0..3).flat_map(move |offset| engines.clone().map(|engine| (offset, engine)));
    shifted.filter_map(move |(offset, engine)| {
        let encoded = engine.encode([&vec![b' '; offset], text].concat()).into_bytes();
        let from = offset.div_ceil(3) * 4;
        let to = encoded.len().saturating_sub(4);
        encoded.get(from..to).filter(|middle| middle.len() >= 8).map(<[u8]>::to_vec)
    })
}

fn texts(path: &Path) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let unfit = |why: String| Failure::new(Exit::Usage, format!("`{}`: {why}", path.display()));
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| unfit(error.to_string()))?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unfit(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(unfit(format!("more than {FILE_BYTES_MAX} bytes")));
    }
    let texts: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if texts.is_empty() {
        return Err(unfit("there is no text in it, so nothing would be taken out".to_owned()));
    }
    if texts.len() > TEXTS_MAX {
        return Err(unfit(format!("more than {TEXTS_MAX} texts")));
    }
    match texts.iter().position(|text| text.len() < TEXT_BYTES_MIN) {
        Some(at) => Err(unfit(format!(
            "text {} is shorter than {TEXT_BYTES_MIN} bytes, which stands everywhere by chance",
            at + 1
        ))),
        None => Ok(texts.into_iter().map(|text| text.as_bytes().to_vec()).collect()),
    }
}

/// What core plants for its own tests of the scanner.
#[cfg(test)]
#[path = "../../../../core/src/disclosure/planted.rs"]
mod planted;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use candor_audit::commit::Nonce;
    use serde_json::json;

    use super::planted::{PLANTED, encodings};
    use super::*;

    fn scanning() -> Redactions {
        Redactions::of(&[], None, true).unwrap()
    }

    fn left(bytes: &[u8], redact: &Redactions) -> bool {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        redact.left_in(file.path()).is_err()
    }

    /// Each shape, each way of writing it, in a record with other values, and nothing but what must go goes.
    #[test]
    fn no_planted_secret_is_left_in_any_form_and_the_commitment_stays() {
        for (rule, front, back) in PLANTED {
            let secret = format!("{front}{back}");
            for text in encodings(&secret) {
                let value = json!({"kept": "all tests pass", "list": [1, {"said": text}], "n": 7});
                let (body, nonce) = (canonical::to_bytes(&value), Nonce([9; 32]));
                let mut redact = scanning();
                redact.look(&body).unwrap();
                redact.learn().unwrap();
                assert!(left(&body, &redact), "{rule}: the original isn't kept");
                let cut = redact.cut(&body, &Opening::Whole(nonce.clone()), &[]).unwrap();
                assert_eq!(cut.redacted, ["/list/1/said"], "{rule}: {text}");
                assert!(!left(&cut.body, &redact), "{rule}: {text}");
                assert!(redact.rules().any(|found| found == *rule));
                let before = Opening::Whole(nonce).commitment(&body).unwrap();
                assert_eq!(cut.opening.commitment(&cut.body).unwrap(), before, "{rule}");
                let again = redact.cut(&cut.body, &cut.opening, &cut.redacted).unwrap();
                assert_eq!((again.body, again.redacted), (cut.body, cut.redacted));
            }
        }
    }

    /// What was found in one record is looked for in all, also where its shape can't be seen.
    #[test]
    fn a_secret_that_was_found_is_gone_where_its_shape_is_not_seen() {
        let (_, front, back) = PLANTED.iter().find(|(rule, ..)| *rule == "url-with-password").unwrap();
        let secret = format!("{front}{back}");
        let body = |text: &str| canonical::to_bytes(&json!({ "said": text }));
        let mut redact = scanning();
        redact.look(&body(&secret)).unwrap();
        redact.learn().unwrap();
        for text in [secret.to_uppercase(), "harmless".to_owned()] {
            assert!(
                redact.cut(&body(&text), &Opening::Whole(Nonce([1; 32])), &[]).unwrap().redacted.is_empty(),
                "{text}"
            );
        }
        let found: Vec<u8> = redact.texts.iter().next().unwrap().clone();
        for form in forms(&found) {
            let text = format!("<{}>", String::from_utf8(form).unwrap());
            assert_eq!(
                redact.cut(&body(&text), &Opening::Whole(Nonce([1; 32])), &[]).unwrap().redacted,
                ["/said"],
                "{text}"
            );
        }
    }

    #[test]
    fn what_lies_across_two_reads_is_found() {
        let (_, front, back) = PLANTED.iter().find(|(rule, ..)| *rule == "github-token").unwrap();
        let secret = format!("{front}{back}");
        let redact = scanning();
        for at in [CHUNK_BYTES - 20, 2 * CHUNK_BYTES - OVERLAP_BYTES - 20] {
            for text in [secret.clone(), STANDARD.encode(&secret)] {
                let bytes = [vec![b'.'; at], text.into_bytes(), vec![b'.'; CHUNK_BYTES / 2]].concat();
                assert!(left(&bytes, &redact), "at {at}");
            }
        }
        assert!(!left(&vec![b'.'; 3 * CHUNK_BYTES], &redact));
    }

    #[test]
    fn too_many_secrets_and_texts_that_stand_everywhere_are_refused() {
        let mut redact = scanning();
        let tokens: Vec<String> = (0..=TEXTS_MAX).map(|no| format!("ghp_{no:036}")).collect();
        let told = redact.look(&canonical::to_bytes(&json!(tokens))).unwrap_err();
        assert!(told.message.contains("1000 secrets") && !told.message.contains("ghp_"), "{told}");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "long enough\nabc\n").unwrap();
        let told = Redactions::of(&[], Some(&file.path().to_owned()), false).err().unwrap();
        assert!(told.message.contains("text 2 is shorter than 4 bytes"), "{told}");
    }
}
