//! A parsed filter, and its canonical text.

use std::fmt;

use super::field::Field;
use crate::model::network::Network;
use crate::model::place::CountryCode;
use crate::model::protocol_names::filter_name;
use crate::model::tcp_flags;
use crate::model::traffic::Direction;

/// What has to hold of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// Every part, of which there are at least two and none is an `All`.
    All(Vec<Self>),
    /// At least one part, of which there are at least two and none is an `Any`.
    Any(Vec<Self>),
    /// Not this, which is no `Not`.
    Not(Box<Self>),
    /// A field compared with values.
    Term(Term),
}

/// A field compared with values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// What is compared.
    pub field: Field,
    /// What with.
    pub test: Test,
}

/// How a field is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// The field has one of the values. Of a field of either end: at least one end has.
    OneOf(Values),
    /// The field has none of the values. Of a field of either end: neither end has.
    NoneOf(Values),
    /// The field is smaller or larger, or has flags. Of a field of either end: at least one end is.
    Compare(Comparison, u64),
}

/// Smaller or larger, or with certain bits set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `has`: every bit of the value is set. Of flags only.
    Has,
}

/// Values of one kind: at least one, in rising order, each once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Values {
    /// For addresses and exporters.
    Networks(Vec<Network>),
    /// For ports, AS numbers, protocols, interfaces and amounts.
    Numbers(Vec<u64>),
    /// For countries; `None` is `unknown`.
    Countries(Vec<Option<CountryCode>>),
    /// For cities, as written.
    Cities(Vec<String>),
    /// For directions.
    Directions(Vec<Direction>),
}

impl Expression {
    /// What holds when all parts hold; `None` when there are none.
    pub(super) fn all(parts: Vec<Self>) -> Option<Self> {
        Self::joined(parts, Self::All, |part| match part {
            Self::All(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// What holds when at least one part holds; `None` when there are none.
    pub(super) fn any(parts: Vec<Self>) -> Option<Self> {
        Self::joined(parts, Self::Any, |part| match part {
            Self::Any(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// What holds when this does not.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    fn joined(
        parts: Vec<Self>,
        join: fn(Vec<Self>) -> Self,
        open: fn(Self) -> Result<Vec<Self>, Self>,
    ) -> Option<Self> {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match open(part) {
                Ok(inner) => flat.extend(inner),
                Err(part) => flat.push(part),
            }
        }
        if flat.len() > 1 { Some(join(flat)) } else { flat.pop() }
    }
}

impl Values {
    /// True when there is none.
    pub(super) const fn is_empty(&self) -> bool {
        match self {
            Self::Networks(values) => values.is_empty(),
            Self::Numbers(values) => values.is_empty(),
            Self::Countries(values) => values.is_empty(),
            Self::Cities(values) => values.is_empty(),
            Self::Directions(values) => values.is_empty(),
        }
    }

    /// Sorts the values and keeps each once.
    pub(super) fn sort(&mut self) {
        fn sort<T: Ord>(values: &mut Vec<T>) {
            values.sort_unstable();
            values.dedup();
        }
        match self {
            Self::Networks(values) => sort(values),
            Self::Numbers(values) => sort(values),
            Self::Countries(values) => sort(values),
            Self::Cities(values) => sort(values),
            Self::Directions(values) => sort(values),
        }
    }

    fn texts(&self, field: Field) -> Vec<String> {
        match self {
            Self::Networks(values) => values.iter().map(ToString::to_string).collect(),
            Self::Numbers(values) => values.iter().map(|value| number_text(field, *value)).collect(),
            Self::Countries(values) => values
                .iter()
                .map(|value| value.map_or_else(|| "unknown".to_owned(), |code| format!("\"{code}\"")))
                .collect(),
            Self::Cities(values) => values.iter().map(|value| Quoted(value).to_string()).collect(),
            Self::Directions(values) => values.iter().map(|value| value.name().to_owned()).collect(),
        }
    }
}

fn number_text(field: Field, value: u64) -> String {
    let name = match field {
        Field::Protocol => u8::try_from(value).ok().and_then(filter_name).map(ToOwned::to_owned),
        Field::TcpFlags => u16::try_from(value).ok().map(tcp_flags::text),
        _ => None,
    };
    name.unwrap_or_else(|| value.to_string())
}

/// A text in quotes, as the language reads it back.
pub(super) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"")?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                formatter.write_str("\\")?;
            }
            write!(formatter, "{character}")?;
        }
        formatter.write_str("\"")
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
            Self::Not(inner) => {
                return match &**inner {
                    Self::Term(term) => write!(formatter, "not {term}"),
                    other => write!(formatter, "not ({other})"),
                };
            }
            Self::Term(term) => return term.fmt(formatter),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                formatter.write_str(word)?;
            }
            match part {
                Self::Any(_) if matches!(self, Self::All(_)) => write!(formatter, "({part})")?,
                _ => part.fmt(formatter)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (values, one, many) = match &self.test {
            Test::OneOf(values) => (values, "=", "in"),
            Test::NoneOf(values) => (values, "!=", "not in"),
            Test::Compare(comparison, value) => {
                return write!(formatter, "{} {comparison} {}", self.field, number_text(self.field, *value));
            }
        };
        match values.texts(self.field).as_slice() {
            [single] => write!(formatter, "{} {one} {single}", self.field),
            several => write!(formatter, "{} {many} ({})", self.field, several.join(", ")),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Has => "has",
        })
    }
}
