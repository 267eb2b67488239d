//! What the live page knows, and how often each part of the screen changes.
//!
//! Messages come at up to hundreds a second. They are taken in at once, and shown in animation frames: totals at
//! most every [`TOTALS_MS`], rows every [`ROWS_MS`], rates and tops once a second. What is not shown yet is held
//! in bounded memory, also while the tab is in the background. While paused, the screen stands still.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use leptos::leptos_dom::helpers::{request_animation_frame, set_timeout};
use leptos::prelude::*;

use crate::browser::page;
use crate::components::flow_table::FlowView;
use crate::model::frame::{Frame, NEWEST_FLOWS, SERIES_SECONDS, Second, Snapshot, Totals};
use crate::model::traffic::Traffic;

/// Shortest time between two changes of the totals, milliseconds.
const TOTALS_MS: i64 = 250;
/// Shortest time between two changes of the table, milliseconds.
const ROWS_MS: i64 = 500;

/// Signals of what is on the screen, and what waits to be.
#[derive(Clone, Copy)]
pub struct LiveFeed {
    /// Totals; `None` before any are known.
    pub totals: RwSignal<Option<Totals>>,
    /// Since when they count, milliseconds since 1970.
    pub since_ms: RwSignal<Option<i64>>,
    /// Rates, tops and the state of the feed.
    pub second: RwSignal<Option<Second>>,
    /// Traffic per second of the last minute, oldest first.
    pub series: RwSignal<Vec<Traffic>>,
    /// The newest flows, newest first.
    pub rows: RwSignal<Vec<Arc<FlowView>>>,
    /// True while the rows of the table should not move.
    pub hold_rows: RwSignal<bool>,
    /// True while the screen stands still.
    pub is_paused: RwSignal<bool>,
    /// What passed since the screen stands still.
    pub passed: RwSignal<Traffic>,
    pending: StoredValue<Pending>,
}

#[expect(clippy::struct_excessive_bools, reason = "each says of one thing whether it waits")]
#[derive(Default)]
struct Pending {
    totals: Totals,
    second: Option<Second>,
    series: VecDeque<Traffic>,
    /// The latest frames, newest first, as many as it takes to fill the table.
    frames: VecDeque<Frame>,
    frame_rows: usize,
    totals_wait: bool,
    rows_wait: bool,
    /// True when the rows held are all there is: those on the screen are of another subscription.
    rows_begin_anew: bool,
    totals_shown_ms: i64,
    rows_shown_ms: i64,
    next_key: u64,
    is_scheduled: bool,
}

impl LiveFeed {
    /// Starts with a snapshot, if there is one.
    pub fn new(snapshot: Option<Snapshot>) -> Self {
        let feed = Self {
            totals: RwSignal::new(None),
            since_ms: RwSignal::new(None),
            second: RwSignal::new(None),
            series: RwSignal::new(Vec::new()),
            rows: RwSignal::new(Vec::new()),
            hold_rows: RwSignal::new(false),
            is_paused: RwSignal::new(false),
            passed: RwSignal::new(Traffic::NONE),
            pending: StoredValue::new(Pending::default()),
        };
        if let Some(snapshot) = snapshot {
            feed.restart(snapshot);
            feed.show();
        }
        feed
    }

    /// Begins anew with a snapshot of the server.
    pub fn take_snapshot(self, snapshot: Snapshot) {
        self.restart(snapshot);
        if !self.is_paused.get_untracked() {
            self.show();
        }
    }

    /// Takes in a frame.
    pub fn take_frame(self, frame: Frame) {
        self.pending.update_value(|pending| {
            pending.totals = sum(&pending.totals, &frame.passed);
            pending.totals_wait = true;
            pending.hold(frame);
        });
        self.schedule();
    }

    /// Takes in the state of the last second.
    pub fn take_second(self, second: Second) {
        self.pending.update_value(|pending| {
            pending.series.push_back(second.traffic);
            while pending.series.len() > SERIES_SECONDS {
                pending.series.pop_front();
            }
        });
        if self.is_paused.get_untracked() {
            let shown =
                self.totals.with_untracked(|totals| totals.map_or(Traffic::NONE, |totals| totals.all));
            self.passed.set(second.totals.all - shown);
            self.pending.update_value(|pending| pending.second = Some(second));
        } else {
            self.pending.update_value(|pending| pending.second = Some(second));
            self.show_second();
        }
    }

    /// Lets the screen stand still, or go on with all that passed.
    pub fn set_paused(self, is_paused: bool) {
        if is_paused {
            // What counts as passed is counted from what is on the screen.
            self.show();
            self.passed.set(Traffic::NONE);
        }
        self.is_paused.set(is_paused);
        if !is_paused {
            self.show();
        }
    }

