//! Cities among the places of the databases: as map labels, and found by name.
//!
//! Databases divide large cities into districts, `Berlin (Mitte)`, and give one city several coordinates. Here
//! places of one name and country that are close together are one city, which stands where most of its
//! addresses are.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::database::PlaceDatabase;
use crate::model::countries;
use crate::model::place::{City, CountryCode, Place};

/// Places of one name that are closer than this are one city.
const SAME_CITY_KM: f64 = 50.0;

/// Names suggested for one that is not found.
const SUGGESTIONS: usize = 3;

/// Great-circle distance between two points in degrees north and east, on a sphere of the Earth's mean radius.
pub fn distance_km(from: (f32, f32), to: (f32, f32)) -> f64 {
    const EARTH_RADIUS_KM: f64 = 6371.009;
    let radians = |(latitude, longitude): (f32, f32)| {
        (f64::from(latitude).to_radians(), f64::from(longitude).to_radians())
    };
    let ((from_latitude, from_longitude), (to_latitude, to_longitude)) = (radians(from), radians(to));
    let half_latitude = ((to_latitude - from_latitude) / 2.0).sin();
    let half_longitude = ((to_longitude - from_longitude) / 2.0).sin();
    let square = half_latitude.powi(2) + from_latitude.cos() * to_latitude.cos() * half_longitude.powi(2);
    2.0 * EARTH_RADIUS_KM * square.sqrt().min(1.0).asin()
}

#[derive(Clone, Copy)]
struct Member<'a> {
    database: &'a PlaceDatabase,
    place: u32,
    addresses: u64,
    coordinates: (f32, f32),
}

/// The places that name a city, by its name without district and its country, most addresses first.
type Groups<'a> = HashMap<(&'a str, Option<CountryCode>), Vec<Member<'a>>>;

fn groups<'a>(databases: impl Iterator<Item = &'a PlaceDatabase>) -> Groups<'a> {
    let mut groups: Groups<'a> = HashMap::new();
    for database in databases {
        let addresses = addresses_by_place(database);
        for (place, addresses) in (1..=database.places.len()).zip(addresses.into_iter().skip(1)) {
            if let Some((name, country, latitude, longitude)) = database.places.city(place) {
                let member = Member { database, place, addresses, coordinates: (latitude, longitude) };
                groups.entry((without_district(name), country)).or_default().push(member);
            }
        }
    }
    for members in groups.values_mut() {
        members.sort_by_key(|member| Reverse(member.addresses));
    }
    groups
}

fn addresses_by_place(database: &PlaceDatabase) -> Vec<u64> {
    let places = usize::try_from(database.places.len()).unwrap_or(usize::MAX);
    let mut addresses = vec![0; places.saturating_add(1)];
    for (place, size) in database.ranges.v4_sizes() {
        if let Some(sum) = usize::try_from(place).ok().and_then(|place| addresses.get_mut(place)) {
            *sum += size;
        }
    }
    addresses
}

/// Joins the places of one name that are close together. Each city stands at its member of most addresses.
fn joined(name: &str, members: &[Member<'_>]) -> Vec<City> {
    let mut cities: Vec<City> = Vec::new();
    for member in members {
        let is_near = |city: &&mut City| {
            distance_km((city.place.latitude, city.place.longitude), member.coordinates) < SAME_CITY_KM
        };
        if let Some(city) = cities.iter_mut().find(is_near) {
            city.addresses += member.addresses;
        } else {
            let place = Place { city: name.to_owned(), ..member.database.places.find(member.place) };
            cities.push(City { place, addresses: member.addresses });
        }
    }
    cities
}

/// The cities with most IPv4 addresses, most first, of the first database that has any.
pub(super) fn largest<'a>(databases: impl Iterator<Item = &'a PlaceDatabase>, most: usize) -> Vec<City> {
    let first = databases.into_iter().find(|database| database.ranges.v4_sizes().next().is_some());
    let groups = groups(first.into_iter());
    let mut cities: Vec<City> =
        groups.iter().flat_map(|((name, _), members)| joined(name, members)).collect();
    cities.retain(|city| city.addresses > 0);
    cities.sort_by(|one, other| {
        let by_name =
            || one.place.city.cmp(&other.place.city).then(one.place.country.cmp(&other.place.country));
        other.addresses.cmp(&one.addresses).then_with(by_name)
    });
    cities.truncate(most);
    cities
}

/// Latitude and longitude in degrees.
type Coordinates = (f32, f32);

/// Where each city is, by its name as the database spells it and its country: where most of its addresses are.
pub(super) fn coordinates<'a>(
    databases: impl Iterator<Item = &'a PlaceDatabase>,
) -> HashMap<(String, Option<CountryCode>), Coordinates> {
    let mut largest: HashMap<(&str, Option<CountryCode>), (u64, Coordinates)> = HashMap::new();
    for database in databases {
        let addresses = addresses_by_place(database);
        for (place, addresses) in (1..=database.places.len()).zip(addresses.into_iter().skip(1)) {
            if let Some((name, country, latitude, longitude)) = database.places.city(place) {
                let known = largest.entry((name, country)).or_insert((addresses, (latitude, longitude)));
                if addresses > known.0 {
                    *known = (addresses, (latitude, longitude));
                }
            }
        }
    }
    let cities = largest.into_iter();
    cities.map(|((name, country), (_, at))| ((name.to_owned(), country), at)).collect()
}

