//! One DSSE envelope around an in-toto statement that names the manifest by its digest.
//!
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>, <https://in-toto.io/Statement/v1>. A stranger checks it with
//! any DSSE implementation and the raw Ed25519 key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::{NodeKey, PublicKey};
use crate::{canonical, json as strict};

/// What the payload is.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What an in-toto statement calls itself.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The largest envelope, in bytes.
pub const MAX_ENVELOPE_BYTES: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// Why an envelope says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is no envelope.
    #[error("not an envelope: {0}")]
    Shape(String),
    /// The payload is of another type.
    #[error("the envelope holds `{0}`, not an in-toto statement")]
    Type(String),
    /// Nothing in it is signed by the key.
    #[error("the envelope isn't signed by the key `{0}`")]
    Unsigned(String),
    /// The statement is about something else.
    #[error("the signed statement is {0}")]
    Statement(&'static str),
}

/// The statement that the file `name` has this SHA-256, in hex.
#[must_use]
pub fn statement(name: &str, sha256: &str, predicate_type: &str, predicate: &Value) -> Value {
    json!({
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
}

/// The envelope around a statement, in canonical bytes.
#[must_use]
pub fn seal(statement: &Value, key: &NodeKey) -> Vec<u8> {
    let payload = canonical::to_bytes(statement);
    let public = key.public();
    canonical::to_bytes(&json!({
        "payload": STANDARD.encode(&payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": public.fingerprint(), "sig": STANDARD.encode(key.sign(&pae(&payload)))}],
    }))
}

/// The fingerprint of the key by which an envelope says that it is signed. A hint: nothing is checked, and it may say anything.
#[must_use]
pub fn hint(envelope: &[u8]) -> Option<String> {
    let envelope: Envelope = serde_json::from_slice(envelope).ok()?;
    envelope.signatures.into_iter().next().map(|signature| signature.keyid)
}

/// The SHA-256, in hex, of the file `name` that `key` signed a statement about.
///
/// # Errors
/// When it is not signed by that key, or says something else.
pub fn open(envelope: &[u8], key: &PublicKey, name: &str, predicate_type: &str) -> Result<String, EnvelopeError> {
    let shape = |why: String| EnvelopeError::Shape(why);
    let value = strict::parse(envelope, MAX_ENVELOPE_BYTES).map_err(|error| shape(error.to_string()))?;
    if canonical::to_bytes(&value) != envelope {
        return Err(shape("its bytes are not canonical".to_owned()));
    }
    let envelope: Envelope = serde_json::from_value(value).map_err(|error| shape(error.to_string()))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(EnvelopeError::Type(envelope.payload_type));
    }
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| shape("its payload is no base64".to_owned()))?;
    let signed = |signature: &Signature| -> bool {
        let bytes = STANDARD.decode(&signature.sig).ok().and_then(|bytes| bytes.try_into().ok());
        signature.keyid == key.fingerprint() && bytes.is_some_and(|bytes| key.verifies(&pae(&payload), &bytes))
    };
    // One signature and no other: whatever an envelope carries must be bound by something.
    if !matches!(envelope.signatures.as_slice(), [one] if signed(one)) {
        return Err(EnvelopeError::Unsigned(key.name().to_owned()));
    }
    let said: Value = serde_json::from_slice(&payload).map_err(|error| shape(error.to_string()))?;
    let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str);
    if text("/_type") != Some(STATEMENT) || text("/predicateType") != Some(predicate_type) {
        return Err(EnvelopeError::Statement("of another type"));
    }
    if said.pointer("/subject").and_then(Value::as_array).map(Vec::len) != Some(1)
        || text("/subject/0/name") != Some(name)
    {
        return Err(EnvelopeError::Statement("about another file"));
    }
    text("/subject/0/digest/sha256").map(str::to_owned).ok_or(EnvelopeError::Statement("without a digest"))
}

/// DSSE's pre-authentication encoding.
fn pae(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}
