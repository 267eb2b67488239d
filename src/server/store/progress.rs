//! Up to where the sums have come.

use std::ops::Range;

use sqlx::SqliteConnection;

use super::database::{StoreError, failed};
use crate::model::history::Tier;

/// Tiers that the store keeps, finest first.
pub(super) const TIERS: [Tier; 3] = [Tier::Minute, Tier::Hour, Tier::Day];

/// Minutes of a bucket.
pub(super) const fn bucket_minutes(tier: Tier) -> i64 {
    tier.bucket_ms() / 60_000
}

/// The number of a tier in the database.
pub(super) const fn tier_number(tier: Tier) -> i64 {
    match tier {
        Tier::Archive => 0,
        Tier::Minute => 1,
        Tier::Hour => 2,
        Tier::Day => 3,
    }
}

/// Where the bucket of a tier begins that has the minute.
pub(super) const fn floor(minute: i64, tier: Tier) -> i64 {
    minute.div_euclid(bucket_minutes(tier)).saturating_mul(bucket_minutes(tier))
}

/// What the database covers. Moments are minutes since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The first row of the archive that no sum has.
    pub(super) position: u64,
    /// All flows before it are in sums of hours, as all flows are in sums of minutes.
    pub(super) hours_until: i64,
    /// All flows before it are in sums of days.
    pub(super) days_until: i64,
    /// What begins before it is not kept any more: minutes, hours, days.
    from: [Option<i64>; 3],
}

impl Progress {
    pub(super) async fn read(database: &mut SqliteConnection) -> Result<Self, StoreError> {
        type Row = (i64, i64, i64, Option<i64>, Option<i64>, Option<i64>);
        let (position, hours_until, days_until, minutes_from, hours_from, days_from): Row = sqlx::query_as(
            "SELECT position, hours_until, days_until, minutes_from, hours_from, days_from FROM progress",
        )
        .fetch_one(database)
        .await
        .map_err(failed("read"))?;
        let position = position.cast_unsigned();
        Ok(Self { position, hours_until, days_until, from: [minutes_from, hours_from, days_from] })
    }

    pub(super) async fn write(&self, database: &mut SqliteConnection) -> Result<(), StoreError> {
        let [minutes_from, hours_from, days_from] = self.from;
        sqlx::query(
            "UPDATE progress SET position = ?, hours_until = ?, days_until = ?, \
             minutes_from = ?, hours_from = ?, days_from = ?",
        )
        .bind(self.position.cast_signed())
        .bind(self.hours_until)
        .bind(self.days_until)
        .bind(minutes_from)
        .bind(hours_from)
        .bind(days_from)
        .execute(database)
        .await
        .map_err(failed("write"))?;
        Ok(())
    }

    /// The buckets of a tier that have all flows of their time, as far as those are in the database.
    pub(super) fn covered(&self, tier: Tier) -> Range<i64> {
        let until = match tier {
            Tier::Archive => i64::MIN,
            Tier::Minute => i64::MAX,
            Tier::Hour => self.hours_until,
            Tier::Day => self.days_until,
        };
        self.from(tier).unwrap_or(i64::MIN)..until
    }

    /// What a tier keeps begins here, if anything was ever removed.
    pub(super) fn from(&self, tier: Tier) -> Option<i64> {
        let index = TIERS.iter().position(|known| *known == tier)?;
        self.from.get(index).copied().flatten()
    }

    pub(super) fn set_from(&mut self, tier: Tier, minute: i64) {
        for (known, from) in TIERS.into_iter().zip(&mut self.from) {
            if known == tier {
                *from = Some(minute);
            }
        }
    }

    /// Only what is in the sums of the next tier may be removed.
    pub(super) fn removable_until(&self, tier: Tier) -> i64 {
        match tier {
            Tier::Archive | Tier::Minute => self.hours_until,
            Tier::Hour => self.days_until,
            Tier::Day => i64::MAX,
        }
    }
}
