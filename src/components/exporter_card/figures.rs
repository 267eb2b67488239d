//! The figures at the top of the card, and those under "More".

use leptos::prelude::*;

use super::{Recent, losses, sampling, text};
use crate::model::exporter::Exporter;
use crate::model::{quantity, time};

/// What a network operator looks at first.
#[component]
pub fn Figures(exporter: Memo<Option<Exporter>>, recent: Signal<Option<Recent>>) -> impl IntoView {
    let rate = move |of: fn(Recent) -> String| move || recent.get().map_or_else(|| "–".to_owned(), of);
    let over = move || {
        let over_ms = recent.get().map_or(0, |recent| recent.over_ms);
        if over_ms == 0 { String::new() } else { format!("Over the last {}", quantity::duration(over_ms)) }
    };
    let full = text(exporter, |exporter| quantity::in_full(exporter.traffic));
    let is_bad =
        Signal::derive(move || exporter.with(|exporter| exporter.as_ref().is_some_and(losses::is_missing)));
    view! {
        <dl class="exporter__figures">
            <Figure name="Rate" title=over
                value=rate(|recent| quantity::per_second(recent.traffic.flows, recent.over_ms) + "\u{202f}flows/s")
                note=rate(|recent| {
                    let bytes = u128::from(recent.traffic.scaled_bytes) * 1000 / u128::from(recent.over_ms.max(1));
                    quantity::bits_per_second(u64::try_from(bytes).unwrap_or(u64::MAX))
                })/>
            <Figure name="Flows" title=full
                value=text(exporter, |exporter| quantity::count(exporter.traffic.flows))
                note=text(exporter, |exporter| format!("in {}", quantity::counted(exporter.datagrams, "datagram")))/>
            <Figure name="Bytes" title=full
                value=text(exporter, |exporter| quantity::bytes(exporter.traffic.scaled_bytes))
                note=text(exporter, |exporter| {
                    let scaled = if exporter.traffic.is_scaled() { ", scaled" } else { "" };
                    format!("{} packets{scaled}", quantity::short_count(exporter.traffic.scaled_packets))
                })/>
            <Figure name="Missing" is_bad
                title=|| "By the sequence numbers of the exporter".to_owned()
                value=text(exporter, losses::missing)
                note=text(exporter, losses::missing_share)/>
            <Figure name="Sampling"
                title=text(exporter, sampling::source)
                value=text(exporter, sampling::interval)
                note=text(exporter, sampling::note)/>
        </dl>
    }
    .into_any()
}

#[component]
fn Figure(
    name: &'static str,
    value: impl Fn() -> String + Send + Sync + 'static,
    note: impl Fn() -> String + Send + Sync + 'static,
    title: impl Fn() -> String + Send + Sync + 'static,
    #[prop(optional, into)] is_bad: Signal<bool>,
) -> impl IntoView {
    let class = move || if is_bad.get() { "figure figure--bad" } else { "figure" };
    view! {
        <div class=class title=title>
            <dt>{name}</dt>
            " "
            <dd class="figure__value">{value}</dd>
            " "
            <dd class="figure__note">{note}</dd>
        </div>
    }
}

/// What is rarely asked for, and all that is zero.
#[component]
pub fn MoreFigures(exporter: Memo<Option<Exporter>>) -> impl IntoView {
    let facts =
        Memo::new(move |_| exporter.with(|exporter| exporter.as_ref().map(facts).unwrap_or_default()));
    let none = Memo::new(move |_| exporter.with(|exporter| exporter.as_ref().map(none).unwrap_or_default()));
    view! {
        <details class="fold">
            <summary>"More"</summary>
            <dl class="facts">
                {move || facts.get().into_iter().map(|(name, value)| view! {
                    <div><dt>{name}</dt>" "<dd>{value}</dd></div>
                }).collect_view()}
            </dl>
            <p class="panel__hint">{none}</p>
        </details>
    }
    .into_any()
}

fn facts(exporter: &Exporter) -> Vec<(&'static str, String)> {
    let traffic = exporter.traffic;
    let mut facts = vec![
        ("First heard", time::date_and_time(exporter.first_seen_ms)),
        ("Last heard", time::date_and_time(exporter.last_seen_ms)),
        (
            "Received",
            format!(
                "{}, {} of payload",
                quantity::counted(exporter.datagrams, "datagram"),
                quantity::bytes(exporter.datagram_bytes)
            ),
        ),
        ("Flows as exported", quantity::in_full(traffic)),
        (
            "Options records",
            format!(
                "{}, of which {} say nothing that Meridian uses",
                quantity::count(exporter.options_records),
                quantity::count(exporter.options_not_understood)
            ),
        ),
    ];
    if exporter.application_names > 0 {
        facts.push(("Application names", quantity::count(exporter.application_names)));
    }
    facts
}

/// What did not happen, in a sentence.
fn none(exporter: &Exporter) -> String {
    let none: Vec<_> = losses::entries(exporter)
        .into_iter()
        .filter(|entry| entry.count == 0)
        .map(|entry| entry.what)
        .collect();
    match none.split_last() {
        None => String::new(),
        Some((only, [])) => format!("No {only}."),
        Some((last, others)) => format!("No {}, and no {last}.", others.join(", no ")),
    }
}
