//! The reports that were made or are due.

use leptos::prelude::*;
use leptos_router::components::A;

use super::actions::{Actions, report_actions};
use super::state::{deliveries, page_href, pdf_href, state};
use crate::model::report::{ReportEntry, ReportState, ScheduleEntry};
use crate::model::time;

/// The table, or why there is nothing in it.
#[component]
pub fn ReportTable(
    /// The reports, the latest due first.
    reports: Memo<Vec<ReportEntry>>,
    /// The schedules, for when the first one comes.
    schedules: Memo<Vec<ScheduleEntry>>,
    /// What can be done with them.
    actions: Actions,
) -> impl IntoView {
    move || {
        let reports = reports.get();
        if reports.is_empty() {
            return empty(&schedules.get());
        }
        let rows = reports.iter().map(|entry| line(entry, actions)).collect_view();
        view! {
            <table class="data-table data-table--stacked reports__table">
                <caption class="visually-hidden">"Reports, the latest due first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Period"</th>
                        <th scope="col">"Why"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Sent"</th>
                        <th scope="col">"Files"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    }
}

fn line(entry: &ReportEntry, actions: Actions) -> impl IntoView + use<> {
    let question = &entry.question;
    let title = (!question.title.is_empty())
        .then(|| view! { <span class="reports__about">{question.title.clone()}</span> });
    let filter = (!question.filter.is_empty())
        .then(|| view! { <span class="reports__about">"only "<code>{question.filter.clone()}</code></span> });
    let why =
        entry.schedule.as_ref().map_or_else(|| "Asked for".to_owned(), |name| format!("Schedule {name}"));
    let due = format!(
        "{} {}",
        if entry.schedule.is_some() { "due" } else { "at" },
        time::date_and_time(entry.due_ms)
    );
    let (page, period) = (page_href(&entry.id), entry.period.clone());
    let (state, sent, id) = (state(entry), deliveries(entry), entry.id.clone());
    let files = (entry.made_ms.is_some() || entry.state == ReportState::Done).then(|| {
        view! {
            <A href=page_href(&entry.id)>"Page"</A>" "
            <a href=pdf_href(&entry.id) rel="external">"PDF"</a>
        }
    });
    view! {
        <tr data-report=id>
            <th scope="row">
                <A href=page>{period}</A>" "{title}" "{filter}
            </th>
            <td data-label="Why">{why}" "<span class="reports__about">{due}</span></td>
            <td data-label="State">{state}</td>
            <td data-label="Sent">{sent}</td>
            <td data-label="Files" class="reports__files">{files}</td>
            <td class="reports__actions">{report_actions(entry, actions)}</td>
        </tr>
    }
}

/// Why there is none, and when the first one comes.
fn empty(schedules: &[ScheduleEntry]) -> AnyView {
    let next = schedules.iter().filter_map(|entry| Some((entry.next_ms?, entry))).min_by_key(|(ms, _)| *ms);
    let coming = match next {
        Some((_, entry)) => format!(
            "The first one comes {}, when the {} of the schedule “{}” is over.",
            entry.next_at,
            entry.schedule.period.name(),
            entry.schedule.name,
        ),
        None => "No schedule makes one by itself: add one below.".to_owned(),
    };
    view! {
        <div class="reports__empty">
            <p>"There is no report yet: no period that a schedule is of has ended since Meridian began to collect."</p>
            <p class="reports__coming">{coming}</p>
            <p>"Or ask for one now, of what has been collected so far."</p>
        </div>
    }
    .into_any()
}
