//! Watch: silence, life, escalation, and clocks that jump.

use std::time::Duration;

use candor_core::{
    evidence::Origin,
    task::{Reading, TaskState},
    time::Timestamp,
};
use candor_path::{Act, ClockReading, Effect, Input, Reply};
use candor_store::Listing;
use serde_json::json;

use crate::harness::{World, secs};

fn clocks(steady: &str, offset: i64) -> Input {
    Input::ClockRead(ClockReading { steady: steady.to_owned(), offset })
}

fn started(data: serde_json::Value) -> World {
    let mut world = World::one();
    world.report("task.started", "t", data);
    world
}

#[test]
fn silence_is_told_once_per_level_and_its_end_is_told_too() {
    let mut world = started(json!({}));
    world.pass(secs(69));
    world.look("t");
    assert_eq!(world.titles().len(), 0, "period and grace are not over");
    world.pass(secs(1));
    world.look("t");
    world.look("t");
    assert_eq!(world.titles().len(), 1, "one silence, one notice: {:?}", world.titles());
    assert!(world.titles()[0].contains("is silent"));
    world.pass(secs(300));
    world.look("t");
    assert!(world.titles()[1].contains("level 2"), "{:?}", world.titles());
    world.report("task.checkpointed", "t", json!({}));
    assert!(world.titles()[2].contains("is back"), "{:?}", world.titles());
    assert!(world.task("t").incident.is_none());
    world.pass(secs(71));
    world.look("t");
    assert!(world.titles()[3].contains("is silent"), "a new silence is a new incident");
}

#[test]
fn taking_it_on_stops_escalation() {
    let mut world = started(json!({}));
    world.pass(secs(70));
    world.look("t");
    let notice = world.store.notices(&Default::default(), 1).unwrap()[0].notice.no;
    world.act(Act::Acknowledge { notice, by: "op".to_owned() });
    world.pass(secs(10_000));
    world.look("t");
    assert_eq!(world.titles().len(), 1, "{:?}", world.titles());
    let incident = world.store.incidents(true, 1).unwrap().remove(0);
    assert_eq!(incident.acknowledged_by.as_deref(), Some("op"));
}

#[test]
fn routine_checkpoints_are_life_and_leave_no_artifact() {
    let mut world = started(json!({}));
    let before = world.store.head().unwrap().length;
    for _ in 0..10 {
        world.pass(secs(50));
        let told = world.report("task.checkpointed", "t", json!({}));
        assert!(told.event.is_none());
        world.look("t");
    }
    assert_eq!(world.titles().len(), 0);
    assert_eq!(world.store.head().unwrap().length, before);
    assert_eq!(world.task("t").checkpoints, 10);
}

#[test]
fn a_tool_call_in_flight_excuses_silence_up_to_its_timeout() {
    let mut world = started(json!({}));
    world.report("tool.started", "t", json!({"call": "c1", "tool": "bash", "timeout": "10m"}));
    world.pass(secs(599));
    world.look("t");
    assert_eq!(world.titles().len(), 0);
    world.pass(secs(1));
    world.look("t");
    assert_eq!(world.titles().len(), 1);
}

#[test]
fn a_declared_timeout_is_capped() {
    let mut world = started(json!({}));
    world.report("tool.started", "t", json!({"call": "c1", "tool": "bash", "timeout": "10d"}));
    world.pass(candor_core::limits::TOOL_CALL_MAX);
    world.look("t");
    assert_eq!(world.titles().len(), 1);
}

#[test]
fn waiting_for_a_person_is_no_fault() {
    let mut world = started(json!({}));
    world.report("task.waiting", "t", json!({"on": "a review"}));
    world.pass(secs(100_000));
    world.look("t");
    assert_eq!(world.titles(), ["Task t waits for a person: a review"], "it is told that it waits, and that is all");
    assert_eq!(world.task("t").state, TaskState::Waiting);
}

#[test]
fn slow_is_another_event_than_missed() {
    let mut world = started(json!({"expected": "100s"}));
    for _ in 0..3 {
        world.pass(secs(50));
        world.report("task.checkpointed", "t", json!({}));
        world.look("t");
    }
    assert_eq!(world.titles(), ["Task t takes longer than expected"]);
}

