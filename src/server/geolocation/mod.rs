//! Geolocation: gives both ends of a flow a place and an autonomous system, and tells its direction.
//!
//! A [`Geolocation`] never changes: databases flattened into sorted ranges (`ranges`), their places and names
//! interned, and the home networks before them. [`Current`] holds the one in use and swaps it without a pause when
//! a file ([`watch`]) or the home location changes. Loading never fails: what cannot be used is a problem in the
//! status, and addresses stay unknown. Where several databases know an address, the one listed first answers.
//! Places are estimates; only the country is treated as a fact.

mod as_csv;
mod autonomous_systems;
mod cities;
mod current;
mod database;
mod explain;
mod files;
mod home_networks;
mod mmdb;
mod names;
mod places;
mod ranges;
mod transition;
mod v4_pairs;
mod v4_ranges;
mod v6_ranges;
mod watch;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::cities::distance_km;
pub use self::current::Current;
pub use self::home_networks::HomeNetworkSetting;
pub use self::watch::{Watch, watch};

use self::database::{AsDatabase, Content, PlaceDatabase};
use self::files::Files;
use self::home_networks::HomeNetworks;
use self::ranges::{LANES, Lanes};
use self::transition::unwrapped;
use self::v4_pairs::V4Pairs;
use crate::model::flow_record::{FlowRecord, LocatedFlow, Location};
use crate::model::place::{City, CountryCode, HomeLocation, HomeNetwork, Place, Precision};
use crate::model::status::{Database, DatabaseKind, GeolocationStatus};
use crate::model::traffic::Direction;

/// What geolocation is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Database files, or folders of which every `.mmdb` and `.csv` file is used in the order of names.
    pub databases: Vec<PathBuf>,
    /// The home networks, in the order of the configuration.
    pub home_networks: Vec<HomeNetworkSetting>,
    /// Where the home networks are that have no location of their own.
    pub home: Option<HomeLocation>,
}

/// Databases and home networks at one moment.
#[derive(Debug)]
pub struct Geolocation {
    settings: Settings,
    files: Files,
    home_networks: HomeNetworks,
    /// The databases with places, each with the number that its place 1 follows. Home networks come before them.
    places: Vec<(u32, Arc<PlaceDatabase>)>,
    autonomous_systems: Vec<Arc<AsDatabase>>,
    /// Of the one database with places and the one with AS numbers that know IPv4 addresses, where it is one each.
    pairs: Option<Pairs>,
    problems: Vec<String>,
}

/// Places and AS numbers of IPv4 addresses together.
#[derive(Debug)]
struct Pairs {
    v4: V4Pairs,
    base: u32,
    places: Arc<PlaceDatabase>,
    autonomous_systems: Arc<AsDatabase>,
}

impl Pairs {
    fn new(places: &[(u32, Arc<PlaceDatabase>)], autonomous_systems: &[Arc<AsDatabase>]) -> Option<Self> {
        let mut with_places = places.iter().filter(|(_, database)| !database.ranges.v4().is_empty());
        let mut with_numbers = autonomous_systems.iter().filter(|database| !database.ranges.v4().is_empty());
        let ((base, places), autonomous_systems) = (with_places.next()?, with_numbers.next()?);
        if with_places.next().is_some() || with_numbers.next().is_some() {
            return None;
        }
        let v4 = V4Pairs::new([places.ranges.v4(), autonomous_systems.ranges.v4()]);
        let (places, autonomous_systems) = (Arc::clone(places), Arc::clone(autonomous_systems));
        Some(Self { v4, base: *base, places, autonomous_systems })
    }
}

impl Geolocation {
    /// Loads all databases, which takes seconds. What cannot be used is in the problems of the status.
    pub fn load(settings: &Settings) -> Self {
        Self::with_files(settings.clone(), Files::load(&settings.databases))
    }

    /// Home networks only: for tests, and until the databases are loaded.
    pub fn without_databases(settings: &Settings) -> Self {
        Self::with_files(settings.clone(), Files::default())
    }

