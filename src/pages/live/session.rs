//! The live page's stream: where each message goes.

use leptos::prelude::*;

use super::feed::LiveFeed;
use crate::browser::connection::StreamEvent;
use crate::browser::{page, stream};
use crate::components::colour_legend::{ColourBy, LegendEntry};
use crate::components::colouring::Colouring;
use crate::components::filter_bar::FilterFault;
use crate::components::world_map::MapFeed;
use crate::model::frame::{Message, Refusal, Request, Subscription};
use crate::pages::health::Health;

/// What a message can change.
#[derive(Clone, Copy)]
pub struct Session {
    feed: LiveFeed,
    map: MapFeed,
    colour_by: RwSignal<ColourBy>,
    fault: RwSignal<Option<FilterFault>>,
    colouring: StoredValue<Colouring>,
}

impl Session {
    /// Puts the parts together; nothing is opened yet.
    pub fn new(
        feed: LiveFeed,
        map: MapFeed,
        colour_by: RwSignal<ColourBy>,
        fault: RwSignal<Option<FilterFault>>,
    ) -> Self {
        let mut colouring = Colouring::default();
        feed.second.with_untracked(|second| {
            if let Some(second) = second {
                colouring.follow(&second.top_as);
            }
        });
        Self { feed, map, colour_by, fault, colouring: StoredValue::new(colouring) }
    }

    /// In the browser: opens the stream, and keeps it at `filter` as long as the page is shown.
    pub fn run(self, filter: RwSignal<String>, health: Health) {
        Effect::new(move |_| {
            health.stream_is_open(true);
            let subscribe = move || {
                let filter = filter.get_untracked();
                Request::Subscribe(Subscription { filter, ..Subscription::default() })
            };
            let begin = move || {
                let pause = self.feed.is_paused.get_untracked().then_some(Request::Pause);
                [subscribe()].into_iter().chain(pause).collect()
            };
            let stream =
                StoredValue::new_local(stream::open(begin, move |event| self.take(event, filter, health)));
            let send = move |request: &Request| {
                // What is asked for without a connection is said as soon as there is one.
                stream.with_value(|(stream, _)| stream.send(request));
            };
            Effect::new(move |earlier: Option<()>| {
                filter.track();
                if earlier.is_some() {
                    send(&subscribe());
                }
            });
            Effect::new(move |earlier: Option<()>| {
                let is_paused = self.feed.is_paused.get();
                if earlier.is_some() {
                    send(if is_paused { &Request::Pause } else { &Request::Resume });
                }
            });
        });
        // Arcs that fly say what the colours said before, and another filter's arcs say nothing here.
        Effect::new(move |earlier: Option<()>| {
            let _ = (self.colour_by.get(), filter.get());
            if earlier.is_some() {
                self.map.clear();
                self.colouring.update_value(Colouring::clear);
            }
        });
        on_cleanup(move || {
            health.stream_is_open(false);
            health.is_paused.set(false);
        });
    }

    /// What the pause button does.
    pub fn on_pause(self, health: Health) -> Callback<bool> {
        Callback::new(move |is_paused| {
            self.feed.set_paused(is_paused);
            self.map.set_paused(is_paused);
            health.is_paused.set(is_paused);
        })
    }

    /// The lines of the legend, brought up to date once a second.
    pub fn legend(self) -> Signal<Vec<LegendEntry>> {
        Memo::new(move |_| {
            let by = self.colour_by.get();
            let top_as = self
                .feed
                .second
                .with(|second| second.as_ref().map(|second| second.top_as.clone()).unwrap_or_default());
            let totals = self.feed.totals.get().unwrap_or_default();
            self.colouring.with_value(|colouring| colouring.legend(by, Some(&totals), &top_as))
        })
        .into()
    }

    fn take(self, event: StreamEvent, filter: RwSignal<String>, health: Health) {
        match event {
            StreamEvent::Connection(connection) => health.connection_is(connection),
            StreamEvent::Message(message) => self.take_message(*message, filter, health),
        }
    }

    fn take_message(self, message: Message, filter: RwSignal<String>, health: Health) {
        match message {
            Message::Snapshot(snapshot) => {
                health.heard(snapshot.clock_ms, snapshot.second.last_received_ms);
                self.colouring.update_value(|colouring| colouring.follow(&snapshot.second.top_as));
                self.feed.take_snapshot(*snapshot);
            }
            Message::Frame(frame) => {
                health.received(Some(frame.clock_ms));
                if page::is_visible() && !self.feed.is_paused.get_untracked() {
                    let by = self.colour_by.get_untracked();
                    let arcs = self.colouring.try_update_value(|colouring| colouring.map_arcs(&frame, by));
                    self.map.add_arcs(&arcs.unwrap_or_default());
                }
                self.feed.take_frame(frame);
            }
            Message::Second(second) => {
                health.heard(second.clock_ms, second.last_received_ms);
                self.colouring.update_value(|colouring| colouring.follow(&second.top_as));
                self.feed.take_second(*second);
            }
            Message::Refusal(Refusal { message, position }) => {
                let place = position
                    .and_then(|position| usize::try_from(position).ok())
                    .map(|position| (position, 1));
                self.fault.set(Some(FilterFault { filter: filter.get_untracked(), message, place }));
            }
            // Only replays have them.
            Message::Moment(_) => {}
        }
    }
}
