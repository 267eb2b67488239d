//! One replay: the clock, what is said when, and what has to be read for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::drawing;
use super::jobs::{Done, Found, Job, Jobs};
use super::pieces::{Piece, cut, parts, rows_in, rows_of_pieces};
use super::request::{Asked, Mailbox, Wanted};
use super::seats::Seat;
use super::shelf::{Checkpoints, Running, Stretch};
use super::sums::Part;
use super::{Playing, Shared, source, sums};
use crate::model::frame::{Frame, Message, Refusal};
use crate::model::history::Tier;
use crate::model::replay::{Moment, Picture, SoFar};
use crate::model::time::date_and_time;
use crate::model::time_range::TimeRange;
use crate::server::history::error::QuestionError;
use crate::server::live::Budget;

/// Least time between two frames.
const FRAME_EVERY: Duration = Duration::from_millis(40);
/// Time between two moments while it plays.
const MOMENT_EVERY: Duration = Duration::from_millis(250);
/// What the pace is measured over.
const PACE_OVER: Duration = Duration::from_secs(1);
/// Flows that a still picture shows were received in at least so much time.
const LEAST_PICTURE: Duration = Duration::from_secs(1);
/// What has passed is counted over at most so many pieces at once, so that a jump elsewhere gives up little.
const COUNTED_PIECES: u64 = 8;
/// Where a filter lets few flows pass, so many times as many are looked through for a still picture, and so many times at
/// most.
const LONGER: u64 = 4;
const LONGEST: u64 = LONGER * LONGER;
/// The longest silence while the client waits for something.
const BEAT: Duration = Duration::from_secs(2);
/// How much is read first after a seek, so that it plays at once, in time of the one who watches.
const FIRST_STRETCH: Duration = Duration::from_secs(2);

/// Where messages go, one at a time, when the client wants one.
#[derive(Debug)]
pub(super) struct Outbox {
    pub messages: mpsc::Sender<Message>,
    pub wanted: Arc<Notify>,
}

/// What the client waits for, besides frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owes {
    Nothing,
    /// A moment, whether it plays or not.
    Moment,
    /// The moment that was said last did not say all.
    More,
}

/// One replay.
#[derive(Debug)]
pub(super) struct Player {
    shared: Arc<Shared>,
    wanted: Wanted,
    mailbox: Arc<Mailbox>,
    outbox: Outbox,
    cancel: CancellationToken,
    jobs: Jobs,
    done: mpsc::Receiver<Done>,
    pieces: Vec<Piece>,
    stretches: Vec<Stretch>,
    checkpoints: Checkpoints,
    running: Running,
    budget: Budget,
    /// Where it stands, microseconds since 1970.
    at_us: i64,
    /// When it stood there.
    since: Instant,
    next_moment: Instant,
    samples: VecDeque<(Instant, i64)>,
    answers: u64,
    sequence: u64,
    /// True when the client waits for a message.
    is_wanted: bool,
    owes: Owes,
    is_partial: bool,
    /// The longest stretch that is read to play at once: as long as wanted, unless too many flows are in it.
    longest_first_ms: i64,
    /// The same of the picture of this moment.
    longest_picture_ms: i64,
    /// About how many flows may be looked through for the picture of this moment.
    picture_rows: u64,
    /// What was asked for; what is played may be longer.
    asked: TimeRange,
    /// The sums that are played; `None` for flow records.
    tier: Option<Tier>,
    /// What they cannot tell.
    untold: Vec<Part>,
    /// When the client was last told something.
    said: Instant,
    /// Since when it stands still and nobody asks for anything.
    still_since: Instant,
    failure: Option<QuestionError>,
}

