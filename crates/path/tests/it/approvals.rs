//! Approvals: what opens a gate, what doesn't, and what passes.

use std::collections::BTreeMap;

use candor_approval::{
    GateKeeper, fixtures,
    kinds::{BotApiCall, SecretRead},
    signers::Owners,
};
use candor_core::{
    approval::{REVOCATION_VERSION, Revocation, SIGNATURE_NAMESPACE, Signed, Standing, Terms, Verdict},
    evidence::Origin,
    gate::{Gate, Scope},
    ids::{ApprovalNo, NoticeNo, TargetName},
    notice::{BlockReason, Outcome, ProofLevel, Receipt},
    settings::FollowUp,
    work::{DocumentKind, Wanted, WorkState},
};
use candor_path::{Act, Answered, Effect, Input, Performed, Refusal, Reply, View, receipt};
use candor_store::{Listing, Store, WorkFilter};
use serde_json::json;

use crate::harness::{World, failed, proved, secs, target, unknown};

const GATE: Gate = Gate::BotApiCall;

fn phone() -> candor_core::settings::Target {
    candor_core::settings::Target { gate: Some(GATE), reads_secrets: true, idempotent: false, ..target("phone") }
}

fn world() -> World {
    let mut world = World::new(vec![phone(), target("ops")]);
    world.machine.settings.approvals.asked = [name("phone")].into();
    world
}

fn name(of: &str) -> TargetName {
    of.parse().unwrap()
}

/// Why an approval isn't taken, by its code.
fn refused(world: &mut World, signed: Signed) -> &'static str {
    world.refused(Input::Operator { act: Act::Approve { signed }, origin: Origin::Operator }).code()
}

fn approve(world: &mut World, signed: Signed) -> candor_core::approval::Approval {
    let Reply::Approval(approval) = world.act(Act::Approve { signed }).reply else { panic!("not taken") };
    *approval
}

fn revocation(approval: ApprovalNo, node: &str) -> Signed {
    let revocation = Revocation {
        schema_version: REVOCATION_VERSION.to_owned(),
        id: "r-1".to_owned(),
        node: node.to_owned(),
        approval,
        reason: "changed my mind".to_owned(),
    };
    fixtures::signed_by(&revocation, &[1])
}

#[test]
fn each_way_in_which_an_approval_is_wrong_is_refused_with_its_reason() {
    type Change = fn(&mut Terms);
    let changes: [(&str, Change); 18] = [
        ("approval_document", |of| of.schema_version = "candor_approval_v2".to_owned()),
        ("approval_other_node", |of| of.node = "another".to_owned()),
        ("approval_wrong_digest", |of| of.package_sha256 = format!("sha256:{}", "1".repeat(64))),
        ("approval_no_packet", |of| of.packet_id = "nothing".to_owned()),
        ("approval_no_gate", |of| of.gates.clear()),
        ("approval_uses", |of| of.max_uses = 0),
        ("approval_uses", |of| of.max_uses = 1_000_001),
        ("approval_expired", |of| of.expires_at = of.not_before),
        ("approval_times", |of| of.not_before = of.expires_at),
        ("approval_times", |of| of.expires_at = of.not_before.after(secs(32 * 24 * 3600))),
        ("approval_times", |of| {
            (of.not_before, of.expires_at) =
                (of.not_before.after(secs(40 * 24 * 3600)), of.not_before.after(secs(41 * 24 * 3600)));
        }),
        ("approval_field", |of| of.fields = BTreeMap::from([("reason".to_owned(), " ".to_owned())])),
        ("approval_field", |of| of.fields = BTreeMap::from([("other".to_owned(), "x".to_owned())])),
        ("approval_field", |of| of.fields = BTreeMap::from([("reason".to_owned(), "two\nlines".to_owned())])),
        ("approval_discloses", |of| {
            let secret = concat!("by ghp_", "0123456789abcdefghijABCDEFGHIJ012345");
            of.fields = BTreeMap::from([("reason".to_owned(), secret.to_owned())]);
        }),
        ("approval_unknown_channel", |of| of.scope = Scope::channel(&name("nowhere"))),
        ("approval_no_request", |of| of.request = Some("q-9".parse().unwrap())),
        ("text", |of| of.id = String::new()),
    ];
    for (code, change) in changes {
        let mut world = world();
        let mut terms = world.terms(GATE, Scope::default(), 1);
        change(&mut terms);
        let wanted = if code == "text" { "approval_document" } else { code };
        let found = refused(&mut world, fixtures::signed(&terms));
        assert_eq!(found, wanted, "{terms:?}");
        assert!(world.store.all_openings(10).unwrap().is_empty());
    }
}

