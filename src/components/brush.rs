//! Bars over time, on which a part can be chosen: by drag, by a click on a bar, or by the arrow keys.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use super::metric_switch;
use crate::browser::pointer;
use crate::model::history::{Amount, Metric, Series};
use crate::model::quantity;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now};

/// Height of the drawing in its own units; it is stretched to its box.
const HEIGHT: f64 = 100.0;

/// A bar, its place as a part of the width from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) part: TimeRange,
    pub(super) begin: f64,
    pub(super) end: f64,
    pub(super) amount: u64,
    /// Height from 0 to 1.
    height: f64,
}

/// The histogram.
#[component]
pub fn Brush(
    /// What is drawn: the totals of the series; `None` while they are on their way.
    #[prop(into)]
    series: Signal<Option<Series>>,
    /// Which figure the bars have; distinct addresses cannot be drawn and show flows.
    #[prop(into)]
    metric: Signal<Metric>,
    /// The range that the whole width stands for.
    #[prop(into)]
    range: Signal<TimeRange>,
    /// The clock and the zone, for the labels.
    #[prop(into)]
    now: Signal<Now>,
    /// A part of the range that stands out, such as the one that another view shows.
    #[prop(optional, into)]
    shown: Option<Signal<TimeRange>>,
    /// What the whole is called.
    #[prop(default = "Traffic over time")]
    label: &'static str,
    /// Called with the part that was chosen.
    on_choose: Callback<TimeRange>,
) -> impl IntoView {
    let shown_path = move || {
        let part = shown?.get().intersection(range.get())?;
        let begin = share(part.from_ms, range.get());
        Some(stretches_path(&[(begin, share(part.to_ms, range.get()))]))
    };
    let drawn = Signal::derive(move || match metric.get() {
        Metric::Addresses => Metric::Flows,
        other => other,
    });
    let bars = Memo::new(move |_| {
        series.with(|series| {
            series.as_ref().map(|series| bars(series, drawn.get(), range.get())).unwrap_or_default()
        })
    });
    let gaps = Memo::new(move |_| {
        series.with(|series| series.as_ref().map(|series| gaps(series, range.get())).unwrap_or_default())
    });
    let choice = Choice::new(bars, range, on_choose);
    let ends = Memo::new(move |_| {
        let (range, now) = (range.get(), now.get());
        (time_words::moment_of_minute(range.from_ms, now), time_words::moment_of_minute(range.to_ms, now))
    });
    let is_waiting = move || series.with(Option::is_none);
    view! {
        <section class="brush" aria-label=label>
            <p class="brush__readout" role="status">
                {move || {
                    let readout = choice.readout(gaps, drawn.get(), now.get());
                    if readout.is_empty() {
                        format!("{} over time: drag to choose a part", metric_switch::label(drawn.get()))
                    } else {
                        readout
                    }
                }}
            </p>
            <div
                class="brush__stage"
                data-plot
                class:brush__stage--waiting=is_waiting
                role="group"
                tabindex="0"
                aria-label="Bars over time. Arrow keys move, with Shift they choose a part, Enter goes to it."
                on:pointerdown=move |event| choice.begin(&event)
                on:pointermove=move |event| choice.follow(&event)
                on:pointerup=move |_| choice.finish()
                on:pointercancel=move |_| choice.anchor.set(None)
                on:pointerleave=move |_| choice.leave()
                on:blur=move |_| choice.forget()
                on:keydown=move |event| choice.press(&event)
            >
                <svg class="brush__bars" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
                    <path class="brush__gap" d=move || gaps.with(|gaps| stretches_path(gaps))></path>
                    <path class="brush__shown" d=shown_path></path>
                    <path class="brush__bar" d=move || bars.with(|bars| bars_path(bars))></path>
                    <path
                        class="brush__bar brush__bar--head"
                        d=move || choice.head_bar().map(|bar| bars_path(&[bar])).unwrap_or_default()
                    ></path>
                    <path class="brush__chosen" d=move || choice.chosen.get().map(|chosen| stretches_path(&[(chosen.0, chosen.1)]))></path>
                </svg>
            </div>
            <p class="brush__ends">
                <span>{move || ends.get().0}</span> " " <span>{move || ends.get().1}</span>
            </p>
        </section>
    }
    .into_any()
}

/// What is pointed at, and the stretch of bars that is being chosen.
#[derive(Clone, Copy)]
struct Choice {
    bars: Memo<Vec<Bar>>,
    /// The bar under the pointer or the keyboard.
    head: RwSignal<Option<usize>>,
    /// The bar where a choice began.
    anchor: RwSignal<Option<usize>>,
    /// From where to where, 0 to 1 of the width, and when that is.
    chosen: Memo<Option<(f64, f64, TimeRange)>>,
    /// The range that the whole width stands for.
    range: Signal<TimeRange>,
    on_choose: Callback<TimeRange>,
}

