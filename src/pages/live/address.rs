//! What the live page keeps in its address, so that a link brings back the same view.

use leptos_router::params::ParamsMap;

use crate::components::colour_legend::ColourBy;
use crate::components::world_map::MapView;
use crate::model::time_words::TimeWords;
use crate::pages::on_map::{read_view, view_parameters};

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
        Self {
            filter: query.get("filter").unwrap_or_default(),
            colour_by: query.get("colour").and_then(|word| ColourBy::parse(&word)).unwrap_or_default(),
            view: read_view(query),
        }
    }

    /// The replay of the last minutes with this state, as fast as they passed.
    pub fn rewound(&self, minutes: u32) -> String {
        let words = TimeWords::last_minutes(minutes);
        let url = self.url();
        let state = url.strip_prefix("/?").map(|query| format!("&{query}")).unwrap_or_default();
        format!("/replay?from={}&to={}&speed=1{state}", words.from, words.to)
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
        for (name, value) in view_parameters(self.view) {
            if !value.is_empty() {
                query.insert(name, value);
            }
        }
        format!("/{}", query.to_query_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::world_map::Projection;

    #[test]
    fn rewinding_keeps_filter_and_view() {
        let address = LiveAddress { filter: "port = 53".to_owned(), ..LiveAddress::default() };
        assert_eq!(address.rewound(5), "/replay?from=-5m&to=now&speed=1&filter=port%20%3D%2053");
        assert_eq!(LiveAddress::default().rewound(1), "/replay?from=-1m&to=now&speed=1");
    }

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
