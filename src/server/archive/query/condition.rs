//! A filter as an expression over the archive's columns.
//!
//! The expression is true for exactly the flows that [`Filter::matches`] lets pass, and false for the others: it is
//! never null, so that `not` means what it says where a country or a city is not known.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::{Expr, ScalarUDF, case, col, lit};
use datafusion::scalar::ScalarValue;

use super::membership::Membership;
use crate::model::filter::{Comparison, End, Expression, Field, Filter, Term, Test, Values};
use crate::model::network::Network;
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::model::traffic::Direction;

/// The most ranges of networks that are written out, so that row groups can be skipped by their bounds.
const RANGES: usize = 16;

/// What holds for the flows that pass the filter; `None` when all do.
pub(super) fn of_filter(filter: &Filter, schema: &Schema) -> Option<Expr> {
    filter.expression().map(|expression| of_expression(expression, schema))
}

/// What holds for the flows received in the range.
pub(super) fn of_range(range: TimeRange, schema: &Schema) -> Expr {
    let moment = |ms: i64| lit(moment(schema, ms));
    col("received").gt_eq(moment(range.from_ms)).and(col("received").lt(moment(range.to_ms)))
}

/// A moment in the unit of the column `received`.
pub(super) fn moment(schema: &Schema, ms: i64) -> ScalarValue {
    match schema.field_with_name("received").map(arrow::datatypes::Field::data_type) {
        Ok(DataType::Timestamp(_, zone)) => ScalarValue::TimestampMillisecond(Some(ms), zone.clone()),
        _ => ScalarValue::Int64(Some(ms)),
    }
}

fn of_expression(expression: &Expression, schema: &Schema) -> Expr {
    let joined = |parts: &[Expression], join: fn(Expr, Expr) -> Expr, none: bool| {
        parts.iter().map(|part| of_expression(part, schema)).reduce(join).unwrap_or_else(|| lit(none))
    };
    match expression {
        Expression::All(parts) => joined(parts, Expr::and, true),
        Expression::Any(parts) => joined(parts, Expr::or, false),
        Expression::Not(inner) => !of_expression(inner, schema),
        Expression::Term(term) => of_term(term, schema),
    }
}

fn of_term(term: &Term, schema: &Schema) -> Expr {
    match &term.test {
        Test::OneOf(values) => has_one_of(term.field, values, schema),
        Test::NoneOf(values) => !has_one_of(term.field, values, schema),
        Test::Compare(comparison, value) => numbers(term.field, |column| {
            let (compared, kind) = column.expression(schema);
            compare(compared, &kind, *comparison, *value)
        }),
    }
}

fn has_one_of(field: Field, values: &Values, schema: &Schema) -> Expr {
    match (field, values) {
        (Field::Direction, Values::Directions(directions)) => is_direction(directions),
        (Field::Exporter, Values::Networks(networks)) => is_in_networks("exporter", networks),
        (Field::Address(end), Values::Networks(networks)) => {
            at(end, |side| is_in_networks(side.pick("src_address", "dst_address"), networks))
        }
        (Field::Country(end), Values::Countries(countries)) => {
            let code =
                |country: &Option<CountryCode>| country.map_or_else(String::new, |code| code.to_string());
            let codes: Vec<_> = countries.iter().map(code).collect();
            at(end, |side| is_one_of_words(side.pick("src_country", "dst_country"), &codes))
        }
        (Field::City(end), Values::Cities(cities)) => {
            at(end, |side| is_one_of_words(side.pick("src_city", "dst_city"), cities))
        }
        (_, Values::Numbers(wanted)) => numbers(field, |column| {
            let (compared, kind) = column.expression(schema);
            let values: Vec<_> = wanted.iter().filter_map(|value| number(&kind, *value)).map(lit).collect();
            if values.is_empty() { lit(false) } else { compared.in_list(values, false) }
        }),
        _ => lit(false),
    }
}

/// One of a flow's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

impl Side {
    const fn pick<T: Copy>(self, source: T, destination: T) -> T {
        match self {
            Self::Source => source,
            Self::Destination => destination,
        }
    }
}