#[test]
fn silence_needs_every_signal_to_be_silent() {
    let mut world = World::one();
    let data = json!({"signals": [{"signal": "file", "path": "/l"}, {"signal": "process", "pid": 7}]});
    world.report("task.started", "t", data);
    let reading = |world: &World, exists, amount, changed_at: Option<Timestamp>| Reading {
        exists,
        amount,
        changed_at,
        read_at: world.now,
    };
    let looks = |world: &mut World, file: (u64, Option<Timestamp>), cpu: u64| {
        let readings = vec![reading(world, true, file.0, file.1), reading(world, true, cpu, None)];
        world.step(Input::Look { task: "t".parse().unwrap(), readings: Some(readings) });
    };
    let start = world.now;
    looks(&mut world, (1, Some(start)), 10);
    world.pass(secs(70));
    let plan = world.look("t");
    assert!(matches!(plan.effects[0], Effect::Probe { .. }), "signals are read before anything is concluded");
    looks(&mut world, (1, Some(start)), 20);
    assert_eq!(world.titles().len(), 0, "the process worked");
    world.pass(secs(70));
    let wrote = world.now.before(secs(5));
    looks(&mut world, (2, Some(wrote)), 20);
    assert_eq!(world.titles().len(), 0, "the file grew");
    world.pass(secs(70));
    looks(&mut world, (2, Some(wrote)), 20);
    assert_eq!(world.titles().len(), 1, "now everything is silent");
    world.pass(secs(70));
    looks(&mut world, (2, Some(wrote)), 30);
    assert!(world.titles()[1].contains("is back"), "a signal alone shows that it is back");
}

#[test]
fn a_clock_that_jumps_changes_no_verdict() {
    for jump in [-3_600_i64, 86_400] {
        let mut world = started(json!({}));
        world.step(clocks("boot-1", 0));
        world.pass(secs(40));
        world.now = world.now.shifted(jump * 1_000_000);
        world.step(clocks("boot-1", jump * 1_000_000));
        world.look("t");
        assert_eq!(world.titles().len(), 0, "{jump}: 30 s are left");
        world.pass(secs(30));
        world.look("t");
        assert_eq!(world.titles().len(), 1, "{jump}: the same 70 s as without the jump");
    }
}

/// A process starts, perhaps beside others.
fn starts(world: &mut World, role: &str) -> candor_core::ids::OwnerNo {
    let started = Input::OwnerStarted { role: role.to_owned(), alone: false, away_since: None };
    let Reply::Owner(no) = world.step(started).reply else { panic!("no owner") };
    no
}

#[test]
fn that_nobody_watches_is_said_exactly_while_it_is_so() {
    let mut world = World::one();
    let mut told = 0;
    let mut unwatched = |world: &mut World| {
        told += 1;
        let decision = world.report("task.started", &format!("t{told}"), json!({})).decision.unwrap();
        decision.rules.iter().any(|hit| hit.message.contains("nothing here runs the watchdog"))
    };
    assert!(!unwatched(&mut world), "`up` lives");
    let up = world.owner;
    world.step(Input::OwnerEnded { owner: up });
    assert!(unwatched(&mut world), "`up` was stopped");
    let bridge = starts(&mut world, "bridge");
    assert!(unwatched(&mut world), "a bridge watches nothing");
    world.step(Input::OwnerEnded { owner: bridge });
    let watchdog = starts(&mut world, "watchdog");
    assert!(!unwatched(&mut world));
    world.pass(secs(60));
    assert!(unwatched(&mut world), "its heartbeat stopped");
    world.step(Input::OwnerEnded { owner: watchdog });
    world.pass(secs(60));
    let pass = starts(&mut world, "run");
    world.step(Input::OwnerEnded { owner: pass });
    world.pass(secs(500));
    assert!(!unwatched(&mut world), "it comes by in passes");
    world.pass(secs(500));
    assert!(unwatched(&mut world), "the next pass is overdue");
}

#[test]
fn processes_that_ended_are_forgotten_but_for_the_newest() {
    let mut world = World::one();
    for _ in 0..100 {
        let owner = starts(&mut world, "run");
        world.step(Input::OwnerEnded { owner });
    }
    let owners = world.store.owners(1_000).unwrap();
    assert_eq!(u64::try_from(owners.len()).unwrap(), candor_path::watch::OWNERS_KEPT_MAX + 2);
    assert!(owners.iter().any(|owner| owner.no == world.owner), "whoever lives is kept, however old");
}

/// How far the task's deadline lies ahead.
fn left(world: &World) -> Duration {
    world.task("t").due_at.unwrap().since(world.now)
}

