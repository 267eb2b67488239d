//! How the flows of a question are grouped: which columns it reads, and how their values become keys.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use datafusion::common::Result;

use super::batch::{Columns, Entry, address_bits};
use super::key::{Key, Place, Places};
use crate::model::filter::{End, Field};
use crate::model::history::Dimension;
use crate::model::network::Network;
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;
use crate::server::history::groups::Value;
use crate::server::history::request::Request;

/// What of a flow a dimension is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Country(End),
    City(End),
    Address(End),
    Network(End),
    Number(End, &'static str, &'static str),
    Exporter,
    Service,
    Direction,
}

impl Part {
    /// `None` for an amount, which no dimension is.
    fn of(dimension: Dimension) -> Option<Self> {
        let whole = |column| Some(Self::Number(End::Source, column, column));
        match dimension {
            Dimension::Network(end) => Some(Self::Network(end)),
            Dimension::Field(field) => match field {
                Field::Address(end) => Some(Self::Address(end)),
                Field::Country(end) => Some(Self::Country(end)),
                Field::City(end) => Some(Self::City(end)),
                Field::Port(end) => Some(Self::Number(end, "src_port", "dst_port")),
                Field::AsNumber(end) => Some(Self::Number(end, "src_as", "dst_as")),
                Field::Interface(end) => Some(Self::Number(end, "input_interface", "output_interface")),
                Field::Protocol => whole("protocol"),
                Field::TcpFlags => whole("tcp_flags"),
                Field::TypeOfService => whole("type_of_service"),
                Field::Vlan => whole("vlan"),
                Field::Exporter => Some(Self::Exporter),
                Field::Service => Some(Self::Service),
                Field::Direction => Some(Self::Direction),
                Field::Bytes | Field::Packets => None,
            },
        }
    }

    const fn end(self) -> Option<End> {
        match self {
            Self::Country(end)
            | Self::City(end)
            | Self::Address(end)
            | Self::Network(end)
            | Self::Number(end, ..) => Some(end),
            Self::Exporter | Self::Service | Self::Direction => None,
        }
    }

    fn columns(self) -> Vec<&'static str> {
        let of_end = |end, source, destination| match end {
            End::Source => vec![source],
            End::Destination => vec![destination],
            End::Either | End::Outside | End::Home => vec![source, destination, "direction"],
        };
        match self {
            Self::Country(end) => of_end(end, "src_country", "dst_country"),
            Self::City(end) => {
                let mut columns = of_end(end, "src_city", "dst_city");
                columns.extend(of_end(end, "src_country", "dst_country"));
                columns
            }
            Self::Address(end) | Self::Network(end) => of_end(end, "src_address", "dst_address"),
            Self::Number(end, source, destination) => of_end(end, source, destination),
            Self::Exporter => vec!["exporter"],
            Self::Service => vec!["src_port", "dst_port", "protocol"],
            Self::Direction => vec!["direction"],
        }
    }

    const fn width(self) -> u32 {
        match self {
            Self::Country(_) => 16,
            Self::City(_) => 48,
            Self::Network(_) => 64,
            Self::Address(_) | Self::Exporter => 128,
            Self::Number(_, column, _) => match column.as_bytes() {
                b"src_as" | b"dst_as" | b"input_interface" | b"output_interface" => 32,
                _ => 16,
            },
            Self::Service => 24,
            Self::Direction => 8,
        }
    }
}

/// Which flows' ends are groups of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// None: each flow is in one group.
    Whole,
    /// Each outside end.
    Outside,
    /// Each end at home.
    Home,
    /// The outside end with the end at home, of flows that have one of each.
    Both,
}

/// How the flows of a question are grouped.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    parts: Vec<(Part, Place)>,
    step: Option<(Place, i64, i64)>,
    /// Which ends are counted.
    pub(super) ends: Ends,
    /// Whether outside addresses are wanted.
    pub(super) addresses: bool,
    /// Whether a key fits into 64 bits.
    pub(super) is_narrow: bool,
    /// How many words of 128 bits it takes otherwise.
    pub(super) words: usize,
}

