//! The places of one database: each distinct place once, with its names interned.

use std::collections::HashMap;

use super::names::{Names, NamesBuilder};
use super::ranges::LARGEST_VALUE;
use crate::model::countries;
use crate::model::place::{CountryCode, Place, Precision};

/// A place as a database record gives it, before anything is made of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PlaceRecord<'a> {
    /// Country code.
    pub(super) country: Option<CountryCode>,
    /// First-level subdivision, empty when absent.
    pub(super) region: &'a str,
    /// City, empty when absent.
    pub(super) city: &'a str,
    /// Degrees north and east.
    pub(super) coordinates: Option<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    country: Option<CountryCode>,
    precision: Precision,
    region: u32,
    city: u32,
    latitude: f32,
    longitude: f32,
}

/// Places by number, from 1; 0 is "unknown".
#[derive(Debug)]
pub(super) struct Places {
    entries: Vec<Entry>,
    names: Names,
}

impl Places {
    /// The place of a number; unknown for numbers that were never given out.
    pub(super) fn find(&self, number: u32) -> Place {
        let Some(entry) = self.entry(number) else { return Place::default() };
        Place {
            country: entry.country,
            region: self.names.find(entry.region).to_owned(),
            city: self.names.find(entry.city).to_owned(),
            latitude: entry.latitude,
            longitude: entry.longitude,
            precision: entry.precision,
        }
    }

    /// The country of a place.
    #[inline]
    pub(super) fn country(&self, number: u32) -> Option<CountryCode> {
        self.entry(number).and_then(|entry| entry.country)
    }

    /// How well a place is known.
    pub(super) fn precision(&self, number: u32) -> Precision {
        self.entry(number).map_or(Precision::Unknown, |entry| entry.precision)
    }

    /// The city of a place, empty when unknown.
    #[inline]
    pub(super) fn city_name(&self, number: u32) -> &str {
        self.entry(number).map_or("", |entry| self.names.find(entry.city))
    }

    /// The city, the country and the coordinates of a place that names a city.
    pub(super) fn city(&self, number: u32) -> Option<(&str, Option<CountryCode>, f32, f32)> {
        let entry =
            self.entry(number).filter(|entry| entry.precision == Precision::City && entry.city != 0)?;
        Some((self.names.find(entry.city), entry.country, entry.latitude, entry.longitude))
    }

    /// Number of places, without "unknown".
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Memory they hold, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.names.bytes()
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        usize::try_from(number.checked_sub(1)?).ok().and_then(|position| self.entries.get(position))
    }
}

type Key = (Option<CountryCode>, Precision, u32, u32, u32, u32);

/// Gives numbers to places.
#[derive(Debug, Default)]
pub(super) struct PlacesBuilder {
    entries: Vec<Entry>,
    names: NamesBuilder,
    numbers: HashMap<Key, u32>,
}

impl PlacesBuilder {
    /// The number of a place: 0 when the record says nothing, `None` when two billion places are full.
    ///
    /// Coordinates count where the record also names a city, a region, or no country at all. A record of a country
    /// only, which databases give the coordinates of its middle or its capital, stands at the label point.
    /// Exactly 0° 0° is how databases write "not known". Codes that no country has (`EU`, `AP`, `ZZ`) count as
    /// none.
    pub(super) fn intern(&mut self, record: PlaceRecord<'_>) -> Option<u32> {
        let country = record.country.and_then(countries::country);
        let coordinates = record.coordinates.and_then(usable_coordinates);
        let is_named = !record.city.is_empty() || !record.region.is_empty();
        let (precision, latitude, longitude) = match (coordinates, country) {
            (Some((latitude, longitude)), found) if is_named || found.is_none() => {
                (Precision::City, latitude, longitude)
            }
            (_, Some(country)) => (Precision::Country, country.latitude, country.longitude),
            (_, None) => return Some(0),
        };
        let country = country.map(|country| country.code);
        let (region, city) = (self.names.intern(record.region)?, self.names.intern(record.city)?);

        let key = (country, precision, region, city, latitude.to_bits(), longitude.to_bits());
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        self.entries.push(Entry { country, precision, region, city, latitude, longitude });
        let number = u32::try_from(self.entries.len()).ok().filter(|number| *number <= LARGEST_VALUE)?;
        self.numbers.insert(key, number);
        Some(number)
    }

    /// The finished places.
    pub(super) fn finish(mut self) -> Places {
        self.entries.shrink_to_fit();
        Places { entries: self.entries, names: self.names.finish() }
    }
}

/// Coordinates as single floats, exact to about a metre; `None` for what is outside the globe, and for 0° 0°.
fn usable_coordinates((latitude, longitude): (f64, f64)) -> Option<(f32, f32)> {
    let is_on_globe = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    let is_null = latitude == 0.0 && longitude == 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "a metre is far finer than what databases know")]
    (is_on_globe && !is_null).then_some((latitude as f32, longitude as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(
        country: &str,
        region: &'a str,
        city: &'a str,
        coordinates: Option<(f64, f64)>,
    ) -> PlaceRecord<'a> {
        PlaceRecord { country: CountryCode::parse(country), region, city, coordinates }
    }

    #[test]
    fn only_a_record_that_names_more_than_the_country_has_the_precision_of_a_city() {
        let mut builder = PlacesBuilder::default();
        let mut precision = |record| {
            let number = builder.intern(record).unwrap();
            let entry = number.checked_sub(1).map(|at| builder.entries[at as usize]);
            entry.map_or(Precision::Unknown, |entry| entry.precision)
        };
        let here = Some((-33.31, 26.52));
        assert_eq!(precision(record("ZA", "", "Makhanda", here)), Precision::City);
        assert_eq!(precision(record("ZA", "Eastern Cape", "", here)), Precision::City);
        assert_eq!(precision(record("", "", "", here)), Precision::City);
        assert_eq!(precision(record("ZA", "", "", here)), Precision::Country);
        assert_eq!(precision(record("ZA", "", "Makhanda", Some((0.0, 0.0)))), Precision::Country);
        assert_eq!(precision(record("ZA", "", "Makhanda", Some((91.0, f64::NAN)))), Precision::Country);
        assert_eq!(precision(record("ZZ", "", "", None)), Precision::Unknown);
    }

    #[test]
    fn equal_places_are_one_place() {
        let mut builder = PlacesBuilder::default();
        let makhanda = record("ZA", "Eastern Cape", "Makhanda", Some((-33.31, 26.52)));
        assert_eq!(builder.intern(makhanda), Some(1));
        assert_eq!(builder.intern(record("ZA", "", "", None)), Some(2));
        assert_eq!(builder.intern(makhanda), Some(1));
        let places = builder.finish();
        assert_eq!(places.len(), 2);
        assert_eq!(places.find(1).city, "Makhanda");
        assert_eq!(places.find(2).city, "");
        assert_eq!(places.find(3), Place::default());
    }

    #[test]
    fn the_name_of_a_city_is_that_of_its_place_however_well_it_is_known() {
        let mut builder = PlacesBuilder::default();
        builder.intern(record("ZA", "Eastern Cape", "Makhanda", Some((-33.31, 26.52))));
        builder.intern(record("ZA", "", "Makhanda", None));
        builder.intern(record("ZA", "", "", None));
        let places = builder.finish();
        assert_eq!([1, 2, 3].map(|number| places.city_name(number)), ["Makhanda", "Makhanda", ""]);
        for number in 0..5 {
            assert_eq!(places.city_name(number), places.find(number).city);
        }
    }
}
