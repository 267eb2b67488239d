//! The fields that a filter can ask about, and their names.

use std::fmt;

/// Which end of a flow a field is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// At least one of the two.
    Either,
    /// The source; of interfaces the input.
    Source,
    /// The destination; of interfaces the output.
    Destination,
    /// The end that is not in a home network: both of transit, none of internal flows.
    Outside,
    /// The end that is in a home network: both of internal, none of transit flows.
    Home,
}

impl End {
    /// Every end, in the order that they are offered.
    pub const ALL: [Self; 5] = [Self::Either, Self::Source, Self::Destination, Self::Outside, Self::Home];

    /// The end of what is written before a dot.
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        match prefix.to_ascii_lowercase().as_str() {
            "src" | "source" => Some(Self::Source),
            "dst" | "dest" | "destination" => Some(Self::Destination),
            "outside" | "external" => Some(Self::Outside),
            "home" | "inside" => Some(Self::Home),
            _ => None,
        }
    }

    /// What stands before the name of a field of this end.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Either => "",
            Self::Source => "src.",
            Self::Destination => "dst.",
            Self::Outside => "outside.",
            Self::Home => "home.",
        }
    }
}

/// What a filter can ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Address, compared with addresses and networks.
    Address(End),
    /// Transport port.
    Port(End),
    /// Country of the place, two letters or `unknown`.
    Country(End),
    /// Number of the autonomous system, 0 when unknown.
    AsNumber(End),
    /// City of the place, compared without regard to case; empty when unknown.
    City(End),
    /// SNMP index of an interface of the exporter.
    Interface(End),
    /// IP protocol.
    Protocol,
    /// Which way the flow goes.
    Direction,
    /// Address of the exporter.
    Exporter,
    /// Bytes of the flow, as exported.
    Bytes,
    /// Packets of the flow, as exported.
    Packets,
    /// The smaller of the two ports: that of the service, as a rule.
    Service,
    /// TCP flags seen, the low nine bits.
    TcpFlags,
    /// IP type of service or traffic class.
    TypeOfService,
    /// VLAN id, 0 when absent.
    Vlan,
}

/// The fields by their canonical names, each with an example value: what a filter bar can offer.
/// Those marked `true` can also be written with `src.`, `dst.`, `outside.` and `home.`.
pub const FIELDS: [(&str, bool, &str); 15] = [
    ("address", true, "10.0.0.0/8"),
    ("port", true, "443"),
    ("country", true, "\"DE\""),
    ("as", true, "15169"),
    ("city", true, "\"Berlin\""),
    ("protocol", false, "tcp"),
    ("direction", false, "inbound"),
    ("exporter", false, "192.0.2.1"),
    ("bytes", false, "1M"),
    ("packets", false, "1000"),
    ("interface", false, "3"),
    ("service", false, "https"),
    ("flags", false, "syn+ack"),
    ("tos", false, "46"),
    ("vlan", false, "100"),
];

type OfAnEnd = fn(End) -> Field;

const OF_AN_END: [(&str, OfAnEnd); 11] = [
    ("address", Field::Address),
    ("addr", Field::Address),
    ("host", Field::Address),
    ("ip", Field::Address),
    ("net", Field::Address),
    ("network", Field::Address),
    ("port", Field::Port),
    ("country", Field::Country),
    ("as", Field::AsNumber),
    ("asn", Field::AsNumber),
    ("city", Field::City),
];

const OF_THE_FLOW: [(&str, Field); 15] = [
    ("protocol", Field::Protocol),
    ("proto", Field::Protocol),
    ("direction", Field::Direction),
    ("exporter", Field::Exporter),
    ("bytes", Field::Bytes),
    ("packets", Field::Packets),
    ("interface", Field::Interface(End::Either)),
    ("in.interface", Field::Interface(End::Source)),
    ("input.interface", Field::Interface(End::Source)),
    ("out.interface", Field::Interface(End::Destination)),
    ("output.interface", Field::Interface(End::Destination)),
    ("service", Field::Service),
    ("flags", Field::TcpFlags),
    ("tos", Field::TypeOfService),
    ("vlan", Field::Vlan),
];

