//! The chosen theme in the browser: an attribute of the document, and a cookie for the next visit.

use leptos::leptos_dom::helpers::{document, window};
use wasm_bindgen::JsCast;

use crate::model::theme::{COOKIE, Theme};

/// The theme the user chose; `None` follows the system.
pub fn chosen() -> Option<Theme> {
    let root = document().document_element()?;
    Theme::parse(&root.get_attribute("data-theme")?)
}

/// The theme on the screen now.
pub fn shown() -> Theme {
    chosen().unwrap_or_else(|| {
        let prefers_light = window().match_media("(prefers-color-scheme: light)").ok().flatten();
        if prefers_light.is_some_and(|query| query.matches()) { Theme::Light } else { Theme::Dark }
    })
}

/// Changes the theme and remembers it for a year; `None` follows the system again.
pub fn choose(theme: Option<Theme>) {
    let Some(root) = document().document_element() else { return };
    let (cookie, changed) = match theme {
        Some(theme) => (
            format!("{COOKIE}={}; Max-Age=31536000", theme.name()),
            root.set_attribute("data-theme", theme.name()),
        ),
        None => (format!("{COOKIE}=; Max-Age=0"), root.remove_attribute("data-theme")),
    };
    // Neither can fail for a fixed attribute name and an HTML document.
    drop(changed);
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        drop(document.set_cookie(&format!("{cookie}; Path=/; SameSite=Lax")));
    }
}
