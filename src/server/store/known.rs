//! Whether the flows of a row pass a filter, by what the row knows of them.

use std::net::IpAddr;

use super::key::{EndKey, Fields, Key, country_of};
use super::names::Names;
use crate::model::filter::{End, Expression, Field, Term, Test, Values, is_same_word};
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;

/// What is known of all flows of a row; `None` is not known. Of both ends: source, destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    direction: Direction,
    exporter: Option<IpAddr>,
    countries: [Option<Option<CountryCode>>; 2],
    as_numbers: [Option<u32>; 2],
    cities: [Option<&'a str>; 2],
    interfaces: [Option<u32>; 2],
    service: Option<u16>,
    protocol: Option<u8>,
}

impl<'a> Known<'a> {
    fn nothing_but(direction: Direction) -> Self {
        Self {
            direction,
            exporter: None,
            countries: [None; 2],
            as_numbers: [None; 2],
            cities: [None; 2],
            interfaces: [None; 2],
            service: None,
            protocol: None,
        }
    }

    /// Of a row of sums.
    pub(super) fn of_key(key: &Key, fields: Fields, names: &'a Names) -> Self {
        let mut known = Self::nothing_but(key.direction());
        known.exporter = names.exporter_of(key.exporter);
        if key.is_rest {
            return known;
        }
        let ends = [key.source, key.destination];
        if fields.has(Fields::COUNTRY) {
            known.countries = ends.map(|end| Some(country_of(end.country)));
        }
        if fields.has(Fields::AS_NUMBER) {
            known.as_numbers = ends.map(|end| Some(end.as_number));
        }
        if fields.has(Fields::CITY) {
            known.cities = ends.map(|EndKey { city, .. }| Some(names.city_of(city)));
        }
        if fields.has(Fields::INTERFACES) {
            known.interfaces = [Some(key.input), Some(key.output)];
        }
        known.service = fields.has(Fields::SERVICE).then_some(key.port);
        known.protocol = fields.has(Fields::PROTOCOL).then_some(key.protocol);
        known
    }

    /// Of the flows that the outside addresses of a country come from.
    pub(super) fn of_addresses(direction: Direction, country: Option<CountryCode>) -> Self {
        let mut known = Self::nothing_but(direction);
        match direction {
            Direction::Inbound => known.countries = [Some(country), None],
            Direction::Outbound => known.countries = [None, Some(country)],
            Direction::Transit | Direction::Internal => {}
        }
        known
    }

    /// Whether the flows pass; `None` when it takes more to tell than is known.
    pub(super) fn passes(&self, expression: &Expression) -> Option<bool> {
        let all = |parts: &[Expression], decisive: bool| {
            let mut is_known = true;
            for part in parts {
                match self.passes(part) {
                    Some(passes) if passes == decisive => return Some(decisive),
                    Some(_) => {}
                    None => is_known = false,
                }
            }
            is_known.then_some(!decisive)
        };
        match expression {
            Expression::All(parts) => all(parts, false),
            Expression::Any(parts) => all(parts, true),
            Expression::Not(inner) => self.passes(inner).map(|passes| !passes),
            Expression::Term(Term { field, test }) => match test {
                Test::OneOf(values) => self.has_one_of(*field, values),
                Test::NoneOf(values) => self.has_one_of(*field, values).map(|has| !has),
                Test::Compare(comparison, value) => {
                    any(self.numbers(*field), |number| comparison.holds(number, *value))
                }
            },
        }
    }

    fn has_one_of(&self, field: Field, values: &Values) -> Option<bool> {
        match (values, field) {
            (Values::Numbers(numbers), _) => {
                any(self.numbers(field), |number| numbers.binary_search(&number).is_ok())
            }
            (Values::Networks(networks), Field::Exporter) => any([Some(self.exporter), None], |address| {
                networks.iter().any(|network| network.contains(address))
            }),
            (Values::Countries(countries), Field::Country(end)) => {
                any(self.both(end, self.countries), |country| countries.binary_search(&country).is_ok())
            }
            (Values::Cities(cities), Field::City(end)) => any(self.both(end, self.cities), |city| {
                cities.iter().any(|wanted| is_same_word(wanted, city))
            }),
            (Values::Directions(directions), _) => Some(directions.contains(&self.direction)),
            _ => None,
        }
    }

    fn numbers(&self, field: Field) -> [Option<Option<u64>>; 2] {
        let wide = |numbers: [Option<Option<u32>>; 2]| {
            numbers.map(|number| number.map(|known| known.map(u64::from)))
        };
        match field {
            Field::AsNumber(end) => wide(self.both(end, self.as_numbers)),
            Field::Interface(end) => wide(self.both(end, self.interfaces)),
            Field::Service => [Some(self.service.map(u64::from)), None],
            Field::Protocol => [Some(self.protocol.map(u64::from)), None],
            _ => [Some(None), None],
        }
    }

    fn both<T>(&self, end: End, [source, destination]: [Option<T>; 2]) -> [Option<Option<T>>; 2] {
        end.of(self.direction, source, destination)
    }
}

/// Whether one of the ends that there are has it.
fn any<T: Copy>(ends: [Option<Option<T>>; 2], has: impl Fn(T) -> bool) -> Option<bool> {
    let mut is_known = true;
    for end in ends.into_iter().flatten() {
        match end {
            Some(value) if has(value) => return Some(true),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(false)
}
