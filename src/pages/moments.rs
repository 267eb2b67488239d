//! The whole history in outline, beside what a page shows of it.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::history::fetch_series;
use crate::components::brush::Brush;
use crate::components::metric_switch::MetricSwitch;
use crate::model::history::{Metric, Series, SeriesQuestion};
use crate::model::time_range::TimeRange;
use crate::model::time_words::Now;

/// Bars of the whole history.
const POINTS: u32 = 240;
/// What bars over time can measure.
pub const BAR_METRICS: [Metric; 2] = [Metric::Flows, Metric::Bytes];

/// The whole history in small, on which a range is chosen, and the switch of what its bars measure.
#[component]
pub fn HistoryOverview(
    /// From the oldest to the newest flow that is kept; nothing is shown while that is not known.
    #[prop(into)]
    extent: Signal<Option<TimeRange>>,
    /// Which flows, in the filter language.
    #[prop(into)]
    filter: Signal<String>,
    /// What the bars measure.
    #[prop(into)]
    metric: Signal<Metric>,
    /// The other parameters of the address, which the form of the switch keeps.
    #[prop(into)]
    others: Signal<Vec<(String, String)>>,
    /// Called with what the bars should measure.
    on_metric: Callback<Metric>,
    /// The part that the page shows.
    #[prop(into)]
    shown: Signal<TimeRange>,
    /// The clock and the zone.
    #[prop(into)]
    now: Signal<Now>,
    /// Called with the range that was chosen.
    on_choose: Callback<TimeRange>,
) -> impl IntoView {
    let series = RwSignal::new(None::<Series>);
    let question = Memo::new(move |_| {
        Some(SeriesQuestion {
            range: extent.get()?,
            filter: filter.get(),
            dimensions: Vec::new(),
            metric: Metric::Bytes,
            lines: 1,
            points: POINTS,
            lines_of: None,
        })
    });
    Effect::new(move |_| {
        let Some(asked) = question.get() else { return };
        spawn_local(async move {
            let found = fetch_series(asked.clone(), 0).await;
            let is_wanted = question.try_get_untracked().flatten().is_some_and(|question| question == asked);
            // Without an answer the range is chosen in the picker.
            if let Ok(found) = found
                && is_wanted
            {
                series.try_set(Some(found));
            }
        });
    });
    let range = Memo::new(move |_| extent.get().unwrap_or_else(|| shown.get()));
    view! {
        <Show when=move || extent.with(Option::is_some)>
            <div class="history-overview">
                <Brush series metric range shown now label="The whole history" on_choose/>
                <MetricSwitch metric choices=&BAR_METRICS others on_metric/>
            </div>
        </Show>
    }
    .into_any()
}