#[test]
fn a_signature_must_be_an_owners_over_these_bytes_and_for_this() {
    let mut world = world();
    let terms = world.terms(GATE, Scope::default(), 1);
    let good = fixtures::signed(&terms);
    let key = fixtures::owner(1).1;
    let of = |signature: String| Signed { signatures: vec![signature], ..good.clone() };
    assert_eq!(refused(&mut world, fixtures::signed_by(&terms, &[2])), "approval_signature", "no owner");
    assert_eq!(
        refused(&mut world, of(fixtures::sign(&key, "candor-audit", good.document.as_bytes()))),
        "approval_signature"
    );
    assert_eq!(refused(&mut world, of(fixtures::approve(&key, b"something else"))), "approval_signature");
    assert_eq!(refused(&mut world, of("no signature".to_owned())), "approval_signature");
    assert_eq!(refused(&mut world, Signed { signatures: Vec::new(), ..good.clone() }), "approval_document");
    assert_eq!(refused(&mut world, fixtures::signed_by(&terms, &[1, 1])), "approval_same_owner");
    // The same content in another text isn't what was signed, whoever signed that.
    let spaced = good.document.replacen(',', ", ", 1);
    let signature = fixtures::sign(&key, SIGNATURE_NAMESPACE, spaced.as_bytes());
    assert_eq!(refused(&mut world, Signed { document: spaced, signatures: vec![signature] }), "approval_document");
    world.machine.settings.approvals.allowed_signers.clear();
    assert_eq!(refused(&mut world, good), "approval_no_owners");
}

#[test]
fn an_approval_counts_once_and_only_of_the_newest_package() {
    let mut world = world();
    let terms = world.terms(GATE, Scope::default(), 1);
    let signed = fixtures::signed(&terms);
    approve(&mut world, signed.clone());
    assert_eq!(refused(&mut world, signed), "approval_replayed");
    let mut spent = world.terms(GATE, Scope::default(), 1);
    world.pass(secs(7 * 24 * 3600 + 1));
    spent.not_before = world.now;
    spent.expires_at = world.now.after(secs(60));
    assert_eq!(refused(&mut world, fixtures::signed(&spent)), "approval_package_old");
    let (mut package, evidence) = fixtures::package();
    package["approval_packet_templates"][0]["operator_guidance"] = json!("newer");
    world.act(Act::RecordPackage { package, evidence });
    assert_eq!(refused(&mut world, fixtures::signed(&spent)), "approval_superseded");
}

#[test]
fn a_blocked_packet_and_a_gate_of_another_packet_open_nothing() {
    let mut world = world();
    let (mut package, evidence) = fixtures::package();
    let packet = &mut package["approval_packet_templates"][0];
    packet["blocked_runtime_actions"] = json!(["secret_read"]);
    let Reply::Package(row) =
        world.act(Act::RecordPackage { package: package.clone(), evidence: evidence.clone() }).reply
    else {
        panic!()
    };
    let terms = |world: &mut World, sha256: &str, gate| Terms {
        package_sha256: sha256.to_owned(),
        ..world.terms(gate, Scope::default(), 1)
    };
    // The harness records its own package first; ours must be the newest again.
    let _ = world.terms(GATE, Scope::default(), 1);
    world.act(Act::RecordPackage { package: package.clone(), evidence: evidence.clone() });
    let other = terms(&mut world, &row.sha256, GATE);
    assert_eq!(refused(&mut world, fixtures::signed(&other)), "approval_not_of_packet");
    package["approval_packet_templates"][0]["status"] = json!("blocked_by_policy");
    let Reply::Package(row) = world.act(Act::RecordPackage { package, evidence }).reply else { panic!() };
    let blocked = terms(&mut world, &row.sha256, Gate::SecretRead);
    assert_eq!(refused(&mut world, fixtures::signed(&blocked)), "approval_blocked");
    // To reject it is something else.
    let no = Terms { verdict: Verdict::Reject, ..terms(&mut world, &row.sha256, Gate::SecretRead) };
    assert_eq!(approve(&mut world, fixtures::signed(&no)).standing, Standing::Rejected);
    assert!(world.store.all_openings(10).unwrap().is_empty());
}

