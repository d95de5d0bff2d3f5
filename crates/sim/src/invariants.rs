//! What must hold. Each is a function named for what it says; a violation names it.

use std::collections::{BTreeMap, BTreeSet};

use candor_audit::{merkle, seal};
use candor_core::{
    event::Report,
    gate::Scope,
    ids::{EffectNo, IncidentNo, NoticeNo, TargetName, TaskId},
    notice::{DeliveryState, Message, PendingReason},
    task::{IncidentKind, TaskState},
};
use candor_path::{Act, ArtifactKind, Input, Plan, Write};
use candor_store::{Listing as _, NoticeRow, TaskFilter, memory::Memory};

use crate::{
    outside::True,
    scenario::{ATTEMPTS_MAX, Channel, Deed, Layout, ROUND, Sent},
    world::World,
};

/// An invariant that didn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
    /// What happened until then.
    pub log: Vec<String>,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into(), log: Vec::new() }
    }
}

type Held = Result<(), Violation>;

/// What was seen of the run so far, to hold later steps against.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Each delivery as it was after the last commit.
    pub(crate) states: BTreeMap<(NoticeNo, TargetName), DeliveryState>,
    /// Sends that counted as tries, since an operator last began anew.
    tries: BTreeMap<(NoticeNo, TargetName), u32>,
    /// Entries of the ledger under which a message arrived.
    uses: BTreeSet<EffectNo>,
    /// Incidents that were looked at when they opened.
    opened: BTreeSet<IncidentNo>,
    /// Incidents that were taken on, with the notices that they had then.
    taken_on: BTreeMap<IncidentNo, usize>,
    /// Silences that were told: the task, when it last lived, and the incidents of it.
    silences: BTreeMap<(TaskId, True), BTreeSet<IncidentNo>>,
}

fn rows(store: &Memory) -> Vec<NoticeRow> {
    store.notices(&Default::default(), 200).unwrap()
}

/// A deed was answered as accepted.
pub(crate) fn accepted(world: &mut World<'_>, deed: &Deed) {
    match deed {
        Deed::Report { id, kind, .. } => {
            world.out.accepted.insert(id.clone(), *kind == "notice.requested");
        }
        Deed::Act(Act::Retry { notice, .. }) => {
            world.seen.tries.retain(|(of, _), _| of != notice);
        }
        Deed::Act(Act::Acknowledge { notice, .. }) => {
            let incident = rows(&world.store).into_iter().find(|row| row.notice.no == *notice);
            if let Some(incident) = incident.and_then(|row| row.notice.incident) {
                let told = told_of(&rows(&world.store), incident).len();
                world.seen.taken_on.insert(incident, told);
            }
        }
        _ => {}
    }
}

/// A report is about to be committed: it is a sign of life, the first time.
pub(crate) fn reported(world: &mut World<'_>, input: &Input) {
    let Input::Report { event, .. } = input else { return };
    let shows = !matches!(event.report, Report::NoticeRequested(_) | Report::EvidenceAdded(_));
    if let Some(task) = event.task.as_ref().filter(|_| shows)
        && world.out.committed.insert(event.id.clone())
    {
        world.out.lived(task);
        match &event.report {
            Report::ToolStarted(tool) => {
                let until = world.out.elapsed + i64::try_from(tool.timeout.as_micros()).unwrap();
                world.out.excused.insert(task.clone(), until);
            }
            Report::ToolFinished(_) => drop(world.out.excused.remove(task)),
            _ => {}
        }
    }
}

/// The notices that tell of an incident itself: not of claims made meanwhile, and not of its end.
fn told_of(rows: &[NoticeRow], incident: IncidentNo) -> Vec<&NoticeRow> {
    let tells = |row: &&NoticeRow| {
        ["is silent", "is still silent", "is blocked", "is still blocked"]
            .iter()
            .any(|of| row.notice.title.contains(of))
    };
    rows.iter().filter(|row| row.notice.incident == Some(incident)).filter(tells).collect()
}

