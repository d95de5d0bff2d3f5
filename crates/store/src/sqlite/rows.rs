//! From rows to what they mean.

use std::{error::Error, str::FromStr, time::Duration};

use candor_core::{
    ids::{DecisionNo, Fence, IncidentNo, NoticeNo, OpeningNo, OwnerNo, TaskId},
    notice::{Delivery, DeliveryState, Lease, Notice, Proof},
    task::{Cadence, Incident, Task},
    time::Timestamp,
};
use candor_path::OwnerRow;
use rusqlite::{
    Row,
    types::{Type, ValueRef},
};
use serde::de::DeserializeOwned;

use super::codes::{Coded, delivery as states};

/// A query for rows as the function of the same name below reads them.
macro_rules! select {
    (task, $rest:literal) => {
        concat!(
            "SELECT t.no, n.id, t.state, t.seen_at, t.due_at, t.checkpoints, t.seen_mark, t.name, t.owner, t.runtime, p.id, \
             t.because, t.period, t.grace, t.expected, t.told_slow, t.signals, t.in_flight, t.started_at, t.changed_at, t.since, \
             t.ended_at, t.unproved, t.incident, t.correlation, t.note, t.last_beat \
             FROM task t JOIN name n ON n.no = t.no LEFT JOIN name p ON p.no = t.parent ",
            $rest
        )
    };
    (notice, $rest:literal) => {
        concat!(
            "SELECT o.no, o.decision, o.incident, o.level, n.id, o.correlation, o.severity, o.title, o.text, o.at, o.folded, \
             o.failure_of \
             FROM notice o LEFT JOIN name n ON n.no = o.task ",
            $rest
        )
    };
    (delivery, $rest:literal) => {
        concat!(
            "SELECT notice, target, state, reason, due_at, since, attempts, tries, maybe_repeat, digest_of, owner, fence, taken_by, \
             opened_at, opening, proof, provider_id FROM delivery ",
            $rest
        )
    };
    (incident, $rest:literal) => {
        concat!("SELECT escalate_at, body FROM incident ", $rest)
    };
    (owner, $rest:literal) => {
        concat!("SELECT no, role, started_at, beat_at, ended FROM owner ", $rest)
    };
}
pub(super) use select;

type Read<T> = rusqlite::Result<T>;

/// A number of ours as SQLite's.
pub(super) fn int(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// A duration in microseconds.
pub(super) fn micros(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).unwrap_or(i64::MAX)
}

/// A list's limit.
pub(super) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn bad(column: usize, why: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

pub(super) fn nat(row: &Row<'_>, column: usize) -> Read<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

fn nat_or(row: &Row<'_>, column: usize) -> Read<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|of| u64::try_from(of).unwrap_or_default()))
}

fn small<T: TryFrom<i64> + Default>(row: &Row<'_>, column: usize) -> Read<T> {
    Ok(T::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Read<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

fn time_or(row: &Row<'_>, column: usize) -> Read<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

fn lasting(row: &Row<'_>, column: usize) -> Read<Duration> {
    Ok(Duration::from_micros(nat(row, column)?))
}

pub(super) fn word<T: FromStr<Err: Error + Send + Sync + 'static>>(row: &Row<'_>, column: usize) -> Read<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error| bad(column, error))
}

pub(super) fn word_or<T: FromStr<Err: Error + Send + Sync + 'static>>(row: &Row<'_>, column: usize) -> Read<Option<T>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| text.parse().map_err(|error| bad(column, error))).transpose()
}

pub(super) fn code<T: Coded>(row: &Row<'_>, column: usize) -> Read<T> {
    T::of_code(row.get(column)?).ok_or_else(|| bad(column, "no such code"))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Read<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| bad(column, error))
}

fn json_list<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Read<Vec<T>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(text).map_err(|error| bad(column, error)))
}

/// A task as its row has it, before the beats that wait are added.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) no: i64,
    pub(super) task: Task,
    /// Checkpoints without those that wait; may be below zero.
    pub(super) checkpoints: i64,
    /// Beats up to here don't move `seen_at`.
    pub(super) seen_mark: i64,
    /// Hash of the last folded beat's event id.
    pub(super) last_beat: Option<i64>,
}

