//! The store: sums of flows by minute, hour and day in SQLite. They outlive the flow records.
//!
//! A [`Store`] adds up what it is given in memory ([`pending`]) and writes it once a minute ([`writing`]), in one
//! transaction with the position of the archive that the sums cover: after a crash the archive's rows behind it are added
//! again, and each flow is in the sums once. What is not written yet is in every answer.
//! All sums of a family ([`key`]) in one bucket of time are one compressed block ([`block`]). Each flow is in one row
//! of each family, with both of its ends, so that filters by either end are exact, and transit counts once. A family
//! keeps the rows with most bytes, and the rest in one: totals are exact always, and an answer that lacks rows says so.

mod aggregate;
mod block;
mod database;
mod key;
mod known;
mod names;
mod pending;
mod plan;
mod progress;
#[cfg(test)]
mod tests;
mod writing;

use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, SqliteConnection};

pub use self::database::{FILE_NAME, StoreError, backup};
pub use self::plan::Plan;

use self::aggregate::Aggregate;
use self::block::{DamagedBlock, read_sets, read_sums};
use self::database::{Database, failed};
use self::key::ADDRESSES;
use self::names::Names;
use self::pending::Accumulator;
use self::progress::{Progress, TIERS, bucket_minutes, floor, tier_number};
use crate::model::history::{StoredFlow, Tier, TierStatus};
use crate::model::time_range::TimeRange;
use crate::server::collector::batch::FlowBatch;
use crate::server::history::control::Control;
use crate::server::history::groups::Groups;
use crate::server::history::request::Request;

/// Blocks that one transaction removes.
const REMOVED_AT_ONCE: i64 = 200;
/// What began to expire goes away day by day: a clock that jumps ahead for a moment does not cost everything.
const MOST_EXPIRED_MINUTES: i64 = 24 * 60;

/// How long sums are kept; `None` for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Sums of minutes.
    pub minutes: Option<Duration>,
    /// Sums of hours.
    pub hours: Option<Duration>,
    /// Sums of days.
    pub days: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        Self { minutes: days(7), hours: days(400), days: None }
    }
}

impl Retention {
    fn of(&self, tier: Tier) -> Option<Duration> {
        match tier {
            Tier::Archive => None,
            Tier::Minute => self.minutes,
            Tier::Hour => self.hours,
            Tier::Day => self.days,
        }
    }
}

/// Sums of all flows, by minute, hour and day.
#[derive(Debug)]
pub struct Store {
    database: Database,
    retention: Retention,
    names: Arc<RwLock<Names>>,
    accumulator: Mutex<Accumulator>,
    /// As the database has it; for plans, which may be a moment behind.
    progress: Mutex<Progress>,
}

impl Store {
    /// Opens the store of a data folder. When its file was damaged it begins anew at position 0, and the second value
    /// tells people so.
    pub async fn open(
        folder: &Path,
        retention: Retention,
        now_ms: i64,
    ) -> Result<(Self, Option<String>), StoreError> {
        let (database, notice) = Database::open(folder, now_ms).await?;
        let mut writer = database.writer.lock().await;
        let loaded = load(&mut writer).await;
        drop(writer);
        let (progress, names, newest_ms) = loaded.map_err(|error| database.noted(error))?;
        let names = Arc::new(RwLock::new(names));
        let accumulator = Accumulator::new(Arc::clone(&names), progress.position, newest_ms);
        let (accumulator, progress) = (Mutex::new(accumulator), Mutex::new(progress));
        Ok((Self { database, retention, names, accumulator, progress }, notice))
    }

    /// The first row of the archive that the sums do not have: where replaying begins after a start.
    pub fn position(&self) -> u64 {
        self.accumulator().position()
    }

    /// Adds the flows of a batch, the first of which has a position in the archive. Those that the sums have already
    /// are left out.
    pub fn add(&self, batch: &FlowBatch, position: u64) {
        self.accumulator().add(batch, position);
    }

