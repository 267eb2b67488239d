-- 0x4D524449, "MRDI": tells this file from any other database.
PRAGMA application_id = 1297237065;
PRAGMA user_version = 1;

-- Up to where the history has come; one row.
CREATE TABLE progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The first row of the archive that the sums do not have.
    position INTEGER NOT NULL,
    -- Minutes since 1970: hours before the first, days before the second are summed up.
    hours_until INTEGER NOT NULL,
    days_until INTEGER NOT NULL,
    -- Minutes since 1970: what began before it is not kept any more.
    minutes_from INTEGER,
    hours_from INTEGER,
    days_from INTEGER
) STRICT;
INSERT INTO progress (id, position, hours_until, days_until) VALUES (1, 0, 0, 0);

-- What sums hold as numbers. 0 is never given out.
CREATE TABLE exporter (
    number INTEGER PRIMARY KEY,
    address BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE city (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- All sums of a family in one bucket of time, as `server::store::block` writes them.
CREATE TABLE sums (
    id INTEGER PRIMARY KEY,
    -- 1 minute, 2 hour, 3 day.
    tier INTEGER NOT NULL,
    -- As `server::store::key` numbers them.
    family INTEGER NOT NULL,
    -- Minutes since 1970.
    start INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    block BLOB NOT NULL,
    UNIQUE (tier, family, start)
) STRICT;
-- Holds all that the status and the retention ask, without the blocks.
CREATE INDEX sums_by_time ON sums (tier, start, rows, bytes);
