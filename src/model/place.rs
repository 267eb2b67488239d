//! Where an address is, and how well that is known.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// An ISO 3166-1 alpha-2 country code, upper case (`XK` for Kosovo, as the databases say).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Reads two ASCII letters of any case; anything else is no country code.
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Some(Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The code of two letters that are known to be upper case.
    pub(super) const fn from_letters(letters: [u8; 2]) -> Self {
        Self(letters)
    }

    /// The two letters, upper case.
    pub const fn letters(self) -> [u8; 2] {
        self.0
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for CountryCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CountryCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a country code is two letters"))
    }
}

/// How well a place is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// No database and no home network knows the address; the coordinates mean nothing.
    #[default]
    Unknown,
    /// Only the country is known; the coordinates are the country's label point.
    Country,
    /// The database names coordinates, usually of a city: an estimate.
    City,
    /// A home network with coordinates from the configuration.
    Home,
    /// A home network whose location nobody has set; the coordinates mean nothing.
    HomeUnset,
}

impl Precision {
    /// True when the coordinates may be drawn.
    pub const fn has_coordinates(self) -> bool {
        matches!(self, Self::Country | Self::City | Self::Home)
    }

    /// True when the place can be drawn: by its coordinates, or at the neutral marker of a home without a place.
    pub const fn is_drawable(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// True when the address is in a home network.
    pub const fn is_home(self) -> bool {
        matches!(self, Self::Home | Self::HomeUnset)
    }
}

/// A place on the map. The country is a fact of the database, the city an estimate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Country, where known.
    pub country: Option<CountryCode>,
    /// First-level subdivision as the database spells it; empty when unknown.
    pub region: String,
    /// City as the database spells it, or the name of the home network; empty when unknown.
    pub city: String,
    /// Degrees north, −90 to 90.
    pub latitude: f32,
    /// Degrees east, −180 to 180.
    pub longitude: f32,
    /// What of the above may be believed.
    pub precision: Precision,
}

/// A city as a map label: its place and how many addresses the database puts there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct City {
    /// Where it is.
    pub place: Place,
    /// IPv4 addresses that the database puts there: the label's importance.
    pub addresses: u64,
}

/// A home network as pages show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HomeNetwork {
    /// Name from the configuration, or `home` for the default ranges.
    pub name: String,
    /// Address ranges in CIDR notation.
    pub networks: Vec<String>,
    /// Where it is; its precision is `home` or `home_unset`.
    pub place: Place,
}

/// Where home is, as a user states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HomeLocation {
    /// What to call it, 1 to [`HomeLocation::NAME_CHARS`] characters.
    pub name: String,
    /// Degrees north, −90 to 90.
    pub latitude: f32,
    /// Degrees east, −180 to 180.
    pub longitude: f32,
}

impl HomeLocation {
    /// The longest name, in characters.
    pub const NAME_CHARS: usize = 60;

    /// What is wrong with it, for the one who typed it; `None` when nothing is.
    pub fn fault(&self) -> Option<&'static str> {
        if self.name.trim().is_empty() {
            Some("Give the place a name, for example the town.")
        } else if self.name.chars().count() > Self::NAME_CHARS {
            Some("The name is longer than 60 characters: shorten it.")
        } else if self.name.chars().any(char::is_control) {
            Some("The name has a control character in it: leave it out.")
        } else if !(-90.0..=90.0).contains(&self.latitude) {
            Some("Latitude is degrees north, from -90 to 90.")
        } else if !(-180.0..=180.0).contains(&self.longitude) {
            Some("Longitude is degrees east, from -180 to 180.")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(name: &str, latitude: f32, longitude: f32) -> HomeLocation {
        HomeLocation { name: name.to_owned(), latitude, longitude }
    }

    #[test]
    fn a_home_off_the_globe_or_without_a_name_is_refused() {
        assert_eq!(home("Lyon", 45.76, 4.84).fault(), None);
        assert_eq!(home("Nelson", -41.27, 180.0).fault(), None);
        assert!(home(" ", 0.0, 0.0).fault().is_some());
        assert!(home("Lyon", 90.1, 0.0).fault().is_some());
        assert!(home("Lyon", f32::NAN, 0.0).fault().is_some());
        assert!(home("Lyon", 0.0, f32::INFINITY).fault().is_some());
        assert!(home(&"x".repeat(61), 0.0, 0.0).fault().is_some());
    }
}
