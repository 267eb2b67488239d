//! The lists of tops, as their rows show them.

use leptos::prelude::*;

use super::feed::LiveFeed;
use crate::components::top_list::TopEntry;
use crate::model::frame::Second;
use crate::model::protocol_names::{protocol_label, service_name};
use crate::model::traffic::Traffic;
use crate::model::{countries, quantity};

/// What the lists cover: `by bytes, last 60 s`, or `by bytes, scaled, last 60 s` where sampling makes a difference.
pub fn covers(feed: LiveFeed) -> Signal<String> {
    Memo::new(move |_| {
        feed.second.with(|second| {
            let by = if second.as_ref().is_some_and(is_scaled) { "by bytes, scaled" } else { "by bytes" };
            match second.as_ref().map_or(0, |second| second.tops_seconds) {
                0 => by.to_owned(),
                seconds => format!("{by}, last {seconds}\u{202f}s"),
            }
        })
    })
    .into()
}

/// True when an entry of any list is scaled, so that all say the same.
fn is_scaled(second: &Second) -> bool {
    let countries = second.top_countries.iter().map(|top| top.traffic);
    let systems = second.top_as.iter().map(|top| top.traffic);
    let ports = second.top_ports.iter().map(|top| top.traffic);
    countries.chain(systems).chain(ports).any(Traffic::is_scaled)
}

/// Countries of the external ends.
pub fn countries(feed: LiveFeed) -> Signal<Vec<TopEntry>> {
    entries(feed, |second| {
        let most = most(second.top_countries.iter().map(|top| top.traffic));
        let entry = |top: &crate::model::frame::TopCountry| match top.country {
            Some(code) => {
                let name = countries::country(code)
                    .map_or_else(|| code.to_string(), |country| country.name.to_owned());
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
        second.top_countries.iter().map(entry).collect()
    })
}

/// Autonomous systems of the external ends.
pub fn systems(feed: LiveFeed) -> Signal<Vec<TopEntry>> {
    entries(feed, |second| {
        let most = most(second.top_as.iter().map(|top| top.traffic));
        let entry = |top: &crate::model::frame::TopAs| {
            let number = format!("AS{}", top.as_number);
            let (name, note) = match (top.as_number, top.name.as_str()) {
                (0, _) => ("unknown network".to_owned(), String::new()),
                (_, "") => (number, String::new()),
                (_, name) => (name.to_owned(), number),
            };
            entry(name, note, format!("as = {}", top.as_number), top.traffic, most)
        };
        second.top_as.iter().map(entry).collect()
    })
}

/// Service ports.
pub fn ports(feed: LiveFeed) -> Signal<Vec<TopEntry>> {
    entries(feed, |second| {
        let most = most(second.top_ports.iter().map(|top| top.traffic));
        let entry = |top: &crate::model::frame::TopPort| {
            let protocol = protocol_label(top.protocol);
            let port = format!("{} {protocol}", top.port);
            let (name, note) = match service_name(top.port) {
                Some(service) => (service.to_owned(), port),
                None => (port, String::new()),
            };
            let term = format!("protocol = {} and port = {}", top.protocol, top.port);
            entry(name, note, term, top.traffic, most)
        };
        second.top_ports.iter().map(entry).collect()
    })
}

fn entries(feed: LiveFeed, of: fn(&Second) -> Vec<TopEntry>) -> Signal<Vec<TopEntry>> {
    Memo::new(move |_| feed.second.with(|second| second.as_ref().map(of).unwrap_or_default())).into()
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
