-- Layout 1. Instants are microseconds since the Unix epoch. Codes are fixed in codes.rs.

-- What changes with every commit, in few rows.
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- Accepted events, by the first 16 bytes of SHA-256 over source, newline, id.
CREATE TABLE seen(key BLOB PRIMARY KEY, event INTEGER NOT NULL, decision INTEGER) STRICT, WITHOUT ROWID;

-- Every task id ever heard of, with the end of its chain of artifacts.
CREATE TABLE name(
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL DEFAULT 0, last INTEGER, leaf BLOB
) STRICT;

-- Tasks. `checkpoints` leaves out those that wait in `beat`, so it may be below zero when a task was started again meanwhile;
-- beats up to `seen_mark` don't move `seen_at`; `last_beat` is the hash of the last folded beat's event id.
CREATE TABLE task(
  no INTEGER PRIMARY KEY, state INTEGER NOT NULL, seen_at INTEGER NOT NULL, due_at INTEGER, checkpoints INTEGER NOT NULL,
  seen_mark INTEGER NOT NULL, last_beat INTEGER, name TEXT, owner TEXT, runtime TEXT NOT NULL, parent INTEGER, because TEXT,
  period INTEGER NOT NULL, grace INTEGER NOT NULL, expected INTEGER, told_slow INTEGER NOT NULL, signals TEXT, in_flight TEXT,
  started_at INTEGER NOT NULL, changed_at INTEGER, since INTEGER NOT NULL, ended_at INTEGER, unproved INTEGER NOT NULL,
  incident INTEGER, correlation TEXT NOT NULL, note TEXT
) STRICT;
CREATE INDEX task_due ON task(due_at) WHERE due_at IS NOT NULL;
CREATE INDEX task_state ON task(state);
CREATE INDEX task_parent ON task(parent, state, unproved) WHERE parent IS NOT NULL;
CREATE INDEX task_incident ON task(incident) WHERE incident IS NOT NULL;

-- Routine checkpoints that wait to be folded. `prev` is the one before of the same task.
CREATE TABLE beat(
  seq INTEGER PRIMARY KEY, task INTEGER NOT NULL, prev INTEGER, at INTEGER NOT NULL, id TEXT NOT NULL
) STRICT;

CREATE TABLE incident(
  no INTEGER PRIMARY KEY, task INTEGER NOT NULL, escalate_at INTEGER, resolved INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX incident_open ON incident(resolved) WHERE resolved = 0;

CREATE TABLE claim(no INTEGER PRIMARY KEY, task INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX claim_task ON claim(task);

CREATE TABLE evidence(no INTEGER PRIMARY KEY, task INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX evidence_task ON evidence(task);

CREATE TABLE notice(
  no INTEGER PRIMARY KEY, task INTEGER, decision INTEGER, incident INTEGER, level INTEGER NOT NULL, correlation TEXT NOT NULL,
  severity INTEGER NOT NULL, title TEXT NOT NULL, text ANY NOT NULL, at INTEGER NOT NULL, folded INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_task ON notice(task) WHERE task IS NOT NULL;

CREATE TABLE delivery(
  notice INTEGER NOT NULL, target TEXT NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL, due_at INTEGER,
  since INTEGER NOT NULL, attempts INTEGER NOT NULL, tries INTEGER NOT NULL, maybe_repeat INTEGER NOT NULL, digest_of INTEGER,
  owner INTEGER, fence INTEGER, taken_by INTEGER, opened_at INTEGER, opening INTEGER, proof INTEGER, provider_id TEXT,
  PRIMARY KEY(notice, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery(due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_state ON delivery(state, reason, since);
CREATE INDEX delivery_digest ON delivery(digest_of) WHERE digest_of IS NOT NULL;

CREATE TABLE parked(target TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE opening(no INTEGER PRIMARY KEY, gate TEXT NOT NULL, closed INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX opening_gate ON opening(gate) WHERE closed = 0;
CREATE TABLE owner(
  no INTEGER PRIMARY KEY, role TEXT NOT NULL, started_at INTEGER NOT NULL, beat_at INTEGER NOT NULL, ended INTEGER NOT NULL
) STRICT;

-- The log: one row per commit, more when it is long. See segment.rs for the body.
CREATE TABLE segment(
  first INTEGER PRIMARY KEY, count INTEGER NOT NULL, size INTEGER NOT NULL, nonces BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TRIGGER segment_follows BEFORE INSERT ON segment
WHEN NEW.first <> coalesce((SELECT first + count FROM segment ORDER BY first DESC LIMIT 1), 0)
BEGIN SELECT raise(ABORT, 'the log has no gaps and no second version'); END;
CREATE TRIGGER segment_stays BEFORE UPDATE ON segment BEGIN SELECT raise(ABORT, 'the log is append-only'); END;
CREATE TRIGGER segment_is_kept BEFORE DELETE ON segment BEGIN SELECT raise(ABORT, 'the log is append-only'); END;

-- Where an artifact lies in the log: events and decisions by number, a notice's receipts, the last of a correlation id (by the first 8
-- bytes of SHA-256 over it; artifacts point on to the one before). The others are found along these.
CREATE TABLE event_at(no INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE decision_at(no INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE receipt_at(notice INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(notice, at)) STRICT, WITHOUT ROWID;
CREATE TABLE correlation_at(hash INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
