//! Who made the data on the page: shown on every page, as their licences ask.

use leptos::prelude::*;

use crate::model::status::{DatabaseKind, Status};

/// The footer with the credits that the databases in use call for.
#[component]
pub fn Credits(
    /// The latest status.
    status: Signal<Option<Status>>,
) -> impl IntoView {
    let has = move |wanted: fn(&Status) -> bool| {
        let has = Memo::new(move |_| status.with(|status| status.as_ref().is_some_and(wanted)));
        move || has.get()
    };
    view! {
        <footer class="credits">
            <span>
                "Made with "
                <a href="https://www.naturalearthdata.com" rel="external">"Natural Earth"</a>
            </span>
            " "
            <Show when=has(|status| status.geolocation.needs_db_ip_attribution())>
                <span><a href="https://db-ip.com" rel="external">"IP Geolocation by DB-IP"</a></span>
            </Show>
            " "
            <Show when=has(has_free_as_data)>
                <span>"AS data: RouteViews, DB-IP, NRO"</span>
            </Show>
        </footer>
    }
    .into_any()
}

/// True for the AS database that the set-up fetches; a user's own GeoLite2 file needs no credit to these.
fn has_free_as_data(status: &Status) -> bool {
    status.geolocation.databases.iter().any(|database| {
        database.kind == DatabaseKind::AutonomousSystem && !database.database_type.starts_with("Geo")
    })
}
