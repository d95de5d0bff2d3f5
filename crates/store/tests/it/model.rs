//! Memory and SQLite answer the same to whatever is written, in whatever order, committed or dropped.

use std::collections::BTreeMap;

use candor_core::{
    gate::{GATES, Gate, Opening},
    ids::{ApprovalNo, NoticeNo, OpeningNo, OwnerNo, WorkNo},
    notice::{BlockReason, Delivery, DeliveryState, PendingReason, StateName},
    task::{Incident, Task, TaskState},
    time::Timestamp,
    work::DocumentKind,
};
use candor_path::{ArtifactKind, BeatFold, ClockReading, OwnerRow, Plan, View, Write};
use candor_store::{
    Artifacts, Listing, LogEntry, NoticeFilter, Store, TaskFilter, Txn, WorkFilter, memory::Memory, sqlite::Reader,
};
use proptest::prelude::*;
use serde_json::json;

use crate::fixtures::*;

const TASKS: [&str; 4] = ["a", "b", "c", "d"];
const TARGETS: [&str; 2] = ["ops", "web"];
const REASONS: [PendingReason; 4] =
    [PendingReason::GateClosed, PendingReason::RetryScheduled, PendingReason::DryRun, PendingReason::AttemptOpen];

/// What one test run does, chosen so that small numbers meet each other often.
#[derive(Clone, Debug)]
enum Deed {
    Write(Box<Write>),
    /// Folds what waits of the first task that has something, as a step would.
    Fold,
    /// The same with what waited when this was last looked at, as a slow step would.
    FoldLate,
    Record(ArtifactKind, u64, Option<usize>),
    Commit,
    Drop,
    /// Closes SQLite and opens it again, after a commit.
    Reopen,
}

fn seconds() -> impl Strategy<Value = i64> {
    0..20_i64
}

fn maybe<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(of)
}

fn tasks() -> impl Strategy<Value = Task> {
    let choices = (0..TASKS.len(), maybe(0..TASKS.len()), prop::sample::select(TaskState::ALL), maybe(seconds()));
    (choices, any::<bool>(), 0..9_u64, seconds(), maybe(1..3_u64)).prop_map(
        |((id, parent, state, due), unproved, checkpoints, seen, incident)| Task {
            parent: parent.map(|parent| task_id(TASKS[parent])),
            state,
            unproved,
            due_at: due.map(at),
            checkpoints,
            seen_at: at(seen),
            incident: incident.map(candor_core::ids::IncidentNo),
            ..task(TASKS[id])
        },
    )
}

fn states() -> impl Strategy<Value = DeliveryState> {
    prop_oneof![
        Just(DeliveryState::Prepared),
        seconds().prop_map(queued),
        (1..4_u64).prop_map(|owner| DeliveryState::Dispatched { lease: lease(owner, 1) }),
        (1..4_u64).prop_map(sending),
        (prop::sample::select(&REASONS[..]), maybe(seconds())).prop_map(|(reason, next)| pending(reason, next)),
        Just(acked()),
        Just(DeliveryState::Blocked { reason: BlockReason::SenderMissing }),
    ]
}

fn deliveries() -> impl Strategy<Value = Delivery> {
    (1..6_u64, 0..TARGETS.len(), states(), maybe(1..3_u64), seconds()).prop_map(|(no, to, state, lead, since)| {
        Delivery { digest_of: lead.map(NoticeNo), since: at(since), ..delivery(no, TARGETS[to], state) }
    })
}

