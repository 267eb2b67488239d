//! Replay: the past on the clock of the one who watches.
//!
//! [`Replays`] begins a replay for a client; its player is a task on threads of its own, which give
//! way to those that collect. It reads the range piece by piece, in the order in which it is watched, the next one ahead,
//! and makes a message only when the client has taken the one before: a slow client gets coarser frames, not late ones.
//! Requests that come meanwhile are made one, and what was read for older ones is given up. What has passed is counted
//! from the flow records, or from sums where these are not kept or too many, and is the same however a moment was
//! reached. Replays are bounded in number, also for each visitor, and each in memory and in what it reads at a time. One that
//! stands still for long ends; whoever comes back to it begins it again.

mod block;
mod drawing;
mod jobs;
mod metrics;
mod pairs;
mod pieces;
mod player;
mod reading;
mod request;
mod seats;
mod shelf;
mod source;
mod sums;
mod tally;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::metrics::Metrics;
use self::player::Player;
use self::request::{Asked, Mailbox};
use self::seats::{Seat, Seats};
use crate::model::frame::{Message, Refusal};
use crate::model::replay::ReplaySubscription;
use crate::server::geolocation::Current;
use crate::server::history::answers::History;

/// What replays may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Replays at the same time.
    pub replays: usize,
    /// Of these, those of one visitor.
    pub replays_per_visitor: usize,
    /// How long a replay may stand still before it ends.
    pub still: Duration,
    /// Flows that are read as one piece, about. A piece with three times as many is read in parts.
    pub piece_rows: usize,
    /// Flows that are looked through for a still picture, about: more take longer to read, and cannot be told apart.
    pub picture_rows: u64,
    /// Flows that all replays may have in memory, in thousands (1,024). A replay that finds no room reads nothing ahead. An
    /// eighth is for still pictures, so that they do not wait for what is played.
    pub thousands: u32,
}

impl Limits {
    const fn thousands_of_pictures(&self) -> u32 {
        self.thousands / 8
    }

    const fn thousands_of_pieces(&self) -> u32 {
        self.thousands - self.thousands_of_pictures()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            replays: 8,
            replays_per_visitor: 4,
            still: Duration::from_mins(5),
            piece_rows: 1 << 20,
            picture_rows: 100_000,
            thousands: 8 << 10,
        }
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
    seats: Arc<Seats>,
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
    room_for_pictures: Arc<Semaphore>,
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
        let room = |thousands: u32| {
            Arc::new(Semaphore::new(usize::try_from(thousands).unwrap_or(Semaphore::MAX_PERMITS)))
        };
        let shared = Shared {
            limits,
            history,
            geolocation,
            room: room(limits.thousands_of_pieces()),
            room_for_pictures: room(limits.thousands_of_pictures()),
            metrics: Metrics::default(),
        };
        Ok(Self { shared: Arc::new(shared), seats: Seats::new(limits), runtime: Some(runtime) })
    }

    /// What replays have counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Begins a replay, in place of the one that the client has `before`, which ends first; a refusal leaves that as it is.
    /// `answers` is the number of this request. `visitor` is whose seats are counted, where known.
    pub async fn begin(
        &self,
        subscription: &ReplaySubscription,
        answers: u64,
        visitor: Option<IpAddr>,
        before: Option<&mut Replay>,
    ) -> Result<Replay, Refusal> {
        let refused = |message: String| {
            self.shared.metrics.refused.add(1);
            Refusal { message, position: None }
        };
        let wanted = request::checked(subscription).inspect_err(|_| self.shared.metrics.refused.add(1))?;
        self.shared.history.tiers().map_err(|why| refused(why.to_string()))?;
        let Some(runtime) = &self.runtime else { return Err(refused("The server stops.".to_owned())) };
        let seat = match before {
            // The seat goes on to the replay that comes after, with what is still read for the one before.
            Some(before) => {
                before.end().await;
                Arc::clone(&before.seat)
            }
            None => self.seats.take(visitor).map_err(refused)?,
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
            (Arc::clone(&seat), cancel.clone()),
        );
        let task = runtime.spawn(player.run(Playing::begin(&self.shared, Arc::clone(&seat))));
        self.shared.metrics.begun.add(1);
        Ok(Replay {
            mailbox,
            messages,
            wanted: is_wanted,
            has_asked: false,
            subscription: subscription.clone(),
            seat,
            task,
            stop: cancel.clone(),
            _stop: cancel.drop_guard(),
        })
    }
}

/// Counts a replay, and has its seat, as long as its task is there.
#[derive(Debug)]
struct Playing {
    shared: Arc<Shared>,
    seat: Arc<Seat>,
}

impl Playing {
    fn begin(shared: &Arc<Shared>, seat: Arc<Seat>) -> Self {
        shared.metrics.active.add(1);
        Self { shared: Arc::clone(shared), seat }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.shared.metrics.active.subtract(1);
    }
}

/// A client's hold on its replay, which ends with it.
#[derive(Debug)]
pub struct Replay {
    mailbox: Arc<Mailbox>,
    messages: mpsc::Receiver<Message>,
    wanted: Arc<Notify>,
    has_asked: bool,
    /// What would begin it where it stands.
    subscription: ReplaySubscription,
    seat: Arc<Seat>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Replay {
    /// The next message: made when this is called, not before. `None` when the replay ended by itself, because of an
    /// error or because it stood still for long. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        if !self.has_asked {
            self.has_asked = true;
            self.wanted.notify_one();
        }
        let message = self.messages.recv().await;
        self.has_asked = false;
        match &message {
            Some(Message::Moment(moment)) => {
                self.subscription.at_ms = Some(moment.clock_ms);
                if let Some(picture) = &moment.picture {
                    self.subscription.picture_ms = Some(picture.picture_ms);
                }
            }
            Some(Message::Frame(frame)) => self.subscription.at_ms = Some(frame.clock_ms),
            _ => {}
        }
        message
    }

    /// What begins it again where it stands.
    pub fn subscription(self) -> ReplaySubscription {
        self.subscription
    }

    /// Ends it; what is read for it may end a little later.
    async fn end(&mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            tracing::error!("a replay ended: {error}");
        }
    }

    /// Goes to another moment, the nearest of the range. `answers` is the number of this request.
    pub fn seek(&mut self, at_ms: i64, answers: u64) {
        self.subscription.at_ms = Some(at_ms);
        self.subscription.picture_ms = None;
        self.mailbox.ask(Asked { answers, seek: Some(at_ms), ..Asked::default() });
    }

    /// Changes the speed. A refusal leaves it as it is.
    pub fn speed(&mut self, speed: f64, answers: u64) -> Result<(), Refusal> {
        let speed = request::checked_speed(speed)?;
        self.subscription.speed = speed;
        self.subscription.picture_ms = None;
        self.mailbox.ask(Asked { answers, speed: Some(speed), ..Asked::default() });
        Ok(())
    }

    /// Stands still, or plays on.
    pub fn pause(&mut self, is_paused: bool, answers: u64) {
        self.subscription.is_paused = is_paused;
        self.subscription.picture_ms = self.subscription.picture_ms.filter(|_| is_paused);
        self.mailbox.ask(Asked { answers, is_paused: Some(is_paused), ..Asked::default() });
    }

    /// Says that a request was read that changes nothing.
    pub fn answer(&self, answers: u64) {
        self.mailbox.ask(Asked { answers, ..Asked::default() });
    }
}
