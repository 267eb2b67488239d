//! When flow records were collected, and how many were lost meanwhile: what tells silence from a gap.
//!
//! The recorder beats once a second while it stores what comes, and the commit of the sums writes that down. A stretch
//! ends with the process, with a disk that takes nothing, with a clock that jumps and with a machine that sleeps. After a
//! crash the flow records behind the last commit tell how long the stretch went on. The capture files of an import are
//! stretches, too.

use std::time::Instant;

use sqlx::{Connection as _, SqliteConnection};

use super::database::{StoreError, failed};
use super::stretches::{SHORTEST_GAP_MS, Stretches};
use crate::model::time_range::TimeRange;

/// Flow records no further from each other were collected by the same process without a pause.
const BRIDGE_MS: i64 = 60_000;
/// When the clock has gone so much more or less than time has, it jumped or the machine slept.
const MOST_DRIFT_MS: i64 = 5_000;
/// Losses of one reason within so much time are told as one.
const LONGEST_LOSS_MS: i64 = 3_600_000;
/// Losses that are kept; of more, the oldest are forgotten.
const MOST_LOSSES: usize = 10_000;

/// Why a flow record is not stored although it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// The history's queue had no room.
    QueueFull,
    /// The disk had too little free space.
    DiskFull,
    /// The disk failed.
    DiskError,
    /// The process was killed.
    Crash,
}

impl LossReason {
    const ALL: [Self; 4] = [Self::QueueFull, Self::DiskFull, Self::DiskError, Self::Crash];

    const fn number(self) -> i64 {
        match self {
            Self::QueueFull => 1,
            Self::DiskFull => 2,
            Self::DiskError => 3,
            Self::Crash => 4,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::QueueFull => "because the disk or the processor could not keep up",
            Self::DiskFull => "because the disk was full",
            Self::DiskError => "because the disk failed",
            Self::Crash => "because Meridian was killed",
        }
    }
}

/// Flow records that were lost between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loss {
    reason: LossReason,
    range: TimeRange,
    flows: u64,
}

/// How many flow records of a range were received and not stored, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(Vec<(LossReason, u64)>);

impl Losses {
    /// For people: how many and why; `None` when there are none.
    pub fn text(&self) -> Option<String> {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(reason, flows)| format!("{} {}", crate::model::quantity::count(*flows), reason.text()))
            .collect();
        (!parts.is_empty())
            .then(|| format!("Flow records that came in this time were not stored: {}.", parts.join(", ")))
    }

    /// Of all reasons.
    pub fn flows(&self) -> u64 {
        self.0.iter().map(|(_, flows)| flows).sum()
    }
}

/// When flow records were collected, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Collecting {
    known: Stretches,
    /// The stretch that goes on, and when that was seen by a clock that does not jump.
    current: Option<(TimeRange, Instant)>,
    /// What flow records of the archive tell, most of which follow each other in time.
    noted: Option<TimeRange>,
    /// Nothing is known of what comes after.
    as_of_ms: i64,
    losses: Vec<Loss>,
    unsaved: Vec<TimeRange>,
    unsaved_losses: Vec<Loss>,
}

/// What is to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsaved {
    stretches: Vec<TimeRange>,
    losses: Vec<Loss>,
}

impl Collecting {
    /// Says whether at this moment what comes is stored.
    pub(super) fn beat(&mut self, now_ms: i64, at: Instant, is_storing: bool) {
        self.as_of_ms = now_ms;
        let goes_on = self.current.filter(|(range, seen)| {
            let passed = i64::try_from(at.saturating_duration_since(*seen).as_millis()).unwrap_or(i64::MAX);
            now_ms.saturating_sub(range.to_ms).saturating_sub(passed).abs() <= MOST_DRIFT_MS
        });
        if goes_on.is_none() || !is_storing {
            self.end();
        }
        if is_storing {
            let from_ms = goes_on.map_or(now_ms, |(range, _)| range.from_ms);
            let to_ms = goes_on.map_or(now_ms, |(range, _)| range.to_ms).max(now_ms);
            self.current = Some((TimeRange { from_ms, to_ms }, at));
        }
    }