impl Choice {
    /// Nothing, as after each change of the bars.
    fn new(bars: Memo<Vec<Bar>>, range: Signal<TimeRange>, on_choose: Callback<TimeRange>) -> Self {
        let head = RwSignal::new(None::<usize>);
        let anchor = RwSignal::new(None::<usize>);
        Effect::new(move |_| {
            bars.track();
            head.set(None);
            anchor.set(None);
        });
        let chosen = Memo::new(move |_| {
            let (head, anchor) = (head.get()?, anchor.get()?);
            bars.with(|bars| {
                let (first, last) = (bars.get(head.min(anchor))?, bars.get(head.max(anchor))?);
                Some((first.begin, last.end, TimeRange::new(first.part.from_ms, last.part.to_ms)?))
            })
        });
        Self { bars, head, anchor, chosen, range, on_choose }
    }

    fn begin(self, event: &PointerEvent) {
        // A finger only points: it has to be able to scroll the page, and a touch is a click on a bar.
        if event.button() == 0 {
            let bar = bar_at(event, self.bars);
            self.head.set(bar);
            self.anchor.set(bar);
            if event.pointer_type() != "touch" {
                pointer::capture(event);
            }
        }
    }

    fn follow(self, event: &PointerEvent) {
        let bar = bar_at(event, self.bars);
        if bar.is_some() && bar != self.head.get_untracked() {
            self.head.set(bar);
        }
    }

    fn leave(self) {
        if self.anchor.get_untracked().is_none() {
            self.head.set(None);
        }
    }

    fn forget(self) {
        self.anchor.set(None);
        self.head.set(None);
    }

    fn finish(self) {
        let part = self.chosen.get_untracked();
        self.anchor.set(None);
        if let Some((.., part)) = part
            && part != self.range.get_untracked()
        {
            self.on_choose.run(part);
        }
    }

    fn press(self, event: &KeyboardEvent) {
        let Self { head, anchor, .. } = self;
        let count = self.bars.with_untracked(Vec::len);
        let last = count.saturating_sub(1);
        let from = head.get_untracked();
        let to = match event.key().as_str() {
            "ArrowLeft" => Some(from.map_or(last, |bar| bar.saturating_sub(1))),
            "ArrowRight" => Some(from.map_or(0, |bar| (bar + 1).min(last))),
            "Home" => Some(0),
            "End" => Some(last),
            _ => None,
        };
        if let Some(to) = to.filter(|_| count > 0) {
            event.prevent_default();
            if !event.shift_key() {
                anchor.set(None);
            } else if anchor.get_untracked().is_none() {
                anchor.set(Some(from.unwrap_or(to)));
            }
            head.set(Some(to));
        } else if event.key() == "Enter" && from.is_some() {
            event.prevent_default();
            if anchor.get_untracked().is_none() {
                anchor.set(from);
            }
            self.finish();
        } else if event.key() == "Escape" && from.is_some() {
            event.prevent_default();
            self.forget();
        }
    }

    fn head_bar(self) -> Option<Bar> {
        let head = self.head.get()?;
        self.bars.with(|bars| bars.get(head).cloned())
    }

    /// The sum of what is chosen, or else the bar that is pointed at, in words; empty when there is neither.
    fn readout(self, gaps: Memo<Vec<(f64, f64)>>, metric: Metric, now: Now) -> String {
        if let Some((.., part)) = self.chosen.get() {
            let sum = self.bars.with(|bars| {
                let within = bars.iter().filter(|bar| part.contains(bar.part.from_ms));
                within.fold(0_u64, |sum, bar| sum.saturating_add(bar.amount))
            });
            return said(part, sum, metric, now);
        }
        let Some(bar) = self.head_bar() else { return String::new() };
        let is_gap = gaps.with(|gaps| gaps.iter().any(|gap| gap.0 <= bar.begin && bar.end <= gap.1));
        if is_gap {
            format!("{}: nothing was collected", time_words::range(bar.part, now))
        } else {
            said(bar.part, bar.amount, metric, now)
        }
    }
}

pub(super) fn said(part: TimeRange, amount: u64, metric: Metric, now: Now) -> String {
    let amount = match metric {
        Metric::Bytes => quantity::bytes(amount),
        Metric::Packets => quantity::counted(amount, "packet"),
        Metric::Flows | Metric::Addresses => quantity::counted(amount, "flow"),
    };
    format!("{}: {amount}", time_words::range(part, now))
}

