//! Sums into the database: minutes as they come, hours and days when they are over, all in one transaction with the
//! position of the archive.
//!
//! What comes for an hour or a day that was summed up already (an import of old captures, a clock that jumped) is added
//! to it in the same transaction. So an hour is the sum of its minutes at any time, however late they came, and the
//! minutes of an hour are read once more, not once a minute.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;

use super::block::{Sets, Sums, add_all, bounded, merge_all, merge_sets, read_sums, write_sets, write_sums};
use super::database::{StoreError, failed};
use super::key::{ADDRESSES, Family};
use super::names::Unsaved;
use super::pending::{Minute, Pending};
use super::progress::{Progress, bucket_minutes, floor, tier_number};
use crate::model::history::Tier;

/// Hours and days keep more rows of a family than minutes.
const fn more_rows(tier: Tier) -> usize {
    match tier {
        Tier::Archive | Tier::Minute => 1,
        Tier::Hour => 4,
        Tier::Day => 8,
    }
}

pub(super) async fn write_names(database: &mut SqliteConnection, names: &Unsaved) -> Result<(), StoreError> {
    for (number, address) in &names.exporters {
        sqlx::query("INSERT OR IGNORE INTO exporter (number, address) VALUES (?, ?)")
            .bind(number)
            .bind(match address {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            })
            .execute(&mut *database)
            .await
            .map_err(failed("write"))?;
    }
    for (number, name) in &names.cities {
        sqlx::query("INSERT OR IGNORE INTO city (number, name) VALUES (?, ?)")
            .bind(number)
            .bind(&**name)
            .execute(&mut *database)
            .await
            .map_err(failed("write"))?;
    }
    Ok(())
}

