//! The button between the dark and the light theme.

use leptos::prelude::*;

use crate::browser::theme;

/// A round button; the choice lasts in a cookie.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    view! {
        <button
            type="button"
            class="theme-toggle"
            aria-label="Switch between dark and light theme"
            title="Dark or light"
            on:click=move |_| theme::choose(Some(theme::shown().other()))
        >
            <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
                <circle cx="12" cy="12" r="8.25" fill="none" stroke="currentColor" stroke-width="1.5"></circle>
                <path d="M12 3.75a8.25 8.25 0 0 1 0 16.5z" fill="currentColor"></path>
            </svg>
        </button>
    }
}
