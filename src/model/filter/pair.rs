//! Values that stand for two fields at once, as pages show them: `443/tcp` and `Lyon, FR`.

use super::country_code;
use super::expression::{Expression, Term, Test, Values};
use super::field::{End, Field};
use crate::model::place::CountryCode;
use crate::model::protocol_names::{protocol_number, service_ports};

/// What such a value means; `None` when it is an ordinary one. The error says for people what to write instead.
pub(super) fn of(field: Field, text: &str) -> Result<Option<Expression>, String> {
    match field {
        Field::Service => service(text),
        Field::City(end) => Ok(city(end, text)),
        _ => Ok(None),
    }
}

fn service(text: &str) -> Result<Option<Expression>, String> {
    let Some((port, protocol)) = text.split_once('/') else { return Ok(None) };
    let named: Vec<u64> = service_ports(port).map(u64::from).collect();
    let ports = match port.parse::<u16>() {
        Ok(port) if named.is_empty() => vec![port.into()],
        _ => named,
    };
    match (ports.is_empty(), protocol_number(protocol)) {
        (false, Some(protocol)) => Ok(Expression::all(vec![
            one_of(Field::Service, Values::Numbers(ports)),
            one_of(Field::Protocol, Values::Numbers(vec![protocol.into()])),
        ])),
        _ => Err(format!("{text:?} is no service: write it like 443/tcp or https/tcp")),
    }
}

/// A city with its country: both of the same end. What would still look like one without its country is a plain name.
fn city(end: End, text: &str) -> Option<Expression> {
    let (city, country) = name_and_country(text)?;
    if name_and_country(city).is_some() {
        return None;
    }
    let at = |end: End| {
        Expression::all(vec![
            one_of(Field::City(end), Values::Cities(vec![city.to_owned()])),
            one_of(Field::Country(end), Values::Countries(vec![country])),
        ])
    };
    match end {
        End::Either => Expression::any(vec![at(End::Source)?, at(End::Destination)?]),
        end => at(end),
    }
}

fn name_and_country(text: &str) -> Option<(&str, Option<CountryCode>)> {
    let (city, country) = text.rsplit_once(", ")?;
    if country == "unknown" {
        return Some((city, None));
    }
    let code = CountryCode::parse(country).filter(|code| code.to_string() == country)?;
    country_code::parse(country).ok().map(|_| (city, Some(code)))
}

const fn one_of(field: Field, values: Values) -> Expression {
    Expression::Term(Term { field, test: Test::OneOf(values) })
}
