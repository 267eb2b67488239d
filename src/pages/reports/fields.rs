//! Fields that the forms have in common.

use leptos::prelude::*;

use crate::components::report::wording::TITLE;
use crate::model::report::Section;

/// A field of a line of text.
#[component]
pub fn TextField(
    /// What it is called in the form.
    name: &'static str,
    /// What it is called on the page.
    label: &'static str,
    /// What it begins with.
    #[prop(optional, into)]
    value: String,
    /// An example.
    #[prop(optional)]
    placeholder: &'static str,
    /// What to know about it.
    #[prop(optional)]
    hint: &'static str,
    /// True when it has to be filled in.
    #[prop(optional)]
    required: bool,
) -> impl IntoView {
    view! {
        <label class="field">
            <span>{label}</span>
            <input type="text" name=name value=value placeholder=placeholder required=required autocomplete="off" spellcheck="false"/>
            {(!hint.is_empty()).then(|| view! { <span class="field__hint">{hint}</span> })}
        </label>
    }
    .into_any()
}

/// Zone, title, filter.
#[component]
pub fn CommonFields(
    /// The zone that is offered.
    zone: String,
) -> impl IntoView {
    view! {
        <TextField name="zone" label="Time zone" value=zone placeholder="Africa/Johannesburg" required=true/>
        <TextField name="title" label="Title" placeholder=TITLE/>
        <TextField name="filter" label="Only flows with" placeholder="all flows, or: port = 53"/>
    }
    .into_any()
}

/// Which sections it is to have.
#[component]
pub fn SectionFields() -> impl IntoView {
    let boxes = Section::ALL
        .map(|section| {
            view! {
                <label class="report-form__section">
                    <input type="checkbox" name="sections[]" value=section.name() checked/>
                    <span>{section.heading()}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <details class="fold report-form__sections">
            <summary>"Choose sections"</summary>
            <fieldset>
                <legend class="visually-hidden">"Sections"</legend>
                {boxes}
            </fieldset>
        </details>
    }
    .into_any()
}
