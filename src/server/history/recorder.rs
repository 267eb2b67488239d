//! The recorder: has every flow record that is handed over put into the archive, and summed up in the store.
//!
//! One thread, the only one that writes. What it takes is durable at most a second later; sums are committed once a
//! minute, with the position in the archive that they cover. Sums that are behind (after a crash, or after a batch
//! that was not stored) are caught up from the archive, piece by piece between batches, so that nothing waits for it.
//! A disk that is full or fails stops the storing and nothing else: what comes then is lost, and counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::Handle;

use super::account::Account;
use super::forecast::{Growth, forecast};
use super::handed::Handed;
use super::recording::{Recorded, Shared};
use crate::model::time_range::TimeRange;
use crate::server::archive::{self, Archive, ArchiveError, ArchiveStatus, Keeper, Replay};
use crate::server::collector::batch::FlowBatch;
use crate::server::collector::socket::now_us;
use crate::server::config::Config;
use crate::server::config::history::HistorySettings;
use crate::server::store::{LossReason, Retention, Store, StoreError};
use crate::server::transport::Gauge;

/// Rows are durable after so long at most.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
/// After a second without a flush, rows are made durable when nothing has come for so long.
const IDLE: Duration = Duration::from_millis(100);
/// How often sums are committed.
const COMMIT_INTERVAL: Duration = Duration::from_mins(1);
/// How often the status is put together.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is asked how much the sums take.
const STORE_LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// How long sums are caught up before batches get their turn.
const CATCH_UP_TIME: Duration = Duration::from_millis(20);
/// A process that was killed was seen no longer before.
const LONGEST_UNSEEN_MS: i64 = 60_000;
const DAY_S: u64 = 86_400;

/// Why nothing can be stored.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The archive cannot be opened.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The sums cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account, or a thread, cannot be begun.
    #[error("the history cannot be begun in the data folder")]
    Begin(#[from] std::io::Error),
}

/// What a recorder goes on with that could not be opened at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// What others look at.
    pub shared: Arc<Shared>,
    /// Where it is written down what is handed over.
    pub handed: Handed,
    /// Flow records that came meanwhile.
    pub lost: u64,
    /// Since when they came, milliseconds since 1970; `None` when none could.
    pub since_ms: Option<i64>,
}

/// How a recorder ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Where all flow records are.
    pub account: Account,
    /// Why it could not store any more, if so.
    pub trouble: Option<String>,
}

/// All that is needed to store flow records.
#[derive(Debug)]
pub struct Recorder {
    archive: Arc<Archive>,
    /// Seals and expires; ends with the recorder.
    _keeper: Keeper,
    store: Arc<Store>,
    runtime: Handle,
    settings: HistorySettings,
    handed: Handed,
    shared: Arc<Shared>,
    /// Position of the first row of this process.
    base: u64,
    /// The position after the last row that was taken.
    position: u64,
    /// Rows before it are on disk.
    durable: u64,
    taken: u64,
    lost_disk_full: u64,
    lost_disk_error: u64,
    /// Why what comes is not stored.
    trouble: Option<String>,
    /// The queue that is emptied here while flow records are collected; none for an import.
    queue: Option<Gauge>,
    /// What was lost to the queue, a full disk and a failing one at the last look, and when that was.
    lost_before: ([u64; 3], i64),
    /// What sums are caught up with while they are behind.
    replay: Option<CatchingUp>,
    unwritten_since: Option<Instant>,
    appended: Instant,
    flushed: Instant,
    committed: Instant,
    looked: Instant,
    looked_at_store: Option<Instant>,
}

/// Rows that the sums do not have yet.
#[derive(Debug)]
struct CatchingUp {
    rows: Replay,
    /// True in the middle of rows that are not in the order of their positions: nothing can be committed there.
    is_within: bool,
    /// Where the sums were when it began.
    from: u64,
}

impl Recorder {
    /// Opens archive and store, and counts what the process before this one has lost. Sums that are behind are caught up
    /// while it runs.
    pub fn open(config: &Config, runtime: Handle) -> Result<Self, OpenError> {
        Self::open_after(&Before::default(), config, runtime)
    }