#[test]
fn two_owners_sign_where_the_profile_asks() {
    let mut world = world();
    world.machine.settings.approvals.allowed_signers = fixtures::owner(1).0 + &fixtures::owner(2).0;
    world.machine.settings.approvals.two_owners = [GATE].into();
    let terms = world.terms(GATE, Scope::default(), 1);
    let first = approve(&mut world, fixtures::signed_by(&terms, &[1]));
    assert_eq!(first.standing, Standing::WaitsForOwner);
    assert!(world.store.all_openings(10).unwrap().is_empty());
    assert_eq!(refused(&mut world, fixtures::signed_by(&terms, &[1])), "approval_same_owner");
    // Other terms under the same id aren't what the first one signed.
    let other = Terms { max_uses: 2, ..terms.clone() };
    assert_eq!(refused(&mut world, fixtures::signed_by(&other, &[2])), "approval_replayed");
    let both = approve(&mut world, fixtures::signed_by(&terms, &[2]));
    assert_eq!((both.no, &both.standing, both.signed_by.len()), (first.no, &Standing::Given, 2));
    assert_eq!(world.store.all_openings(10).unwrap().len(), 1);
}

/// What is sent for a notice; the keeper lets it, or says why not.
fn send(world: &mut World, notice: NoticeNo) -> Option<candor_path::Sending> {
    world.dispatch(notice, "phone")
}

#[test]
fn a_use_is_taken_of_every_gate_that_the_attempt_passes_in_its_own_commit() {
    let mut world = world();
    let notice = world.notify("info");
    assert!(send(&mut world, notice).is_none());
    world.open_for(GATE, Scope::channel(&name("phone")), 2);
    assert!(send(&mut world, notice).is_none(), "the gate of secrets is closed still");
    world.open_for(Gate::SecretRead, Scope::default(), 5);
    world.step(Input::ReleaseHeld);
    let sending = send(&mut world, notice).expect("both are open");
    let ledger = world.store.ledger(10).unwrap();
    let gates: Vec<_> = ledger.iter().map(|entry| (entry.gate, entry.use_no)).collect();
    assert_eq!(gates, [(Gate::SecretRead, 1), (GATE, 1)]);
    assert!(ledger.iter().all(|entry| entry.of == format!("a-{}", sending.message.fence.0)));
    // The keeper makes one permit of each, and no second.
    let owners = Owners::parse(&world.machine.settings.approvals.allowed_signers).unwrap();
    let mut keeper = GateKeeper::from_record(owners, sending.grants);
    let phone = name("phone");
    assert!(keeper.permit::<BotApiCall>(Some(&phone), world.now).is_ok());
    assert!(keeper.permit::<SecretRead>(Some(&phone), world.now).is_ok());
    assert!(keeper.permit::<BotApiCall>(Some(&phone), world.now).is_err());
    world.answered(notice, "phone", sending.message.fence, proved(ProofLevel::Stored));
    assert_eq!(world.state(notice, "phone"), "acked");
}

