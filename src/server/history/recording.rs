//! The recorder's thread, and what everybody may look at while it runs.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::account::Account;
use super::recorder::Recorder;
use crate::model::history::{Forecast, HistoryStatus, TierStatus};
use crate::model::quantity;
use crate::server::archive::ArchiveStatus;
use crate::server::transport::{Batches, Gauge};

/// Batches taken from the queue between two looks at what is due.
const BATCHES_AT_ONCE: usize = 64;

/// What the recorder has counted, all at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Taken from the queue.
    pub taken: u64,
    /// On disk.
    pub stored: u64,
    /// Not on disk yet.
    pub unwritten: u64,
    pub lost_disk_full: u64,
    pub lost_disk_error: u64,
}

/// What others may look at while the recorder runs.
#[derive(Debug)]
pub struct Shared {
    lost_at_crash: u64,
    /// What the start had to say about the sums.
    store_notice: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    recorded: Recorded,
    trouble: Option<String>,
    store_problem: Option<String>,
    archive: Option<ArchiveStatus>,
    /// What the sums keep.
    tiers: Vec<TierStatus>,
    forecast: Option<Forecast>,
}

impl Shared {
    pub(super) fn new(lost_at_crash: u64, store_notice: Option<String>) -> Self {
        Self { lost_at_crash, store_notice, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, recorded: Recorded, trouble: Option<String>) {
        let mut state = self.state();
        state.recorded = recorded;
        state.trouble = trouble;
    }

    pub(super) fn set_store_problem(&self, problem: Option<String>) {
        self.state().store_problem = problem.map(|problem| {
            format!("The sums of the history are not written ({problem}). It is tried again every minute.")
        });
    }

    pub(super) fn set_tiers(&self, tiers: Vec<TierStatus>) {
        self.state().tiers = tiers;
    }

    pub(super) fn set_archive(&self, status: ArchiveStatus, forecast: Option<Forecast>) {
        let mut state = self.state();
        state.archive = Some(status);
        state.forecast = forecast;
    }

    /// Free bytes of the disk at the last look.
    pub(super) fn free_bytes(&self) -> u64 {
        self.state().archive.as_ref().map_or(u64::MAX, |archive| archive.free_bytes)
    }

    /// The account, with what was taken as handed over.
    pub fn account(&self) -> Account {
        let Recorded { taken, stored, unwritten, lost_disk_full, lost_disk_error } = self.state().recorded;
        Account {
            handed: taken,
            stored,
            unwritten,
            lost_disk_full,
            lost_disk_error,
            lost_at_crash: self.lost_at_crash,
            ..Account::default()
        }
    }
}

/// The history of this process: being written, off, or not possible.
#[derive(Debug)]
pub struct Recording {
    running: Option<Running>,
    /// Why there is none although there should be.
    problem: Option<String>,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    queue: Gauge,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recording {
    /// None, as configured.
    pub const fn off() -> Self {
        Self { running: None, problem: None }
    }

    /// None, although there should be.
    pub fn failed(why: &str) -> Self {
        Self {
            running: None,
            problem: Some(format!("Nothing is stored: {why}. Mend that, and start Meridian again.")),
        }
    }

    /// Starts the thread, which ends when the queue does.
    pub fn start(recorder: Recorder, batches: Batches, runtime: Handle) -> io::Result<Self> {
        let (shared, queue) = (Arc::clone(recorder.shared()), batches.gauge());
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || run(recorder, batches, &runtime))?;
        Ok(Self { running: Some(Running { shared, queue, thread: Mutex::new(Some(thread)) }), problem: None })
    }

    /// Waits until everything in the queue is on disk, after the queue's other ends are gone.
    pub fn join(&self) {
        let Some(running) = &self.running else { return };
        let thread = running.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the recorder had ended with a panic");
        }
    }

    /// Where the flow records are that were handed over; `handed` and `dropped` are counted by the workers. `None`
    /// without a history.
    pub fn account(&self, dropped: u64) -> Option<Account> {
        let running = self.running.as_ref()?;
        // Taken first: what is handed over in between makes the queue longer, not the account wrong.
        let account = running.shared.account();
        let handed = running.queue.sent();
        let waiting = handed.saturating_sub(account.handed);
        Some(Account { handed, dropped, waiting, ..account })
    }

    /// How the history is; `dropped` is counted by the workers.
    pub fn status(&self, dropped: u64) -> HistoryStatus {
        let mut status = HistoryStatus {
            is_storing: self.is_storing(),
            notices: self.notices(dropped),
            ..HistoryStatus::default()
        };
        if let Some(account) = self.account(dropped) {
            account.show(&mut status);
        }
        if let Some(running) = &self.running {
            let state = running.shared.state();
            status.tiers.extend(state.archive.iter().map(|archive| archive.tier.clone()));
            status.tiers.extend_from_slice(&state.tiers);
            status.forecast.clone_from(&state.forecast);
            status.free_bytes = state.archive.as_ref().map_or(0, |archive| archive.free_bytes);
        }
        status
    }

    /// True while what comes is stored.
    pub fn is_storing(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            let is_running = running
                .thread
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
                .is_some_and(|thread| !thread.is_finished());
            is_running && running.shared.state().trouble.is_none()
        })
    }

    /// What is wrong, for people; `dropped` is counted by the workers.
    pub fn notices(&self, dropped: u64) -> Vec<String> {
        let mut notices: Vec<String> = self.problem.iter().cloned().collect();
        let Some(running) = &self.running else { return notices };
        let state = running.shared.state();
        notices.extend(state.archive.iter().flat_map(|archive| &archive.notices).cloned());
        let trouble = state.trouble.iter().filter(|trouble| !notices.contains(trouble)).cloned();
        notices.extend(trouble.collect::<Vec<_>>());
        notices.extend(state.store_problem.iter().chain(&running.shared.store_notice).cloned());
        let lost = state.recorded.lost_disk_full + state.recorded.lost_disk_error;
        let counted = |flows| quantity::counted(flows, "flow record");
        // While it lasts, the count would change all the time.
        if lost > 0 && state.trouble.is_none() {
            notices.push(format!(
                "{} came while nothing could be stored, and are not in the history.",
                counted(lost)
            ));
        }
        if dropped > 0 {
            let all = counted(dropped);
            notices.push(format!(
                "The history left out {all}, because the disk or the processor could not keep up."
            ));
        }
        if running.shared.lost_at_crash > 0 {
            let all = counted(running.shared.lost_at_crash);
            notices.push(format!(
                "Meridian was killed the last time: {all} had been received and not stored yet."
            ));
        }
        notices
    }
}

fn run(mut recorder: Recorder, mut batches: Batches, runtime: &Handle) {
    let mut received = Vec::with_capacity(BATCHES_AT_ONCE);
    loop {
        let wait = recorder.keep_up();
        let taken = runtime
            .block_on(async { timeout(wait, batches.recv_many(&mut received, BATCHES_AT_ONCE)).await });
        for batch in &received {
            recorder.record(batch);
        }
        received.clear();
        if taken == Ok(0) {
            break;
        }
    }
    let finished = recorder.finish();
    if let Some(trouble) = finished.trouble {
        tracing::error!("{trouble}");
    }
    tracing::info!(stored = finished.account.stored, lost = finished.account.lost(), "the history is closed");
}