fn writes() -> impl Strategy<Value = Write> {
    let seen = (0..3_u64, 0..3_u64).prop_map(|(source, id)| Write::Seen {
        source: format!("s{source}"),
        id: format!("{id}"),
        event: candor_core::ids::EventNo(source + id),
        decision: (id > 0).then_some(candor_core::ids::DecisionNo(id)),
    });
    let incidents = (1..4_u64, 0..TASKS.len(), maybe(seconds()), any::<bool>()).prop_map(|(no, of, due, over)| {
        let resolved_at = over.then_some(at(9));
        Write::Incident(Box::new(Incident { escalate_at: due.map(at), resolved_at, ..incident(no, TASKS[of]) }))
    });
    let openings = (1..4_u64, any::<bool>()).prop_map(|(no, closed)| {
        Write::Opening(Box::new(Opening { closed_at: closed.then_some(at(1)), ..opening(no, Gate::BotApiCall) }))
    });
    let approvals = (1..4_u64, 0..3_u8).prop_map(|(no, which)| match which {
        0 => Write::Approval(Box::new(approval(no))),
        1 => Write::Package(Box::new(package(no))),
        _ => Write::Request(Box::new(request(no, no > 2))),
    });
    let gated = (1..4_u64, 0..3_u8, any::<bool>()).prop_map(|(no, stage, open)| match stage {
        // A ledger grows: entries of one number are written once, and the log of a model may repeat none.
        0 => Write::Document(Box::new(document(no, open))),
        stage => Write::Work(Box::new(work(no, stage, open))),
    });
    prop_oneof![
        1 => seen,
        4 => tasks().prop_map(put_task),
        8 => (0..TASKS.len(), seconds(), 0..4).prop_map(|(of, at, id)| beat(TASKS[of], at, &format!("event {id}"))),
        2 => incidents,
        1 => (1..4_u64, 0..TASKS.len()).prop_map(|(no, of)| Write::Claim(Box::new(claim(no, TASKS[of])))),
        1 => (1..4_u64, 0..TASKS.len()).prop_map(|(no, of)| Write::Evidence(Box::new(evidence(no, TASKS[of])))),
        2 => (1..6_u64, maybe(0..TASKS.len())).prop_map(|(no, of)| put_notice(notice(no, of.map(|of| TASKS[of])))),
        6 => deliveries().prop_map(put_delivery),
        1 => (0..TARGETS.len(), maybe(seconds())).prop_map(|(to, until)| Write::Parked { target: target(TARGETS[to]), until: until.map(at) }),
        1 => openings,
        2 => approvals,
        2 => gated,
        2 => (1..4_u64, seconds(), any::<bool>()).prop_map(|(no, at, ended)| Write::Owner(OwnerRow { ended, ..owner(no, at) })),
        1 => (1..4_u64).prop_map(|no| Write::OthersEnded(OwnerNo(no))),
        1 => (1..4_u64).prop_map(|no| Write::ForgetOwners(OwnerNo(no))),
        1 => (-9..9_i64).prop_map(|offset| Write::Clock(ClockReading { steady: "boot".to_owned(), offset })),
        1 => (-9_000_000..9_000_000_i64).prop_map(|micros| Write::Shift { micros }),
        1 => seconds().prop_map(|until| Write::Reprieve { until: at(until) }),
    ]
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let kinds = prop::sample::select(vec![ArtifactKind::Event, ArtifactKind::Receipt, ArtifactKind::Queue]);
    let deed = prop_oneof![
        20 => writes().prop_map(|write| Deed::Write(Box::new(write))),
        2 => Just(Deed::Fold),
        1 => Just(Deed::FoldLate),
        4 => (kinds, 1..5_u64, maybe(0..TASKS.len())).prop_map(|(kind, no, of)| Deed::Record(kind, no, of)),
        3 => Just(Deed::Commit),
        1 => Just(Deed::Drop),
        1 => Just(Deed::Reopen),
    ];
    prop::collection::vec(deed, 1..60)
}

fn sorted(mut folds: Vec<BeatFold>) -> Vec<BeatFold> {
    folds.sort_by(|left, right| left.task.cmp(&right.task));
    folds
}

