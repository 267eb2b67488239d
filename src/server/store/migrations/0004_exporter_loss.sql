PRAGMA user_version = 4;

-- What is missing of each exporter by the hour in which that was noticed. Kept as long as the sums of days.
CREATE TABLE exporter_loss (
    -- Its address.
    exporter BLOB NOT NULL,
    -- As `server::store::exporter_losses` numbers them.
    kind INTEGER NOT NULL,
    -- Hours since 1970.
    hour INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (exporter, kind, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX exporter_loss_by_hour ON exporter_loss (hour, count);