impl Field {
    /// Reads a field's name in any case. The error says for people what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        if let Some(field) = found(&OF_THE_FLOW, &name) {
            return Ok(field);
        }
        let prefixed = name.split_once('.').and_then(|(prefix, stem)| Some((End::of_prefix(prefix)?, stem)));
        let (end, stem) = prefixed.unwrap_or((End::Either, name.as_str()));
        let prefix = end.prefix();
        if let Some(of_end) = found(&OF_AN_END, stem) {
            return Ok(of_end(end));
        }
        if found(&OF_THE_FLOW, stem).is_some() {
            return Err(format!("{stem} belongs to the flow, not to one end: write {stem}"));
        }
        let of_an_end = OF_AN_END.iter().map(|(known, _)| format!("{prefix}{known}"));
        let of_the_flow = OF_THE_FLOW.iter().map(|(known, _)| (*known).to_owned());
        let typed = format!("{prefix}{stem}");
        Err(match nearest(&typed, of_an_end.chain(of_the_flow)) {
            Some(suggestion) => format!("there is no field {text}: write {suggestion}"),
            None => format!(
                "there is no field {text}: the fields are address, port, country, as and city (of one end \
                 with src., dst., outside. or home. before them), protocol, direction, exporter, bytes, packets, \
                 interface, service, flags, tos and vlan"
            ),
        })
    }

    /// True when smaller and larger mean something.
    pub(super) const fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::Port(_)
                | Self::AsNumber(_)
                | Self::Interface(_)
                | Self::Bytes
                | Self::Packets
                | Self::Service
                | Self::TypeOfService
                | Self::Vlan
        )
    }

    /// What comparing it looks at, for those who write a filter.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Address(End::Either) => "address or network of either end",
            Self::Address(_) => "address or network",
            Self::Port(End::Either) => "port of either end",
            Self::Port(_) => "port",
            Self::Country(End::Either) => "country of either end, two letters",
            Self::Country(_) => "country, two letters",
            Self::AsNumber(End::Either) => "number of the AS of either end",
            Self::AsNumber(_) => "number of the AS",
            Self::City(End::Either) => "city of either end",
            Self::City(_) => "city",
            Self::Interface(End::Source) => "SNMP index of the input interface",
            Self::Interface(End::Destination) => "SNMP index of the output interface",
            Self::Interface(_) => "SNMP index of either interface",
            Self::Protocol => "IP protocol",
            Self::Direction => "which way, seen from the home networks",
            Self::Exporter => "address of the exporter",
            Self::Bytes => "bytes of the flow, as exported",
            Self::Packets => "packets of the flow, as exported",
            Self::Service => "the smaller of the two ports",
            Self::TcpFlags => "TCP flags seen in the flow",
            Self::TypeOfService => "type of service or traffic class, 0 to 255",
            Self::Vlan => "VLAN id",
        }
    }

    /// The end it is of; `None` for a field of the whole flow, and for an interface of one side.
    pub const fn end(self) -> Option<End> {
        match self {
            Self::Address(end)
            | Self::Port(end)
            | Self::Country(end)
            | Self::AsNumber(end)
            | Self::City(end) => Some(end),
            Self::Interface(End::Either) => Some(End::Either),
            _ => None,
        }
    }

    /// The largest number that the field can have, where it is a number.
    pub(super) const fn largest(self) -> u64 {
        match self {
            Self::Port(_) | Self::Service => u16::MAX as u64,
            Self::TcpFlags => 0x1ff,
            Self::Vlan => 4_095,
            Self::AsNumber(_) | Self::Interface(_) => u32::MAX as u64,
            Self::Protocol | Self::TypeOfService => u8::MAX as u64,
            _ => u64::MAX,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (end, name) = match self {
            Self::Address(end) => (*end, "address"),
            Self::Port(end) => (*end, "port"),
            Self::Country(end) => (*end, "country"),
            Self::AsNumber(end) => (*end, "as"),
            Self::City(end) => (*end, "city"),
            Self::Interface(End::Source) => (End::Either, "in.interface"),
            Self::Interface(End::Destination) => (End::Either, "out.interface"),
            Self::Interface(_) => (End::Either, "interface"),
            Self::Protocol => (End::Either, "protocol"),
            Self::Direction => (End::Either, "direction"),
            Self::Exporter => (End::Either, "exporter"),
            Self::Bytes => (End::Either, "bytes"),
            Self::Packets => (End::Either, "packets"),
            Self::Service => (End::Either, "service"),
            Self::TcpFlags => (End::Either, "flags"),
            Self::TypeOfService => (End::Either, "tos"),
            Self::Vlan => (End::Either, "vlan"),
        };
        formatter.write_str(end.prefix())?;
        formatter.write_str(name)
    }
}

fn found<T: Copy>(names: &[(&str, T)], wanted: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
}

/// The candidate that is fewest edits away, if those are few for the length of the word.
pub(super) fn nearest<S: AsRef<str>>(typed: &str, candidates: impl Iterator<Item = S>) -> Option<S> {
    let typed = typed.to_lowercase();
    let length = typed.chars().count();
    if length > 40 {
        return None;
    }
    candidates
        .map(|candidate| (edits(&typed, candidate.as_ref()), candidate))
        .filter(|(edits, _)| *edits <= 1 + length / 5)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and substitutions between two words.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, right) in row.iter_mut().skip(1).zip(to.chars()) {
            let substituted = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = substituted.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}
