//! One exporter: what it sent, what was lost or not understood, and its templates.
//!
//! Figures change in place, so that an opened part stays open and nothing jumps.

use leptos::prelude::*;

use crate::model::exporter::{Exporter, Protocol, Template};
use crate::model::flow_record::SamplingSource;
use crate::model::options::{InterfaceName, Sampler};
use crate::model::{quantity, time};

/// An IPFIX field length that stands for "variable".
const VARIABLE_LENGTH: u16 = u16::MAX;
/// Samplers, and names of a kind, that the card shows.
const SHOWN_NAMES: usize = 12;

/// The card.
#[component]
pub fn ExporterCard(
    /// The exporter; `None` once it is forgotten.
    exporter: Memo<Option<Exporter>>,
    /// The server's clock, milliseconds since 1970.
    now_ms: Signal<i64>,
) -> impl IntoView {
    let part = move |of: fn(&Exporter) -> String| {
        move || exporter.with(|exporter| exporter.as_ref().map(of).unwrap_or_default())
    };
    let age = move || {
        let last_seen_ms =
            exporter.with(|exporter| exporter.as_ref().map_or(0, |exporter| exporter.last_seen_ms));
        quantity::age(now_ms.get().saturating_sub(last_seen_ms))
    };
    let templates = Memo::new(move |_| {
        exporter
            .with(|exporter| exporter.as_ref().map(|exporter| exporter.templates.clone()).unwrap_or_default())
    });
    let samplers = Memo::new(move |_| {
        exporter.with(|exporter| exporter.as_ref().map(sampler_lines).unwrap_or_default())
    });
    let names =
        Memo::new(move |_| exporter.with(|exporter| exporter.as_ref().map(names).unwrap_or_default()));
    let undecodable = Memo::new(move |_| {
        exporter.with(|exporter| {
            exporter.as_ref().map(|exporter| exporter.undecodable.clone()).unwrap_or_default()
        })
    });
    view! {
        <article class="exporter panel">
            <header class="exporter__header">
                <h2 class="exporter__address">{part(|exporter| exporter.address.to_string())}</h2>
                <span class="exporter__protocols">{part(protocols)}</span>
                <span class="exporter__seen" title=part(seen)>"last datagram " {age} " ago"</span>
            </header>
            <dl class="exporter__figures">
                <Figure name="Datagrams" value=part(|exporter| quantity::count(exporter.datagrams))
                    title=part(|exporter| format!("{} of payload", quantity::bytes(exporter.datagram_bytes)))/>
                <Figure name="Flows" value=part(|exporter| quantity::count(exporter.traffic.flows))
                    title=part(|exporter| quantity::in_full(exporter.traffic))/>
                <Figure name="Bytes" value=part(|exporter| quantity::bytes(exporter.traffic.bytes))
                    title=part(|exporter| quantity::in_full(exporter.traffic))/>
                <Figure name="Packets" value=part(|exporter| quantity::short_count(exporter.traffic.packets))
                    title=part(|exporter| quantity::in_full(exporter.traffic))/>
                <Figure name="Missing" value=part(|exporter| quantity::count(exporter.sequence_missing))
                    title=part(missing)
                    is_bad=Signal::derive(move || figure(exporter, |exporter| exporter.sequence_missing) > 0)/>
                <Figure name="Waiting" value=part(|exporter| quantity::count(exporter.sets_waiting))
                    title=|| "Data sets held until their template arrives".to_owned()/>
                <Figure name="Given up" value=part(|exporter| quantity::count(exporter.sets_expired))
                    title=|| "Data sets whose template never came, or that found the buffer full".to_owned()
                    is_bad=Signal::derive(move || figure(exporter, |exporter| exporter.sets_expired) > 0)/>
                <Figure name="Sampling" value=part(sampling)
                    title=part(sampling_source)/>
                <Figure name="Sampling unknown" value=part(unknown_sampling)
                    title=part(|exporter| format!(
                        "{} flow records whose sampling interval nobody says; they count as exported",
                        quantity::count(exporter.traffic.unknown_sampling),
                    ))/>
            </dl>
            <Show when=move || !samplers.with(Vec::is_empty)>
                <ul class="exporter__samplers">
                    {move || samplers.get().into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}
                </ul>
            </Show>
            <Show when=move || !names.with(String::is_empty)>
                <p class="exporter__names">{names}</p>
            </Show>
            <Show when=move || !undecodable.with(Vec::is_empty)>
                <div class="exporter__undecodable">
                    <h3>"Not decoded"</h3>
                    <ul>
                        {move || undecodable.get().into_iter().map(|(reason, count)| view! {
                            <li><span>{reason.replace('_', " ")}</span> <b>{quantity::count(count)}</b></li>
                        }).collect_view()}
                    </ul>
                </div>
            </Show>
            <p class="exporter__more">{part(more)}</p>
            <Show when=move || exporter.with(|exporter| exporter.as_ref().is_some_and(is_sflow_agent))>
                <p class="exporter__more">{part(samples)}</p>
            </Show>
            <details class="exporter__templates">
                <summary>
                    {move || match templates.with(Vec::len) {
                        0 => "No templates".to_owned(),
                        1 => "1 template".to_owned(),
                        number => format!("{number} templates"),
                    }}
                </summary>
                <Show when=move || templates.with(Vec::is_empty)>
                    <p class="panel__empty">"NetFlow v1, v5, v7 and sFlow need none; v9 and IPFIX send theirs every few minutes."</p>
                </Show>
                <For
                    each=move || templates.get()
                    key=|template| (
                        template.protocol, template.source_port, template.connection, template.observation_domain,
                        template.template_id, template.defined_ms, template.fields.len(),
                    )
                    let:template
                >
                    <TemplateView template templates/>
                </For>
            </details>
        </article>
    }
    .into_any()
}

