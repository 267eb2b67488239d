//! Reports go to whoever gets them: tried until they are taken, or given up.
//!
//! What was taken is never sent again, unless the process dies between the answer of the other side and writing it down;
//! then the same message, with the same `Message-ID`, is sent once more.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::writing::RENEWAL;
use super::{LONGEST_WAIT, Reports, email, unreadable, wait_until, webhook};
use crate::model::report::Report;
use crate::server::history::error::QuestionError;
use crate::server::store::Store;
use crate::server::store::reports::ClaimedDelivery;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How long after each try it is tried again; after these, never.
const RETRY_MS: [i64; 7] =
    [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS];
const MOST_TRIES: usize = RETRY_MS.len() + 1;
/// The longest reason that is kept, in characters: it may be the other side's words.
const MOST_FAULT: usize = 300;

impl Reports {
    /// Tries the delivery of a kind that has waited longest; says how long to wait before the next.
    pub(super) async fn send_next(&self, kind: &str) -> Result<Duration, QuestionError> {
        let store = self.store()?;
        let now_ms = self.now_ms();
        let claimed = store.claim_delivery(kind, &self.holder, now_ms).await.map_err(unreadable)?;
        let Some(delivery) = claimed else {
            let next_ms = store.next_delivery_ms(kind).await.map_err(unreadable)?;
            return Ok(next_ms.map_or(LONGEST_WAIT, |next_ms| wait_until(Some(next_ms), now_ms)));
        };
        let sent = if usize::try_from(delivery.attempts).is_ok_and(|tries| tries <= MOST_TRIES) {
            self.hold_and_send(&store, &delivery).await?
        } else {
            Err("it was given up: the service ended, or was ended, each time it was sent".to_owned())
        };
        self.counts.delivered(&delivery.kind, sent.is_ok());
        let (now_ms, fault) = (self.now_ms(), sent.as_ref().err().map(|fault| plain(fault)));
        let outcome = match &fault {
            None => Ok(now_ms),
            Some(fault) => {
                tracing::warn!(
                    report = delivery.report,
                    kind = delivery.kind,
                    attempts = delivery.attempts,
                    fault,
                    "a report could not be sent"
                );
                Err((fault.as_str(), next_try(delivery.attempts, now_ms)))
            }
        };
        store.finish_delivery(&delivery, &self.holder, outcome).await.map_err(unreadable)?;
        self.look_for_trouble(&store).await?;
        Ok(Duration::ZERO)
    }

    /// Sends, however long it takes: what is under way cannot be called back.
    async fn hold_and_send(
        &self,
        store: &Store,
        delivery: &ClaimedDelivery,
    ) -> Result<Result<(), String>, QuestionError> {
        let mut sending = pin!(self.send(store, delivery));
        let mut renewal = tokio::time::interval(RENEWAL);
        renewal.tick().await;
        loop {
            tokio::select! {
                sent = &mut sending => return Ok(sent),
                _ = renewal.tick() => {
                    store.renew_delivery(delivery, &self.holder, self.now_ms()).await.map_err(unreadable)?;
                }
            }
        }
    }

    async fn send(&self, store: &Store, delivery: &ClaimedDelivery) -> Result<(), String> {
        let page = store.report(&delivery.report).await.map_err(|error| error.to_string())?;
        let Some((entry, Some(report))) = page else {
            return Err("the report is not there any more".to_owned());
        };
        let target = delivery.target.clone();
        let is_email = delivery.kind == "email";
        let smtp = if is_email { self.settings.smtp.clone() } else { None };
        let (write_pdf, now_ms) = (Arc::clone(&self.write_pdf), self.now_ms());
        let sending = tokio::task::spawn_blocking(move || {
            if !is_email {
                return webhook::announce(&target, &entry.id, &report);
            }
            let Some(smtp) = smtp else {
                return Err(
                    "no mail server is named in the section [reports.smtp] of meridian.toml".to_owned()
                );
            };
            let pdf = pdf(&write_pdf, &report)?;
            email::send(&smtp, &target, &entry.id, &report, pdf, now_ms)
        });
        sending.await.map_err(|error| format!("sending it {error}"))?
    }
}

fn pdf(write: &super::PdfWriter, report: &Report) -> Result<Vec<u8>, String> {
    write(report).map_err(|error| {
        tracing::error!("the PDF of a report could not be made: {error:#}");
        "the PDF could not be made; the log says why".to_owned()
    })
}

/// When it is tried again after so many tries.
fn next_try(attempts: u32, now_ms: i64) -> Option<i64> {
    let tried = usize::try_from(attempts.saturating_sub(1)).ok()?;
    Some(now_ms.saturating_add(*RETRY_MS.get(tried)?))
}

/// A reason on one line.
fn plain(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|letter| !letter.is_control()).take(MOST_FAULT).collect()
}
