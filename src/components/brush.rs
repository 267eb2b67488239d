//! Bars over time, on which a part can be chosen by drag or keyboard.

use leptos::prelude::*;

use crate::model::history::{Metric, Series};
use crate::model::time_range::TimeRange;
use crate::model::time_words::Now;

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
    /// Called with the part that was chosen.
    on_choose: Callback<TimeRange>,
) -> impl IntoView {
    let _ = (metric, range, now, on_choose);
    view! { <div class="brush">{move || series.with(|series| series.as_ref().map(|series| series.total.len()))}</div> }.into_any()
}