impl Player {
    pub fn new(
        shared: Arc<Shared>,
        handle: Handle,
        wanted: Wanted,
        mailbox: Arc<Mailbox>,
        outbox: Outbox,
        (seat, cancel): (Arc<Seat>, CancellationToken),
    ) -> Self {
        let of = (wanted.filter.clone(), wanted.by_country);
        let (jobs, done) = Jobs::new(Arc::clone(&shared), handle, of, (seat, cancel.clone()));
        let now = Instant::now();
        let most_arcs = u32::try_from(wanted.most_arcs).unwrap_or(u32::MAX);
        Self {
            pieces: Vec::new(),
            stretches: Vec::new(),
            checkpoints: Checkpoints::new(wanted.range.from_ms, wanted.by_country),
            running: Running::default(),
            budget: Budget::new(most_arcs, now.into_std()),
            at_us: wanted.at_ms.saturating_mul(1_000),
            since: now,
            next_moment: now,
            samples: VecDeque::new(),
            answers: 0,
            sequence: 0,
            is_wanted: false,
            owes: Owes::Moment,
            is_partial: false,
            longest_first_ms: i64::MAX,
            longest_picture_ms: i64::MAX,
            picture_rows: shared.limits.picture_rows,
            asked: wanted.range,
            tier: None,
            untold: Vec::new(),
            said: now,
            still_since: now,
            failure: None,
            shared,
            wanted,
            mailbox,
            outbox,
            cancel,
            jobs,
            done,
        }
    }

