//! The document shell, the routes, and what surrounds every page: header, notices, credits.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::SsrMode;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::browser::theme;
use crate::components::credits::Credits;
use crate::components::notices::Notices;
use crate::components::site_header::SiteHeader;
use crate::model::theme::Theme;
use crate::pages::explore::ExplorePage;
use crate::pages::exporters::ExportersPage;
use crate::pages::health::Health;
use crate::pages::heatmap::{CountryPage, HeatmapPage};
use crate::pages::live::LivePage;
use crate::pages::not_found::NotFoundPage;
use crate::pages::replay::ReplayPage;
use crate::pages::reports::{ReportPage, ReportsPage};
use crate::pages::settings::SettingsPage;

/// The document around the application, rendered on the server only.
///
/// The theme comes with the first byte (from the request's cookie), so that no page flashes in the other one.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::chosen().map(Theme::name)>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="dark light"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="manifest" href="/site.webmanifest"/>
                <HashedStylesheet options=options.clone() id="meridian-style"/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The application: every page with its surroundings.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let health = Health::at_first_render();
    provide_context(health);
    health.keep_up_to_date();
    view! {
        <Router>
            <a class="skip-link" href="#content">"Skip to content"</a>
            <SiteHeader badge=health.badge() is_demo=health.is_demo() listeners=health.listeners()/>
            <Notices status=health.status.into()/>
            <FlatRoutes fallback=NotFoundPage>
                <Route path=path!("/") view=LivePage ssr=SsrMode::Async/>
                <Route path=path!("/heatmap") view=HeatmapPage ssr=SsrMode::Async/>
                <Route path=path!("/heatmap/:country") view=CountryPage ssr=SsrMode::Async/>
                <Route path=path!("/replay") view=ReplayPage ssr=SsrMode::Async/>
                <Route path=path!("/explore") view=ExplorePage ssr=SsrMode::Async/>
                <Route path=path!("/reports") view=ReportsPage ssr=SsrMode::Async/>
                <Route path=path!("/reports/:id") view=ReportPage ssr=SsrMode::Async/>
                <Route path=path!("/exporters") view=ExportersPage ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=SettingsPage ssr=SsrMode::Async/>
            </FlatRoutes>
            <Credits status=health.status.into()/>
        </Router>
    }
}
