//! What pointer and keys do on the timeline: move the playhead, or choose a part.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use crate::browser::pointer;
use crate::components::brush::{Bar, said, share};
use crate::components::metric_switch;
use crate::model::history::Metric;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now};

/// Bars that Page Up and Page Down move by.
const PAGE: i64 = 10;
/// Ranges without bars are moved through in so many parts.
const PARTS: i64 = 100;

/// The playhead, and the part that is being chosen.
#[derive(Clone, Copy)]
pub(super) struct Playhead {
    bars: Memo<Vec<Bar>>,
    range: Signal<TimeRange>,
    clock_ms: Signal<i64>,
    is_held: RwSignal<bool>,
    /// Where the pointer is.
    pointed_ms: RwSignal<Option<i64>>,
    /// Where the part that is being chosen began, and where it has come to.
    part: RwSignal<Option<(i64, i64)>>,
    on_seek: Callback<i64>,
    on_zoom: Callback<TimeRange>,
    /// True when the next drag chooses a part.
    pub(super) is_choosing: RwSignal<bool>,
    /// The part in whole bars: from where to where, 0 to 1 of the width, and when that is.
    pub(super) chosen: Memo<Option<(f64, f64, TimeRange)>>,
}

/// What a readout needs to know.
pub(super) struct Reading {
    /// Where nothing was collected, as parts of the width.
    pub(super) gaps: Vec<(f64, f64)>,
    /// What the bars measure.
    pub(super) metric: Metric,
    /// Clock and zone.
    pub(super) now: Now,
}

impl Playhead {
    /// At rest. A part that is being chosen ends when the range changes.
    pub(super) fn new(
        bars: Memo<Vec<Bar>>,
        range: Signal<TimeRange>,
        clock_ms: Signal<i64>,
        is_held: RwSignal<bool>,
        on_seek: Callback<i64>,
        on_zoom: Callback<TimeRange>,
    ) -> Self {
        let part = RwSignal::new(None::<(i64, i64)>);
        let pointed_ms = RwSignal::new(None::<i64>);
        let chosen = Memo::new(move |_| {
            let (one, other) = part.get()?;
            let whole = range.get();
            let part = bars.with(|bars| in_whole_bars(bars, one.min(other), one.max(other)));
            let part = part.intersection(whole)?;
            Some((share(part.from_ms, whole), share(part.to_ms, whole), part))
        });
        Effect::new(move |_| {
            range.track();
            part.set(None);
            pointed_ms.set(None);
        });
        Self {
            bars,
            range,
            clock_ms,
            is_held,
            pointed_ms,
            part,
            on_seek,
            on_zoom,
            is_choosing: RwSignal::new(false),
            chosen,
        }
    }

    pub(super) fn begin(self, event: &PointerEvent) {
        if event.button() != 0 {
            return;
        }
        let Some(moment) = self.moment_at(event) else { return };
        pointer::capture(event);
        if event.shift_key() || self.is_choosing.get_untracked() {
            self.part.set(Some((moment, moment)));
        } else {
            self.is_held.set(true);
            self.seek(moment);
        }
    }

    pub(super) fn follow(self, event: &PointerEvent) {
        let Some(moment) = self.moment_at(event) else { return };
        if self.pointed_ms.get_untracked() != Some(moment) {
            self.pointed_ms.set(Some(moment));
        }
        if let Some((from, to)) = self.part.get_untracked() {
            if to != moment {
                self.part.set(Some((from, moment)));
            }
        } else if self.is_held.get_untracked() {
            self.seek(moment);
        }
    }

    pub(super) fn finish(self) {
        let chosen = self.chosen.get_untracked();
        self.forget();
        if let Some((.., part)) = chosen {
            self.is_choosing.set(false);
            if part != self.range.get_untracked() {
                self.on_zoom.run(part);
            }
        }
    }

    pub(super) fn forget(self) {
        self.part.set(None);
        self.is_held.set(false);
    }

    pub(super) fn leave(self) {
        if !self.is_held.get_untracked() && self.part.get_untracked().is_none() {
            self.pointed_ms.set(None);
        }
    }

