//! How long a question takes, and how it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

/// One question's progress and its end. Clones are the same question.
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Cancelled when nobody waits for the answer any more.
    pub cancel: CancellationToken,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Control {
    /// So much more is to be done, in any unit that stays the same for a question: row groups, days.
    pub fn expect(&self, steps: u64) {
        self.progress.total.fetch_add(steps, Ordering::Relaxed);
    }

    /// So much more of it is done.
    pub fn advance(&self, steps: u64) {
        self.progress.done.fetch_add(steps, Ordering::Relaxed);
    }

    /// What is done and what there is to do.
    pub fn progress(&self) -> (u64, u64) {
        (self.progress.done.load(Ordering::Relaxed), self.progress.total.load(Ordering::Relaxed))
    }
}
