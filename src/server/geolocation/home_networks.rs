//! Home networks: the address ranges of whoever runs Meridian.
//!
//! They decide the direction of flows and give private addresses a place. The longest prefix wins; of two equal
//! ones the first. The default ranges (RFC 1918, RFC 4193, link-local, loopback, RFC 6598) are always home: as the
//! network `home` when none is configured, else as part of the first configured network, as far as no other
//! network has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::model::network::Network;
use crate::model::place::{HomeLocation, HomeNetwork, Place, Precision};

/// What is home without any configuration.
const DEFAULT_NETWORKS: [Network; 9] = [
    Network::V4(Ipv4Addr::new(10, 0, 0, 0), 8),
    Network::V4(Ipv4Addr::new(172, 16, 0, 0), 12),
    Network::V4(Ipv4Addr::new(192, 168, 0, 0), 16),
    Network::V4(Ipv4Addr::new(100, 64, 0, 0), 10),
    Network::V4(Ipv4Addr::new(169, 254, 0, 0), 16),
    Network::V4(Ipv4Addr::new(127, 0, 0, 0), 8),
    Network::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    Network::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    Network::V6(Ipv6Addr::LOCALHOST, 128),
];

/// First and last address of a network as keys.
fn bounds(network: Network) -> (u128, u128) {
    (key(network.first()), key(network.last()))
}

/// A home network as it is configured: its location is `latitude` with `longitude`, or `place`, or left to
/// the home location.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeNetworkSetting {
    /// What people call it.
    pub name: String,
    /// Its address ranges.
    pub networks: Vec<Network>,
    /// Degrees north.
    #[serde(default)]
    pub latitude: Option<f32>,
    /// Degrees east.
    #[serde(default)]
    pub longitude: Option<f32>,
    /// `City, CC` or `City, Region, CC`, as the database spells them.
    #[serde(default)]
    pub place: Option<String>,
}

impl HomeNetworkSetting {
    /// Says what is wrong with the setting in itself; whether a database knows the place is seen at loading.
    pub fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if name.trim().is_empty() {
            return Err("a home network has no name: give it one".to_owned());
        }
        if self.networks.is_empty() {
            return Err(format!(
                "home network {name:?} has no networks: list at least one, like \"192.0.2.0/24\""
            ));
        }
        match (self.latitude, self.longitude, &self.place) {
            (None, None, _) => Ok(()),
            (Some(latitude), Some(longitude), None) => check_coordinates(latitude, longitude)
                .map_err(|wrong| format!("home network {name:?}: {wrong}")),
            (Some(_), Some(_), Some(_)) => {
                Err(format!("home network {name:?} has coordinates and a place: leave one of them out"))
            }
            _ => Err(format!(
                "home network {name:?} has half its coordinates: give both latitude and longitude"
            )),
        }
    }
}

fn check_coordinates(latitude: f32, longitude: f32) -> Result<(), String> {
    let is_on_globe = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    if is_on_globe {
        return Ok(());
    }
    Err(format!(
        "there is no place at {latitude}, {longitude}: latitude is −90 to 90 degrees north, longitude −180 to 180 degrees east"
    ))
}

/// The home networks, ready to be looked up.
#[derive(Debug)]
pub(super) struct HomeNetworks {
    networks: Vec<HomeNetwork>,
    /// Where ranges of equal home network start, and its number, 0 for none. IPv4 stands in `::ffff:0:0/96`.
    boundaries: Vec<(u128, u32)>,
    /// By the first byte of IPv4 and of IPv6 addresses: the number that all addresses with it have; `None` when
    /// they differ. Spares most addresses the search.
    by_first_byte: [[Option<u32>; 256]; 2],
}

