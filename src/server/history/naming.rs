//! What values are called: as the filter language reads them, and as people know them.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::groups::Value;
use crate::model::countries::country;
use crate::model::filter::Field;
use crate::model::history::{Dimension, Key, StoredFlow};
use crate::model::options::InterfaceName;
use crate::model::place::{CountryCode, Place, Precision};
use crate::model::protocol_names::{filter_name, protocol_label, service_name};
use crate::model::tcp_flags;
use crate::server::collector::exporter::ExporterSnapshot;
use crate::server::geolocation::Geolocation;
use crate::server::host_names::HostNames;

/// Protocols that have ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// Ends of flow records whose names are looked up at once.
const MOST_HOSTS: usize = 200;

/// What the names are taken from.
#[derive(Clone, Debug)]
pub struct Naming {
    geolocation: Arc<Geolocation>,
    exporters: Arc<Vec<ExporterSnapshot>>,
    host_names: Option<Arc<HostNames>>,
}

impl Naming {
    /// Names from the geolocation, from what exporters say, and maybe from the resolver.
    pub const fn new(
        geolocation: Arc<Geolocation>,
        exporters: Arc<Vec<ExporterSnapshot>>,
        host_names: Option<Arc<HostNames>>,
    ) -> Self {
        Self { geolocation, exporters, host_names }
    }

    /// What an AS is called; empty when no database knows.
    pub fn as_name(&self, number: u32) -> &str {
        self.geolocation.as_name(number)
    }

    /// True when values of these may be called otherwise at any time: by exporters, or by the system's resolver.
    pub fn is_passing(&self, dimensions: &[Dimension]) -> bool {
        dimensions.iter().any(|dimension| match dimension {
            Dimension::Field(Field::Interface(_) | Field::Exporter) => true,
            Dimension::Field(Field::Address(_)) => self.host_names.is_some(),
            _ => false,
        })
    }

    /// What an address is called, as far as that is known by now; empty else.
    pub fn host_name(&self, address: IpAddr) -> String {
        self.host_names.as_ref().and_then(|names| names.name(address)).unwrap_or_default()
    }

    /// The keys of a group.
    pub fn keys(&self, dimensions: &[Dimension], values: &[Value]) -> Vec<Key> {
        let is_exporter = |dimension: &Dimension| *dimension == Dimension::Field(Field::Exporter);
        let exporter = dimensions.iter().zip(values).find_map(|(dimension, value)| match value {
            Value::Address(address) if is_exporter(dimension) => Some(*address),
            _ => None,
        });
        let pairs = dimensions.iter().zip(values);
        pairs.map(|(dimension, value)| self.key(*dimension, value, exporter)).collect()
    }

    /// What the autonomous systems and the addresses of flows are called, of each that has a name.
    pub fn of_flows(&self, flows: &[StoredFlow]) -> (Vec<Key>, Vec<Key>) {
        let ends = || flows.iter().flat_map(|flow| [&flow.source, &flow.destination]);
        let key = |value: String, label: String| (!label.is_empty()).then_some(Key { value, label });
        let systems: BTreeSet<u32> = ends().map(|end| end.as_number).collect();
        let systems =
            systems.into_iter().filter_map(|number| key(number.to_string(), self.as_name(number).to_owned()));
        let mut addresses = BTreeSet::new();
        if self.host_names.is_some() {
            addresses.extend(ends().map(|end| end.address).take(MOST_HOSTS));
        }
        let hosts =
            addresses.into_iter().filter_map(|address| key(address.to_string(), self.host_name(address)));
        (systems.collect(), hosts.collect())
    }

    fn key(&self, dimension: Dimension, value: &Value, exporter: Option<IpAddr>) -> Key {
        let key = |value: String, label: String| Key { value, label };
        match value {
            Value::Country(code) => country_key(*code),
            Value::City(city, code) => {
                let country = country_name(*code);
                let label = match (city.is_empty(), code) {
                    (false, _) => format!("{city}, {country}"),
                    (true, Some(_)) => format!("{country}, city unknown"),
                    (true, None) => "Unknown".to_owned(),
                };
                key(format!("{city}, {}", code_text(*code)), label)
            }
            Value::Number(number) => self.number_key(dimension, *number, exporter),
            Value::Address(address) => key(address.to_string(), self.host_name(*address)),
            Value::Network(network) => key(network.to_string(), String::new()),
            Value::Service { port, protocol } => service_key(*port, *protocol),
            Value::Direction(direction) => key(direction.name().to_owned(), String::new()),
        }
    }

