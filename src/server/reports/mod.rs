//! Reports: written by themselves when they are due, or when somebody asks; kept, sent, removed when they are old.
//!
//! What is due is worked out from the schedules and noted in the store (`writing`), so that each is written once, also what
//! was missed while the process did not run, and whoever else shares the store. One report is made at a time. Whoever gets
//! it is noted in the store, too, and tried until it is taken or given up (`delivery`). What people ask stands in
//! `asking`, and what they ask for in `order`. The clock, what makes a report and what makes a PDF of it are arguments.

mod asking;
pub mod calendar;
pub mod command;
pub mod content;
mod counts;
mod delivery;
mod email;
mod order;
pub mod pdf;
pub mod schedule;
#[cfg(test)]
mod tests;
mod webhook;
pub mod wiring;
mod writing;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

pub use self::counts::Counts;
pub use self::order::Order;

use self::writing::Looked;
use crate::model::report::{Report, ReportEntry, ReportPage, ReportQuestion};
use crate::server::config::reports::{Logo, ReportSettings};
use crate::server::history::error::QuestionError;
use crate::server::store::{Store, StoreError};

/// Milliseconds since 1970, now.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// The store, or why it is not there.
pub type Shelf = Arc<dyn Fn() -> Result<Arc<Store>, QuestionError> + Send + Sync>;
/// Makes the PDF of a report; takes a while, on a thread that may block.
pub type PdfWriter = Arc<dyn Fn(&Report) -> anyhow::Result<Vec<u8>> + Send + Sync>;
/// A report that is being made.
pub type Making = Pin<Box<dyn Future<Output = Result<Report, QuestionError>> + Send>>;
/// Makes a report at a moment.
pub type Maker = Arc<dyn Fn(ReportQuestion, i64) -> Making + Send + Sync>;

/// How reports are sent.
const KINDS: [&str; 2] = ["email", "webhook"];
/// The longest and the shortest time between two looks at what is due.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// PDFs that are made at the same time for readers.
const PDFS_AT_ONCE: usize = 2;
/// How soon the store is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long it is said on every page that something failed for good.
const NEWS_MS: i64 = 7 * 86_400_000;

/// All that is done about reports.
pub struct Reports {
    settings: ReportSettings,
    shelf: Shelf,
    clock: Clock,
    write_pdf: PdfWriter,
    /// Tells this service from others at the same store.
    holder: String,
    looked: Mutex<Looked>,
    counts: Counts,
    notices: Mutex<Vec<String>>,
    /// Something is to be written.
    ordered: Notify,
    /// Something is to be sent, for the loop of each kind.
    to_send: [Arc<Notify>; KINDS.len()],
    /// Whoever makes a PDF for a reader.
    pdf_turns: Arc<Semaphore>,
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Reports")
            .field("settings", &self.settings)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

impl Reports {
    /// A service that does nothing until it runs.
    pub fn new(settings: ReportSettings, shelf: Shelf, clock: Clock, write_pdf: PdfWriter) -> Self {
        Self {
            settings,
            shelf,
            clock,
            write_pdf,
            holder: format!("{}-{}", std::process::id(), random_letters()),
            looked: Mutex::default(),
            counts: Counts::default(),
            notices: Mutex::default(),
            ordered: Notify::new(),
            to_send: KINDS.map(|_| Arc::default()),
            pdf_turns: Arc::new(Semaphore::new(PDFS_AT_ONCE)),
        }
    }

