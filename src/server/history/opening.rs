//! The history is opened when the process starts, or else as soon as the disk lets it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::error::QuestionError;
use super::handed::Handed;
use super::planner::Tiers;
use super::recorder::{Before, Recorder, with_cause};
use super::recording::{Recorded, Shared};
use crate::server::archive::query::Queries;
use crate::server::collector::socket::now_us;
use crate::server::config::Config;
use crate::server::transport::Batches;

/// How often it is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often what came meanwhile is counted.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const BATCHES_AT_ONCE: usize = 64;

/// What answers questions about the past, as soon as it can.
#[derive(Debug, Default)]
pub struct Kept {
    tiers: OnceLock<Tiers>,
    why_not: Mutex<String>,
}

impl Kept {
    /// Nothing is kept, for a reason that people are told.
    pub const fn nothing(why: String) -> Self {
        Self { tiers: OnceLock::new(), why_not: Mutex::new(why) }
    }

    fn explain(&self, why_not: String) {
        *self.why_not.lock().unwrap_or_else(PoisonError::into_inner) = why_not;
    }

    /// What is kept, or why nothing is yet.
    pub fn tiers(&self) -> Result<&Tiers, QuestionError> {
        self.tiers.get().ok_or_else(|| {
            QuestionError::Unavailable(self.why_not.lock().unwrap_or_else(PoisonError::into_inner).clone())
        })
    }
}

impl From<Tiers> for Kept {
    fn from(tiers: Tiers) -> Self {
        Self { tiers: OnceLock::from(tiers), why_not: Mutex::default() }
    }
}

/// A history that is not open yet.
#[derive(Debug)]
pub struct Opening {
    config: Config,
    runtime: Handle,
    before: Before,
    kept: Arc<Kept>,
}

impl Opening {
    /// Not tried yet. What is handed over is counted in `handed` from the beginning.
    pub fn new(config: &Config, handed: Handed, runtime: Handle) -> Self {
        let before = Before { handed, since_ms: Some(now_us() / 1_000), ..Before::default() };
        Self { config: config.clone(), runtime, before, kept: Arc::default() }
    }

    /// What others look at, before and after.
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.before.shared
    }

    /// What will answer.
    pub const fn kept(&self) -> &Arc<Kept> {
        &self.kept
    }

    /// Opens archive, store and what answers from them.
    pub fn open(&self) -> Option<Recorder> {
        match Recorder::open_after(&self.before, &self.config, self.runtime.clone()) {
            Ok(recorder) => {
                self.answer_from(&recorder);
                Some(recorder)
            }
            Err(error) => {
                let why = with_cause(&error);
                let notice =
                    format!("Nothing is stored: {why}. It is tried again every {} seconds.", RETRY.as_secs());
                if self.before.shared.trouble().as_ref() != Some(&notice) {
                    tracing::error!("{notice}");
                }
                self.kept.explain(format!("Nothing is kept of the past yet: {why}. It is tried again."));
                self.publish(Some(notice));
                None
            }
        }
    }

    fn answer_from(&self, recorder: &Recorder) {
        let (archive, store) = (Arc::clone(recorder.archive()), Arc::clone(recorder.store()));
        match Queries::new(Arc::clone(&archive), self.config.data_dir.join("spill")) {
            // Nobody else sets it.
            Ok(queries) => drop(self.kept.tiers.set(Tiers::new(archive, queries, store))),
            Err(error) => {
                let why = with_cause(&error);
                tracing::error!("questions about the past cannot be answered: {why}");
                self.kept.explain(format!(
                    "Questions about the past cannot be answered: {why}. Mend that, and start Meridian again."
                ));
            }
        }
    }

    /// Tries until it works. What comes meanwhile is lost, and counted. `None` when the queue ends before.
    pub(super) fn wait(mut self, batches: &mut Batches) -> Option<Recorder> {
        let mut received = Vec::with_capacity(BATCHES_AT_ONCE);
        let mut tried = Instant::now();
        loop {
            let taken = self.runtime.block_on(async {
                timeout(LOOK_INTERVAL, batches.recv_many(&mut received, BATCHES_AT_ONCE)).await
            });
            self.before.lost += received.iter().map(|batch| batch.flows.len() as u64).sum::<u64>();
            received.clear();
            self.publish(self.before.shared.trouble());
            if taken == Ok(0) {
                return None;
            }
            if tried.elapsed() >= RETRY {
                tried = Instant::now();
                if let Some(recorder) = self.open() {
                    tracing::info!(lost = self.before.lost, "the history is open: flow records are stored");
                    return Some(recorder);
                }
            }
        }
    }

    fn publish(&self, trouble: Option<String>) {
        let lost = self.before.lost;
        self.before
            .shared
            .publish(Recorded { taken: lost, lost_disk_error: lost, ..Recorded::default() }, trouble);
    }
}
