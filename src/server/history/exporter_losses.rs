//! What the collector counts as missing of each exporter, handed to the store.
//!
//! The collector's counts begin with the process; a report wants those of a month. About once a minute the differences
//! since the last time are added to the store. An exporter that was forgotten and comes back counts from nothing, and
//! so does every exporter of a new process. What the store did not take is in the next difference.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::answers::History;
use super::recorder::with_cause;
use crate::server::collector::exporter::ExporterSnapshot;
use crate::server::collector::socket::now_us;
use crate::server::store::{ExporterLoss, LossChange, StoreError};

/// How often the differences are added.
const INTERVAL: Duration = Duration::from_mins(1);

/// One life of an exporter in this process: its address, its number, and when it was first heard.
type Life = (IpAddr, u32, i64);

/// What was handed to the store of each exporter.
#[derive(Debug, Default)]
pub struct Ledger {
    taken: HashMap<Life, ExporterLoss>,
}

impl Ledger {
    /// What has changed since the last time, of each exporter of which anything has.
    fn changes(&self, counted: &HashMap<Life, ExporterLoss>) -> Vec<LossChange> {
        let mut changes: HashMap<IpAddr, [i64; 3]> = HashMap::new();
        for (life, now) in counted {
            let before = self.taken.get(life).copied().unwrap_or_default();
            let sums = changes.entry(life.0).or_default();
            for ((sum, now), before) in sums.iter_mut().zip(now.counts()).zip(before.counts()) {
                *sum = sum.saturating_add(difference(now, before));
            }
        }
        changes.retain(|_, changes| changes.iter().any(|change| *change != 0));
        changes.into_iter().map(|(exporter, changes)| LossChange { exporter, changes }).collect()
    }

    /// Hands over what has changed. After an error the next call does.
    pub async fn hand_over(
        &mut self,
        history: &History,
        exporters: &[ExporterSnapshot],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        // Without a history there is nowhere to keep it.
        let Ok(tiers) = history.tiers() else { return Ok(()) };
        let counted: HashMap<Life, ExporterLoss> = exporters.iter().map(counted).collect();
        let changes = self.changes(&counted);
        if !changes.is_empty() {
            tiers.add_exporter_losses(now_ms, &changes).await?;
        }
        self.taken = counted;
        Ok(())
    }
}

fn difference(now: u64, before: u64) -> i64 {
    let difference = i64::try_from(now.abs_diff(before)).unwrap_or(i64::MAX);
    if now < before { -difference } else { difference }
}

/// What is missing of an exporter since it is known to this process.
fn counted(exporter: &ExporterSnapshot) -> (Life, ExporterLoss) {
    let known = exporter.summary();
    let undecodable = known.undecodable.iter().map(|(_, count)| count).sum::<u64>();
    let loss = ExporterLoss {
        missing_records: known.sequence_missing.saturating_sub(exporter.missing_datagrams()),
        missing_datagrams: exporter.missing_datagrams(),
        // A set whose template never came could not be decoded either.
        undecodable: undecodable.saturating_add(known.sets_expired),
    };
    ((known.address, known.id.0, known.first_seen_ms), loss)
}

