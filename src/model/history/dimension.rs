//! What flows can be grouped by.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::filter::{End, Field, equality};

/// What flows can be grouped by. Its name is that of the filter's field, with `src.`, `dst.`, `outside.` or `home.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// A field of the filter language. Never one of either end, and neither bytes nor packets.
    Field(Field),
    /// The /24 of an IPv4 address, the /48 of an IPv6 address.
    Network(End),
}

impl Dimension {
    /// The dimension of a name in any case; the error says for people what to write instead.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some((end, "network")) = name.split_once('.')
            && let Some(end) = End::of_prefix(end)
        {
            return Ok(Self::Network(end));
        }
        match Field::parse(name)? {
            Field::Bytes | Field::Packets => {
                Err(format!("{name} is an amount: name what it is counted by, such as outside.country"))
            }
            field if field.end() == Some(End::Either) => Err(format!(
                "{name} is of either end: write src.{name}, dst.{name}, outside.{name} or home.{name}"
            )),
            field => Ok(Self::Field(field)),
        }
    }

    /// True when its values are addresses, which may have names.
    pub const fn is_address(self) -> bool {
        matches!(self, Self::Field(Field::Address(_) | Field::Exporter))
    }

    /// The filter that lets only flows with this value of it pass, for a value as [`Key`](super::Key) has it: of a city
    /// `Lyon, FR`, of a service `443/tcp`.
    pub fn term(self, value: &str) -> Option<String> {
        match self {
            Self::Network(end) => equality(&Field::Address(end).to_string(), value),
            Self::Field(Field::City(end)) => {
                let (city, country) = value.rsplit_once(", ")?;
                let city = equality(&Field::City(end).to_string(), city)?;
                let country = equality(&Field::Country(end).to_string(), country)?;
                Some(format!("{city} and {country}"))
            }
            Self::Field(Field::Service) => {
                let (port, protocol) = value.split_once('/')?;
                Some(format!("{} and {}", equality("service", port)?, equality("protocol", protocol)?))
            }
            Self::Field(field) => equality(&field.to_string(), value),
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(formatter),
            Self::Network(end) => write!(formatter, "{}network", end.prefix()),
        }
    }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_is_read_back_from_its_name_and_makes_a_filter_of_its_value() {
        for name in
            ["outside.country", "src.as", "home.network", "dst.city", "in.interface", "service", "flags"]
        {
            assert_eq!(Dimension::parse(name).unwrap().to_string(), name);
        }
        let term = |name, value| Dimension::parse(name).unwrap().term(value);
        assert_eq!(term("outside.country", "DE").unwrap(), "outside.country = \"DE\"");
        assert_eq!(term("dst.network", "192.0.2.0/24").unwrap(), "dst.address = 192.0.2.0/24");
        assert_eq!(
            term("outside.city", "Lyon, FR").unwrap(),
            "outside.city = \"Lyon\" and outside.country = \"FR\""
        );
        assert_eq!(term("service", "443/tcp").unwrap(), "service = 443 and protocol = tcp");
        assert_eq!(term("service", "443"), None);
    }

    #[test]
    fn what_cannot_be_grouped_by_says_what_to_write() {
        assert!(Dimension::parse("country").unwrap_err().contains("outside.country"));
        assert!(Dimension::parse("bytes").unwrap_err().contains("amount"));
        assert!(Dimension::parse("outside.contry").unwrap_err().contains("outside.country"));
    }
}
