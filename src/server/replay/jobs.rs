//! What is being read for a replay, besides what it plays.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::block::Block;
use super::reading::{COLUMNS, Reading};
use super::seats::Seat;
use super::shelf::Stretch;
use super::sums::Exactness;
use super::tally::Tally;
use super::{Shared, sums};
use crate::model::filter::Filter;
use crate::model::history::Tier;
use crate::model::time_range::TimeRange;
use crate::server::archive::query::Haste;
use crate::server::history::control::Control;
use crate::server::history::error::QuestionError;
use crate::server::history::planner::of_query;

/// The most flows of a short stretch.
const MOST_FIRST_ROWS: usize = 400_000;

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// A short stretch, to show something soon.
    First(TimeRange),
    /// A piece of the range, to play it.
    Piece(TimeRange),
    /// A stretch of the range, to count what passed in it.
    Passed(TimeRange),
    /// A range of sums, to play it.
    Sums(TimeRange, Tier),
    /// What had passed at the end of a range, from sums.
    Tally(TimeRange),
}

impl Job {
    pub const fn range(self) -> TimeRange {
        match self {
            Self::First(range)
            | Self::Piece(range)
            | Self::Passed(range)
            | Self::Sums(range, _)
            | Self::Tally(range) => range,
        }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) enum Found {
    Stretch(Stretch),
    /// What passed, and whether some of it could not be read.
    Tally(Box<Tally>, bool),
    /// It is too much for one piece.
    TooMuch,
}

type Read = Result<Found, QuestionError>;

/// A job that ended.
#[derive(Debug)]
pub(super) struct Done {
    pub job: Job,
    number: u64,
    read: Read,
}

/// The jobs of a replay.
#[derive(Debug)]
pub(super) struct Jobs {
    shared: Arc<Shared>,
    handle: Handle,
    filter: Filter,
    with_addresses: bool,
    seat: Arc<Seat>,
    cancel: CancellationToken,
    ended: mpsc::Sender<Done>,
    under_way: Vec<(Job, u64, DropGuard)>,
    latest: u64,
}

impl Jobs {
    pub fn new(
        shared: Arc<Shared>,
        handle: Handle,
        (filter, with_addresses): (Filter, bool),
        (seat, cancel): (Arc<Seat>, CancellationToken),
    ) -> (Self, mpsc::Receiver<Done>) {
        let (ended, done) = mpsc::channel(8);
        let under_way = Vec::new();
        (Self { shared, handle, filter, with_addresses, seat, cancel, ended, under_way, latest: 0 }, done)
    }

    /// Begins what is needed and not under way, and gives up what is under way and not needed. With each job come the
    /// rows that it may have. What comes after the first piece waits for room only when `is_ahead` is false. What is given
    /// up takes a little to end: as long as that is too much, nothing begins, and the seat rings when it may.
    pub fn begin(&mut self, needed: &[(Job, u64)], is_ahead: bool) {
        let before = self.under_way.len();
        self.under_way.retain(|(job, ..)| needed.iter().any(|(needed, _)| needed == job));
        self.shared.metrics.abandoned.add((before - self.under_way.len()) as u64);
        for (job, rows) in needed {
            if self.under_way.iter().any(|(known, ..)| known == job) {
                continue;
            }
            let Ok(reading) = Arc::clone(&self.seat.readings).try_acquire_owned() else { return };
            let thousands = u32::try_from(rows.div_ceil(1_024)).unwrap_or(u32::MAX);
            let limits = &self.shared.limits;
            let thousands = thousands.min(match job {
                Job::First(_) => limits.thousands_of_pictures(),
                _ => limits.thousands_of_pieces(),
            });
            let mut room = None;
            if is_ahead && matches!(job, Job::Piece(_)) {
                // What is read ahead must not take what others need now.
                room = Arc::clone(&self.shared.room).try_acquire_many_owned(thousands).ok();
                if room.is_none() {
                    continue;
                }
            }
            self.latest += 1;
            let cancel = self.cancel.child_token();
            self.under_way.push((*job, self.latest, cancel.clone().drop_guard()));
            let (shared, filter) = (Arc::clone(&self.shared), self.filter.clone());
            let (job, number, ended) = (*job, self.latest, self.ended.clone());
            let (with_addresses, seat) = (self.with_addresses, Arc::clone(&self.seat));
            self.handle.spawn(async move {
                let read = read(&shared, job, (&filter, with_addresses), thousands, room, cancel).await;
                // Nobody waits when the replay has ended.
                let _gone = ended.send(Done { job, number, read }).await;
                drop(reading);
                seat.freed.notify_one();
            });
        }
    }

