//! Deliveries: claimed, finished, listed.

use sqlx::SqliteConnection;

use super::{LEASE_MS, nonsense};
use crate::model::report::Delivery;
use crate::server::store::database::failed;
use crate::server::store::{Store, StoreError};

/// A delivery that this service is to try now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// The report.
    pub report: String,
    /// `email` or `webhook`.
    pub kind: String,
    /// The address or the URL.
    pub target: String,
    /// How often it was tried, this time included.
    pub attempts: u32,
}

impl Store {
    /// Takes the delivery of a kind that has waited longest, if there is one that nobody works on.
    pub async fn claim_delivery(
        &self,
        kind: &str,
        holder: &str,
        now_ms: i64,
    ) -> Result<Option<ClaimedDelivery>, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let claimed: Option<(String, String, String, i64)> = sqlx::query_as(
            "UPDATE report_delivery SET holder = ?1, held_until_ms = ?2 + ?3, attempts = attempts + 1 \
             WHERE (report, kind, target) = \
             (SELECT report, kind, target FROM report_delivery WHERE kind = ?4 AND sent_ms IS NULL AND next_ms <= ?2 \
              AND (held_until_ms IS NULL OR held_until_ms <= ?2 OR held_until_ms > ?2 + 2 * ?3) \
              ORDER BY next_ms, report, kind, target LIMIT 1) \
             RETURNING report, kind, target, attempts",
        )
        .bind(holder)
        .bind(now_ms)
        .bind(LEASE_MS)
        .bind(kind)
        .fetch_optional(&mut *writer)
        .await
        .map_err(failed("claim a delivery in"))?;
        Ok(claimed.map(|(report, kind, target, attempts)| ClaimedDelivery {
            report,
            kind,
            target,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        }))
    }

    /// Holds a claim for longer.
    pub async fn renew_delivery(
        &self,
        delivery: &ClaimedDelivery,
        holder: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        sqlx::query(
            "UPDATE report_delivery SET held_until_ms = ? WHERE report = ? AND kind = ? AND target = ? AND holder = ?",
        )
        .bind(now_ms.saturating_add(LEASE_MS))
        .bind(&delivery.report)
        .bind(&delivery.kind)
        .bind(&delivery.target)
        .bind(holder)
        .execute(&mut *writer)
        .await
        .map_err(failed("claim a delivery in"))?;
        Ok(())
    }

    /// Writes down that a claimed delivery was taken at a moment, or why not and when it is tried again, if ever.
    pub async fn finish_delivery(
        &self,
        delivery: &ClaimedDelivery,
        holder: &str,
        outcome: Result<i64, (&str, Option<i64>)>,
    ) -> Result<(), StoreError> {
        let (sent_ms, fault, next_ms) = match outcome {
            Ok(sent_ms) => (Some(sent_ms), "", None),
            Err((fault, next_ms)) => (None, fault, next_ms),
        };
        let mut writer = self.database.writer.lock().await;
        // That it was taken is true whoever holds it by now.
        sqlx::query(
            "UPDATE report_delivery SET sent_ms = ?1, fault = ?2, next_ms = ?3, holder = NULL, held_until_ms = NULL \
             WHERE report = ?4 AND kind = ?5 AND target = ?6 AND (holder = ?7 OR ?1 IS NOT NULL)",
        )
        .bind(sent_ms)
        .bind(fault)
        .bind(next_ms)
        .bind(&delivery.report)
        .bind(&delivery.kind)
        .bind(&delivery.target)
        .bind(holder)
        .execute(&mut *writer)
        .await
        .map_err(failed("write a delivery to"))?;
        Ok(())
    }

    /// Has a report sent to those who did not get it; returns how many these are. What is being sent goes on.
    pub async fn resend_report(&self, id: &str, now_ms: i64) -> Result<u64, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let again = sqlx::query(
            "UPDATE report_delivery SET attempts = iif(coalesce(held_until_ms, 0) > ?1, attempts, 0), next_ms = ?1 \
             WHERE report = ?2 AND sent_ms IS NULL",
        )
        .bind(now_ms)
        .bind(id)
        .execute(&mut *writer);
        Ok(again.await.map_err(failed("write a delivery to"))?.rows_affected())
    }

    /// The reports that somebody did not get after a try, the latest first, with the recipient and the reason: those that are
    /// tried again, and those that were due after a moment. At most 5.
    pub async fn failed_deliveries(&self, after_ms: i64) -> Result<Vec<[String; 3]>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the reports in"))?;
        let rows: Vec<(String, String, String, String)> = sqlx::query_as(
            "SELECT period, kind, target, delivery.fault FROM report_delivery AS delivery JOIN report ON id = report \
             WHERE sent_ms IS NULL AND delivery.fault <> '' AND (delivery.next_ms IS NOT NULL OR due_ms > ?) \
             ORDER BY due_ms DESC LIMIT 5",
        )
        .bind(after_ms)
        .fetch_all(&mut *reader)
        .await
        .map_err(failed("read the reports in"))?;
        let shown = |(period, kind, target, fault): (String, String, String, String)| {
            [period, if kind == "webhook" { without_secrets(&target) } else { target }, fault]
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// When the next delivery of a kind is to be tried that nobody works on, milliseconds since 1970.
    pub async fn next_delivery_ms(&self, kind: &str) -> Result<Option<i64>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the reports in"))?;
        sqlx::query_scalar(
            "SELECT min(max(next_ms, coalesce(held_until_ms, next_ms))) FROM report_delivery \
             WHERE kind = ? AND sent_ms IS NULL",
        )
        .bind(kind)
        .fetch_one(&mut *reader)
        .await
        .map_err(failed("read the reports in"))
    }
}

/// The deliveries of some reports, each with the report's name.
pub(super) async fn read_deliveries(
    database: &mut SqliteConnection,
    reports: &[&str],
) -> Result<Vec<(String, Delivery)>, StoreError> {
    type Row = (String, String, String, Option<i64>, i64, Option<i64>, String);
    let reports = serde_json::to_string(reports).map_err(|_| nonsense("the name"))?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT report, kind, target, sent_ms, attempts, next_ms, fault FROM report_delivery \
         WHERE report IN (SELECT value FROM json_each(?)) ORDER BY report, kind, target",
    )
    .bind(reports)
    .fetch_all(database)
    .await
    .map_err(failed("read the reports in"))?;
    let delivery = |(report, kind, target, sent_ms, attempts, next_ms, fault): Row| {
        let to = if kind == "webhook" { without_secrets(&target) } else { target };
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        (report, Delivery { kind, to, sent_ms, attempts, next_ms, fault })
    };
    Ok(rows.into_iter().map(delivery).collect())
}

/// Where a URL leads, without all that may be a secret: chat services put theirs into the path.
pub fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    let more = if path.len() > 1 { "/…" } else { "" };
    format!("{scheme}://{host}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_a_url_is_not_shown() {
        let shown = without_secrets("https://me:secret@noc.example.org:8443/hooks/7?token=secret#secret");
        assert_eq!(shown, "https://noc.example.org:8443/…");
        assert_eq!(without_secrets("http://192.0.2.7?a=b@c"), "http://192.0.2.7");
    }
}
