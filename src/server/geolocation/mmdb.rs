//! MaxMind DB files, flattened.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use maxminddb::{LookupResult, Reader, WithinOptions};
use serde::de::{self, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};

use super::autonomous_systems::AutonomousSystemsBuilder;
use super::database::{AsDatabase, Content, DatabaseError, PlaceDatabase, says_db_ip};
use super::places::{PlaceRecord, PlacesBuilder};
use super::ranges::{AddressRanges, AddressRangesBuilder, LARGEST_VALUE};
use crate::model::place::CountryCode;

/// A file as it was read.
pub(super) struct ReadFile {
    pub(super) content: Content,
    /// Type as the file states it.
    pub(super) database_type: String,
    /// When it was built, seconds since 1970.
    pub(super) built_s: u64,
    /// True when its type or description names DB-IP.
    pub(super) says_db_ip: bool,
}

/// Reads and flattens a whole file.
pub(super) fn read(bytes: Vec<u8>) -> Result<ReadFile, DatabaseError> {
    let reader = Reader::from_source(bytes).map_err(DatabaseError::Damaged)?;
    let metadata = reader.metadata();
    let content = match schema(&reader)? {
        Schema::FlatPlace => Content::Places(Arc::new(places(&reader, intern_flat)?)),
        Schema::NestedPlace => Content::Places(Arc::new(places(&reader, intern_nested)?)),
        Schema::AutonomousSystem => Content::AutonomousSystems(Arc::new(autonomous_systems(&reader)?)),
    };
    Ok(ReadFile {
        content,
        database_type: metadata.database_type.clone(),
        built_s: metadata.build_epoch,
        says_db_ip: says_db_ip(&metadata.database_type)
            || metadata.description.values().any(|text| says_db_ip(text)),
    })
}

#[derive(Clone, Copy)]
enum Schema {
    FlatPlace,
    NestedPlace,
    AutonomousSystem,
}

/// The fields by which schemas are told apart.
#[derive(Deserialize)]
struct Fields {
    country_code: Option<IgnoredAny>,
    country: Option<IgnoredAny>,
    registered_country: Option<IgnoredAny>,
    location: Option<IgnoredAny>,
    autonomous_system_number: Option<IgnoredAny>,
    asn: Option<IgnoredAny>,
}

/// Records that may be passed over until one has a field that tells the schema.
const RECORDS_LOOKED_AT: usize = 1000;

fn schema(reader: &Reader<Vec<u8>>) -> Result<Schema, DatabaseError> {
    let networks = reader.networks(WithinOptions::default()).map_err(DatabaseError::Damaged)?;
    for result in networks.take(RECORDS_LOOKED_AT) {
        let Some(fields) =
            result.and_then(|found| found.decode::<Fields>()).map_err(DatabaseError::Damaged)?
        else {
            continue;
        };
        if fields.country_code.is_some() {
            return Ok(Schema::FlatPlace);
        }
        if fields.country.is_some() || fields.registered_country.is_some() || fields.location.is_some() {
            return Ok(Schema::NestedPlace);
        }
        if fields.autonomous_system_number.is_some() || fields.asn.is_some() {
            return Ok(Schema::AutonomousSystem);
        }
    }
    Err(DatabaseError::Kind(reader.metadata().database_type.clone()))
}

type Found<'a> = LookupResult<'a, Vec<u8>>;

/// Flattens a file; `value_of` makes the value of a data record, and is asked once for each distinct one.
fn flatten<'a>(
    reader: &'a Reader<Vec<u8>>,
    mut value_of: impl FnMut(&Found<'a>) -> Result<u32, DatabaseError>,
) -> Result<AddressRanges, DatabaseError> {
    let mut builder = AddressRangesBuilder::default();
    let mut values: HashMap<usize, u32> = HashMap::new();
    // A tree of n nodes has n + 1 leaves. More of them come from a tree whose nodes are shared: a damaged one.
    let mut leaves_left = u64::from(reader.metadata().node_count) * 2 + 1024;
    let options = WithinOptions::default().include_networks_without_data();
    for result in reader.networks(options).map_err(DatabaseError::Damaged)? {
        leaves_left = leaves_left.checked_sub(1).ok_or(DatabaseError::Tree)?;
        let found = result.map_err(DatabaseError::Damaged)?;
        let Some(offset) = found.offset() else { continue };
        let value = match values.get(&offset) {
            Some(value) => *value,
            None => *values.entry(offset).or_insert(value_of(&found)?),
        };
        if value != 0 {
            let network = found.network().map_err(DatabaseError::Damaged)?;
            let (first, last) = first_and_last(network.ip(), network.prefix());
            builder.push(first, last, value).map_err(|_| DatabaseError::Tree)?;
        }
    }
    Ok(builder.finish())
}

