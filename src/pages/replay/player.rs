//! The hand on a replay: what the page wants, what the server was asked for, and where each message goes.
//!
//! A drag asks for one moment at a time and then for the latest wanted, so that pictures come as fast as they can be made.
//! What comes before the answer to the latest request is of the past, and ignored.

use leptos::prelude::*;
use send_wrapper::SendWrapper;

use super::feed::ReplayFeed;
use crate::browser::connection::{Connection, StreamEvent};
use crate::browser::page;
use crate::browser::stream::{self, Stream, Watch};
use crate::components::colour_legend::ColourBy;
use crate::components::colouring::Colouring;
use crate::components::filter_bar::FilterFault;
use crate::components::world_map::{MapArc, MapFeed};
use crate::model::frame::{Frame, Message, Refusal, Request};
use crate::model::replay::{Moment, ReplaySubscription};
use crate::model::time_range::TimeRange;

/// What is played.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// When.
    pub range: TimeRange,
    /// Which flows.
    pub filter: String,
    /// Whether what passed is wanted by country.
    pub by_country: bool,
}

/// A replay and its stream. Copies are the same.
#[derive(Clone, Copy)]
pub struct Player {
    /// What it shows.
    pub feed: ReplayFeed,
    /// Where its arcs go.
    pub map: MapFeed,
    /// Which colour stands for what.
    pub colouring: StoredValue<Colouring>,
    /// Recorded seconds in a second, negative backwards.
    pub times: Signal<f64>,
    /// Why the server does not play it.
    pub fault: RwSignal<Option<FilterFault>>,
    /// The state of the connection.
    pub connection: RwSignal<Connection>,
    /// True when the user wants it to stand still.
    pub is_paused: RwSignal<bool>,
    /// True while the user drags the clock: then it stands still.
    pub is_dragged: RwSignal<bool>,
    question: Memo<Question>,
    colour_by: Signal<ColourBy>,
    tint: Signal<Option<u8>>,
    line: StoredValue<Line>,
    stream: StoredValue<Option<SendWrapper<(Stream, Watch)>>>,
}

/// What was said on the stream.
#[derive(Default)]
struct Line {
    /// Requests since the connection is there.
    sent: u64,
    /// How many of them are answered.
    answered: u64,
    /// The moment to go to when the answer that is waited for is there.
    wanted_ms: Option<i64>,
    /// The speed that the server was told.
    told_times: f64,
    /// How long the stretch is that the picture shows, milliseconds; `None` when the server is to say.
    shown_ms: Option<i64>,
}

impl Player {
    /// Puts the parts together; nothing is opened yet. `tint` is the one colour of all its arcs where these tell two replays
    /// apart. `at_ms` is where it begins standing still; without it, it plays from the beginning.
    pub fn new(
        question: Memo<Question>,
        times: Signal<f64>,
        colour_by: Signal<ColourBy>,
        tint: Signal<Option<u8>>,
        at_ms: Option<i64>,
    ) -> Self {
        let range = question.with_untracked(|question| question.range);
        let begin = if times.get_untracked() < 0.0 { range.to_ms } else { range.from_ms };
        Self {
            feed: ReplayFeed::new(at_ms.unwrap_or(begin)),
            map: MapFeed::new(),
            colouring: StoredValue::new(Colouring::default()),
            times,
            fault: RwSignal::new(None),
            connection: RwSignal::new(Connection::Starting),
            is_paused: RwSignal::new(at_ms.is_some()),
            is_dragged: RwSignal::new(false),
            question,
            colour_by,
            tint,
            line: StoredValue::new(Line::default()),
            stream: StoredValue::new(None),
        }
    }

    /// Its arcs go to the map of another replay.
    #[must_use]
    pub const fn over(mut self, first: Self) -> Self {
        self.map = first.map.over();
        self
    }

