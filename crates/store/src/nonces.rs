//! Where the secrets of artifacts' salts come from.

use candor_audit::commit::Nonce;
use sha2::{Digest as _, Sha256};

/// A source of nonces. Each is used for one artifact.
pub trait Nonces: Send {
    /// A nonce that was never given before.
    ///
    /// # Errors
    /// When the system has no randomness to give; in its own words.
    fn fresh(&mut self) -> Result<Nonce, String>;
}

/// Nonces from the system's randomness: for everything that is real.
#[derive(Default)]
pub struct Random {
    /// Drawn and not yet given: one call of the system draws many.
    drawn: Vec<[u8; 32]>,
}

/// How many nonces one call draws.
const DRAW: usize = 64;

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Nonces for Random {
    fn fresh(&mut self) -> Result<Nonce, String> {
        if self.drawn.is_empty() {
            let mut bytes = [0; 32 * DRAW];
            getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
            self.drawn = bytes.as_chunks::<32>().0.to_vec();
        }
        self.drawn.pop().map(Nonce).ok_or_else(|| "no randomness was drawn".to_owned())
    }
}

/// Nonces that follow from a seed, for a simulation that must come out the same twice. Anyone who knows the seed knows them all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// The seed.
    pub seed: u64,
    /// How many were given.
    pub given: u64,
}

impl Nonces for Counted {
    fn fresh(&mut self) -> Result<Nonce, String> {
        self.given += 1;
        let hash = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(self.given.to_be_bytes());
        Ok(Nonce(hash.finalize().into()))
    }
}
