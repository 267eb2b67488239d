//! `/reports` and `/reports/{id}`: reports that were made, the schedules that make them, and forms to ask for more.
//!
//! Every action is a form and works without WASM: the server leads back to a page that shows what came of it.

mod actions;
mod fields;
mod forms;
mod list;
mod one;
mod refresh;
mod schedules;
mod state;

use leptos::prelude::*;
use leptos_meta::{Meta, Title};

pub use self::one::ReportPage;

use self::actions::Actions;
use self::forms::{OrderForm, ScheduleForm};
use self::list::ReportTable;
use self::refresh::Refresh;
use self::schedules::ScheduleTable;
use crate::api::error::ApiError;
use crate::api::reports::fetch_reports;
use crate::model::report::{ReportEntry, ReportList, ReportState};

/// The page with all of them.
#[component]
pub fn ReportsPage() -> impl IntoView {
    let first = Resource::new(|| (), |()| fetch_reports());
    let actions = Actions::new();
    view! {
        <Title text="Reports · Meridian"/>
        <Meta name="description" content="Reports of the traffic of months, weeks and days, as pages and PDFs"/>
        <main id="content" class="reports page">
            <header class="page__header">
                <h1>"Reports"</h1>
                <p class="page__summary">"What passed in a month, a week or a day, on one page to read, print and send."</p>
            </header>
            <Suspense fallback=|| view! { <p class="panel__hint" role="status">"Looking for reports …"</p> }>
                {move || Suspend::new(async move {
                    match first.await {
                        Ok(list) => view! { <All list actions/> }.into_any(),
                        Err(fault) => view! { <p class="page__fault" role="alert">{fault.to_string()}</p> }.into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
    .into_any()
}

/// Reports, schedules and forms. The forms stay as they are typed in while the lists follow the server.
#[component]
fn All(list: ReportList, actions: Actions) -> impl IntoView {
    let (zone, can_mail) = (list.zone.clone(), list.can_mail);
    let is_moving = |list: &ReportList| list.reports.iter().any(is_moving);
    let refresh = Refresh::new(list, is_moving, fetch_reports);
    refresh.after(actions.done());
    let latest = refresh.latest;
    let fault = refresh.fault;
    let reports = Memo::new(move |_| latest.with(|list| list.reports.clone()));
    let schedules = Memo::new(move |_| latest.with(|list| list.schedules.clone()));
    let notices = Memo::new(move |_| latest.with(|list| list.notices.clone()));
    let keeping = Memo::new(move |_| latest.with(|list| list.keep_days));
    let kept = move || match keeping.get() {
        Some(1) => "Reports are kept for a day.".to_owned(),
        Some(days) => format!("Reports are kept for {days} days after they were made."),
        None => "Reports are kept for good.".to_owned(),
    };
    view! {
        <ul class="reports__notices">
            {move || notices.get().into_iter().map(|notice| view! { <li class="reports__notice">{notice}</li> }).collect_view()}
        </ul>
        <p class="page__fault" role="alert">{move || actions.fault().or(fault.get().map(|fault: ApiError| fault.to_string()))}</p>
        <section class="panel" aria-labelledby="reports-title">
            <h2 id="reports-title" class="panel__title">
                "Made and due"<span class="panel__note">{kept}</span>
            </h2>
            <ReportTable reports schedules actions/>
        </section>
        <section class="panel" aria-labelledby="order-title">
            <h2 id="order-title" class="panel__title">"Make a report now"</h2>
            <OrderForm actions zone=zone.clone()/>
        </section>
        <section class="panel" aria-labelledby="schedules-title">
            <h2 id="schedules-title" class="panel__title">
                "Schedules"<span class="panel__note">"Reports that are made by themselves"</span>
            </h2>
            <ScheduleTable schedules actions/>
            <details class="fold">
                <summary>"Add a schedule"</summary>
                <ScheduleForm actions zone can_mail/>
            </details>
        </section>
    }
    .into_any()
}

/// True while a report will change by itself soon.
fn is_moving(entry: &ReportEntry) -> bool {
    match entry.state {
        ReportState::Waiting => true,
        ReportState::Failed { next_ms, .. } => next_ms.is_some(),
        ReportState::Done => entry.deliveries.iter().any(|delivery| delivery.next_ms.is_some()),
    }
}
