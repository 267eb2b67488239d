//! The card beside the pointer: what it points at, with figures.

use leptos::prelude::*;

use super::MapTarget;
use crate::model::countries::country;
use crate::model::place::{CountryCode, HomeNetwork, Place};

/// A line of the card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardLine {
    /// What is told; may be empty.
    pub label: String,
    /// What it amounts to.
    pub value: String,
    /// True for what the map's colours show.
    pub is_main: bool,
}

impl CardLine {
    /// A line without a label.
    pub const fn plain(value: String) -> Self {
        Self { label: String::new(), value, is_main: false }
    }

    /// The line as one says it.
    pub fn told(&self) -> String {
        if self.label.is_empty() { self.value.clone() } else { format!("{} {}", self.label, self.value) }
    }
}

/// The content of the card; nothing while the pointer is on nothing.
#[component]
pub(super) fn HoverCard(
    /// What the pointer is on.
    target: Signal<Option<MapTarget>>,
    /// What there is to say of it.
    facts: Callback<MapTarget, Vec<CardLine>>,
    /// Home networks, for their ranges.
    homes: Signal<Vec<HomeNetwork>>,
) -> impl IntoView {
    let title = move || match target.get()? {
        MapTarget::Country(code) => Some(country_name(code)),
        MapTarget::City(place) if place.city.is_empty() => Some("No city known".to_owned()),
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
    let lines = move || target.get().map(|target| facts.run(target)).unwrap_or_default();
    view! {
        <p class="world-map__card-title">{title}</p>
        <p class="world-map__card-subtitle">{subtitle}</p>
        <dl class="world-map__card-figures">
            {move || lines().into_iter().map(|line| {
                let class = if line.is_main { "world-map__card-line world-map__card-line--main" } else { "world-map__card-line" };
                view! {
                    <div class=class>
                        <dt>{(!line.label.is_empty()).then_some(line.label + " ")}</dt>
                        <dd>{line.value} " "</dd>
                    </div>
                }
            }).collect_view()}
        </dl>
    }
}

fn country_name(code: CountryCode) -> String {
    country(code).map_or_else(|| code.to_string(), |entry| entry.name.to_owned())
}

fn around(place: &Place) -> String {
    let country = place.country.map(country_name).unwrap_or_default();
    let parts: Vec<&str> =
        [place.region.as_str(), &country].into_iter().filter(|part| !part.is_empty()).collect();
    let around = parts.join(", ");
    if place.city.is_empty() { around } else { format!("{around} (city by estimate)") }
}
