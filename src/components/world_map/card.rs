//! The card beside the pointer: what it points at, with figures.

use leptos::prelude::*;

use super::{Figures, MapTarget};
use crate::model::countries::country;
use crate::model::place::{CountryCode, HomeNetwork, Place};

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
            |traffic| format!("{} in {} flows", bytes_text(traffic.scaled_bytes), grouped(traffic.flows)),
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

/// A number of bytes with three digits or more, in decimal units.
fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1_000;
    let mut unit = "kB";
    for next in UNITS {
        unit = next;
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
    }
    if tenths < 1_000 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// A count with its thousands apart.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_for_people() {
        assert_eq!(bytes_text(999), "999 B");
        assert_eq!(bytes_text(1_000), "1.0 kB");
        assert_eq!(bytes_text(123_456), "123 kB");
        assert_eq!(bytes_text(999_999_999), "999 MB");
        assert_eq!(bytes_text(1_000_000_000), "1.0 GB");
        assert_eq!(bytes_text(u64::MAX), "18.4 EB");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}
