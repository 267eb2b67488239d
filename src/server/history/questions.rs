//! The questions that are being answered: how far they are, and how many there may be.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::DropGuard;

use super::control::Control;
use super::error::QuestionError;
use crate::model::history::Progress;

/// Questions answered at the same time; more wait.
const AT_ONCE: usize = 4;
/// Questions that may be answered or wait.
const MOST: usize = 256;

/// The questions that are being answered.
#[derive(Debug)]
pub struct Questions {
    room: Semaphore,
    waiting: Semaphore,
    under_way: Mutex<HashMap<u64, Control>>,
}

impl Default for Questions {
    fn default() -> Self {
        Self { room: Semaphore::new(AT_ONCE), waiting: Semaphore::new(MOST), under_way: Mutex::default() }
    }
}

/// A question that is being answered. When it is dropped, whatever works on it stops.
#[derive(Debug)]
pub struct Question<'a> {
    /// Its progress and its end.
    pub control: Control,
    _named: Named<'a>,
    _stop: DropGuard,
    _permits: [SemaphorePermit<'a>; 2],
}

/// A question under the name that its asker gave it, as long as it is being answered.
#[derive(Debug)]
struct Named<'a> {
    id: u64,
    questions: &'a Questions,
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        self.questions.under_way().remove(&self.id);
    }
}

impl Questions {
    /// Waits for a turn. `id` is what the asker calls the question to learn its progress; 0 when nobody will ask.
    pub async fn begin(&self, id: u64) -> Result<Question<'_>, QuestionError> {
        let busy = || {
            QuestionError::Unavailable(
                "Too many questions are being answered at the moment: try again in a few seconds.".to_owned(),
            )
        };
        let waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let control = Control::default();
        let stop = control.cancel.clone().drop_guard();
        if id != 0 {
            self.under_way().insert(id, control.clone());
        }
        let named = Named { id, questions: self };
        let room = self.room.acquire().await.map_err(|_| busy())?;
        Ok(Question { control, _named: named, _stop: stop, _permits: [waiting, room] })
    }

    /// How far a question is; nothing to do when it is not known (any more).
    pub fn progress(&self, id: u64) -> Progress {
        let (done, total) = self.under_way().get(&id).map(Control::progress).unwrap_or_default();
        Progress { done, total }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<u64, Control>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
