//! Stories: who runs, which channels there are, what happens, and what may become of a send.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use candor_approval::fixtures;
use candor_core::{
    approval::{Signed, Terms},
    capability::Capabilities,
    decision::{Severity, Verdict},
    gate::{Gate, Scope},
    ids::{NoticeNo, TargetName},
    notice::ProofLevel,
    pack::PackSet,
    settings::{Approvals, OnUnknown, Retry, Settings, Target},
    task::Cadence,
    time::Timestamp,
};
use candor_path::{Act, Machine, Vouched};
use serde_json::{Value, json};

use crate::{Mutant, outside::START};

/// How far the clock moves per round.
pub(crate) const ROUND: Duration = Duration::from_secs(60);
/// What a rate limit asks for: longer than Candor's own longest wait.
pub(crate) const FLOOR: Duration = Duration::from_secs(150);
/// How often a send is tried.
pub(crate) const ATTEMPTS_MAX: u32 = 6;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One process that does everything and holds the store alone.
    Up,
    /// Watchdog, dispatcher and bridge, each a process.
    Split,
}

/// How a channel treats repeats, and what is done about an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// It drops repeats of a key.
    Idempotent,
    /// It doesn't; an unknown outcome waits for an operator.
    Hold,
    /// It doesn't; an unknown outcome is sent again, marked.
    Resend,
    /// It is a stand-in.
    Simulated,
    /// It drops repeats, and has a gate.
    Gated,
}

impl Channel {
    const ALL: [Self; 5] = [Self::Idempotent, Self::Hold, Self::Resend, Self::Simulated, Self::Gated];

    /// Its target's name.
    pub(crate) fn name(self) -> TargetName {
        format!("{self:?}").to_lowercase().parse().unwrap()
    }

    /// The channel behind a target.
    pub(crate) fn of(target: &TargetName) -> Self {
        Self::ALL.into_iter().find(|channel| &channel.name() == target).unwrap()
    }

    pub(crate) fn knows_keys(self) -> bool {
        matches!(self, Self::Idempotent | Self::Gated)
    }

    pub(crate) fn gate(self) -> Option<Gate> {
        (self == Self::Gated).then_some(Gate::ProductionWrite)
    }
}

/// What may become of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It arrived, and the proof came.
    Proved,
    /// It arrived, and the answer was lost.
    LostSeen,
    /// It didn't arrive, and nobody can tell.
    LostUnseen,
    /// It arrived; the answer comes after the sender has given up.
    Late,
    /// It arrived; the answer takes a while, and the process lives on.
    Slow,
    /// It arrived; the process is stopped for longer than its lease, and goes on as if nothing had been.
    Paused,
    /// It surely didn't arrive.
    Failed,
    /// The channel refused it for good.
    Refused,
    /// A relay took it; nothing is known of the destination.
    Relayed,
    /// The channel asks to wait.
    Limited,
}

impl Sent {
    /// Whether the receiver has it then.
    pub(crate) fn arrives(self) -> bool {
        matches!(self, Self::Proved | Self::LostSeen | Self::Late | Self::Slow | Self::Paused)
    }
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Somebody reports.
    Report {
        /// The event's id.
        id: String,
        /// Its type, without the prefix.
        kind: &'static str,
        /// Its task.
        task: Option<String>,
        /// Its data.
        data: Value,
    },
    /// The operator acts.
    Act(Act),
    /// The wall clock is set, by seconds.
    ClockJumps(i64),
    /// A task's process works from now on, or stops.
    Works(&'static str, bool),
    /// A target leaves the configuration.
    TargetLeaves(Channel),
    /// And returns.
    TargetReturns(Channel),
}

impl Deed {
    /// Whether it happens without Candor.
    pub(crate) fn is_outside(&self) -> bool {
        !matches!(self, Self::Report { .. } | Self::Act(_))
    }

    /// A request that the operator be told, whose title names the event.
    #[must_use]
    pub fn ask(id: &str, severity: &str) -> Self {
        let data = json!({"title": format!("asked {id}"), "severity": severity});
        Self::Report { id: id.to_owned(), kind: "notice.requested", task: None, data }
    }