    fn with_files(settings: Settings, files: Files) -> Self {
        let mut problems = files.problems();
        let place_databases = || {
            files.in_use().filter_map(|file| match &file.content {
                Content::Places(database) => Some(database),
                Content::AutonomousSystems(_) => None,
            })
        };
        let place_named = |name: &str| cities::named(place_databases().map(AsRef::as_ref), name);
        let home_networks =
            HomeNetworks::new(&settings.home_networks, settings.home.as_ref(), place_named, &mut problems);

        let mut next = home_networks.len();
        let mut places = Vec::new();
        for database in place_databases() {
            match next.checked_add(database.places.len()) {
                Some(after) => {
                    places.push((next, Arc::clone(database)));
                    next = after;
                }
                None => problems.push("There are too many databases: use fewer.".to_owned()),
            }
        }
        let autonomous_systems = files
            .in_use()
            .filter_map(|file| match &file.content {
                Content::AutonomousSystems(database) => Some(Arc::clone(database)),
                Content::Places(_) => None,
            })
            .collect::<Vec<_>>();
        let pairs = Pairs::new(&places, &autonomous_systems);
        Self { settings, files, home_networks, places, autonomous_systems, pairs, problems }
    }

    /// Locates both ends of a flow and tells its direction. Takes no lock and allocates nothing.
    ///
    /// AS numbers are the database's, else as exported. Multicast and broadcast are nowhere, and not home; as
    /// destinations they count, for the direction only, as being where the source is: an announcement on the own
    /// network is internal traffic. A host without an address yet (`0.0.0.0`, `::`) that sends to them is on
    /// the own network too.
    #[inline]
    pub fn locate(&self, record: &FlowRecord) -> LocatedFlow {
        let source = self.locate_address(record.source_address);
        let destination = self.locate_address(record.destination_address);
        self.located(record, source, destination)
    }

    /// [Locates](Self::locate) many flows and appends them to `flows`, several times faster than one after the other.
    pub fn locate_all(&self, records: &[FlowRecord], flows: &mut Vec<LocatedFlow>) {
        flows.reserve(records.len());
        for records in records.chunks(LANES / 2) {
            let ends =
                || records.iter().flat_map(|record| [record.source_address, record.destination_address]);
            let locations = self.locate_each(ends);
            flows.extend(records.iter().zip(locations.chunks_exact(2)).map(|(record, ends)| match ends {
                [source, destination] => self.located(record, *source, *destination),
                _ => self.locate(record),
            }));
        }
    }

    /// [Locates](Self::locate_address) at most [`LANES`] addresses; what is beyond them is unknown.
    fn locate_each<I: Iterator<Item = IpAddr>>(&self, addresses: impl Fn() -> I) -> [Location; LANES] {
        let mut locations = [Location::default(); LANES];
        for (location, address) in locations.iter_mut().zip(addresses()) {
            location.place = self.home_of(address, unwrapped(address));
        }
        let mut known_by = Lanes::new(addresses().map(unwrapped));
        if let Some(pairs) = &self.pairs
            && known_by.has_v4
        {
            known_by.has_v4 = false;
            let of = [pairs.places.ranges.v4(), pairs.autonomous_systems.ranges.v4()];
            for (location, [place, number]) in locations.iter_mut().zip(pairs.v4.find_each(of, &known_by)) {
                location.as_number = number;
                if location.place == 0 && place != 0 {
                    location.place = pairs.base + place;
                }
            }
        }
        if known_by.is_empty() {
            return locations;
        }
        for (base, database) in &self.places {
            let places = database.ranges.find_each(&known_by);
            for (location, place) in locations.iter_mut().zip(places) {
                if location.place == 0 && place != 0 {
                    location.place = base + place;
                }
            }
        }
        for database in &self.autonomous_systems {
            let numbers = database.ranges.find_each(&known_by);
            for (location, number) in locations.iter_mut().zip(numbers) {
                if location.as_number == 0 {
                    location.as_number = number;
                }
            }
        }
        locations
    }

    /// A record with its ends, whose AS numbers are those exported where no database knows them.
    #[inline]
    fn located(&self, record: &FlowRecord, mut source: Location, mut destination: Location) -> LocatedFlow {
        if source.as_number == 0 {
            source.as_number = record.source_as;
        }
        if destination.as_number == 0 {
            destination.as_number = record.destination_as;
        }
        let source_is_home = self.is_home(source.place);
        let direction = if is_group(record.destination_address) {
            let is_internal = source_is_home || record.source_address.is_unspecified();
            Direction::of(is_internal, is_internal)
        } else {
            Direction::of(source_is_home, self.is_home(destination.place))
        };
        LocatedFlow { record: *record, source, destination, direction }
    }

    /// Locates an address; 6to4, Teredo, NAT64 and mapped addresses by the IPv4 address they stand for.
    #[inline]
    pub fn locate_address(&self, address: IpAddr) -> Location {
        let known_by = unwrapped(address);
        let as_number =
            self.autonomous_systems.iter().map(|database| database.ranges.find(known_by)).find(is_known);
        Location { place: self.place_of(address, known_by), as_number: as_number.unwrap_or(0) }
    }

