//! How an exporter samples, and who says so.

use leptos::prelude::*;

use super::names::label;
use crate::model::exporter::{Exporter, Protocol};
use crate::model::flow_record::SamplingSource;
use crate::model::options::{InterfaceName, Sampler};
use crate::model::quantity;

/// Samplers that the card shows.
const SHOWN: usize = 12;

/// What its options records say of sampling, a line each.
#[component]
pub fn Samplers(exporter: Memo<Option<Exporter>>) -> impl IntoView {
    let lines =
        Memo::new(move |_| exporter.with(|exporter| exporter.as_ref().map(lines).unwrap_or_default()));
    view! {
        <Show when=move || !lines.with(Vec::is_empty)>
            <section class="exporter__part">
                <h3>"Sampling, as it says"</h3>
                <ul class="facts-list">
                    {move || lines.get().into_iter().map(|(rate, whose)| view! {
                        <li><b>{rate}</b>" "<span>{whose}</span></li>
                    }).collect_view()}
                </ul>
            </section>
        </Show>
    }
    .into_any()
}

/// The interval of its latest flow record.
pub fn interval(exporter: &Exporter) -> String {
    if exporter.traffic.flows == 0 { "–".to_owned() } else { rate(exporter.sampling_interval) }
}

fn rate(interval: u32) -> String {
    match interval {
        0 => "unknown".to_owned(),
        1 => "none".to_owned(),
        interval => format!("1 in {}", quantity::count(u64::from(interval))),
    }
}

/// Who says it, or for how many flows nobody does.
pub fn note(exporter: &Exporter) -> String {
    let (unknown, flows) = (exporter.traffic.unknown_sampling, exporter.traffic.flows);
    if flows == 0 {
        return String::new();
    }
    if unknown == flows {
        return "counted as exported".to_owned();
    }
    if unknown > 0 {
        return format!("unknown for {} of flows", quantity::percent(unknown, flows));
    }
    match exporter.sampling_source {
        SamplingSource::Unknown => "nobody says it",
        SamplingSource::Record if exporter.protocols == [Protocol::SflowV5] => "each sample says it",
        SamplingSource::Record => "records or headers say it",
        SamplingSource::Options => "its options say it",
        SamplingSource::Configured => "meridian.toml says it",
    }
    .to_owned()
}

/// The same at length.
pub fn source(exporter: &Exporter) -> String {
    let source = match exporter.sampling_source {
        SamplingSource::Unknown => "Nobody says how its latest flow record was sampled",
        SamplingSource::Record => "As its latest flow records, or the headers of their datagrams, say",
        SamplingSource::Options => "As its options records say",
        SamplingSource::Configured => "As a [[sampling]] rule of the configuration says",
    };
    let unknown = match exporter.traffic.unknown_sampling {
        0 => String::new(),
        flows => format!(
            ". {} without a known interval: they count as exported; a [[sampling]] rule in meridian.toml can say it",
            quantity::counted(flows, "flow record")
        ),
    };
    source.to_owned() + &unknown
}

fn lines(exporter: &Exporter) -> Vec<(String, String)> {
    let has_domains =
        exporter.samplers.iter().any(|sampler| Some(sampler.observation_domain) != first_domain(exporter));
    let line = |sampler: &Sampler| {
        let interface = |index| {
            let is_it = |name: &&InterfaceName| {
                name.index == index && name.observation_domain == sampler.observation_domain
            };
            let name = exporter.interfaces.iter().find(is_it).map(label).unwrap_or_default();
            format!("interface {index} {name}")
        };
        let whose = match (sampler.selector, sampler.interface) {
            (Some(selector), _) => format!("sampler {selector} {}", sampler.name),
            (None, Some(index)) => interface(index),
            (None, None) => format!("all flows {}", sampler.name),
        };
        let mut parts = vec![whose.trim_end().to_owned()];
        if has_domains {
            parts.push(format!("domain {}", sampler.observation_domain));
        }
        if !sampler.algorithm.name().is_empty() {
            parts.push(sampler.algorithm.name().to_owned());
        }
        (rate(sampler.interval), parts.join(", "))
    };
    let more = exporter.samplers.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| ("…".to_owned(), format!("and {more} more")));
    exporter.samplers.iter().take(SHOWN).map(line).chain(more).collect()
}

fn first_domain(exporter: &Exporter) -> Option<u32> {
    exporter.samplers.first().map(|sampler| sampler.observation_domain)
}
