//! Random stories from a seed: first with every fault, then without any, when all must come to rest.

use candor_core::ids::NoticeNo;
use candor_path::Act;
use serde_json::json;

use crate::{
    Choices, Violation, run,
    scenario::{Channel, Deed, Layout, Scenario, Sent, approval, package},
};

/// Rounds with faults, and rounds without in which all must come to rest.
const FAULTY: usize = 12;
const QUIET: usize = 14;
/// Most crashes in one run.
const CRASHES_MAX: usize = 6;
const TASKS: [&str; 3] = ["t-1", "t-2", "t-3"];

/// The story of a seed.
#[must_use]
pub fn story(seed: u64) -> Scenario {
    let mut dice = Choices::seeded(seed ^ 0x5EED, 0);
    let mut script = Vec::new();
    for round in 0..FAULTY {
        for deed in 0..dice.choose(4) {
            script.push((round, random(&mut dice, &format!("{round}-{deed}"))));
        }
    }
    // Liveness: what a person would mend is mended.
    script.push((FAULTY, Deed::TargetReturns(Channel::Hold)));
    script.push((FAULTY, Deed::TargetReturns(Channel::Idempotent)));
    let layout = if dice.choose(2) == 0 { Layout::Up } else { Layout::Split };
    let mut palette = vec![
        Sent::Proved,
        Sent::LostSeen,
        Sent::LostUnseen,
        Sent::Late,
        Sent::Slow,
        Sent::Failed,
        Sent::Refused,
        Sent::Relayed,
        Sent::Limited,
    ];
    if layout == Layout::Split {
        palette.push(Sent::Paused);
    }
    Scenario {
        name: format!("seed {seed}"),
        layout,
        channels: vec![Channel::Idempotent, Channel::Hold, Channel::Resend, Channel::Simulated, Channel::Gated],
        palette,
        rounds: FAULTY + QUIET,
        faulty: FAULTY,
        script,
        crashes: CRASHES_MAX,
        sealed: true,
    }
}

fn random(dice: &mut Choices, id: &str) -> Deed {
    let task = TASKS[dice.choose(TASKS.len())];
    let notice = NoticeNo(u64::try_from(dice.choose(12)).unwrap() + 1);
    let report = |kind, data| Deed::report(id, kind, task, data);
    match dice.choose(20) {
        0..=2 => Deed::ask(id, ["info", "warning", "critical"][dice.choose(3)]),
        3..=4 => report("task.started", json!({})),
        5 => report("task.started", json!({"signals": [{"signal": "process", "pid": 7, "started_ticks": 7}]})),
        6..=7 => report("task.checkpointed", json!({})),
        8 => report("task.checkpointed", json!({"note": "on it"})),
        9 => report("task.blocked", json!({"reason": "no key"})),
        10 => report("task.unblocked", json!({})),
        11 => report("claim.made", json!({"claim": "tests_passed"})),
        12 => report(
            "evidence.added",
            json!({"supports": ["tests_passed"],
            "evidence": {"kind": "test_report", "path": "junit.xml"}}),
        ),
        13 => report("task.completed", json!({"summary": "done"})),
        14 => [package(), approval(id, 1), approval(id, 100)][dice.choose(3)].clone(),
        15 => Deed::Act(Act::Retry { notice, target: None }),
        16 => Deed::Act(Act::Acknowledge { notice, by: "op".to_owned() }),
        17 => Deed::ClockJumps([-3_600, 86_400, 30][dice.choose(3)]),
        18 => Deed::Works(task, dice.choose(2) == 0),
        _ => [Deed::TargetLeaves(Channel::Hold), Deed::TargetReturns(Channel::Hold)][dice.choose(2)].clone(),
    }
}

/// Plays a seed's story once.
///
/// # Errors
/// The first invariant that didn't hold.
pub fn play(seed: u64) -> Result<Vec<String>, Violation> {
    run(&story(seed), None, &mut Choices::seeded(seed, CRASHES_MAX))
}