/// Everything that a step can read, as text.
fn everything(view: &dyn View) -> String {
    let mut all = vec![
        format!("{:?} {:?} {:?} {:?}", view.numbers(), view.next_due_at(), view.clock(), view.last_at()),
        format!("{:?}", view.owners()),
    ];
    for id in TASKS.map(task_id) {
        all.push(format!("{:?} {:?}", view.task(&id), view.children(&id)));
        all.push(format!("{:?} {:?} {:?}", view.claims(&id), view.evidence_of(&id), view.notices_of(&id, 2)));
    }
    for (source, id) in (0..3).flat_map(|source| (0..3).map(move |id| (source, id))) {
        all.push(format!("{:?}", view.seen(&format!("s{source}"), &id.to_string())));
    }
    for no in 1..6 {
        all.push(format!("{:?} {:?}", view.notice(NoticeNo(no)), view.deliveries(NoticeNo(no))));
        all.push(format!("{:?} {:?}", view.incident(candor_core::ids::IncidentNo(no)), view.owner(OwnerNo(no))));
    }
    for to in TARGETS.map(target) {
        all.push(format!("{:?} {:?}", view.due_for(&to, at(10), 3), view.parked_until(&to)));
        all.push(format!("{:?}", (1..3).map(|lead| view.covered_by(NoticeNo(lead), &to)).collect::<Vec<_>>()));
    }
    for (reason, to) in REASONS.iter().flat_map(|reason| TARGETS.map(|to| (*reason, target(to)))) {
        all.push(format!("{:?}", view.held(reason, &to, 3)));
    }
    for limit in [1, 3, 99] {
        all.push(format!("{:?} {:?}", view.due(at(10), limit), view.handed_over(limit)));
        all.push(format!("{:?}", view.orphans(OwnerNo(1), at(10), limit)));
    }
    all.push(format!("{:?}", GATES.iter().map(|gate| view.openings(*gate)).collect::<Vec<_>>()));
    all.push(format!("{:?} {:?}", view.last_closed_at(at(5)), view.last_closed_at(at(9_000))));
    for no in 1..4_u64 {
        all.push(format!("{:?} {:?}", view.approval(ApprovalNo(no)), view.approval_by_id(&format!("id-{no}"))));
        all.push(format!("{:?} {:?}", view.has_package(&sha256(no)), view.work(WorkNo(no))));
        all.push(format!("{:?}", view.open_work(&work(no, 1, true).wanted.key())));
        all.push(format!("{:?}", view.document(DocumentKind::Score, &format!("key-{no}"))));
    }
    all.push(format!("{:?} {:?}", view.newest_package(), view.open_requests()));
    all.push(format!("{:?}", view.waiting_work(Gate::RuntimeScoreWrite, 2)));
    all.push(format!("{:?} {:?}", view.started_work(9), view.work_count()));
    all.push(format!("{:?}", view.documents_of(DocumentKind::Score, &"nightly".parse().unwrap(), 2)));
    all.push(format!("{:?}", view.beats(99).map(sorted)));
    all.join("\n")
}

/// Everything that people can read, as text.
fn listings(reads: &impl Listing) -> String {
    let mut all = vec![format!("{:?} {:?}", reads.task_counts(), reads.delivery_counts())];
    let filters = [
        TaskFilter::default(),
        TaskFilter { state: Some(TaskState::Running), ..TaskFilter::default() },
        TaskFilter { with_incident: true, after: Some(task_id("b")), ..TaskFilter::default() },
    ];
    all.extend(filters.iter().map(|filter| format!("{:?}", reads.tasks(filter, 3))));
    for state in StateName::ALL.iter().copied().map(Some).chain([None]) {
        for task in [None, Some(task_id("a"))] {
            all.push(format!("{:?}", reads.notices(&NoticeFilter { state, task }, 3)));
        }
    }
    all.push(format!("{:?} {:?}", reads.incidents(true, 3), reads.incidents(false, 3)));
    all.push(format!("{:?} {:?} {:?}", reads.all_openings(3), reads.owners(3), reads.parked()));
    all.push(format!("{:?} {:?} {:?}", reads.approvals(2), reads.packages(2), reads.requests(2)));
    all.push(format!("{:?} {:?}", reads.all_work(WorkFilter::Open, 2), reads.all_work(WorkFilter::All, 9)));
    all.push(format!("{:?} {:?}", reads.documents(DocumentKind::Score, 2), reads.opening_by_no(OpeningNo(2))));
    all.push(format!("{:?} {:?}", reads.last_closed_at(at(9_000)), reads.work_by_no(WorkNo(1))));
    all.push(format!("{:?} {:?}", reads.stranded(at(10), 3), reads.head()));
    for no in 1..5 {
        all.push(format!("{:?} {:?}", reads.receipts(NoticeNo(no), 3), reads.event(candor_core::ids::EventNo(no))));
    }
    for id in TASKS {
        let run = format!("run-{id}").parse().unwrap();
        all.push(format!("{:?}", reads.artifacts(Artifacts::OfTask(&task_id(id)), 3)));
        all.push(format!("{:?}", reads.artifacts(Artifacts::OfCorrelation(&run), 3)));
    }
    all.join("\n")
}

/// The log without what depends on nonces: those of dropped transactions are used up.
fn bodies(log: Vec<LogEntry>) -> Vec<Vec<u8>> {
    log.into_iter().map(|entry| entry.body).collect()
}

/// A step writes beats of tasks that are there, and deliveries of notices that are.
fn has_its_owner(view: &dyn View, write: &Write) -> bool {
    match write {
        Write::Beat(beat) => view.task(&beat.task).unwrap().is_some(),
        Write::Delivery(delivery) => view.notice(delivery.notice).unwrap().is_some(),
        _ => true,
    }
}

