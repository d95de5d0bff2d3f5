//! Opening gates of a folder that is gone in a minute, by a key that is gone with the process: demonstrations and verifications.

use std::time::Duration;

use candor_approval::throwaway::Throwaway;
use candor_core::{
    approval::{BLOCKED, Signed, Verdict},
    gate::Gate,
};
use candor_path::Act;

use super::newest;
use crate::{
    cli::Global,
    config::Config,
    engine::Clock,
    exit::{Exit, Failure},
    files,
    home::{Home, random},
    signing::{self, TermsArgs},
};

/// The owner of a scratch folder.
pub struct Rehearsal {
    key: Throwaway,
}

impl Rehearsal {
    /// Makes a key, and says beside the folder's configuration that it is an owner's. Before its daemon starts.
    ///
    /// # Errors
    /// When the system gives no randomness, or the folder can't be written.
    pub fn prepare(home: &Home) -> Result<Self, Failure> {
        let mut seed = [0_u8; 32];
        random(&mut seed)?;
        let key = Throwaway::of(&seed);
        let line = key.line().map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        let path = home.config.with_file_name("allowed_signers");
        files::write_whole(&path, line.as_bytes())
            .map_err(|error| Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display())))?;
        Ok(Self { key })
    }

    /// Opens a gate there.
    ///
    /// # Errors
    /// Why it isn't opened.
    pub fn open(&self, global: &Global, gate: Gate, reason: &str, lasts: Duration) -> Result<(), Failure> {
        let home = Home::find(global.state.clone(), global.config.clone())?;
        let package = newest(global, &Config::load(&home)?, &|_| true)?;
        let fits = |packet: &&candor_core::approval::Packet| {
            packet.status != BLOCKED && packet.blocked_runtime_actions.contains(&gate)
        };
        let packet = package.packets.iter().find(fits);
        let packet = packet.ok_or_else(|| {
            Failure::new(Exit::Refused, format!("no packet can open `{}` here; `candor approval show`", gate.as_str()))
        })?;
        let asked = TermsArgs {
            reason: reason.to_owned(),
            target: None,
            runtime: None,
            plan: None,
            uses: 1_000,
            expires: lasts,
            starts_in: None,
            fields: Vec::new(),
            request: None,
            ssh_key: None,
        };
        let now = Clock::from_env().now();
        let terms = asked.terms(&home.node()?, &package, packet, [gate].into(), Verdict::Approve, now)?;
        let document = signing::document(&terms)?;
        let signature = self.key.sign(document.as_bytes());
        let signature = signature.map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        let signed = Signed { document, signatures: vec![signature] };
        signing::hand_in(global, Act::Approve { signed }).map(drop)
    }
}