    /// Opens archive and store for one that could not be opened before.
    pub(super) fn open_after(before: &Before, config: &Config, runtime: Handle) -> Result<Self, OpenError> {
        let (settings, now_ms) = (config.history, now_ms());
        let archive = Arc::new(Archive::open(
            archive::Settings {
                folder: config.archive_folder(),
                keep_s: Some(u64::from(settings.archive_keep_days) * DAY_S),
                keep_bytes: Some(settings.archive_keep_bytes),
                min_free_bytes: settings.min_free_bytes,
            },
            now_ms,
        )?);
        let retention = retention(&settings);
        let (store, notice) = runtime.block_on(Store::open(&config.data_dir, retention, now_ms))?;
        let found = archive.end_position();
        let account = config.archive_folder().join("handed");
        let lost_at_crash = Handed::missing(&account, found).unwrap_or_else(|error| {
            tracing::warn!(%error, file = %account.display(), "cannot tell whether flow records were lost when the last process ended");
            None
        });
        let lost_at_crash = lost_at_crash.unwrap_or(0);
        if lost_at_crash > 0 {
            tracing::warn!(
                lost_at_crash,
                "the process before this one had not stored all flow records when it was killed"
            );
        }
        if lost_at_crash > 0 {
            // It was seen last when it committed.
            let from_ms = store.last_collected_ms().unwrap_or(now_ms);
            let to_ms = from_ms.saturating_add(LONGEST_UNSEEN_MS);
            store.lose(LossReason::Crash, lost_at_crash, TimeRange { from_ms, to_ms });
        }
        // Where a damaged log lost rows that the sums have, the archive goes on behind them.
        archive.covered(store.position())?;
        let base = archive.end_position();
        let keeper = Keeper::start(Arc::clone(&archive))?;
        let handed = before.handed.clone();
        handed.begin(&account, base)?;
        handed.set_lost(before.lost)?;
        before.shared.set_found(lost_at_crash, notice);
        let now = Instant::now();
        let mut recorder = Self {
            archive,
            _keeper: keeper,
            store: Arc::new(store),
            runtime,
            settings,
            handed,
            shared: Arc::clone(&before.shared),
            base,
            position: base,
            durable: base,
            taken: before.lost,
            lost_disk_full: 0,
            lost_disk_error: before.lost,
            trouble: None,
            queue: None,
            lost_before: ([0; 3], before.since_ms.unwrap_or(now_ms)),
            replay: None,
            unwritten_since: None,
            appended: now,
            flushed: now,
            committed: now,
            looked: now,
            looked_at_store: None,
        };
        if recorder.store.position() < base {
            recorder.begin_catching_up();
        }
        recorder.look();
        Ok(recorder)
    }

    /// Where it is written down what is handed over.
    pub const fn handed(&self) -> &Handed {
        &self.handed
    }

    /// What others may look at.
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The archive, to read from.
    pub const fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// The sums, to read from.
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Number of rows that the archive was ever given.
    pub const fn rows(&self) -> u64 {
        self.position
    }

    /// True while the sums do not have all rows of the archive.
    pub const fn is_catching_up(&self) -> bool {
        self.replay.is_some()
    }

    /// False when what comes now is lost.
    pub const fn is_storing(&self) -> bool {
        self.trouble.is_none()
    }

    /// Says that from now on flow records are collected, and wait in a queue.
    pub(super) fn begin_collecting(&mut self, queue: Gauge) {
        self.queue = Some(queue);
        self.look();
    }

    /// Says that flow records were collected in a stretch of the past: a capture file's.
    pub fn add_collected(&self, range: TimeRange) {
        self.store.add_collected(range);
    }

    /// Takes the flows of a batch. They are on disk after the next flush.
    pub fn record(&mut self, batch: &FlowBatch) {
        self.taken += batch.flows.len() as u64;
        match self.archive.append(batch) {
            Ok(end) => {
                if self.replay.is_none() {
                    self.store.add(batch, self.position);
                } else {
                    self.store.set_changed(batch);
                }
                self.position = end;
                self.appended = Instant::now();
                self.unwritten_since.get_or_insert(self.appended);
            }
            Err(ArchiveError::NotStored { lost, reason }) => {
                self.lose(lost);
                self.fail(reason);
            }
            Err(error) => {
                self.lose(batch.flows.len() as u64);
                self.fail(error.to_string());
            }
        }
    }