/// Hands over once a minute what `exporters` tells, and once more when it is told to stop.
pub async fn watch(
    history: Arc<History>,
    exporters: impl Fn() -> Arc<Vec<ExporterSnapshot>> + Send,
    stop: CancellationToken,
) {
    let mut ledger = Ledger::default();
    loop {
        let is_last = tokio::select! {
            () = stop.cancelled() => true,
            () = sleep(INTERVAL) => false,
        };
        let now = exporters();
        if let Err(error) = ledger.hand_over(&history, &now, now_us() / 1_000).await {
            tracing::warn!(
                "what is missing of exporters is not written down, and is tried again in a minute: {}",
                with_cause(&error)
            );
        }
        if is_last {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time_range::TimeRange;
    use crate::server::store::{Retention, Store};

    const HOUR_MS: i64 = 3_600_000;

    fn exporter(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// Takes counts as they are, and adds them to a store in an hour.
    async fn take(ledger: &mut Ledger, store: &Store, hour: i64, counts: &[(Life, [u64; 3])]) {
        let counted = counts.iter().map(|(life, [records, datagrams, undecodable])| {
            let loss = ExporterLoss {
                missing_records: *records,
                missing_datagrams: *datagrams,
                undecodable: *undecodable,
            };
            (*life, loss)
        });
        let counted: HashMap<Life, ExporterLoss> = counted.collect();
        let changes = ledger.changes(&counted);
        store.add_exporter_losses(hour * HOUR_MS + 60_000, &changes).await.unwrap();
        ledger.taken = counted;
    }

    async fn found(store: &Store, from: i64, to: i64, last: u8) -> [u64; 3] {
        let range = TimeRange { from_ms: from * HOUR_MS, to_ms: to * HOUR_MS };
        let found = store.exporter_losses(range).await.unwrap();
        found.get(&exporter(last)).copied().unwrap_or_default().counts()
    }

    #[tokio::test]
    async fn what_is_missing_is_in_the_hour_in_which_it_was_noticed_over_restarts_and_exporters_that_come_back()
     {
        let folder = tempfile::tempdir().unwrap();
        let retention = Retention { days: Some(Duration::from_hours(24)), ..Retention::default() };
        let (store, _) = Store::open(folder.path(), retention, 0).await.unwrap();
        let (first, second) = ((exporter(1), 0, 5), (exporter(2), 1, 6));
        let mut ledger = Ledger::default();
        take(&mut ledger, &store, 100, &[(first, [10, 0, 1])]).await;
        take(&mut ledger, &store, 100, &[(first, [12, 0, 1]), (second, [0, 7, 0])]).await;
        take(&mut ledger, &store, 101, &[(first, [20, 0, 4]), (second, [0, 7, 0])]).await;
        assert_eq!(found(&store, 100, 101, 1).await, [12, 0, 1]);
        assert_eq!(found(&store, 101, 102, 1).await, [8, 0, 3]);
        assert_eq!(found(&store, 100, 102, 2).await, [0, 7, 0]);
        // The second was forgotten and came back under the same number; the first is of a new process.
        take(&mut ledger, &store, 102, &[(first, [20, 0, 4]), ((exporter(2), 1, 900), [0, 2, 0])]).await;
        assert_eq!(found(&store, 100, 103, 2).await, [0, 9, 0]);
        let mut ledger = Ledger::default();
        take(&mut ledger, &store, 103, &[(first, [5, 0, 0])]).await;
        assert_eq!(found(&store, 100, 104, 1).await, [25, 0, 4]);
        // It is kept as long as the sums of days.
        store.expire(120 * HOUR_MS).await.unwrap();
        assert_eq!(found(&store, 0, 200, 1).await, [25, 0, 4]);
        store.expire(144 * HOUR_MS).await.unwrap();
        assert_eq!(found(&store, 0, 200, 1).await, [0, 0, 0]);
    }

    #[tokio::test]
    async fn what_came_late_after_all_is_taken_back_from_the_newest_hours_and_nothing_is_below_zero() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path(), Retention::default(), 0).await.unwrap();
        let life = (exporter(1), 0, 5);
        let mut ledger = Ledger::default();
        for (hour, missing) in [(10, 10), (11, 14), (12, 15), (12, 3)] {
            take(&mut ledger, &store, hour, &[(life, [missing, 0, 0])]).await;
        }
        assert_eq!(found(&store, 10, 13, 1).await, [3, 0, 0]);
        assert_eq!(found(&store, 11, 13, 1).await, [0, 0, 0]);
        // More than there is, as after an hour that has expired.
        let change = LossChange { exporter: exporter(1), changes: [-50, -1, 0] };
        store.add_exporter_losses(13 * HOUR_MS, &[change]).await.unwrap();
        assert_eq!(found(&store, 0, 20, 1).await, [0, 0, 0]);
    }
}