    fn number_key(&self, dimension: Dimension, number: u64, exporter: Option<IpAddr>) -> Key {
        let text = number.to_string();
        let Dimension::Field(field) = dimension else { return Key { value: text, label: String::new() } };
        let label = match field {
            Field::AsNumber(_) if number == 0 => "Unknown".to_owned(),
            Field::AsNumber(_) => u32::try_from(number).map_or("", |number| self.as_name(number)).to_owned(),
            Field::Port(_) => {
                u16::try_from(number).ok().and_then(service_name).unwrap_or_default().to_owned()
            }
            Field::Protocol => {
                let protocol = u8::try_from(number).unwrap_or(u8::MAX);
                let value = filter_name(protocol).map_or(text, str::to_owned);
                return Key { value, label: protocol_label(protocol) };
            }
            Field::Interface(_) => self.interface_name(number, exporter),
            Field::TcpFlags => u16::try_from(number).map(tcp_flags::text).unwrap_or_default(),
            Field::TypeOfService => differentiated_service(number),
            Field::Vlan if number == 0 => "No VLAN".to_owned(),
            _ => String::new(),
        };
        Key { value: text, label }
    }

    /// The name of an interface: of the exporter, or the one that all exporters give it who name it.
    fn interface_name(&self, index: u64, exporter: Option<IpAddr>) -> String {
        if index == 0 {
            return "None".to_owned();
        }
        let mut names: Vec<String> = self
            .interfaces(exporter)
            .filter(|interface| u64::from(interface.index) == index)
            .map(|interface| if interface.name.is_empty() { interface.description } else { interface.name })
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        match names.as_slice() {
            [name] => name.clone(),
            _ => String::new(),
        }
    }

    /// The interfaces that exporters name, or that one names.
    pub fn interfaces(&self, exporter: Option<IpAddr>) -> impl Iterator<Item = InterfaceName> {
        let of = self
            .exporters
            .iter()
            .filter(move |known| exporter.is_none_or(|exporter| known.summary().address == exporter));
        of.flat_map(ExporterSnapshot::interfaces)
    }

    /// The addresses of the exporters.
    pub fn exporters(&self) -> impl Iterator<Item = IpAddr> {
        self.exporters.iter().map(|exporter| exporter.summary().address)
    }
}

/// Where cities are: of each geolocation gathered once, when they are asked for first.
#[derive(Debug, Default)]
pub struct CityPlaces {
    gathered: Mutex<(Weak<Geolocation>, Arc<Coordinates>)>,
}

/// Where cities are, degrees north and east.
pub type Coordinates = HashMap<(String, Option<CountryCode>), (f32, f32)>;

impl CityPlaces {
    /// The places of cities: where most of their addresses are; of a country without a city its label point. Takes a
    /// tenth of a second after the databases were loaded.
    pub fn of(&self, geolocation: &Arc<Geolocation>) -> Arc<Coordinates> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.0.as_ptr() != Arc::as_ptr(geolocation) {
            *gathered = (Arc::downgrade(geolocation), Arc::new(geolocation.city_coordinates()));
        }
        Arc::clone(&gathered.1)
    }
}

/// The place of a city that was grouped by.
pub fn place(city: &str, code: Option<CountryCode>, coordinates: &Coordinates) -> Place {
    let at = |precision, (latitude, longitude)| Place {
        country: code,
        region: String::new(),
        city: city.to_owned(),
        latitude,
        longitude,
        precision,
    };
    if let Some(known) = coordinates.get(&(city.to_owned(), code)).filter(|_| !city.is_empty()) {
        return at(Precision::City, *known);
    }
    match code.and_then(country) {
        Some(country) => at(Precision::Country, (country.latitude, country.longitude)),
        None => at(Precision::Unknown, (0.0, 0.0)),
    }
}

/// `DE`, `Germany`.
pub fn country_key(code: Option<CountryCode>) -> Key {
    Key { value: code_text(code), label: country_name(code) }
}

fn code_text(code: Option<CountryCode>) -> String {
    code.map_or_else(|| "unknown".to_owned(), |code| code.to_string())
}

fn country_name(code: Option<CountryCode>) -> String {
    match code {
        None => "Unknown".to_owned(),
        Some(code) => country(code).map_or_else(|| code.to_string(), |country| country.name.to_owned()),
    }
}

