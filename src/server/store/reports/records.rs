//! Reports: ordered, claimed, finished, listed, removed.

use std::collections::HashMap;
use std::io::Read as _;

use sqlx::{Connection as _, FromRow, SqliteConnection};

use super::deliveries::read_deliveries;
use super::{AT_ONCE, LEASE_MS, MOST_LISTED, nonsense};
use crate::model::report::{Delivery, Period, Report, ReportEntry, ReportQuestion, ReportState};
use crate::model::time_range::TimeRange;
use crate::server::store::database::failed;
use crate::server::store::{Store, StoreError};

const WAITING: i64 = 1;
const DONE: i64 = 2;
const FAILED: i64 = 3;
const REMOVED: i64 = 4;
/// Why a report fails whose question makes no sense.
const UNREADABLE: &str =
    "What was asked for cannot be read: another Meridian wrote it, or the database is damaged.";
/// The most bytes that a report's JSON may have.
const MOST_CONTENT_BYTES: u64 = 64 << 20;

/// A report that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReport {
    /// Its name in links.
    pub id: String,
    /// The schedule that it is of.
    pub schedule: Option<String>,
    /// What tells it from the others of its schedule.
    pub key: String,
    /// What its period is called.
    pub period: String,
    /// What it is of.
    pub question: ReportQuestion,
    /// When it is due or asked for, milliseconds since 1970.
    pub due_ms: i64,
}

/// A report that this service is to write now.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedReport {
    /// Its name in links.
    pub id: String,
    /// The schedule that it is of.
    pub schedule: Option<String>,
    /// What it is of.
    pub question: ReportQuestion,
    /// When it was due.
    pub due_ms: i64,
    /// How often it was tried, this time included.
    pub attempts: u32,
}

/// Somebody who gets a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// `email` or `webhook`.
    pub kind: &'static str,
    /// The address or the URL.
    pub target: String,
}

/// What came of making a report.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is written, and goes to these.
    Done(&'a Report, &'a [Recipient]),
    /// It is not, for a reason; it is tried again at a moment, or never.
    Failed(&'a str, Option<i64>),
}

/// What came of asking for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// It is noted.
    Noted,
    /// It is not: there is none of this name.
    Unknown,
    /// It is not: as many wait as may.
    TooManyWait,
    /// It is not: as many that somebody asked for are kept as may.
    TooManyKept,
}

/// Reports of the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The latest due first, at most [`MOST_LISTED`].
    pub entries: Vec<ReportEntry>,
    /// How many there are in all.
    pub in_all: u64,
}

#[derive(FromRow)]
struct Row {
    id: String,
    schedule: Option<String>,
    period: String,
    question: String,
    due_ms: i64,
    made_ms: Option<i64>,
    state: i64,
    next_ms: Option<i64>,
    fault: String,
}

impl Row {
    /// One whose question this Meridian cannot read says so, so that it can be removed.
    fn into_entry(self, deliveries: Vec<Delivery>) -> ReportEntry {
        let question = read_question(&self.question);
        let state = match (&question, self.state) {
            (Err(_), _) => ReportState::Failed { reason: UNREADABLE.to_owned(), next_ms: None },
            (Ok(_), DONE) => ReportState::Done,
            (Ok(_), FAILED) => ReportState::Failed { reason: self.fault, next_ms: self.next_ms },
            (Ok(_), _) => ReportState::Waiting,
        };
        ReportEntry {
            id: self.id,
            schedule: self.schedule,
            question: question.unwrap_or_else(|_| ReportQuestion {
                title: String::new(),
                period: Period::Custom,
                range: TimeRange { from_ms: self.due_ms, to_ms: self.due_ms },
                zone: "UTC".to_owned(),
                filter: String::new(),
                sections: Vec::new(),
            }),
            period: self.period,
            due_ms: self.due_ms,
            made_ms: self.made_ms,
            state,
            deliveries,
        }
    }
}

