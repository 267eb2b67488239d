//! The lists of tops of the last minute.

use leptos::prelude::*;

use super::feed::LiveFeed;
use crate::components::top_list::TopEntry;
use crate::components::tops::{by_what, of_countries, of_ports, of_systems};
use crate::model::frame::Second;

/// What the lists cover: `by bytes, last 60 s`, or `by bytes, scaled, last 60 s` where sampling makes a difference.
pub fn covers(feed: LiveFeed) -> Signal<String> {
    Memo::new(move |_| {
        feed.second.with(|second| {
            let by = second.as_ref().map_or("by bytes", |second| {
                by_what(&second.top_countries, &second.top_as, &second.top_ports)
            });
            match second.as_ref().map_or(0, |second| second.tops_seconds) {
                0 => by.to_owned(),
                seconds => format!("{by}, last {seconds}\u{202f}s"),
            }
        })
    })
    .into()
}

/// Countries of the external ends.
pub fn countries(feed: LiveFeed) -> Signal<Vec<TopEntry>> {
    entries(feed, |second| of_countries(&second.top_countries))
}

/// Autonomous systems of the external ends.
pub fn systems(feed: LiveFeed) -> Signal<Vec<TopEntry>> {
    entries(feed, |second| of_systems(&second.top_as))
}

/// Service ports.
pub fn ports(feed: LiveFeed) -> Signal<Vec<TopEntry>> {
    entries(feed, |second| of_ports(&second.top_ports))
}

fn entries(feed: LiveFeed, of: fn(&Second) -> Vec<TopEntry>) -> Signal<Vec<TopEntry>> {
    Memo::new(move |_| feed.second.with(|second| second.as_ref().map(of).unwrap_or_default())).into()
}
