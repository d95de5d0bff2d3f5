//! What is taken out of a bundle, and the look whether it is gone.

use std::{collections::BTreeSet, fs, io::Read as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor_audit::commit::places_where;
use serde_json::Value;

use super::export::ExportArgs;
use crate::exit::{Exit, Failure};

/// Most texts that are taken out.
const TEXTS_MAX: usize = 1_000;
/// Shortest text that is taken out, in bytes: a shorter one stands everywhere by chance.
const TEXT_BYTES_MIN: usize = 4;
/// Largest file of texts, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// What is read at once of a finished bundle, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

/// What is taken out.
pub(super) struct Redactions {
    pointers: Vec<String>,
    texts: Vec<String>,
}

impl Redactions {
    pub(super) fn of(args: &ExportArgs) -> Result<Self, Failure> {
        let texts = args.redact_texts.as_deref().map(texts).transpose()?.unwrap_or_default();
        Ok(Self { pointers: args.redact.clone(), texts })
    }

    pub(super) fn none() -> Self {
        Self { pointers: Vec::new(), texts: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pointers.is_empty() && self.texts.is_empty()
    }

    /// Where something is taken out of this record.
    pub(super) fn places(&self, value: &Value) -> BTreeSet<String> {
        let named = self.pointers.iter().filter(|at| value.pointer(at).is_some()).cloned();
        let found = places_where(value, |leaf| self.texts.iter().any(|text| leaf.contains(text.as_str())));
        named.chain(found).collect()
    }

    /// Refuses a finished bundle in which one of the texts still stands: as it is, in hexadecimal or in base64.
    pub(super) fn left_in(&self, bundle: &Path) -> Result<(), Failure> {
        if self.texts.is_empty() {
            return Ok(());
        }
        let forms: Vec<Vec<u8>> = self.texts.iter().flat_map(|text| forms(text)).collect();
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        let unread = |error: std::io::Error| Failure::new(Exit::Store, format!("the bundle can't be read: {error}"));
        let mut file = fs::File::open(bundle).map_err(unread)?;
        let mut window: Vec<u8> = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = file.read(&mut chunk).map_err(unread)?;
            if read == 0 {
                return Ok(());
            }
            window.extend_from_slice(chunk.get(..read).unwrap_or_default());
            let left = forms.iter().any(|form| window.windows(form.len()).any(|at| at == form.as_slice()));
            if left {
                return Err(Failure::new(
                    Exit::Refused,
                    "one of the texts is still in the bundle, so it isn't kept: in a task id, a field's name, or cut in two by an escape",
                )
                .hint("take those records out by `--redact POINTER`, or export less"));
            }
            // What could begin at the end of this chunk.
            window.drain(..window.len().saturating_sub(longest));
        }
    }
}

/// The text as it can stand in a file.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let escaped = serde_json::to_string(text).unwrap_or_default();
    let plain = escaped.trim_matches('"').to_owned();
    let hex = candor_audit::hex(text.as_bytes());
    // The middle of the base64 of a text is the same whatever stands before it, for each of three offsets.
    let shifted = (0..3).filter_map(|offset| {
        let padded = [&vec![b' '; offset], text.as_bytes()].concat();
        let encoded = STANDARD.encode(padded).into_bytes();
        let from = offset.div_ceil(3) * 4;
        let to = encoded.len().saturating_sub(4);
        encoded.get(from..to).filter(|middle| middle.len() >= 8).map(<[u8]>::to_vec)
    });
    [text.as_bytes().to_vec(), plain.into_bytes(), hex.into_bytes()].into_iter().chain(shifted).collect()
}

fn texts(path: &Path) -> Result<Vec<String>, Failure> {
    let unfit = |why: String| Failure::new(Exit::Usage, format!("`{}`: {why}", path.display()));
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| unfit(error.to_string()))?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unfit(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(unfit(format!("more than {FILE_BYTES_MAX} bytes")));
    }
    let texts: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if texts.len() > TEXTS_MAX {
        return Err(unfit(format!("more than {TEXTS_MAX} texts")));
    }
    match texts.iter().position(|text| text.len() < TEXT_BYTES_MIN) {
        Some(at) => Err(unfit(format!(
            "text {} is shorter than {TEXT_BYTES_MIN} bytes, which stands everywhere by chance",
            at + 1
        ))),
        None => Ok(texts),
    }
}
