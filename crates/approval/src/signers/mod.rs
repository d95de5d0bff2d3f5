//! Owners and their signatures: OpenSSH's `allowed_signers` (`ssh-keygen(1)`, ALLOWED SIGNERS) and SSHSIG (`PROTOCOL.sshsig`).
//!
//! Stricter than `ssh-keygen -Y verify` where an approval needs it: a line names one person (no pattern, no certificate authority), a key
//! stands for one owner, times are in UTC, RSA keys have [`RSA_BITS_MIN`] bits, and a hardware key was touched.

mod line;

use candor_core::{
    limits::{ALLOWED_SIGNERS_BYTES_MAX, OWNER_KEYS_MAX, SSH_SIGNATURE_BYTES_MAX},
    time::Timestamp,
};
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};
use thiserror::Error;

/// What an owner's signature is for. One made for anything else (a commit, a login, a bundle) approves nothing.
pub const NAMESPACE: &str = "candor-approval";

/// Smallest RSA key of an owner, in bits.
pub const RSA_BITS_MIN: u32 = 2048;

/// The one version of SSHSIG.
const VERSION: u32 = 1;
/// How many bytes follow a hardware key's signature: its flags and its counter.
const HARDWARE_TRAILER: usize = 5;
/// The flag by which a hardware key says that someone touched it.
const TOUCHED: u8 = 1;

/// Who may approve: the keys of an `allowed_signers` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    keys: Vec<OwnerKey>,
}

/// One line of the file: a key, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerKey {
    line: usize,
    names: Vec<String>,
    key: PublicKey,
    namespaces: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// The owner's name: the first of the line's principals, whichever key they used.
    pub principal: String,
    /// The key's fingerprint as `ssh-keygen -l` shows it, `SHA256:…`.
    pub key: String,
}

/// A line that can't be taken. Nobody is an owner then: half a list of owners would be a guess.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{why}", if *line == 0 { String::new() } else { format!("line {line}: ") })]
pub struct SignersError {
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub why: SignersFault,
}

/// What is wrong with a line of `allowed_signers`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignersFault {
    /// More bytes than are read.
    #[error("the file has more than {ALLOWED_SIGNERS_BYTES_MAX} bytes")]
    TooLarge,
    /// More keys than are read.
    #[error("the file has more than {OWNER_KEYS_MAX} keys")]
    TooMany,
    /// Not principals and a key.
    #[error("it is not `NAME [options] KEY-TYPE KEY`")]
    Form,
    /// A quotation without its end.
    #[error("a quotation has no end")]
    Quotation,
    /// A name that can't be one.
    #[error("`{0}` is not a name: it is empty, too long or has control characters")]
    Name(String),
    /// A pattern for a name.
    #[error("`{0}` is a pattern; an approval needs to know who gave it, so write one line per owner with their name")]
    Pattern(String),
    /// An authority that may name owners.
    #[error("`cert-authority` lets an authority make owners that no line names; write the owner's own key")]
    Authority,
    /// An option that isn't known.
    #[error("unknown option `{0}`; known are `namespaces`, `valid-after` and `valid-before`")]
    Option(String),
    /// An option that is there twice.
    #[error("option `{0}` is there twice")]
    Twice(&'static str),
    /// A time in no known form.
    #[error("`{0}` is not a time; write it as `20260131Z`, `202601311200Z` or `20260131120000Z`")]
    Time(String),
    /// A time that depends on a machine's zone.
    #[error("`{0}` depends on a machine's time zone; write it in UTC with a `Z` at its end")]
    Zone(String),
    /// Never valid.
    #[error("`valid-after` is not before `valid-before`, so that the key is never valid")]
    Never,
    /// A kind of key that isn't verified here.
    #[error(
        "keys of type `{0}` aren't verified here; use ssh-ed25519, sk-ssh-ed25519@openssh.com, ecdsa-sha2-nistp256, sk-ecdsa-sha2-nistp256@openssh.com or ssh-rsa"
    )]
    KeyType(String),
    /// Not a key.
    #[error("its key can't be read; copy the line from the `.pub` file again")]
    Key,
    /// An RSA key that is too small.
    #[error("its RSA key has {0} bits, and {RSA_BITS_MIN} are the least")]
    Small(u32),
    /// One key for two people.
    #[error("its key is that of `{0}` too; one key can't stand for two owners")]
    Shared(String),
    /// One name for two people.
    #[error("the name `{0}` stands for another owner too")]
    Ambiguous(String),
}