#[test]
fn when_the_count_runs_out_the_gate_is_closed_and_what_follows_is_held() {
    let mut world = world();
    world.open_for(Gate::SecretRead, Scope::default(), 50);
    world.open_for(GATE, Scope::default(), 2);
    for left in [true, true, false] {
        let notice = world.notify("info");
        assert_eq!(send(&mut world, notice).is_some(), left);
        if !left {
            assert_eq!(world.state(notice, "phone"), "pending_external_send/gate_closed");
            // And it isn't tried again and again meanwhile.
            let before = world.store.head().unwrap().length;
            world.step(Input::ReleaseHeld);
            assert_eq!(world.store.head().unwrap().length, before);
        }
    }
    let counts = world.store.ledger_counts(None).unwrap();
    assert_eq!(
        (counts[&GATE], counts[&Gate::SecretRead]),
        (2, 2),
        "one closed gate, and no use of the others is taken"
    );
}

#[test]
fn a_revocation_holds_from_the_next_attempt_on() {
    let mut world = world();
    world.open_for(Gate::SecretRead, Scope::default(), 50);
    let terms = world.terms(GATE, Scope::default(), 50);
    let approval = approve(&mut world, fixtures::signed(&terms));
    let first = world.notify("info");
    assert!(send(&mut world, first).is_some());
    let wrong = world.refused(Input::Operator {
        act: Act::Revoke { signed: revocation(approval.no, "another") },
        origin: Origin::Operator,
    });
    assert_eq!(wrong.code(), "approval_other_node");
    world.act(Act::Revoke { signed: revocation(approval.no, "t") });
    let second = world.notify("info");
    assert!(send(&mut world, second).is_none());
    let again = world.refused(Input::Operator {
        act: Act::Revoke { signed: revocation(approval.no, "t") },
        origin: Origin::Operator,
    });
    assert_eq!(again.code(), "approval_over");
}

/// What is found of an opening counts for a moment, and no use is taken under one that doesn't hold.
#[test]
fn no_use_is_taken_under_what_no_owner_of_now_signed() {
    let mut world = world();
    world.open_for(Gate::SecretRead, Scope::default(), 50);
    world.open_for(GATE, Scope::default(), 50);
    let owners = world.machine.settings.approvals.allowed_signers.clone();
    let first = world.notify("info");
    assert!(send(&mut world, first).is_some());
    world.machine.settings.approvals.allowed_signers = fixtures::owner(2).0;
    world.pass(secs(1));
    let second = world.notify("info");
    assert!(send(&mut world, second).is_none());
    world.step(Input::ReleaseHeld);
    assert_eq!(world.state(second, "phone"), "pending_external_send/gate_closed");
    assert_eq!(world.store.ledger(10).unwrap().len(), 2, "no use was taken");
    // Two must sign for what one has opened; and who was put back is an owner again.
    world.machine.settings.approvals.allowed_signers = owners;
    world.machine.settings.approvals.two_owners = [GATE].into();
    world.pass(secs(1));
    assert!(send(&mut world, second).is_none());
    world.machine.settings.approvals.two_owners.clear();
    world.pass(secs(1));
    world.step(Input::ReleaseHeld);
    assert!(send(&mut world, second).is_some());
}

/// Of several openings the narrowest is used: it was meant for this.
#[test]
fn the_narrowest_opening_is_used_first() {
    let mut world = world();
    world.open_for(Gate::SecretRead, Scope::default(), 50);
    world.open_for(GATE, Scope::default(), 50);
    world.open_for(GATE, Scope::channel(&name("phone")), 1);
    let used = |world: &World| {
        let openings = world.store.all_openings(10).unwrap();
        let of = |narrow: bool| {
            openings.iter().find(|of| of.gate == GATE && of.scope.channel.is_some() == narrow).unwrap().used
        };
        (of(true), of(false))
    };
    for counts in [(1, 0), (1, 1)] {
        let notice = world.notify("info");
        assert!(send(&mut world, notice).is_some());
        assert_eq!(used(&world), counts);
    }
}

#[test]
fn an_approval_of_one_runtime_lets_no_other_pass() {
    let mut world = world();
    world.open_for(Gate::SecretRead, Scope::default(), 50);
    world.open_for(GATE, Scope { runtime: Some("cli".parse().unwrap()), ..Scope::default() }, 50);
    let own = world.notify("info");
    assert!(send(&mut world, own).is_none(), "the operator's own notice is about no runtime");
    world.report("task.started", "t", json!({"period": "1m"}));
    let told = world.report("notice.requested", "t", json!({"title": "look"})).notice.unwrap();
    assert!(send(&mut world, told).is_some());
}