    /// In the browser: opens the stream, and keeps it at the question as long as the page is shown. `on_moment` is called
    /// with every moment.
    pub fn run(self, on_moment: Callback<Moment>) {
        Effect::new(move |_| {
            let opened = stream::open(move || self.begin(), move |event| self.take(event, on_moment));
            self.stream.set_value(Some(SendWrapper::new(opened)));
            on_cleanup(move || {
                self.stream.try_update_value(Option::take);
            });
        });
        Effect::new(move |earlier: Option<Question>| {
            let question = self.question.get();
            if let Some(earlier) = earlier {
                if (earlier.range, &earlier.filter) != (question.range, &question.filter) {
                    self.show_first(None);
                }
                if earlier.range != question.range {
                    self.feed.jump(self.place_in(question.range));
                }
                if earlier.filter != question.filter {
                    self.feed.count_anew();
                }
                self.map.clear();
                self.colouring.update_value(Colouring::clear);
                self.fault.set(None);
                self.say(&self.subscription());
            }
            question
        });
        Effect::new(move |_| {
            let speed = self.times.get();
            let is_told = self.line.with_value(|line| (line.told_times - speed).abs() < 1e-9);
            if !is_told {
                self.line.update_value(|line| line.told_times = speed);
                self.say(&Request::Speed { speed });
            }
        });
        Effect::new(move |earlier: Option<bool>| {
            let is_dragged = self.is_dragged.get();
            if earlier.is_some_and(|earlier| earlier != is_dragged) && !self.is_paused.get_untracked() {
                self.say(if is_dragged { &Request::Pause } else { &Request::Resume });
            }
            is_dragged
        });
        // The still picture gets its colours anew; arcs that fly keep what they said.
        Effect::new(move |earlier: Option<()>| {
            self.colour_by.track();
            self.tint.track();
            if earlier.is_some() && self.feed.picture.with_untracked(Option::is_some) {
                self.draw_picture();
            }
        });
    }

    /// Plays on; at its end from the beginning.
    pub fn play(self) {
        self.is_paused.set(false);
        if self.feed.is_at_end.get_untracked() {
            self.seek(self.beginning());
        }
        self.say(&Request::Resume);
    }

    /// Stands still.
    pub fn pause(self) {
        self.is_paused.set(true);
        self.say(&Request::Pause);
    }

    /// Stands still, or plays on.
    pub fn toggle(self) {
        if self.is_paused.get_untracked() { self.play() } else { self.pause() }
    }

    /// Goes to a moment, and plays on from there unless it stands still.
    pub fn seek(self, at_ms: i64) {
        let range = self.range();
        let at_ms = at_ms.clamp(range.from_ms, range.to_ms);
        self.feed.jump(at_ms);
        let waits = self.line.try_update_value(|line| {
            let waits = line.answered < line.sent;
            line.wanted_ms = waits.then_some(at_ms);
            line.shown_ms = None;
            waits
        });
        if waits != Some(true) {
            self.say(&Request::Seek { at_ms });
        }
    }

    /// How long the stretch is that the first picture shows; without it, the server says.
    pub fn show_first(self, length_ms: Option<i64>) {
        self.line.update_value(|line| line.shown_ms = length_ms);
    }

    /// How long the stretch is that the picture shows, milliseconds, if there is one.
    pub fn shown_ms(self) -> Option<i64> {
        self.line.with_value(|line| line.shown_ms)
    }

    /// Goes to a moment and stays there.
    pub fn stand_at(self, at_ms: i64) {
        if !self.is_paused.get_untracked() {
            self.pause();
        }
        self.seek(at_ms);
    }

    /// Where it begins in the direction of play.
    pub fn beginning(self) -> i64 {
        let range = self.range();
        if self.times.get_untracked() < 0.0 { range.to_ms } else { range.from_ms }
    }

    /// What is played.
    pub fn range(self) -> TimeRange {
        self.question.with_untracked(|question| question.range)
    }

    /// A moment of the present range stays; else it begins at the beginning.
    fn place_in(self, range: TimeRange) -> i64 {
        let clock_ms = self.feed.clock_ms.get_untracked();
        let is_kept = self.is_paused.get_untracked() && (range.from_ms..=range.to_ms).contains(&clock_ms);
        if is_kept {
            clock_ms
        } else if self.times.get_untracked() < 0.0 {
            range.to_ms
        } else {
            range.from_ms
        }
    }

    fn subscription(self) -> Request {
        let Question { range, filter, by_country } = self.question.get_untracked();
        let speed = self.times.get_untracked();
        self.line.update_value(|line| {
            line.told_times = speed;
            line.wanted_ms = None;
        });
        Request::Replay(ReplaySubscription {
            range,
            filter,
            speed,
            at_ms: Some(self.feed.clock_ms.get_untracked()),
            is_paused: self.is_paused.get_untracked() || self.is_dragged.get_untracked(),
            picture_ms: self.shown_ms().filter(|_| self.is_paused.get_untracked()),
            by_country,
            ..ReplaySubscription::default()
        })
    }

