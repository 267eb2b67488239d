PRAGMA user_version = 3;

-- When a country or an autonomous system of an outside end was first seen. It outlives the sums.
CREATE TABLE first_seen (
    -- 1 country, 2 autonomous system.
    kind INTEGER NOT NULL,
    -- The letters of the country as `server::store::key` numbers them, or the number of the autonomous system.
    number INTEGER NOT NULL,
    -- The bucket of time: minutes since 1970, and how many.
    start INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    PRIMARY KEY (kind, number)
) STRICT, WITHOUT ROWID;
-- 0 until the sums that were there before this table are looked through.
ALTER TABLE progress ADD COLUMN has_first_seen INTEGER NOT NULL DEFAULT 0;
