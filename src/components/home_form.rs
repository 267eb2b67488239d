//! Where is home? A form for the place of the home networks: a real form, that works without WASM too.

use leptos::ev::KeyboardEvent;
use leptos::form::ActionForm;
use leptos::html::Details;
use leptos::prelude::*;

use crate::api::home::SetHome;
use crate::browser::page;
use crate::model::place::{HomeLocation, Place};

/// The form's fields, so that a click on the map can fill them in.
#[derive(Clone, Copy)]
pub struct HomeDraft {
    name: RwSignal<String>,
    latitude: RwSignal<String>,
    longitude: RwSignal<String>,
    /// True while a click on the map fills in the form.
    pub is_picking: RwSignal<bool>,
}

impl HomeDraft {
    /// Starts with the present place, if there is one.
    pub fn new(place: Option<&Place>) -> Self {
        let draft = Self {
            name: RwSignal::new(String::new()),
            latitude: RwSignal::new(String::new()),
            longitude: RwSignal::new(String::new()),
            is_picking: RwSignal::new(false),
        };
        if let Some(place) = place {
            draft.fill(&place.city, f64::from(place.latitude), f64::from(place.longitude));
        }
        draft
    }

    /// Fills in a place; an empty name leaves the name as it is.
    pub fn fill(self, name: &str, latitude: f64, longitude: f64) {
        if !name.is_empty() {
            self.name.set(name.to_owned());
        }
        self.latitude.set(format!("{latitude:.3}"));
        self.longitude.set(format!("{longitude:.3}"));
        self.is_picking.set(false);
    }
}

/// The form.
#[component]
pub fn HomeForm(
    /// Its fields.
    draft: HomeDraft,
    /// What it sends.
    action: ServerAction<SetHome>,
    /// True beside a map whose cities can be clicked.
    #[prop(optional)]
    has_map: bool,
) -> impl IntoView {
    let hint = RwSignal::new(None::<&'static str>);
    let locate = move |_| {
        hint.set(Some("Asking the browser …"));
        page::ask_position(move |answer| match answer {
            Ok((latitude, longitude)) => {
                draft.fill("", latitude, longitude);
                hint.try_set(None);
            }
            Err(reason) => drop(hint.try_set(Some(reason))),
        });
    };
    let outcome = move || match action.value().get() {
        Some(Ok(())) => Some(("home-form__outcome", "Saved.".to_owned())),
        Some(Err(error)) => Some(("home-form__outcome home-form__outcome--fault", error.to_string())),
        None => None,
    };
    view! {
        <ActionForm action attr:class="home-form">
            <label class="field field--wide">
                <span>"Name"</span>
                <input
                    name="home[name]" type="text" required maxlength=HomeLocation::NAME_CHARS.to_string()
                    placeholder="Lyon office" autocomplete="off"
                    prop:value=move || draft.name.get() value=draft.name.get_untracked()
                    on:input=move |event| draft.name.set(event_target_value(&event))
                />
            </label>
            <label class="field">
                <span>"Latitude, ° north"</span>
                <input
                    name="home[latitude]" type="number" required step="any" min="-90" max="90" placeholder="45.76"
                    prop:value=move || draft.latitude.get() value=draft.latitude.get_untracked()
                    on:input=move |event| draft.latitude.set(event_target_value(&event))
                />
            </label>
            <label class="field">
                <span>"Longitude, ° east"</span>
                <input
                    name="home[longitude]" type="number" required step="any" min="-180" max="180" placeholder="4.84"
                    prop:value=move || draft.longitude.get() value=draft.longitude.get_untracked()
                    on:input=move |event| draft.longitude.set(event_target_value(&event))
                />
            </label>
            <div class="home-form__actions">
                <button type="submit" class="button button--primary" disabled=move || action.pending().get()>
                    "Set home"
                </button>
                <button type="button" class="button" on:click=locate>"This browser's position"</button>
                {has_map.then(|| view! {
                    <button
                        type="button"
                        class="button"
                        aria-pressed=move || if draft.is_picking.get() { "true" } else { "false" }
                        on:click=move |_| draft.is_picking.update(|is_picking| *is_picking = !*is_picking)
                    >
                        {move || if draft.is_picking.get() { "Click a city …" } else { "Pick on the map" }}
                    </button>
                })}
            </div>
            <p class="home-form__hint" role="status">
                {move || hint.get()}
                {move || outcome().map(|(class, text)| view! { <span class=class>{text}</span> })}
            </p>
        </ActionForm>
    }
    .into_any()
}

/// The question on the map, as long as nobody has said where home is.
#[component]
pub fn HomePrompt(
    /// The form's fields.
    draft: HomeDraft,
    /// What the form sends.
    action: ServerAction<SetHome>,
) -> impl IntoView {
    let prompt = NodeRef::<Details>::new();
    let close = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            draft.is_picking.set(false);
            if let Some(prompt) = prompt.get_untracked() {
                prompt.set_open(false);
            }
        }
    };
    view! {
        <details class="home-prompt" node_ref=prompt on:keydown=close>
            <summary class="home-prompt__question">"Where is home?"</summary>
            <p class="home-prompt__why">
                "Your own addresses are private: no database knows where they are. Until you say so, their flows "
                "are drawn from a neutral marker in the South Atlantic, labelled “home (place not set)”."
            </p>
            <HomeForm draft action has_map=true/>
        </details>
    }
    .into_any()
}
