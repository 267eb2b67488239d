//! What sums are kept by.

use std::net::IpAddr;

use crate::model::filter::{Expression, Field, Filter, Term};
use crate::model::history::Dimension;
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};

/// Fields that a key has beside exporter and direction, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(u8);

impl Fields {
    pub(super) const NONE: Self = Self(0);
    pub(super) const COUNTRY: Self = Self(1);
    pub(super) const AS_NUMBER: Self = Self(2);
    pub(super) const CITY: Self = Self(4);
    pub(super) const SERVICE: Self = Self(8);
    pub(super) const PROTOCOL: Self = Self(16);
    pub(super) const INTERFACES: Self = Self(32);

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// What a request needs; `None` when no sums have it.
    pub(super) fn of(filter: &Filter, dimensions: &[Dimension]) -> Option<Self> {
        let of_filter = filter.expression().map_or(Some(Self::NONE), Self::of_expression)?;
        dimensions.iter().try_fold(of_filter, |fields, dimension| match dimension {
            Dimension::Network(_) => None,
            Dimension::Field(Field::City(_)) => Some(fields.and(Self::CITY).and(Self::COUNTRY)),
            Dimension::Field(Field::Service) => Some(fields.and(Self::SERVICE).and(Self::PROTOCOL)),
            Dimension::Field(field) => Some(fields.and(Self::of_field(*field)?)),
        })
    }

    fn of_expression(expression: &Expression) -> Option<Self> {
        match expression {
            Expression::All(parts) | Expression::Any(parts) => {
                parts.iter().try_fold(Self::NONE, |fields, part| Some(fields.and(Self::of_expression(part)?)))
            }
            Expression::Not(inner) => Self::of_expression(inner),
            Expression::Term(Term { field, .. }) => Self::of_field(*field),
        }
    }

    const fn of_field(field: Field) -> Option<Self> {
        match field {
            Field::Direction | Field::Exporter => Some(Self::NONE),
            Field::Country(_) => Some(Self::COUNTRY),
            Field::AsNumber(_) => Some(Self::AS_NUMBER),
            Field::City(_) => Some(Self::CITY),
            Field::Service => Some(Self::SERVICE),
            Field::Protocol => Some(Self::PROTOCOL),
            Field::Interface(_) => Some(Self::INTERFACES),
            Field::Address(_)
            | Field::Port(_)
            | Field::Bytes
            | Field::Packets
            | Field::TcpFlags
            | Field::TypeOfService
            | Field::Vlan => None,
        }
    }
}

/// Sums by one combination of fields. Its number is part of the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Family {
    Total = 0,
    Protocol = 1,
    Country = 2,
    Interfaces = 3,
    Service = 4,
    AsNumber = 5,
    City = 6,
    CountryService = 7,
}

/// The number under which the address sets are stored beside the families.
pub(super) const ADDRESSES: u8 = 8;
/// How many families there are.
pub(super) const FAMILIES: usize = 8;

impl Family {
    /// Every family, in the order of numbers; those with fewer rows, as a rule, come first.
    pub(super) const ALL: [Self; FAMILIES] = [
        Self::Total,
        Self::Protocol,
        Self::Country,
        Self::Interfaces,
        Self::Service,
        Self::AsNumber,
        Self::City,
        Self::CountryService,
    ];

    pub(super) const fn number(self) -> u8 {
        self as u8
    }

    pub(super) const fn fields(self) -> Fields {
        match self {
            Self::Total => Fields::NONE,
            Self::Protocol => Fields::PROTOCOL,
            Self::Country => Fields::COUNTRY,
            Self::Interfaces => Fields::INTERFACES,
            Self::Service => Fields::SERVICE.and(Fields::PROTOCOL),
            Self::AsNumber => Fields::AS_NUMBER.and(Fields::COUNTRY),
            Self::City => Fields::CITY.and(Fields::COUNTRY),
            Self::CountryService => Fields::COUNTRY.and(Fields::SERVICE).and(Fields::PROTOCOL),
        }
    }

    /// The family with fewest rows that has the fields.
    pub(super) fn with(fields: Fields) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.fields().has(fields))
    }

    /// How many rows a minute keeps; an hour keeps four times, a day eight times as many.
    pub(super) const fn most_rows(self) -> usize {
        match self {
            Self::Total | Self::Protocol | Self::Country => 4_096,
            Self::Interfaces | Self::Service => 1_024,
            Self::AsNumber | Self::City | Self::CountryService => 2_048,
        }
    }
}

/// One end of flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EndKey {
    /// The two letters of the country; 0 for none.
    pub(super) country: u16,
    pub(super) as_number: u32,
    /// Number of the city's name; 0 for none.
    pub(super) city: u32,
}

/// What flows of one row have in common. Fields that the family does not have are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    /// True for all flows together whose own rows had no room: only exporter and direction are known of them.
    pub(super) is_rest: bool,
    /// Index of the direction.
    pub(super) direction: u8,
    /// Number of the exporter; 0 when there were too many to number.
    pub(super) exporter: u32,
    pub(super) source: EndKey,
    pub(super) destination: EndKey,
    /// The smaller port.
    pub(super) port: u16,
    pub(super) protocol: u8,
    pub(super) input: u32,
    pub(super) output: u32,
}

impl Key {
    /// The key in a family.
    pub(super) fn in_family(&self, family: Family) -> Self {
        let fields = family.fields();
        let keeps = |wanted| u32::from(fields.has(wanted));
        let narrow = |wanted| u16::from(fields.has(wanted));
        let end = |end: EndKey| EndKey {
            country: end.country * narrow(Fields::COUNTRY),
            as_number: end.as_number * keeps(Fields::AS_NUMBER),
            city: end.city * keeps(Fields::CITY),
        };
        Self {
            source: end(self.source),
            destination: end(self.destination),
            port: self.port * narrow(Fields::SERVICE),
            protocol: self.protocol * u8::from(fields.has(Fields::PROTOCOL)),
            input: self.input * keeps(Fields::INTERFACES),
            output: self.output * keeps(Fields::INTERFACES),
            ..*self
        }
    }

    /// The key of the row that takes what has no room.
    pub(super) fn rest(&self) -> Self {
        Self { is_rest: true, direction: self.direction, exporter: self.exporter, ..Self::default() }
    }

    pub(super) fn direction(&self) -> Direction {
        direction_of(self.direction)
    }
}

/// The direction of an index.
pub(super) fn direction_of(index: u8) -> Direction {
    Direction::ALL.get(usize::from(index)).copied().unwrap_or(Direction::Transit)
}

/// The index of a direction, as keys hold it.
pub(super) fn direction_index(direction: Direction) -> u8 {
    u8::try_from(direction.index()).unwrap_or_default()
}

/// A country as keys hold it.
pub(super) fn country_number(country: Option<CountryCode>) -> u16 {
    country.map_or(0, |country| u16::from_be_bytes(country.letters()))
}

/// The country of a number.
pub(super) fn country_of(number: u16) -> Option<CountryCode> {
    std::str::from_utf8(&number.to_be_bytes()).ok().and_then(CountryCode::parse)
}

/// One flow as sums take it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// When it was received.
    pub(super) received_ms: i64,
    /// All fields of it.
    pub(super) key: Key,
    pub(super) traffic: Traffic,
    pub(super) source_address: IpAddr,
    pub(super) destination_address: IpAddr,
}