/// `443/tcp`, `https`. A protocol without ports is a service of its own.
pub fn service_key(port: u16, protocol: u8) -> Key {
    let name = filter_name(protocol).map_or_else(|| protocol.to_string(), str::to_owned);
    let label = if WITH_PORTS.contains(&protocol) {
        service_name(port).unwrap_or_default().to_owned()
    } else {
        protocol_label(protocol)
    };
    Key { value: format!("{port}/{name}"), label }
}

/// The class of the differentiated services field (RFC 2474, 2597, 3246, 5865, 8622), `EF` of 184.
fn differentiated_service(type_of_service: u64) -> String {
    let code_point = type_of_service >> 2;
    let (class, drop) = (code_point >> 3, code_point >> 1 & 3);
    match code_point {
        0 => "Best effort".to_owned(),
        1 => "LE".to_owned(),
        44 => "VA".to_owned(),
        46 => "EF".to_owned(),
        _ if code_point.is_multiple_of(8) => format!("CS{class}"),
        _ if (1..=4).contains(&class) && drop > 0 && code_point.is_multiple_of(2) => {
            format!("AF{class}{drop}")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::filter::Filter;
    use crate::model::network::Network;
    use crate::model::traffic::Direction;
    use crate::server::geolocation::Settings;

    fn naming() -> Naming {
        let geolocation = Geolocation::without_databases(&Settings::default());
        Naming::new(Arc::new(geolocation), Arc::default(), None)
    }

    #[test]
    fn every_value_makes_a_filter_that_asks_for_it() {
        let france = CountryCode::parse("FR");
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        for (dimension, value, wanted) in [
            ("outside.country", Value::Country(france), "outside.country = \"FR\""),
            ("src.country", Value::Country(None), "src.country = unknown"),
            (
                "outside.city",
                Value::City("Lyon".to_owned(), france),
                "outside.city = \"Lyon\" and outside.country = \"FR\"",
            ),
            (
                "outside.city",
                Value::City(String::new(), None),
                "outside.city = \"\" and outside.country = unknown",
            ),
            ("dst.as", Value::Number(0), "dst.as = 0"),
            ("protocol", Value::Number(6), "protocol = tcp"),
            ("protocol", Value::Number(253), "protocol = 253"),
            ("service", Value::Service { port: 443, protocol: 6 }, "service = 443 and protocol = tcp"),
            ("service", Value::Service { port: 0, protocol: 253 }, "service = 0 and protocol = 253"),
            ("home.address", Value::Address(address), "home.address = 2001:db8::1"),
            (
                "outside.network",
                Value::Network(Network::containing(address, 48)),
                "outside.address = 2001:db8::/48",
            ),
            ("exporter", Value::Address(address), "exporter = 2001:db8::1"),
            ("direction", Value::Direction(Direction::Transit), "direction = transit"),
            ("flags", Value::Number(18), "flags = syn+ack"),
        ] {
            let dimension = Dimension::parse(dimension).unwrap();
            let [key] = naming().keys(&[dimension], &[value]).try_into().unwrap();
            let term = dimension.term(&key.value).unwrap();
            assert_eq!(term, wanted);
            assert!(term.parse::<Filter>().is_ok(), "{term}");
        }
    }

    #[test]
    fn a_value_is_called_what_people_know_it_by() {
        let label = |dimension, value| {
            let keys = naming().keys(&[Dimension::parse(dimension).unwrap()], &[value]);
            keys[0].label.clone()
        };
        let germany = CountryCode::parse("DE");
        assert_eq!(label("outside.country", Value::Country(germany)), "Germany");
        assert_eq!(label("outside.city", Value::City("Berlin".to_owned(), germany)), "Berlin, Germany");
        assert_eq!(label("outside.city", Value::City(String::new(), germany)), "Germany, city unknown");
        assert_eq!(label("service", Value::Service { port: 53, protocol: 17 }), "dns");
        assert_eq!(label("service", Value::Service { port: 0, protocol: 1 }), "ICMP");
        assert_eq!(label("flags", Value::Number(18)), "syn+ack");
        assert_eq!(label("tos", Value::Number(184)), "EF");
        assert_eq!(label("tos", Value::Number(0x28)), "AF11");
        assert_eq!(label("tos", Value::Number(0xc0)), "CS6");
    }
}