    fn end(&mut self) {
        if let Some((range, _)) = self.current.take() {
            self.add(range, 0);
        }
    }

    /// Adds a stretch that is over.
    pub(super) fn add(&mut self, range: TimeRange, bridge_ms: i64) {
        if range.from_ms < range.to_ms {
            self.known.add(range, bridge_ms);
            self.unsaved.push(range);
        }
    }

    /// Takes the moments of flow records that the archive gave back.
    pub(super) fn note(&mut self, moments: impl Iterator<Item = i64>) {
        for moment in moments {
            let end = moment.saturating_add(1);
            self.noted = Some(match self.noted {
                Some(range)
                    if range.from_ms.saturating_sub(BRIDGE_MS) <= moment
                        && end <= range.to_ms.saturating_add(BRIDGE_MS) =>
                {
                    TimeRange { from_ms: range.from_ms.min(moment), to_ms: range.to_ms.max(end) }
                }
                far => {
                    if let Some(range) = far {
                        self.take_noted(range);
                    }
                    TimeRange { from_ms: moment, to_ms: end }
                }
            });
        }
    }

    fn take_noted(&mut self, range: TimeRange) {
        self.known.add(range, BRIDGE_MS);
        // As it is now, with what it was put together with.
        let at = self.known.as_slice().partition_point(|known| known.to_ms < range.to_ms);
        self.unsaved.extend(self.known.as_slice().get(at).copied());
    }

    /// Counts flow records that were received between the beat before and this moment, and not stored.
    pub(super) fn lose(&mut self, reason: LossReason, flows: u64, range: TimeRange) {
        let before = self.losses.iter_mut().rev().take(LossReason::ALL.len()).find(|loss| {
            loss.reason == reason
                && loss.range.to_ms.saturating_add(BRIDGE_MS) >= range.from_ms
                && range.from_ms >= loss.range.from_ms
                && range.to_ms.saturating_sub(loss.range.from_ms) <= LONGEST_LOSS_MS
        });
        let loss = if let Some(loss) = before {
            loss.flows = loss.flows.saturating_add(flows);
            loss.range.to_ms = loss.range.to_ms.max(range.to_ms);
            *loss
        } else {
            let loss = Loss { reason, range, flows };
            self.losses.push(loss);
            loss
        };
        if self.losses.len() > MOST_LOSSES {
            self.losses.remove(0);
        }
        self.unsaved_losses
            .retain(|unsaved| (unsaved.reason, unsaved.range.from_ms) != (reason, loss.range.from_ms));
        self.unsaved_losses.push(loss);
    }

    /// When the process before this one was seen last.
    pub(super) fn last_seen_ms(&self) -> Option<i64> {
        self.known.last().map(|last| last.to_ms)
    }

    /// Up to when it is known.
    pub(super) const fn as_of_ms(&self) -> i64 {
        self.as_of_ms
    }

    pub(super) fn gaps(&self, range: TimeRange) -> Vec<TimeRange> {
        let current = self.current.map(|(range, _)| range);
        // What goes on has no end yet.
        let current = current.map(|range| TimeRange { to_ms: range.to_ms.max(self.as_of_ms), ..range });
        let Some(past) = TimeRange::new(range.from_ms, range.to_ms.min(self.as_of_ms)) else {
            return Vec::new();
        };
        if current.is_none() && self.noted.is_none() {
            return self.known.gaps(past);
        }
        let mut all = self.known.clone();
        self.noted.into_iter().for_each(|noted| all.add(noted, BRIDGE_MS));
        current.into_iter().filter(|range| range.from_ms < range.to_ms).for_each(|range| all.add(range, 0));
        all.gaps(past)
    }

    pub(super) fn losses(&self, range: TimeRange) -> Losses {
        let of = |reason| {
            let lost = self.losses.iter().filter(|loss| {
                loss.reason == reason && loss.range.from_ms < range.to_ms && range.from_ms < loss.range.to_ms
            });
            (reason, lost.map(|loss| loss.flows).fold(0, u64::saturating_add))
        };
        Losses(LossReason::ALL.map(of).into_iter().filter(|(_, flows)| *flows > 0).collect())
    }

