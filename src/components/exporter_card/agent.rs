//! What an sFlow agent sent: samples, counters, and notifications of discarded packets.

use leptos::prelude::*;

use crate::model::exporter::{Exporter, Protocol};
use crate::model::quantity;

/// Facts of the agent; nothing for other exporters.
#[component]
pub fn Agent(exporter: Memo<Option<Exporter>>) -> impl IntoView {
    let facts =
        Memo::new(move |_| exporter.with(|exporter| exporter.as_ref().map(facts).unwrap_or_default()));
    view! {
        <Show when=move || !facts.with(Vec::is_empty)>
            <section class="exporter__part">
                <h3>"sFlow agent"</h3>
                <ul class="facts-list">
                    {move || facts.get().into_iter().map(|(figure, what)| view! {
                        <li><b>{figure}</b>" "<span>{what}</span></li>
                    }).collect_view()}
                </ul>
            </section>
        </Show>
    }
    .into_any()
}

fn facts(exporter: &Exporter) -> Vec<(String, String)> {
    if !exporter.protocols.contains(&Protocol::SflowV5) {
        return Vec::new();
    }
    let samples = &exporter.samples;
    let mut facts = vec![(quantity::count(samples.flow), "flow samples".to_owned())];
    if samples.counter > 0 {
        facts.push((quantity::count(samples.counter), "counter samples, not kept".to_owned()));
    }
    facts.extend(samples.discarded.iter().map(|(reason, count)| {
        (quantity::count(*count), format!("packets discarded by the device: {}", reason.replace('_', " ")))
    }));
    if let Some(sender) = exporter.sent_from {
        facts.push((sender.to_string(), "sends its datagrams".to_owned()));
    }
    facts
}