    /// A report on a task.
    #[must_use]
    pub fn report(id: &str, kind: &'static str, task: &str, data: Value) -> Self {
        Self::Report { id: id.to_owned(), kind, task: Some(task.to_owned()), data }
    }
}

/// A story.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Who runs.
    pub layout: Layout,
    /// The targets.
    pub channels: Vec<Channel>,
    /// What may become of a send while there are faults.
    pub palette: Vec<Sent>,
    /// How many rounds it has, and in how many of them there are faults.
    pub rounds: usize,
    /// See `rounds`.
    pub faulty: usize,
    /// What happens in which round.
    pub script: Vec<(usize, Deed)>,
    /// Most crashes in an exhaustive search.
    pub crashes: usize,
    /// Whether records are sealed, and the log verified at the end.
    pub sealed: bool,
}

impl Scenario {
    /// The real machine, with the scenario's targets.
    pub(crate) fn machine(&self, mutant: Option<Mutant>) -> Machine {
        let target = |channel: &Channel| Target {
            name: channel.name(),
            sender: "sim@0".to_owned(),
            available: true,
            reads_secrets: false,
            gate: channel.gate().filter(|_| mutant != Some(Mutant::GateIgnored)),
            idempotent: channel.knows_keys(),
            on_unknown: match channel {
                Channel::Resend => OnUnknown::ResendPossibleDuplicate,
                _ => OnUnknown::Hold,
            },
            needs: ProofLevel::Stored,
            retry: Retry {
                attempts_max: ATTEMPTS_MAX,
                first: Duration::from_secs(1),
                longest: Duration::from_secs(30),
            },
            from_level: 1,
            from_severity: Severity::Info,
        };
        let settings = Settings {
            profile: "sim".to_owned(),
            node: "sim".to_owned(),
            cadence: Cadence { period: ROUND, grace: ROUND },
            escalate_after: vec![ROUND * 2, ROUND * 2],
            targets: self.channels.iter().map(target).collect(),
            default_verdict: Verdict::Allow,
            evidence_lives_for: ROUND * 1_000,
            deployment: Capabilities::default(),
            capabilities: BTreeMap::new(),
            lease: Duration::from_secs(15),
            handover: ROUND * 2,
            fold_every: ROUND,
            keep_for: candor_core::profile::KeepFor::default(),
            places: Vec::new(),
            approvals: Approvals { allowed_signers: fixtures::owner(1).0, ..Approvals::default() },
        };
        // Loading costs more than a whole run.
        static PACKS: OnceLock<PackSet> = OnceLock::new();
        Machine { settings, packs: PACKS.get_or_init(|| PackSet::core().unwrap()).clone(), vouched: Vouched::default() }
    }
}

fn story(name: &str, channels: &[Channel], palette: &[Sent], script: Vec<(usize, Deed)>) -> Scenario {
    Scenario {
        name: name.to_owned(),
        layout: Layout::Up,
        channels: channels.to_vec(),
        palette: palette.to_vec(),
        rounds: 10,
        faulty: 4,
        script,
        crashes: 2,
        sealed: false,
    }
}

fn started(task: &str, data: Value) -> Deed {
    Deed::report(&format!("start-{task}"), "task.started", task, data)
}

/// A task that has a process to look at.
fn started_with_process(task: &str) -> Deed {
    started(task, json!({"signals": [{"signal": "process", "pid": 7, "started_ticks": 7}]}))
}

/// An owner's approval that lets so many effects through the gate.
pub(crate) fn approval(id: &str, uses: u64) -> Deed {
    // Signing costs more than most steps of a run.
    static SIGNED: Mutex<BTreeMap<(String, u64), Signed>> = Mutex::new(BTreeMap::new());
    let mut signed = SIGNED.lock().unwrap();
    let signed = signed.entry((id.to_owned(), uses)).or_insert_with(|| {
        let until = Timestamp::from_micros(START).after(Duration::from_secs(20 * 86_400));
        let terms = fixtures::terms(&[Gate::ProductionWrite], Scope::default(), fixtures::at(0), until);
        fixtures::signed_by(
            &Terms {
                id: id.to_owned(),
                node: "sim".to_owned(),
                package_sha256: fixtures::package_sha256(),
                max_uses: uses,
                ..terms
            },
            &[1],
        )
    });
    Deed::Act(Act::Approve { signed: signed.clone() })
}