    /// Writes and sends what is due until it is told to stop; then what is being written is given back, and what is being
    /// sent comes to its end.
    pub async fn run(self: Arc<Self>, make: Maker, stop: CancellationToken) {
        if !self.settings.is_enabled {
            return;
        }
        let senders = KINDS.into_iter().zip(&self.to_send);
        let sending: Vec<_> = senders
            .map(|(kind, to_send)| {
                tokio::spawn(Arc::clone(&self).send_until(kind, Arc::clone(to_send), stop.clone()))
            })
            .collect();
        while !stop.is_cancelled() {
            let wait = match self.turn(&make, &stop).await {
                Ok(wait) => wait,
                Err(error) => self.troubled(&error),
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.ordered.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        for sending in sending {
            if let Err(error) = sending.await {
                tracing::error!(%error, "sending reports ended by itself");
            }
        }
    }

    /// Sends what is of one kind: who takes long to answer holds back no other kind.
    async fn send_until(self: Arc<Self>, kind: &'static str, to_send: Arc<Notify>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let wait = match self.send_next(kind).await {
                Ok(wait) => wait,
                Err(QuestionError::Unavailable(_)) => RETRY,
                Err(error) => self.troubled(&error),
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = to_send.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn wake_senders(&self) {
        self.to_send.iter().for_each(|to_send| to_send.notify_one());
    }

    /// Says that the store could not be asked, and how soon to try again.
    fn troubled(&self, error: &QuestionError) -> Duration {
        let (notice, wait) = match error {
            // The history has a notice of its own.
            QuestionError::Unavailable(_) => (None, RETRY),
            error => {
                let cause = match error {
                    QuestionError::Failed(cause) => format!("{cause:#}"),
                    error => error.to_string(),
                };
                let notice = format!("Reports are not written: {cause}. It is tried again every minute.");
                (Some(notice), LONGEST_WAIT)
            }
        };
        if let Some(notice) = notice {
            tracing::error!("{notice}");
            self.set_notices(vec![notice]);
        }
        wait
    }

    /// What is wrong, for people.
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_notices(&self, notices: Vec<String>) {
        *self.notices.lock().unwrap_or_else(PoisonError::into_inner) = notices;
    }

    /// Looks which reports could not be written or sent.
    async fn look_for_trouble(&self, store: &Store) -> Result<(), QuestionError> {
        let after_ms = self.now_ms().saturating_sub(NEWS_MS);
        let failed = store.failed_reports(after_ms).await.map_err(unreadable)?;
        let undelivered = store.failed_deliveries(after_ms).await.map_err(unreadable)?;
        let failed = failed.into_iter().map(|(period, fault)| {
            format!("The report on {period} could not be written: {}", sentence(&fault))
        });
        let undelivered = undelivered.into_iter().map(|[period, to, fault]| {
            format!("The report on {period} could not be sent to {to}: {}", sentence(&fault))
        });
        self.set_notices(failed.chain(undelivered).collect());
        Ok(())
    }

    /// What was written and sent since the start.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The picture above each report.
    pub const fn logo(&self) -> Option<&Logo> {
        self.settings.logo.as_ref()
    }

    /// The PDF of a report, or, when there is none, what is known of the report.
    pub async fn pdf(&self, id: &str) -> Result<Result<Vec<u8>, ReportEntry>, QuestionError> {
        let turn = Arc::clone(&self.pdf_turns).acquire_owned().await;
        let turn = turn.map_err(|error| QuestionError::Failed(error.into()))?;
        let ReportPage { entry, report, .. } = self.page(id).await?;
        let Some(report) = report else { return Ok(Err(entry)) };
        let write = Arc::clone(&self.write_pdf);
        let written = tokio::task::spawn_blocking(move || {
            let written = write(&report);
            // Not before: who asked may be gone, and the work goes on.
            drop(turn);
            written
        });
        let written = written.await.map_err(|error| QuestionError::Failed(error.into()))?;
        written.map(Ok).map_err(QuestionError::Failed)
    }

    fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    fn store(&self) -> Result<Arc<Store>, QuestionError> {
        (self.shelf)()
    }
}

/// Ten lower-case letters and digits.
fn random_letters() -> String {
    (0..10).filter_map(|_| char::from_digit(fastrand::u32(0..36), 36)).collect()
}

fn unreadable(error: StoreError) -> QuestionError {
    QuestionError::Failed(error.into())
}

/// A text with a full stop.
fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// How long it is until a moment, as far as it is waited without looking again.
fn wait_until(moment_ms: Option<i64>, now_ms: i64) -> Duration {
    let wait = moment_ms.map_or(LONGEST_WAIT, |moment| {
        u64::try_from(moment.saturating_sub(now_ms)).map_or(Duration::ZERO, Duration::from_millis)
    });
    wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
}