impl Store {
    /// Notes reports that are to be written, all or none; returns how many of them were not known. One that is there,
    /// or was removed, stays as it is.
    pub async fn order_reports(&self, reports: &[NewReport]) -> Result<u64, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("note a report in"))?;
        let mut ordered = 0;
        for report in reports {
            ordered += note(&mut transaction, report).await?;
        }
        transaction.commit().await.map_err(failed("note a report in"))?;
        Ok(ordered)
    }

    /// Notes a report that somebody asks for, unless so many wait or are kept already. Whoever asks at the same time is
    /// counted.
    pub async fn order_report(
        &self,
        report: &NewReport,
        most_waiting: i64,
        most_kept: i64,
    ) -> Result<Ordered, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("note a report in"))?;
        if count_waiting(&mut transaction, &report.id).await? >= most_waiting {
            return Ok(Ordered::TooManyWait);
        }
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM report WHERE schedule IS NULL")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed("note a report in"))?;
        if kept >= most_kept {
            return Ok(Ordered::TooManyKept);
        }
        note(&mut transaction, report).await?;
        transaction.commit().await.map_err(failed("note a report in"))?;
        Ok(Ordered::Noted)
    }

    /// Takes the report that has waited longest, if there is one that nobody works on. One whose question this Meridian
    /// cannot read fails for good.
    pub async fn claim_report(&self, holder: &str, now_ms: i64) -> Result<Option<ClaimedReport>, StoreError> {
        type Claimed = (String, Option<String>, String, i64, i64);
        let mut writer = self.database.writer.lock().await;
        loop {
            // A claim that ends much later than any can was made by a clock that has gone back since; whose clock is a little
            // ahead, or was read before it waited for the database, is no reason.
            let claimed: Option<Claimed> = sqlx::query_as(
                "UPDATE report SET holder = ?1, held_until_ms = ?2 + ?3, attempts = attempts + 1 WHERE id = \
                 (SELECT id FROM report WHERE state IN (1, 3) AND next_ms <= ?2 \
                  AND (held_until_ms IS NULL OR held_until_ms <= ?2 OR held_until_ms > ?2 + 2 * ?3) \
                  ORDER BY due_ms, id LIMIT 1) \
                 RETURNING id, schedule, question, due_ms, attempts",
            )
            .bind(holder)
            .bind(now_ms)
            .bind(LEASE_MS)
            .fetch_optional(&mut *writer)
            .await
            .map_err(failed("claim a report in"))?;
            let Some((id, schedule, question, due_ms, attempts)) = claimed else { return Ok(None) };
            if let Ok(question) = read_question(&question) {
                let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
                return Ok(Some(ClaimedReport { id, schedule, question, due_ms, attempts }));
            }
            sqlx::query(
                "UPDATE report SET state = ?, fault = ?, next_ms = NULL, holder = NULL, held_until_ms = NULL \
                 WHERE id = ? AND holder = ?",
            )
            .bind(FAILED)
            .bind(UNREADABLE)
            .bind(id)
            .bind(holder)
            .execute(&mut *writer)
            .await
            .map_err(failed("claim a report in"))?;
        }
    }

    /// Says when a claimed report is tried again if nothing comes of this try: whoever makes it may die of it.
    pub async fn postpone_report(&self, id: &str, holder: &str, next_ms: i64) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        sqlx::query("UPDATE report SET next_ms = ? WHERE id = ? AND holder = ?")
            .bind(next_ms)
            .bind(id)
            .bind(holder)
            .execute(&mut *writer)
            .await
            .map_err(failed("claim a report in"))?;
        Ok(())
    }

    /// Holds a claim for longer; false when it has passed to another, or nobody wants the report any more.
    pub async fn renew_report(&self, id: &str, holder: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let renewed = sqlx::query("UPDATE report SET held_until_ms = ? WHERE id = ? AND holder = ?")
            .bind(now_ms.saturating_add(LEASE_MS))
            .bind(id)
            .bind(holder)
            .execute(&mut *writer);
        Ok(renewed.await.map_err(failed("claim a report in"))?.rows_affected() == 1)
    }

    /// Gives back a claimed report that was not finished; the try does not count.
    pub async fn release_report(&self, id: &str, holder: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        sqlx::query(
            "UPDATE report SET holder = NULL, held_until_ms = NULL, attempts = max(attempts - 1, 0), next_ms = ? \
             WHERE id = ? AND holder = ?",
        )
        .bind(now_ms)
        .bind(id)
        .bind(holder)
        .execute(&mut *writer)
        .await
        .map_err(failed("give back a report in"))?;
        Ok(())
    }

    /// Writes down what came of a claimed report; false, and nothing, when the claim has passed to another.
    pub async fn finish_report(
        &self,
        id: &str,
        holder: &str,
        outcome: Outcome<'_>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let content = match &outcome {
            Outcome::Done(report, _) => Some(pack(report)?),
            Outcome::Failed(..) => None,
        };
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("write a report to"))?;
        let done = match &outcome {
            Outcome::Done(report, _) => {
                sqlx::query(
                    "UPDATE report SET state = ?, made_ms = ?, period = ?, content = ?, next_ms = NULL, fault = '', \
                     holder = NULL, held_until_ms = NULL WHERE id = ? AND holder = ?",
                )
                .bind(DONE)
                .bind(report.made_ms)
                .bind(&report.period)
                .bind(content)
                .bind(id)
                .bind(holder)
                .execute(&mut *transaction)
                .await
            }
            Outcome::Failed(reason, next_ms) => {
                sqlx::query(
                    "UPDATE report SET state = ?, fault = ?, next_ms = ?, holder = NULL, held_until_ms = NULL \
                     WHERE id = ? AND holder = ?",
                )
                .bind(FAILED)
                .bind(reason)
                .bind(next_ms)
                .bind(id)
                .bind(holder)
                .execute(&mut *transaction)
                .await
            }
        };
        let is_ours = done.map_err(failed("write a report to"))?.rows_affected() == 1;
        if let (true, Outcome::Done(_, recipients)) = (is_ours, &outcome) {
            for recipient in *recipients {
                sqlx::query(
                    "INSERT INTO report_delivery (report, kind, target, attempts, next_ms, fault) \
                     VALUES (?, ?, ?, 0, ?, '') ON CONFLICT DO NOTHING",
                )
                .bind(id)
                .bind(recipient.kind)
                .bind(&recipient.target)
                .bind(now_ms)
                .execute(&mut *transaction)
                .await
                .map_err(failed("write a report to"))?;
            }
        }
        transaction.commit().await.map_err(failed("write a report to"))?;
        Ok(is_ours)
    }

    /// Has a report made anew, also one that is being made, unless so many others wait already.
    pub async fn reorder_report(
        &self,
        id: &str,
        now_ms: i64,
        most_waiting: i64,
    ) -> Result<Ordered, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("note a report in"))?;
        let waiting = count_waiting(&mut transaction, id).await?;
        let ordered = sqlx::query(
            "UPDATE report SET state = ?, attempts = 0, next_ms = ?, fault = '', holder = NULL, held_until_ms = NULL \
             WHERE id = ? AND state <> ?",
        )
        .bind(WAITING)
        .bind(now_ms)
        .bind(id)
        .bind(REMOVED)
        .execute(&mut *transaction)
        .await
        .map_err(failed("note a report in"))?
        .rows_affected();
        if ordered == 0 {
            return Ok(Ordered::Unknown);
        }
        if waiting >= most_waiting {
            return Ok(Ordered::TooManyWait);
        }
        transaction.commit().await.map_err(failed("note a report in"))?;
        Ok(Ordered::Noted)
    }

    /// Removes a report; false when there is none of this name. One of a schedule is not written again, unless it is not due yet:
    /// then a clock that was ahead had it written.
    pub async fn remove_report(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("remove a report of"))?;
        let mut removed = sqlx::query("DELETE FROM report WHERE id = ? AND (schedule IS NULL OR due_ms > ?)")
            .bind(id)
            .bind(now_ms)
            .execute(&mut *transaction)
            .await
            .map_err(failed("remove a report of"))?
            .rows_affected();
        removed += sqlx::query(
            "UPDATE report SET state = ?1, content = NULL, next_ms = NULL, holder = NULL, held_until_ms = NULL \
             WHERE id = ?2 AND state <> ?1",
        )
        .bind(REMOVED)
        .bind(id)
        .execute(&mut *transaction)
        .await
        .map_err(failed("remove a report of"))?
        .rows_affected();
        sqlx::query(
            "DELETE FROM report_delivery WHERE report IN (SELECT id FROM report WHERE id = ? AND state = ?)",
        )
        .bind(id)
        .bind(REMOVED)
        .execute(&mut *transaction)
        .await
        .map_err(failed("remove a report of"))?;
        transaction.commit().await.map_err(failed("remove a report of"))?;
        Ok(removed > 0)
    }

    /// Removes reports that were due before a moment, at most those of a day after the oldest: a clock that is wrong for
    /// a moment does not cost all of them. What a schedule was due until then is not written again. Returns how many.
    pub async fn expire_reports(&self, before_ms: i64) -> Result<u64, StoreError> {
        const DAY_MS: i64 = 86_400_000;
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("remove a report of"))?;
        let first_ms: Option<i64> = sqlx::query_scalar("SELECT min(due_ms) FROM report")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed("remove a report of"))?;
        let Some(first_ms) = first_ms.filter(|first_ms| *first_ms < before_ms) else { return Ok(0) };
        let border_ms = before_ms.min(first_ms.saturating_add(DAY_MS));
        sqlx::query(
            "UPDATE report_schedule SET expired_ms = max(expired_ms, coalesce((SELECT max(due_ms) FROM report \
             WHERE report.schedule = name AND due_ms < ?), expired_ms))",
        )
        .bind(border_ms)
        .execute(&mut *transaction)
        .await
        .map_err(failed("remove a report of"))?;
        let removed = sqlx::query("DELETE FROM report WHERE due_ms < ?")
            .bind(border_ms)
            .execute(&mut *transaction)
            .await
            .map_err(failed("remove a report of"))?
            .rows_affected();
        transaction.commit().await.map_err(failed("remove a report of"))?;
        Ok(removed)
    }

    /// The reports of the list, and how many there are.
    pub async fn reports(&self) -> Result<Listed, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the reports in"))?;
        let mut snapshot = reader.begin().await.map_err(failed("read the reports in"))?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, schedule, period, question, due_ms, made_ms, state, next_ms, fault FROM report \
             WHERE state <> ? ORDER BY due_ms DESC, id LIMIT ?",
        )
        .bind(REMOVED)
        .bind(MOST_LISTED)
        .fetch_all(&mut *snapshot)
        .await
        .map_err(failed("read the reports in"))?;
        let in_all: i64 = sqlx::query_scalar("SELECT count(*) FROM report WHERE state <> ?")
            .bind(REMOVED)
            .fetch_one(&mut *snapshot)
            .await
            .map_err(failed("read the reports in"))?;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut deliveries: HashMap<String, Vec<Delivery>> = HashMap::new();
        for (report, delivery) in read_deliveries(&mut snapshot, &ids).await? {
            deliveries.entry(report).or_default().push(delivery);
        }
        let entries = rows.into_iter().map(|row| {
            let deliveries = deliveries.remove(&row.id).unwrap_or_default();
            row.into_entry(deliveries)
        });
        Ok(Listed { entries: entries.collect(), in_all: in_all.unsigned_abs() })
    }

    /// A report and what it says, as far as it is made; `None` when there is none of this name.
    pub async fn report(&self, id: &str) -> Result<Option<(ReportEntry, Option<Report>)>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the reports in"))?;
        let mut snapshot = reader.begin().await.map_err(failed("read the reports in"))?;
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, schedule, period, question, due_ms, made_ms, state, next_ms, fault FROM report \
             WHERE id = ? AND state <> ?",
        )
        .bind(id)
        .bind(REMOVED)
        .fetch_optional(&mut *snapshot)
        .await
        .map_err(failed("read the reports in"))?;
        let Some(row) = row else { return Ok(None) };
        let content = content(&mut snapshot, id).await?;
        let deliveries = read_deliveries(&mut snapshot, &[id]).await?;
        let entry = row.into_entry(deliveries.into_iter().map(|(_, delivery)| delivery).collect());
        Ok(Some((entry, content)))
    }

    /// The reports that could not be written, the latest first, with the reason: those that are tried again, and those that
    /// were due after a moment. At most 5.
    pub async fn failed_reports(&self, after_ms: i64) -> Result<Vec<(String, String)>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the reports in"))?;
        sqlx::query_as(
            "SELECT period, fault FROM report WHERE state = ? AND (next_ms IS NOT NULL OR due_ms > ?) \
             ORDER BY due_ms DESC LIMIT 5",
        )
        .bind(FAILED)
        .bind(after_ms)
        .fetch_all(&mut *reader)
        .await
        .map_err(failed("read the reports in"))
    }

    /// When the next report is to be tried that nobody works on, milliseconds since 1970.
    pub async fn next_report_ms(&self) -> Result<Option<i64>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the reports in"))?;
        sqlx::query_scalar(
            "SELECT min(max(next_ms, coalesce(held_until_ms, next_ms))) FROM report WHERE state IN (1, 3)",
        )
        .fetch_one(&mut *reader)
        .await
        .map_err(failed("read the reports in"))
    }
}