/// Writes the sums of a part, and adds them to the hours and days that were summed up before.
pub(super) async fn write_part(
    database: &mut SqliteConnection,
    part: &Pending,
    progress: &Progress,
) -> Result<(), StoreError> {
    let mut late: [BTreeMap<i64, Minute>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for (minute, sums) in &part.minutes {
        if progress.covered(Tier::Minute).contains(minute) {
            write_bucket(database, Tier::Minute, *minute, sums).await?;
        }
        for (tier, late) in [Tier::Hour, Tier::Day].into_iter().zip(&mut late) {
            let start = floor(*minute, tier);
            if progress.covered(tier).contains(&start) {
                let bucket = late.entry(start).or_default();
                for (sums, more) in bucket.families.iter_mut().zip(&sums.families) {
                    add_all(sums, more.iter().map(|(key, traffic)| (*key, *traffic)));
                }
                merge_all(&mut bucket.addresses, &sums.addresses);
            }
        }
    }
    for (tier, late) in [Tier::Hour, Tier::Day].into_iter().zip(&late) {
        for (start, sums) in late {
            write_bucket(database, tier, *start, sums).await?;
        }
    }
    Ok(())
}

async fn write_bucket(
    database: &mut SqliteConnection,
    tier: Tier,
    start: i64,
    sums: &Minute,
) -> Result<(), StoreError> {
    for (family, sums) in Family::ALL.into_iter().zip(&sums.families) {
        add_sums(database, tier, family, start, sums).await?;
    }
    add_sets(database, tier, start, &sums.addresses).await
}

/// Sums up the hours, then the days, that are over.
pub(super) async fn close(
    database: &mut SqliteConnection,
    progress: &mut Progress,
    now_minute: i64,
) -> Result<(), StoreError> {
    for (finer, tier) in [(Tier::Minute, Tier::Hour), (Tier::Hour, Tier::Day)] {
        let (before, known) = match tier {
            Tier::Hour => (progress.hours_until, now_minute),
            _ => (progress.days_until, progress.hours_until),
        };
        let until = floor(known, tier).max(before);
        let starts: Vec<i64> =
            sqlx::query_scalar("SELECT DISTINCT start FROM sums WHERE tier = ? AND start >= ? AND start < ?")
                .bind(tier_number(finer))
                .bind(before)
                .bind(until)
                .fetch_all(&mut *database)
                .await
                .map_err(failed("read"))?;
        for start in starts.into_iter().map(|start| floor(start, tier)).collect::<BTreeSet<_>>() {
            sum_up(database, finer, tier, start).await?;
        }
        if tier == Tier::Hour {
            progress.hours_until = until;
        } else {
            progress.days_until = until;
        }
    }
    Ok(())
}

async fn sum_up(
    database: &mut SqliteConnection,
    finer: Tier,
    tier: Tier,
    start: i64,
) -> Result<(), StoreError> {
    let end = start.saturating_add(bucket_minutes(tier));
    for family in Family::ALL {
        let mut sums = Sums::default();
        for block in blocks(database, finer, family.number(), start, end).await? {
            match read_sums(&block) {
                Ok(rows) => add_all(&mut sums, rows),
                Err(error) => tracing::warn!(%error, start, "left out of its {}", tier.name()),
            }
        }
        add_sums(database, tier, family, start, &sums).await?;
    }
    let mut sets = Sets::default();
    for block in blocks(database, finer, ADDRESSES, start, end).await? {
        if let Err(error) = merge_sets(&mut sets, &block) {
            tracing::warn!(%error, start, "left out of its {}", tier.name());
        }
    }
    add_sets(database, tier, start, &sets).await
}

pub(super) async fn blocks(
    database: &mut SqliteConnection,
    tier: Tier,
    family: u8,
    start: i64,
    end: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    sqlx::query_scalar("SELECT block FROM sums WHERE tier = ? AND family = ? AND start >= ? AND start < ?")
        .bind(tier_number(tier))
        .bind(family)
        .bind(start)
        .bind(end)
        .fetch_all(database)
        .await
        .map_err(failed("read"))
}

async fn add_sums(
    database: &mut SqliteConnection,
    tier: Tier,
    family: Family,
    start: i64,
    sums: &Sums,
) -> Result<(), StoreError> {
    if sums.is_empty() {
        return Ok(());
    }
    let most = family.most_rows() * more_rows(tier);
    let mut rows = bounded(sums, most);
    for block in blocks(database, tier, family.number(), start, start.saturating_add(1)).await? {
        match read_sums(&block) {
            Ok(before) => {
                let mut together: Sums = before.into_iter().collect();
                add_all(&mut together, rows);
                rows = bounded(&together, most);
            }
            Err(error) => tracing::warn!(%error, start, "replaced by newer {}", tier.name()),
        }
    }
    let block = write_sums(&rows).map_err(|_| StoreError::TooLarge)?;
    put(database, tier, family.number(), start, rows.len(), &block).await
}

async fn add_sets(
    database: &mut SqliteConnection,
    tier: Tier,
    start: i64,
    sets: &Sets,
) -> Result<(), StoreError> {
    if sets.is_empty() {
        return Ok(());
    }
    let mut together = Sets::default();
    let before = blocks(database, tier, ADDRESSES, start, start.saturating_add(1)).await?;
    for block in &before {
        if let Err(error) = merge_sets(&mut together, block) {
            tracing::warn!(%error, start, "addresses replaced by newer ones of the {}", tier.name());
        }
    }
    let sets = if before.is_empty() {
        sets
    } else {
        merge_all(&mut together, sets);
        &together
    };
    let block = write_sets(sets).map_err(|_| StoreError::TooLarge)?;
    put(database, tier, ADDRESSES, start, sets.len(), &block).await
}

async fn put(
    database: &mut SqliteConnection,
    tier: Tier,
    family: u8,
    start: i64,
    rows: usize,
    block: &[u8],
) -> Result<(), StoreError> {
    let size = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO sums (tier, family, start, rows, bytes, block) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (tier, family, start) \
         DO UPDATE SET rows = excluded.rows, bytes = excluded.bytes, block = excluded.block",
    )
    .bind(tier_number(tier))
    .bind(family)
    .bind(start)
    .bind(size(rows))
    .bind(size(block.len()))
    .bind(block)
    .execute(database)
    .await
    .map_err(failed("write"))?;
    Ok(())
}
