-- Layout 3: gates open by signed approvals alone, each use is counted, and what a closed gate stands before is kept.

-- What was opened by word alone is over; the log has it.
DROP TABLE opening;
-- `ended`: when it was closed, or when it ends by itself.
CREATE TABLE opening(
  no INTEGER PRIMARY KEY, gate TEXT NOT NULL, closed INTEGER NOT NULL, ended INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX opening_gate ON opening(gate) WHERE closed = 0;
CREATE INDEX opening_ended ON opening(ended);

CREATE TABLE approval(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
CREATE TABLE package(no INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX package_sha256 ON package(sha256);
CREATE TABLE request(no INTEGER PRIMARY KEY, answered INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX request_open ON request(no) WHERE answered = 0;

-- The effect ledger: one row per use of a gate. Nothing changes or removes one.
CREATE TABLE effect(no INTEGER PRIMARY KEY, at INTEGER NOT NULL, gate TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX effect_at ON effect(at);
CREATE TRIGGER effect_stays BEFORE UPDATE ON effect BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER effect_is_kept BEFORE DELETE ON effect BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- Work that a gate stands before. `state`: 0 waits, 1 started, 2 over. One of a key waits or is started at a time.
CREATE TABLE work(
  no INTEGER PRIMARY KEY, gate TEXT NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX work_open ON work(key) WHERE state < 2;
CREATE INDEX work_gate ON work(gate, no) WHERE state = 0;

-- The newest document of a kind and key, in the order of its record.
CREATE TABLE document(
  kind TEXT NOT NULL, key TEXT NOT NULL, no INTEGER NOT NULL, agent TEXT, body TEXT NOT NULL, PRIMARY KEY(kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_agent ON document(kind, agent, no) WHERE agent IS NOT NULL;

ALTER TABLE notice ADD COLUMN failure_of INTEGER;
