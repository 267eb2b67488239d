//! AS ranges as comma-separated values: first address, last address, AS number, name.
//!
//! The format of ip-location-db. Names may be quoted (RFC 4180); a name may not go over a line. Lines may come in
//! any order. Of two ranges that overlap, as a pair in the pinned file does, the one that starts later has the
//! addresses, and the other ends before it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::autonomous_systems::AutonomousSystemsBuilder;
use super::database::{AsDatabase, DatabaseError};
use super::ranges::{AddressRangesBuilder, LARGEST_VALUE};

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<AsDatabase, DatabaseError> {
    let mut systems = AutonomousSystemsBuilder::default();
    let mut ranges = Vec::new();
    for (position, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |what| DatabaseError::Csv { line: position + 1, what };
        let line = std::str::from_utf8(line).map_err(|_| wrong("is not UTF-8"))?.trim_end_matches('\r');
        if line.is_empty() {
            continue;
        }
        let mut fields = line.splitn(4, ',');
        let mut field = || fields.next().ok_or(wrong("has fewer than four fields"));
        let first: IpAddr = field()?.parse().map_err(|_| wrong("does not begin with an address"))?;
        let last: IpAddr = field()?.parse().map_err(|_| wrong("has no address in its second field"))?;
        let number: u32 = field()?.parse().map_err(|_| wrong("has no AS number in its third field"))?;
        let name = unquoted(field()?).ok_or(wrong("has a name with a quote that is not closed"))?;
        if number == 0 || number > LARGEST_VALUE {
            continue;
        }
        if first.is_ipv4() != last.is_ipv4() || last < first {
            return Err(wrong("ends before it begins"));
        }
        systems.add(number, &name).ok_or(DatabaseError::TooMany)?;
        ranges.push((first, last, number));
    }
    if ranges.is_empty() {
        return Err(DatabaseError::Csv { line: 1, what: "is the last, and none has a range" });
    }

    ranges.sort_unstable();
    let starts_after = ranges.iter().skip(1).map(|(first, ..)| Some(*first)).chain([None]);
    let mut builder = AddressRangesBuilder::default();
    for ((first, last, number), next) in ranges.iter().zip(starts_after) {
        let last = match next.filter(|next| next <= last) {
            Some(next) if next == *first => continue,
            Some(next) => before(next),
            None => *last,
        };
        builder.push(*first, last, *number).map_err(|_| DatabaseError::Tree)?;
    }
    Ok(AsDatabase { ranges: builder.finish(), systems: systems.finish() })
}

/// The address before one that is not the first of its family.
fn before(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(address.to_bits().saturating_sub(1)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(address.to_bits().saturating_sub(1)).into(),
    }
}

/// A field without its quotes; `None` when a quote is not closed.
fn unquoted(field: &str) -> Option<String> {
    match field.strip_prefix('"') {
        None => Some(field.to_owned()),
        Some(rest) => rest.strip_suffix('"').map(|name| name.replace("\"\"", "\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_and_quotes_are_read_whole() {
        let text = "2001:db8::,2001:db8::ff,64500,Plain\r\n10.0.0.0,10.0.0.255,64501,\"LLC \"\"S, K\"\"\"\n";
        let database = read(text.as_bytes()).unwrap();
        assert_eq!(database.ranges.find("10.0.0.7".parse().unwrap()), 64501);
        assert_eq!(database.ranges.find("2001:db8::8".parse().unwrap()), 64500);
        assert_eq!(database.ranges.find("2001:db8::100".parse().unwrap()), 0);
        assert_eq!(database.systems.name(64501), Some("LLC \"S, K\""));
        assert_eq!(database.systems.name(64500), Some("Plain"));
        assert_eq!(database.systems.name(1), None);
    }

    #[test]
    fn of_two_ranges_that_overlap_the_later_has_the_addresses() {
        let database = read(b"214.95.0.0,215.0.255.255,749,a\n215.0.0.0,215.1.3.255,721,b\n").unwrap();
        let numbers = ["214.95.0.0", "214.255.255.255", "215.0.0.0", "215.1.3.255", "215.1.4.0"]
            .map(|address| database.ranges.find(address.parse().unwrap()));
        assert_eq!(numbers, [749, 749, 721, 721, 0]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for (text, number) in [
            ("1.0.0.0,1.0.0.255,1,a\n1.0.1.0,1.0.1.255,x,b\n", 2),
            ("1.0.0.0,1.0.0.255,1\n", 1),
            ("network,last,number,name\n", 1),
            ("1.0.0.0,1.0.0.255,1,\"a\n", 1),
            ("1.0.0.9,1.0.0.1,1,a\n", 1),
            ("", 1),
        ] {
            match read(text.as_bytes()) {
                Err(DatabaseError::Csv { line, .. }) => assert_eq!(line, number, "{text}"),
                other => panic!("{text} gave {other:?}"),
            }
        }
    }
}
