//! `dry-run`: pretends. Nothing leaves and nothing is written; the receipt says so.

use candor_approval::{Permit, kinds::Simulation};
use candor_core::notice::{Answer, Message, Outcome};
use secrecy::SecretString;
use serde::Deserialize;

use super::{HttpPool, Now, Sender, binding::answer};

/// It has no fields of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// See the module.
#[derive(Debug)]
pub struct DryRun;

impl Sender for DryRun {
    type Gate = Simulation;
    type Config = Config;
    const NAME: &'static str = "dry-run";

    fn bind(_config: &Config, _pool: &HttpPool) -> Result<Self, String> {
        Ok(Self)
    }

    /// Nothing twice is still nothing.
    fn idempotent(&self) -> bool {
        true
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        serde_json::to_vec(message).unwrap_or_default()
    }

    async fn send(&self, _permit: Permit<Simulation>, _: &[SecretString], _message: &Message, now: Now<'_>) -> Answer {
        let at = now();
        Answer { simulated: true, ..answer(Outcome::Simulated, at, at) }
    }
}