/// Why a signature isn't an owner's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// More bytes than are read.
    #[error("the signature has more than {SSH_SIGNATURE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not an SSH signature.
    #[error(
        "it is not an SSH signature, which begins with `-----BEGIN SSH SIGNATURE-----`; make it with `ssh-keygen -Y sign -n {NAMESPACE}`"
    )]
    Form,
    /// Made for something else.
    #[error("it was made for `{found}`, and not for `{asked}`; sign again with `-n {asked}`")]
    Namespace {
        /// What it was made for.
        found: String,
        /// What it should be made for.
        asked: String,
    },
    /// By a key that no owner has.
    #[error("it is by key {key}, which is no owner's; add it with `candor owner add`")]
    Unknown {
        /// The key's fingerprint.
        key: String,
    },
    /// Over other bytes, or changed since.
    #[error("it doesn't verify: `{principal}` signed other bytes than these, or the signature was changed")]
    Damaged {
        /// Whose key it names.
        principal: String,
    },
    /// By a hardware key that nobody touched.
    #[error("it is by a hardware key of `{principal}` that nobody touched; make the key without `no-touch-required`")]
    Untouched {
        /// Whose key it is.
        principal: String,
    },
    /// The owner's key isn't for this.
    #[error("the key of `{principal}` is for `{only}` only; see line {line} of allowed_signers")]
    NotFor {
        /// Whose key it is.
        principal: String,
        /// What it is for.
        only: String,
        /// Where that is said.
        line: usize,
    },
    /// The owner's key isn't valid yet.
    #[error("the key of `{principal}` is valid from {from} on; see line {line} of allowed_signers")]
    NotYet {
        /// Whose key it is.
        principal: String,
        /// From when.
        from: Timestamp,
        /// Where that is said.
        line: usize,
    },
    /// The owner's key isn't valid any more.
    #[error("the key of `{principal}` was valid until {until}; see line {line} of allowed_signers")]
    Over {
        /// Whose key it is.
        principal: String,
        /// Until when.
        until: Timestamp,
        /// Where that is said.
        line: usize,
    },
}

impl OwnerKey {
    /// Where the file has it, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The owner's name: the line's first.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Every name of the line, the owner's first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The key's type as OpenSSH writes it, `ssh-ed25519`.
    #[must_use]
    pub fn kind(&self) -> String {
        self.key.algorithm().as_str().to_owned()
    }

    /// Its fingerprint, `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.key)
    }

    /// Whether it lives in hardware that asks for a touch.
    #[must_use]
    pub fn hardware(&self) -> bool {
        hardware(&self.key.algorithm())
    }

    /// From when signatures by it count; none for always.
    #[must_use]
    pub fn valid_from(&self) -> Option<Timestamp> {
        self.from
    }

    /// The last moment at which signatures by it count; none for ever.
    #[must_use]
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether signatures made by it for `namespace` count at `at`.
    ///
    /// # Errors
    /// [`SignatureError`], which says why not.
    pub fn counts(&self, namespace: &str, at: Timestamp) -> Result<(), SignatureError> {
        let (principal, line) = (self.name().to_owned(), self.line);
        if let Some(only) = &self.namespaces
            && !line::matches_list(only, namespace)
        {
            return Err(SignatureError::NotFor { principal, only: only.clone(), line });
        }
        if let Some(from) = self.from
            && at < from
        {
            return Err(SignatureError::NotYet { principal, from, line });
        }
        // The last second counts as a whole, as it does for `ssh-keygen`.
        if let Some(until) = self.until
            && at.as_secs() > until.as_secs()
        {
            return Err(SignatureError::Over { principal, until, line });
        }
        Ok(())
    }
}

