//! The recorder's thread, and what everybody may look at while it runs.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::account::Account;
use super::opening::Opening;
use super::recorder::Recorder;
use crate::model::history::{Forecast, HistoryStatus, TierStatus};
use crate::model::quantity;
use crate::server::archive::{ArchiveStatus, Seals};
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
#[derive(Debug, Default)]
pub struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    lost_at_crash: u64,
    /// What the start had to say about the sums.
    store_notice: Option<String>,
    recorded: Recorded,
    trouble: Option<String>,
    store_problem: Option<String>,
    archive: Option<ArchiveStatus>,
    /// What the sums keep.
    tiers: Vec<TierStatus>,
    forecast: Option<Forecast>,
}

impl Shared {
    /// What opening the history has shown.
    pub(super) fn set_found(&self, lost_at_crash: u64, store_notice: Option<String>) {
        let mut state = self.state();
        state.lost_at_crash = lost_at_crash;
        state.store_notice = store_notice;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, recorded: Recorded, trouble: Option<String>) {
        let mut state = self.state();
        state.recorded = recorded;
        state.trouble = trouble;
    }

    /// Why what comes is not stored.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
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
        let state = self.state();
        let Recorded { taken, stored, unwritten, lost_disk_full, lost_disk_error } = state.recorded;
        Account {
            handed: taken,
            stored,
            unwritten,
            lost_disk_full,
            lost_disk_error,
            lost_at_crash: state.lost_at_crash,
            ..Account::default()
        }
    }
}

/// The history of this process: being written or waiting for the disk, or off.
#[derive(Debug)]
pub struct Recording {
    running: Option<Running>,
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
        Self { running: None }
    }

    /// Starts the thread, which ends when the queue does.
    pub fn start(recorder: Recorder, batches: Batches, runtime: Handle) -> io::Result<Self> {
        let shared = Arc::clone(recorder.shared());
        Self::spawn(shared, batches, runtime, |_| Some(recorder))
    }

    /// Starts the thread for a history that cannot be opened yet.
    pub fn start_later(opening: Opening, batches: Batches, runtime: Handle) -> io::Result<Self> {
        let shared = Arc::clone(opening.shared());
        Self::spawn(shared, batches, runtime, |batches| opening.wait(batches))
    }

    fn spawn(
        shared: Arc<Shared>,
        mut batches: Batches,
        runtime: Handle,
        recorder: impl FnOnce(&mut Batches) -> Option<Recorder> + Send + 'static,
    ) -> io::Result<Self> {
        let queue = batches.gauge();
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            if let Some(recorder) = recorder(&mut batches) {
                run(recorder, batches, &runtime);
            }
        })?;
        Ok(Self { running: Some(Running { shared, queue, thread: Mutex::new(Some(thread)) }) })
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

    /// What the archive has sealed since the start.
    pub fn seals(&self) -> Seals {
        let running = self.running.as_ref();
        running
            .and_then(|running| running.shared.state().archive.as_ref().map(|archive| archive.seals))
            .unwrap_or_default()
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
        let mut notices = Vec::new();
        let Some(running) = &self.running else { return notices };
        let state = running.shared.state();
        notices.extend(state.archive.iter().flat_map(|archive| &archive.notices).cloned());
        let trouble = state.trouble.iter().filter(|trouble| !notices.contains(trouble)).cloned();
        notices.extend(trouble.collect::<Vec<_>>());
        notices.extend(state.store_problem.iter().chain(&state.store_notice).cloned());
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
        if state.lost_at_crash > 0 {
            let all = counted(state.lost_at_crash);
            notices.push(format!(
                "Meridian was killed the last time: {all} had been received and not stored yet."
            ));
        }
        notices
    }
}

fn run(mut recorder: Recorder, mut batches: Batches, runtime: &Handle) {
    recorder.begin_collecting(batches.gauge());
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
