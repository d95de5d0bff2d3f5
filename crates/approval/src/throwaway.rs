//! A key for rehearsals: it is an owner on a copy in memory, and gone with it.

use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};

use crate::signers::NAMESPACE;

/// Who signs in a rehearsal. No file names them, so that what they sign opens nothing anywhere else.
pub const REHEARSER: &str = "rehearsal@candor.invalid";

/// A key that lives as long as a rehearsal.
pub struct Throwaway(PrivateKey);

impl Throwaway {
    /// The key of a seed, which the caller drew at random.
    #[must_use]
    pub fn of(seed: &[u8; 32]) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(seed)))
    }

    /// The line of `allowed_signers` that makes it [`REHEARSER`]'s, with its end.
    ///
    /// # Errors
    /// When the key can't be written down: never for one of these.
    pub fn line(&self) -> Result<String, ssh_key::Error> {
        Ok(format!("{REHEARSER} {}\n", self.0.public_key().to_openssh()?))
    }

    /// Its signature of a document, as an owner signs approvals.
    ///
    /// # Errors
    /// When it can't sign: never for one of these.
    pub fn sign(&self, document: &[u8]) -> Result<String, ssh_key::Error> {
        SshSig::sign(&self.0, NAMESPACE, HashAlg::Sha512, document)?.to_pem(LineEnding::LF)
    }
}
