//! The store: sums of flows by minute, hour and day in SQLite. They outlive the flow records.
//!
//! A [`Store`] adds up what it is given in memory (`pending`) and writes it once a minute (`writing`), in one
//! transaction with the position of the archive that the sums cover: after a crash the archive's rows behind it are added
//! again, and each flow is in the sums once. What is not written yet is in every answer.
//! All sums of a family (`key`) in one bucket of time are one compressed block (`block`). Each flow is in one row
//! of each family, with both of its ends, so that filters by either end are exact, and transit counts once. A family
//! keeps the rows with most bytes, and the rest in one: totals are exact always, and an answer that lacks rows says so.

mod aggregate;
mod block;
mod changes;
mod collecting;
mod database;
mod exporter_losses;
mod first_seen;
mod key;
mod known;
mod names;
mod pending;
mod plan;
mod progress;
pub mod reports;
mod stretches;
#[cfg(test)]
mod tests;
mod writing;

use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, SqliteConnection};

pub use self::collecting::{LossReason, Losses};
pub use self::database::{FILE_NAME, StoreError, backup};
pub use self::exporter_losses::{ExporterLoss, LossChange};
pub use self::first_seen::Newcomers;
pub use self::plan::Plan;

use self::aggregate::Aggregate;
use self::block::{DamagedBlock, read_sets, read_sums};
use self::changes::Changes;
use self::collecting::Collecting;
use self::database::{Database, failed};
use self::first_seen::FirstSeen;
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
    collecting: Mutex<Collecting>,
    changes: Mutex<Changes>,
    /// As the database has it.
    first_seen: RwLock<FirstSeen>,
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
        let loaded = load(&mut writer, now_ms).await;
        drop(writer);
        let Loaded { progress, names, first_seen, newest_ms, collecting } =
            loaded.map_err(|error| database.noted(error))?;
        let names = Arc::new(RwLock::new(names));
        let accumulator = Accumulator::new(Arc::clone(&names), progress.position, newest_ms);
        let store = Self {
            database,
            retention,
            names,
            accumulator: Mutex::new(accumulator),
            progress: Mutex::new(progress),
            collecting: Mutex::new(collecting),
            changes: Mutex::default(),
            first_seen: RwLock::new(first_seen),
        };
        Ok((store, notice))
    }

    /// The first row of the archive that the sums do not have: where replaying begins after a start.
    pub fn position(&self) -> u64 {
        self.accumulator().position()
    }

    /// Adds the flows of a batch, the first of which has a position in the archive. Those that the sums have already
    /// are left out.
    pub fn add(&self, batch: &FlowBatch, position: u64) {
        self.accumulator().add(batch, position);
        self.set_changed(batch);
    }

    /// Says that the archive has flows which the sums will get later.
    pub fn set_changed(&self, batch: &FlowBatch) {
        self.changes().add(batch.flows.iter().map(|flow| flow.record.received_ms));
    }

    /// The number of the last change.
    pub fn changes_so_far(&self) -> u64 {
        self.changes().count()
    }

    /// True when a range may have got flows after the change of a number.
    pub fn has_changed(&self, range: TimeRange, after: u64) -> bool {
        self.changes().is_any(range, after)
    }

    /// True when a range is over.
    pub fn is_over(&self, range: TimeRange) -> bool {
        range.to_ms <= self.collecting().as_of_ms()
    }

    /// Adds flows that the archive gave back, in its order, the first of which has a position.
    pub fn add_stored(&self, flows: &[StoredFlow], position: u64) {
        self.collecting().note(flows.iter().map(|flow| flow.received_ms));
        self.accumulator().add_stored(flows, position);
        self.changes().add(flows.iter().map(|flow| flow.received_ms));
    }

    /// Says whether at this moment what comes is stored; about once a second, from the start of collecting on.
    pub fn beat(&self, now_ms: i64, at: Instant, is_storing: bool) {
        self.collecting().beat(now_ms, at, is_storing);
    }

    /// Adds a stretch in which flow records were collected: that of a capture file.
    pub fn add_collected(&self, range: TimeRange) {
        self.collecting().add(range, 0);
    }

    /// Counts flow records that were received between two moments and not stored.
    pub fn lose(&self, reason: LossReason, flows: u64, range: TimeRange) {
        self.collecting().lose(reason, flows, range);
    }

    /// When the process before this one is known to have collected last.
    pub fn last_collected_ms(&self) -> Option<i64> {
        self.collecting().last_seen_ms()
    }

    /// When nothing was collected in a range, as far as that is over.
    pub fn gaps(&self, range: TimeRange) -> Vec<TimeRange> {
        self.collecting().gaps(range)
    }

    /// How many flow records were received in a range, or close to it, and not stored.
    pub fn losses(&self, range: TimeRange) -> Losses {
        self.collecting().losses(range)
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
        let collected = self.collecting().unsaved();
        writing::write_names(&mut transaction, &unsaved).await?;
        collected.write(&mut transaction).await?;
        writing::write_part(&mut transaction, &part, &progress).await?;
        let news = self.first_seen.read().unwrap_or_else(PoisonError::into_inner).news(&part);
        news.write(&mut transaction).await?;
        writing::close(&mut transaction, &mut progress, now_ms.div_euclid(60_000)).await?;
        progress.position = part.to;
        progress.write(&mut transaction).await?;
        transaction.commit().await.map_err(failed("write"))?;
        self.accumulator().end_writing();
        self.collecting().set_saved(&collected);
        self.names.write().unwrap_or_else(PoisonError::into_inner).set_saved(&unsaved);
        self.first_seen.write().unwrap_or_else(PoisonError::into_inner).take(news);
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
        let before = self.retention.days.map(|keep| {
            let keep_minutes = i64::try_from(keep.as_secs() / 60).unwrap_or(i64::MAX);
            floor(now_ms.div_euclid(60_000).saturating_sub(keep_minutes), Tier::Day) / 60
        });
        exporter_losses::expire(&mut *self.database.writer.lock().await, before).await?;
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

    /// Which countries and autonomous systems the whole history saw for the first time in a range.
    pub fn first_seen(&self, range: TimeRange) -> Newcomers {
        let accumulator = self.accumulator();
        let known = self.first_seen.read().unwrap_or_else(PoisonError::into_inner);
        known.within(range, accumulator.parts(), accumulator.newest_ms())
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

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collecting(&self) -> MutexGuard<'_, Collecting> {
        self.collecting.lock().unwrap_or_else(PoisonError::into_inner)
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
struct Loaded {
    progress: Progress,
    names: Names,
    first_seen: FirstSeen,
    newest_ms: Option<i64>,
    collecting: Collecting,
}

async fn load(database: &mut SqliteConnection, now_ms: i64) -> Result<Loaded, StoreError> {
    first_seen::fill(database).await?;
    let first_seen = FirstSeen::read(database).await?;
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
        .fetch_one(&mut *database)
        .await
        .map_err(failed("read"))?;
    let collecting = Collecting::load(database, now_ms).await?;
    let exporters = exporters.iter().map(|bytes| address(bytes)).collect();
    let newest_ms = newest.map(|minute| minute.saturating_add(1).saturating_mul(60_000) - 1);
    let names = Names::saved(exporters, cities);
    Ok(Loaded { progress, names, first_seen, newest_ms, collecting })
}

fn address(bytes: &[u8]) -> IpAddr {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v6.or_else(|_| v4()).unwrap_or(IpAddr::from([0; 4]))
}
