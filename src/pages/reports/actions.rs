//! What can be done with reports and schedules, as forms.

use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::api::error::ApiError;
use crate::api::reports::{
    AddSchedule, OrderReport, RemakeReport, RemoveReport, RemoveSchedule, ResendReport,
};
use crate::model::report::ReportEntry;

/// Every action of a page.
#[derive(Clone, Copy)]
pub struct Actions {
    /// Asks for a report.
    pub order: ServerAction<OrderReport>,
    /// Makes one anew.
    pub remake: ServerAction<RemakeReport>,
    /// Sends one again.
    pub resend: ServerAction<ResendReport>,
    /// Removes one.
    pub remove: ServerAction<RemoveReport>,
    /// Adds a schedule.
    pub add: ServerAction<AddSchedule>,
    /// Removes one.
    pub remove_schedule: ServerAction<RemoveSchedule>,
}

impl Actions {
    /// None done yet; without WASM with the fault of the one that led here.
    pub fn new() -> Self {
        Self {
            order: ServerAction::new(),
            remake: ServerAction::new(),
            resend: ServerAction::new(),
            remove: ServerAction::new(),
            add: ServerAction::new(),
            remove_schedule: ServerAction::new(),
        }
    }

    /// How many were done.
    pub fn done(self) -> Signal<usize> {
        Signal::derive(move || {
            self.remake.version().get()
                + self.resend.version().get()
                + self.remove.version().get()
                + self.add.version().get()
                + self.remove_schedule.version().get()
                + self.order.version().get()
        })
    }

    /// Why what was last done to a report or schedule failed. Forms that are filled in say so themselves.
    pub fn fault(self) -> Option<String> {
        [
            self.remake.value().get(),
            self.resend.value().get(),
            self.remove.value().get(),
            self.remove_schedule.value().get(),
        ]
        .into_iter()
        .flatten()
        .find_map(Result::err)
        .map(|fault| fault.to_string())
    }
}

/// What came of a form that was filled in.
#[component]
pub fn Outcome(
    /// What the server said.
    #[prop(into)]
    fault: Signal<Option<ApiError>>,
    /// True while it is asked.
    #[prop(into)]
    is_pending: Signal<bool>,
) -> impl IntoView {
    view! {
        <p class="report-form__outcome" role="status">
            {move || is_pending.get().then_some("Sending …")}
            {move || fault.get().filter(|_| !is_pending.get()).map(|fault| view! {
                <span class="report-form__fault">{fault.to_string()}</span>
            })}
        </p>
    }
    .into_any()
}

/// What can be done with a report.
pub fn report_actions(entry: &ReportEntry, actions: Actions) -> impl IntoView + use<> {
    let [to_remake, to_remove] = [entry.id.clone(), entry.id.clone()];
    let resend = (!entry.deliveries.is_empty()).then(|| {
        let id = entry.id.clone();
        view! {
            <ActionForm action=actions.resend>
                <input type="hidden" name="id" value=id/>
                <button type="submit" class="button">"Send again"</button>
            </ActionForm>
        }
    });
    view! {
        <div class="report-actions">
            <ActionForm action=actions.remake>
                <input type="hidden" name="id" value=to_remake/>
                <button type="submit" class="button" title="From what is kept of the period now">"Make anew"</button>
            </ActionForm>
            {resend}
            <details class="report-actions__remove">
                <summary class="button">"Remove …"</summary>
                <div class="report-actions__sure">
                    <p>{format!("Remove the report of {} for good?", entry.period)}</p>
                    <ActionForm action=actions.remove>
                        <input type="hidden" name="id" value=to_remove/>
                        <button type="submit" class="button button--danger">"Remove it"</button>
                    </ActionForm>
                </div>
            </details>
        </div>
    }
    .into_any()
}