    /// Does what is due: writes, commits, looks at the disk, catches up. Returns when it wants to be called again.
    pub fn keep_up(&mut self) -> Duration {
        if self.is_flush_due() {
            self.flush();
        }
        if self.committed.elapsed() >= COMMIT_INTERVAL || self.store.is_full() {
            self.commit();
        }
        if self.looked.elapsed() >= LOOK_INTERVAL {
            self.look();
        }
        self.catch_up();
        self.publish();
        if self.replay.is_some() {
            Duration::ZERO
        } else if self.unwritten_since.is_some() {
            IDLE
        } else {
            LOOK_INTERVAL
        }
    }

    /// Makes all durable that was taken, commits the sums, and says what became of everything.
    pub fn finish(mut self) -> Finished {
        self.flush();
        self.look();
        self.commit();
        self.publish();
        // Whoever still answers from it closes it with the last answer.
        if let Some(store) = Arc::into_inner(self.store)
            && let Err(error) = self.runtime.block_on(store.close())
        {
            tracing::warn!("{}", with_cause(&error));
        }
        Finished { account: self.shared.account(), trouble: self.trouble }
    }

    fn is_flush_due(&self) -> bool {
        let has_waited = |since: Instant| {
            since.elapsed() >= FLUSH_INTERVAL
                || self.appended.elapsed() >= IDLE && self.flushed.elapsed() >= FLUSH_INTERVAL
        };
        self.unwritten_since.is_some_and(has_waited)
    }

    fn flush(&mut self) {
        self.flushed = Instant::now();
        match self.archive.flush(now_ms()) {
            Ok(durable) => {
                self.durable = durable;
                self.unwritten_since = None;
            }
            // What was taken waits in memory, and the next call tries again.
            Err(error) => {
                self.unwritten_since = Some(self.flushed);
                self.fail(with_cause(&error));
            }
        }
    }

    fn commit(&mut self) {
        if self.replay.as_ref().is_some_and(|replay| replay.is_within) {
            return;
        }
        self.committed = Instant::now();
        // Sums never cover rows that a loss of power could take back.
        if self.durable < self.position {
            self.flush();
            if self.durable < self.position {
                return;
            }
        }
        let now_ms = now_ms();
        let committed = self.runtime.block_on(async {
            self.store.commit(now_ms).await?;
            self.store.expire(now_ms).await
        });
        let problem = match committed {
            Ok(_) => self.archive.covered(self.store.position()).err().map(|error| with_cause(&error)),
            Err(error) => Some(with_cause(&error)),
        };
        if let Some(problem) = &problem {
            tracing::error!("the sums of the history are not written: {problem}");
        }
        self.shared.set_store_problem(problem);
    }

    fn begin_catching_up(&mut self) {
        let from = self.store.position();
        tracing::info!(rows = self.position.saturating_sub(from), "the sums are caught up from the archive");
        let rows = self.archive.rows_from(from);
        if rows.skipped > 0 {
            tracing::warn!(rows = rows.skipped, "flow records are in the archive and missing in the sums");
        }
        self.replay = Some(CatchingUp { rows, is_within: false, from });
    }

