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
mod table;

use leptos::prelude::*;
use leptos_meta::{Meta, Title};

pub use self::one::ReportPage;

use self::actions::Actions;
use self::forms::{OrderForm, ScheduleForm};
use self::list::ReportTable;
use self::refresh::{Pace, Refresh};
use self::schedules::ScheduleTable;
use crate::api::error::ApiError;
use crate::api::reports::fetch_reports;
use crate::model::report::{ReportEntry, ReportList, ReportState};

/// What happens within so many milliseconds is waited for.
const SOON_MS: i64 = 60_000;

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
    let refresh = Refresh::new(list, pace_of_list, fetch_reports);
    refresh.after(actions.done());
    let latest = refresh.latest;
    let fault = refresh.fault;
    let reports = Memo::new(move |_| latest.with(|list| list.reports.clone()));
    let in_all = Memo::new(move |_| latest.with(|list| list.reports_in_all));
    let schedules = Memo::new(move |_| latest.with(|list| list.schedules.clone()));
    let notices = Memo::new(move |_| latest.with(|list| list.notices.clone()));
    let keeping = Memo::new(move |_| latest.with(|list| list.keep_days));
    let kept = move || match keeping.get() {
        Some(1) => "Reports are kept for a day after they were due.".to_owned(),
        Some(days) => format!("Reports are kept for {days} days after they were due."),
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
            <ReportTable reports in_all schedules actions/>
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

/// How soon a list is looked at again: as soon as the first of its reports.
fn pace_of_list(list: &ReportList, now_ms: i64) -> Option<Pace> {
    list.reports.iter().filter_map(|entry| pace(entry, now_ms)).min()
}

/// How soon a report is looked at again; `None` when it does not change by itself.
fn pace(entry: &ReportEntry, now_ms: i64) -> Option<Pace> {
    let next_ms = match entry.state {
        ReportState::Waiting => return Some(Pace::Fast),
        ReportState::Failed { next_ms, .. } => next_ms,
        ReportState::Done => entry.deliveries.iter().filter_map(|delivery| delivery.next_ms).min(),
    }?;
    Some(if next_ms.saturating_sub(now_ms) < SOON_MS { Pace::Fast } else { Pace::Slow })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::report::sample;
    use crate::model::report::Delivery;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn entry(state: ReportState, sent_next_ms: Option<i64>) -> ReportEntry {
        let delivery = Delivery {
            kind: "email".to_owned(),
            to: "noc@example.net".to_owned(),
            sent_ms: None,
            attempts: 1,
            next_ms: sent_next_ms,
            fault: "refused".to_owned(),
        };
        ReportEntry {
            id: "monthly-2026-10".to_owned(),
            schedule: None,
            question: sample::report().question,
            period: "October 2026".to_owned(),
            due_ms: NOW_MS,
            made_ms: None,
            state,
            deliveries: vec![delivery],
        }
    }

    #[test]
    fn what_is_tried_again_in_a_day_is_not_looked_at_every_two_seconds() {
        let failed = |next_ms| entry(ReportState::Failed { reason: String::new(), next_ms }, None);
        assert_eq!(pace(&failed(Some(NOW_MS + 86_400_000)), NOW_MS), Some(Pace::Slow));
        assert_eq!(pace(&failed(Some(NOW_MS + 59_999)), NOW_MS), Some(Pace::Fast));
        assert_eq!(pace(&failed(None), NOW_MS), None);
        let sent = |next_ms| entry(ReportState::Done, next_ms);
        assert_eq!(pace(&sent(Some(NOW_MS + 3_600_000)), NOW_MS), Some(Pace::Slow));
        assert_eq!(pace(&sent(Some(NOW_MS - 5)), NOW_MS), Some(Pace::Fast));
        assert_eq!(pace(&sent(None), NOW_MS), None);
        assert_eq!(pace(&entry(ReportState::Waiting, None), NOW_MS), Some(Pace::Fast));
    }
}