/// Before a commit: whatever changes has its record in the same plan.
pub(crate) fn recorded(world: &World<'_>, plan: &Plan) -> Held {
    let has = |kind, fits: &dyn Fn(&serde_json::Value) -> bool| {
        plan.artifacts.iter().any(|artifact| artifact.kind == kind && fits(&artifact.body))
    };
    let missing = |what: String| Err(Violation::new("invariant_every_change_has_its_record", what));
    for write in &plan.writes {
        match write {
            Write::Seen { event, .. } if !has(ArtifactKind::Event, &|body| body["no"] == event.to_string()) => {
                return missing(format!("{event} was accepted without its record"));
            }
            Write::Notice(notice) => {
                let Some(decision) = notice.decision else { continue };
                if !has(ArtifactKind::Decision, &|body| body["no"] == decision.to_string())
                    && !has(ArtifactKind::Queue, &|body| body["notice"]["folded"] != 0)
                {
                    return missing(format!("{} was made without the record of {decision}", notice.no));
                }
            }
            Write::Delivery(delivery) => {
                let key = (delivery.notice, delivery.target.clone());
                let Some(before) = world.seen.states.get(&key) else { continue };
                let shown = |state: &DeliveryState| (state.name(), state.reason());
                let settled = matches!(
                    delivery.state,
                    DeliveryState::Pending { .. } | DeliveryState::Acked { .. } | DeliveryState::Blocked { .. }
                );
                let tells = |body: &serde_json::Value| {
                    body["notice"] == delivery.notice.to_string()
                        && body["target"] == delivery.target.to_string()
                        && body["state"] == delivery.state.name().as_str()
                };
                if settled && shown(before) != shown(&delivery.state) && !has(ArtifactKind::Receipt, &tells) {
                    return missing(format!("{} became {:?} without a receipt", delivery.notice, delivery.state));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Nothing reaches a receiver whose gate is closed: each message has its own entry in the ledger, and no approval has more than it allows.
pub(crate) fn gate(world: &mut World<'_>, message: &Message, channel: Channel) -> Held {
    let Some(gate) = channel.gate() else { return Ok(()) };
    let of = format!("a-{}", message.fence.0);
    let entries = world.store.ledger(1_000).unwrap();
    let Some(entry) = entries.iter().find(|entry| entry.gate == gate && entry.of == of) else {
        let what = format!("{} got a message", message.target);
        return Err(Violation::new("invariant_nothing_passes_a_closed_gate", what));
    };
    if !world.seen.uses.insert(entry.no) {
        let what = format!("{} got a second message under {}", message.target, entry.no);
        return Err(Violation::new("invariant_one_use_one_effect", what));
    }
    let uses = entries.iter().filter(|other| other.opening == entry.opening).count() as u64;
    let approved = world.store.opening_by_no(entry.opening).unwrap().map_or(0, |opening| opening.max_uses);
    if uses > approved {
        let what = format!("{uses} uses of {}, which allows {approved}", entry.opening);
        return Err(Violation::new("invariant_no_more_uses_than_approved", what));
    }
    Ok(())
}

/// A send is about to happen: how often it may.
pub(crate) fn sending(world: &mut World<'_>, message: &Message, sent: Sent) -> Held {
    if sent == Sent::Limited {
        return Ok(());
    }
    let tries = world.seen.tries.entry((message.notice, message.target.clone())).or_default();
    *tries += 1;
    if *tries > ATTEMPTS_MAX {
        return Err(Violation::new(
            "invariant_attempts_run_out",
            format!("{} was tried {tries} times", message.notice),
        ));
    }
    Ok(())
}

/// A copy reached a receiver: keys and marks.
pub(crate) fn after_arrival(world: &World<'_>) -> Held {
    invariant_one_key_per_notice_and_target(world)?;
    invariant_repeats_are_marked(world)
}

fn invariant_one_key_per_notice_and_target(world: &World<'_>) -> Held {
    let (mut by_key, mut by_notice) = (BTreeMap::new(), BTreeMap::new());
    for copy in &world.out.copies {
        let lead = (copy.notices[0], copy.target.clone());
        if *by_key.entry(copy.key.clone()).or_insert(lead.clone()) != lead
            || *by_notice.entry(lead.clone()).or_insert(copy.key.clone()) != copy.key
        {
            return Err(Violation::new("invariant_one_key_per_notice_and_target", copy.key.clone()));
        }
    }
    Ok(())
}

fn invariant_repeats_are_marked(world: &World<'_>) -> Held {
    let Some((last, before)) = world.out.copies.split_last() else { return Ok(()) };
    let repeats = |of: &NoticeNo| before.iter().any(|copy| copy.target == last.target && copy.notices.contains(of));
    let channel = Channel::of(&last.target);
    let shows_repeats = !channel.knows_keys() && channel != Channel::Simulated;
    if shows_repeats && !last.marked && last.notices.iter().any(repeats) {
        return Err(Violation::new("invariant_repeats_are_marked", format!("{:?} again", last.notices)));
    }
    Ok(())
}

/// After every commit.
pub(crate) fn after_commit(world: &mut World<'_>) -> Held {
    let rows = rows(&world.store);
    for delivery in rows.iter().flat_map(|row| &row.deliveries) {
        let key = (delivery.notice, delivery.target.clone());
        let before = world.seen.states.insert(key, delivery.state.clone());
        let is_acked = matches!(delivery.state, DeliveryState::Acked { .. });
        if is_acked && Channel::of(&delivery.target) == Channel::Simulated {
            return Err(Violation::new("invariant_a_simulation_is_never_acked", delivery.notice.to_string()));
        }
        if is_acked && !world.out.has(delivery.notice, &delivery.target) {
            let what = format!("{} to {} is acked", delivery.notice, delivery.target);
            return Err(Violation::new("invariant_acked_means_the_receiver_has_it", what));
        }
        if matches!(delivery.state, DeliveryState::Blocked { .. }) && world.out.saw(delivery.notice, &delivery.target) {
            let what = format!("{} is blocked, and {} has it", delivery.notice, delivery.target);
            return Err(Violation::new("invariant_what_may_have_arrived_is_never_blocked", what));
        }
        if matches!(before, Some(DeliveryState::Acked { .. })) && before.as_ref() != Some(&delivery.state) {
            let what = format!("{} was acked and is {:?}", delivery.notice, delivery.state);
            return Err(Violation::new("invariant_final_stays_final", what));
        }
    }
    invariant_one_event_counts_once(&rows)?;
    incidents(world, &rows)
}

fn invariant_one_event_counts_once(rows: &[NoticeRow]) -> Held {
    let mut titles = BTreeSet::new();
    let asked = rows.iter().filter(|row| row.notice.title.starts_with("asked "));
    for row in asked {
        if !titles.insert(&row.notice.title) {
            return Err(Violation::new("invariant_one_event_counts_once", row.notice.title.clone()));
        }
    }
    Ok(())
}

fn incidents(world: &mut World<'_>, rows: &[NoticeRow]) -> Held {
    for incident in world.incidents().into_values() {
        let first = world.seen.opened.insert(incident.no);
        if first && incident.kind == IncidentKind::Missed {
            invariant_nobody_who_reported_is_called_silent(world, &incident.task)?;
        }
        let told = told_of(rows, incident.no);
        let levels: BTreeSet<u8> = told.iter().map(|row| row.notice.level).collect();
        if levels.len() < told.len() {
            let titles: Vec<_> = told.iter().map(|row| (row.notice.level, &row.notice.title)).collect();
            let what = format!("{} told a level twice: {titles:?}", incident.no);
            return Err(Violation::new("invariant_one_silence_one_notice_per_level", what));
        }
        if let Some(before) = world.seen.taken_on.get(&incident.no)
            && told.len() > *before
        {
            let what = format!("{} went on after it was taken on", incident.no);
            return Err(Violation::new("invariant_what_is_taken_on_is_not_escalated", what));
        }
    }
    for row in rows.iter().filter(|row| row.notice.title.contains("is silent for")) {
        let (Some(task), Some(incident)) = (&row.notice.task, row.notice.incident) else { continue };
        let alive = alive(world, task);
        let of = world.seen.silences.entry((task.clone(), alive)).or_default();
        let known = world.seen.opened.contains(&incident) && !of.contains(&incident) && !of.is_empty();
        if !world.seen.silences.values().any(|of| of.contains(&incident)) {
            let of = world.seen.silences.entry((task.clone(), alive)).or_default();
            of.insert(incident);
            if of.len() > 1 || known {
                let what = format!("{task} was called silent twice for one silence");
                return Err(Violation::new("invariant_one_silence_one_notice_per_level", what));
            }
        }
    }
    Ok(())
}

/// What a task may be silent for, in true microseconds.
fn allowed(world: &World<'_>, task: &TaskId) -> Option<True> {
    let task = world.store.task_by_id(task).unwrap()?;
    i64::try_from(task.cadence.limit().as_micros()).ok()
}

/// When a task last showed life, by a report or by a process of it that is watched.
fn alive(world: &World<'_>, task: &TaskId) -> True {
    let reported = world.out.alive.get(task).copied().unwrap_or_default();
    let watched = world.store.task_by_id(task).unwrap().is_some_and(|task| !task.signals.is_empty());
    let worked = world.out.worked.get(task).copied().filter(|_| watched);
    reported.max(worked.unwrap_or_default())
}

fn invariant_nobody_who_reported_is_called_silent(world: &World<'_>, task: &TaskId) -> Held {
    let Some(allowed) = allowed(world, task) else { return Ok(()) };
    let alive = alive(world, task);
    let excused = world.out.excused.get(task).copied().unwrap_or_default();
    if world.out.elapsed < (alive + allowed).max(excused) {
        let since = (world.out.elapsed - alive) / 1_000_000;
        let of = world.store.task_by_id(task).unwrap();
        let what = format!("{task} lived {since} s ago; now {}; {of:?}", world.out.now());
        return Err(Violation::new("invariant_nobody_who_reported_is_called_silent", what));
    }
    Ok(())
}

/// What must hold once faults have stopped and time has passed: everything is final, told, folded, or waits for a named reason that a
/// person, a gate or the configuration resolves.
pub(crate) fn at_rest(world: &mut World<'_>) -> Held {
    invariant_what_was_accepted_has_its_notice(world)?;
    invariant_every_notice_has_a_next_step(world)?;
    invariant_a_silent_task_is_told(world)?;
    let waiting = world.read(|view| view.beats(9));
    // What came in the last round is folded in the next.
    if waiting.iter().any(|fold| world.out.now().since(fold.last) > ROUND * 2) {
        return Err(Violation::new("invariant_checkpoints_are_folded", format!("{waiting:?}")));
    }
    Ok(())
}

fn invariant_what_was_accepted_has_its_notice(world: &World<'_>) -> Held {
    let rows = rows(&world.store);
    for (id, _) in world.out.accepted.iter().filter(|(_, asks)| **asks) {
        let row = rows.iter().find(|row| row.notice.title == format!("asked {id}"));
        if row.is_none_or(|row| row.deliveries.is_empty()) {
            return Err(Violation::new("invariant_what_was_accepted_has_its_notice", id.clone()));
        }
    }
    Ok(())
}

fn invariant_every_notice_has_a_next_step(world: &mut World<'_>) -> Held {
    let left = |what: String| Err(Violation::new("invariant_every_notice_has_a_next_step", what));
    let now = world.out.now();
    for delivery in rows(&world.store).into_iter().flat_map(|row| row.deliveries) {
        let name = format!("{} to {}: {:?}", delivery.notice, delivery.target, delivery.state);
        match delivery.state {
            DeliveryState::Acked { .. } | DeliveryState::Blocked { .. } => {}
            DeliveryState::Pending { reason: PendingReason::GateClosed, .. } => {
                let Some(gate) = Channel::of(&delivery.target).gate() else { return left(name) };
                let openings = world.read(|view| view.openings(gate));
                if openings.iter().any(|opening| opening.allows(gate, &Scope::channel(&delivery.target), now)) {
                    return left(name);
                }
            }
            DeliveryState::Pending { reason: PendingReason::NoSender, .. } => {
                if world.machine.settings.target(&delivery.target).is_some_and(|target| target.available) {
                    return left(name);
                }
            }
            DeliveryState::Pending { reason: PendingReason::RetryScheduled, .. } => return left(name),
            DeliveryState::Pending { next_at: None, .. } => {}
            _ => return left(name),
        }
    }
    let stranded = world.store.stranded(now.before(ROUND * 2), 9).unwrap();
    if stranded.is_empty() { Ok(()) } else { left(format!("{stranded:?}")) }
}

fn invariant_a_silent_task_is_told(world: &World<'_>) -> Held {
    let rows = rows(&world.store);
    for task in world.store.tasks(&TaskFilter::default(), 99).unwrap() {
        // Life that a probe shows counts from the probe, and a probe that was lost begins anew: with signals it may take longer.
        let looks = if task.signals.is_empty() { 1 } else { 3 };
        let allowed = allowed(world, &task.id).unwrap_or_default() * looks;
        let until = alive(world, &task.id) + allowed + 3 * i64::try_from(ROUND.as_micros()).unwrap();
        let excused = world.out.excused.get(&task.id).copied().unwrap_or_default();
        if task.state != TaskState::Running || world.out.elapsed < until.max(excused) {
            continue;
        }
        let told = task.incident.is_some_and(|incident| !told_of(&rows, incident).is_empty());
        if !told {
            return Err(Violation::new("invariant_a_silent_task_is_told", format!("{} is silent", task.id)));
        }
    }
    Ok(())
}

/// Every record verifies, and the log's tree is that of its records.
///
/// # Errors
/// The first record that doesn't.
pub fn the_log_verifies(store: &Memory) -> Result<(), Violation> {
    let broken = |what: String| Violation::new("invariant_the_log_verifies", what);
    let log = store.log(0, usize::MAX).unwrap();
    let mut leaves = Vec::new();
    for (index, entry) in (0_u64..).zip(&log) {
        let leaf = merkle::log_leaf(&entry.header_line);
        let header = seal::check(&entry.header_line, &leaf, &entry.nonce, &entry.body);
        if header.as_ref().map(|header| header.index).ok() != Some(index) {
            return Err(broken(format!("record {index}: {:?}", header.err())));
        }
        leaves.push(leaf);
    }
    let head = store.head().unwrap();
    let root = candor_audit::hex(&merkle::log_root(leaves));
    if head.root != root || head.length != u64::try_from(log.len()).unwrap() {
        return Err(broken("the log's head isn't that of its records".to_owned()));
    }
    Ok(())
}

/// Layouts are checked where they differ; here only that both are known.
const _: fn(Layout) -> bool = |layout| matches!(layout, Layout::Up | Layout::Split);
