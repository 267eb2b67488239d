//! What makes a `<details>` close like a menu: with Escape, and by a press anywhere else.

use leptos::ev;
use leptos::html::Details;
use leptos::leptos_dom::helpers::window_event_listener;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{self, HtmlDetailsElement, HtmlElement, Node};

/// Closes it when it is left.
pub fn close_when_left(details: NodeRef<Details>) {
    Effect::new(move |_| {
        let press = window_event_listener(ev::pointerdown, move |event| {
            let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
            let open = details.get_untracked().filter(HtmlDetailsElement::open);
            if let Some(open) = open
                && !open.contains(target.as_ref())
            {
                open.set_open(false);
            }
        });
        let key = window_event_listener(ev::keydown, move |event| {
            let open = details.get_untracked().filter(HtmlDetailsElement::open);
            if let Some(open) = open
                && event.key() == "Escape"
                && !event.default_prevented()
            {
                close(&open);
            }
        });
        on_cleanup(move || {
            press.remove();
            key.remove();
        });
    });
}

/// Closes it, and gives the focus back to what opened it.
pub fn close(details: &web_sys::HtmlDetailsElement) {
    details.set_open(false);
    let summary = details.query_selector("summary").ok().flatten();
    if let Some(summary) = summary.and_then(|summary| summary.dyn_into::<HtmlElement>().ok()) {
        // Fails only for what cannot have the focus, and a summary can.
        drop(summary.focus());
    }
}