    fn catch_up(&mut self) {
        let Some(mut replay) = self.replay.take() else { return };
        let began = Instant::now();
        while began.elapsed() < CATCH_UP_TIME {
            match replay.rows.next() {
                Some(Ok(replayed)) => {
                    let from = self.store.position();
                    self.store.add_stored(&replayed.flows, from);
                    replay.is_within = replayed.end_position.is_none();
                    if let Some(end) = replayed.end_position
                        && self.store.position() < end
                    {
                        self.skip_to(end);
                    }
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "flow records that cannot be read are missing in the sums");
                }
                // What came since the replay began is in the next one.
                None if self.store.position() < self.position => {
                    if self.store.position() > replay.from || self.unwritten_since.is_some() {
                        self.begin_catching_up();
                    } else {
                        self.skip_to(self.position);
                    }
                    return;
                }
                None => {
                    tracing::info!("the sums have caught up");
                    return;
                }
            }
        }
        self.replay = Some(replay);
    }

    /// Lets the sums go on behind rows that cannot be read any more: they have expired, or their file is damaged.
    fn skip_to(&mut self, position: u64) {
        let rows = position.saturating_sub(self.store.position());
        tracing::warn!(rows, "flow records that expired or cannot be read are missing in the sums");
        self.store.add_stored(&[], position);
    }

    fn fail(&mut self, why: String) {
        if self.trouble.is_none() {
            tracing::error!("nothing is stored: {why}");
        }
        self.trouble = Some(why);
    }

    fn lose(&mut self, flows: u64) {
        if self.shared.free_bytes() < self.settings.min_free_bytes.max(1 << 20) {
            self.lost_disk_full += flows;
        } else {
            self.lost_disk_error += flows;
        }
        if let Err(error) = self.handed.set_lost(self.lost_disk_full + self.lost_disk_error) {
            tracing::debug!(%error, "cannot write down what was lost");
        }
    }

    /// Looks how everything is, and whether what failed works again.
    fn look(&mut self) {
        self.looked = Instant::now();
        let status = self.archive.status();
        if status.is_storing && self.unwritten_since.is_none() && self.trouble.take().is_some() {
            tracing::info!(free_bytes = status.free_bytes, "flow records are stored again");
        }
        self.beat(status.is_storing);
        let is_store_due = self.looked_at_store.is_none_or(|looked| looked.elapsed() >= STORE_LOOK_INTERVAL);
        let tiers = is_store_due.then(|| self.runtime.block_on(self.store.status()));
        if let Some(tiers) = tiers {
            self.looked_at_store = Some(Instant::now());
            match tiers {
                Ok(tiers) => self.shared.set_tiers(tiers),
                Err(error) => tracing::warn!("cannot tell how much the sums take: {}", with_cause(&error)),
            }
        }
        self.shared.set_archive(status.clone(), self.forecast(&status));
    }

    /// Keeps for answers whether what comes is stored, and what was lost since the last look.
    fn beat(&mut self, is_storing: bool) {
        let Some(queue) = &self.queue else { return };
        let now_ms = now_ms();
        self.store.beat(now_ms, self.looked, is_storing && self.trouble.is_none());
        let lost = [queue.dropped(), self.lost_disk_full, self.lost_disk_error];
        let (before, before_ms) = std::mem::replace(&mut self.lost_before, (lost, now_ms));
        let range = TimeRange { from_ms: before_ms.min(now_ms), to_ms: now_ms.saturating_add(1) };
        let reasons = [LossReason::QueueFull, LossReason::DiskFull, LossReason::DiskError];
        for ((reason, lost), before) in reasons.into_iter().zip(lost).zip(before) {
            if lost > before {
                self.store.lose(reason, lost - before, range);
            }
        }
    }

    fn forecast(&self, status: &ArchiveStatus) -> Option<crate::model::history::Forecast> {
        let growth = Growth {
            bytes_per_day: status.bytes_per_day?,
            archive_bytes: status.tier.bytes,
            store_bytes: self.store.file_bytes(),
            room_bytes: status.free_bytes.saturating_sub(self.settings.min_free_bytes),
        };
        Some(forecast(growth, self.settings.archive_keep_days, self.settings.archive_keep_bytes, now_ms()))
    }

    fn publish(&self) {
        self.shared.publish(
            Recorded {
                taken: self.taken,
                stored: self.durable.saturating_sub(self.base),
                unwritten: self.position.saturating_sub(self.durable),
                lost_disk_full: self.lost_disk_full,
                lost_disk_error: self.lost_disk_error,
            },
            self.trouble.clone(),
        );
    }
}

fn retention(settings: &HistorySettings) -> Retention {
    let days = |days: u32| Duration::from_secs(u64::from(days) * DAY_S);
    Retention {
        minutes: Some(days(settings.minutes_keep_days)),
        hours: Some(days(settings.hours_keep_days)),
        days: settings.days_keep_days.map(days),
    }
}

fn now_ms() -> i64 {
    now_us() / 1_000
}

/// An error with what caused it, in one line.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