pub(super) fn task(row: &Row<'_>) -> Read<Stored> {
    let task = Task {
        id: word(row, 1)?,
        state: code(row, 2)?,
        seen_at: time(row, 3)?,
        due_at: time_or(row, 4)?,
        checkpoints: 0,
        name: row.get(7)?,
        owner: word_or(row, 8)?,
        runtime: word(row, 9)?,
        parent: word_or(row, 10)?,
        because: row.get(11)?,
        cadence: Cadence { period: lasting(row, 12)?, grace: lasting(row, 13)? },
        expected: nat_or(row, 14)?.map(Duration::from_micros),
        told_slow: row.get(15)?,
        signals: json_list(row, 16)?,
        in_flight: json_list(row, 17)?,
        started_at: time(row, 18)?,
        changed_at: time_or(row, 19)?,
        since: time(row, 20)?,
        ended_at: time_or(row, 21)?,
        unproved: row.get(22)?,
        incident: nat_or(row, 23)?.map(IncidentNo),
        correlation: word(row, 24)?,
        note: row.get(25)?,
    };
    Ok(Stored { no: row.get(0)?, task, checkpoints: row.get(5)?, seen_mark: row.get(6)?, last_beat: row.get(26)? })
}

/// A text that may be packed.
fn text(row: &Row<'_>, column: usize) -> Read<String> {
    match row.get_ref(column)? {
        ValueRef::Blob(packed) => super::segment::unpack(packed).ok_or_else(|| {
            rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, "a packed text can't be unpacked".into())
        }),
        _ => row.get(column),
    }
}

pub(super) fn notice(row: &Row<'_>) -> Read<Notice> {
    Ok(Notice {
        no: NoticeNo(nat(row, 0)?),
        decision: nat_or(row, 1)?.map(DecisionNo),
        incident: nat_or(row, 2)?.map(IncidentNo),
        level: small(row, 3)?,
        task: word_or::<TaskId>(row, 4)?,
        correlation: word(row, 5)?,
        severity: code(row, 6)?,
        title: row.get(7)?,
        text: text(row, 8)?,
        at: time(row, 9)?,
        folded: small(row, 10)?,
        failure_of: nat_or(row, 11)?.map(NoticeNo),
    })
}

pub(super) fn delivery(row: &Row<'_>) -> Read<Delivery> {
    let lease = || -> Read<Lease> {
        let due = time_or(row, 4)?;
        Ok(Lease {
            owner: OwnerNo(nat(row, 10)?),
            fence: Fence(nat(row, 11)?),
            taken_by: due.map_or_else(|| time(row, 12), Ok)?,
        })
    };
    let state = match row.get(2)? {
        states::PREPARED => DeliveryState::Prepared,
        states::QUEUED => DeliveryState::Queued { due_at: time(row, 4)? },
        states::DISPATCHED => DeliveryState::Dispatched { lease: lease()? },
        states::SENDING => DeliveryState::Sending {
            lease: lease()?,
            opened_at: time(row, 13)?,
            opening: nat_or(row, 14)?.map(OpeningNo),
        },
        states::PENDING => DeliveryState::Pending { reason: code(row, 3)?, next_at: time_or(row, 4)? },
        states::ACKED => DeliveryState::Acked { proof: Proof { level: code(row, 15)?, provider_id: row.get(16)? } },
        states::BLOCKED => DeliveryState::Blocked { reason: code(row, 3)? },
        _ => return Err(bad(2, "no such delivery state")),
    };
    Ok(Delivery {
        notice: NoticeNo(nat(row, 0)?),
        target: word(row, 1)?,
        state,
        since: time(row, 5)?,
        attempts: small(row, 6)?,
        tries: small(row, 7)?,
        maybe_repeat: row.get(8)?,
        digest_of: nat_or(row, 9)?.map(NoticeNo),
    })
}

/// An incident: its body, with the one instant that can move.
pub(super) fn incident(row: &Row<'_>) -> Read<Incident> {
    Ok(Incident { escalate_at: time_or(row, 0)?, ..json(row, 1)? })
}

pub(super) fn owner(row: &Row<'_>) -> Read<OwnerRow> {
    Ok(OwnerRow {
        no: OwnerNo(nat(row, 0)?),
        role: row.get(1)?,
        started_at: time(row, 2)?,
        beat_at: time(row, 3)?,
        ended: row.get(4)?,
    })
}