    /// True while a job is worked on.
    pub fn has(&self, job: Job) -> bool {
        self.under_way.iter().any(|(known, ..)| *known == job)
    }

    /// The stretch that is being counted.
    pub fn counted(&self) -> Option<TimeRange> {
        self.under_way.iter().find_map(|(job, ..)| match job {
            Job::Passed(range) => Some(*range),
            _ => None,
        })
    }

    /// What a job read, unless it was given up meanwhile.
    pub fn take(&mut self, done: Done) -> Option<Read> {
        let at = self.under_way.iter().position(|(_, number, _)| *number == done.number)?;
        self.under_way.swap_remove(at);
        Some(done.read)
    }
}

async fn read(
    shared: &Shared,
    job: Job,
    (filter, with_addresses): (&Filter, bool),
    thousands: u32,
    room: Option<OwnedSemaphorePermit>,
    cancel: CancellationToken,
) -> Read {
    let all_room = if matches!(job, Job::First(_)) { &shared.room_for_pictures } else { &shared.room };
    let mut room = if let Some(room) = room {
        room
    } else {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(QuestionError::Cancelled),
            room = Arc::clone(all_room).acquire_many_owned(thousands) => {
                room.map_err(|_| QuestionError::Cancelled)?
            }
        }
    };
    let mut control = Control::default();
    control.cancel = cancel;
    match job {
        Job::Sums(range, tier) => {
            let block = sums::read(shared, range, filter, tier, &control).await?;
            shared.metrics.pieces.add(1);
            shared.metrics.rows.add(block.sums.len() as u64);
            return Ok(Found::Stretch(stretch(range, block, room)));
        }
        Job::Tally(range) => {
            // What they leave out is told where they are played.
            let tally =
                sums::tally(shared, range, filter, with_addresses, Exactness::OfSums, &control).await?;
            return Ok(Found::Tally(Box::new(tally.0), false));
        }
        Job::Passed(range) => {
            let (tally, is_partial) =
                sums::tally(shared, range, filter, with_addresses, Exactness::OfRecords, &control).await?;
            return Ok(Found::Tally(Box::new(tally), is_partial));
        }
        Job::First(_) | Job::Piece(_) => {}
    }
    let most_rows = shared.limits.piece_rows.saturating_mul(3);
    let (most_rows, haste) = match job {
        Job::First(_) => (most_rows.min(MOST_FIRST_ROWS), Haste::Glance),
        _ => (most_rows, Haste::Reading),
    };
    let queries = shared.history.tiers()?.queries();
    let begin = || Reading::new(most_rows);
    let gathered = queries.gather(job.range(), filter, COLUMNS, (begin, Reading::add), haste, &control);
    let (reading, is_partial) = gathered.await.map_err(of_query)?;
    let Some(block) = reading.finish(is_partial) else { return Ok(Found::TooMuch) };
    shared.metrics.pieces.add(1);
    shared.metrics.rows.add(block.rows.len() as u64);
    let kept = block.rows.len().div_ceil(1_024);
    let more = u32::try_from(kept.saturating_sub(room.num_permits())).unwrap_or(u32::MAX);
    // What is more than was thought is there already: it is charged if it can be.
    if let Ok(more) = Arc::clone(all_room).try_acquire_many_owned(more) {
        room.merge(more);
    }
    let rest = room.num_permits().saturating_sub(kept);
    drop(room.split(rest));
    Ok(Found::Stretch(stretch(job.range(), block, room)))
}

fn stretch(range: TimeRange, block: Block, room: OwnedSemaphorePermit) -> Stretch {
    Stretch { range, block: Arc::new(block), _room: Arc::new(room) }
}
