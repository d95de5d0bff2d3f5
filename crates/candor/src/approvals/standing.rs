//! How approvals stand now, by what became of their openings; and what an owner signs, in words.

use candor_core::{
    approval::{Approval, Standing, Terms, Verdict},
    gate::{Closing, Opening},
    time::Timestamp,
};
use serde_json::{Value, json};

use super::shown;

/// How an opening stands, in a word.
#[must_use]
pub fn of_opening(opening: &Opening, now: Timestamp) -> &'static str {
    match opening.closed_by {
        Some(Closing::Operator) => "closed",
        Some(Closing::Revoked) => "revoked",
        Some(Closing::Spent) => "spent",
        None if opening.expires_at <= now => "expired",
        None if now < opening.opened_at => "not yet",
        None => "open",
    }
}

/// Openings that are looked through for those of approvals, newest first.
pub const OPENINGS_MAX: usize = 10_000;

/// How an approval stands, by all openings on record, in a few words.
#[must_use]
pub fn of_approval(approval: &Approval, openings: &[Opening], now: Timestamp) -> String {
    match &approval.standing {
        Standing::WaitsForOwner if approval.terms.expires_at <= now => "expired".to_owned(),
        Standing::WaitsForOwner => "waits for another owner".to_owned(),
        Standing::Rejected => "rejected".to_owned(),
        Standing::Revoked { at, by, reason } => shown::text(&format!("revoked at {at} by {by}: {reason}")),
        Standing::Given => given(openings.iter().filter(|of| of.approval == approval.no), now),
    }
}

/// While a gate is open, that and the most uses of one; then how they ended.
fn given<'a>(openings: impl Iterator<Item = &'a Opening> + Clone, now: Timestamp) -> String {
    let open = openings.clone().filter(|of| of.is_open(now)).max_by_key(|of| of.used);
    if let Some(opening) = open {
        return format!("open {}/{}", opening.used, opening.max_uses);
    }
    let mut words: Vec<&str> = openings.map(|of| of_opening(of, now)).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() { "given".to_owned() } else { words.join(", ") }
}

/// An approval without the text that was signed, which is in its artifact, and with how it stands.
#[must_use]
pub fn row(approval: &Approval, openings: &[Opening], now: Timestamp) -> Value {
    json!({
        "no": approval.no, "terms": approval.terms, "signed_by": approval.signed_by, "at": approval.at,
        "standing": approval.standing, "stands": of_approval(approval, openings, now),
    })
}

/// What an owner signs, as names and texts that may be displayed.
#[must_use]
pub fn terms(of: &Terms) -> Vec<(String, String)> {
    let gates: Vec<&str> = of.gates.iter().map(|gate| gate.as_str()).collect();
    let says = match of.verdict {
        Verdict::Approve => "opens",
        Verdict::Reject => "rejects",
    };
    let mut lines = vec![
        ("packet", of.packet_id.clone()),
        ("package", of.package_sha256.clone()),
        (says, gates.join(", ")),
        ("for", of.scope.to_string()),
        ("uses", format!("{} of each gate", of.max_uses)),
        ("from", of.not_before.to_string()),
        ("until", of.expires_at.to_string()),
    ];
    lines.extend(of.fields.iter().map(|(name, text)| (name.as_str(), text.clone())));
    lines.extend(of.request.map(|no| ("request", no.to_string())));
    lines.into_iter().map(|(name, text)| (shown::text(name), shown::text(&text))).collect()
}