/// Notes a report that is to be written; 0 when it is known.
async fn note(database: &mut SqliteConnection, report: &NewReport) -> Result<u64, StoreError> {
    let noted = sqlx::query(
        "INSERT INTO report (id, schedule, key, period, question, due_ms, state, attempts, next_ms, fault) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, '') ON CONFLICT DO NOTHING",
    )
    .bind(&report.id)
    .bind(&report.schedule)
    .bind(&report.key)
    .bind(&report.period)
    .bind(serde_json::to_string(&report.question).map_err(|_| nonsense("the question"))?)
    .bind(report.due_ms)
    .bind(WAITING)
    .bind(report.due_ms)
    .execute(database);
    Ok(noted.await.map_err(failed("note a report in"))?.rows_affected())
}

/// How many other reports wait that somebody asked for, for the first time or anew.
async fn count_waiting(database: &mut SqliteConnection, but: &str) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "SELECT count(*) FROM report \
         WHERE state = ? AND id <> ? AND (schedule IS NULL OR made_ms IS NOT NULL)",
    )
    .bind(WAITING)
    .bind(but)
    .fetch_one(database)
    .await
    .map_err(failed("note a report in"))
}

async fn content(database: &mut SqliteConnection, id: &str) -> Result<Option<Report>, StoreError> {
    let packed: Option<Vec<u8>> = sqlx::query_scalar("SELECT content FROM report WHERE id = ?")
        .bind(id)
        .fetch_one(database)
        .await
        .map_err(failed("read the reports in"))?;
    packed.map(|packed| unpack(&packed)).transpose()
}

fn read_question(text: &str) -> Result<ReportQuestion, StoreError> {
    serde_json::from_str(text).map_err(|_| nonsense("the question"))
}

fn pack(report: &Report) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(report).map_err(|_| nonsense("the text"))?;
    zstd::encode_all(json.as_slice(), 0).map_err(|_| nonsense("the text"))
}

fn unpack(packed: &[u8]) -> Result<Report, StoreError> {
    let mut json = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(|_| nonsense("the text"))?;
    decoder.take(MOST_CONTENT_BYTES).read_to_end(&mut json).map_err(|_| nonsense("the text"))?;
    serde_json::from_slice(&json).map_err(|_| nonsense("the text"))
}