impl HomeNetworks {
    /// Makes the home networks of the settings; what is wrong with them goes to `problems`.
    ///
    /// `place_named` finds a configured place in the databases.
    pub(super) fn new(
        settings: &[HomeNetworkSetting],
        home: Option<&HomeLocation>,
        place_named: impl Fn(&str) -> Result<Place, String>,
        problems: &mut Vec<String>,
    ) -> Self {
        let home = home.filter(|home| {
            let fault = home.fault();
            problems.extend(fault.map(|fault| format!("The home location is not used. {fault}")));
            fault.is_none()
        });
        let mut networks = Vec::new();
        let mut ranges = Vec::new();
        for setting in settings {
            if let Err(wrong) = setting.check() {
                problems.push(format!("In the configuration, {wrong}."));
            }
            let place = configured_place(setting, &place_named, problems).or_else(|| home.map(home_place));
            let unset = Place { precision: Precision::HomeUnset, ..Place::default() };
            let place = Place { city: setting.name.clone(), region: String::new(), ..place.unwrap_or(unset) };
            let listed = setting.networks.iter().map(ToString::to_string).collect();
            networks.push(HomeNetwork { name: setting.name.clone(), networks: listed, place });
            let number = u32::try_from(networks.len()).unwrap_or(u32::MAX);
            ranges.extend(setting.networks.iter().map(|network| (*network, number)));
        }
        if networks.is_empty() {
            let place = home.map_or_else(
                || Place { city: "home".to_owned(), precision: Precision::HomeUnset, ..Place::default() },
                home_place,
            );
            networks.push(HomeNetwork { name: "home".to_owned(), networks: Vec::new(), place });
        }
        let uncovered =
            DEFAULT_NETWORKS.iter().filter(|network| !ranges.iter().any(|(given, _)| given == *network));
        let defaults: Vec<Network> = uncovered.copied().collect();
        if let Some(first) = networks.first_mut() {
            first.networks.extend(defaults.iter().map(ToString::to_string));
        }
        ranges.extend(defaults.into_iter().map(|network| (network, 1)));
        let boundaries = boundaries(ranges, problems);
        let first_of_v4 = key(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let by_first_byte = [(first_of_v4, 24), (0, 120)].map(|(first, shift)| {
            std::array::from_fn(|byte| {
                let start = first + (u128::try_from(byte).unwrap_or(0) << shift);
                only_number(&boundaries, start, start | ((1 << shift) - 1))
            })
        });
        Self { networks, boundaries, by_first_byte }
    }

    /// The number of the home network that has an address, from 1; 0 for none.
    #[inline]
    pub(super) fn find(&self, address: IpAddr) -> u32 {
        let known = match address {
            IpAddr::V4(address) => self.by_first_byte[0][usize::from(address.octets()[0])],
            IpAddr::V6(address) => self.by_first_byte[1][usize::from(address.octets()[0])],
        };
        known.unwrap_or_else(|| number_at(&self.boundaries, key(address)))
    }

    /// The home network of a number.
    pub(super) fn network(&self, number: u32) -> Option<&HomeNetwork> {
        usize::try_from(number.checked_sub(1)?).ok().and_then(|position| self.networks.get(position))
    }

    /// All of them, number 1 first.
    pub(super) fn all(&self) -> &[HomeNetwork] {
        &self.networks
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.networks.len()).unwrap_or(u32::MAX)
    }
}

fn configured_place(
    setting: &HomeNetworkSetting,
    place_named: impl Fn(&str) -> Result<Place, String>,
    problems: &mut Vec<String>,
) -> Option<Place> {
    if let (Some(latitude), Some(longitude)) = (setting.latitude, setting.longitude)
        && check_coordinates(latitude, longitude).is_ok()
    {
        return Some(Place { latitude, longitude, precision: Precision::Home, ..Place::default() });
    }
    match place_named(setting.place.as_deref()?) {
        Ok(place) => Some(Place { precision: Precision::Home, ..place }),
        Err(wrong) => {
            problems.push(format!("Home network {:?} has no location: {wrong}.", setting.name));
            None
        }
    }
}

fn home_place(home: &HomeLocation) -> Place {
    let city = if home.name.is_empty() { "home".to_owned() } else { home.name.clone() };
    let (latitude, longitude) = (home.latitude, home.longitude);
    Place { city, latitude, longitude, precision: Precision::Home, ..Place::default() }
}

/// Cuts nested networks into ranges, so that each address has the number of its longest prefix.
fn boundaries(mut ranges: Vec<(Network, u32)>, problems: &mut Vec<String>) -> Vec<(u128, u32)> {
    // Stable: of two equal networks the first stays first.
    ranges.sort_by_key(|(network, _)| {
        let (first, last) = bounds(*network);
        (first, u128::MAX - last)
    });
    let mut boundaries: Vec<(u128, u32)> = vec![(0, 0)];
    let mut begin = |start: u128, number: u32| {
        if boundaries.last().is_some_and(|(latest, _)| *latest == start) {
            boundaries.pop();
        }
        boundaries.push((start, number));
    };
    let mut open: Vec<(Network, u32)> = Vec::new();
    for (network, number) in ranges {
        let (first, _) = bounds(network);
        while let Some((inner, _)) = open.last().copied().filter(|(inner, _)| bounds(*inner).1 < first) {
            open.pop();
            begin(bounds(inner).1 + 1, open.last().map_or(0, |(_, outer)| *outer));
        }
        if open.last().is_some_and(|(other, _)| *other == network) {
            problems.push(format!("{network} is in two home networks; the first of them has it."));
            continue;
        }
        begin(first, number);
        open.push((network, number));
    }
    while let Some((inner, _)) = open.pop() {
        if let Some(after) = bounds(inner).1.checked_add(1) {
            begin(after, open.last().map_or(0, |(_, outer)| *outer));
        }
    }
    boundaries
}

