//! The header of every page: name, navigation, badge and theme.

use leptos::prelude::*;
use leptos_router::components::A;

use super::badge::{Badge, BadgeState};
use super::theme_toggle::ThemeToggle;
use crate::model::status::Listener;

/// The header.
#[component]
pub fn SiteHeader(
    /// What the badge says.
    badge: Signal<BadgeState>,
    /// True while the built-in demo exporter runs.
    is_demo: Signal<bool>,
    /// The sockets that wait for export datagrams.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    view! {
        <header class="site-header">
            <A href="/" attr:class="site-header__name">
                <svg class="site-header__mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
                    <circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="1.5"></circle>
                    <ellipse cx="12" cy="12" rx="4" ry="9" fill="none" stroke="currentColor" stroke-width="1.5"></ellipse>
                    <path d="M4.5 16.5C8 9 16 9 19.5 7.5" fill="none" class="site-header__arc" stroke-width="2"></path>
                </svg>
                "Meridian"
            </A>
            <nav class="site-header__nav" aria-label="Pages">
                <A href="/" exact=true>"Live"</A>
                " "
                <A href="/replay">"Replay"</A>
                " "
                <A href="/heatmap">"Heatmap"</A>
                " "
                <A href="/explore">"Explore"</A>
                " "
                <A href="/reports">"Reports"</A>
                " "
                <A href="/exporters">"Exporters"</A>
                " "
                <A href="/settings">"Settings"</A>
            </nav>
            <div class="site-header__state">
                <Badge state=badge is_demo listeners/>
                <ThemeToggle/>
            </div>
        </header>
    }
    .into_any()
}
