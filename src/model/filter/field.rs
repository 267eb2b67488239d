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
}

/// The fields by their canonical names, each with an example value: what a filter bar can offer.
/// Those marked `true` can also be written with `src.` and `dst.`.
pub const FIELDS: [(&str, bool, &str); 11] = [
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

const OF_THE_FLOW: [(&str, Field); 11] = [
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
];

impl Field {
    /// Reads a field's name in any case. The error says for people what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        if let Some(field) = found(&OF_THE_FLOW, &name) {
            return Ok(field);
        }
        let (end, prefix, stem) = match name.split_once('.') {
            Some(("src" | "source", stem)) => (End::Source, "src.", stem),
            Some(("dst" | "dest" | "destination", stem)) => (End::Destination, "dst.", stem),
            _ => (End::Either, "", name.as_str()),
        };
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
                 with src. or dst. before them), protocol, direction, exporter, bytes, packets and interface"
            ),
        })
    }

    /// True when smaller and larger mean something.
    pub(super) const fn is_ordered(self) -> bool {
        matches!(self, Self::Port(_) | Self::AsNumber(_) | Self::Interface(_) | Self::Bytes | Self::Packets)
    }

    /// The largest number that the field can have, where it is a number.
    pub(super) const fn largest(self) -> u64 {
        match self {
            Self::Port(_) => u16::MAX as u64,
            Self::AsNumber(_) | Self::Interface(_) => u32::MAX as u64,
            Self::Protocol => u8::MAX as u64,
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
            Self::Interface(End::Either) => (End::Either, "interface"),
            Self::Protocol => (End::Either, "protocol"),
            Self::Direction => (End::Either, "direction"),
            Self::Exporter => (End::Either, "exporter"),
            Self::Bytes => (End::Either, "bytes"),
            Self::Packets => (End::Either, "packets"),
        };
        formatter.write_str(match end {
            End::Either => "",
            End::Source => "src.",
            End::Destination => "dst.",
        })?;
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
