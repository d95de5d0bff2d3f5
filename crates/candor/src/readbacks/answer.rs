//! What a channel answered, as it may go on record.

use candor_core::read_back::ReadBack;
use candor_path::Answered;

use crate::approvals::shown::redacted;

/// The answer as it may be kept and shown: what looks like a secret, a prompt or a transcript is named and not kept.
#[must_use]
pub fn shown(answer: ReadBack) -> Answered {
    match answer {
        ReadBack::Found { mut proof, fields } => {
            // An id that looks like a secret is none that anybody could look up.
            proof.provider_id = proof.provider_id.filter(|id| redacted(id) == *id);
            let fields = fields.into_iter().map(|(name, value)| (redacted(&name), redacted(&value))).collect();
            Answered::Found { proof, fields }
        }
        ReadBack::Absent { why } => Answered::Absent { why: redacted(&why) },
        ReadBack::Unknown { why } => Answered::Unknown { why: redacted(&why) },
        ReadBack::Unable { why } => Answered::Unknown { why: redacted(&format!("it can't be asked: {why}")) },
    }
}