#[test]
fn a_jump_that_several_processes_see_moves_deadlines_once() {
    let mut world = started(json!({}));
    world.step(clocks("boot-1", 0));
    world.now = world.now.shifted(86_400_000_000);
    for _ in 0..3 {
        world.step(clocks("boot-1", 86_400_000_000));
        assert_eq!(left(&world), secs(70));
    }
    world.now = world.now.shifted(-86_400_000_000);
    for _ in 0..3 {
        world.step(clocks("boot-1", 0));
        assert_eq!(left(&world), secs(70));
    }
}

#[test]
fn small_steps_of_the_clock_add_up_to_a_jump() {
    let mut world = started(json!({}));
    for step in 0..4 {
        assert!(world.step(clocks("boot-1", step * 700_000)).artifacts.is_empty() || step == 3, "step {step}");
    }
}

#[test]
fn after_a_restart_of_the_machine_only_a_record_from_ahead_shows_a_jump() {
    let mut world = started(json!({}));
    world.step(clocks("boot-1", 0));
    assert!(world.step(clocks("boot-2", -5_000_000_000)).artifacts.is_empty(), "another clock, no comparison");
    assert_eq!(left(&world), secs(70));
    world.now = world.now.before(secs(3_600));
    world.step(clocks("boot-3", 0));
    assert_eq!(left(&world), secs(70), "the clock went back an hour, and the deadline with it");
}

#[test]
fn while_nobody_could_report_nobody_was_silent() {
    let mut world = started(json!({}));
    let away_since = Some(world.now);
    world.pass(secs(36_000));
    world.step(Input::OwnerStarted { role: "up".to_owned(), alone: true, away_since });
    assert!(world.task("t").due_at.unwrap() > world.now, "everybody gets a grace to report first");
}

#[test]
fn blocked_is_told_and_escalates_until_it_is_unblocked() {
    let mut world = started(json!({}));
    world.report("task.blocked", "t", json!({"reason": "no key"}));
    world.report("task.blocked", "t", json!({"reason": "no key"}));
    assert_eq!(world.titles(), ["Task t is blocked: no key"], "further reports of one block fold into one notice");
    world.pass(secs(300));
    world.look("t");
    assert!(world.titles()[1].contains("still blocked"), "{:?}", world.titles());
    world.report("task.unblocked", "t", json!({}));
    assert!(world.titles()[2].contains("is back"), "{:?}", world.titles());
}

#[test]
fn only_its_owner_reports_on_a_task() {
    let mut world = World::one();
    let mut event = world.event("task.started", Some("t"), json!({}));
    event.agent = Some("a".parse().unwrap());
    world.step(Input::Report { event: Box::new(event), origin: Origin::Agent });
    for agent in [None, Some("b".parse().unwrap())] {
        let mut event = world.event("task.checkpointed", Some("t"), json!({}));
        event.agent = agent;
        let refusal = world.refused(Input::Report { event: Box::new(event), origin: Origin::Agent });
        assert_eq!(refusal.code(), "not_owner");
    }
    let event = Box::new(world.event(
        "task.missed",
        Some("t"),
        json!({
        "incident": null, "level": 1, "seen_at": "2026-01-01T00:00:00Z", "looked_at": []}),
    ));
    assert_eq!(world.refused(Input::Report { event, origin: Origin::Operator }).code(), "reserved");
}

#[test]
fn what_is_no_report_of_the_incident_is_told_by_itself() {
    let mut world = started(json!({}));
    world.report("task.blocked", "t", json!({"reason": "no disk"}));
    let told = world.report("notice.requested", "t", json!({"title": "please look", "severity": "critical"}));
    assert!(told.notice.is_some());
    assert_eq!(world.titles()[1], "please look");
    let claimed = world.report("claim.made", "t", json!({"claim": "operator_notified", "statement": "they know"}));
    assert!(claimed.decision.is_some());
    world.report("task.blocked", "t", json!({"reason": "still no disk"}));
    let folded = world.store.notices(&Default::default(), 10).unwrap().pop().unwrap().notice.folded;
    assert_eq!(folded, 1, "a further report of the incident folds into the incident's own notice");
}

#[test]
fn a_blocked_task_that_waited_and_goes_on_is_watched_again() {
    let mut world = started(json!({}));
    world.report("task.blocked", "t", json!({"reason": "no disk"}));
    world.report("task.waiting", "t", json!({"on": "a disk"}));
    world.report("task.checkpointed", "t", json!({"note": "on again"}));
    assert_eq!((world.task("t").state, world.task("t").incident), (TaskState::Running, None));
    world.pass(secs(70));
    world.look("t");
    assert!(world.titles().last().unwrap().contains("is silent"), "{:?}", world.titles());
    assert!(world.task("t").due_at.is_none_or(|at| at > world.now), "it isn't due again at once");
}
