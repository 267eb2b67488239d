//! Exact totals, scaled by sampling where it is known, how they divide by direction, and how fast the feed is.

use leptos::prelude::*;

use super::share_bar::ShareBar;
use crate::model::frame::Totals;
use crate::model::quantity;
use crate::model::time;
use crate::model::traffic::{Direction, Traffic};

/// Totals since the subscription began.
#[component]
pub fn TotalsPanel(
    /// The totals; `None` before any are known.
    totals: Signal<Option<Totals>>,
    /// Since when they count, milliseconds since 1970.
    since_ms: Signal<Option<i64>>,
    /// True while they are being counted, and not known.
    #[prop(optional, into)]
    is_counting: Signal<bool>,
    /// Called with the filter term of a direction that was chosen.
    on_term: Callback<String>,
) -> impl IntoView {
    let all = Memo::new(move |_| totals.get().map(|totals| totals.all));
    let figure = move |text: fn(Traffic) -> String| move || all.get().map_or_else(|| "–".to_owned(), text);
    let since = move || {
        if is_counting.get() && all.get().is_none() {
            return Some("being counted …".to_owned());
        }
        since_ms.get().map(|since_ms| format!("since {} UTC", time::time_of_day(since_ms)))
    };
    view! {
        <section class="totals panel">
            <h2 class="panel__title">
                "Totals "
                <span class="panel__note" title=move || since_ms.get().map(time::date_and_time)>
                    {since}
                </span>
            </h2>
            <dl class="totals__figures" title=move || all.get().map(quantity::in_full)>
                <div>
                    <dt>"Flows"</dt>
                    " "
                    <dd class="totals__flows">{figure(|traffic| quantity::count(traffic.flows))}</dd>
                </div>
                " "
                <div>
                    <dt>"Bytes"</dt>
                    " "
                    <dd>{figure(|traffic| quantity::bytes(traffic.scaled_bytes))}</dd>
                </div>
                " "
                <div>
                    <dt>"Packets"</dt>
                    " "
                    <dd>{figure(|traffic| quantity::short_count(traffic.scaled_packets))}</dd>
                </div>
            </dl>
            <Show when=move || all.get().is_some_and(Traffic::is_scaled)>
                <p class="panel__hint totals__sampling">{move || all.get().and_then(quantity::sampling_note)}</p>
            </Show>
            <ul class="totals__directions">
                {Direction::ALL.map(|direction| view! { <DirectionTotal direction totals on_term/> }).collect_view()}
            </ul>
        </section>
    }
    .into_any()
}

#[component]
fn DirectionTotal(
    direction: Direction,
    totals: Signal<Option<Totals>>,
    on_term: Callback<String>,
) -> impl IntoView {
    let own = Memo::new(move |_| {
        totals.get().map(|totals| totals.by_direction.get(direction.index()).copied().unwrap_or_default())
    });
    let bytes = move || own.get().map_or_else(|| "–".to_owned(), |own| quantity::bytes(own.scaled_bytes));
    let flows = move || {
        let own = own.get()?;
        Some(format!("{} flow{}", quantity::short_count(own.flows), if own.flows == 1 { "" } else { "s" }))
    };
    let share = Signal::derive(move || {
        quantity::per_mille(
            own.get().map_or(0, |own| own.scaled_bytes),
            totals.get().map_or(0, |totals| totals.all.scaled_bytes),
        )
    });
    let colour = u8::try_from(direction.index()).unwrap_or_default();
    view! {
        <li title=move || own.get().map(quantity::in_full)>
            <button
                type="button"
                class="totals__direction"
                on:click=move |_| on_term.run(format!("direction = {}", direction.name()))
            >
                <span>{direction.name()}</span>
                " "
                <span class="totals__amount">
                    {bytes}
                    " "
                    <span class="totals__flow-count">{flows}</span>
                </span>
                <ShareBar share colour/>
            </button>
            " "
        </li>
    }
}

/// Time from the kernel's receipt of a datagram to the write on this page's socket.
#[component]
pub fn LatencyPanel(
    /// Median over the last minute, microseconds.
    p50_us: Signal<Option<u32>>,
    /// 99th percentile over the last minute, microseconds.
    p99_us: Signal<Option<u32>>,
    /// Times this page was too slow and skipped to a snapshot.
    times_skipped: Signal<u64>,
) -> impl IntoView {
    let figure = |us: Option<u32>| us.map_or_else(|| "–".to_owned(), quantity::microseconds);
    view! {
        <section class="latency panel" title="Over the last minute, for the frames of this page">
            <h2 class="panel__title">"Latency " <span class="panel__note">"datagram → socket"</span></h2>
            <dl class="latency__figures">
                <div><dt>"median"</dt>" "<dd>{move || figure(p50_us.get())}</dd></div>
                " "
                <div><dt>"99 %"</dt>" "<dd>{move || figure(p99_us.get())}</dd></div>
            </dl>
            <Show when={move || times_skipped.get() > 0}>
                <p class="panel__hint">
                    {move || format!(
                        "This page was too slow {} times: arcs were left out, totals are exact.",
                        quantity::count(times_skipped.get()),
                    )}
                </p>
            </Show>
        </section>
    }
    .into_any()
}