    /// What the database does not have yet.
    pub(super) fn unsaved(&mut self) -> Unsaved {
        if let Some(range) = self.noted {
            self.take_noted(range);
        }
        let current = self.current.map(|(range, _)| range).filter(|range| range.from_ms < range.to_ms);
        Unsaved {
            stretches: self.unsaved.iter().copied().chain(current).collect(),
            losses: self.unsaved_losses.clone(),
        }
    }

    /// The database has it now.
    pub(super) fn set_saved(&mut self, saved: &Unsaved) {
        self.unsaved.retain(|range| !saved.stretches.contains(range));
        self.unsaved_losses.retain(|loss| !saved.losses.contains(loss));
    }

    /// What the database knows, in as few rows as say the same.
    pub(super) async fn load(database: &mut SqliteConnection, now_ms: i64) -> Result<Self, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as("SELECT from_ms, to_ms FROM collecting ORDER BY from_ms")
            .fetch_all(&mut *database)
            .await
            .map_err(failed("read"))?;
        let mut known = Stretches::default();
        for range in rows.iter().filter_map(|(from_ms, to_ms)| TimeRange::new(*from_ms, *to_ms)) {
            known.add(range, SHORTEST_GAP_MS);
        }
        if known.as_slice().len() < rows.len() {
            let mut transaction = database.begin().await.map_err(failed("write"))?;
            sqlx::query("DELETE FROM collecting")
                .execute(&mut *transaction)
                .await
                .map_err(failed("write"))?;
            write_stretches(&mut transaction, known.as_slice()).await?;
            transaction.commit().await.map_err(failed("write"))?;
        }
        let losses: Vec<(i64, i64, i64, i64)> =
            sqlx::query_as("SELECT from_ms, to_ms, reason, flows FROM lost ORDER BY from_ms DESC LIMIT ?")
                .bind(i64::try_from(MOST_LOSSES).unwrap_or(i64::MAX))
                .fetch_all(&mut *database)
                .await
                .map_err(failed("read"))?;
        if let Some((oldest_ms, ..)) = losses.last() {
            sqlx::query("DELETE FROM lost WHERE from_ms < ?")
                .bind(oldest_ms)
                .execute(database)
                .await
                .map_err(failed("write"))?;
        }
        let losses = losses.into_iter().rev().filter_map(|(from_ms, to_ms, reason, flows)| {
            Some(Loss {
                reason: LossReason::ALL.into_iter().find(|known| known.number() == reason)?,
                range: TimeRange::new(from_ms, to_ms)?,
                flows: flows.cast_unsigned(),
            })
        });
        Ok(Self { known, losses: losses.collect(), as_of_ms: now_ms, ..Self::default() })
    }
}

impl Unsaved {
    pub(super) async fn write(&self, database: &mut SqliteConnection) -> Result<(), StoreError> {
        write_stretches(database, &self.stretches).await?;
        for loss in &self.losses {
            sqlx::query(
                "INSERT INTO lost (from_ms, reason, to_ms, flows) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (from_ms, reason) DO UPDATE SET to_ms = excluded.to_ms, flows = excluded.flows",
            )
            .bind(loss.range.from_ms)
            .bind(loss.reason.number())
            .bind(loss.range.to_ms)
            .bind(loss.flows.cast_signed())
            .execute(&mut *database)
            .await
            .map_err(failed("write"))?;
        }
        Ok(())
    }
}

async fn write_stretches(database: &mut SqliteConnection, stretches: &[TimeRange]) -> Result<(), StoreError> {
    for range in stretches {
        sqlx::query(
            "INSERT INTO collecting (from_ms, to_ms) VALUES (?, ?) \
             ON CONFLICT (from_ms) DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)",
        )
        .bind(range.from_ms)
        .bind(range.to_ms)
        .execute(&mut *database)
        .await
        .map_err(failed("write"))?;
    }
    Ok(())
}
