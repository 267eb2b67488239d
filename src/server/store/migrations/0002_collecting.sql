PRAGMA user_version = 2;

-- Stretches in which flow records were collected and stored; they may overlap. Milliseconds since 1970.
CREATE TABLE collecting (
    from_ms INTEGER PRIMARY KEY,
    to_ms INTEGER NOT NULL
) STRICT;
-- Before this was written down, only the hours tell in which there were flows.
INSERT INTO collecting (from_ms, to_ms)
SELECT min(hour) * 60000, (max(hour) + 60) * 60000
FROM (
    SELECT hour, hour - 60 * row_number() OVER (ORDER BY hour) AS island
    FROM (SELECT DISTINCT start - start % 60 AS hour FROM sums WHERE tier IN (1, 2))
)
GROUP BY island;

-- How many flow records were received and not stored, and between which moments.
CREATE TABLE lost (
    from_ms INTEGER NOT NULL,
    -- As `server::store::collecting` numbers them.
    reason INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    flows INTEGER NOT NULL,
    PRIMARY KEY (from_ms, reason)
) STRICT;