fn plan_for(view: &dyn View, deed: &Deed, looked: &BTreeMap<String, BeatFold>) -> Option<Plan> {
    let folded = |fold: BeatFold| plan(vec![Write::Folded { task: fold.task, up_to: fold.up_to, last: fold.last }]);
    let made = match deed {
        Deed::Write(write) if !has_its_owner(view, write) => return None,
        Deed::Write(write) => plan(vec![(**write).clone()]),
        Deed::Fold => folded(sorted(view.beats(99).unwrap()).into_iter().next()?),
        Deed::FoldLate => folded(looked.values().next()?.clone()),
        Deed::Record(kind, no, of) => {
            let (prefix, task) = (if *kind == ArtifactKind::Event { "e" } else { "r" }, of.map(|of| TASKS[of]));
            let run = task.map(|task| format!("run-{task}"));
            // Keys in canonical order, as they come back.
            let body = json!({ "no": no, "notice": format!("n-{no}") });
            record(vec![artifact(*kind, &format!("{prefix}-{no}"), task, run.as_deref(), body)])
        }
        Deed::Commit | Deed::Drop | Deed::Reopen => return None,
    };
    let mut numbers = view.numbers().unwrap();
    numbers.take_record();
    Some(Plan { numbers, ..made })
}

/// Fails with the first line that differs.
#[track_caller]
fn same(left: &str, right: &str, when: &str) {
    for (left, right) in left.lines().zip(right.lines()) {
        assert_eq!(left, right, "{when}");
    }
    assert_eq!(left.lines().count(), right.lines().count(), "{when}");
}

/// Runs the deeds up to the next commit or drop in one transaction of each store.
fn run(memory: &mut Memory, sqlite: &mut impl Store, deeds: &[Deed], keep: bool, now: Timestamp) {
    let (mut left, mut right) = (memory.begin().unwrap(), sqlite.begin().unwrap());
    let mut looked = BTreeMap::new();
    for deed in deeds {
        let (one, other) = (plan_for(&left, deed, &looked), plan_for(&right, deed, &looked));
        assert_eq!(one, other, "{deed:?}");
        if let Some(plan) = one {
            left.apply(&plan, now).unwrap();
            right.apply(&plan, now).unwrap();
        }
        if looked.is_empty() {
            looked = left.beats(99).unwrap().into_iter().map(|fold| (fold.task.to_string(), fold)).collect();
        }
        same(&everything(&left), &everything(&right), &format!("after {deed:?}"));
    }
    if keep {
        left.commit().unwrap();
        right.commit().unwrap();
    }
}

fn agree(deeds: &[Deed]) {
    let place = Place::new();
    let (mut memory, mut sqlite) = (Memory::unsealed(), place.open());
    let reader = Reader::open(&place.path()).unwrap();
    let ends = |deed: &Deed| matches!(deed, Deed::Commit | Deed::Drop | Deed::Reopen);
    for (now, part) in (0..).zip(deeds.split_inclusive(ends)) {
        run(&mut memory, &mut sqlite, part, !matches!(part.last(), Some(Deed::Drop)), at(now));
        let expected = without_hashes(listings(&memory));
        same(&expected, &without_hashes(listings(sqlite.reads())), "as the writer reads it");
        same(&expected, &without_hashes(listings(&reader)), "as the reader sees it");
        if matches!(part.last(), Some(Deed::Reopen)) {
            drop(sqlite);
            sqlite = place.open();
        }
        let (left, right) = (memory.begin().unwrap(), sqlite.begin().unwrap());
        same(&everything(&left), &everything(&right), &format!("after {:?}", part.last()));
    }
    let log = sqlite.reads().log(0, 999).unwrap();
    assert_eq!(bodies(log.clone()).len() as u64, sqlite.reads().head().unwrap().length);
    for entry in log {
        let leaf = candor_audit::merkle::log_leaf(&entry.header_line);
        candor_audit::seal::check(&entry.header_line, &leaf, &entry.nonce, &entry.body).unwrap();
    }
}

/// The head's hashes: the memory store of this test seals nothing.
fn without_hashes(listing: String) -> String {
    let (before, head) = listing.split_once("Head {").unwrap();
    let (hashes, after) = head.split_once("last_at").unwrap();
    let length = hashes.split_once(',').unwrap().0;
    format!("{before}{length}{after}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn memory_and_sqlite_agree(deeds in deeds()) {
        agree(&deeds);
    }
}