    fn restart(self, snapshot: Snapshot) {
        let Snapshot { clock_ms, since_ms, totals, series, flows, places, as_names, second, .. } = snapshot;
        self.since_ms.set((since_ms > 0).then_some(since_ms));
        self.pending.update_value(|pending| {
            pending.totals = totals;
            pending.totals_wait = true;
            pending.second = Some(second);
            pending.series = series.into();
            pending.frames.clear();
            pending.frame_rows = 0;
            pending.hold(Frame { clock_ms, flows, places, as_names, ..Frame::default() });
            pending.rows_wait = true;
            pending.rows_begin_anew = true;
        });
    }

    /// Brings everything on the screen up to date.
    fn show(self) {
        self.show_totals();
        self.show_second();
        self.show_rows();
    }

    fn show_totals(self) {
        let totals = self.pending.try_update_value(|pending| {
            pending.totals_wait = false;
            pending.totals_shown_ms = page::now_ms();
            pending.totals
        });
        self.totals.set(totals);
    }

    fn show_second(self) {
        self.pending.with_value(|pending| {
            self.series.set(pending.series.iter().copied().collect());
            self.second.set(pending.second.clone());
        });
    }

    fn show_rows(self) {
        let held = self
            .pending
            .try_update_value(|pending| (pending.take_rows(), std::mem::take(&mut pending.rows_begin_anew)));
        let Some((newest, begin_anew)) = held else { return };
        self.rows.update(|rows| {
            let earlier = if begin_anew { Vec::new() } else { std::mem::take(rows) };
            *rows = newest.into_iter().chain(earlier).take(NEWEST_FLOWS).collect();
        });
    }

    /// Asks for an animation frame when the next part of the screen is due; never for two at once.
    fn schedule(self) {
        let wait_ms = self.pending.try_update_value(|pending| {
            let due_ms = match (pending.totals_wait, pending.rows_wait) {
                (true, false) => pending.totals_shown_ms + TOTALS_MS,
                (false, true) => pending.rows_shown_ms + ROWS_MS,
                (true, true) => (pending.totals_shown_ms + TOTALS_MS).min(pending.rows_shown_ms + ROWS_MS),
                (false, false) => return None,
            };
            if pending.is_scheduled {
                return None;
            }
            pending.is_scheduled = true;
            Some(u64::try_from(due_ms.saturating_sub(page::now_ms())).unwrap_or(0))
        });
        if let Some(wait_ms) = wait_ms.flatten() {
            // A background tab gets no animation frame: nothing is shown before somebody looks.
            let frame = move || request_animation_frame(move || self.show_what_is_due());
            if wait_ms == 0 { frame() } else { set_timeout(frame, Duration::from_millis(wait_ms)) }
        }
    }

    fn show_what_is_due(self) {
        if self.pending.is_disposed() {
            return;
        }
        let now_ms = page::now_ms();
        let due = self.pending.try_update_value(|pending| {
            pending.is_scheduled = false;
            (
                pending.totals_wait && now_ms >= pending.totals_shown_ms + TOTALS_MS,
                pending.rows_wait && now_ms >= pending.rows_shown_ms + ROWS_MS,
            )
        });
        if self.is_paused.get_untracked() {
            return;
        }
        let Some((totals, rows)) = due else { return };
        if totals {
            self.show_totals();
        }
        if rows {
            if self.hold_rows.get_untracked() {
                // Looked at again when they were next due.
                self.pending.update_value(|pending| pending.rows_shown_ms = now_ms);
            } else {
                self.show_rows();
            }
        }
        self.schedule();
    }
}

impl Pending {
    /// Keeps a frame for its rows, and lets go of frames that no longer fit into the table.
    fn hold(&mut self, mut frame: Frame) {
        frame.arcs.clear();
        if frame.flows.is_empty() {
            return;
        }
        self.rows_wait = true;
        self.frame_rows += frame.flows.len();
        self.frames.push_front(frame);
        while let Some(oldest) = self.frames.back()
            && self.frame_rows - oldest.flows.len() >= NEWEST_FLOWS
        {
            self.frame_rows -= oldest.flows.len();
            self.frames.pop_back();
        }
    }

    /// The rows held, newest first, at most as many as the table has.
    fn take_rows(&mut self) -> Vec<Arc<FlowView>> {
        self.rows_wait = false;
        self.rows_shown_ms = page::now_ms();
        self.frame_rows = 0;
        let mut rows = Vec::new();
        for frame in self.frames.drain(..) {
            for row in frame.flows.iter().take(NEWEST_FLOWS - rows.len()) {
                self.next_key += 1;
                rows.push(Arc::new(FlowView::new(self.next_key, row, &frame.places, &frame.as_names)));
            }
        }
        rows
    }
}

fn sum(totals: &Totals, passed: &Totals) -> Totals {
    let mut by_direction = totals.by_direction;
    for (sum, passed) in by_direction.iter_mut().zip(passed.by_direction) {
        *sum += passed;
    }
    Totals {
        all: totals.all + passed.all,
        by_direction,
        unlocated: totals.unlocated + passed.unlocated,
        not_drawn: totals.not_drawn + passed.not_drawn,
    }
}
