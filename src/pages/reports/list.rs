//! The reports that were made or are due.

use leptos::prelude::*;
use leptos_router::components::A;

use super::actions::{Actions, report_actions};
use super::state::{deliveries, page_href, pdf_href, state};
use super::table::{about, table};
use crate::model::quantity;
use crate::model::report::{ReportEntry, ReportState, ScheduleEntry};
use crate::model::time;

/// The table, or why there is nothing in it.
#[component]
pub fn ReportTable(
    /// The reports, the latest due first.
    reports: Memo<Vec<ReportEntry>>,
    /// How many there are in all.
    in_all: Memo<u64>,
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
        let heads = ["Period", "Why", "State", "Sent", "Files"];
        let note = left_out(reports.len(), in_all.get());
        view! {
            {table("reports__table", "Reports, the latest due first", heads, rows)}
            {note.map(|note| view! { <p class="panel__hint reports__left-out">{note}</p> })}
        }
        .into_any()
    }
}

fn line(entry: &ReportEntry, actions: Actions) -> impl IntoView + use<> {
    let question = &entry.question;
    let about = about(&question.title, &question.filter);
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
                <A href=page>{period}</A>" "{about}
            </th>
            <td data-label="Why">{why}" "<span class="reports__about">{due}</span></td>
            <td data-label="State">{state}</td>
            <td data-label="Sent">{sent}</td>
            <td data-label="Files" class="reports__files">{files}</td>
            <td class="reports__actions">{report_actions(entry, actions)}</td>
        </tr>
    }
}

/// What is not in the list; `None` when everything is.
fn left_out(shown: usize, in_all: u64) -> Option<String> {
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    (in_all > shown).then(|| {
        format!("These are the latest {} of {} reports.", quantity::count(shown), quantity::count(in_all))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_cut_says_how_many_there_are() {
        let told = left_out(2_000, 2_468).map(|note| note.replace('\u{202f}', " "));
        assert_eq!(told.as_deref(), Some("These are the latest 2 000 of 2 468 reports."));
        assert_eq!(left_out(7, 7), None);
    }
}
