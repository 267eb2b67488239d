//! What is due is noted, and what is noted is made, one after the other.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::schedule::Rhythm;
use super::{Maker, Reports, unreadable, wait_until};
use crate::model::report::Schedule;
use crate::server::history::error::QuestionError;
use crate::server::store::Store;
use crate::server::store::reports::{ClaimedReport, KnownSchedule, NewReport, Outcome, Recipient};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long after each try a report is tried again; after these, each day.
const RETRY_MS: [i64; 4] = [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS];
/// How often it is tried again each day before it is given up.
const DAILY_TRIES: usize = 10;
const MOST_TRIES: usize = RETRY_MS.len() + DAILY_TRIES + 1;
/// How often a claim is renewed: well within what it holds.
pub(super) const RENEWAL: Duration = Duration::from_mins(5);

/// 2024: no clock that is right says less. One that was not set since its machine started says 1970.
const EARLIEST_MS: i64 = 1_704_067_200_000;

/// What was seen at the last look.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Whether the store knows the schedules of the configuration.
    is_introduced: bool,
    /// The last due time up to which each schedule's reports are noted, with what it says.
    noted: HashMap<String, (Schedule, i64)>,
    /// When old reports were removed.
    expired_ms: Option<i64>,
}

/// A schedule that holds, and what the store knows of it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub schedule: Schedule,
    pub known: KnownSchedule,
}

impl Reports {
    /// Notes what is due, and makes one report; says how long to wait before the next turn.
    pub(super) async fn turn(
        &self,
        make: &Maker,
        stop: &CancellationToken,
    ) -> Result<Duration, QuestionError> {
        let store = self.store()?;
        let next_due_ms = self.note_due(&store).await?;
        let has_written = self.write_next(&store, make, stop).await?;
        self.look_for_trouble(&store).await?;
        if has_written {
            return Ok(Duration::ZERO);
        }
        let next_ms = store.next_report_ms().await.map_err(unreadable)?;
        Ok(wait_until(next_ms.into_iter().chain(next_due_ms).min(), self.now_ms()))
    }

    /// Notes what is due and removes what is old; returns when the next report is due. A clock that was never set
    /// knows neither.
    async fn note_due(&self, store: &Store) -> Result<Option<i64>, QuestionError> {
        let now_ms = self.now_ms();
        if now_ms < EARLIEST_MS {
            return Ok(None);
        }
        let keep_ms = i64::from(self.settings.keep_days).saturating_mul(DAY_MS);
        let oldest_ms = now_ms.saturating_sub(keep_ms);
        let mut next_ms: Option<i64> = None;
        for Held { schedule, known } in self.held(store).await? {
            let Ok(rhythm) = Rhythm::new(&schedule) else { continue };
            next_ms = next_ms.into_iter().chain(rhythm.next_ms(now_ms)).min();
            let Some(last_ms) = rhythm.last_ms(now_ms) else { continue };
            let noted = (schedule.clone(), last_ms);
            if self.looked().noted.get(&schedule.name) == Some(&noted) {
                continue;
            }
            // What a clock that was ahead removed is no border.
            let expired_ms = Some(known.expired_ms).filter(|expired_ms| *expired_ms < now_ms);
            let after_ms =
                oldest_ms.max(known.since_ms.saturating_sub(1)).max(expired_ms.unwrap_or(i64::MIN));
            let due = rhythm.due(after_ms, now_ms);
            let new: Vec<NewReport> =
                due.into_iter().rev().map(|due| rhythm.report(&schedule, due)).collect();
            let count = store.order_reports(&new).await.map_err(unreadable)?;
            if count > 0 {
                tracing::info!(schedule = schedule.name, count, "reports are due");
            }
            self.looked().noted.insert(schedule.name.clone(), noted);
        }
        let is_time = |before: i64| now_ms.abs_diff(before) >= HOUR_MS.unsigned_abs();
        if self.looked().expired_ms.is_none_or(is_time) {
            let count = store.expire_reports(oldest_ms).await.map_err(unreadable)?;
            if count > 0 {
                tracing::info!(count, "old reports were removed");
            }
            self.looked().expired_ms = Some(now_ms);
        }
        Ok(next_ms)
    }

    /// The schedules that hold, by name: those of the configuration, and those that were added on the page.
    pub(super) async fn held(&self, store: &Store) -> Result<Vec<Held>, QuestionError> {
        let names: Vec<&str> =
            self.settings.schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let is_introduced = self.looked().is_introduced;
        if !is_introduced {
            store.forget_other_schedules(&names).await.map_err(unreadable)?;
        }
        let mut known = store.schedules().await.map_err(unreadable)?;
        // Another service with other schedules may have forgotten these.
        let is_known =
            |name: &&str| known.iter().any(|known| known.name == *name && known.schedule.is_none());
        if !names.iter().all(is_known) {
            store.know_schedules(&names, self.now_ms()).await.map_err(unreadable)?;
            known = store.schedules().await.map_err(unreadable)?;
        }
        self.looked().is_introduced = true;
        let held = known.into_iter().filter_map(|known| {
            let configured = self.settings.schedules.iter().find(|schedule| schedule.name == known.name);
            let schedule = configured.or(known.schedule.as_ref())?.clone();
            Some(Held { schedule, known })
        });
        Ok(held.collect())
    }