/// The package that approvals are of.
pub(crate) fn package() -> Deed {
    let (package, evidence) = fixtures::package();
    Deed::Act(Act::RecordPackage { package, evidence })
}

/// Every story, in the order in which a reader should meet them.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    use Channel as C;
    use Sent as S;
    let all = [S::Proved, S::LostSeen, S::LostUnseen, S::Late, S::Slow, S::Failed, S::Refused, S::Relayed, S::Limited];
    let mut stories = Vec::new();
    for channel in [C::Idempotent, C::Hold, C::Resend, C::Simulated] {
        let mut one = story(&format!("one notice, {channel:?}"), &[channel], &all, vec![(0, Deed::ask("a", "info"))]);
        one.faulty = 3;
        stories.push(one);
    }
    let several = || ["a", "b"].map(|id| (0, Deed::ask(id, "info"))).to_vec();
    let mut digest =
        story("a rate limit, then a digest", &[C::Idempotent], &[S::Limited, S::Proved, S::LostSeen], several());
    digest.script.push((1, Deed::ask("loud", "critical")));
    (digest.rounds, digest.faulty) = (12, 2);
    stories.push(digest.clone());
    digest.name = "a digest to a channel that knows no keys".to_owned();
    digest.channels = vec![C::Resend];
    stories.push(digest);
    let mut both = story(
        "two targets fail apart",
        &[C::Idempotent, C::Hold],
        &[S::Proved, S::Failed, S::LostSeen],
        vec![(0, Deed::ask("a", "info"))],
    );
    both.faulty = 2;
    stories.push(both);
    let mut dead = story("a channel that is dead", &[C::Idempotent], &[S::Failed], vec![(0, Deed::ask("a", "info"))]);
    (dead.rounds, dead.faulty) = (14, 10);
    stories.push(dead);
    let mut crossing = story(
        "two notices, answers that cross",
        &[C::Resend],
        &[S::Slow, S::Late, S::Failed, S::LostUnseen],
        vec![(0, Deed::ask("a", "info")), (0, Deed::ask("b", "info"))],
    );
    crossing.faulty = 2;
    stories.push(crossing);
    stories.extend(operating());
    stories.extend(watching());
    stories.extend(apart());
    stories
}

/// Stories of an operator and a configuration that change things meanwhile.
fn operating() -> Vec<Scenario> {
    use {Channel as C, Sent as S};
    vec![
        story(
            "the operator tries again, and settles",
            &[C::Hold],
            &[S::LostUnseen, S::LostSeen, S::Refused, S::Proved],
            vec![
                (0, Deed::ask("a", "info")),
                (2, Deed::Act(Act::Retry { notice: NoticeNo(1), target: None })),
                (4, Deed::Act(Act::Resolve { notice: NoticeNo(1), target: None, note: "seen".to_owned() })),
            ],
        ),
        story(
            "a gate opens, closes and opens",
            &[C::Gated],
            &[S::Proved, S::LostSeen, S::Failed],
            vec![
                (0, Deed::ask("a", "info")),
                (0, package()),
                (1, approval("first", 100)),
                (2, Deed::Act(Act::CloseGate { gate: Gate::ProductionWrite, under: None })),
                (2, Deed::ask("b", "info")),
                (4, approval("second", 100)),
            ],
        ),
        story(
            "the uses of a gate run out",
            &[C::Gated],
            &[S::Proved, S::LostSeen, S::Failed],
            vec![
                (0, package()),
                (0, Deed::ask("a", "info")),
                (1, approval("one use", 1)),
                (2, Deed::ask("b", "info")),
                (5, approval("more", 100)),
            ],
        ),
        story(
            "a target leaves and returns",
            &[C::Idempotent],
            &[S::Proved, S::LostSeen, S::Failed],
            vec![
                (0, Deed::ask("a", "info")),
                (1, Deed::TargetLeaves(C::Idempotent)),
                (1, Deed::ask("b", "info")),
                (4, Deed::TargetReturns(C::Idempotent)),
            ],
        ),
        story(
            "the same event again and again",
            &[C::Idempotent],
            &[S::Proved, S::Failed],
            (0..3).map(|round| (round, Deed::ask("a", "info"))).collect(),
        ),
    ]
}

