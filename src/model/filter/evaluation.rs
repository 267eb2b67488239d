//! Whether a flow passes a filter.

use std::net::IpAddr;

use super::Filter;
use super::expression::{Comparison, Expression, Term, Test, Values};
use super::field::{End, Field};
use crate::model::flow_record::{ExporterId, LocatedFlow};
use crate::model::place::CountryCode;

/// Answers what a flow holds only as a number.
pub trait PlaceLookup {
    /// The country of a place of the flow's geolocation, where known.
    fn country(&self, place: u32) -> Option<CountryCode>;
    /// The city of a place of the flow's geolocation; empty when unknown.
    fn city(&self, place: u32) -> &str;
    /// The address that an exporter sends from.
    fn exporter_address(&self, exporter: ExporterId) -> Option<IpAddr>;
}

impl Filter {
    /// True when the flow passes.
    pub fn matches(&self, flow: &LocatedFlow, places: &impl PlaceLookup) -> bool {
        self.expression().is_none_or(|expression| expression.matches(flow, places))
    }
}

impl Expression {
    fn matches(&self, flow: &LocatedFlow, places: &impl PlaceLookup) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(flow, places)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(flow, places)),
            Self::Not(inner) => !inner.matches(flow, places),
            Self::Term(term) => term.matches(flow, places),
        }
    }
}

impl Term {
    fn matches(&self, flow: &LocatedFlow, places: &impl PlaceLookup) -> bool {
        match &self.test {
            Test::OneOf(values) => self.has_one_of(values, flow, places),
            Test::NoneOf(values) => !self.has_one_of(values, flow, places),
            Test::Compare(comparison, value) => {
                self.numbers(flow).into_iter().flatten().any(|number| comparison.holds(number, *value))
            }
        }
    }

    fn has_one_of(&self, values: &Values, flow: &LocatedFlow, places: &impl PlaceLookup) -> bool {
        match values {
            Values::Numbers(numbers) => {
                self.numbers(flow).into_iter().flatten().any(|number| numbers.binary_search(&number).is_ok())
            }
            Values::Networks(networks) => self
                .addresses(flow, places)
                .into_iter()
                .flatten()
                .any(|address| networks.iter().any(|network| network.contains(address))),
            Values::Countries(countries) => self
                .places(flow)
                .into_iter()
                .flatten()
                .any(|place| countries.binary_search(&places.country(place)).is_ok()),
            Values::Cities(cities) => self.places(flow).into_iter().flatten().any(|place| {
                let city = places.city(place);
                cities.iter().any(|wanted| is_same_word(wanted, city))
            }),
            Values::Directions(directions) => directions.contains(&flow.direction),
        }
    }

    fn numbers(&self, flow: &LocatedFlow) -> [Option<u64>; 2] {
        let record = &flow.record;
        match self.field {
            Field::Port(end) => end.of(record.source_port.into(), record.destination_port.into()),
            Field::AsNumber(end) => end.of(flow.source.as_number.into(), flow.destination.as_number.into()),
            Field::Interface(end) => end.of(record.input_interface.into(), record.output_interface.into()),
            Field::Protocol => [Some(record.protocol.into()), None],
            Field::Bytes => [Some(record.bytes), None],
            Field::Packets => [Some(record.packets), None],
            Field::Address(_) | Field::Country(_) | Field::City(_) | Field::Direction | Field::Exporter => {
                [None; 2]
            }
        }
    }

    fn addresses(&self, flow: &LocatedFlow, places: &impl PlaceLookup) -> [Option<IpAddr>; 2] {
        match self.field {
            Field::Address(end) => end.of(flow.record.source_address, flow.record.destination_address),
            Field::Exporter => [places.exporter_address(flow.record.exporter), None],
            _ => [None; 2],
        }
    }

    fn places(&self, flow: &LocatedFlow) -> [Option<u32>; 2] {
        match self.field {
            Field::Country(end) | Field::City(end) => end.of(flow.source.place, flow.destination.place),
            _ => [None; 2],
        }
    }
}

impl End {
    fn of<T>(self, source: T, destination: T) -> [Option<T>; 2] {
        match self {
            Self::Either => [Some(source), Some(destination)],
            Self::Source => [Some(source), None],
            Self::Destination => [Some(destination), None],
        }
    }
}

impl Comparison {
    const fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Below => left < right,
            Self::AtMost => left <= right,
            Self::Above => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

fn is_same_word(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
        || left.chars().flat_map(char::to_lowercase).eq(right.chars().flat_map(char::to_lowercase))
}
