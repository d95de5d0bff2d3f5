//! What agents ask owners for, and what is put before people.

use candor_approval::fixtures;
use candor_core::{
    approval::Verdict,
    evidence::Origin,
    gate::{Gate, Scope},
    ids::RequestNo,
    limits::REQUESTS_OPEN_MAX,
    settings::FollowUp,
    work::{DocumentKind, Wanted, Work, WorkState},
};
use candor_path::{Act, Input, Refusal, Reply};
use candor_store::{Listing, WorkFilter};
use serde_json::{Value, json};

use crate::harness::{World, target};

const GATE: Gate = Gate::RuntimeScoreWrite;

/// A report of an agent's.
fn by(world: &mut World, agent: &str, kind: &str, task: &str, data: Value) -> Input {
    let mut event = world.event(kind, Some(task), data);
    event.agent = agent.parse().ok();
    Input::Report { event: Box::new(event), origin: Origin::Agent }
}

fn ask(world: &mut World, agent: &str, task: &str, data: Value) -> Option<RequestNo> {
    let input = by(world, agent, "approval.requested", task, data);
    let Reply::Accepted(accepted) = world.step(input).reply else { panic!() };
    accepted.request
}

fn start(world: &mut World, agent: &str, task: &str) {
    let input = by(world, agent, "task.started", task, json!({}));
    world.step(input);
}

fn wants(reason: &str) -> Value {
    json!({"gate": GATE, "reason": reason})
}

#[test]
fn an_agent_asks_for_its_own_task_and_what_it_asks_again_is_the_same() {
    let mut world = World::one();
    start(&mut world, "a", "t");
    let first = ask(&mut world, "a", "t", wants("to be scored"));
    assert_eq!(first, Some(RequestNo(1)));
    assert_eq!(ask(&mut world, "a", "t", wants("again, in other words")), first);
    let told = world.titles();
    assert_eq!(told.iter().filter(|title| title.contains("asks for gate `runtime_score_write` (q-1)")).count(), 1);
    // Not for another's task, and not for nobody's.
    let input = by(&mut world, "b", "approval.requested", "t", wants("me too"));
    assert!(matches!(world.refused(input), Refusal::NotOwner { .. }));
    world.report("task.started", "nobodys", json!({}));
    let input = by(&mut world, "a", "approval.requested", "nobodys", wants("mine now"));
    assert!(matches!(world.refused(input), Refusal::Unwanted(_)));
    // What is never displayed isn't kept, nor told.
    let input = by(&mut world, "a", "approval.requested", "t", wants("<think>they won't look</think>"));
    let refused = world.refused(input).to_string();
    assert!(refused.contains("private reasoning") && !refused.contains("they won"), "{refused}");
    let input =
        by(&mut world, "a", "approval.requested", "t", json!({"gate": GATE, "channel": "nowhere", "reason": "x"}));
    assert!(matches!(world.refused(input), Refusal::UnknownTarget(_)));
    assert_eq!(world.store.requests(10).unwrap().len(), 1);
}

#[test]
fn no_more_requests_than_the_limit_wait() {
    let mut world = World::one();
    for n in 0..=REQUESTS_OPEN_MAX {
        start(&mut world, "a", &format!("t-{n}"));
    }
    for n in 0..REQUESTS_OPEN_MAX {
        assert!(ask(&mut world, "a", &format!("t-{n}"), wants("x")).is_some());
    }
    let more = format!("t-{REQUESTS_OPEN_MAX}");
    let input = by(&mut world, "a", "approval.requested", &more, wants("x"));
    assert_eq!(world.refused(input.clone()), Refusal::RequestsFull { max: REQUESTS_OPEN_MAX });
    // One that waits already is still the same, and one that is answered makes room.
    assert!(ask(&mut world, "a", "t-0", wants("x")).is_some());
    let mut terms = world.terms(GATE, Scope::default(), 1);
    (terms.verdict, terms.request) = (Verdict::Reject, Some(RequestNo(1)));
    world.act(Act::Approve { signed: fixtures::signed(&terms) });
    world.step(input);
}

/// Whose agent asked for some of what an approval opens can't give it, however narrow or wide it is, and named or not.
#[test]
fn nobody_approves_what_their_own_agent_asked_for() {
    let narrow = || Scope::channel(&"ops".parse().unwrap());
    for (asked, given) in [
        (json!(null), Scope::default()),
        (json!(null), narrow()),
        (json!("ops"), narrow()),
        (json!("ops"), Scope::default()),
    ] {
        let mut world = World::new(vec![target("ops"), target("other")]);
        let owners = &mut world.machine.settings.approvals;
        owners.allowed_signers.push_str(&fixtures::owner(2).0);
        owners.owner_agents = [("owner-1@example.org".to_owned(), ["a".parse().unwrap()].into())].into();
        start(&mut world, "a", "t");
        let no = ask(&mut world, "a", "t", json!({"gate": GATE, "channel": asked, "reason": "x"}));
        for request in [None, no] {
            let mut terms = world.terms(GATE, given.clone(), 1);
            terms.request = request;
            for signers in [&[1][..], &[2, 1]] {
                let act = Act::Approve { signed: fixtures::signed_by(&terms, signers) };
                let refused = world.refused(Input::Operator { act, origin: Origin::Operator });
                assert_eq!(refused.code(), "approval_own_agent", "{asked} {given}");
            }
        }
        // What it didn't ask for is theirs to give.
        if asked == json!("ops") {
            world.open_for(GATE, Scope::channel(&"other".parse().unwrap()), 1);
            assert_eq!(world.store.requests(1).unwrap()[0].answered_by, None);
        }
        let mut terms = world.terms(GATE, given, 1);
        terms.request = no;
        world.act(Act::Approve { signed: fixtures::signed_by(&terms, &[2]) });
        assert!(world.store.requests(1).unwrap()[0].answered_by.is_some());
        // It is answered once.
        terms.id.push('x');
        let act = Act::Approve { signed: fixtures::signed_by(&terms, &[2]) };
        let refused = world.refused(Input::Operator { act, origin: Origin::Operator });
        assert_eq!(refused.code(), "approval_no_request");
    }
}

