//! The place under the pointer, shared by every chart of a page, and the stretch that is being chosen.

use leptos::prelude::*;
use leptos::web_sys;

use super::time_axis::TimeAxis;
use crate::browser::pointer;
use crate::model::time_range::TimeRange;

/// Narrower than this part of a chart a stretch is a click, not a choice.
const LEAST_STRETCH: f64 = 0.01;

/// The step under the pointer and the stretch being chosen.
#[derive(Clone, Copy)]
pub struct Crosshair {
    /// The step; `None` when nobody points at one.
    pub step: RwSignal<Option<usize>>,
    /// The stretch being chosen: where it began and where it is, 0 to 1.
    pub stretch: RwSignal<Option<(f64, f64)>>,
    /// Called with the range that was chosen.
    on_zoom: Callback<TimeRange>,
    /// Called when somebody wants to see the range before.
    on_back: Callback<()>,
}

impl Crosshair {
    /// Points at nothing yet.
    pub fn new(on_zoom: Callback<TimeRange>, on_back: Callback<()>) -> Self {
        Self { step: RwSignal::new(None), stretch: RwSignal::new(None), on_zoom, on_back }
    }

    /// Follows the pointer.
    pub fn follow(self, event: &web_sys::PointerEvent, axis: &TimeAxis) {
        let Some(share) = pointer::share_of(event) else { return };
        self.step.set(axis.step_at(share));
        if self.stretch.with_untracked(Option::is_some) {
            self.stretch.update(|stretch| {
                if let Some((_, end)) = stretch {
                    *end = share;
                }
            });
        }
    }

    /// Begins to choose a stretch. A finger only points: it has to be able to scroll the page.
    pub fn begin(self, event: &web_sys::PointerEvent) {
        if event.button() != 0 || event.pointer_type() == "touch" {
            return;
        }
        if let Some(share) = pointer::share_of(event) {
            pointer::capture(event);
            self.stretch.set(Some((share, share)));
        }
    }

    /// Chooses the stretch, if it is one.
    pub fn end(self, axis: &TimeAxis) {
        if let Some((begin, end)) = self.stretch.get_untracked() {
            self.stretch.set(None);
            self.choose(axis, begin, end);
        }
    }

    /// Points at nothing any more.
    pub fn leave(self) {
        self.step.set(None);
        self.stretch.set(None);
    }

    /// Arrow keys move, with Shift they choose a stretch, Enter takes it, Escape gives it up or goes back.
    /// True when the key meant something.
    pub fn press(self, event: &web_sys::KeyboardEvent, axis: &TimeAxis) -> bool {
        let Some(last) = axis.steps.checked_sub(1) else { return false };
        let step = self.step.get_untracked();
        let next = match event.key().as_str() {
            "ArrowRight" => step.map_or(0, |step| step.saturating_add(1).min(last)),
            "ArrowLeft" => step.map_or(last, |step| step.saturating_sub(1)),
            "Home" => 0,
            "End" => last,
            "Enter" => {
                self.end(axis);
                return true;
            }
            "Escape" => {
                if self.stretch.get_untracked().is_some() {
                    self.stretch.set(None);
                } else {
                    self.on_back.run(());
                }
                return true;
            }
            _ => return false,
        };
        if event.shift_key() {
            let begin = self
                .stretch
                .get_untracked()
                .map_or_else(|| axis.middle(step.unwrap_or(next)), |(begin, _)| begin);
            self.stretch.set(Some((begin, axis.middle(next))));
        } else {
            self.stretch.set(None);
        }
        self.step.set(Some(next));
        true
    }

    fn choose(self, axis: &TimeAxis, begin: f64, end: f64) {
        let (left, right) = if begin <= end { (begin, end) } else { (end, begin) };
        if right - left < LEAST_STRETCH {
            return;
        }
        if let Some(range) = TimeRange::new(axis.moment_at(left), axis.moment_at(right)) {
            self.on_zoom.run(range);
        }
    }
}