fn number_at(boundaries: &[(u128, u32)], key: u128) -> u32 {
    let after = boundaries.partition_point(|(start, _)| *start <= key);
    after.checked_sub(1).and_then(|at| boundaries.get(at)).map_or(0, |(_, number)| *number)
}

/// The number of all keys from `first` to `last`, if it is one.
fn only_number(boundaries: &[(u128, u32)], first: u128, last: u128) -> Option<u32> {
    let is_inside = |(start, _): &(u128, u32)| first < *start && *start <= last;
    (!boundaries.iter().any(is_inside)).then(|| number_at(boundaries, first))
}

#[inline]
const fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, networks: &[&str]) -> HomeNetworkSetting {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        HomeNetworkSetting { name: name.to_owned(), networks, ..HomeNetworkSetting::default() }
    }

    fn home_networks(settings: &[HomeNetworkSetting]) -> (HomeNetworks, Vec<String>) {
        let mut problems = Vec::new();
        let unknown = |name: &str| Err(format!("{name} is not known"));
        (HomeNetworks::new(settings, None, unknown, &mut problems), problems)
    }

    #[test]
    fn the_longest_prefix_wins() {
        let (networks, problems) = home_networks(&[
            setting("campus", &["10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0"]),
            setting("lab", &["10.1.2.0/24", "10.1.3.255/32", "255.255.255.255"]),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        for (address, number) in [
            ("10.1.1.255", 1),
            ("10.1.2.0", 2),
            ("10.1.2.255", 2),
            ("10.1.3.0", 1),
            ("10.1.3.255", 2),
            ("10.1.4.0", 1),
            ("10.2.0.0", 1),
            ("8.8.8.8", 1),
            ("255.255.255.254", 1),
            ("255.255.255.255", 2),
            ("2001:db8:ffff::", 1),
            ("2001:db9::", 0),
            ("::", 0),
        ] {
            assert_eq!(networks.find(address.parse().unwrap()), number, "{address}");
        }
    }

    #[test]
    fn private_ranges_are_home_unless_another_network_has_them() {
        let (default, _) = home_networks(&[]);
        let (configured, _) =
            home_networks(&[setting("office", &["203.0.113.0/24"]), setting("plant", &["192.168.0.0/16"])]);
        for address in
            ["10.9.8.7", "172.31.0.1", "100.127.0.1", "169.254.1.1", "127.0.0.1", "fd00::1", "fe80::1", "::1"]
        {
            let address = address.parse().unwrap();
            assert_eq!((default.find(address), configured.find(address)), (1, 1), "{address}");
        }
        let address = "192.168.1.1".parse().unwrap();
        assert_eq!((default.find(address), configured.find(address)), (1, 2));
        for address in [
            "11.0.0.0",
            "172.32.0.0",
            "100.128.0.0",
            "fec0::",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::",
        ] {
            let address = address.parse().unwrap();
            assert_eq!((default.find(address), configured.find(address)), (0, 0), "{address}");
        }
        assert_eq!(default.all()[0].name, "home");
        assert_eq!(default.all()[0].place.precision, Precision::HomeUnset);
        assert_eq!(configured.all()[1].networks, ["192.168.0.0/16"]);
    }

    #[test]
    fn a_network_in_two_home_networks_is_a_problem() {
        let (networks, problems) =
            home_networks(&[setting("one", &["192.0.2.0/24"]), setting("two", &["192.0.2.0/24"])]);
        assert_eq!(networks.find("192.0.2.1".parse().unwrap()), 1);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn half_a_location_is_a_problem() {
        let lopsided = HomeNetworkSetting { latitude: Some(1.0), ..setting("one", &["192.0.2.0/24"]) };
        let (networks, problems) = home_networks(&[lopsided]);
        assert_eq!(networks.all()[0].place.precision, Precision::HomeUnset);
        assert!(problems[0].contains("give both"));
    }
}