impl Layout {
    pub(super) fn of(request: &Request) -> Self {
        let mut places = Places::default();
        let mut parts: Vec<(Part, Place)> = Vec::new();
        for part in request.dimensions.iter().filter_map(|dimension| Part::of(*dimension)) {
            // A dimension that is asked for twice is one.
            let known = parts.iter().find(|(known, _)| *known == part).map(|(_, place)| *place);
            parts.push((part, known.unwrap_or_else(|| places.take(part.width()))));
        }
        let step = request.step_ms.map(|length| {
            let length = length.max(1);
            (places.take(32), request.range.from_ms.div_euclid(length), length)
        });
        let has = |end| parts.iter().any(|(part, _)| part.end() == Some(end));
        Self {
            ends: match (has(End::Outside) || has(End::Either), has(End::Home)) {
                (false, false) => Ends::Whole,
                (true, false) => Ends::Outside,
                (false, true) => Ends::Home,
                (true, true) => Ends::Both,
            },
            addresses: request.addresses,
            is_narrow: places.is_narrow(),
            words: places.words(),
            parts,
            step,
        }
    }

    /// The columns it reads, apart from the amounts and the time.
    pub(super) fn columns(&self) -> Vec<&'static str> {
        let addresses: &[_] = if self.addresses { &["src_address", "dst_address", "direction"] } else { &[] };
        self.parts.iter().flat_map(|(part, _)| part.columns()).chain(addresses.iter().copied()).collect()
    }

    /// The length of a step.
    pub(super) fn step_ms(&self) -> Option<i64> {
        self.step.map(|(_, _, length)| length)
    }

    /// Which step a moment is in, from 0; moments before the range are in the first.
    pub(super) fn step_of(&self, moment_ms: i64) -> u32 {
        self.step.map_or(0, |(_, first, length)| {
            u32::try_from(moment_ms.div_euclid(length).saturating_sub(first).max(0)).unwrap_or(u32::MAX)
        })
    }

    /// Where a step begins.
    pub(super) fn step_start(&self, step: u32) -> Option<i64> {
        self.step.map(|(_, first, length)| first.saturating_add(i64::from(step)).saturating_mul(length))
    }

    /// Packs the values of some entries of a batch.
    pub(super) fn keys<K: Key>(
        &self,
        columns: &mut Columns<'_, '_>,
        entries: &[Entry],
        keys: &mut Vec<K>,
    ) -> Result<()> {
        keys.clear();
        keys.resize(entries.len(), K::default());
        for (at, (part, place)) in self.parts.iter().enumerate() {
            // Equal dimensions share a place, where a value is put in once.
            if !self.parts.iter().take(at).any(|(_, known)| known == place) {
                fill(*part, *place, columns, entries, keys)?;
            }
        }
        if let Some((place, ..)) = self.step {
            let received = columns.received()?;
            for (key, entry) in keys.iter_mut().zip(entries) {
                let moment = received.get(entry.row()).copied().unwrap_or_default();
                key.add(place, u64::from(self.step_of(moment)));
            }
        }
        Ok(())
    }

    /// The values that a key was made of.
    pub(super) fn values<K: Key>(&self, key: &K, names: &[String]) -> Vec<Value> {
        self.parts.iter().map(|(part, place)| value(*part, key.value(*place), names)).collect()
    }

    /// The step that a key was made of.
    pub(super) fn step<K: Key>(&self, key: &K) -> u32 {
        self.step.map_or(0, |(place, ..)| u32::try_from(key.value(place)).unwrap_or(u32::MAX))
    }

    /// Orders keys as their values are ordered.
    pub(super) fn compare<K: Key>(&self, one: &K, other: &K, names: &[String]) -> Ordering {
        self.parts.iter().fold(Ordering::Equal, |order, (part, place)| {
            order.then_with(|| {
                let (one, other) = (one.value(*place), other.value(*place));
                value(*part, one, names).cmp(&value(*part, other, names))
            })
        })
    }
}

