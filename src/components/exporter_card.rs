//! One exporter: what it sent, what was lost or not understood, and its templates.
//!
//! Figures change in place, so that an opened part stays open and nothing jumps.

use leptos::prelude::*;

use crate::model::exporter::{Exporter, Protocol, Template};
use crate::model::{quantity, time};

/// An IPFIX field length that stands for "variable".
const VARIABLE_LENGTH: u16 = u16::MAX;

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
                    title=|| "As its latest record or header states; totals are as exported, not scaled".to_owned()/>
            </dl>
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
            <details class="exporter__templates">
                <summary>
                    {move || match templates.with(Vec::len) {
                        0 => "No templates".to_owned(),
                        1 => "1 template".to_owned(),
                        number => format!("{number} templates"),
                    }}
                </summary>
                <Show when=move || templates.with(Vec::is_empty)>
                    <p class="panel__empty">"NetFlow v5 needs none; v9 and IPFIX send theirs every few minutes."</p>
                </Show>
                <For
                    each=move || templates.get()
                    key=|template| (
                        template.protocol, template.source_port, template.observation_domain, template.template_id,
                        template.defined_ms, template.fields.len(),
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
    let key = (template.protocol, template.source_port, template.observation_domain, template.template_id);
    let records = Memo::new(move |_| {
        templates.with(|templates| {
            templates
                .iter()
                .find(|other| {
                    (other.protocol, other.source_port, other.observation_domain, other.template_id) == key
                })
                .map_or(0, |template| template.records)
        })
    });
    let kind = if template.is_options { "Options template" } else { "Template" };
    let domain = match template.protocol {
        Protocol::NetflowV5 | Protocol::NetflowV9 => "source id",
        Protocol::Ipfix => "observation domain",
    };
    let caption = format!(
        "{kind} {} · {} · {domain} {} · port {}",
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
        "Missing by sequence numbers, in {} gaps: flow records for v5 and IPFIX, datagrams for v9. \
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

fn more(exporter: &Exporter) -> String {
    format!(
        "{} options records · {} flow records with replaced times · {} datagrams that came twice",
        quantity::count(exporter.options_records),
        quantity::count(exporter.times_replaced),
        quantity::count(exporter.duplicate_datagrams)
    )
}