    pub(super) fn press(self, event: &KeyboardEvent) {
        let range = self.range.get_untracked();
        let from = self.part.get_untracked().map_or_else(|| self.clock_ms.get_untracked(), |(_, to)| to);
        let step = self.step_ms();
        let to = match event.key().as_str() {
            "ArrowLeft" => Some(from.saturating_sub(step)),
            "ArrowRight" => Some(from.saturating_add(step)),
            "PageDown" => Some(from.saturating_sub(step.saturating_mul(PAGE))),
            "PageUp" => Some(from.saturating_add(step.saturating_mul(PAGE))),
            "Home" => Some(range.from_ms),
            "End" => Some(range.to_ms),
            _ => None,
        };
        let is_choosing = event.shift_key() || self.is_choosing.get_untracked();
        match (to, event.key().as_str()) {
            (Some(to), _) if is_choosing => {
                let anchor = self.part.get_untracked().map_or(from, |(anchor, _)| anchor);
                self.part.set(Some((anchor, to.clamp(range.from_ms, range.to_ms))));
            }
            (Some(to), _) => {
                self.part.set(None);
                self.seek(to);
            }
            (None, "Enter") if self.part.get_untracked().is_some() => self.finish(),
            (None, "Escape") if self.part.get_untracked().is_some() || self.is_choosing.get_untracked() => {
                self.forget();
                self.is_choosing.set(false);
            }
            _ => return,
        }
        event.prevent_default();
        // The page has keys of its own.
        event.stop_propagation();
    }

    /// Where the pointer is, 0 to 1 of the width.
    pub(super) fn pointed_share(self) -> Option<f64> {
        Some(share(self.pointed_ms.get()?, self.range.get()))
    }

    /// What is chosen, or pointed at, in words; else what can be done here.
    pub(super) fn readout(self, reading: &Reading) -> String {
        let Reading { gaps, metric, now } = reading;
        if let Some((.., part)) = self.chosen.get() {
            let sum = self.bars.with(|bars| {
                let within = bars.iter().filter(|bar| part.contains(bar.part.from_ms));
                within.fold(0_u64, |sum, bar| sum.saturating_add(bar.amount))
            });
            return said(part, sum, *metric, *now);
        }
        let Some(moment) = self.pointed_ms.get() else {
            let what = metric_switch::label(*metric);
            return if self.is_choosing.get() {
                format!("{what} over time: drag to choose a part")
            } else {
                format!("{what} over time: drag to move through it")
            };
        };
        let at = share(moment, self.range.get());
        if gaps.iter().any(|(begin, end)| *begin <= at && at < *end) {
            return format!("{}: nothing was collected", time_words::moment(moment, *now));
        }
        let bar = self.bars.with(|bars| bars.iter().find(|bar| bar.part.contains(moment)).cloned());
        bar.map_or_else(|| time_words::moment(moment, *now), |bar| said(bar.part, bar.amount, *metric, *now))
    }

    fn seek(self, moment: i64) {
        let range = self.range.get_untracked();
        let moment = moment.clamp(range.from_ms, range.to_ms);
        if moment != self.clock_ms.get_untracked() {
            self.on_seek.run(moment);
        }
    }

    /// The length of a bar; a hundredth of the range where there are none.
    fn step_ms(self) -> i64 {
        let of_bars = self.bars.with_untracked(|bars| bars.iter().map(|bar| bar.part.length_ms()).max());
        of_bars.unwrap_or_else(|| self.range.get_untracked().length_ms() / PARTS).max(1)
    }

    fn moment_at(self, event: &PointerEvent) -> Option<i64> {
        Some(moment_at(pointer::share_of(event)?, self.range.get_untracked()))
    }
}

/// The moment at a place, 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a place on a screen")]
fn moment_at(share: f64, range: TimeRange) -> i64 {
    let offset = (range.length_ms() as f64 * share.clamp(0.0, 1.0)).round() as i64;
    range.from_ms.saturating_add(offset).min(range.to_ms)
}

/// The stretch of bars that has both moments; the stretch between them where there are no bars.
fn in_whole_bars(bars: &[Bar], from_ms: i64, to_ms: i64) -> TimeRange {
    let begin = bars.iter().rev().find(|bar| bar.part.from_ms <= from_ms).map(|bar| bar.part.from_ms);
    let end = bars.iter().find(|bar| bar.part.to_ms >= to_ms).map(|bar| bar.part.to_ms);
    let (from_ms, to_ms) = (begin.unwrap_or(from_ms), end.unwrap_or(to_ms));
    TimeRange { from_ms, to_ms: to_ms.max(from_ms.saturating_add(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_width_are_the_ends_of_the_range() {
        let range = TimeRange { from_ms: 1_000, to_ms: 3_001 };
        assert_eq!([0.0, 1.0, 7.0].map(|share| moment_at(share, range)), [1_000, 3_001, 3_001]);
    }
}
