//! A key for rehearsals: it is an owner on a copy in memory, and gone with it.

use candor_core::{
    catalogue::{CATALOGUE_FILE, CORE_CATALOGUE, parse_catalogue},
    gate::GATES,
    time::Timestamp,
};
use serde_json::{Value, json};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};

use crate::{
    build,
    drill::{LANES, LaneStanding},
    package::to_json,
    readiness,
    signers::NAMESPACE,
    truth::{RecordedReadiness, Truth},
};

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

/// A package of a deployment in which nothing is missing, with its evidence: its first packet, of this id, opens every gate.
///
/// # Errors
/// When it can't be built: never from the catalogue that comes with the program.
pub fn package(packet_id: &str, now: Timestamp) -> Result<(Value, Value), String> {
    let catalogue = parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).map_err(|error| error.to_string())?;
    let mut truth = Truth {
        now,
        node: "rehearsal".to_owned(),
        owners: [REHEARSER.to_owned()].into(),
        lanes: LANES.iter().map(|lane| (lane.id.to_owned(), LaneStanding::Good { at: now })).collect(),
        ..Truth::default()
    };
    let body = to_json(&readiness::build(&truth));
    truth.readiness = Some(RecordedReadiness { id: "rd-1".to_owned(), at: now, body });
    let built = build::build(&catalogue, &truth).map_err(|against| format!("{against:?}"))?;
    let mut package = to_json(&built.package);
    let packet = package.pointer_mut("/approval_packet_templates/0").and_then(Value::as_object_mut);
    let packet = packet.ok_or("the package has no packet")?;
    packet.insert("packet_id".to_owned(), json!(packet_id));
    packet.insert("status".to_owned(), json!("ready_for_owner_review"));
    packet.insert("blocked_runtime_actions".to_owned(), json!(GATES));
    Ok((package, built.evidence_json()))
}