impl Owners {
    /// Reads an `allowed_signers` file. An empty one has no owners, and nothing can be approved.
    ///
    /// # Errors
    /// [`SignersError`] for the first line that isn't clear.
    pub fn parse(text: &str) -> Result<Self, SignersError> {
        let whole = |why| SignersError { line: 0, why };
        if text.len() > ALLOWED_SIGNERS_BYTES_MAX {
            return Err(whole(SignersFault::TooLarge));
        }
        let mut owners = Self::default();
        for (index, text) in text.lines().enumerate() {
            let line = index.saturating_add(1);
            let at_line = |why| SignersError { line, why };
            let Some(key) = line::parse(line, text).map_err(at_line)? else { continue };
            owners.fits(&key).map_err(at_line)?;
            owners.keys.push(key);
            if owners.keys.len() > OWNER_KEYS_MAX {
                return Err(whole(SignersFault::TooMany));
            }
        }
        Ok(owners)
    }

    /// One key, one owner; one name, one owner. Otherwise one person could pass for two.
    fn fits(&self, new: &OwnerKey) -> Result<(), SignersFault> {
        for old in self.keys.iter().filter(|old| old.name() != new.name()) {
            if old.key.key_data() == new.key.key_data() {
                return Err(SignersFault::Shared(old.name().to_owned()));
            }
            if let Some(both) = old.names.iter().find(|name| new.names.contains(name)) {
                return Err(SignersFault::Ambiguous(both.clone()));
            }
        }
        Ok(())
    }

    /// Whether nobody is an owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Every key, in the file's order.
    #[must_use]
    pub fn keys(&self) -> &[OwnerKey] {
        &self.keys
    }

    /// Each owner's name once, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.keys.iter().map(OwnerKey::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The name by which signatures of the owner called `name` are told; none when nobody is called so.
    #[must_use]
    pub fn called(&self, name: &str) -> Option<&str> {
        self.keys.iter().find(|key| key.names.iter().any(|one| one == name)).map(OwnerKey::name)
    }

    /// The owner's key that a `.pub` file or a line of `ssh-add -L` shows; none when it is no owner's.
    #[must_use]
    pub fn key_of(&self, public: &str) -> Option<&OwnerKey> {
        let shown = PublicKey::from_openssh(public.trim()).ok()?;
        self.keys.iter().find(|key| key.key.key_data() == shown.key_data())
    }

    /// Whose signature over `message` it is. `signature` is armored, as `ssh-keygen -Y sign` writes it; `at` is when it is to count.
    ///
    /// # Errors
    /// [`SignatureError`]: it is no signature, not for `namespace`, not an owner's, not over `message`, or its key doesn't count at `at`.
    pub fn verify(
        &self,
        namespace: &str,
        message: &[u8],
        signature: &str,
        at: Timestamp,
    ) -> Result<Signer, SignatureError> {
        if signature.len() > SSH_SIGNATURE_BYTES_MAX {
            return Err(SignatureError::TooLarge);
        }
        let signature = SshSig::from_pem(signature.trim()).map_err(|_| SignatureError::Form)?;
        if signature.version() != VERSION {
            return Err(SignatureError::Form);
        }
        if signature.namespace() != namespace {
            let found = signature.namespace().chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(SignatureError::Namespace { found, asked: namespace.to_owned() });
        }
        // Nothing is computed with a key that isn't an owner's.
        let by: Vec<_> = self.keys.iter().filter(|key| key.key.key_data() == signature.public_key()).collect();
        let Some(first) = by.first() else {
            return Err(SignatureError::Unknown { key: fingerprint(&PublicKey::from(signature.public_key().clone())) });
        };
        let principal = first.name().to_owned();
        if first.key.verify(namespace, message, &signature).is_err() {
            return Err(SignatureError::Damaged { principal });
        }
        if first.hardware() && !touched(signature.signature_bytes()) {
            return Err(SignatureError::Untouched { principal });
        }
        // A key may be there twice with other times: one line that takes it is enough, and the last one's reason is told.
        let counts = by.iter().map(|key| key.counts(namespace, at)).reduce(|before, next| before.or(next));
        counts.unwrap_or(Ok(())).map(|()| Signer { principal, key: first.fingerprint() })
    }
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn hardware(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256)
}

fn touched(signature: &[u8]) -> bool {
    let flags = signature.len().checked_sub(HARDWARE_TRAILER).and_then(|at| signature.get(at));
    flags.is_some_and(|flags| flags & TOUCHED != 0)
}

#[cfg(test)]
mod tests;
