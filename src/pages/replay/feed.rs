//! What a replay knows of its moment, and how often each part of the screen changes.

use std::sync::Arc;

use leptos::prelude::*;

use crate::browser::page;
use crate::components::flow_table::FlowView;
use crate::model::frame::{FlowRow, Frame, NEWEST_FLOWS, Totals};
use crate::model::history::Source;
use crate::model::place::Place;
use crate::model::replay::{Moment, SoFar};
use crate::model::traffic::Traffic;

/// Shortest time between two changes of the rows while it plays, milliseconds.
const ROWS_MS: i64 = 400;

/// Signals of what is on the screen. Copies are the same.
#[derive(Clone, Copy)]
pub struct ReplayFeed {
    /// The recorded moment, milliseconds since 1970.
    pub clock_ms: RwSignal<i64>,
    /// True while it moves.
    pub is_playing: RwSignal<bool>,
    /// True when there is nothing more in the direction of play.
    pub is_at_end: RwSignal<bool>,
    /// The speed that was reached in the last second.
    pub pace: RwSignal<f64>,
    /// What passed up to the clock; `None` while it is not known, as after a jump. What is not drawn is that of the last
    /// picture or frame.
    pub totals: RwSignal<Option<Totals>>,
    /// Tops and countries of what passed, as of the latest moment that said.
    pub so_far: RwSignal<Option<SoFar>>,
    /// True while the server counts what passed, after a jump.
    pub is_counting: RwSignal<bool>,
    /// What a still picture is made of; `None` while it plays.
    pub picture: RwSignal<Option<Arc<Frame>>>,
    /// How long the stretch is that a still picture shows, milliseconds.
    pub picture_ms: RwSignal<i64>,
    /// The newest flows before the clock, newest first; while it plays a sample.
    pub rows: RwSignal<Vec<Arc<FlowView>>>,
    /// True while the rows should not move.
    pub hold_rows: RwSignal<bool>,
    /// What it is played from.
    pub source: RwSignal<Option<Source>>,
    rows_shown_ms: StoredValue<i64>,
    next_key: StoredValue<u64>,
}

impl ReplayFeed {
    /// Nothing yet, at a moment.
    pub fn new(clock_ms: i64) -> Self {
        Self {
            clock_ms: RwSignal::new(clock_ms),
            is_playing: RwSignal::new(false),
            is_at_end: RwSignal::new(false),
            pace: RwSignal::new(0.0),
            totals: RwSignal::new(None),
            so_far: RwSignal::new(None),
            is_counting: RwSignal::new(true),
            picture: RwSignal::new(None),
            picture_ms: RwSignal::new(0),
            rows: RwSignal::new(Vec::new()),
            hold_rows: RwSignal::new(false),
            source: RwSignal::new(None),
            rows_shown_ms: StoredValue::new(0),
            next_key: StoredValue::new(0),
        }
    }

    /// Takes in where the replay stands. The clock stays where the user drags it.
    pub fn take_moment(self, moment: Moment, is_dragged: bool) {
        let Moment { clock_ms, pace, is_playing, is_at_end, picture, so_far, source, .. } = moment;
        if !is_dragged {
            self.clock_ms.set(clock_ms);
        }
        self.pace.set(pace);
        set_if_new(self.is_playing, is_playing);
        set_if_new(self.is_at_end, is_at_end);
        set_if_new(self.is_counting, so_far.is_none() || is_dragged);
        if self.source.with_untracked(|earlier| earlier.as_ref() != Some(&source)) {
            self.source.set(Some(source));
        }
        if let Some(picture) = picture {
            self.show_rows(&picture.frame, true);
            self.picture_ms.set(picture.picture_ms);
            self.picture.set(Some(Arc::new(picture.frame)));
        } else if is_playing && self.picture.with_untracked(Option::is_some) {
            self.picture.set(None);
        }
        if let Some(so_far) = so_far {
            // The clock is elsewhere already while it is dragged.
            if !is_dragged {
                let drawn = self.picture.with_untracked(|picture| picture.as_ref().map(|frame| frame.passed));
                let drawn = drawn.or(self.totals.get_untracked()).unwrap_or_default();
                self.totals.set(Some(Totals {
                    all: so_far.all.traffic,
                    by_direction: so_far.by_direction,
                    unlocated: drawn.unlocated,
                    not_drawn: drawn.not_drawn,
                }));
            }
            self.so_far.set(Some(*so_far));
        }
    }

    /// Goes to a moment; what passed up to there is not known yet.
    pub fn jump(self, clock_ms: i64) {
        if self.clock_ms.get_untracked() != clock_ms {
            self.clock_ms.set(clock_ms);
        }
        self.count_anew();
    }

    /// What passed up to the clock is not known any more.
    pub fn count_anew(self) {
        if self.totals.with_untracked(Option::is_some) {
            self.totals.set(None);
        }
        set_if_new(self.is_counting, true);
    }

    /// Takes in what passed since the frame before.
    pub fn take_frame(self, frame: &Frame) {
        self.clock_ms.set(frame.clock_ms);
        if self.totals.with_untracked(Option::is_some) {
            self.totals.update(|totals| {
                if let Some(totals) = totals {
                    *totals = passed(totals, frame);
                }
            });
        }
        let now_ms = page::now_ms();
        let is_due = now_ms >= self.rows_shown_ms.get_value().saturating_add(ROWS_MS);
        if is_due && !self.hold_rows.get_untracked() && !frame.flows.is_empty() {
            self.rows_shown_ms.set_value(now_ms);
            self.show_rows(frame, false);
        }
    }

