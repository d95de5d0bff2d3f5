//! A node's Ed25519 key, in the text form of C2SP signed notes: `<name>+<key id>+<base64 of 0x01 and the key>`.
//!
//! <https://c2sp.org/signed-note>. The key id is the first four bytes of `SHA-256(name 0x0a 0x01 key)`, in hex.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// What a signed note calls Ed25519.
const ED25519: u8 = 1;

/// What a secret key begins with.
const SECRET: &str = "PRIVATE+KEY+";

/// The longest name of a key, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// A key that signs, with its name. Never shown; see [`NodeKey::public`].
#[derive(Clone)]
pub struct NodeKey {
    name: String,
    key: SigningKey,
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", self.public())
    }
}

/// A key that checks. It comes to a verifier from outside of what it checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name that a signed note can't carry.
    #[error("`{0}` is no name for a key; use 1 to {MAX_NAME_BYTES} characters without spaces and `+`")]
    Name(String),
    /// The text has not the three parts.
    #[error("`{0}` is no public key; it looks like `candor-node-1a2b3c4d+5e6f7a8b+AT…`, see `candor audit key`")]
    Shape(String),
    /// A secret key's text is damaged.
    #[error("this is no signing key; put the file back from a copy")]
    Secret,
    /// The key id in the text isn't that of the key.
    #[error("the id in `{0}` isn't that of its key; copy the whole line again")]
    Id(String),
}

impl NodeKey {
    /// The key of that name with this seed, 32 random bytes.
    ///
    /// # Errors
    /// When the name can't stand in a signed note.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<NodeKey, KeyError> {
        check_name(name)?;
        Ok(NodeKey { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// Reads what [`NodeKey::secret`] writes.
    ///
    /// # Errors
    /// When the text is no such key; it is not repeated in the error.
    pub fn from_secret(text: &str) -> Result<NodeKey, KeyError> {
        let mut parts = text.strip_prefix(SECRET).ok_or(KeyError::Secret)?.splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Secret);
        };
        let typed = STANDARD.decode(typed).map_err(|_| KeyError::Secret)?;
        let seed = typed.strip_prefix(&[ED25519]).and_then(|seed| seed.try_into().ok()).ok_or(KeyError::Secret)?;
        let key = NodeKey::from_seed(name, &seed)?;
        if crate::hex(&key.public().id()) == id { Ok(key) } else { Err(KeyError::Secret) }
    }

    /// The key as text, for its file and nothing else, in the form of Go's sumdb notes: `PRIVATE+KEY+<name>+<id>+<base64>`.
    #[must_use]
    pub fn secret(&self) -> String {
        let mut typed = vec![ED25519];
        typed.extend_from_slice(self.key.as_bytes());
        format!("{SECRET}{}+{}+{}", self.name, crate::hex(&self.public().id()), STANDARD.encode(typed))
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs bytes.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

impl PublicKey {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes by which a signed note names it.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        id
    }

    /// SHA-256 of the raw key in hex: how an envelope hints at it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::hex(&Sha256::digest(self.key.as_bytes()))
    }

    /// The raw key.
    #[must_use]
    pub fn raw(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` over `bytes` is this key's, by the strict rules: one signature, one encoding.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut typed = vec![ED25519];
        typed.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, crate::hex(&self.id()), STANDARD.encode(typed))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let shape = || KeyError::Shape(text.chars().take(200).collect());
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(shape());
        };
        check_name(name)?;
        let typed = STANDARD.decode(typed).map_err(|_| shape())?;
        let (&kind, raw) = typed.split_first().ok_or_else(shape)?;
        let raw: [u8; 32] = raw.try_into().map_err(|_| shape())?;
        if kind != ED25519 {
            return Err(shape());
        }
        let key = PublicKey { name: name.to_owned(), key: VerifyingKey::from_bytes(&raw).map_err(|_| shape())? };
        if crate::hex(&key.id()) == id { Ok(key) } else { Err(KeyError::Id(text.to_owned())) }
    }
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES;
    if fits && !name.chars().any(|letter| letter.is_whitespace() || letter == '+' || letter.is_control()) {
        Ok(())
    } else {
        Err(KeyError::Name(name.chars().take(MAX_NAME_BYTES).collect()))
    }
}
