//! Names of IP protocols (IANA "Assigned Internet Protocol Numbers", the ones that networks carry).

/// Number and name; the first name of a number is the one that is shown.
const NAMES: [(u8, &str); 28] = [
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipip"),
    (4, "ipencap"),
    (6, "tcp"),
    (8, "egp"),
    (17, "udp"),
    (27, "rdp"),
    (33, "dccp"),
    (41, "ipv6"),
    (41, "6in4"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "icmp6"),
    (58, "icmpv6"),
    (58, "ipv6-icmp"),
    (88, "eigrp"),
    (89, "ospf"),
    (94, "ipip-old"),
    (97, "etherip"),
    (103, "pim"),
    (112, "vrrp"),
    (115, "l2tp"),
    (124, "isis"),
    (132, "sctp"),
    (136, "udplite"),
];

/// The name of a protocol as the filter language writes it, if it has one.
pub fn protocol_name(number: u8) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// The number of a protocol, from its name in any case or from its number 0 to 255.
pub fn protocol_number(text: &str) -> Option<u8> {
    let named = NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| *number);
    named.or_else(|| text.parse().ok())
}

/// Every name, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}
