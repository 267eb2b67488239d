//! `/exporters`: who sends flows, what arrives, what is lost, and every template by name.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};

use super::health::{Health, while_visible};
use crate::api::exporters::fetch_exporters;
use crate::api::first_render::at_first_render;
use crate::browser::page;
use crate::components::exporter_card::{ExporterCard, Recent};
use crate::components::listener_table::ListenerTable;
use crate::components::not_admitted_table::NotAdmittedTable;
use crate::components::setup_guide::SetupGuide;
use crate::model::exporter::Exporter;
use crate::model::flow_record::ExporterId;
use crate::model::traffic::Traffic;

/// How often the figures are brought up to date.
const INTERVAL: Duration = Duration::from_secs(2);

/// Answers that a rate looks back over: ten seconds.
const LOOK_BACK: usize = 6;

/// The latest answers of the server, oldest first: when the browser had them, and what each exporter had sent.
#[derive(Clone, Default)]
struct History(VecDeque<(i64, HashMap<ExporterId, Traffic>)>);

impl History {
    fn push(&mut self, now_ms: i64, exporters: &[Exporter]) {
        let traffic = exporters.iter().map(|exporter| (exporter.id, exporter.traffic)).collect();
        self.0.push_back((now_ms, traffic));
        if self.0.len() > LOOK_BACK {
            self.0.pop_front();
        }
    }

    /// What an exporter sent between the oldest and the latest answer; `None` when it is not in both, or counts
    /// anew after a restart of the server.
    fn recent(&self, exporter: ExporterId) -> Option<Recent> {
        let (from_ms, earlier) = self.0.front()?;
        let (to_ms, latest) = self.0.back()?;
        let (earlier, latest) = (*earlier.get(&exporter)?, *latest.get(&exporter)?);
        let over_ms = u64::try_from(to_ms.saturating_sub(*from_ms)).ok().filter(|over_ms| *over_ms > 0)?;
        (latest.flows >= earlier.flows).then(|| Recent { traffic: latest - earlier, over_ms })
    }
}

/// The page.
#[component]
pub fn ExportersPage() -> impl IntoView {
    let health = expect_context::<Health>();
    let exporters = RwSignal::new(at_first_render(fetch_exporters));
    let fault = RwSignal::new(None);
    let history = RwSignal::new(History::default());
    let refresh = move || {
        spawn_local(async move {
            match fetch_exporters().await {
                Ok(answer) => {
                    history.try_update(|history| history.push(page::now_ms(), &answer));
                    exporters.try_set(Some(answer));
                    fault.try_set(None);
                }
                // What was there stays on the screen.
                Err(error) => drop(fault.try_set(Some(error))),
            }
        });
    };
    Effect::new(move |_| {
        refresh();
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
            <NotAdmittedTable admission=health.admission()/>
            <For each=move || ids.get().unwrap_or_default() key=|id| *id let:id>
                <ExporterCard
                    exporter=Memo::new(move |_| exporters.with(|exporters| {
                        exporters.as_ref().and_then(|list| list.iter().find(|exporter| exporter.id == id).cloned())
                    }))
                    recent=Memo::new(move |_| history.with(|history| history.recent(id))).into()
                    now_ms=health.now_s()
                />
            </For>
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
