PRAGMA user_version = 5;

-- Reports that were written, are to be written, or were removed. Milliseconds since 1970.
CREATE TABLE report (
    -- Its name in links.
    id TEXT PRIMARY KEY,
    -- The schedule that it is of; NULL when somebody asked for it.
    schedule TEXT,
    -- What tells it from the others of its schedule, such as `2026-10`.
    key TEXT NOT NULL,
    -- What its period is called.
    period TEXT NOT NULL,
    -- A `ReportQuestion` as JSON.
    question TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    made_ms INTEGER,
    -- 1 waiting, 2 done, 3 failed, 4 removed: kept so that it is not written again.
    state INTEGER NOT NULL,
    -- How often it was tried since it was last ordered, when it is tried again, and why the last try failed.
    attempts INTEGER NOT NULL,
    next_ms INTEGER,
    fault TEXT NOT NULL,
    -- Who writes it, and until when nobody else does.
    holder TEXT,
    held_until_ms INTEGER,
    -- A `Report` as JSON, compressed with zstd.
    content BLOB,
    UNIQUE (schedule, key)
) STRICT;
CREATE INDEX report_by_due ON report (due_ms);

-- To whom a report goes.
CREATE TABLE report_delivery (
    report TEXT NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    -- `email` or `webhook`.
    kind TEXT NOT NULL,
    -- The address or the URL.
    target TEXT NOT NULL,
    sent_ms INTEGER,
    attempts INTEGER NOT NULL,
    next_ms INTEGER,
    fault TEXT NOT NULL,
    holder TEXT,
    held_until_ms INTEGER,
    PRIMARY KEY (report, kind, target)
) STRICT, WITHOUT ROWID;

-- Schedules that this store has seen.
CREATE TABLE report_schedule (
    name TEXT PRIMARY KEY,
    -- Due times from then on are written.
    since_ms INTEGER NOT NULL,
    -- Reports that are due from then on are sent.
    held_ms INTEGER NOT NULL,
    -- Up to then its reports were too old once, and were removed: they are not written again.
    expired_ms INTEGER NOT NULL DEFAULT 0,
    -- A `Schedule` as JSON; NULL when the configuration has it.
    schedule TEXT
) STRICT;
