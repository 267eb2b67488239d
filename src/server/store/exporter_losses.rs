//! What is missing of each exporter, hour by hour.
//!
//! The collector counts since the process started; what it has counted more, or less, is added here about once a
//! minute. Less is what came late after all: it is taken back from the newest hours of the same exporter, so that the sum
//! is what is missing and no hour is below nothing. Bounded: beyond [`MOST_ROWS`] the oldest hours are forgotten.

use std::collections::HashMap;
use std::net::IpAddr;

use sqlx::{Connection as _, SqliteConnection};

use super::database::{StoreError, failed};
use super::{Store, address};
use crate::model::time_range::TimeRange;

const HOUR_MS: i64 = 3_600_000;
/// Rows that are kept: of a hundred exporters that lose something all the time, three months.
const MOST_ROWS: i64 = 500_000;

/// What is missing of an exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExporterLoss {
    /// Flow records, by sequence numbers.
    pub missing_records: u64,
    /// Export datagrams, by sequence numbers of protocols that number these.
    pub missing_datagrams: u64,
    /// Data sets, samples and datagrams that could not be decoded.
    pub undecodable: u64,
}

/// How much more, or less, of each is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossChange {
    /// Of which exporter.
    pub exporter: IpAddr,
    /// In the order of [`ExporterLoss::counts`].
    pub changes: [i64; 3],
}

impl ExporterLoss {
    /// Records, datagrams, undecodable: in the order of their numbers in the database, from 1 on.
    pub const fn counts(self) -> [u64; 3] {
        [self.missing_records, self.missing_datagrams, self.undecodable]
    }

    const fn count_mut(&mut self, kind: i64) -> Option<&mut u64> {
        match kind {
            1 => Some(&mut self.missing_records),
            2 => Some(&mut self.missing_datagrams),
            3 => Some(&mut self.undecodable),
            _ => None,
        }
    }
}

impl Store {
    /// Adds what is noticed to be missing at a moment. After an error none of it is added.
    pub async fn add_exporter_losses(&self, now_ms: i64, changes: &[LossChange]) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        let added = add(&mut writer, now_ms.div_euclid(HOUR_MS), changes).await;
        added.map_err(|error| self.database.noted(error))
    }

    /// What is missing of each exporter of which anything is, by the hours that begin in a range; of a range in which none
    /// does, by the one that has it.
    pub async fn exporter_losses(
        &self,
        range: TimeRange,
    ) -> Result<HashMap<IpAddr, ExporterLoss>, StoreError> {
        let ceiling = |moment: i64| moment.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
        let to = ceiling(range.to_ms);
        let from = ceiling(range.from_ms).min(to - 1);
        let mut reader = self.database.readers.acquire().await.map_err(failed("read"))?;
        let rows: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(
            "SELECT exporter, kind, sum(count) FROM exporter_loss WHERE hour >= ? AND hour < ? \
             GROUP BY exporter, kind",
        )
        .bind(from)
        .bind(to)
        .fetch_all(&mut *reader)
        .await
        .map_err(failed("read"))?;
        let mut losses: HashMap<IpAddr, ExporterLoss> = HashMap::new();
        for (exporter, kind, count) in rows {
            if let Some(sum) = losses.entry(address(&exporter)).or_default().count_mut(kind) {
                *sum = count.cast_unsigned();
            }
        }
        Ok(losses)
    }
}

async fn add(writer: &mut SqliteConnection, hour: i64, changes: &[LossChange]) -> Result<(), StoreError> {
    let mut transaction = writer.begin().await.map_err(failed("write"))?;
    for LossChange { exporter, changes } in changes {
        let exporter = match exporter {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        for (kind, change) in (1_i64..).zip(*changes) {
            if change > 0 {
                increase(&mut transaction, &exporter, kind, hour, change).await?;
            } else if change < 0 {
                take_back(&mut transaction, &exporter, kind, change.saturating_neg()).await?;
            }
        }
    }
    transaction.commit().await.map_err(failed("write"))
}

async fn increase(
    database: &mut SqliteConnection,
    exporter: &[u8],
    kind: i64,
    hour: i64,
    by: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO exporter_loss (exporter, kind, hour, count) VALUES (?, ?, ?, ?) \
         ON CONFLICT (exporter, kind, hour) DO UPDATE SET count = count + excluded.count",
    )
    .bind(exporter)
    .bind(kind)
    .bind(hour)
    .bind(by)
    .execute(database)
    .await
    .map_err(failed("write"))?;
    Ok(())
}

async fn take_back(
    database: &mut SqliteConnection,
    exporter: &[u8],
    kind: i64,
    mut by: i64,
) -> Result<(), StoreError> {
    while by > 0 {
        let newest: Option<(i64, i64)> = sqlx::query_as(
            "SELECT hour, count FROM exporter_loss WHERE exporter = ? AND kind = ? ORDER BY hour DESC LIMIT 1",
        )
        .bind(exporter)
        .bind(kind)
        .fetch_optional(&mut *database)
        .await
        .map_err(failed("read"))?;
        let Some((hour, count)) = newest else { break };
        let left = count.saturating_sub(by);
        let statement = if left > 0 {
            "UPDATE exporter_loss SET count = ?4 WHERE exporter = ?1 AND kind = ?2 AND hour = ?3"
        } else {
            "DELETE FROM exporter_loss WHERE exporter = ?1 AND kind = ?2 AND hour = ?3 AND ?4 <= 0"
        };
        sqlx::query(statement)
            .bind(exporter)
            .bind(kind)
            .bind(hour)
            .bind(left)
            .execute(&mut *database)
            .await
            .map_err(failed("write"))?;
        by = by.saturating_sub(count);
    }
    Ok(())
}

/// Removes hours before one, and the oldest beyond the bound.
pub(super) async fn expire(database: &mut SqliteConnection, before: Option<i64>) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM exporter_loss WHERE hour < ? OR hour <= \
         (SELECT hour FROM exporter_loss ORDER BY hour DESC LIMIT 1 OFFSET ?)",
    )
    .bind(before.unwrap_or(i64::MIN))
    .bind(MOST_ROWS)
    .execute(database)
    .await
    .map_err(failed("remove"))?;
    Ok(())
}
