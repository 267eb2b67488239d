//! What the browser keeps for this site, in its local storage.

use leptos::leptos_dom::helpers::window;

/// A text that was kept; `None` where there is none, or nothing may be kept.
pub fn read(name: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(name).ok().flatten()
}

/// Keeps a text; false where nothing may be kept, or the room is used up.
pub fn write(name: &str, text: &str) -> bool {
    let storage = window().local_storage().ok().flatten();
    storage.is_some_and(|storage| storage.set_item(name, text).is_ok())
}
