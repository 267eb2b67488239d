//! A report on demand, and a new schedule.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::actions::{Actions, Outcome};
use super::fields::{CommonFields, SectionFields, TextField};
use crate::model::report::Period;

/// Asks for a report: of a calendar month, or of any range.
#[component]
pub fn OrderForm(
    /// The actions.
    actions: Actions,
    /// The zone that is offered.
    zone: String,
) -> impl IntoView {
    let order = actions.order;
    let zone_of_range = zone.clone();
    let fault = Signal::derive(move || order.value().get().and_then(Result::err));
    let is_pending = Signal::derive(move || order.pending().get());
    view! {
        <div class="reports__orders">
            <ActionForm action=order attr:class="report-form">
                <label class="field">
                    <span>"A calendar month"</span>
                    <input type="month" name="from" required placeholder="2026-10" pattern="[0-9]{4}-[0-9]{2}"/>
                </label>
                <input type="hidden" name="to" value=""/>
                <CommonFields zone/>
                <SectionFields/>
                <button type="submit" class="button button--primary" disabled=is_pending>"Report of the month"</button>
            </ActionForm>
            <details class="fold">
                <summary>"Another range"</summary>
                <ActionForm action=order attr:class="report-form">
                    <TextField name="from" label="From" placeholder="last week, 2026-10-31 08:00" required=true/>
                    <TextField name="to" label="To" placeholder="empty for the end of “from”"/>
                    <CommonFields zone=zone_of_range/>
                    <SectionFields/>
                    <button type="submit" class="button button--primary" disabled=is_pending>"Report of the range"</button>
                </ActionForm>
            </details>
        </div>
        <Outcome fault is_pending/>
    }
    .into_any()
}

/// Adds a schedule.
#[component]
pub fn ScheduleForm(
    /// The actions.
    actions: Actions,
    /// The zone that is offered.
    zone: String,
    /// True when e-mail can be sent.
    can_mail: bool,
) -> impl IntoView {
    let add = actions.add;
    let fault = Signal::derive(move || add.value().get().and_then(Result::err));
    let is_pending = Signal::derive(move || add.pending().get());
    let periods =
        [(Period::Month, "Calendar month"), (Period::Week, "Week, from Monday on"), (Period::Day, "Day")]
            .map(|(period, label)| view! { <option value=period.name()>{label}</option> })
            .collect_view();
    let mail = if can_mail {
        view! {
            <TextField name="email" label="E-mail to" placeholder="noc@example.net, head@example.net" hint="Gets the PDF"/>
        }
        .into_any()
    } else {
        view! {
            <input type="hidden" name="email" value=""/>
            <p class="panel__hint">"No e-mail is sent: the configuration names no mail server."</p>
        }
        .into_any()
    };
    view! {
        <ActionForm action=add attr:class="report-form">
            <TextField name="name" label="Name" placeholder="monthly" hint="Lower-case letters, digits and -" required=true/>
            <label class="field">
                <span>"Of each"</span>
                <select name="period">{periods}</select>
            </label>
            <TextField name="cron" label="When" placeholder="0 3 1 * *" hint="As cron writes it; empty for soon after the end"/>
            <CommonFields zone/>
            <TextField name="webhook" label="Webhook" placeholder="https://chat.example.net/hook"/>
            {mail}
            <SectionFields/>
            <button type="submit" class="button button--primary" disabled=is_pending>"Add the schedule"</button>
        </ActionForm>
        <Outcome fault is_pending/>
    }
    .into_any()
}