    fn show_rows(self, frame: &Frame, is_whole: bool) {
        let newest: Vec<_> =
            frame.flows.iter().map(|row| self.row(row, &frame.places, &frame.as_names)).collect();
        self.rows.update(|rows| {
            let earlier = if is_whole { Vec::new() } else { std::mem::take(rows) };
            let clock_ms = frame.clock_ms;
            // Backwards, what was shown before has not passed yet.
            let earlier = earlier.into_iter().filter(|row| row.row.received_ms < clock_ms);
            *rows = newest.into_iter().chain(earlier).take(NEWEST_FLOWS).collect();
        });
    }

    fn row(self, row: &FlowRow, places: &[Place], as_names: &[(u32, String)]) -> Arc<FlowView> {
        let key = self.next_key.try_update_value(|key| {
            *key += 1;
            *key
        });
        Arc::new(FlowView::new(key.unwrap_or_default(), row, places, as_names))
    }
}

fn set_if_new(signal: RwSignal<bool>, value: bool) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}

/// The totals after a frame: more of what passed forwards, less backwards.
fn passed(totals: &Totals, frame: &Frame) -> Totals {
    let step = |one: Traffic, by: Traffic| if frame.is_backward { one - by } else { one + by };
    let mut by_direction = totals.by_direction;
    for (sum, by) in by_direction.iter_mut().zip(frame.passed.by_direction) {
        *sum = step(*sum, by);
    }
    Totals {
        all: step(totals.all, frame.passed.all),
        by_direction,
        unlocated: frame.passed.unlocated,
        not_drawn: frame.passed.not_drawn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::Amount;
    use crate::model::replay::Picture;
    use crate::model::time_range::TimeRange;

    #[test]
    fn a_frame_that_is_played_backwards_takes_away_what_it_added_forwards() {
        let traffic = Traffic { flows: 3, bytes: 900, scaled_bytes: 9_000, ..Traffic::NONE };
        let mut frame = Frame::default();
        frame.passed.all = traffic;
        frame.passed.by_direction = [traffic, Traffic::NONE, Traffic::NONE, Traffic::NONE];
        let before = Totals { all: traffic, ..Totals::default() };
        let after = passed(&before, &frame);
        assert_eq!(after.all, traffic + traffic);
        frame.is_backward = true;
        let back = passed(&after, &frame);
        assert_eq!((back.all, back.by_direction), (before.all, before.by_direction));
    }

    fn moment(flows: u64, is_playing: bool, picture: Option<Frame>) -> Moment {
        let so_far = SoFar {
            all: Amount { traffic: Traffic { flows, ..Traffic::NONE }, addresses: None },
            ..SoFar::default()
        };
        let range = TimeRange { from_ms: 0, to_ms: 1_000 };
        Moment {
            answers: 1,
            clock_ms: 500,
            range,
            speed: 1.0,
            pace: 1.0,
            is_playing,
            is_at_end: false,
            picture: picture.map(|frame| Box::new(Picture { picture_ms: 1, frame })),
            so_far: Some(Box::new(so_far)),
            source: Source {
                tiers: Vec::new(),
                range,
                is_complete: true,
                note: String::new(),
                gaps: Vec::new(),
                took_ms: 0,
            },
        }
    }

    fn flows(feed: ReplayFeed) -> Option<u64> {
        feed.totals.get_untracked().map(|totals| totals.all.flows)
    }

    #[test]
    fn after_a_jump_or_with_another_filter_there_are_no_totals_until_they_are_counted() {
        Owner::new().with(|| {
            let feed = ReplayFeed::new(0);
            let mut frame = Frame::default();
            frame.passed.all = Traffic { flows: 3, ..Traffic::NONE };
            for forget in [(|feed| ReplayFeed::jump(feed, 900)) as fn(ReplayFeed), ReplayFeed::count_anew] {
                feed.take_moment(moment(7, true, None), false);
                feed.take_frame(&frame);
                assert_eq!((flows(feed), feed.is_counting.get_untracked()), (Some(10), false));
                forget(feed);
                assert_eq!((flows(feed), feed.is_counting.get_untracked()), (None, true));
                // What plays before the count is there is in the count.
                feed.take_frame(&frame);
                feed.take_moment(Moment { so_far: None, ..moment(0, true, None) }, false);
                assert_eq!((flows(feed), feed.is_counting.get_untracked()), (None, true));
            }
            feed.take_moment(moment(8, false, None), true);
            assert_eq!(flows(feed), None, "the answer for where the clock was dragged away from");
            feed.take_moment(moment(9, true, None), false);
            assert_eq!((flows(feed), feed.is_counting.get_untracked()), (Some(9), false));
        });
    }

    #[test]
    fn what_the_last_frame_did_not_draw_is_told_until_the_next() {
        Owner::new().with(|| {
            let feed = ReplayFeed::new(0);
            let not_drawn =
                |feed: ReplayFeed| feed.totals.get_untracked().map(|totals| totals.not_drawn.flows);
            let of = |flows| {
                let mut frame = Frame::default();
                frame.passed.not_drawn = Traffic { flows, ..Traffic::NONE };
                frame
            };
            feed.take_moment(moment(7, true, None), false);
            feed.take_frame(&of(5));
            feed.take_moment(moment(8, true, None), false);
            assert_eq!(not_drawn(feed), Some(5), "a moment draws nothing");
            feed.take_moment(moment(8, false, Some(of(2))), false);
            assert_eq!(not_drawn(feed), Some(2), "a picture is all there is on the map");
            feed.take_moment(moment(8, true, None), false);
            feed.take_frame(&of(0));
            assert_eq!(not_drawn(feed), Some(0));
        });
    }
}