/// Finds `City, CC` or `City, Region, CC`; the error is a sentence for people, without its full stop.
pub(super) fn named<'a>(
    databases: impl Iterator<Item = &'a PlaceDatabase>,
    text: &str,
) -> Result<Place, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let (city, region, code) = match parts.as_slice() {
        [city, code] => (*city, None, *code),
        [city, region, code] => (*city, Some(*region), *code),
        _ => return Err(format!("{text:?} is no place: write it like \"Cape Town, ZA\"")),
    };
    let Some(country) = CountryCode::parse(code).and_then(countries::country) else {
        return Err(format!("{code:?} in {text:?} is no country code: write it like \"Cape Town, ZA\""));
    };
    let groups = groups(databases);
    if groups.is_empty() {
        return Err(format!("no database is there to look {text:?} up in: give latitude and longitude"));
    }

    let wanted = folded(city);
    let found =
        groups.iter().filter(|((name, code), _)| *code == Some(country.code) && folded(name) == wanted);
    let cities = found.flat_map(|((name, _), members)| joined(name, members));
    let is_in_region = |city: &City| region.is_none_or(|region| folded(&city.place.region) == folded(region));
    let best = cities.filter(is_in_region).max_by_key(|city| city.addresses);
    best.map(|city| city.place).ok_or_else(|| {
        let near = suggestions(&groups, &wanted, country.code);
        let hint =
            if near.is_empty() { String::new() } else { format!("did you mean {}? Or ", near.join(" or ")) };
        format!("the databases know no {text:?}: {hint}give latitude and longitude")
    })
}

/// Names like `wanted`: of the same country by how few letters differ, then the same name in other countries.
fn suggestions(groups: &Groups<'_>, wanted: &str, country: CountryCode) -> Vec<String> {
    let allowed = wanted.chars().count() / 3 + 1;
    let mut near: Vec<(usize, Reverse<u64>, String)> = groups
        .iter()
        .filter_map(|((name, code), members)| {
            let code = (*code)?;
            let name_folded = folded(name);
            let difference = match (code == country, name_folded == wanted) {
                (true, true) => 0,
                (true, false) => differing_letters(&name_folded, wanted, allowed)?,
                (false, true) => allowed + 1,
                (false, false) => return None,
            };
            let addresses = members.iter().map(|member| member.addresses).sum();
            let region = members.first().map(|member| member.database.places.find(member.place).region);
            let region = region.filter(|region| difference == 0 && !region.is_empty());
            let region = region.map_or_else(String::new, |region| format!(", {region}"));
            Some((difference, Reverse(addresses), format!("\"{name}{region}, {code}\"")))
        })
        .collect();
    near.sort();
    near.into_iter().take(SUGGESTIONS).map(|(_, _, name)| name).collect()
}

/// Letters to change, add or remove to make one word of the other, when no more than `allowed`.
fn differing_letters(one: &str, other: &str, allowed: usize) -> Option<usize> {
    let other: Vec<char> = other.chars().collect();
    if one.chars().count().abs_diff(other.len()) > allowed {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (position, letter) in one.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(position + 1);
        for ((above_left, above), candidate) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let left = next.last().copied().unwrap_or(0);
            next.push((above_left + usize::from(letter != *candidate)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().filter(|letters| *letters <= allowed)
}

/// `Berlin` of `Berlin (Mitte)`.
fn without_district(name: &str) -> &str {
    name.split_once(" (").map_or(name, |(city, _)| city)
}

/// A name in lower case and without the accents of Latin letters, for comparing what people type.
fn folded(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
            'ç' | 'ć' | 'č' => 'c',
            'ď' | 'đ' | 'ð' => 'd',
            'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
            'ğ' => 'g',
            'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
            'ł' | 'ľ' => 'l',
            'ñ' | 'ń' | 'ň' => 'n',
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
            'ř' => 'r',
            'ś' | 'š' | 'ş' | 'ș' => 's',
            'ť' | 'ţ' | 'ț' => 't',
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
            'ý' | 'ÿ' => 'y',
            'ź' | 'ż' | 'ž' => 'z',
            '’' => '\'',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_from_makhanda_to_london_is_that_of_a_globe() {
        let distance = distance_km((-33.31, 26.52), (51.5142, -0.0931));
        assert!((distance - 9_766.0).abs() < 30.0, "{distance}");
        assert!(distance_km((0.0, 179.9), (0.0, -179.9)) < 23.0);
    }

    #[test]
    fn accents_and_case_do_not_hide_a_city() {
        assert_eq!(folded("São PAULO"), folded("sao paulo"));
        assert_eq!(without_district("Berlin (Mitte)"), "Berlin");
        assert_eq!(differing_letters("linkoping", "linkopping", 3), Some(1));
        assert_eq!(differing_letters("oslo", "rome", 2), None);
    }
}