    /// Plays until the client goes, or the past cannot be read, or it has stood still for long.
    pub async fn run(mut self, playing: Playing) {
        if self.cancel.is_cancelled() {
            return;
        }
        self.choose_tier(true);
        let (cancel, mailbox, wanted) =
            (self.cancel.clone(), Arc::clone(&self.mailbox), Arc::clone(&self.outbox.wanted));
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                asked = mailbox.next() => self.apply(asked),
                done = self.done.recv() => if let Some(done) = done { self.take(done) },
                // What could not begin, because too much was under way, may begin now.
                () = playing.seat.freed.notified() => {}
                () = wanted.notified(), if !self.is_wanted => self.is_wanted = true,
                () = sleep_until(due.unwrap_or(self.since)), if due.is_some() => {}
            }
            if self.failure.is_none() {
                self.read();
            }
            if self.is_wanted
                && let Some(message) = self.message()
            {
                self.is_wanted = false;
                let is_last = matches!(message, Message::Refusal(_));
                // There is always room: the client has taken the one before.
                if self.outbox.messages.try_send(message).is_err() || is_last {
                    return;
                }
                self.said = Instant::now();
            }
            if self.stands_still() && self.still_since.elapsed() >= self.shared.limits.still {
                return;
            }
        }
    }

    /// True when it neither plays nor owes anything: what it holds is of use only if somebody comes back.
    fn stands_still(&self) -> bool {
        !self.is_playing() && self.owes == Owes::Nothing && self.failure.is_none()
    }

    /// Decides what is played at this speed, and cuts the range for it.
    fn choose_tier(&mut self, is_first: bool) {
        let Ok(tiers) = self.shared.history.tiers() else { return };
        let Wanted { filter, speed, by_country, .. } = &self.wanted;
        let mut extents = tiers.archive().extents(self.asked);
        let rows = rows_in(self.asked, &extents);
        let (tier, untold) = sums::tier(tiers, self.asked, (filter, *by_country), *speed, rows).unzip();
        if tier == self.tier && !is_first {
            return;
        }
        let range = tier.map_or(self.asked, |tier| sums::widened(tiers, self.asked, tier));
        let piece_rows = self.shared.limits.piece_rows as u64;
        self.pieces = match tier {
            Some(tier) => sums::cut(range, tier),
            None => cut(range, &mut extents, piece_rows),
        };
        (self.tier, self.untold) = (tier, untold.unwrap_or_default());
        self.wanted.range = range;
        self.go_to(self.clock_ms());
        self.stretches.clear();
        self.is_partial = false;
        self.checkpoints = Checkpoints::new(range.from_ms, self.wanted.by_country);
        self.running = Running::default();
    }

    /// Stands at a moment, or the nearest of what is played. Where more is played than was asked for, the ends of what was
    /// asked for are those of what is played.
    fn go_to(&mut self, at_ms: i64) {
        let range = self.wanted.range;
        let placed_ms = if at_ms == self.asked.to_ms {
            range.to_ms
        } else if at_ms == self.asked.from_ms {
            range.from_ms
        } else {
            at_ms.clamp(range.from_ms, range.to_ms)
        };
        if placed_ms != self.clock_ms() {
            self.at_us = placed_ms.saturating_mul(1_000);
        }
    }

    /// Up to where what it says has passed: the clock, or with sums the end of the bucket before.
    fn settled_ms(&self) -> i64 {
        match self.tier {
            Some(tier) => sums::settled(self.clock_ms(), self.wanted.range, tier),
            None => self.clock_ms(),
        }
    }

    fn job(&self, piece: TimeRange) -> Job {
        self.tier.map_or(Job::Piece(piece), |tier| Job::Sums(piece, tier))
    }

    fn clock_ms(&self) -> i64 {
        self.at_us.div_euclid(1_000)
    }

    fn is_backward(&self) -> bool {
        self.wanted.speed < 0.0
    }

    fn is_at_end(&self) -> bool {
        let clock_ms = self.clock_ms();
        if self.is_backward() {
            clock_ms <= self.wanted.range.from_ms
        } else {
            clock_ms >= self.wanted.range.to_ms
        }
    }

    fn is_playing(&self) -> bool {
        !self.wanted.is_paused && !self.is_at_end()
    }

    fn apply(&mut self, asked: Asked) {
        self.answers = asked.answers;
        if asked.seek.is_some() || asked.speed.is_some() || asked.is_paused == Some(false) {
            self.wanted.picture_ms = None;
        }
        if let Some(at_ms) = asked.seek {
            self.go_to(at_ms);
            self.samples.clear();
        }
        if let Some(speed) = asked.speed {
            self.wanted.speed = speed;
            self.samples.clear();
            self.choose_tier(false);
        }
        if let Some(is_paused) = asked.is_paused {
            self.wanted.is_paused = is_paused;
            self.samples.clear();
        }
        self.since = Instant::now();
        self.still_since = self.since;
        self.owes = Owes::Moment;
        self.longest_first_ms = i64::MAX;
        self.longest_picture_ms = i64::MAX;
        self.picture_rows = self.shared.limits.picture_rows;
    }

    fn take(&mut self, done: Done) {
        let job = done.job;
        let Some(read) = self.jobs.take(done) else { return };
        match read {
            Ok(Found::Tally(passed, is_partial)) => {
                self.is_partial |= is_partial;
                let range = job.range();
                let is_untold = self.wanted.by_country && passed.addresses.is_none();
                if is_untold && !self.untold.contains(&Part::Addresses) {
                    self.untold.push(Part::Addresses);
                }
                if let Some(before) = self.checkpoints.at(range.from_ms) {
                    let mut tally = before.as_ref().clone();
                    tally.join(&passed);
                    self.checkpoints.keep(range.to_ms, Arc::new(tally));
                }
            }
            Ok(Found::Stretch(stretch)) => {
                self.is_partial |= stretch.block.is_partial;
                if self.stretch_at().is_none() {
                    self.since = Instant::now();
                }
                self.stretches.push(stretch);
            }
            // More flows than a piece may have: it is read in parts.
            Ok(Found::TooMuch) => match job {
                Job::First(range) if !self.is_playing() => {
                    self.longest_picture_ms = (range.length_ms() / 2).max(1);
                }
                Job::First(range) => self.longest_first_ms = (range.length_ms() / 2).max(1),
                other => self.divide(other.range()),
            },
            Err(QuestionError::Cancelled) => {}
            Err(error) => {
                self.shared.metrics.failed.add(1);
                self.failure = Some(error);
            }
        }
    }

    fn divide(&mut self, range: TimeRange) {
        let Some(at) = self.pieces.iter().position(|piece| piece.range == range) else { return };
        let Some(piece) = self.pieces.get(at).copied() else { return };
        let halves = parts(piece, 2);
        if halves.len() < 2 {
            self.failure = Some(QuestionError::Invalid(format!(
                "At {} more flows were received in a millisecond than can be played one by one: choose a range without \
                 that moment, or fewer flows by a filter.",
                date_and_time(range.from_ms)
            )));
            return;
        }
        self.pieces.splice(at..=at, halves);
    }

    /// The piece in which it stands, or which it enters next.
    fn piece(&self) -> Option<usize> {
        let clock_ms = self.clock_ms();
        let at = if self.is_backward() {
            self.pieces.partition_point(|piece| piece.range.to_ms < clock_ms)
        } else {
            self.pieces.partition_point(|piece| piece.range.to_ms <= clock_ms)
        };
        (!self.pieces.is_empty()).then(|| at.min(self.pieces.len() - 1))
    }

    /// What was read that goes on from where it stands.
    fn stretch_at(&self) -> Option<&Stretch> {
        let clock_ms = self.clock_ms();
        let goes_on = |range: TimeRange| {
            if self.is_backward() {
                range.from_ms < clock_ms && clock_ms <= range.to_ms
            } else {
                range.contains(clock_ms)
            }
        };
        self.stretches
            .iter()
            .filter(|stretch| goes_on(stretch.range))
            .max_by_key(|stretch| stretch.range.length_ms())
    }

    fn stretch_with(&self, range: TimeRange) -> Option<&Stretch> {
        self.stretches.iter().find(|stretch| stretch.range.intersection(range) == Some(range))
    }

    /// How long the stretch of a picture is at most: a second at this speed.
    fn longest_picture(&self) -> i64 {
        let second = Duration::try_from_secs_f64(self.wanted.speed.abs()).unwrap_or(LEAST_PICTURE);
        let length_ms = i64::try_from(second.max(LEAST_PICTURE).as_millis()).unwrap_or(i64::MAX);
        length_ms.min(self.longest_picture_ms)
    }

    fn picture_range(&self) -> Option<TimeRange> {
        let clock_ms = self.clock_ms();
        let longest_ms = self.longest_picture();
        let length_ms = match self.wanted.picture_ms {
            Some(length_ms) => length_ms.min(longest_ms),
            None => self.length_of_picture(clock_ms, longest_ms),
        };
        let from_ms = clock_ms.saturating_sub(length_ms).max(self.wanted.range.from_ms);
        match self.tier {
            // Whole buckets, and at least one of them.
            Some(tier) => {
                let to_ms = self.settled_ms();
                let last_ms = to_ms.saturating_sub(tier.bucket_ms());
                let from_ms = sums::settled(from_ms.min(last_ms), self.wanted.range, tier);
                TimeRange::new(from_ms, to_ms)
            }
            None => TimeRange::new(from_ms, clock_ms),
        }
    }

    /// Half as long as often as needed, down to a second, for few enough flows before any filter.
    fn length_of_picture(&self, clock_ms: i64, longest_ms: i64) -> i64 {
        let mut length_ms = longest_ms;
        let is_too_much = |length_ms: i64| {
            let range = TimeRange::new(clock_ms.saturating_sub(length_ms), clock_ms);
            range.is_some_and(|range| rows_of_pieces(range, &self.pieces) > self.picture_rows)
        };
        while length_ms >= 2_000 && is_too_much(length_ms) {
            length_ms /= 2;
        }
        length_ms
    }

    /// True when a filter lets so few flows pass that the picture may be of a longer stretch, which does not take long.
    fn may_be_longer(&self, picture: &Picture) -> bool {
        let most = self.shared.limits.picture_rows;
        let is_bounded_by_rows = || {
            let longest_ms = self.longest_picture();
            self.length_of_picture(self.clock_ms(), longest_ms) < longest_ms
        };
        self.tier.is_none()
            && self.wanted.picture_ms.is_none()
            && !self.wanted.filter.is_all()
            && self.picture_rows < most.saturating_mul(LONGEST)
            && picture.frame.passed.all.flows < most / LONGER
            && is_bounded_by_rows()
    }

    /// The short stretch that it plays first after a seek.
    fn first_stretch(&self, piece: TimeRange) -> Option<TimeRange> {
        let speed = self.wanted.speed.abs();
        let ahead = Duration::try_from_secs_f64(FIRST_STRETCH.as_secs_f64() * speed).ok()?;
        let ahead_ms = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX).clamp(1, self.longest_first_ms);
        let clock_ms = self.clock_ms();
        let range = if self.is_backward() {
            TimeRange::new(clock_ms.saturating_sub(ahead_ms), clock_ms)
        } else {
            TimeRange::new(clock_ms, clock_ms.saturating_add(ahead_ms))
        };
        // What is about as much as the whole piece is not quicker to read.
        range?.intersection(piece).filter(|range| range.length_ms() < piece.length_ms() / 4)
    }

    /// Begins to read what is needed, and gives up what is not.
    fn read(&mut self) {
        let Some(at) = self.piece() else { return };
        let Some(piece) = self.pieces.get(at).copied() else { return };
        let next = if self.is_backward() { at.checked_sub(1) } else { Some(at + 1) };
        let next = next.and_then(|next| self.pieces.get(next)).copied().filter(|_| self.is_playing());
        let mut needed = Vec::with_capacity(4);
        let is_there = self.stretch_with(piece.range).is_some();
        let mut first = None;
        if !is_there {
            first = if self.is_playing() {
                self.first_stretch(piece.range).filter(|_| self.stretch_at().is_none())
            } else {
                self.picture_range().filter(|picture| self.stretch_with(*picture).is_none())
            };
        }
        if !self.is_playing() && is_there {
            // The picture may begin in the piece before.
            first = self.picture_range().filter(|picture| self.stretch_with(*picture).is_none());
        }
        let first = first.filter(|_| self.tier.is_none());
        needed.extend(first.map(|range| (Job::First(range), rows_of_pieces(range, &self.pieces))));
        needed.extend(self.sums_for_picture(piece.range).map(|job| (job, 0)));
        // A piece that is begun now would slow down what is to be seen first.
        let job = self.job(piece.range);
        if !is_there && (first.is_none() || self.jobs.has(job)) {
            needed.push((job, piece.rows));
        }
        if let Some(next) = next
            && is_there
            && self.stretch_with(next.range).is_none()
        {
            needed.push((self.job(next.range), next.rows));
        }
        if self.tier.is_some() {
            let passed = TimeRange::new(self.wanted.range.from_ms, self.settled_ms());
            let is_due =
                !self.is_playing() || self.owes == Owes::Moment || Instant::now() >= self.next_moment;
            let passed = passed.filter(|passed| is_due && self.checkpoints.at(passed.to_ms).is_none());
            needed.extend(passed.map(|passed| (Job::Tally(passed), 0)));
        } else if first.is_none() && self.checkpoints.at(piece.range.from_ms).is_none() {
            needed.extend(self.count_towards(piece.range.from_ms).map(|range| (Job::Passed(range), 0)));
        }
        let kept = [Some(piece.range), next.map(|next| next.range)];
        let (clock_ms, picture) = (self.clock_ms(), self.picture_range());
        self.stretches.retain(|stretch| {
            kept.contains(&Some(stretch.range))
                || Some(stretch.range) == picture
                || (!is_there && stretch.range.from_ms <= clock_ms && clock_ms <= stretch.range.to_ms)
        });
        self.jobs.begin(&needed, is_there);
    }

    /// Sums for a still picture that begins in another piece.
    fn sums_for_picture(&self, piece: TimeRange) -> Option<Job> {
        let tier = self.tier.filter(|_| !self.is_playing())?;
        let picture = self.picture_range()?;
        let is_there = self.stretch_with(picture).is_some() || piece.intersection(picture) == Some(picture);
        (!is_there).then_some(Job::Sums(picture, tier))
    }

    /// The next stretch that has to be counted to know what has passed at a moment.
    fn count_towards(&self, moment_ms: i64) -> Option<TimeRange> {
        let (known_ms, _) = self.checkpoints.before(moment_ms)?;
        // What is being counted is of use also when the clock has gone on.
        let is_of_use = |range: &TimeRange| range.from_ms == known_ms && range.to_ms <= moment_ms;
        if let Some(range) = self.jobs.counted().filter(is_of_use) {
            return Some(range);
        }
        let most = COUNTED_PIECES.saturating_mul(self.shared.limits.piece_rows as u64);
        let is_between = |piece: &&Piece| piece.range.from_ms >= known_ms && piece.range.to_ms <= moment_ms;
        let (mut rows, mut to_ms) = (0_u64, known_ms);
        for piece in self.pieces.iter().filter(is_between) {
            rows = rows.saturating_add(piece.rows);
            if rows > most && to_ms > known_ms {
                break;
            }
            to_ms = piece.range.to_ms;
        }
        TimeRange::new(known_ms, to_ms)
    }

    /// When there is something to do without anybody's word.
    fn due(&self) -> Option<Instant> {
        if !self.is_wanted {
            return None;
        }
        if self.stands_still() {
            return Some(self.still_since + self.shared.limits.still);
        }
        if !self.is_playing() || self.stretch_at().is_none() || self.waits_for_sums(Instant::now()) {
            return Some(self.said + BEAT);
        }
        Some((self.since + FRAME_EVERY).min(self.next_moment.max(self.since)))
    }

    /// True while sums are added up for a moment that is due: the frame after it makes up for the time.
    fn waits_for_sums(&self, now: Instant) -> bool {
        self.tier.is_some() && self.owes != Owes::Moment && now >= self.next_moment && !self.so_far_is_known()
    }

    /// What is to be said now, if anything. A client that waits for long hears that it is not forgotten.
    fn message(&mut self) -> Option<Message> {
        let message = self.news();
        if message.is_some() || self.stands_still() || self.said.elapsed() < BEAT {
            return message;
        }
        Some(self.told(None, None, Instant::now()))
    }

    fn news(&mut self) -> Option<Message> {
        if let Some(failure) = self.failure.take() {
            let message = match &failure {
                QuestionError::Failed(source) => format!("{failure}: {source}"),
                other => other.to_string(),
            };
            return Some(Message::Refusal(Refusal { message, position: None }));
        }
        let now = Instant::now();
        if self.is_playing() {
            if self.waits_for_sums(now) {
                return None;
            }
            if self.owes == Owes::Moment || now >= self.next_moment {
                return Some(self.moment(None, now));
            }
            return self.frame(now).map(Message::Frame);
        }
        if self.owes == Owes::Nothing {
            return None;
        }
        let so_far_is_known = self.so_far_is_known();
        if self.owes != Owes::Moment && !so_far_is_known {
            return None;
        }
        let mut picture = self.picture()?;
        let mut is_longer_wanted = false;
        while !is_longer_wanted && self.may_be_longer(&picture) {
            self.picture_rows *= LONGER;
            match self.picture() {
                Some(longer) => picture = longer,
                None => is_longer_wanted = true,
            }
        }
        let moment = self.moment(Some(Box::new(picture)), now);
        if is_longer_wanted {
            self.owes = Owes::More;
        }
        Some(moment)
    }

    /// Plays on to this moment.
    fn frame(&mut self, now: Instant) -> Option<Frame> {
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed < FRAME_EVERY {
            return None;
        }
        let stretch = self.stretch_at()?.clone();
        let passed = Duration::try_from_secs_f64(elapsed.as_secs_f64() * self.wanted.speed.abs());
        let passed_us = i64::try_from(passed.unwrap_or(Duration::MAX).as_micros()).unwrap_or(i64::MAX);
        let before_ms = self.clock_ms();
        let range = if self.is_backward() {
            let first_us = stretch.range.from_ms.saturating_mul(1_000);
            self.at_us = self.at_us.saturating_sub(passed_us).max(first_us);
            TimeRange { from_ms: self.clock_ms(), to_ms: before_ms }
        } else {
            let last_us = stretch.range.to_ms.saturating_mul(1_000);
            self.at_us = self.at_us.saturating_add(passed_us).min(last_us);
            TimeRange { from_ms: before_ms, to_ms: self.clock_ms() }
        };
        self.since = now;
        if range.from_ms >= range.to_ms {
            return None;
        }
        let most_arcs = self.budget.available(now.into_std());
        let geolocation = self.shared.geolocation.load();
        let mut frame = drawing::frame(&stretch.block, range, most_arcs, &geolocation);
        self.budget.spend(frame.arcs.len());
        self.sequence += 1;
        frame.sequence = self.sequence;
        frame.clock_ms = self.clock_ms();
        frame.is_backward = self.is_backward();
        if frame.clock_ms == stretch.range.to_ms {
            self.pass(&stretch);
        }
        if self.is_at_end() {
            self.owes = Owes::Moment;
        }
        self.shared.metrics.frames.add(1);
        self.shared.metrics.flows.add(frame.passed.all.flows);
        Some(frame)
    }

    /// Keeps what has passed at the end of a piece.
    fn pass(&mut self, stretch: &Stretch) {
        let end_ms = stretch.range.to_ms;
        let is_piece = self.tier.is_none() && self.pieces.iter().any(|piece| piece.range == stretch.range);
        if is_piece
            && self.checkpoints.at(end_ms).is_none()
            && let Some(base) = self.checkpoints.at(stretch.range.from_ms).cloned()
        {
            let tally = self.running.at(end_ms, stretch, &base).clone();
            self.checkpoints.keep(end_ms, Arc::new(tally));
        }
    }

    fn moment(&mut self, picture: Option<Box<Picture>>, now: Instant) -> Message {
        let so_far = self.so_far().map(Box::new);
        self.owes = if so_far.is_none() { Owes::More } else { Owes::Nothing };
        self.still_since = now;
        self.next_moment = now + MOMENT_EVERY;
        self.told(picture, so_far, now)
    }

    /// Says where it stands.
    fn told(&mut self, picture: Option<Box<Picture>>, so_far: Option<Box<SoFar>>, now: Instant) -> Message {
        self.samples.push_back((now, self.at_us));
        while self.samples.len() > 2
            && self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= PACE_OVER)
        {
            self.samples.pop_front();
        }
        self.shared.metrics.moments.add(1);
        let is_playing = self.is_playing();
        Message::Moment(Box::new(Moment {
            answers: self.answers,
            clock_ms: self.clock_ms(),
            range: self.wanted.range,
            speed: self.wanted.speed,
            pace: if is_playing { self.pace(now) } else { 0.0 },
            is_playing,
            is_at_end: self.is_at_end(),
            picture,
            so_far,
            source: source::source(
                &self.shared,
                (self.asked, self.wanted.range),
                self.tier,
                &self.untold,
                self.is_partial,
                !self.wanted.filter.is_all(),
            ),
        }))
    }

    fn pace(&self, now: Instant) -> f64 {
        let Some((began, from_us)) = self.samples.front() else { return 0.0 };
        let passed_us = self.at_us.abs_diff(*from_us);
        let seconds = now.saturating_duration_since(*began).as_secs_f64();
        let pace = if seconds > 0.0 { Duration::from_micros(passed_us).as_secs_f64() / seconds } else { 0.0 };
        if self.is_backward() { -pace } else { pace }
    }

    fn so_far_is_known(&self) -> bool {
        self.checkpoints.at(self.settled_ms()).is_some()
            || (self.tier.is_none() && self.counted_stretch().is_some())
    }

    /// A piece with this moment, at whose beginning it is known what had passed.
    fn counted_stretch(&self) -> Option<&Stretch> {
        let clock_ms = self.clock_ms();
        let is_counted = |stretch: &&Stretch| {
            stretch.range.from_ms <= clock_ms
                && clock_ms <= stretch.range.to_ms
                && self.checkpoints.at(stretch.range.from_ms).is_some()
        };
        self.stretches.iter().find(is_counted)
    }

    fn so_far(&mut self) -> Option<SoFar> {
        let clock_ms = self.clock_ms();
        let geolocation = self.shared.geolocation.load();
        if let Some(tally) = self.checkpoints.at(self.settled_ms()) {
            return Some(tally.so_far(&geolocation, self.wanted.by_country));
        }
        if self.tier.is_some() {
            return None;
        }
        let stretch = self.counted_stretch()?.clone();
        let base = self.checkpoints.at(stretch.range.from_ms)?;
        Some(self.running.at(clock_ms, &stretch, base).so_far(&geolocation, self.wanted.by_country))
    }

    fn picture(&self) -> Option<Picture> {
        let Some(range) = self.picture_range() else {
            let frame = Frame { clock_ms: self.clock_ms(), ..Frame::default() };
            return Some(Picture { picture_ms: 0, frame });
        };
        let stretch = self.stretch_with(range)?;
        let geolocation = self.shared.geolocation.load();
        let mut frame = drawing::frame(&stretch.block, range, self.wanted.most_arcs, &geolocation);
        drawing::add_newest(&mut frame, self.newest_stretch(), self.clock_ms(), &geolocation);
        frame.sequence = self.sequence;
        frame.clock_ms = self.clock_ms();
        Some(Picture { picture_ms: range.length_ms(), frame })
    }

    /// What was read that reaches back furthest from where it stands.
    fn newest_stretch(&self) -> Option<&Stretch> {
        let clock_ms = self.clock_ms();
        let has = |stretch: &&Stretch| stretch.range.from_ms < clock_ms && clock_ms <= stretch.range.to_ms;
        self.stretches.iter().filter(has).min_by_key(|stretch| stretch.range.from_ms)
    }
}
