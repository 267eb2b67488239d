//! Traffic by country and by autonomous system of the ends outside of the home networks, as on the live page.
//!
//! Countries are few. Of autonomous systems `MOST_SYSTEMS` are kept, more than there are; flows of numbers beyond
//! that, which only an exporter can invent, are counted.

use std::collections::HashMap;

use serde::Serialize;

use crate::model::countries;
use crate::model::flow_record::LocatedFlow;
use crate::model::place::CountryCode;
use crate::model::traffic::Traffic;
use crate::server::geolocation::Geolocation;
use crate::server::live::external_ends;

/// Autonomous systems that are counted.
const MOST_SYSTEMS: usize = 1 << 17;

/// Sums by country and system.
#[derive(Debug, Default)]
pub struct Tops {
    countries: HashMap<Option<CountryCode>, Traffic>,
    systems: HashMap<u32, Traffic>,
    flows_without_room: u64,
}

/// A country with its traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopCountry {
    /// ISO 3166-1 alpha-2 code; `null` for ends whose country is unknown.
    pub code: Option<CountryCode>,
    /// English name; empty when unknown.
    pub name: &'static str,
    /// What it sent and received.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// An autonomous system with its traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopSystem {
    /// Its number; 0 when unknown.
    pub number: u32,
    /// Its name; empty when no database has it.
    pub name: String,
    /// What it sent and received.
    #[serde(flatten)]
    pub traffic: Traffic,
}

impl Tops {
    /// Counts a flow once for each country and system that it has an end in.
    #[inline]
    pub fn count(&mut self, flow: &LocatedFlow, geolocation: &Geolocation) {
        let traffic = Traffic::of(&flow.record);
        let [first, second] = external_ends(flow);
        let countries = [first, second].map(|end| end.map(|end| geolocation.country_of(end.place)));
        let systems = [first, second].map(|end| end.map(|end| end.as_number));
        for country in distinct(countries) {
            *self.countries.entry(country).or_default() += traffic;
        }
        for number in distinct(systems) {
            if self.systems.len() < MOST_SYSTEMS || self.systems.contains_key(&number) {
                *self.systems.entry(number).or_default() += traffic;
            } else {
                self.flows_without_room += 1;
            }
        }
    }

    /// The countries with most bytes.
    pub fn countries(&self, most: usize) -> Vec<TopCountry> {
        let named = |code: Option<CountryCode>| code.and_then(countries::country);
        let top = sorted(&self.countries, most).into_iter();
        top.map(|(code, traffic)| TopCountry {
            code,
            name: named(code).map_or("", |country| country.name),
            traffic,
        })
        .collect()
    }

    /// The autonomous systems with most bytes.
    pub fn systems(&self, most: usize, geolocation: &Geolocation) -> Vec<TopSystem> {
        let top = sorted(&self.systems, most).into_iter();
        top.map(|(number, traffic)| {
            let name = geolocation.as_name(number).to_owned();
            TopSystem { number, name, traffic }
        })
        .collect()
    }

    /// Flows that are in no system's sum because there were too many systems.
    pub const fn flows_without_room(&self) -> u64 {
        self.flows_without_room
    }
}

fn distinct<K: PartialEq>([first, second]: [Option<K>; 2]) -> impl Iterator<Item = K> {
    let second = if first == second { None } else { second };
    first.into_iter().chain(second)
}

/// Most bytes first, then most flows, then by key.
fn sorted<K: Copy + Ord>(sums: &HashMap<K, Traffic>, most: usize) -> Vec<(K, Traffic)> {
    let mut all: Vec<_> = sums.iter().map(|(key, traffic)| (*key, *traffic)).collect();
    all.sort_unstable_by_key(|(key, traffic)| (std::cmp::Reverse((traffic.bytes, traffic.flows)), *key));
    all.truncate(most);
    all
}