#[test]
fn a_package_is_not_true_while_a_gate_is_open_or_anything_passed_since_the_last_closed() {
    let mut world = world();
    world.open_for(GATE, Scope::default(), 1);
    let record = |world: &mut World| {
        let (package, evidence) = fixtures::package();
        world.attempt(Input::Operator { act: Act::RecordPackage { package, evidence }, origin: Origin::Operator })
    };
    let why = format!("{:?}", record(&mut world).unwrap_err());
    assert!(why.contains("bot_api_call") && why.contains("open"), "{why}");
    world.pass(secs(1));
    world.act(Act::CloseGate { gate: GATE, under: None });
    world.pass(secs(1));
    record(&mut world).unwrap();
}

#[test]
fn work_waits_for_its_gate_and_is_done_once_when_it_opens() {
    let mut world = world();
    world.report("task.started", "t", json!({"period": "1m"}));
    let wanted = Wanted::CaptureResult { task: "t".parse().unwrap() };
    let want = |world: &mut World| {
        let Reply::Work(work) = world.act(Act::Want { wanted: wanted.clone() }).reply else { panic!() };
        *work
    };
    let first = want(&mut world);
    assert_eq!((first.gate, &first.state), (Gate::RuntimeResultCaptureWrite, &WorkState::Pending));
    assert_eq!(want(&mut world).no, first.no, "what is wanted again is the same work");
    let result = |world: &World| world.store.document_by_key(DocumentKind::Result, "t").unwrap();
    assert!(result(&world).is_none());
    world.open(Gate::RuntimeResultCaptureWrite);
    for _ in 0..2 {
        world.step(Input::DoWork { work: first.no });
    }
    assert!(matches!(world.store.work_by_no(first.no).unwrap().unwrap().state, WorkState::Done { .. }));
    assert_eq!(result(&world).unwrap().body["task"], "t");
    assert_eq!(world.store.ledger(10).unwrap().len(), 1);
}

#[test]
fn what_the_world_was_at_when_its_process_died_is_not_done_again_by_itself() {
    let mut world = world();
    world.open(Gate::DestructiveOperation);
    let Reply::Work(work) = world.act(Act::Want { wanted: Wanted::Prune }).reply else { panic!() };
    assert!(work.is_started());
    world.step(Input::LeftBehind);
    let left = world.store.work_by_no(work.no).unwrap().unwrap();
    assert!(matches!(left.state, WorkState::Failed { .. }), "{left:?}");
    // A late answer changes nothing.
    let late = Performed::Did { outcome: "done".to_owned() };
    world.step(Input::Performed { work: work.no, outcome: Box::new(late) });
    assert_eq!(world.store.work_by_no(work.no).unwrap().unwrap(), left);
}

/// A notice of which nobody knows whether it arrived, and its read-back under way.
fn asked(world: &mut World) -> (NoticeNo, candor_core::ids::WorkNo) {
    world.open(Gate::SecretRead);
    world.open(GATE);
    let notice = world.notify("info");
    let sending = send(world, notice).unwrap();
    world.answered(notice, "phone", sending.message.fence, unknown());
    assert_eq!(world.state(notice, "phone"), "pending_external_send/outcome_unknown");
    let wanted = Wanted::ReadBack { notice, target: name("phone") };
    world.open(Gate::CanonicalRuntimeReadback);
    let plan = world.act(Act::Want { wanted });
    let [Effect::Perform(allowed)] = &plan.effects[..] else { panic!("{plan:?}") };
    assert_eq!(allowed.grants.len(), 2, "the read-back's own gate, and that of the secret which it needs");
    (notice, allowed.work.no)
}