    #[inline]
    fn place_of(&self, address: IpAddr, known_by: IpAddr) -> u32 {
        let home = self.home_of(address, known_by);
        if home != 0 {
            return home;
        }
        for (base, database) in &self.places {
            let place = database.ranges.find(known_by);
            if place != 0 {
                return base + place;
            }
        }
        0
    }

    #[inline]
    fn home_of(&self, address: IpAddr, known_by: IpAddr) -> u32 {
        let home = self.home_networks.find(address);
        if home == 0 && known_by != address { self.home_networks.find(known_by) } else { home }
    }

    /// The place of a location that this geolocation made; unknown for 0 and for numbers it never gave out.
    pub fn place(&self, index: u32) -> Place {
        if let Some(network) = self.home_networks.network(index) {
            return network.place.clone();
        }
        self.database_of(index).map_or_else(Place::default, |(number, database)| database.places.find(number))
    }

    /// The country of a place, without making the place.
    #[inline]
    pub fn country_of(&self, place: u32) -> Option<CountryCode> {
        if let Some(network) = self.home_networks.network(place) {
            return network.place.country;
        }
        self.database_of(place).and_then(|(number, database)| database.places.country(number))
    }

    /// How well a place is known, without making the place.
    pub fn precision_of(&self, place: u32) -> Precision {
        if let Some(network) = self.home_networks.network(place) {
            return network.place.precision;
        }
        self.database_of(place)
            .map_or(Precision::Unknown, |(number, database)| database.places.precision(number))
    }

    /// The city of a place, or the name of the home network, without making the place; empty when unknown.
    #[inline]
    pub fn city_of(&self, place: u32) -> &str {
        if let Some(network) = self.home_networks.network(place) {
            return &network.place.city;
        }
        self.database_of(place).map_or("", |(number, database)| database.places.city_name(number))
    }

    /// True when a place is that of a home network.
    #[inline]
    pub fn is_home(&self, place: u32) -> bool {
        place != 0 && place <= self.home_networks.len()
    }

    fn database_of(&self, place: u32) -> Option<(u32, &PlaceDatabase)> {
        let (base, database) = self.places.iter().rev().find(|(base, _)| *base < place)?;
        Some((place - base, database))
    }

    /// The name of an autonomous system, empty when no database has it.
    pub fn as_name(&self, number: u32) -> &str {
        self.autonomous_systems.iter().find_map(|database| database.systems.name(number)).unwrap_or("")
    }

    /// The cities with most IPv4 addresses, most first; places of one name that are close together are one city.
    /// Goes through all places, which takes a good tenth of a second: ask once for each geolocation.
    pub fn cities(&self, most: usize) -> Vec<City> {
        cities::largest(self.places.iter().map(|(_, database)| database.as_ref()), most)
    }

    /// Where each city of the databases is, by its name and country. Goes through all places: ask once for each
    /// geolocation.
    pub fn city_coordinates(&self) -> HashMap<(String, Option<CountryCode>), (f32, f32)> {
        cities::coordinates(self.places.iter().map(|(_, database)| database.as_ref()))
    }

    /// The home networks, in the order of the configuration.
    pub fn home_networks(&self) -> Vec<HomeNetwork> {
        self.home_networks.all().to_vec()
    }

    /// What it was made of, with the home location of the moment.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which databases answer, and what is wrong.
    pub fn status(&self) -> GeolocationStatus {
        let databases: Vec<Database> = self.files.in_use().map(|file| file.description.clone()).collect();
        let mut problems = self.problems.clone();
        if !databases.iter().any(|database| database.kind == DatabaseKind::Place) {
            problems.push(
                "No database with places is in use: only home networks are on the map. \
                 Run setup/geolocation.sh, or name a City database in the configuration."
                    .to_owned(),
            );
        }
        GeolocationStatus { databases, problems }
    }

    /// Memory that the databases hold, in bytes.
    pub fn bytes(&self) -> usize {
        let files: usize = self.files.in_use().map(database::DatabaseFile::bytes).sum();
        files + self.pairs.as_ref().map_or(0, |pairs| pairs.v4.bytes())
    }

    /// All that is known of an address and which database says so, as text for people. Reads the files again.
    pub fn explain(&self, address: IpAddr) -> String {
        explain::explain(self, address)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that `Iterator::find` asks for")]
const fn is_known(value: &u32) -> bool {
    *value != 0
}

/// True for addresses that stand for a group of hosts.
#[inline]
const fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}