/// The first and the last address of a network.
pub(super) fn first_and_last(address: IpAddr, prefix: u8) -> (IpAddr, IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            let bits = address.to_bits() & !hosts;
            (Ipv4Addr::from(bits).into(), Ipv4Addr::from(bits | hosts).into())
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
            let bits = address.to_bits() & !hosts;
            (Ipv6Addr::from(bits).into(), Ipv6Addr::from(bits | hosts).into())
        }
    }
}

fn places<'a>(
    reader: &'a Reader<Vec<u8>>,
    intern: impl Fn(&mut PlacesBuilder, &Found<'a>) -> Result<u32, DatabaseError>,
) -> Result<PlaceDatabase, DatabaseError> {
    let mut places = PlacesBuilder::default();
    let ranges = flatten(reader, |found| intern(&mut places, found))?;
    Ok(PlaceDatabase { ranges, places: places.finish() })
}

/// Degrees as a file has them: as double in the GeoIP2 schema, as float in the flat one.
#[derive(Clone, Copy)]
struct Degrees(f64);

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DegreesVisitor)
    }
}

struct DegreesVisitor;

impl Visitor<'_> for DegreesVisitor {
    type Value = Degrees;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("degrees as a float or a double")
    }

    fn visit_f32<E: de::Error>(self, degrees: f32) -> Result<Degrees, E> {
        Ok(Degrees(degrees.into()))
    }

    fn visit_f64<E: de::Error>(self, degrees: f64) -> Result<Degrees, E> {
        Ok(Degrees(degrees))
    }
}

fn coordinates(latitude: Option<Degrees>, longitude: Option<Degrees>) -> Option<(f64, f64)> {
    latitude.zip(longitude).map(|(Degrees(latitude), Degrees(longitude))| (latitude, longitude))
}

/// A place in the flat schema of ip-location-db.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FlatPlace<'a> {
    country_code: &'a str,
    state1: &'a str,
    city: &'a str,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

fn intern_flat(places: &mut PlacesBuilder, found: &Found<'_>) -> Result<u32, DatabaseError> {
    let Some(place) = found.decode::<FlatPlace<'_>>().map_err(DatabaseError::Damaged)? else { return Ok(0) };
    let record = PlaceRecord {
        country: country_code(place.country_code)?,
        region: place.state1,
        city: place.city,
        coordinates: coordinates(place.latitude, place.longitude),
    };
    places.intern(record).ok_or(DatabaseError::TooMany)
}

/// A place in the GeoIP2 schema, city or country.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NestedPlace<'a> {
    #[serde(borrow)]
    country: Country<'a>,
    #[serde(borrow)]
    registered_country: Country<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow)]
    city: Named<'a>,
    location: Coordinates,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Country<'a> {
    iso_code: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    en: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Coordinates {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

/// The country is where the address is used; where the file does not say, where it is registered.
fn intern_nested(places: &mut PlacesBuilder, found: &Found<'_>) -> Result<u32, DatabaseError> {
    let Some(place) = found.decode::<NestedPlace<'_>>().map_err(DatabaseError::Damaged)? else {
        return Ok(0);
    };
    let country = match place.country.iso_code {
        "" => place.registered_country.iso_code,
        code => code,
    };
    let record = PlaceRecord {
        country: country_code(country)?,
        region: place.subdivisions.first().map_or("", |region| region.names.en),
        city: place.city.names.en,
        coordinates: coordinates(place.location.latitude, place.location.longitude),
    };
    places.intern(record).ok_or(DatabaseError::TooMany)
}

fn country_code(text: &str) -> Result<Option<CountryCode>, DatabaseError> {
    match CountryCode::parse(text) {
        None if !text.is_empty() => Err(DatabaseError::CountryCode(text.chars().take(20).collect())),
        code => Ok(code),
    }
}

/// An autonomous system in the schemas of GeoIP2, DB-IP and ip-location-db, or with the short names some files use.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AutonomousSystem<'a> {
    #[serde(alias = "asn")]
    autonomous_system_number: u32,
    #[serde(alias = "as_name", alias = "name", alias = "organization")]
    autonomous_system_organization: &'a str,
}

fn autonomous_systems(reader: &Reader<Vec<u8>>) -> Result<AsDatabase, DatabaseError> {
    let mut systems = AutonomousSystemsBuilder::default();
    let ranges = flatten(reader, |found| {
        let Some(system) = found.decode::<AutonomousSystem<'_>>().map_err(DatabaseError::Damaged)? else {
            return Ok(0);
        };
        let number = system.autonomous_system_number;
        if number == 0 || number > LARGEST_VALUE {
            return Ok(0);
        }
        systems.add(number, system.autonomous_system_organization).ok_or(DatabaseError::TooMany)?;
        Ok(number)
    })?;
    Ok(AsDatabase { ranges, systems: systems.finish() })
}
