//! The templates of an exporter, each with its fields by name.

use leptos::prelude::*;

use crate::model::exporter::{Exporter, Protocol, Template};
use crate::model::{quantity, time};

/// An IPFIX field length that stands for "variable".
const VARIABLE_LENGTH: u16 = u16::MAX;

/// The templates, folded away.
#[component]
pub fn Templates(exporter: Memo<Option<Exporter>>) -> impl IntoView {
    let templates = Memo::new(move |_| {
        exporter
            .with(|exporter| exporter.as_ref().map(|exporter| exporter.templates.clone()).unwrap_or_default())
    });
    view! {
        <details class="fold exporter__templates">
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
                key=|template| (key(template), template.defined_ms, template.fields.len())
                let:template
            >
                <TemplateView template templates/>
            </For>
        </details>
    }
    .into_any()
}

fn key(template: &Template) -> (Protocol, u16, Option<u32>, u32, u16) {
    let Template { protocol, source_port, connection, observation_domain, template_id, .. } = *template;
    (protocol, source_port, connection, observation_domain, template_id)
}

#[component]
fn TemplateView(template: Template, templates: Memo<Vec<Template>>) -> impl IntoView {
    let own = key(&template);
    let records = Memo::new(move |_| {
        templates.with(|templates| {
            templates.iter().find(|other| key(other) == own).map_or(0, |template| template.records)
        })
    });
    let kind = if template.is_options { "Options template" } else { "Template" };
    let name = format!("{kind} {}", template.template_id);
    let whose = whose(&template);
    let defined = format!("Defined {}", time::date_and_time(template.defined_ms));
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
                    <td class="data-table__number data-table__position">{position + 1}</td>
                    <th scope="row">
                        <code>{field.name}</code>
                        {field.is_scope.then(|| view! { " " <span class="tag">"scope"</span> })}
                    </th>
                    <td class="data-table__number" data-label="Element">{field.element}</td>
                    <td class="data-table__number" data-label="Enterprise">{enterprise}</td>
                    <td class="data-table__number" data-label="Length, bytes">{length}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <details class="template">
            <summary class="template__title">
                <span class="template__name">{name}</span>
                " "
                <span class="panel__note">
                    {move || format!("{} · {whose}", quantity::counted(records.get(), "record"))}
                </span>
            </summary>
            <div class="table-scroll">
                <table class="data-table data-table--stacked">
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
            <p class="panel__hint">{defined}</p>
        </details>
    }
    .into_any()
}

/// Where it was defined: `IPFIX · observation domain 7 · port 50000`.
fn whose(template: &Template) -> String {
    let domain = match template.protocol {
        Protocol::Ipfix => "observation domain",
        Protocol::SflowV5 => "sub-agent",
        _ => "source id",
    };
    let connection = template.connection.map(|number| format!(" · connection {number}")).unwrap_or_default();
    format!(
        "{} · {domain} {} · port {}{connection}",
        template.protocol.name(),
        template.observation_domain,
        template.source_port
    )
}
