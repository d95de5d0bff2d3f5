//! What an operator does with the record itself.

use std::time::Duration;

use candor_audit::sign::{checkpoint::Checkpoint, key::NodeKey, rotation::Rotation};
use candor_core::{
    evidence::Origin,
    gate::{Gate, Grant},
    profile::KeepFor,
    work::{Wanted, WorkState},
};
use candor_path::{Act, ArtifactKind, Effect, Input, Refusal, Reply, StepError, Write};

use crate::harness::{World, target};

fn act(world: &mut World, act: Act) -> Result<candor_path::Plan, StepError> {
    world.attempt(Input::Operator { act, origin: Origin::Operator })
}

fn refused(outcome: Result<candor_path::Plan, StepError>) -> Refusal {
    match outcome.unwrap_err() {
        StepError::Refused(refusal) => refusal,
        StepError::Unreadable(error) => panic!("{error}"),
    }
}

fn key(seed: u8) -> NodeKey {
    NodeKey::from_seed("node", &[seed; 32]).unwrap()
}

#[test]
fn only_a_change_that_both_keys_signed_goes_on_record() {
    let mut world = World::one();
    let note = Rotation::sign("node", &key(1), &key(2), 7);
    let plan = act(&mut world, Act::RotateKey { rotation: note.clone() }).unwrap();
    assert_eq!(
        (plan.artifacts[0].kind, &plan.artifacts[0].body["rotation"]),
        (ArtifactKind::Key, &note.clone().into())
    );
    let one_signature: String = note.lines().take(7).map(|line| format!("{line}\n")).collect();
    for bad in [one_signature.as_str(), "", "no note"] {
        let refusal = refused(act(&mut world, Act::RotateKey { rotation: bad.to_owned() }));
        assert_eq!(refusal.code(), "not_signed", "{bad}");
    }
    let agent = world.attempt(Input::Operator { act: Act::RotateKey { rotation: note }, origin: Origin::Agent });
    assert_eq!(refused(agent), Refusal::OperatorOnly);
}

#[test]
fn a_head_is_told_as_a_notice_and_nothing_else_is() {
    let mut world = World::one();
    let head = Checkpoint { origin: "node".to_owned(), size: 42, root: [1; 32], at_us: 0 }.sign(&[&key(1)]);
    let plan = act(&mut world, Act::TellHead { target: target("ops").name, head: head.clone() }).unwrap();
    let notice =
        plan.writes.iter().find_map(|write| if let Write::Notice(notice) = write { Some(notice) } else { None });
    let notice = notice.unwrap();
    assert!(notice.title.contains("42 records") && notice.text == head);
    let nobody = "nobody".parse().unwrap();
    assert_eq!(refused(act(&mut world, Act::TellHead { target: nobody, head })).code(), "unknown_target");
    let words = Act::TellHead { target: target("ops").name, head: "buy this".to_owned() };
    assert_eq!(refused(act(&mut world, words)).code(), "not_signed");
}

#[test]
fn a_pruning_needs_an_open_gate_a_window_and_stretches_of_this_log() {
    let mut world = World::one();
    // With its gate closed it waits, and nothing may be pruned for it.
    let Reply::Work(work) = act(&mut world, Act::Want { wanted: Wanted::Prune }).unwrap().reply else { panic!() };
    assert_eq!((work.gate, &work.state), (Gate::DestructiveOperation, &WorkState::Pending));
    let (no, lasts) = (work.no, Duration::from_secs(3600));
    let of = |grants: &[Grant], stretches: &[(u64, u64)]| Act::Prune {
        work: no,
        grants: grants.to_vec(),
        stretches: stretches.to_vec(),
        archive: None,
    };
    assert_eq!(refused(act(&mut world, of(&[], &[(0, 1)]))).code(), "no_work");
    world.open(Gate::DestructiveOperation);
    let started = world.step(Input::DoWork { work: no });
    let [Effect::Perform(allowed)] = &started.effects[..] else { panic!("{started:?}") };
    let grants = allowed.grants.clone();
    let prune = |stretches: &[(u64, u64)]| of(&grants, stretches);
    assert_eq!(refused(act(&mut world, prune(&[(0, 1)]))).code(), "not_prunable", "everything is kept for ever");
    world.machine.settings.keep_for = KeepFor { other: Some(lasts), ..KeepFor::default() };
    for bad in [&[(0, 99)][..], &[], &[(1, 1)]] {
        assert_eq!(refused(act(&mut world, prune(bad))).code(), "not_prunable", "{bad:?}");
    }
    let unfit =
        Act::Prune { work: no, grants: Vec::new(), stretches: vec![(0, 1)], archive: Some("no digest".to_owned()) };
    assert_eq!(refused(act(&mut world, unfit)).code(), "text");
    let plan = act(&mut world, prune(&[(0, 1)])).unwrap();
    assert_eq!((plan.artifacts[0].kind, &plan.artifacts[0].body["act"]), (ArtifactKind::OperatorAct, &"prune".into()));
    assert_eq!(plan.artifacts[0].body["opening"], "g-1");
    // Asked for again it goes on, under the use that is handed over, and no second one begins.
    let again = act(&mut world, prune(&[(0, 1)])).unwrap();
    assert!(again.artifacts.is_empty() && matches!(&again.writes[..], [Write::Pruning(of)] if of.grants == grants));
}
