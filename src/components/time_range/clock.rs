//! The clock that a page reads its range with: the same on both sides of the first render.

use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;

use crate::browser::{clock, page};
use crate::model::time_words::Now;

/// The clock of a page.
#[derive(Clone, Copy)]
pub struct Clock {
    now: RwSignal<Now>,
}

impl Clock {
    /// The server's clock in the browser's zone, and in the browser the very same until it ticks.
    pub fn at_first_render() -> Self {
        let now = RwSignal::new(SharedValue::new(clock::now).into_inner());
        Effect::new(move |_| {
            let here = clock::now();
            clock::remember_zone(here);
            if now.get_untracked().offset_minutes != here.offset_minutes {
                now.set(here);
            }
        });
        Self { now }
    }

    /// The moment and the zone, followed.
    pub fn now(self) -> Now {
        self.now.get()
    }

    /// The moment and the zone.
    pub fn now_untracked(self) -> Now {
        self.now.get_untracked()
    }

    /// Looks at the clock.
    pub fn tick(self) {
        self.now.set(clock::now());
    }

    /// Ticks this often while there is a period and somebody looks.
    pub fn tick_every(self, period: Memo<Option<Duration>>) {
        Effect::new(move |_| {
            let Some(period) = period.get() else { return };
            let tick = move || {
                if page::is_visible() && !self.now.is_disposed() {
                    self.tick();
                }
            };
            if let Ok(interval) = set_interval_with_handle(tick, period) {
                on_cleanup(move || interval.clear());
            }
        });
    }
}
