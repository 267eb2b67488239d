//! Whether a flow passes a filter.

use std::net::IpAddr;

use super::Filter;
use super::expression::{Comparison, Expression, Term, Test, Values};
use super::field::{End, Field};
use crate::model::flow_record::{ExporterId, LocatedFlow};
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;

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
        let (record, way) = (&flow.record, flow.direction);
        match self.field {
            Field::Port(end) => end.of(way, record.source_port.into(), record.destination_port.into()),
            Field::AsNumber(end) => {
                end.of(way, flow.source.as_number.into(), flow.destination.as_number.into())
            }
            Field::Interface(end) => {
                end.of(way, record.input_interface.into(), record.output_interface.into())
            }
            Field::Protocol => [Some(record.protocol.into()), None],
            Field::Bytes => [Some(record.bytes), None],
            Field::Packets => [Some(record.packets), None],
            Field::Service => [Some(record.source_port.min(record.destination_port).into()), None],
            Field::TcpFlags => [Some(record.tcp_flags.into()), None],
            Field::TypeOfService => [Some(record.type_of_service.into()), None],
            Field::Vlan => [Some(record.vlan.into()), None],
            Field::Address(_) | Field::Country(_) | Field::City(_) | Field::Direction | Field::Exporter => {
                [None; 2]
            }
        }
    }

    fn addresses(&self, flow: &LocatedFlow, places: &impl PlaceLookup) -> [Option<IpAddr>; 2] {
        match self.field {
            Field::Address(end) => {
                end.of(flow.direction, flow.record.source_address, flow.record.destination_address)
            }
            Field::Exporter => [places.exporter_address(flow.record.exporter), None],
            _ => [None; 2],
        }
    }

    fn places(&self, flow: &LocatedFlow) -> [Option<u32>; 2] {
        match self.field {
            Field::Country(end) | Field::City(end) => {
                end.of(flow.direction, flow.source.place, flow.destination.place)
            }
            _ => [None; 2],
        }
    }
}

impl End {
    /// What this end of a flow has, of what its source and its destination have.
    pub fn of<T>(self, direction: Direction, source: T, destination: T) -> [Option<T>; 2] {
        match (self, direction) {
            (Self::Either, _) | (Self::Outside, Direction::Transit) | (Self::Home, Direction::Internal) => {
                [Some(source), Some(destination)]
            }
            (Self::Source, _) | (Self::Outside, Direction::Inbound) | (Self::Home, Direction::Outbound) => {
                [Some(source), None]
            }
            (Self::Destination, _)
            | (Self::Outside, Direction::Outbound)
            | (Self::Home, Direction::Inbound) => [Some(destination), None],
            (Self::Outside, Direction::Internal) | (Self::Home, Direction::Transit) => [None, None],
        }
    }
}

impl Comparison {
    /// Whether it holds between two numbers.
    pub const fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Below => left < right,
            Self::AtMost => left <= right,
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Has => left & right == right,
        }
    }
}

/// Whether two words are equal, without regard to case: how cities are compared.
pub fn is_same_word(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
        || left.chars().flat_map(char::to_lowercase).eq(right.chars().flat_map(char::to_lowercase))
}
