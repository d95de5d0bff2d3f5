//! Whether an opening is what owners signed.

use candor_core::{
    approval::{SIGNATURE_NAMESPACE, Signed, Terms, Verdict},
    gate::Opening,
    time::Timestamp,
};

use crate::signers::Owners;

/// Holds an opening against what its owners signed, by the owners of `now`. The uses that they allow.
///
/// # Errors
/// What isn't so, in plain words: nothing may pass under it.
pub fn vouched(owners: &Owners, opening: &Opening, signed: &Signed, now: Timestamp) -> Result<u64, String> {
    let mut by = Vec::with_capacity(signed.signatures.len());
    for signature in &signed.signatures {
        let signer = owners
            .verify(SIGNATURE_NAMESPACE, signed.document.as_bytes(), signature, now)
            .map_err(|error| error.to_string())?;
        by.push(signer.principal);
    }
    if by.is_empty() || by != opening.approved_by {
        return Err("other owners are on record than signed".to_owned());
    }
    let terms: Terms = serde_json::from_str(&signed.document).map_err(|error| error.to_string())?;
    let same = terms.verdict == Verdict::Approve
        && terms.gates.contains(&opening.gate)
        && terms.scope == opening.scope
        && terms.max_uses == opening.max_uses
        && terms.expires_at == opening.expires_at
        && terms.not_before <= opening.opened_at;
    if !same {
        return Err("its gate, scope, uses or times are others".to_owned());
    }
    Ok(terms.max_uses)
}
