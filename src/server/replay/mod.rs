//! Replay: the past on the clock of the one who watches.
//!
//! [`Replays`] begins a replay for a client; its player is a task on threads of its own, which give
//! way to those that collect. It reads the range piece by piece, in the order in which it is watched, the next one ahead,
//! and makes a message only when the client has taken the one before: a slow client gets coarser frames, not late ones.
//! Requests that come meanwhile are made one, and what was read for older ones is given up. What has passed is counted
//! from the flow records, or from sums where these are not kept or too many, and is the same however a moment was
//! reached. Replays are bounded in number, and each in memory.

mod block;
mod drawing;
mod jobs;
mod metrics;
mod pairs;
mod pieces;
mod player;
mod reading;
mod request;
mod shelf;
mod source;
mod sums;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::metrics::Metrics;
use self::player::Player;
use self::request::{Asked, Mailbox};
use crate::model::frame::{Message, Refusal};
use crate::model::replay::ReplaySubscription;
use crate::server::geolocation::Current;
use crate::server::history::answers::History;

/// What replays may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Replays at the same time.
    pub replays: usize,
    /// Flows that are read as one piece, about. A piece with three times as many is read in parts.
    pub piece_rows: usize,
    /// Flows that all replays may have in memory, in thousands (1,024). A replay that finds no room reads nothing ahead.
    pub thousands: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { replays: 8, piece_rows: 1 << 20, thousands: 8 << 10 }
    }
}

/// Threads that all replays share.
const WORKERS: usize = 2;
/// How much they give way to the threads that collect.
const NICE: i32 = 10;
/// Begins replays.
#[derive(Debug)]
pub struct Replays {
    shared: Arc<Shared>,
    seats: Arc<Semaphore>,
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
}

/// What every replay uses.
#[derive(Debug)]
struct Shared {
    limits: Limits,
    history: Arc<History>,
    geolocation: Arc<Current>,
    room: Arc<Semaphore>,
    metrics: Metrics,
}

impl Drop for Replays {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Replays {
    /// Replays of what the history has. An error when its threads cannot be started.
    pub fn new(limits: Limits, history: Arc<History>, geolocation: Arc<Current>) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(WORKERS)
            .thread_name("replay")
            .on_thread_start(|| {
                if let Err(error) = rustix::process::nice(NICE) {
                    tracing::debug!("replays run at the same priority as collecting: {error}");
                }
            })
            .enable_time()
            .build()?;
        let shared = Shared {
            limits,
            history,
            geolocation,
            room: Arc::new(Semaphore::new(
                usize::try_from(limits.thousands).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            metrics: Metrics::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            seats: Arc::new(Semaphore::new(limits.replays)),
            runtime: Some(runtime),
        })
    }

    /// What replays have counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Begins a replay, in place of the one that the client has `before`; a refusal leaves that as it is. `answers` is
    /// the number of this request.
    pub fn begin(
        &self,
        subscription: &ReplaySubscription,
        answers: u64,
        before: Option<&mut Replay>,
    ) -> Result<Replay, Refusal> {
        let refused = |message: String| {
            self.shared.metrics.refused.add(1);
            Refusal { message, position: None }
        };
        let wanted = request::checked(subscription).inspect_err(|_| self.shared.metrics.refused.add(1))?;
        self.shared.history.tiers().map_err(|why| refused(why.to_string()))?;
        let seat = match before {
            // The seat goes on to the replay that comes after.
            Some(before) => before.seat.take(),
            None => Arc::clone(&self.seats).try_acquire_owned().ok(),
        };
        let (Some(seat), Some(runtime)) = (seat, &self.runtime) else {
            return Err(refused(format!(
                "{} replays are being watched already, which is the most at the same time: try again later",
                self.shared.limits.replays
            )));
        };
        let (sender, messages) = mpsc::channel(1);
        let (mailbox, is_wanted) = (Arc::<Mailbox>::default(), Arc::<Notify>::default());
        mailbox.ask(Asked { answers, ..Asked::default() });
        let cancel = CancellationToken::new();
        let player = Player::new(
            Arc::clone(&self.shared),
            runtime.handle().clone(),
            wanted,
            Arc::clone(&mailbox),
            player::Outbox { messages: sender, wanted: Arc::clone(&is_wanted) },
            cancel.clone(),
        );
        runtime.spawn(player.run(Playing::begin(&self.shared)));
        self.shared.metrics.begun.add(1);
        Ok(Replay {
            mailbox,
            messages,
            wanted: is_wanted,
            has_asked: false,
            seat: Some(seat),
            _stop: cancel.drop_guard(),
        })
    }
}

/// Counts a replay as long as it is there.
#[derive(Debug)]
struct Playing(Arc<Shared>);

impl Playing {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.metrics.active.add(1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.metrics.active.subtract(1);
    }
}

/// A client's hold on its replay, which ends with it.
#[derive(Debug)]
pub struct Replay {
    mailbox: Arc<Mailbox>,
    messages: mpsc::Receiver<Message>,
    wanted: Arc<Notify>,
    has_asked: bool,
    seat: Option<OwnedSemaphorePermit>,
    _stop: DropGuard,
}

impl Replay {
    /// The next message: made when this is called, not before. `None` when the replay ended by itself, because of an
    /// error. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        if !self.has_asked {
            self.has_asked = true;
            self.wanted.notify_one();
        }
        let message = self.messages.recv().await;
        self.has_asked = false;
        message
    }

    /// Goes to another moment, the nearest of the range. `answers` is the number of this request.
    pub fn seek(&self, at_ms: i64, answers: u64) {
        self.mailbox.ask(Asked { answers, seek: Some(at_ms), ..Asked::default() });
    }

    /// Changes the speed. A refusal leaves it as it is.
    pub fn speed(&self, speed: f64, answers: u64) -> Result<(), Refusal> {
        let speed = request::checked_speed(speed)?;
        self.mailbox.ask(Asked { answers, speed: Some(speed), ..Asked::default() });
        Ok(())
    }

    /// Stands still, or plays on.
    pub fn pause(&self, is_paused: bool, answers: u64) {
        self.mailbox.ask(Asked { answers, is_paused: Some(is_paused), ..Asked::default() });
    }

    /// Says that a request was read that changes nothing.
    pub fn answer(&self, answers: u64) {
        self.mailbox.ask(Asked { answers, ..Asked::default() });
    }
}
