//! The schedules.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::actions::Actions;
use super::table::{about, table};
use crate::model::report::{Period, Schedule, ScheduleEntry, Section};

/// The table, or that there is none.
#[component]
pub fn ScheduleTable(
    /// The schedules, by name.
    schedules: Memo<Vec<ScheduleEntry>>,
    /// What can be done with them.
    actions: Actions,
) -> impl IntoView {
    move || {
        let schedules = schedules.get();
        if schedules.is_empty() {
            return view! {
                <p class="panel__hint">"There is none: reports are made only when somebody asks for one."</p>
            }
            .into_any();
        }
        let rows = schedules.into_iter().map(|entry| line(entry, actions)).collect_view();
        table("reports__schedules", "Schedules", ["Name", "Of each", "Next", "What", "Goes to"], rows)
    }
}

/// `month`, `week` or `day`, as a cell says it.
const fn each(period: Period) -> &'static str {
    match period {
        Period::Month => "calendar month",
        Period::Week => "week",
        Period::Day => "day",
        Period::Custom => "range",
    }
}

/// Which sections it has, in words.
fn chosen(sections: &[Section]) -> String {
    if sections.len() == Section::ALL.len() || sections.is_empty() {
        return "Every section".to_owned();
    }
    let headings: Vec<&str> = sections.iter().map(|section| section.heading()).collect();
    headings.join(", ")
}

fn line(entry: ScheduleEntry, actions: Actions) -> impl IntoView {
    let ScheduleEntry { schedule, is_configured, next_ms, next_at } = entry;
    let Schedule { name, period, cron, zone, title, filter, sections, email, webhook } = schedule;
    let next = if next_ms.is_some() { next_at } else { "never".to_owned() };
    let mut receivers = email;
    if !webhook.is_empty() {
        receivers.push(format!("webhook {webhook}"));
    }
    let receivers =
        if receivers.is_empty() { "nobody: it is kept here".to_owned() } else { receivers.join(", ") };
    let about = about(&title, &filter);
    let (of, to_remove) = (name.clone(), name.clone());
    let removal = if is_configured {
        view! { <span class="panel__hint">"From meridian.toml: changed there"</span> }.into_any()
    } else {
        view! {
            <details class="report-actions__remove">
                <summary class="button">"Remove …"</summary>
                <div class="report-actions__sure">
                    <p>"Its reports stay."</p>
                    <ActionForm action=actions.remove_schedule>
                        <input type="hidden" name="name" value=to_remove/>
                        <button type="submit" class="button button--danger">"Remove it"</button>
                    </ActionForm>
                </div>
            </details>
        }
        .into_any()
    };
    view! {
        <tr data-schedule=of>
            <th scope="row">{name}" "{about}</th>
            <td data-label="Of each">{each(period)}</td>
            <td data-label="Next">
                {next}" "
                <span class="reports__about"><code>{cron}</code>" in "{zone}</span>
            </td>
            <td data-label="What">{chosen(&sections)}</td>
            <td data-label="Goes to" class="reports__receivers">{receivers}</td>
            <td class="reports__actions">{removal}</td>
        </tr>
    }
}