    /// Makes the report that has waited longest; false when there is none to be made now.
    async fn write_next(
        &self,
        store: &Store,
        make: &Maker,
        stop: &CancellationToken,
    ) -> Result<bool, QuestionError> {
        let claimed = store.claim_report(&self.holder, self.now_ms()).await.map_err(unreadable)?;
        let Some(claimed) = claimed else { return Ok(false) };
        if usize::try_from(claimed.attempts).unwrap_or(usize::MAX) > MOST_TRIES {
            let reason = "It was given up: the service ended, or was ended, each time it was made.";
            tracing::error!(id = claimed.id, "a report could not be made: {reason}");
            self.counts.failed();
            self.finish(store, &claimed, Outcome::Failed(reason, None)).await?;
            return Ok(true);
        }
        if let Some(next_ms) = self.next_try(claimed.attempts) {
            store.postpone_report(&claimed.id, &self.holder, next_ms).await.map_err(unreadable)?;
        }
        let written = self.write(store, make, stop, &claimed).await;
        if written.is_err() {
            // It is tried again when the claim ends, or at once if it can be given back.
            store.release_report(&claimed.id, &self.holder, self.now_ms()).await.map_err(unreadable)?;
        }
        written.map(|()| true)
    }

    async fn write(
        &self,
        store: &Store,
        make: &Maker,
        stop: &CancellationToken,
        claimed: &ClaimedReport,
    ) -> Result<(), QuestionError> {
        let began = Instant::now();
        let mut question = claimed.question.clone();
        if question.title.is_empty() {
            question.title.clone_from(&self.settings.title);
        }
        // A task of its own: a panic in it is no end of this one.
        let mut making = AbortOnDropHandle::new(tokio::spawn(make(question, self.now_ms())));
        let mut renewal = tokio::time::interval(RENEWAL);
        renewal.tick().await;
        let outcome = loop {
            tokio::select! {
                outcome = &mut making => break outcome,
                () = stop.cancelled() => {
                    let released = store.release_report(&claimed.id, &self.holder, self.now_ms()).await;
                    return released.map_err(unreadable);
                }
                _ = renewal.tick() => {
                    let is_ours = store.renew_report(&claimed.id, &self.holder, self.now_ms()).await;
                    if !is_ours.map_err(unreadable)? {
                        return Ok(());
                    }
                }
            }
        };
        match outcome {
            Ok(Ok(report)) => {
                self.counts.made(began.elapsed());
                let recipients = self.recipients(store, claimed).await?;
                self.finish(store, claimed, Outcome::Done(&report, &recipients)).await?;
                tracing::info!(id = claimed.id, took_ms = began.elapsed().as_millis(), "a report is written");
                self.wake_senders();
                Ok(())
            }
            Ok(Err(error)) => self.fail(store, claimed, &error).await,
            Err(error) => {
                self.fail(store, claimed, &QuestionError::Failed(anyhow::anyhow!("making it {error}"))).await
            }
        }
    }

    async fn fail(
        &self,
        store: &Store,
        claimed: &ClaimedReport,
        error: &QuestionError,
    ) -> Result<(), QuestionError> {
        self.counts.failed();
        let (reason, next_ms) = match error {
            // The same question would get the same answer.
            QuestionError::Invalid(text) => (text.clone(), None),
            QuestionError::Filter(fault) => (fault.to_string(), None),
            QuestionError::Failed(_) => (
                "Something failed while it was made; the log says what.".to_owned(),
                self.next_try(claimed.attempts),
            ),
            error => (error.to_string(), self.next_try(claimed.attempts)),
        };
        let cause = match error {
            QuestionError::Failed(cause) => format!("{cause:#}"),
            error => error.to_string(),
        };
        tracing::error!(id = claimed.id, attempts = claimed.attempts, "a report could not be made: {cause}");
        self.finish(store, claimed, Outcome::Failed(&reason, next_ms)).await
    }

    async fn finish(
        &self,
        store: &Store,
        claimed: &ClaimedReport,
        outcome: Outcome<'_>,
    ) -> Result<(), QuestionError> {
        let finished = store.finish_report(&claimed.id, &self.holder, outcome, self.now_ms()).await;
        if !finished.map_err(unreadable)? {
            tracing::info!(id = claimed.id, "nobody waits for this report any more");
        }
        Ok(())
    }

    /// When a report is tried again after so many tries; `None` when it is given up.
    fn next_try(&self, attempts: u32) -> Option<i64> {
        let tries = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait_ms = RETRY_MS.get(tries).copied();
        let daily = (tries + 1 < MOST_TRIES).then_some(DAY_MS);
        Some(self.now_ms().saturating_add(wait_ms.or(daily)?))
    }

    /// Who gets a report: whoever the schedule names, unless it was due before there was such a schedule.
    async fn recipients(
        &self,
        store: &Store,
        claimed: &ClaimedReport,
    ) -> Result<Vec<Recipient>, QuestionError> {
        let Some(name) = &claimed.schedule else { return Ok(Vec::new()) };
        let held = self.held(store).await?;
        let held = held.into_iter().find(|held| held.schedule.name == *name);
        let Some(Held { schedule, .. }) = held.filter(|held| held.known.held_ms <= claimed.due_ms) else {
            return Ok(Vec::new());
        };
        let email = schedule.email.into_iter().map(|target| Recipient { kind: "email", target });
        let webhook = Some(schedule.webhook).filter(|url| !url.is_empty());
        Ok(email.chain(webhook.map(|target| Recipient { kind: "webhook", target })).collect())
    }

    pub(super) fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