#[component]
fn Figure(
    name: &'static str,
    value: impl Fn() -> String + Send + Sync + 'static,
    title: impl Fn() -> String + Send + Sync + 'static,
    #[prop(optional, into)] is_bad: Signal<bool>,
) -> impl IntoView {
    let class = move || if is_bad.get() { "figure figure--bad" } else { "figure" };
    view! { <div class=class title=title><dt>{name}</dt><dd>{value}</dd></div> }
}

#[component]
fn TemplateView(template: Template, templates: Memo<Vec<Template>>) -> impl IntoView {
    let of = |template: &Template| {
        let Template { protocol, source_port, connection, observation_domain, template_id, .. } = *template;
        (protocol, source_port, connection, observation_domain, template_id)
    };
    let key = of(&template);
    let records = Memo::new(move |_| {
        templates.with(|templates| {
            templates.iter().find(|other| of(other) == key).map_or(0, |template| template.records)
        })
    });
    let kind = if template.is_options { "Options template" } else { "Template" };
    let domain = match template.protocol {
        Protocol::Ipfix => "observation domain",
        Protocol::SflowV5 => "sub-agent",
        _ => "source id",
    };
    let connection = template.connection.map(|number| format!(" · connection {number}")).unwrap_or_default();
    let caption = format!(
        "{kind} {} · {} · {domain} {} · port {}{connection}",
        template.template_id,
        template.protocol.name(),
        template.observation_domain,
        template.source_port
    );
    let fields = template
        .fields
        .into_iter()
        .enumerate()
        .map(|(position, field)| {
            let length = if field.length == VARIABLE_LENGTH {
                "variable".to_owned()
            } else {
                field.length.to_string()
            };
            let enterprise =
                if field.enterprise == 0 { "0 (IANA)".to_owned() } else { field.enterprise.to_string() };
            view! {
                <tr>
                    <td class="data-table__number">{position + 1}</td>
                    <th scope="row">
                        <code>{field.name}</code>
                        {field.is_scope.then(|| view! { <span class="tag">"scope"</span> })}
                    </th>
                    <td class="data-table__number">{field.element}</td>
                    <td class="data-table__number">{enterprise}</td>
                    <td class="data-table__number">{length}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="template">
            <h3 class="template__title">
                {caption}
                <span class="panel__note">
                    {move || format!("{} records", quantity::count(records.get()))}
                    " · defined " {time::date_and_time(template.defined_ms)}
                </span>
            </h3>
            <div class="table-scroll">
                <table class="data-table">
                    <caption class="visually-hidden">"Fields of the template, in order"</caption>
                    <thead>
                        <tr>
                            <th scope="col" class="data-table__number">"#"</th>
                            <th scope="col">"Field"</th>
                            <th scope="col" class="data-table__number">"Element"</th>
                            <th scope="col" class="data-table__number">"Enterprise"</th>
                            <th scope="col" class="data-table__number">"Length, bytes"</th>
                        </tr>
                    </thead>
                    <tbody>{fields}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn figure(exporter: Memo<Option<Exporter>>, of: fn(&Exporter) -> u64) -> u64 {
    exporter.with(|exporter| exporter.as_ref().map_or(0, of))
}

fn protocols(exporter: &Exporter) -> String {
    exporter.protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
}

fn seen(exporter: &Exporter) -> String {
    format!(
        "First {}, last {}",
        time::date_and_time(exporter.first_seen_ms),
        time::date_and_time(exporter.last_seen_ms)
    )
}

fn missing(exporter: &Exporter) -> String {
    format!(
        "Missing by sequence numbers, in {} gaps: flow records for v5, v7 and IPFIX, datagrams for v9 and sFlow. \
         {} more wait, could not be decoded, or are missing; {} were sent while Meridian was stopped",
        quantity::count(exporter.sequence_gaps),
        quantity::count(exporter.sequence_uncertain),
        quantity::count(exporter.sequence_stopped)
    )
}

fn sampling(exporter: &Exporter) -> String {
    match exporter.sampling_interval {
        0 => "unknown".to_owned(),
        1 => "none".to_owned(),
        interval => format!("1 in {}", quantity::count(u64::from(interval))),
    }
}

fn sampling_source(exporter: &Exporter) -> String {
    let source = match exporter.sampling_source {
        SamplingSource::Unknown => "Nobody says it",
        SamplingSource::Record => "As its latest flow records or headers say",
        SamplingSource::Options => "As its options records say",
        SamplingSource::Configured => "As the configuration says",
    };
    format!("{source}. {}", quantity::in_full(exporter.traffic))
}

/// The share of flows whose sampling interval is unknown.
fn unknown_sampling(exporter: &Exporter) -> String {
    match (exporter.traffic.unknown_sampling, exporter.traffic.flows) {
        (0, _) => "none".to_owned(),
        (unknown, flows) if unknown == flows => "all flows".to_owned(),
        (unknown, flows) => match quantity::per_mille(unknown, flows) {
            0..10 => "below 1\u{202f}% of flows".to_owned(),
            share => format!("{}\u{202f}% of flows", share / 10),
        },
    }
}

/// What its options records say of sampling, a line each.
fn sampler_lines(exporter: &Exporter) -> Vec<String> {
    let line = |sampler: &Sampler| {
        let interface = |index| {
            let is_it = |name: &&InterfaceName| {
                name.index == index && name.observation_domain == sampler.observation_domain
            };
            let name = exporter.interfaces.iter().find(is_it).map(label).unwrap_or_default();
            format!("Interface {index} {name}")
        };
        let whose = match (sampler.selector, sampler.interface) {
            (Some(selector), _) => format!("Sampler {selector} {}", sampler.name),
            (None, Some(index)) => interface(index),
            (None, None) => format!("All flows {}", sampler.name),
        };
        let rate = match sampler.interval {
            0 => "unknown".to_owned(),
            1 => "not sampled".to_owned(),
            interval => format!("1 in {}", quantity::count(u64::from(interval))),
        };
        let how = sampler.algorithm.name();
        let domain = sampler.observation_domain;
        let whose = whose.trim_end();
        format!("{whose} of domain {domain}: {rate} {how}").trim_end().to_owned()
    };
    let more = exporter.samplers.len().saturating_sub(SHOWN_NAMES);
    let more = (more > 0).then(|| format!("and {more} more"));
    exporter.samplers.iter().take(SHOWN_NAMES).map(line).chain(more).collect()
}

/// Names that its options records give.
fn names(exporter: &Exporter) -> String {
    let mut parts = Vec::new();
    if !exporter.interfaces.is_empty() {
        let shown = exporter.interfaces.iter().take(SHOWN_NAMES);
        let shown: Vec<_> = shown.map(|one| format!("{} {}", one.index, label(one))).collect();
        let rest = exporter.interface_names.saturating_sub(shown.len() as u64);
        let rest = if rest == 0 { String::new() } else { format!(" and {} more", quantity::count(rest)) };
        parts.push(format!("Interfaces: {}{rest}", shown.join(", ")));
    }
    if !exporter.vrfs.is_empty() {
        let shown = exporter.vrfs.iter().take(SHOWN_NAMES).map(|vrf| format!("{} {}", vrf.id, vrf.name));
        parts.push(format!("VRFs: {}", shown.collect::<Vec<_>>().join(", ")));
    }
    if exporter.application_names > 0 {
        parts.push(format!("{} application names", quantity::count(exporter.application_names)));
    }
    parts.join(" · ")
}

/// An interface's name, else its description.
fn label(interface: &InterfaceName) -> &str {
    if interface.name.is_empty() { &interface.description } else { &interface.name }
}

fn more(exporter: &Exporter) -> String {
    let mut more = format!(
        "{} options records ({} not understood, {} without room) · {} events without traffic · {} implausible records left out · {} flow records with replaced times · {} datagrams that came twice",
        quantity::count(exporter.options_records),
        quantity::count(exporter.options_not_understood),
        quantity::count(exporter.options_not_kept),
        quantity::count(exporter.events),
        quantity::count(exporter.implausible_records),
        quantity::count(exporter.times_replaced),
        quantity::count(exporter.duplicate_datagrams)
    );
    if exporter.duplicate_flows.flows > 0 {
        more += " · ";
        more += &quantity::count(exporter.duplicate_flows.flows);
        more += " flow records counted elsewhere (count_once)";
    }
    if exporter.rate_limited_records > 0 {
        more += " · ";
        more += &quantity::count(exporter.rate_limited_records);
        more += " flow records over its limit, left out";
    }
    more
}

fn is_sflow_agent(exporter: &Exporter) -> bool {
    exporter.protocols.contains(&Protocol::SflowV5)
}

/// What an sFlow agent sent, for example `120 flow samples · 8 counter samples · 0 missing · 0 dropped by the
/// agent · discarded packets: acl 3 · sent from 192.0.2.7`.
fn samples(exporter: &Exporter) -> String {
    let samples = &exporter.samples;
    let mut text = format!(
        "{} flow samples · {} counter samples · {} missing · {} dropped by the agent",
        quantity::count(samples.flow),
        quantity::count(samples.counter),
        quantity::count(samples.missing),
        quantity::count(samples.dropped)
    );
    if !samples.discarded.is_empty() {
        let reason =
            |(name, count): &(String, u64)| format!("{} {}", name.replace('_', " "), quantity::count(*count));
        let reasons: Vec<_> = samples.discarded.iter().map(reason).collect();
        text.push_str(" · discarded packets: ");
        text.push_str(&reasons.join(", "));
    }
    if let Some(sender) = exporter.sent_from {
        text.push_str(" · sent from ");
        text.push_str(&sender.to_string());
    }
    text
}