    /// Adds flows that the archive gave back, in its order, the first of which has a position.
    pub fn add_stored(&self, flows: &[StoredFlow], position: u64) {
        self.accumulator().add_stored(flows, position);
    }

    /// True when so much is not written yet that [`Store::commit`] should not wait for the next minute.
    pub fn is_full(&self) -> bool {
        self.accumulator().is_full()
    }

    /// Goes on at another position, because the archive is another one: its rows up to there are taken as summed up.
    pub async fn continue_at(&self, position: u64) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        let mut progress = Progress::read(&mut writer).await?;
        progress.position = position;
        progress.write(&mut writer).await?;
        self.accumulator().continue_at(position);
        *self.progress() = progress;
        Ok(())
    }

    /// Writes all that was added, and sums up the hours and days that are over by the clock. After an error nothing
    /// is lost: the next call writes it too.
    pub async fn commit(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        let progress = self.write(&mut writer, now_ms).await.map_err(|error| self.database.noted(error))?;
        *self.progress() = progress;
        Ok(())
    }

    async fn write(&self, writer: &mut SqliteConnection, now_ms: i64) -> Result<Progress, StoreError> {
        let mut transaction = writer.begin().await.map_err(failed("write"))?;
        let mut progress = Progress::read(&mut transaction).await?;
        let part = self.accumulator().begin_writing(progress.position);
        let unsaved = self.names.read().unwrap_or_else(PoisonError::into_inner).unsaved();
        writing::write_names(&mut transaction, &unsaved).await?;
        writing::write_part(&mut transaction, &part, &progress).await?;
        writing::close(&mut transaction, &mut progress, now_ms.div_euclid(60_000)).await?;
        progress.position = part.to;
        progress.write(&mut transaction).await?;
        transaction.commit().await.map_err(failed("write"))?;
        self.accumulator().end_writing();
        self.names.write().unwrap_or_else(PoisonError::into_inner).set_saved(&unsaved);
        Ok(progress)
    }

    /// Removes what is older than it is to be kept, in small steps, at most a day of each tier; returns how many
    /// blocks. Only what is in the sums of the next tier goes.
    pub async fn expire(&self, now_ms: i64) -> Result<u64, StoreError> {
        let mut removed = 0;
        for tier in TIERS {
            let Some(keep) = self.retention.of(tier) else { continue };
            let keep_minutes = i64::try_from(keep.as_secs() / 60).unwrap_or(i64::MAX);
            let next = if tier == Tier::Minute { Tier::Hour } else { Tier::Day };
            let oldest = floor(now_ms.div_euclid(60_000).saturating_sub(keep_minutes), next);
            let Some(before) = self.begin_expiring(tier, oldest).await? else { continue };
            loop {
                let mut writer = self.database.writer.lock().await;
                let done = sqlx::query(
                    "DELETE FROM sums WHERE id IN \
                     (SELECT id FROM sums WHERE tier = ? AND start < ? ORDER BY start LIMIT ?)",
                )
                .bind(tier_number(tier))
                .bind(before)
                .bind(REMOVED_AT_ONCE)
                .execute(&mut *writer)
                .await
                .map_err(failed("remove"))?
                .rows_affected();
                removed += done;
                if done == 0 {
                    break;
                }
            }
        }
        Ok(removed)
    }

    /// Says, before anything is removed, that a tier begins later; `None` when there is nothing to remove.
    async fn begin_expiring(&self, tier: Tier, oldest: i64) -> Result<Option<i64>, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let first: Option<i64> = sqlx::query_scalar("SELECT min(start) FROM sums WHERE tier = ?")
            .bind(tier_number(tier))
            .fetch_one(&mut *writer)
            .await
            .map_err(failed("remove"))?;
        let mut progress = Progress::read(&mut writer).await?;
        let Some(first) = first else { return Ok(None) };
        let next = if tier == Tier::Minute { Tier::Hour } else { Tier::Day };
        let at_once = floor(first.saturating_add(MOST_EXPIRED_MINUTES), next);
        let before = oldest.min(progress.removable_until(tier)).min(at_once);
        if before <= first {
            return Ok(None);
        }
        if progress.from(tier).is_none_or(|from| from < before) {
            progress.set_from(tier, before);
            progress.write(&mut writer).await?;
            *self.progress() = progress;
        }
        Ok(Some(before))
    }

    /// Which parts of the range the sums answer exactly, with the coarsest tier each; `None` when they cannot answer
    /// such a request.
    pub fn plan(&self, request: &Request) -> Option<Plan> {
        Aggregate::new(request)?;
        let newest_ms = self.accumulator().newest_ms();
        Some(Plan::new(request, &self.progress(), newest_ms))
    }

    /// The first moment of which a tier still has everything; `None` when nothing was ever removed from it.
    pub fn kept_from_ms(&self, tier: Tier) -> Option<i64> {
        self.progress().from(tier).map(|minute| minute.saturating_mul(60_000))
    }

    /// Answers a request for the pieces of a [`Plan`], all as of one moment and with all that was added so far; `None`
    /// when it turns out that only flow records can tell.
    pub async fn group(
        &self,
        request: &Request,
        pieces: &[(Tier, TimeRange)],
        control: &Control,
    ) -> Result<Option<Groups>, StoreError> {
        let Some(mut found) = Aggregate::new(request) else { return Ok(None) };
        // Memory first: what is written in between is then in both, and the position tells.
        let in_memory = self.in_memory(request, pieces);
        control.expect(pieces.len() as u64);
        let read = self.read(&mut found, pieces, control).await;
        let position = read.map_err(|error| self.database.noted(error))?;
        for (from, part) in in_memory {
            if from >= position {
                found.merge(part);
            }
        }
        Ok(found.finish(&self.names.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn in_memory<'a>(&self, request: &'a Request, pieces: &[(Tier, TimeRange)]) -> Vec<(u64, Aggregate<'a>)> {
        let accumulator = self.accumulator();
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let mut parts = Vec::new();
        for pending in accumulator.parts() {
            let Some(mut found) = Aggregate::new(request) else { continue };
            for (minute, sums) in &pending.minutes {
                let moment = minute.saturating_mul(60_000);
                if !pieces.iter().any(|(_, range)| range.contains(moment)) {
                    continue;
                }
                if let Some(sums) = sums.families.get(usize::from(found.family.number())) {
                    found.add_sums(*minute, sums.iter(), &names);
                }
                if request.addresses {
                    for (key, set) in &sums.addresses {
                        found.add_addresses(*minute, *key, |into| {
                            into.merge(set);
                            Ok(())
                        });
                    }
                }
            }
            parts.push((pending.from, found));
        }
        parts
    }

    /// Adds what the database has, and returns the position that it covers.
    async fn read(
        &self,
        found: &mut Aggregate<'_>,
        pieces: &[(Tier, TimeRange)],
        control: &Control,
    ) -> Result<u64, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read"))?;
        let mut snapshot = reader.begin().await.map_err(failed("read"))?;
        let progress = Progress::read(&mut snapshot).await?;
        for (tier, range) in pieces {
            let minutes = range.from_ms.div_euclid(60_000)..range.to_ms.div_euclid(60_000);
            if progress.from(*tier).is_some_and(|from| minutes.start < from) {
                // It expired after the plan was made.
                found.add_gap();
            }
            self.read_sums(&mut snapshot, found, *tier, &minutes, control).await?;
            control.advance(1);
        }
        Ok(progress.position)
    }

    async fn read_sums(
        &self,
        snapshot: &mut SqliteConnection,
        found: &mut Aggregate<'_>,
        tier: Tier,
        minutes: &Range<i64>,
        control: &Control,
    ) -> Result<(), StoreError> {
        let with_addresses = found.asks_for_addresses().then_some(ADDRESSES);
        for family in [Some(found.family.number()), with_addresses].into_iter().flatten() {
            let mut blocks = sqlx::query_as::<_, (i64, Vec<u8>)>(
                "SELECT start, block FROM sums WHERE tier = ? AND family = ? AND start >= ? AND start < ?",
            )
            .bind(tier_number(tier))
            .bind(family)
            .bind(minutes.start)
            .bind(minutes.end)
            .fetch(&mut *snapshot);
            while let Some((start, block)) = blocks.try_next().await.map_err(failed("read"))? {
                if control.cancel.is_cancelled() {
                    return Ok(());
                }
                if family == ADDRESSES {
                    add_sets(found, start, &block);
                } else {
                    let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
                    match read_sums(&block) {
                        Ok(rows) => found.add_sums(start, rows.iter().map(|(key, sum)| (key, sum)), &names),
                        Err(_) => found.add_gap(),
                    }
                }
            }
        }
        Ok(())
    }

    /// What each tier keeps, minutes first. Their bytes are those of the blocks.
    pub async fn status(&self) -> Result<Vec<TierStatus>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read"))?;
        let mut status = Vec::with_capacity(TIERS.len());
        for tier in TIERS {
            type Row = (Option<i64>, Option<i64>, i64, i64);
            let (first, last, rows, bytes): Row = sqlx::query_as(
                "SELECT min(start), max(start), coalesce(sum(rows), 0), coalesce(sum(bytes), 0) \
                 FROM sums WHERE tier = ?",
            )
            .bind(tier_number(tier))
            .fetch_one(&mut *reader)
            .await
            .map_err(failed("read"))?;
            let range = first.zip(last).and_then(|(first, last)| {
                let end = last.saturating_add(bucket_minutes(tier));
                TimeRange::new(first.saturating_mul(60_000), end.saturating_mul(60_000))
            });
            status.push(TierStatus {
                tier,
                range,
                rows: rows.cast_unsigned(),
                bytes: bytes.cast_unsigned(),
                keep_s: self.retention.of(tier).map(|keep| keep.as_secs()),
                keep_bytes: None,
            });
        }
        Ok(status)
    }

    /// Bytes of the files of the database, with what was removed and is not used again yet.
    pub fn file_bytes(&self) -> u64 {
        self.database.bytes()
    }

    /// Closes the database. What was not committed is in the archive.
    pub async fn close(self) -> Result<(), StoreError> {
        self.database.close().await
    }

    fn accumulator(&self) -> MutexGuard<'_, Accumulator> {
        self.accumulator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add_sets(found: &mut Aggregate<'_>, start: i64, block: &[u8]) {
    let read = read_sets(block, |direction, country, bytes| {
        found.add_addresses(start, (direction, country), |into| {
            into.merge_bytes(bytes).map_err(|_| DamagedBlock)
        });
        Ok(())
    });
    if read.is_err() {
        found.add_gap();
    }
}

/// What the database knows from the start.
async fn load(database: &mut SqliteConnection) -> Result<(Progress, Names, Option<i64>), StoreError> {
    let progress = Progress::read(database).await?;
    let exporters: Vec<Vec<u8>> = sqlx::query_scalar("SELECT address FROM exporter ORDER BY number")
        .fetch_all(&mut *database)
        .await
        .map_err(failed("read"))?;
    let cities: Vec<String> = sqlx::query_scalar("SELECT name FROM city ORDER BY number")
        .fetch_all(&mut *database)
        .await
        .map_err(failed("read"))?;
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(start) FROM sums WHERE tier = ?")
        .bind(tier_number(Tier::Minute))
        .fetch_one(database)
        .await
        .map_err(failed("read"))?;
    let exporters = exporters.iter().map(|bytes| address(bytes)).collect();
    let newest_ms = newest.map(|minute| minute.saturating_add(1).saturating_mul(60_000) - 1);
    Ok((progress, Names::saved(exporters, cities), newest_ms))
}

fn address(bytes: &[u8]) -> IpAddr {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v6.or_else(|_| v4()).unwrap_or(IpAddr::from([0; 4]))
}