/// What a number of a flow is read from.
#[derive(Clone, Copy, Debug)]
enum Column {
    Of(&'static str),
    /// The smaller of the two ports.
    Service,
}

impl Column {
    fn expression(self, schema: &Schema) -> (Expr, DataType) {
        let kind = |name: &str| {
            schema.field_with_name(name).map_or(DataType::UInt64, |field| field.data_type().clone())
        };
        match self {
            Self::Of(name) => (col(name), kind(name)),
            Self::Service => {
                let (source, destination) = (col("src_port"), col("dst_port"));
                let is_source = source.clone().lt_eq(destination.clone());
                let smaller = case(is_source.clone())
                    .when(lit(true), source.clone())
                    .otherwise(destination)
                    .unwrap_or(source);
                (smaller, kind("src_port"))
            }
        }
    }
}

/// What holds when a test holds of a number of the flow: of either end, of at least one.
fn numbers(field: Field, test: impl Fn(Column) -> Expr) -> Expr {
    let of_end = |end, source, destination| at(end, |side| test(Column::Of(side.pick(source, destination))));
    match field {
        Field::Port(end) => of_end(end, "src_port", "dst_port"),
        Field::AsNumber(end) => of_end(end, "src_as", "dst_as"),
        Field::Interface(end) => of_end(end, "input_interface", "output_interface"),
        Field::Protocol => test(Column::Of("protocol")),
        Field::Bytes => test(Column::Of("bytes")),
        Field::Packets => test(Column::Of("packets")),
        Field::Service => test(Column::Service),
        Field::TcpFlags => test(Column::Of("tcp_flags")),
        Field::TypeOfService => test(Column::Of("type_of_service")),
        Field::Vlan => test(Column::Of("vlan")),
        Field::Address(_) | Field::Country(_) | Field::City(_) | Field::Direction | Field::Exporter => {
            lit(false)
        }
    }
}

/// What holds when a test holds of the end, or of at least one of those that the end stands for.
fn at(end: End, test: impl Fn(Side) -> Expr) -> Expr {
    use Direction::{Inbound, Internal, Outbound, Transit};
    let (source, destination) = (test(Side::Source), test(Side::Destination));
    match end {
        End::Source => source,
        End::Destination => destination,
        End::Either => source.or(destination),
        End::Outside => (is_direction(&[Inbound, Transit]).and(source))
            .or(is_direction(&[Outbound, Transit]).and(destination)),
        End::Home => (is_direction(&[Outbound, Internal]).and(source))
            .or(is_direction(&[Inbound, Internal]).and(destination)),
    }
}

fn is_direction(directions: &[Direction]) -> Expr {
    let index = |direction: &Direction| u8::try_from(direction.index()).ok().map(lit);
    col("direction").in_list(directions.iter().filter_map(index).collect(), false)
}

/// The empty word stands for what is not known, which is null.
fn is_one_of_words(column: &str, words: &[String]) -> Expr {
    Arc::new(ScalarUDF::from(Membership::of_words(words))).call(vec![col(column)])
}

/// Whole addresses are compared as they are, which bloom filters understand; of networks the bounds, which row groups
/// have, and then the addresses between them one by one: an IPv6 address can lie between the bounds of an IPv4 network.
fn is_in_networks(column: &str, networks: &[Network]) -> Expr {
    let is_address = |network: &&Network| network.first() == network.last();
    let addresses: Vec<_> =
        networks.iter().filter(is_address).map(|network| lit(octets(network.first()))).collect();
    let wider: Vec<_> = networks.iter().filter(|network| !is_address(network)).copied().collect();
    let is_equal = (!addresses.is_empty()).then(|| col(column).in_list(addresses, false));
    let is_between = |first: std::net::IpAddr, last: std::net::IpAddr| {
        col(column).gt_eq(lit(octets(first))).and(col(column).lt_eq(lit(octets(last))))
    };
    let bounds = if wider.len() <= RANGES {
        wider.iter().map(|network| is_between(network.first(), network.last())).reduce(Expr::or)
    } else {
        None
    };
    let is_within = (!wider.is_empty()).then(|| {
        let exact = Arc::new(ScalarUDF::from(Membership::of_networks(&wider))).call(vec![col(column)]);
        bounds.map_or(exact.clone(), |bounds| bounds.and(exact))
    });
    is_equal.into_iter().chain(is_within).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

fn octets(address: std::net::IpAddr) -> ScalarValue {
    ScalarValue::Binary(Some(match address {
        std::net::IpAddr::V4(address) => address.octets().to_vec(),
        std::net::IpAddr::V6(address) => address.octets().to_vec(),
    }))
}

/// A value in the type of a column; `None` when the column cannot have it.
fn number(kind: &DataType, value: u64) -> Option<ScalarValue> {
    Some(match kind {
        DataType::UInt8 => ScalarValue::UInt8(Some(u8::try_from(value).ok()?)),
        DataType::UInt16 => ScalarValue::UInt16(Some(u16::try_from(value).ok()?)),
        DataType::UInt32 => ScalarValue::UInt32(Some(u32::try_from(value).ok()?)),
        _ => ScalarValue::UInt64(Some(value)),
    })
}

fn compare(compared: Expr, kind: &DataType, comparison: Comparison, value: u64) -> Expr {
    let Some(value) = number(kind, value) else {
        return lit(matches!(comparison, Comparison::Below | Comparison::AtMost));
    };
    match comparison {
        Comparison::Below => compared.lt(lit(value)),
        Comparison::AtMost => compared.lt_eq(lit(value)),
        Comparison::Above => compared.gt(lit(value)),
        Comparison::AtLeast => compared.gt_eq(lit(value)),
    }
}
