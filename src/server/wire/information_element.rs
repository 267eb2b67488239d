//! Names of information elements, for people. Decoding does not depend on them.
//!
//! The table holds the IANA registry, what only v9 has, and the vendors met most; anything else is
//! named by its numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::exporter::Protocol;

use super::slot::REVERSE_ENTERPRISE;

/// Lines of enterprise, element and name; `#` begins a comment.
const TABLE: &str = include_str!("information_elements.txt");
/// Stands for v9's own types in place of an enterprise number, which v9 does not have.
const V9_ONLY: u32 = u32::MAX;

static NAMES: LazyLock<HashMap<(u32, u16), &'static str>> =
    LazyLock::new(|| TABLE.lines().filter_map(entry).collect());

fn entry(line: &'static str) -> Option<((u32, u16), &'static str)> {
    let mut words = line.split_ascii_whitespace();
    let enterprise = match words.next()? {
        "v9" => V9_ONLY,
        number => number.parse().ok()?,
    };
    Some(((enterprise, words.next()?.parse().ok()?), words.next()?))
}

/// The IANA name, the vendor's where known, else `element 123` or `PEN 9 element 12235`.
pub fn name(protocol: Protocol, is_scope: bool, enterprise: u32, element: u16) -> String {
    if is_scope && protocol == Protocol::NetflowV9 {
        return v9_scope(element).map_or_else(|| format!("scope {element}"), str::to_owned);
    }
    let is_v9_only = protocol == Protocol::NetflowV9 && element > i16::MAX.unsigned_abs();
    let registry = if is_v9_only { V9_ONLY } else { enterprise };
    if let Some(name) = NAMES.get(&(registry, element)) {
        return (*name).to_owned();
    }
    if enterprise == REVERSE_ENTERPRISE
        && let Some(name) = NAMES.get(&(0, element))
    {
        return reverse(name);
    }
    if enterprise == 0 { format!("element {element}") } else { format!("PEN {enterprise} element {element}") }
}

/// RFC 5103 §6.1: `octetDeltaCount` backwards is `reverseOctetDeltaCount`.
fn reverse(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    "reverse".chars().chain(first).chain(letters).collect()
}

/// Scope field types of v9 (RFC 3954 §6.1).
const fn v9_scope(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "system",
        2 => "interface",
        3 => "lineCard",
        4 => "cache",
        5 => "template",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_an_element_of_its_own() {
        let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        assert_eq!(NAMES.len(), lines);
    }

    #[test]
    fn elements_are_named_by_registry_protocol_and_role() {
        let ipfix = |enterprise, element| name(Protocol::Ipfix, false, enterprise, element);
        assert_eq!(ipfix(0, 8), "sourceIPv4Address");
        assert_eq!(ipfix(0, 30), "destinationIPv6PrefixLength");
        assert_eq!(ipfix(0, 225), "postNATSourceIPv4Address");
        assert_eq!(ipfix(29_305, 2), "reversePacketDeltaCount");
        assert_eq!(ipfix(6871, 14), "initialTCPFlags");
        assert_eq!(ipfix(0, 9999), "element 9999");
        assert_eq!(ipfix(4_294_967_294, 1), "PEN 4294967294 element 1");
        assert_eq!(name(Protocol::NetflowV9, true, 0, 2), "interface");
        assert_eq!(name(Protocol::NetflowV9, false, 0, 33_002), "firewallExtendedEvent");
        assert_eq!(name(Protocol::Ipfix, true, 0, 149), "observationDomainId");
    }
}
