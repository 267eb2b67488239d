//! What the live page keeps in its address, so that a link brings back the same view.

use leptos_router::params::ParamsMap;

use crate::components::colour_legend::ColourBy;
use crate::components::world_map::{MapView, Projection};

/// The state in `/?filter=…&colour=…&lon=…&lat=…&zoom=…&projection=…`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveAddress {
    /// The filter; empty for all flows.
    pub filter: String,
    /// What the arcs' colours say.
    pub colour_by: ColourBy,
    /// What the map shows.
    pub view: MapView,
}

impl LiveAddress {
    /// Reads the query; what is missing or makes no sense is as at first.
    pub fn read(query: &ParamsMap) -> Self {
        let number = |name| query.get(name).and_then(|text| text.parse::<f64>().ok());
        let first = MapView::default();
        let view = MapView {
            longitude: number("lon").unwrap_or(first.longitude),
            latitude: number("lat").unwrap_or(first.latitude),
            zoom: number("zoom").unwrap_or(first.zoom),
            projection: match query.get("projection").as_deref() {
                Some("globe") => Projection::Globe,
                _ => Projection::Flat,
            },
        };
        Self {
            filter: query.get("filter").unwrap_or_default(),
            colour_by: query.get("colour").and_then(|word| ColourBy::parse(&word)).unwrap_or_default(),
            view: view.sane(),
        }
    }

    /// The address of this state; what is as at first is left out.
    pub fn url(&self) -> String {
        let mut query = ParamsMap::new();
        if !self.filter.is_empty() {
            query.insert("filter", self.filter.clone());
        }
        if self.colour_by != ColourBy::default() {
            query.insert("colour", self.colour_by.name().to_owned());
        }
        let first = MapView::default();
        let is_moved = (self.view.longitude - first.longitude).abs() > 0.01
            || (self.view.latitude - first.latitude).abs() > 0.01
            || (self.view.zoom - first.zoom).abs() > 0.01;
        if is_moved {
            query.insert("lon", format!("{:.2}", self.view.longitude));
            query.insert("lat", format!("{:.2}", self.view.latitude));
            query.insert("zoom", format!("{:.2}", self.view.zoom));
        }
        if self.view.projection == Projection::Globe {
            query.insert("projection", "globe".to_owned());
        }
        format!("/{}", query.to_query_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_view_has_a_bare_address() {
        assert_eq!(LiveAddress::default().url(), "/");
    }

    #[test]
    fn an_address_brings_back_what_it_was_made_of() {
        let address = LiveAddress {
            filter: r#"country = "DE" and port in (53, 443) & 50%"#.to_owned(),
            colour_by: ColourBy::AutonomousSystem,
            view: MapView { longitude: -12.25, latitude: 33.5, zoom: 2.75, projection: Projection::Globe },
        };
        let url = address.url();
        let query = url.strip_prefix("/?").map(|query| {
            query.split('&').filter_map(|pair| pair.split_once('=')).fold(
                ParamsMap::new(),
                |mut query, (name, value)| {
                    query.insert(name.to_owned(), leptos_router::location::Url::unescape(value));
                    query
                },
            )
        });
        assert_eq!(query.map(|query| LiveAddress::read(&query)), Some(address));
    }
}
