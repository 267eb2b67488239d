//! Tops of the stream as the rows of lists: the same live and in a replay.

use super::top_list::TopEntry;
use crate::model::frame::{TopAs, TopCountry, TopPort};
use crate::model::protocol_names::{protocol_label, service_name};
use crate::model::traffic::Traffic;
use crate::model::{countries, quantity};

/// `by bytes`, or `by bytes, scaled` where sampling makes a difference in an entry of any list, so that all say the same.
pub fn by_what(countries: &[TopCountry], systems: &[TopAs], ports: &[TopPort]) -> &'static str {
    let countries = countries.iter().map(|top| top.traffic);
    let systems = systems.iter().map(|top| top.traffic);
    let ports = ports.iter().map(|top| top.traffic);
    if countries.chain(systems).chain(ports).any(Traffic::is_scaled) {
        "by bytes, scaled"
    } else {
        "by bytes"
    }
}

/// Countries of the outside ends.
pub fn of_countries(tops: &[TopCountry]) -> Vec<TopEntry> {
    let most = most(tops.iter().map(|top| top.traffic));
    let entry = |top: &TopCountry| match top.country {
        Some(code) => {
            let name =
                countries::country(code).map_or_else(|| code.to_string(), |country| country.name.to_owned());
            entry(name, code.to_string(), format!("country = {code}"), top.traffic, most)
        }
        None => entry(
            "unknown country".to_owned(),
            String::new(),
            "country = unknown".to_owned(),
            top.traffic,
            most,
        ),
    };
    tops.iter().map(entry).collect()
}

/// Autonomous systems of the outside ends.
pub fn of_systems(tops: &[TopAs]) -> Vec<TopEntry> {
    let most = most(tops.iter().map(|top| top.traffic));
    let entry = |top: &TopAs| {
        let number = format!("AS{}", top.as_number);
        let (name, note) = match (top.as_number, top.name.as_str()) {
            (0, _) => ("unknown network".to_owned(), String::new()),
            (_, "") => (number, String::new()),
            (_, name) => (name.to_owned(), number),
        };
        entry(name, note, format!("as = {}", top.as_number), top.traffic, most)
    };
    tops.iter().map(entry).collect()
}

/// Service ports.
pub fn of_ports(tops: &[TopPort]) -> Vec<TopEntry> {
    let most = most(tops.iter().map(|top| top.traffic));
    let entry = |top: &TopPort| {
        let protocol = protocol_label(top.protocol);
        let port = format!("{} {protocol}", top.port);
        let (name, note) = match service_name(top.port) {
            Some(service) => (service.to_owned(), port),
            None => (port, String::new()),
        };
        let term = format!("protocol = {} and port = {}", top.protocol, top.port);
        entry(name, note, term, top.traffic, most)
    };
    tops.iter().map(entry).collect()
}

fn most(traffic: impl Iterator<Item = Traffic>) -> u64 {
    traffic.map(|traffic| traffic.scaled_bytes).max().unwrap_or(0)
}

fn entry(name: String, note: String, term: String, traffic: Traffic, most: u64) -> TopEntry {
    TopEntry {
        name,
        note,
        amount: quantity::bytes(traffic.scaled_bytes),
        figures: quantity::in_full(traffic),
        share: quantity::per_mille(traffic.scaled_bytes, most),
        term,
    }
}