/// Puts the values of one part into the keys.
fn fill<K: Key>(
    part: Part,
    place: Place,
    columns: &mut Columns<'_, '_>,
    entries: &[Entry],
    keys: &mut [K],
) -> Result<()> {
    let end = part.end().unwrap_or(End::Source);
    let (has_source, has_destination) = (end != End::Destination, end != End::Source);
    match part {
        Part::Number(_, source, destination) => {
            let source = if has_source { columns.numbers(source)? } else { Vec::new() };
            let destination = if has_destination { columns.numbers(destination)? } else { Vec::new() };
            put(keys, entries, place, |entry| entry.pick(end, &source, &destination));
        }
        Part::Country(_) | Part::City(_) => {
            let is_city = matches!(part, Part::City(_));
            let mut side = |is_wanted: bool, country, city| -> Result<Vec<u64>> {
                let mut codes = if is_wanted { columns.countries(country)? } else { Vec::new() };
                if is_wanted && is_city {
                    for (code, name) in codes.iter_mut().zip(columns.names(city)?) {
                        *code |= name << 16;
                    }
                }
                Ok(codes)
            };
            let source = side(has_source, "src_country", "src_city")?;
            let destination = side(has_destination, "dst_country", "dst_city")?;
            put(keys, entries, place, |entry| entry.pick(end, &source, &destination));
        }
        Part::Address(_) | Part::Network(_) => {
            let source = if has_source { Some(columns.addresses("src_address")?) } else { None };
            let destination = if has_destination { Some(columns.addresses("dst_address")?) } else { None };
            for (key, entry) in keys.iter_mut().zip(entries) {
                let side = if entry.is_destination(end) { destination } else { source };
                let bits = side.map_or(0, |side| address_bits(side, entry.row()));
                match part {
                    Part::Network(_) => key.add(place, network_bits(bits)),
                    _ => key.add_wide(place, bits),
                }
            }
        }
        Part::Exporter => {
            let exporters = columns.addresses("exporter")?;
            for (key, entry) in keys.iter_mut().zip(entries) {
                key.add_wide(place, address_bits(exporters, entry.row()));
            }
        }
        Part::Service => {
            let (source, destination) = (columns.numbers("src_port")?, columns.numbers("dst_port")?);
            let protocol = columns.numbers("protocol")?;
            put(keys, entries, place, |entry| {
                let lower_port = entry.of(&source).min(entry.of(&destination));
                lower_port << 8 | entry.of(&protocol)
            });
        }
        Part::Direction => {
            let directions = columns.numbers("direction")?;
            put(keys, entries, place, |entry| entry.of(&directions));
        }
    }
    Ok(())
}

fn put<K: Key>(keys: &mut [K], entries: &[Entry], place: Place, value: impl Fn(Entry) -> u64) {
    for (key, entry) in keys.iter_mut().zip(entries) {
        key.add(place, value(*entry));
    }
}

fn value(part: Part, bits: u128, names: &[String]) -> Value {
    let number = u64::try_from(bits).unwrap_or(u64::MAX);
    match part {
        Part::Country(_) => Value::Country(country(number)),
        Part::City(_) => {
            let name = usize::try_from(number >> 16).ok().and_then(|at| names.get(at));
            Value::City(name.cloned().unwrap_or_default(), country(number))
        }
        Part::Address(_) | Part::Exporter => Value::Address(address_of_bits(bits)),
        Part::Network(_) => Value::Network(network_of_bits(number)),
        Part::Number(..) => Value::Number(number),
        Part::Service => Value::Service {
            port: u16::try_from(number >> 8).unwrap_or(u16::MAX),
            protocol: u8::try_from(number & 0xff).unwrap_or(u8::MAX),
        },
        Part::Direction => {
            let found = Direction::ALL.into_iter().find(|direction| direction.index() as u64 == number);
            Value::Direction(found.unwrap_or(Direction::Transit))
        }
    }
}

fn country(bits: u64) -> Option<CountryCode> {
    let [.., first, second] = bits.to_be_bytes();
    CountryCode::parse(std::str::from_utf8(&[first, second]).unwrap_or_default())
}

pub(super) fn address_of_bits(bits: u128) -> IpAddr {
    let address = Ipv6Addr::from_bits(bits);
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

const V4: u64 = 1 << 63;

/// The /24 of an IPv4 address, the /48 of an IPv6 address.
fn network_bits(address: u128) -> u64 {
    match address_of_bits(address) {
        IpAddr::V4(address) => V4 | u64::from(address.to_bits() >> 8),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 80).unwrap_or_default(),
    }
}

fn network_of_bits(bits: u64) -> Network {
    if bits & V4 == 0 {
        Network::containing(Ipv6Addr::from_bits(u128::from(bits) << 80).into(), 48)
    } else {
        let first = u32::try_from(bits & 0xff_ffff).unwrap_or_default() << 8;
        Network::containing(Ipv4Addr::from_bits(first).into(), 24)
    }
}
