//! `/settings`: where home is, which databases answer, what is kept, how the page looks, and what is configured where.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};

use super::health::Health;
use crate::api::history::fetch_history_status;
use crate::api::home::SetHome;
use crate::browser::theme;
use crate::components::history_panel::HistoryPanel;
use crate::components::home_form::{HomeDraft, HomeForm};
use crate::model::place::{HomeNetwork, Precision};
use crate::model::status::{Database, DatabaseKind};
use crate::model::theme::Theme;
use crate::model::{quantity, time};

/// The page.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let health = expect_context::<Health>();
    let action = ServerAction::<SetHome>::new();
    Effect::new(move |_| {
        if let Some(Ok(())) = action.value().get() {
            health.refresh();
        }
    });
    let history = Resource::new(|| (), |()| fetch_history_status());
    let status = health.status;
    let present = status.with_untracked(|status| {
        let networks = status.as_ref().map(|status| status.home_networks.as_slice()).unwrap_or_default();
        networks
            .iter()
            .find(|network| network.place.precision == Precision::Home)
            .map(|home| home.place.clone())
    });
    let draft = HomeDraft::new(present.as_ref());
    let can_be_set =
        Memo::new(move |_| status.with(|status| status.as_ref().is_none_or(|status| status.home_can_be_set)));
    let networks = Memo::new(move |_| {
        status.with(|status| status.as_ref().map(|status| status.home_networks.clone()).unwrap_or_default())
    });
    let databases = Memo::new(move |_| {
        status.with(|status| {
            status.as_ref().map(|status| status.geolocation.databases.clone()).unwrap_or_default()
        })
    });
    let problems = Memo::new(move |_| {
        status.with(|status| {
            status.as_ref().map(|status| status.geolocation.problems.clone()).unwrap_or_default()
        })
    });
    view! {
        <Title text="Settings · Meridian"/>
        <Meta name="description" content="Where home is, which geolocation databases Meridian uses, and how it looks"/>
        <main id="content" class="page">
            <header class="page__header"><h1>"Settings"</h1></header>
            <section class="panel" aria-labelledby="home-title">
                <h2 id="home-title" class="panel__title">"Home"</h2>
                <p>
                    "Addresses in the home networks are private: they have no place in any database. "
                    "Their flows are drawn from here, and they decide which way a flow goes."
                </p>
                <Show
                    when=move || can_be_set.get()
                    fallback=|| view! {
                        <p class="panel__hint">"The configuration says where home is: change it in meridian.toml."</p>
                    }
                >
                    <HomeForm draft action/>
                </Show>
                {move || home_networks(&networks.get())}
            </section>
            <section class="panel" aria-labelledby="databases-title">
                <h2 id="databases-title" class="panel__title">"Geolocation databases"</h2>
                <ul class="settings__problems">
                    {move || problems.get().into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
                {move || database_table(&databases.get())}
                <p class="panel__hint">
                    "A country is what the database states; a city is its estimate, marked with ~. "
                    "A changed file is taken up without a pause."
                </p>
            </section>
            <Suspense>
                {move || Suspend::new(async move {
                    let status = history.await.ok();
                    view! { <HistoryPanel status=Signal::stored(status)/> }
                })}
            </Suspense>
            <section class="panel" aria-labelledby="theme-title">
                <h2 id="theme-title" class="panel__title">"Theme"</h2>
                <div class="settings__themes" role="group" aria-label="Theme">
                    <button type="button" class="button" on:click=|_| theme::choose(Some(Theme::Dark))>"Dark"</button>
                    <button type="button" class="button" on:click=|_| theme::choose(Some(Theme::Light))>"Light"</button>
                    <button type="button" class="button" on:click=|_| theme::choose(None)>"As the system"</button>
                </div>
                <p class="panel__hint">"Remembered by this browser, in a cookie."</p>
            </section>
            <section class="panel" aria-labelledby="configuration-title">
                <h2 id="configuration-title" class="panel__title">"Configuration"</h2>
                <p>
                    "Everything else is set where Meridian is started: flags of the command line go before "
                    <code>"MERIDIAN_*"</code> " variables, these before " <code>"meridian.toml"</code>
                    ", and that before the defaults. " <code>"meridian check"</code>
                    " explains a faulty file."
                </p>
                <p class="panel__hint">
                    {move || status.with(|status| status.as_ref().map(|status| format!(
                        "Meridian {}, running since {}.", status.version, time::date_and_time(status.started_ms),
                    )))}
                </p>
            </section>
        </main>
    }
    .into_any()
}

fn home_networks(networks: &[HomeNetwork]) -> impl IntoView + use<> {
    let rows = networks
        .iter()
        .map(|network| {
            let place = &network.place;
            let at = if place.precision == Precision::Home {
                format!("{} ({:.3}, {:.3})", place.city, place.latitude, place.longitude)
            } else {
                "place not set".to_owned()
            };
            let ranges = network
                .networks
                .iter()
                .map(|range| view! { <code>{range.clone()}</code> " " })
                .collect_view();
            view! { <tr><th scope="row">{network.name.clone()}</th><td data-label="Ranges">{ranges}</td><td data-label="Place">{at}</td></tr> }
        })
        .collect_view();
    view! {
        <div class="table-scroll">
            <table class="data-table data-table--stacked">
                <caption class="visually-hidden">"Home networks, in the order in which they are looked up"</caption>
                <thead>
                    <tr><th scope="col">"Network"</th><th scope="col">"Ranges"</th><th scope="col">"Place"</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn database_table(databases: &[Database]) -> impl IntoView + use<> {
    let rows = databases
        .iter()
        .map(|database| {
            let answers = match database.kind {
                DatabaseKind::Place => "places",
                DatabaseKind::AutonomousSystem => "autonomous systems",
            };
            let built_ms = i64::try_from(database.built_s).unwrap_or(i64::MAX).saturating_mul(1000);
            view! {
                <tr>
                    <th scope="row"><code>{database.file.clone()}</code></th>
                    <td data-label="Answers">{answers}</td>
                    <td data-label="Type">{database.database_type.clone()}</td>
                    <td data-label="Built">{time::date_and_time(built_ms)}</td>
                    <td class="data-table__number" data-label="Ranges">{quantity::count(database.ranges)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll">
            <table class="data-table data-table--stacked">
                <caption class="visually-hidden">"Geolocation databases in use"</caption>
                <thead>
                    <tr>
                        <th scope="col">"File"</th><th scope="col">"Answers"</th><th scope="col">"Type"</th>
                        <th scope="col">"Built"</th><th scope="col" class="data-table__number">"Ranges"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
