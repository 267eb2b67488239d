//! Schedules: those added on the page, and since when each is known.

use sqlx::Connection as _;

use super::{AT_ONCE, nonsense};
use crate::model::report::Schedule;
use crate::server::store::database::failed;
use crate::server::store::{Store, StoreError};

/// A schedule that the store knows.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownSchedule {
    /// Its name.
    pub name: String,
    /// Due times from then on are written, milliseconds since 1970.
    pub since_ms: i64,
    /// Reports that are due from then on are sent.
    pub held_ms: i64,
    /// Up to then its reports were too old once, and were removed.
    pub expired_ms: i64,
    /// What it says; `None` when the configuration has it.
    pub schedule: Option<Schedule>,
}

impl Store {
    /// The schedules, by name.
    pub async fn schedules(&self) -> Result<Vec<KnownSchedule>, StoreError> {
        let mut reader = self.database.readers.acquire().await.map_err(failed("read the schedules in"))?;
        let rows: Vec<(String, i64, i64, i64, Option<String>)> = sqlx::query_as(
            "SELECT name, since_ms, held_ms, expired_ms, schedule FROM report_schedule ORDER BY name",
        )
        .fetch_all(&mut *reader)
        .await
        .map_err(failed("read the schedules in"))?;
        rows.into_iter()
            .map(|(name, since_ms, held_ms, expired_ms, text)| {
                let schedule = text.map(|text| serde_json::from_str(&text)).transpose();
                let schedule = schedule.map_err(|_| nonsense("a schedule"))?;
                Ok(KnownSchedule { name, since_ms, held_ms, expired_ms, schedule })
            })
            .collect()
    }

    /// Forgets the schedules of a configuration that has others now.
    pub async fn forget_other_schedules(&self, configured: &[&str]) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        let names = serde_json::to_string(configured).map_err(|_| nonsense("the name of a schedule"))?;
        sqlx::query(
            "DELETE FROM report_schedule WHERE schedule IS NULL AND name NOT IN (SELECT value FROM json_each(?))",
        )
        .bind(names)
        .execute(&mut *writer)
        .await
        .map_err(failed("write the schedules to"))?;
        Ok(())
    }

    /// Says which schedules the configuration has: those that were not known are from now on, and write what was due
    /// since something was first collected.
    pub async fn know_schedules(&self, configured: &[&str], now_ms: i64) -> Result<(), StoreError> {
        let mut writer = self.database.writer.lock().await;
        let mut transaction = writer.begin_with(AT_ONCE).await.map_err(failed("write the schedules to"))?;
        let first: Option<i64> = sqlx::query_scalar("SELECT min(from_ms) FROM collecting")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed("read the schedules in"))?;
        for name in configured {
            // One of the same name that was added on the page makes room.
            sqlx::query(
                "INSERT INTO report_schedule (name, since_ms, held_ms) VALUES (?, ?, ?) \
                 ON CONFLICT DO UPDATE SET schedule = NULL",
            )
            .bind(name)
            .bind(first.unwrap_or(now_ms).min(now_ms))
            .bind(now_ms)
            .execute(&mut *transaction)
            .await
            .map_err(failed("write the schedules to"))?;
        }
        transaction.commit().await.map_err(failed("write the schedules to"))
    }

    /// Adds a schedule; false when there is one of its name.
    pub async fn add_schedule(&self, schedule: &Schedule, now_ms: i64) -> Result<bool, StoreError> {
        let text = serde_json::to_string(schedule).map_err(|_| nonsense("a schedule"))?;
        let mut writer = self.database.writer.lock().await;
        let added = sqlx::query(
            "INSERT INTO report_schedule (name, since_ms, held_ms, schedule) VALUES (?1, ?2, ?2, ?3) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&schedule.name)
        .bind(now_ms)
        .bind(text)
        .execute(&mut *writer);
        Ok(added.await.map_err(failed("write the schedules to"))?.rows_affected() == 1)
    }

    /// Removes a schedule that was added on the page; false when there is none of this name.
    pub async fn remove_schedule(&self, name: &str) -> Result<bool, StoreError> {
        let mut writer = self.database.writer.lock().await;
        let removed = sqlx::query("DELETE FROM report_schedule WHERE name = ? AND schedule IS NOT NULL")
            .bind(name)
            .execute(&mut *writer);
        Ok(removed.await.map_err(failed("write the schedules to"))?.rows_affected() == 1)
    }
}
