-- Layout 2: contents may leave the log under a pruning that is on record; rare kinds and subtree roots are found without reading the log.

-- Prunings, one open at a time. The body says what it may touch and how far it came.
CREATE TABLE pruning(no INTEGER PRIMARY KEY, done INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX pruning_open ON pruning(done) WHERE done = 0;
CREATE TRIGGER pruning_ends BEFORE UPDATE ON pruning WHEN OLD.done = 1 OR NEW.no <> OLD.no
BEGIN SELECT raise(ABORT, 'a pruning that has ended stays as it is'); END;
CREATE TRIGGER pruning_is_kept BEFORE DELETE ON pruning BEGIN SELECT raise(ABORT, 'a pruning stays on record'); END;

-- The pruning that took contents out of a segment last. A segment changes under an open one alone, and only by losing text: its place,
-- its number of artifacts and the room of their nonces stay.
ALTER TABLE segment ADD COLUMN pruning INTEGER;
DROP TRIGGER segment_stays;
CREATE TRIGGER segment_stays BEFORE UPDATE ON segment
WHEN NEW.first <> OLD.first OR NEW.count <> OLD.count OR NEW.size >= OLD.size OR length(NEW.nonces) <> length(OLD.nonces)
  OR NOT EXISTS (SELECT 1 FROM pruning WHERE no = NEW.pruning AND done = 0)
BEGIN SELECT raise(ABORT, 'the log is append-only'); END;

-- Where artifacts of rare kinds lie: documents in force and changes of keys. Kinds by their codes.
CREATE TABLE kind_at(kind INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(kind, at)) STRICT, WITHOUT ROWID;
-- Roots of complete subtrees of 2^level artifacts, from level 6 on: `no` counts them within their level.
CREATE TABLE tree(level INTEGER NOT NULL, no INTEGER NOT NULL, root BLOB NOT NULL, PRIMARY KEY(level, no)) STRICT, WITHOUT ROWID;
-- How much of the log these two don't cover, because it was written under layout 1; the next writer sees to it.
CREATE TABLE uncovered(upto INTEGER NOT NULL) STRICT;
INSERT INTO uncovered(upto) SELECT first + count FROM segment ORDER BY first DESC LIMIT 1;
