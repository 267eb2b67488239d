//! The three rates, each with its last minute.

use leptos::prelude::*;

use super::sparkline::Sparkline;
use crate::model::quantity;
use crate::model::traffic::Traffic;

/// Flows, bits and packets per second; bits and packets are scaled by sampling.
#[component]
pub fn Rates(
    /// Traffic of the second that just ended; `None` before one is known.
    now: Signal<Option<Traffic>>,
    /// Traffic per second of the last minute, oldest first.
    series: Signal<Vec<Traffic>>,
) -> impl IntoView {
    // By the whole minute, so that the word does not come and go with each second.
    let is_scaled =
        Memo::new(move |_| series.with(|series| series.iter().any(|traffic| traffic.is_scaled())));
    let never = Signal::derive(|| false);
    view! {
        <section class="rates" aria-label="Rates">
            <Rate
                name="Flows"
                unit="flows/s"
                now
                series
                is_scaled=never
                pick=|traffic| traffic.flows
                text=|flows| quantity::short_count(flows)
            />
            <Rate
                name="Throughput"
                unit=""
                now
                series
                is_scaled=is_scaled.into()
                pick=|traffic| traffic.scaled_bytes
                text=quantity::bits_per_second
            />
            <Rate
                name="Packets"
                unit="packets/s"
                now
                series
                is_scaled=is_scaled.into()
                pick=|traffic| traffic.scaled_packets
                text=|packets| quantity::short_count(packets)
            />
        </section>
    }
    .into_any()
}

#[component]
fn Rate(
    name: &'static str,
    unit: &'static str,
    now: Signal<Option<Traffic>>,
    series: Signal<Vec<Traffic>>,
    is_scaled: Signal<bool>,
    pick: fn(Traffic) -> u64,
    text: fn(u64) -> String,
) -> impl IntoView {
    let value = Memo::new(move |_| now.get().map(pick));
    let values = Memo::new(move |_| {
        series.with(|series| series.iter().map(|traffic| pick(*traffic)).collect::<Vec<_>>())
    });
    let peak = move || {
        let peak = values.with(|values| values.iter().copied().max().unwrap_or(0));
        let exported = now.get().filter(|now| now.is_scaled());
        let exported = exported.map_or_else(String::new, |now| format!(". Now: {}", quantity::in_full(now)));
        format!("Highest second of the last minute: {} {unit}{exported}", text(peak))
    };
    view! {
        <div class="rate" title=peak>
            <div class="rate__figures">
                <span class="rate__name">
                    {name} " "
                    <span class="rate__note">{move || if is_scaled.get() { "scaled" } else { "" }}</span>
                    <span class="visually-hidden">": "</span>
                </span>
                " "
                <span class="rate__value">
                    {move || value.get().map_or_else(|| "–".to_owned(), text) + " "}
                    <span class="rate__unit">{unit}</span>
                </span>
            </div>
            " "
            <Sparkline values label="The last minute, second by second"/>
        </div>
    }
}
