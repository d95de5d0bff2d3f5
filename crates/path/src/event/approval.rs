//! What owners sign: packages on record, approvals that open gates, and what takes them back.

use std::collections::BTreeSet;

use candor_approval::{package as contract, signers::Owners};
use candor_audit::{canonical, hex, json as strict};
use candor_core::{
    approval::{
        Approval, BLOCKED, PackageRow, Packet, REVOCATION_VERSION, Rejected, Request, Revocation, SIGNATURE_NAMESPACE,
        Signed, Standing, TERMS_VERSION, Terms, Verdict,
    },
    disclosure,
    gate::{Closing, GATES, Gate, Opening},
    ids::{AgentId, ApprovalNo},
    limits::{
        APPROVAL_AHEAD_MAX, APPROVAL_BYTES_MAX, APPROVAL_FIELDS_MAX, APPROVAL_SIGNATURES_MAX, APPROVAL_USES_MAX,
        DOCUMENT_BYTES_MAX, GATE_OPEN_MAX, PACKAGE_REVIEW_MAX, PACKETS_MAX, REJECTIONS_MAX,
    },
    time::format_duration,
    work::{Document, DocumentKind},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::act::{line, says};
use crate::{
    gate,
    machine::{Step, StepError, json},
    plan::{ArtifactKind, Refusal, Reply, Write},
    refused::ApprovalRefusal as Refused,
    work,
};

/// Entries of the ledger that a refusal names.
const NAMED_MAX: usize = 10;

/// `sha256:` and the digest of a document's canonical JSON.
fn digest(of: &Value) -> String {
    format!("sha256:{}", hex(&Sha256::digest(canonical::to_bytes(of))))
}

/// Takes in a package. It says that no gate is open and that nothing happened since the last one closed; both are looked at again here.
pub(super) fn record_package(step: &mut Step<'_>, package: Value, evidence: Value) -> Result<(), StepError> {
    #[derive(Deserialize)]
    struct Read {
        approval_packet_templates: Vec<Packet>,
    }
    // Nothing is kept of a document that is no package, or that holds what must not be shown.
    for of in [&package, &evidence] {
        if let Some(what) = disclosed_in(of) {
            return Err(Refusal::Package(format!("it holds what looks like {what}")).into());
        }
    }
    let size = canonical::to_bytes(&package).len().saturating_add(canonical::to_bytes(&evidence).len());
    if size > DOCUMENT_BYTES_MAX {
        return Err(Refusal::Package(format!("it has more than {DOCUMENT_BYTES_MAX} bytes with its evidence")).into());
    }
    let unread = |error: serde_json::Error| Refusal::Package(error.to_string());
    let typed: contract::Package = serde_json::from_value(package.clone()).map_err(unread)?;
    resolves(&typed, &evidence)?;
    let read: Read = serde_json::from_value(package.clone()).map_err(unread)?;
    if read.approval_packet_templates.len() > PACKETS_MAX {
        return Err(Refusal::Package(format!("it has more than {PACKETS_MAX} packets")).into());
    }
    true_now(step)?;
    let sha256 = digest(&package);
    let no = step.plan.numbers.take_record();
    let row = PackageRow {
        no,
        sha256: sha256.clone(),
        at: step.now,
        packets: read.approval_packet_templates,
        rejected: Vec::new(),
    };
    let body = json!({ "package": package, "sha256": sha256, "evidence": evidence });
    step.record(ArtifactKind::Approval, format!("pk-{no}"), None, None, body);
    step.write(Write::Package(Box::new(row.clone())));
    step.reply(Reply::Package(Box::new(row)));
    Ok(())
}

/// Each of its hashes is over evidence that comes with it.
fn resolves(package: &contract::Package, evidence: &Value) -> Result<(), Refusal> {
    let packets = package.approval_packet_templates.iter().map(|of| &of.evidence_hash);
    let plans = package.canonical_readback_plans.iter().map(|of| &of.evidence_hash);
    let gates = package.telegram_failure_receipt_gates.iter().map(|of| &of.evidence_hash);
    for hash in packets.chain(plans).chain(gates) {
        let there = evidence.get(hash.as_str()).is_some_and(|of| digest(of) == hash.as_str());
        if !there {
            return Err(Refusal::Package(format!("the evidence for `{}` isn't there, or is another", hash.as_str())));
        }
    }
    Ok(())
}

fn true_now(step: &Step<'_>) -> Result<(), StepError> {
    for gate in GATES {
        if let Some(open) = step.view.openings(*gate)?.iter().find(|opening| opening.is_open(step.now)) {
            let why = format!("gate `{}` is open under `{}`; wait for it, or close it", gate.as_str(), open.approval);
            return Err(Refusal::Package(why).into());
        }
    }
    let entries = step.view.ledger_after(step.view.last_closed_at(step.now)?, NAMED_MAX)?;
    if !entries.is_empty() {
        let named: Vec<String> = entries.iter().map(|entry| format!("{} ({})", entry.no, shown(&entry.what))).collect();
        let why = format!("the ledger has effects since the last gate closed: {}", named.join(", "));
        return Err(Refusal::Package(why).into());
    }
    Ok(())
}

/// Keeps a document of the approval chain.
pub(super) fn keep(step: &mut Step<'_>, kind: DocumentKind, key: String, body: Value) -> Result<(), StepError> {
    says("key", &key)?;
    if !matches!(kind, DocumentKind::Readiness | DocumentKind::Drill | DocumentKind::Review | DocumentKind::DryRun) {
        let why = format!("a {} is written by Candor alone, behind its gate", kind.as_str());
        return Err(Refusal::Unwanted(why).into());
    }
    if let Some(what) = disclosed_in(&body) {
        return Err(Refusal::Unwanted(format!("the document holds what looks like {what}")).into());
    }
    let size = canonical::to_bytes(&body).len();
    if size > DOCUMENT_BYTES_MAX {
        return Err(Refusal::Unwanted(format!("the document has more than {DOCUMENT_BYTES_MAX} bytes")).into());
    }
    if kind == DocumentKind::Drill {
        work::drilled(step, &key, &body)?;
    }
    let document = kept(step, ArtifactKind::Approval, kind, key, None, body);
    step.reply(Reply::Document(Box::new(document)));
    Ok(())
}

/// Puts a document on record and beside it.
pub(crate) fn kept(
    step: &mut Step<'_>,
    artifact: ArtifactKind,
    kind: DocumentKind,
    key: String,
    agent: Option<AgentId>,
    body: Value,
) -> Document {
    let no = step.plan.numbers.take_record();
    let document = Document { kind, key, agent, no, at: step.now, body };
    step.record(artifact, format!("{}-{no}", kind.prefix()), None, None, json(&document));
    step.write(Write::Document(Box::new(document.clone())));
    document
}

/// What was signed, read: canonical, of this version, for this node.
fn read<T: DeserializeOwned>(step: &Step<'_>, signed: &Signed, version: &str) -> Result<T, StepError> {
    let bad = |why: String| StepError::from(Refusal::from(Refused::Document(why)));
    if signed.signatures.is_empty() || signed.signatures.len() > APPROVAL_SIGNATURES_MAX {
        return Err(bad(format!("it has {} signatures; from 1 to {APPROVAL_SIGNATURES_MAX}", signed.signatures.len())));
    }
    let value =
        strict::parse(signed.document.as_bytes(), APPROVAL_BYTES_MAX).map_err(|error| bad(error.to_string()))?;
    if canonical::to_bytes(&value) != signed.document.as_bytes() {
        return Err(bad("it isn't canonical JSON (RFC 8785)".to_owned()));
    }
    if value.get("schema_version").and_then(Value::as_str) != Some(version) {
        return Err(bad(format!("its `schema_version` isn't `{version}`")));
    }
    let node = value.get("node").and_then(Value::as_str).unwrap_or_default();
    if node != step.settings().node {
        return Err(Refusal::from(Refused::OtherNode(shown(node).chars().take(64).collect())).into());
    }
    serde_json::from_value(value).map_err(|error| bad(error.to_string()))
}

/// Who signed, by principal: each once.
fn signers(step: &Step<'_>, signed: &Signed) -> Result<Vec<String>, StepError> {
    let refused = |refused: Refused| StepError::from(Refusal::from(refused));
    let owners = Owners::parse(&step.settings().approvals.allowed_signers)
        .map_err(|error| refused(Refused::Signers(error.to_string())))?;
    if owners.is_empty() {
        return Err(refused(Refused::NoOwners));
    }
    let mut by = Vec::new();
    for signature in &signed.signatures {
        let signer = owners
            .verify(SIGNATURE_NAMESPACE, signed.document.as_bytes(), signature, step.now)
            .map_err(|error| refused(Refused::Signature(error.to_string())))?;
        if by.contains(&signer.principal) {
            return Err(refused(Refused::SameOwner(signer.principal)));
        }
        by.push(signer.principal);
    }
    Ok(by)
}

/// Takes in what an owner signed about a packet.
pub(super) fn approve(step: &mut Step<'_>, signed: Signed) -> Result<(), StepError> {
    let terms: Terms = read(step, &signed, TERMS_VERSION)?;
    let mut signed_by = signers(step, &signed)?;
    let (no, signed, again) = match step.view.approval_by_id(&terms.id)? {
        None => (step.plan.numbers.take_approval(), signed, false),
        Some(before) => {
            let joined = joined(&before, signed, &signed_by).map_err(Refusal::from)?;
            signed_by = joined.1;
            (before.no, joined.0, true)
        }
    };
    bounds(step, &terms).map_err(|refused| StepError::from(Refusal::from(refused)))?;
    packet(step, &terms)?;
    requests(step, &terms, &signed_by)?;
    let needs_two = terms.gates.iter().any(|gate| step.settings().approvals.two_owners.contains(gate));
    let standing = match terms.verdict {
        Verdict::Reject => Standing::Rejected,
        Verdict::Approve if needs_two && signed_by.len() < 2 => Standing::WaitsForOwner,
        Verdict::Approve => Standing::Given,
    };
    let approval = Approval { no, terms, signed, signed_by, at: step.now, standing };
    let id = if again { format!("{no}-r2") } else { no.to_string() };
    step.record(ArtifactKind::Approval, id, None, None, json(&approval));
    step.write(Write::Approval(Box::new(approval.clone())));
    match approval.standing {
        Standing::Given => {
            open(step, &approval);
            answer(step, &approval)?;
        }
        Standing::Rejected => {
            answer(step, &approval)?;
            reject(step, &approval)?;
        }
        _ => {}
    }
    step.reply(Reply::Approval(Box::new(approval)));
    Ok(())
}

/// The same approval with another owner's signature added, where that is what it waits for.
fn joined(before: &Approval, signed: Signed, by: &[String]) -> Result<(Signed, Vec<String>), Refused> {
    if before.standing != Standing::WaitsForOwner || before.signed.document != signed.document {
        return Err(Refused::Replayed(before.no));
    }
    let mut all = (before.signed.clone(), before.signed_by.clone());
    for (signature, principal) in signed.signatures.into_iter().zip(by) {
        if all.1.contains(principal) {
            return Err(Refused::SameOwner(principal.clone()));
        }
        all.0.signatures.push(signature);
        all.1.push(principal.clone());
    }
    Ok(all)
}

/// What a text holds that must not be shown, in words. A scanner that can't be made finds something everywhere.
pub(super) fn disclosed(text: &str) -> Option<String> {
    match disclosure::every() {
        Ok(scanner) => scanner.find(text).first().map(|found| found.kind.words().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// A text without what must not be shown.
fn shown(text: &str) -> String {
    disclosure::every().map_or_else(|_| String::new(), |scanner| scanner.shown(text).into_owned())
}

/// The same in a document.
pub(crate) fn disclosed_in(document: &Value) -> Option<String> {
    match disclosure::every() {
        Ok(scanner) => scanner.find_in(document).map(|kind| kind.words().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// What holds for every approval, whatever it approves.
fn bounds(step: &Step<'_>, terms: &Terms) -> Result<(), Refused> {
    for (name, text) in [("id", &terms.id), ("packet_id", &terms.packet_id), ("package_sha256", &terms.package_sha256)]
    {
        says(name, text).map_err(|error| Refused::Document(error.to_string()))?;
    }
    if terms.gates.is_empty() {
        return Err(Refused::NoGate);
    }
    if terms.max_uses == 0 || terms.max_uses > APPROVAL_USES_MAX {
        return Err(Refused::Uses { uses: terms.max_uses, max: APPROVAL_USES_MAX });
    }
    if terms.expires_at <= step.now {
        return Err(Refused::Expired(terms.expires_at.to_string()));
    }
    if terms.not_before >= terms.expires_at {
        return Err(Refused::Times("it ends before it begins".to_owned()));
    }
    if terms.expires_at.since(terms.not_before.max(step.now)) > GATE_OPEN_MAX {
        let max = format_duration(GATE_OPEN_MAX);
        return Err(Refused::Times(format!("a gate opens for at most {max}; give a shorter `--expires`")));
    }
    if terms.not_before > step.now.after(APPROVAL_AHEAD_MAX) {
        return Err(Refused::Times(format!("it begins more than {} ahead", format_duration(APPROVAL_AHEAD_MAX))));
    }
    if terms.fields.len() > APPROVAL_FIELDS_MAX {
        return Err(Refused::Document(format!("it fills in more than {APPROVAL_FIELDS_MAX} fields")));
    }
    for (name, text) in &terms.fields {
        if let Some(what) = disclosed_in(&json!({ name: text })) {
            // The name is what holds it, or gives it away.
            let field = if disclosed(text).is_some() { name.clone() } else { "fields".to_owned() };
            return Err(Refused::Discloses { field, what });
        }
        let filled = line("field", text).and_then(|()| line("field", name));
        filled.map_err(|_| Refused::Field(name.clone()))?;
    }
    if let Some(channel) = &terms.scope.channel
        && step.settings().target(channel).is_none()
        && !step.settings().places.contains(channel)
    {
        return Err(Refused::UnknownChannel(channel.clone()));
    }
    Ok(())
}

/// Whether the package is the one that is on record, and its packet can be approved so.
fn packet(step: &Step<'_>, terms: &Terms) -> Result<(), StepError> {
    let refused = |refused: Refused| StepError::from(Refusal::from(refused));
    let newest = step.view.newest_package()?;
    let Some(package) = newest.filter(|package| package.sha256 == terms.package_sha256) else {
        let shown = terms.package_sha256.chars().take(71).collect();
        let known = step.view.has_package(&terms.package_sha256)?;
        return Err(refused(if known { Refused::Superseded(shown) } else { Refused::WrongDigest(shown) }));
    };
    if step.now.since(package.at) > PACKAGE_REVIEW_MAX {
        let max = format_duration(PACKAGE_REVIEW_MAX);
        return Err(refused(Refused::Old { package: package.sha256, max }));
    }
    let id = &terms.packet_id;
    let Some(packet) = package.packets.iter().find(|packet| &packet.packet_id == id) else {
        return Err(refused(Refused::NoPacket(id.chars().take(64).collect())));
    };
    if packet.status == BLOCKED && terms.verdict == Verdict::Approve {
        return Err(refused(Refused::Blocked { packet: id.clone(), why: packet.operator_guidance.clone() }));
    }
    let against =
        |of: &&Rejected| of.packet_id == *id && of.scope.overlaps(&terms.scope) && !of.gates.is_disjoint(&terms.gates);
    if terms.verdict == Verdict::Approve
        && let Some(of) = package.rejected.iter().find(against)
    {
        return Err(refused(Refused::Rejected { packet: id.clone(), by: of.by }));
    }
    if let Some(gate) = terms.gates.iter().find(|gate| !packet.blocked_runtime_actions.contains(gate)) {
        return Err(refused(Refused::NotOfPacket { packet: id.clone(), gate: *gate }));
    }
    let missing = packet.required_approval_fields.iter().find(|name| !terms.fields.contains_key(*name));
    missing.map_or(Ok(()), |name| Err(refused(Refused::Field(name.clone()))))
}

/// Has it stand against a package that an owner won't have a packet of it, or a part of that. Turning down a request turns down no more.
fn reject(step: &mut Step<'_>, approval: &Approval) -> Result<(), StepError> {
    let Some(mut package) = step.view.newest_package()?.filter(|_| approval.terms.request.is_none()) else {
        return Ok(());
    };
    if package.rejected.len() >= REJECTIONS_MAX {
        return Err(Refusal::from(Refused::Document(format!("{REJECTIONS_MAX} rejections stand against it"))).into());
    }
    let terms = &approval.terms;
    package.rejected.push(Rejected {
        packet_id: terms.packet_id.clone(),
        gates: terms.gates.clone(),
        scope: terms.scope.clone(),
        by: approval.no,
    });
    step.write(Write::Package(Box::new(package)));
    Ok(())
}

/// Whether an approval would allow some of what is requested.
fn touches(terms: &Terms, request: &Request) -> bool {
    terms.gates.contains(&request.gate) && terms.scope.overlaps(&request.scope)
}

/// Nobody approves what their own agent asked for, named or not.
fn requests(step: &Step<'_>, terms: &Terms, by: &[String]) -> Result<(), StepError> {
    let refused = |refused: Refused| StepError::from(Refusal::from(refused));
    let open = step.view.open_requests()?;
    if let Some(no) = terms.request
        && !open.iter().any(|request| request.no == no && touches(terms, request))
    {
        return Err(refused(Refused::NoRequest(no)));
    }
    if terms.verdict == Verdict::Reject {
        return Ok(());
    }
    for request in open.iter().filter(|of| touches(terms, of)) {
        let agents = &step.settings().approvals.owner_agents;
        let own = by.iter().find(|owner| agents.get(*owner).is_some_and(|agents| agents.contains(&request.agent)));
        if let Some(owner) = own {
            let (owner, agent) = (owner.clone(), request.agent.to_string());
            return Err(refused(Refused::OwnAgent { owner, agent, request: request.no }));
        }
    }
    Ok(())
}

fn open(step: &mut Step<'_>, approval: &Approval) {
    let terms = &approval.terms;
    for gate in &terms.gates {
        let opening = Opening {
            no: step.plan.numbers.take_opening(),
            approval: approval.no,
            gate: *gate,
            scope: terms.scope.clone(),
            reason: terms.reason().to_owned(),
            approved_by: approval.signed_by.clone(),
            max_uses: terms.max_uses,
            used: 0,
            opened_at: terms.not_before.max(step.now),
            expires_at: terms.expires_at,
            closed_at: None,
            closed_by: None,
        };
        step.record(ArtifactKind::Gate, opening.no, None, None, json(&opening));
        step.write(Write::Opening(Box::new(opening)));
    }
}

/// The requests that an approval covers, or that a rejection names, are answered.
fn answer(step: &mut Step<'_>, approval: &Approval) -> Result<(), StepError> {
    let terms = &approval.terms;
    for mut request in step.view.open_requests()? {
        let covered = terms.gates.contains(&request.gate) && terms.scope.covers(&request.scope);
        let meant = match terms.verdict {
            Verdict::Approve => covered || terms.request == Some(request.no),
            Verdict::Reject => terms.request.map_or(covered, |no| no == request.no),
        };
        if meant {
            request.answered_by = Some(approval.no);
            step.record(ArtifactKind::Approval, format!("{}-r2", request.no), None, None, json(&request));
            step.write(Write::Request(Box::new(request)));
        }
    }
    Ok(())
}

/// Takes an approval back: what it opened is closed from the next attempt on.
pub(super) fn revoke(step: &mut Step<'_>, signed: &Signed) -> Result<(), StepError> {
    let revocation: Revocation = read(step, signed, REVOCATION_VERSION)?;
    let by = signers(step, signed)?;
    says("id", &revocation.id)?;
    says("reason", &revocation.reason)?;
    let refused = |refused: Refused| StepError::from(Refusal::from(refused));
    let no: ApprovalNo = revocation.approval;
    let mut approval = step.view.approval(no)?.ok_or_else(|| refused(Refused::NoApproval(no)))?;
    if matches!(approval.standing, Standing::Revoked { .. } | Standing::Rejected) {
        return Err(refused(Refused::Over(no)));
    }
    let gates: BTreeSet<Gate> = approval.terms.gates.clone();
    for gate in gates {
        for mut opening in step.view.openings(gate)? {
            if opening.approval == no && opening.expires_at > step.now {
                opening.close(step.now, Closing::Revoked);
                gate::closed(step, &opening);
            }
        }
    }
    let by = by.join(", ");
    approval.standing = Standing::Revoked { at: step.now, by, reason: revocation.reason };
    let body = json!({ "revoked": approval, "signed": signed });
    step.record(ArtifactKind::Approval, format!("{no}-r3"), None, None, body);
    step.write(Write::Approval(Box::new(approval.clone())));
    step.reply(Reply::Approval(Box::new(approval)));
    Ok(())
}

/// Takes one use of each of these gates for an effect that is made where this is asked.
pub(super) fn take_use(
    step: &mut Step<'_>,
    gates: Vec<Gate>,
    scope: candor_core::gate::Scope,
    what: String,
) -> Result<(), StepError> {
    says("what", &what)?;
    let once: BTreeSet<Gate> = gates.into_iter().collect();
    if once.is_empty() {
        return Err(Refusal::from(Refused::NoGate).into());
    }
    let no = step.plan.numbers.take_record();
    let passing = gate::Passing { scope, task: None, what, of: format!("o-{no}") };
    match gate::pass(step, once, &passing)? {
        Ok(grants) => {
            step.reply(Reply::Grants(grants));
            Ok(())
        }
        Err(closed) => Err(Refusal::GateClosed(closed.gate.as_str()).into()),
    }
}

/// Closes a gate at once, for whatever it was opened, or under one approval alone. Nobody has to sign that.
pub(super) fn close_gate(step: &mut Step<'_>, gate: Gate, under: Option<ApprovalNo>) -> Result<(), StepError> {
    let now = step.now;
    let mut last = None;
    for mut opening in step.view.openings(gate)? {
        if opening.expires_at <= now || under.is_some_and(|only| only != opening.approval) {
            continue;
        }
        opening.close(now, Closing::Operator);
        gate::closed(step, &opening);
        last = Some(opening);
    }
    match last {
        Some(opening) => step.reply(Reply::Opening(Box::new(opening))),
        None => return Err(Refusal::GateNotOpen(gate.as_str().to_owned()).into()),
    }
    Ok(())
}
