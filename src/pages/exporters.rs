//! `/exporters`: who sends flows, what arrives, what is lost, and every template by name.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};

use super::health::{Health, while_visible};
use crate::api::exporters::fetch_exporters;
use crate::api::first_render::at_first_render;
use crate::components::exporter_card::ExporterCard;
use crate::components::listener_table::ListenerTable;
use crate::components::not_admitted_table::NotAdmittedTable;
use crate::components::setup_guide::SetupGuide;

/// How often the figures are brought up to date.
const INTERVAL: Duration = Duration::from_secs(2);

/// The page.
#[component]
pub fn ExportersPage() -> impl IntoView {
    let health = expect_context::<Health>();
    let exporters = RwSignal::new(at_first_render(fetch_exporters));
    let fault = RwSignal::new(None);
    let refresh = move || {
        spawn_local(async move {
            match fetch_exporters().await {
                Ok(answer) => {
                    exporters.try_set(Some(answer));
                    fault.try_set(None);
                }
                // What was there stays on the screen.
                Err(error) => drop(fault.try_set(Some(error))),
            }
        });
    };
    Effect::new(move |_| {
        if exporters.with_untracked(Option::is_none) {
            refresh();
        }
        let interval = while_visible(INTERVAL, refresh);
        on_cleanup(move || {
            if let Some(interval) = interval {
                interval.clear();
            }
        });
    });
    let ids = Memo::new(move |_| {
        exporters.with(|exporters| {
            exporters.as_ref().map(|list| list.iter().map(|exporter| exporter.id).collect::<Vec<_>>())
        })
    });
    let is_empty = Memo::new(move |_| ids.with(|ids| ids.as_ref().is_some_and(Vec::is_empty)));
    let summary = move || match ids.with(|ids| ids.as_ref().map(Vec::len)) {
        None => "Asking the server …".to_owned(),
        Some(0) => "No export datagram has arrived since Meridian started.".to_owned(),
        Some(1) => "1 exporter.".to_owned(),
        Some(number) => format!("{number} exporters."),
    };
    view! {
        <Title text="Exporters · Meridian"/>
        <Meta name="description" content="Routers and probes that export flows to Meridian, with their templates and losses"/>
        <main id="content" class="page">
            <header class="page__header">
                <h1>"Exporters"</h1>
                <p class="page__summary">{summary}</p>
                <p class="page__fault" role="status">
                    {move || fault.get().map(|fault| format!("Figures are not up to date: {fault}"))}
                </p>
            </header>
            <For each=move || ids.get().unwrap_or_default() key=|id| *id let:id>
                <ExporterCard
                    exporter=Memo::new(move |_| exporters.with(|exporters| {
                        exporters.as_ref().and_then(|list| list.iter().find(|exporter| exporter.id == id).cloned())
                    }))
                    now_ms=health.now_s()
                />
            </For>
            <NotAdmittedTable admission=health.admission()/>
            <ListenerTable listeners=health.listeners()/>
            <Show
                when=move || is_empty.get()
                fallback=move || view! {
                    <details class="page__more">
                        <summary>"Point another exporter at Meridian"</summary>
                        <SetupGuide listeners=health.listeners()/>
                    </details>
                }
            >
                <SetupGuide listeners=health.listeners()/>
            </Show>
        </main>
    }
    .into_any()
}
