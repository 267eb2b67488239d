//! `/reports/{id}`: one report, to read and to print.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

use super::actions::{Actions, report_actions};
use super::pace;
use super::refresh::Refresh;
use super::state::{deliveries, pdf_href, state};
use crate::api::error::ApiError;
use crate::api::reports::fetch_report;
use crate::components::report::report_view;
use crate::model::report::{ReportEntry, ReportPage as Answer, ReportState};

/// Without WASM a page that waits is loaded anew. Scripts replace it, so it is no part of what they take over.
const RELOAD: &str = r#"<meta http-equiv="refresh" content="3">"#;

/// The page.
#[component]
pub fn ReportPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")).unwrap_or_default());
    let first = Resource::new(move || id.get(), fetch_report);
    view! {
        <main id="content" class="report-page page">
            <Suspense fallback=|| view! { <p class="panel__hint" role="status">"Opening the report …"</p> }>
                {move || Suspend::new(async move {
                    match first.await {
                        Ok(answer) => view! { <One answer/> }.into_any(),
                        Err(ApiError::Invalid(text)) => missing(text),
                        Err(fault) => view! {
                            <Title text="Report · Meridian"/>
                            <p class="page__fault" role="alert">{fault.to_string()}</p>
                        }
                        .into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
    .into_any()
}

fn missing(text: String) -> AnyView {
    view! {
        <Title text="No such report · Meridian"/>
        <h1>"There is no such report"</h1>
        <p>{text}" "<A href="/reports">"All reports"</A></p>
    }
    .into_any()
}

#[component]
fn One(answer: Answer) -> impl IntoView {
    let id = answer.entry.id.clone();
    let title = format!("{} · Report · Meridian", answer.entry.period);
    let pace = |answer: &Answer, now_ms| pace(&answer.entry, now_ms);
    let refresh = Refresh::new(answer, pace, move || fetch_report(id.clone()));
    let actions = Actions::new();
    refresh.after(actions.done());
    let (latest, fault) = (refresh.latest, refresh.fault);
    let entry = Memo::new(move |_| latest.with(|answer| answer.entry.clone()));
    let report = Memo::new(move |_| {
        latest.with(|answer| answer.report.clone().map(|report| (report, answer.logo.clone())))
    });
    view! {
        <Title text=title/>
        {move || bar(&entry.get(), report.with(Option::is_some), actions)}
        <p class="page__fault report-page__fault" role="alert">
            {move || actions.fault().or(fault.get().map(|fault| fault.to_string()))}
        </p>
        {move || match report.get() {
            Some((report, logo)) => report_view(&report, &logo),
            None => waiting(&entry.get()),
        }}
    }
    .into_any()
}

/// What stands above the report and is not printed.
fn bar(entry: &ReportEntry, is_there: bool, actions: Actions) -> impl IntoView + use<> {
    let pdf = is_there.then(|| {
        view! {
            <a class="button button--primary" href=pdf_href(&entry.id) rel="external">"PDF"</a>
        }
    });
    let state = (is_there && entry.state != ReportState::Done).then(|| {
        view! {
            <p class="report-bar__state" role="status">{state(entry)}" Below is what was made before."</p>
        }
    });
    let sent = (!entry.deliveries.is_empty()).then(|| deliveries(entry));
    view! {
        <div class="report-bar">
            <A href="/reports" attr:class="report-bar__back">"‹ All reports"</A>
            {pdf}
            {report_actions(entry, actions)}
            {state}
            {sent}
        </div>
    }
}

/// What is shown as long as there is no report.
fn waiting(entry: &ReportEntry) -> AnyView {
    let (words, hint) = match entry.state {
        ReportState::Failed { .. } => ("This report could not be made. ", "“Make anew” tries it at once."),
        ReportState::Waiting | ReportState::Done => ("", "It is shown here as soon as it is there."),
    };
    let is_waiting = entry.state == ReportState::Waiting;
    let reload = is_waiting.then(|| view! { <noscript inner_html=RELOAD></noscript> });
    view! {
        <section class="panel report-page__waiting" role="status">
            <h1>{entry.period.clone()}</h1>
            <p>{words}{state(entry)}</p>
            <p class="panel__hint">{hint}</p>
            {reload}
        </section>
    }
    .into_any()
}