/// The steps of a series that are in the range, clipped to it.
pub(super) fn bars(series: &Series, metric: Metric, range: TimeRange) -> Vec<Bar> {
    let figure = |step: usize| {
        let traffic = series.total.get(step).copied().unwrap_or_default();
        Amount { traffic, addresses: None }.of(metric)
    };
    let largest = (0..series.total.len()).map(figure).max().unwrap_or(0);
    let mut bars = Vec::with_capacity(series.total.len());
    for step in 0..series.total.len() {
        let place = i64::try_from(step).ok().and_then(|step| step.checked_mul(series.step_ms));
        let Some(start) = place.and_then(|place| series.start_ms.checked_add(place)) else { break };
        let whole = TimeRange { from_ms: start, to_ms: start.saturating_add(series.step_ms) };
        let Some(part) = whole.intersection(range) else { continue };
        let amount = figure(step);
        let height = f64::from(quantity::per_mille(amount, largest)) / 1000.0;
        bars.push(Bar {
            part,
            begin: share(part.from_ms, range),
            end: share(part.to_ms, range),
            amount,
            height,
        });
    }
    bars
}

/// Where nothing was collected, as parts of the width.
pub(super) fn gaps(series: &Series, range: TimeRange) -> Vec<(f64, f64)> {
    let within = series.source.gaps.iter().filter_map(|gap| gap.intersection(range));
    within.map(|gap| (share(gap.from_ms, range), share(gap.to_ms, range))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "for drawing")]
pub(super) fn share(ms: i64, range: TimeRange) -> f64 {
    let length = range.length_ms().max(1) as f64;
    (ms.saturating_sub(range.from_ms) as f64 / length).clamp(0.0, 1.0)
}

pub(super) fn bars_path(bars: &[Bar]) -> String {
    let visible = bars.iter().filter(|bar| bar.amount > 0);
    visible.fold(String::new(), |path, bar| {
        // A gap of a tenth of a bar between two; what is little is still seen.
        let (x, width) = (bar.begin * 1000.0, (bar.end - bar.begin) * 900.0);
        let height = (bar.height * HEIGHT).max(1.5);
        path + &format!("M{x:.2} {HEIGHT}h{width:.2}v-{height:.1}h-{width:.2}z")
    })
}

fn stretches_path(stretches: &[(f64, f64)]) -> String {
    stretches.iter().fold(String::new(), |path, (begin, end)| {
        let (x, width) = (begin * 1000.0, ((end - begin) * 1000.0).max(1.0));
        path + &format!("M{x:.2} 0h{width:.2}v{HEIGHT}h-{width:.2}z")
    })
}

/// The bar under the pointer; beyond the edges the first or the last.
fn bar_at(event: &PointerEvent, bars: Memo<Vec<Bar>>) -> Option<usize> {
    let share = pointer::share_of(event)?;
    bars.with_untracked(|bars| {
        let found = bars.iter().position(|bar| share < bar.end);
        found.or_else(|| bars.len().checked_sub(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::Source;
    use crate::model::traffic::Traffic;

    fn series() -> Series {
        let step = |flows| Traffic { flows, ..Traffic::NONE };
        Series {
            start_ms: 0,
            step_ms: 100,
            lines: Vec::new(),
            total: vec![step(1), step(0), step(4), step(2)],
            addresses: None,
            source: Source {
                tiers: Vec::new(),
                range: TimeRange { from_ms: 50, to_ms: 400 },
                is_complete: true,
                note: String::new(),
                gaps: vec![TimeRange { from_ms: 0, to_ms: 120 }, TimeRange { from_ms: 900, to_ms: 1_000 }],
                took_ms: 0,
            },
        }
    }

    #[test]
    fn bars_are_clipped_to_the_range_and_as_high_as_their_part_of_the_largest() {
        let bars = bars(&series(), Metric::Flows, TimeRange { from_ms: 50, to_ms: 450 });
        assert_eq!(bars.len(), 4);
        let first = &bars[0];
        assert_eq!((first.part, first.begin, first.end), (TimeRange { from_ms: 50, to_ms: 100 }, 0.0, 0.125));
        assert!((bars[2].height - 1.0).abs() < 1e-9 && (first.height - 0.25).abs() < 1e-9);
        assert_eq!(bars_path(&bars).matches('M').count(), 3, "a step without flows has no bar");
    }

    #[test]
    fn only_gaps_within_the_range_are_drawn() {
        assert_eq!(gaps(&series(), TimeRange { from_ms: 20, to_ms: 420 }), [(0.0, 0.25)]);
    }
}