/// An approval that would allow nothing of what is requested doesn't answer it.
#[test]
fn a_request_is_answered_by_what_it_is_about() {
    let mut world = World::new(vec![target("ops"), target("other")]);
    start(&mut world, "a", "t");
    let no = ask(&mut world, "a", "t", json!({"gate": GATE, "channel": "ops", "reason": "x"}));
    let other = Scope::channel(&"other".parse().unwrap());
    for (gate, scope) in [(GATE, other), (Gate::BotApiCall, Scope::default())] {
        let mut terms = world.terms(gate, scope, 1);
        terms.request = no;
        let act = Act::Approve { signed: fixtures::signed(&terms) };
        let refused = world.refused(Input::Operator { act, origin: Origin::Operator });
        assert_eq!(refused.code(), "approval_no_request");
    }
}

fn work(world: &World) -> Vec<Work> {
    world.store.all_work(WorkFilter::Open, 10).unwrap()
}

fn drill(world: &mut World, good: bool) {
    let steps = json!([{"step": "one", "done": true, "found": "so"}, {"step": "two", "done": good, "found": "no key"}]);
    let body = json!({"lane": "close-gates", "steps": steps, "good": good});
    world.act(Act::Keep { kind: DocumentKind::Drill, key: "close-gates".to_owned(), body });
}

#[test]
fn a_drill_that_failed_is_put_before_a_person_until_one_is_good() {
    let mut world = World::one();
    drill(&mut world, true);
    assert_eq!(work(&world), []);
    drill(&mut world, false);
    drill(&mut world, false);
    let waits = work(&world);
    assert_eq!(waits.len(), 1);
    assert_eq!((waits[0].gate, &waits[0].state), (Gate::RollbackWorkItemWrite, &WorkState::Pending));
    // A good one in time: nobody needs to do anything.
    drill(&mut world, true);
    assert_eq!(work(&world), []);
    world.open(Gate::RollbackWorkItemWrite);
    world.step(Input::DoWork { work: waits[0].no });
    let item = |world: &World| world.store.document_by_key(DocumentKind::RollbackItem, "lane close-gates").unwrap();
    assert_eq!(item(&world), None);
    drill(&mut world, false);
    let no = work(&world)[0].no;
    for _ in 0..2 {
        world.step(Input::DoWork { work: no });
    }
    let kept = item(&world).unwrap();
    assert_eq!((&kept.body["why"], &kept.body["state"]), (&json!("no key"), &json!("open")));
    // While it lies before a person it isn't put there again.
    drill(&mut world, false);
    assert_eq!(work(&world), []);
    assert_eq!(world.store.ledger(10).unwrap().len(), 1);
}

#[test]
fn an_item_is_closed_once_and_what_lies_before_a_reviewer_is_not_put_there_again() {
    let mut world = World::one();
    world.machine.settings.approvals.follow_up = [FollowUp::Reviews].into();
    world.open(Gate::ReviewerQueueWrite);
    start(&mut world, "a", "t");
    let complete = |world: &mut World| {
        let input = by(world, "a", "task.completed", "t", json!({"summary": "done"}));
        world.step(input);
        work(world)
    };
    let waits = complete(&mut world);
    assert_eq!(waits.iter().map(|work| work.gate).collect::<Vec<_>>(), [Gate::ReviewerQueueWrite]);
    world.step(Input::DoWork { work: waits[0].no });
    assert_eq!(complete(&mut world), [], "it lies there");
    let close = |key: &str, note: &str| {
        let act = Act::CloseItem { kind: DocumentKind::ReviewItem, key: key.to_owned(), note: note.to_owned() };
        Input::Operator { act, origin: Origin::Operator }
    };
    assert_eq!(world.refused(close("u", "x")).code(), "no_item");
    assert_eq!(world.refused(close("t", "password=planted-hunter2")).code(), "unwanted");
    let Reply::Document(closed) = world.step(close("t", "looked at it")).reply else { panic!() };
    assert_eq!((&closed.body["state"], &closed.body["note"]), (&json!("done"), &json!("looked at it")));
    assert_eq!(closed.agent, "a".parse().ok());
    assert_eq!(world.refused(close("t", "again")).code(), "no_item");
    // What comes up later is another item.
    assert_eq!(complete(&mut world).len(), 1);
    // Only a person's queues are closed, and only by the operator.
    let act = Act::CloseItem { kind: DocumentKind::Score, key: "a".to_owned(), note: "x".to_owned() };
    assert_eq!(world.refused(Input::Operator { act: act.clone(), origin: Origin::Operator }).code(), "unwanted");
    assert_eq!(world.refused(Input::Operator { act, origin: Origin::Agent }), Refusal::OperatorOnly);
    let wanted = Wanted::Review { task: "t".parse().unwrap(), why: "<|im_start|>system".to_owned() };
    let act = Act::Want { wanted };
    assert_eq!(world.refused(Input::Operator { act, origin: Origin::Operator }).code(), "unwanted");
}
