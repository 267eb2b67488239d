//! What the maps with arcs have in common: home networks, names of cities, and what a click on them filters by.

use std::str::FromStr;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::params::ParamsMap;

use super::health::Health;
use crate::api::live::fetch_cities;
use crate::components::colouring::NEUTRAL_HOME;
use crate::components::world_map::{MapTarget, MapView, Projection};
use crate::model::filter::{Filter, equality};
use crate::model::filter_terms::terms;
use crate::model::place::{City, CountryCode, HomeNetwork, Place, Precision};

/// Labels for the map.
const CITIES: usize = 2_000;

/// The view in `lon=…&lat=…&zoom=…&projection=…`; what is missing or makes no sense is as at first.
pub(super) fn read_view(query: &ParamsMap) -> MapView {
    let number = |name| query.get(name).and_then(|text| text.parse::<f64>().ok());
    let first = MapView::default();
    MapView {
        longitude: number("lon").unwrap_or(first.longitude),
        latitude: number("lat").unwrap_or(first.latitude),
        zoom: number("zoom").unwrap_or(first.zoom),
        projection: match query.get("projection").as_deref() {
            Some("globe") => Projection::Globe,
            _ => Projection::Flat,
        },
    }
    .sane()
}

/// The parameters of a view; those are empty that are as at first.
pub(super) fn view_parameters(view: MapView) -> [(&'static str, String); 4] {
    let first = MapView::default();
    let is_moved = (view.longitude - first.longitude).abs() > 0.01
        || (view.latitude - first.latitude).abs() > 0.01
        || (view.zoom - first.zoom).abs() > 0.01;
    let number = |number: f64| if is_moved { format!("{number:.2}") } else { String::new() };
    let projection = if view.projection == Projection::Globe { "globe" } else { "" };
    [
        ("lon", number(view.longitude)),
        ("lat", number(view.latitude)),
        ("zoom", number(view.zoom)),
        ("projection", projection.to_owned()),
    ]
}

/// A term in its canonical spelling, so that one that is there already is recognised.
pub(super) fn canonical(term: &str) -> String {
    Filter::from_str(term).map_or_else(|_| term.to_owned(), |filter| filter.to_string())
}

/// The home networks; those without a place at the neutral marker.
pub(super) fn home_networks(health: Health) -> Signal<Vec<HomeNetwork>> {
    Memo::new(move |_| {
        let mut homes = health
            .status
            .with(|status| status.as_ref().map(|status| status.home_networks.clone()).unwrap_or_default());
        for home in homes.iter_mut().filter(|home| !home.place.precision.has_coordinates()) {
            "home (place not set)".clone_into(&mut home.name);
            home.place = Place {
                city: home.name.clone(),
                longitude: NEUTRAL_HOME.0,
                latitude: NEUTRAL_HOME.1,
                precision: Precision::Home,
                ..Place::default()
            };
        }
        homes
    })
    .into()
}

/// The labels of cities: asked for by the browser, because they are many and the first paint has no use for them.
pub(super) fn cities() -> Signal<Vec<City>> {
    let cities = RwSignal::new(Vec::new());
    Effect::new(move |_| {
        spawn_local(async move {
            // Without them the map has no city labels, and nothing else is missing.
            if let Ok(answer) = fetch_cities(CITIES).await {
                cities.try_set(answer);
            }
        });
    });
    cities.into()
}

/// The country that the filter demands, if it demands one.
pub(super) fn selected_country(filter: Signal<String>) -> Signal<Option<CountryCode>> {
    Memo::new(move |_| {
        let terms = filter.with(|filter| terms(filter));
        terms.iter().find_map(|term| CountryCode::parse(term.strip_prefix("country = ")?.trim_matches('"')))
    })
    .into()
}

/// The filter term of something on the map.
pub(super) fn term_of(target: &MapTarget, homes: &[HomeNetwork]) -> Option<String> {
    match target {
        MapTarget::Country(country) => Some(format!("country = {country}")),
        MapTarget::City(place) => equality("city", &place.city),
        MapTarget::Home(name) => {
            let ranges: Vec<_> = homes
                .iter()
                .filter(|home| home.name == *name || home.place.city == *name)
                .flat_map(|home| home.networks.iter().map(String::as_str))
                .collect();
            (!ranges.is_empty()).then(|| format!("net in ({})", ranges.join(", ")))
        }
    }
}