/// What a channel is asked about is the very message that was sent, with the same key.
#[test]
fn a_question_is_about_what_was_sent() {
    let mut world = world();
    world.open(Gate::SecretRead);
    world.open(GATE);
    let notice = world.notify("info");
    let mut sent_at = None;
    for round in 0..2 {
        let sending = send(&mut world, notice).unwrap();
        sent_at = sent_at.or(Some(world.now));
        let relayed = Outcome::Relayed { provider_id: Some("r-7".to_owned()) };
        let outcome = if round == 0 { relayed } else { unknown() };
        world.answered(notice, "phone", sending.message.fence, outcome);
        let row = world.store.notice_row(notice).unwrap().unwrap();
        let delivery = row.deliveries.iter().find(|of| of.target == name("phone")).unwrap();
        let receipts = world.store.receipts(notice, 10).unwrap();
        let receipts: Vec<Receipt> =
            receipts.into_iter().filter_map(|record| serde_json::from_value(record.body).ok()).collect();
        assert_eq!(receipt::sent_as(delivery, &receipts), notice);
        let of = receipt::Covered { lead: &row.notice, delivery, members: &[] };
        let question = receipt::question(of, &receipts, "another-node");
        assert_eq!(question.message, sending.message);
        assert_eq!((question.provider_id.as_deref(), Some(question.sent_at)), (Some("r-7"), sent_at));
        // Of a delivery whose receipts are gone the notice says as much as it can.
        let bare = receipt::question(of, &[], "test");
        assert_eq!((bare.message.text, bare.provider_id), (sending.message.text, None));
        world.act(Act::Retry { notice, target: Some(name("phone")) });
    }
}

/// A notice that went out in another's digest is asked about as that digest.
#[test]
fn a_question_about_a_covered_notice_is_about_the_digest() {
    let mut world = World::one();
    let lead = world.notify("info");
    world.try_once(lead, "ops", Outcome::RateLimited { retry_after_ms: Some(5_000) });
    let covered = world.notify("info");
    assert!(world.dispatch(covered, "ops").is_none());
    world.pass(secs(10));
    let sending = world.dispatch(lead, "ops").unwrap();
    assert_eq!(sending.message.covers, [covered]);
    world.answered(lead, "ops", sending.message.fence, unknown());
    let of = |notice| {
        let row = world.store.notice_row(notice).unwrap().unwrap();
        (row.notice, row.deliveries.into_iter().find(|of| of.target == name("ops")).unwrap())
    };
    let (member, doubted) = of(covered);
    let receipts = world.store.receipts(covered, 10).unwrap();
    let receipts: Vec<Receipt> =
        receipts.into_iter().filter_map(|record| serde_json::from_value(record.body).ok()).collect();
    assert_eq!(receipt::sent_as(&doubted, &receipts), lead);
    let (lead, of_lead) = of(lead);
    let members = [(member, doubted)];
    let question =
        receipt::question(receipt::Covered { lead: &lead, delivery: &of_lead, members: &members }, &receipts, "t");
    // Which attempt it was is counted for each notice by itself.
    assert_eq!(candor_core::notice::Message { attempt: sending.message.attempt, ..question.message }, sending.message);
}

#[test]
fn truth_1_a_read_back_settles_a_notice_on_its_evidence_alone() {
    let found = |level| {
        let Outcome::Proved { proof } = proved(level) else { unreachable!() };
        Answered::Found { proof, fields: BTreeMap::new() }
    };
    let absent = Answered::Absent { why: "404".to_owned() };
    let nothing = Answered::Unknown { why: "timeout".to_owned() };
    for (answer, state) in [
        (found(ProofLevel::ReadBack), "acked"),
        (found(ProofLevel::Stored), "acked"),
        (absent, "queued"),
        (nothing, "pending_external_send/outcome_unknown"),
    ] {
        let mut world = world();
        let (notice, work) = asked(&mut world);
        world.step(Input::Performed { work, outcome: Box::new(Performed::ReadBack(answer)) });
        assert_eq!(world.state(notice, "phone"), state);
        // Whatever it was: nobody asks about a notice that isn't in doubt.
        if !state.contains("unknown") {
            let wanted = Wanted::ReadBack { notice, target: name("phone") };
            let why = world.refused(Input::Operator { act: Act::Want { wanted }, origin: Origin::Operator });
            assert!(matches!(why, Refusal::Unwanted(_)));
        }
    }
    // A target that needs more than was found stays in doubt.
    let mut world = world();
    world.machine.settings.targets[0].needs = ProofLevel::Human;
    let (notice, work) = asked(&mut world);
    let outcome = Box::new(Performed::ReadBack(found(ProofLevel::ReadBack)));
    world.step(Input::Performed { work, outcome });
    assert_eq!(world.state(notice, "phone"), "pending_external_send/accepted_by_relay");
}