/// Reports in most rounds, but not in the third: silence that is allowed.
fn with_a_gap() -> Vec<(usize, Deed)> {
    let report = |round| Deed::report(&format!("b-{round}"), "task.checkpointed", "t", json!({"note": "on it"}));
    [1, 2, 4, 5].into_iter().map(|round| (round, report(round))).collect()
}

/// Stories of tasks.
fn watching() -> Vec<Scenario> {
    use {Channel::Idempotent, Sent as S};
    let quiet = [S::Proved, S::Failed];
    let mut stories = vec![
        story(
            "a silent task is told, and is back",
            &[Idempotent],
            &quiet,
            vec![(0, started("t", json!({}))), (5, Deed::report("alive", "task.checkpointed", "t", json!({})))],
        ),
        story("nobody takes it on, and it escalates", &[Idempotent], &[S::Proved], vec![(0, started("t", json!({})))]),
        story(
            "somebody takes it on",
            &[Idempotent],
            &[S::Proved],
            vec![
                (0, started("t", json!({}))),
                (3, Deed::Act(Act::Acknowledge { notice: NoticeNo(1), by: "op".to_owned() })),
            ],
        ),
        story(
            "a process works without a report, and stops",
            &[Idempotent],
            &[S::Proved],
            vec![(0, started_with_process("t")), (0, Deed::Works("t", true)), (6, Deed::Works("t", false))],
        ),
        story("routine checkpoints", &[Idempotent], &[S::Proved], {
            let beat = |round| (round, Deed::report(&format!("b-{round}"), "task.checkpointed", "t", json!({})));
            let mut script = vec![(0, started("t", json!({})))];
            script.extend((0..7).map(beat));
            script
        }),
        story(
            "blocked, and unblocked",
            &[Idempotent],
            &quiet,
            vec![
                (0, started("t", json!({}))),
                (1, Deed::report("block", "task.blocked", "t", json!({"reason": "no key"}))),
                (5, Deed::report("unblock", "task.unblocked", "t", json!({}))),
                (6, Deed::report("done", "task.failed", "t", json!({"reason": "no use"}))),
            ],
        ),
        story(
            "a claim, and evidence against it",
            &[Idempotent],
            &[S::Proved],
            vec![
                (0, started("t", json!({}))),
                (1, Deed::report("claim", "claim.made", "t", json!({"claim": "tests_passed"}))),
                (
                    1,
                    Deed::report(
                        "shown",
                        "evidence.added",
                        "t",
                        json!({"supports": ["tests_passed"],
                "evidence": {"kind": "test_report", "path": "junit.xml"}}),
                    ),
                ),
                (2, Deed::report("done", "task.completed", "t", json!({"summary": "done"}))),
            ],
        ),
    ];
    for (name, jump) in [("back an hour", -3_600), ("on a day", 86_400)] {
        let mut script = vec![(0, started("t", json!({})))];
        script.extend(with_a_gap());
        script.push((3, Deed::ClockJumps(jump)));
        stories.push(story(&format!("the clock goes {name}"), &[Idempotent], &[S::Proved], script));
    }
    stories
}

/// Stories of roles that run as processes of their own.
fn apart() -> Vec<Scenario> {
    use {Channel as C, Sent as S};
    let mut stories = vec![
        story(
            "handed over from process to process",
            &[C::Hold],
            &[S::Proved, S::LostSeen, S::Slow, S::Failed],
            vec![(0, Deed::ask("a", "info"))],
        ),
        story(
            "a bridge that is stopped and goes on",
            &[C::Resend],
            &[S::Paused, S::Proved, S::Late],
            vec![(0, Deed::ask("a", "info")), (1, Deed::ask("b", "info"))],
        ),
        story("three processes see one jump", &[C::Idempotent], &[S::Proved], {
            let mut script = vec![(0, started("t", json!({})))];
            script.extend(with_a_gap());
            script.push((3, Deed::ClockJumps(-3_600)));
            script
        }),
        story(
            "a rate limit between processes",
            &[C::Idempotent],
            &[S::Limited, S::Proved],
            vec![(0, Deed::ask("a", "info")), (0, Deed::ask("b", "info"))],
        ),
    ];
    for one in &mut stories {
        one.layout = Layout::Split;
        one.rounds = 14;
        one.faulty = 2;
    }
    stories
}
