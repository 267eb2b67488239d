//! All that is known of one address, for `meridian geo ADDRESS`.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::Reader;

use super::Geolocation;
use super::database::{Content, DatabaseFile, has_extension};
use super::transition::unwrapped;
use crate::model::countries;
use crate::model::place::{Place, Precision};
use crate::model::time::date_and_time;

/// Text of several lines, each ended.
pub(super) fn explain(geolocation: &Geolocation, address: IpAddr) -> String {
    let known_by = unwrapped(address);
    let location = geolocation.locate_address(address);
    let place = geolocation.place(location.place);

    let mut lines = vec![address.to_string()];
    if known_by != address {
        lines.push(format!("  stands for      {known_by}"));
    }
    lines.push(format!("  place           {}", described(&place)));
    lines.push(match location.as_number {
        0 => "  AS              unknown".to_owned(),
        number => format!("  AS              {number} {}", geolocation.as_name(number)),
    });
    let network = geolocation.home_networks.network(location.place);
    lines.push(format!("  home network    {}", network.map_or("none", |network| network.name.as_str())));
    lines.push("  by database, in the order in which they are asked:".to_owned());
    lines.extend(geolocation.files.in_use().map(|file| format!("    {}", answer(file, known_by))));
    lines.extend(geolocation.status().problems.iter().map(|problem| format!("  problem: {problem}")));
    lines.join("\n") + "\n"
}

fn described(place: &Place) -> String {
    let country = place
        .country
        .and_then(countries::country)
        .map(|country| format!("{} ({})", country.name, country.code));
    let parts = [place.city.clone(), place.region.clone(), country.unwrap_or_default()];
    let mut text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let coordinates = format!("{:.4}, {:.4}", place.latitude, place.longitude);
    let written = match place.precision {
        Precision::Unknown => write!(text, "unknown"),
        Precision::Country => {
            write!(text, ": only the country is known; drawn at its label point {coordinates}")
        }
        Precision::City => write!(text, " at {coordinates}: the country as a fact, the rest as an estimate"),
        Precision::Home => write!(text, " at {coordinates}, as set by you"),
        Precision::HomeUnset => write!(text, ": its location is not set"),
    };
    written.map_or_else(|_| String::new(), |()| text)
}

fn answer(file: &DatabaseFile, address: IpAddr) -> String {
    let description = &file.description;
    let built = i64::try_from(description.built_s).unwrap_or(i64::MAX).saturating_mul(1000);
    let answer = match &file.content {
        _ if !has_extension(&file.path, "csv") => raw_record(&file.path, address)
            .unwrap_or_else(|error| format!("cannot be read any more: {error}")),
        Content::AutonomousSystems(database) => match database.ranges.find(address) {
            0 => "nothing".to_owned(),
            number => format!("{number} {}", database.systems.name(number).unwrap_or_default()),
        },
        Content::Places(_) => "nothing".to_owned(),
    };
    format!("{} ({}, of {}): {answer}", description.file, description.database_type, date_and_time(built))
}

/// The record of an address as the file has it, with the network it is for.
fn raw_record(path: &Path, address: IpAddr) -> Result<String, Box<dyn std::error::Error>> {
    let reader = Reader::from_source(fs::read(path)?)?;
    if address.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok("nothing, it has IPv4 only".to_owned());
    }
    let found = reader.lookup(address)?;
    Ok(match found.decode::<serde_json::Value>()? {
        Some(record) => format!("{} {record}", found.network()?),
        None => "nothing".to_owned(),
    })
}