    /// What is asked for first, whenever there is a connection.
    fn begin(self) -> Vec<Request> {
        let request = self.subscription();
        self.line.update_value(|line| {
            line.sent = 1;
            line.answered = 0;
        });
        vec![request]
    }

    fn say(self, request: &Request) {
        let is_said =
            self.stream.with_value(|stream| stream.as_ref().is_some_and(|stream| stream.0.send(request)));
        if is_said {
            self.line.update_value(|line| line.sent += 1);
            // What was not about the filter may be good now; else it is said again.
            if self.fault.with_untracked(|fault| fault.as_ref().is_some_and(|fault| fault.place.is_none())) {
                self.fault.set(None);
            }
        }
    }

    fn take(self, event: StreamEvent, on_moment: Callback<Moment>) {
        match event {
            StreamEvent::Connection(connection) => self.connection.set(connection),
            StreamEvent::Message(message) => match *message {
                Message::Moment(moment) => self.take_moment(*moment, on_moment),
                Message::Frame(frame) => {
                    if !self.is_waited_for() {
                        if page::is_visible() {
                            self.map.add_arcs(&self.arcs_of(&frame, false));
                        }
                        self.feed.take_frame(&frame);
                    }
                }
                Message::Refusal(Refusal { message, position }) => {
                    let place =
                        position.and_then(|position| usize::try_from(position).ok()).map(|place| (place, 1));
                    let filter = self.question.with_untracked(|question| question.filter.clone());
                    self.fault.set(Some(FilterFault { filter, message, place }));
                    // If it has ended, nothing more comes; if not, the next word breaks the silence.
                    self.expect_silence();
                    let wanted_ms = self.line.try_update_value(|line| {
                        line.answered = line.sent;
                        line.wanted_ms.take()
                    });
                    if let Some(at_ms) = wanted_ms.flatten() {
                        self.say(&Request::Seek { at_ms });
                    }
                }
                // Only live streams have them.
                Message::Snapshot(_) | Message::Second(_) => {}
            },
        }
    }

    fn expect_silence(self) {
        self.stream.with_value(|stream| {
            if let Some(stream) = stream {
                stream.0.expect_silence();
            }
        });
    }

    /// True while an answer is on its way.
    fn is_waited_for(self) -> bool {
        self.line.with_value(|line| line.answered < line.sent)
    }

    fn take_moment(self, moment: Moment, on_moment: Callback<Moment>) {
        self.line.update_value(|line| line.answered = moment.answers);
        if self.is_waited_for() {
            return;
        }
        let wanted_ms = self.line.try_update_value(|line| line.wanted_ms.take()).flatten();
        self.colouring.update_value(|colouring| {
            if let Some(so_far) = &moment.so_far {
                colouring.follow(&so_far.top_as);
            }
        });
        let has_picture = moment.picture.is_some();
        if let Some(picture) = &moment.picture {
            self.show_first((picture.picture_ms > 0).then_some(picture.picture_ms));
        }
        let (is_playing, is_counting) = (moment.is_playing, moment.so_far.is_none());
        self.feed.take_moment(moment.clone(), wanted_ms.is_some());
        if has_picture {
            self.draw_picture();
        } else if is_playing {
            self.map.set_paused(false);
        }
        if let Some(at_ms) = wanted_ms {
            self.say(&Request::Seek { at_ms });
        } else {
            if !is_playing && !is_counting {
                self.expect_silence();
            }
            on_moment.run(moment);
        }
    }

    fn draw_picture(self) {
        let Some(frame) = self.feed.picture.get_untracked() else { return };
        // The legend says how much was drawn: what was drawn before is on the map no more.
        self.map.show_still(self.arcs_of(&frame, true));
    }

    /// The arcs of a frame in their colours; `is_alone` when no other is on the map.
    fn arcs_of(self, frame: &Frame, is_alone: bool) -> Vec<MapArc> {
        let by = self.colour_by.get_untracked();
        let arcs = self.colouring.try_update_value(|colours| {
            if is_alone {
                colours.clear();
            }
            colours.map_arcs(frame, by)
        });
        let mut arcs = arcs.unwrap_or_default();
        if let Some(tint) = self.tint.get_untracked() {
            for arc in &mut arcs {
                arc.colour = tint;
            }
        }
        arcs
    }
}
