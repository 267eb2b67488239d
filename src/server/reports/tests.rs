//! The service as its operators meet it, with a clock, a store and a maker of its own.

mod once;
mod sending;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::components::report::sample;
use crate::model::report::{Period, ReportState, Schedule, Section};
use crate::model::time_range::TimeRange;
use crate::server::store::{FILE_NAME, Retention};

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn monthly() -> Schedule {
    schedule::built_in("Europe/Berlin")
}

fn settings(schedules: Vec<Schedule>) -> ReportSettings {
    ReportSettings { schedules, zone: "Europe/Berlin".to_owned(), ..ReportSettings::default() }
}

/// A store that has collected from a moment on.
async fn store(folder: &Path, since: &str, now: &str) -> Arc<Store> {
    let (store, _) = Store::open(folder, Retention::default(), at(now)).await.unwrap();
    store.add_collected(TimeRange::new(at(since), at(since) + 60_000).unwrap());
    store.commit(at(now)).await.unwrap();
    Arc::new(store)
}

/// The same database, opened once more, as by another server.
async fn second_store(folder: &Path) -> Arc<Store> {
    // Its lock is for processes that do not know of each other.
    std::fs::remove_file(folder.join(format!("{FILE_NAME}-lock"))).unwrap();
    Arc::new(Store::open(folder, Retention::default(), 0).await.unwrap().0)
}

/// What a service is tested with.
struct Bench {
    reports: Arc<Reports>,
    store: Arc<Store>,
    now_ms: Arc<AtomicI64>,
    is_open: Arc<AtomicBool>,
    made: Arc<Mutex<Vec<ReportQuestion>>>,
    /// What the maker says instead of making a report; `die` never comes to an end.
    fault: Arc<Mutex<Option<String>>>,
    /// How often it did not.
    dying: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Bench {
    fn new(store: &Arc<Store>, settings: ReportSettings, now: &str) -> Self {
        let now_ms = Arc::new(AtomicI64::new(at(now)));
        let is_open = Arc::new(AtomicBool::new(true));
        let clock = Arc::clone(&now_ms);
        let (shelf, is_there) = (Arc::clone(store), Arc::clone(&is_open));
        let shelf: Shelf = Arc::new(move || {
            if is_there.load(Ordering::SeqCst) {
                Ok(Arc::clone(&shelf))
            } else {
                Err(QuestionError::Unavailable("Nothing is kept of the past yet.".to_owned()))
            }
        });
        let write_pdf: PdfWriter = Arc::new(|report| Ok(format!("%PDF of {}", report.period).into_bytes()));
        let reports =
            Reports::new(settings, shelf, Arc::new(move || clock.load(Ordering::SeqCst)), write_pdf);
        Self {
            reports: Arc::new(reports),
            store: Arc::clone(store),
            now_ms,
            is_open,
            made: Arc::default(),
            fault: Arc::default(),
            dying: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    fn maker(&self) -> Maker {
        let (made, fault, dying) = (Arc::clone(&self.made), Arc::clone(&self.fault), Arc::clone(&self.dying));
        Arc::new(move |question, now_ms| {
            let (made, fault, dying) = (Arc::clone(&made), Arc::clone(&fault), Arc::clone(&dying));
            Box::pin(async move {
                tokio::task::yield_now().await;
                let fault = fault.lock().unwrap().clone();
                if let Some(fault) = fault {
                    assert!(fault != "panic", "the maker panics");
                    if fault == "die" {
                        dying.fetch_add(1, Ordering::SeqCst);
                        std::future::pending::<()>().await;
                    }
                    return Err(QuestionError::Unavailable(fault));
                }
                made.lock().unwrap().push(question.clone());
                Ok(report(question, now_ms))
            })
        })
    }

    fn set_now(&self, now: &str) {
        self.now_ms.store(at(now), Ordering::SeqCst);
    }

    fn set_fault(&self, fault: Option<&str>) {
        *self.fault.lock().unwrap() = fault.map(str::to_owned);
    }

    async fn turn(&self) -> Result<Duration, QuestionError> {
        self.reports.turn(&self.maker(), &self.stop).await
    }

    /// Turns until there is nothing to do.
    async fn settle(&self) {
        while self.turn().await.unwrap() == Duration::ZERO {}
    }

    /// Sends until there is nothing to do.
    async fn send(&self) {
        for kind in KINDS {
            while self.reports.send_next(kind).await.unwrap() == Duration::ZERO {}
        }
    }

    /// Names of the reports and whether they are done, the latest due first.
    async fn ids(&self) -> Vec<(String, bool)> {
        let list = self.reports.list().await.unwrap();
        list.reports.into_iter().map(|entry| (entry.id, entry.state == ReportState::Done)).collect()
    }

    fn made(&self) -> usize {
        self.made.lock().unwrap().len()
    }
}

fn done(ids: &[&str]) -> Vec<(String, bool)> {
    ids.iter().map(|&id| (id.to_owned(), true)).collect()
}

/// A report that says little.
fn report(question: ReportQuestion, made_ms: i64) -> Report {
    Report {
        period: "a period".to_owned(),
        made_ms,
        summary: vec!["Nothing passed.".to_owned()],
        ..sample::bare(question)
    }
}
