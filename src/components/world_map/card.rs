//! The card beside the pointer: what it points at, with figures.

use leptos::prelude::*;

use super::{Figures, MapTarget};
use crate::model::countries::country;
use crate::model::place::{CountryCode, HomeNetwork, Place};
use crate::model::quantity;

/// The content of the card; nothing while the pointer is on nothing.
#[component]
pub(super) fn HoverCard(
    /// What the pointer is on.
    target: Signal<Option<MapTarget>>,
    /// Traffic of countries.
    figures: Signal<Figures>,
    /// Home networks, for their ranges.
    homes: Signal<Vec<HomeNetwork>>,
) -> impl IntoView {
    let title = move || match target.get()? {
        MapTarget::Country(code) => Some(country_name(code)),
        MapTarget::City(place) => Some(place.city),
        MapTarget::Home(name) => Some(name),
    };
    let subtitle = move || match target.get()? {
        MapTarget::Country(_) => None,
        MapTarget::City(place) => Some(around(&place)),
        MapTarget::Home(name) => homes.with(|homes| {
            let home = homes.iter().find(|home| home.name == name)?;
            Some(format!("Home network: {}", home.networks.join(", ")))
        }),
    };
    let traffic = move || match target.get()? {
        MapTarget::Country(code) => Some((code, figures.with(|figures| figures.get(&code).copied()))),
        MapTarget::City(place) => {
            place.country.map(|code| (code, figures.with(|figures| figures.get(&code).copied())))
        }
        MapTarget::Home(_) => None,
    };
    let is_city = move || target.with(|target| matches!(target, Some(MapTarget::City(_))));
    let figures_text = move || {
        let (code, traffic) = traffic()?;
        let whose = if is_city() { format!("All of {}: ", country_name(code)) } else { String::new() };
        let amount = traffic.filter(|traffic| !traffic.is_none()).map_or_else(
            || "no traffic so far".to_owned(),
            |traffic| {
                format!(
                    "{} in {} flows",
                    quantity::bytes(traffic.scaled_bytes),
                    quantity::count(traffic.flows)
                )
            },
        );
        Some(whose + &amount)
    };
    view! {
        <p class="world-map__card-title">{title}</p>
        <p class="world-map__card-subtitle">{subtitle}</p>
        <p class="world-map__card-figures">{figures_text}</p>
    }
}

fn country_name(code: CountryCode) -> String {
    country(code).map_or_else(|| code.to_string(), |entry| entry.name.to_owned())
}

fn around(place: &Place) -> String {
    let country = place.country.map(country_name).unwrap_or_default();
    let parts: Vec<&str> =
        [place.region.as_str(), &country].into_iter().filter(|part| !part.is_empty()).collect();
    format!("{} (city by estimate)", parts.join(", "))
}