#[test]
fn a_failure_on_another_channel_is_told_by_telegram_behind_a_gate_of_its_own() {
    let mut world = world();
    world.machine.settings.approvals.failure_receipts = Some(name("phone"));
    world.open(GATE);
    world.open(Gate::SecretRead);
    let notice = world.notify("info");
    let refusal = Outcome::Refused { reason: BlockReason::RecipientRefused, why: "no".to_owned() };
    world.try_once(notice, "ops", refusal);
    let told = world.store.notices(&Default::default(), 10).unwrap().remove(0).notice;
    assert_eq!(told.failure_of, Some(notice));
    assert!(send(&mut world, told.no).is_none());
    assert_eq!(world.state(told.no, "phone"), "pending_external_send/gate_closed");
    world.open(Gate::TelegramFailureReceiptSend);
    world.step(Input::ReleaseHeld);
    let sending = send(&mut world, told.no).expect("its own gate is open now");
    assert_eq!((sending.message.failure_of, sending.grants.len()), (Some(notice), 3));
    // What became of a failure receipt makes no other one.
    world.answered(told.no, "phone", sending.message.fence, failed());
    for _ in 0..5 {
        world.pass(secs(100));
        world.try_once(told.no, "phone", failed());
        if world.state(told.no, "phone").starts_with("blocked") {
            break;
        }
    }
    assert_eq!(world.state(told.no, "phone"), "blocked/attempts_exhausted");
    assert_eq!(world.store.notices(&Default::default(), 10).unwrap().len(), 2);
}

#[test]
fn what_follows_a_task_waits_for_its_gates_and_goes_in_order() {
    let mut world = world();
    world.machine.settings.approvals.follow_up = [FollowUp::Results, FollowUp::Scores, FollowUp::Reviews].into();
    world.report("task.started", "t", json!({"period": "1m"}));
    world.report_as(Origin::Operator, "task.completed", Some("t"), json!({"summary": "done"}));
    let wanted: Vec<_> =
        world.store.all_work(WorkFilter::Open, 10).unwrap().into_iter().map(|work| work.gate).collect();
    assert!(wanted.contains(&Gate::RuntimeResultCaptureWrite), "{wanted:?}");
}

#[test]
fn truth_7_no_agent_approves_wants_or_takes_a_use() {
    let mut world = world();
    let terms = world.terms(GATE, Scope::default(), 1);
    let acts = [
        Act::Approve { signed: fixtures::signed(&terms) },
        Act::Want { wanted: Wanted::Prune },
        Act::TakeUse { gates: vec![GATE], scope: Scope::default(), what: "x".to_owned() },
        Act::Keep { kind: DocumentKind::Drill, key: "x".to_owned(), body: json!({}) },
    ];
    for act in acts {
        for origin in [Origin::Agent, Origin::Adapter] {
            assert_eq!(world.refused(Input::Operator { act: act.clone(), origin }), Refusal::OperatorOnly);
        }
    }
}

#[test]
fn documents_that_gates_stand_before_are_not_written_by_hand() {
    let mut world = world();
    for kind in [DocumentKind::Score, DocumentKind::Result, DocumentKind::Trust, DocumentKind::Readback] {
        let act = Act::Keep { kind, key: "x".to_owned(), body: json!({}) };
        assert!(matches!(world.refused(Input::Operator { act, origin: Origin::Operator }), Refusal::Unwanted(_)));
    }
    let txn = world.store.begin().unwrap();
    assert!(txn.document(DocumentKind::Score, "x").unwrap().is_none());
}
