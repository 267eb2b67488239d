//! Packets written by hand: Ethernet, IPv4, IPv6, UDP.

use std::net::IpAddr;

pub const UDP: u8 = 17;

/// An Ethernet frame with these VLAN tags (type and id), around an IP packet.
pub fn ethernet(tags: &[(u16, u16)], ip: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (kind, id) in tags {
        frame.extend(kind.to_be_bytes());
        frame.extend(id.to_be_bytes());
    }
    frame.extend(ethertype(ip).to_be_bytes());
    frame.extend(ip);
    // Short frames are padded on the wire.
    frame.resize(frame.len().max(60), 0);
    frame
}

pub fn ethertype(ip: &[u8]) -> u16 {
    if ip[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

/// An IP packet of a protocol between two addresses of one family.
pub fn ip(protocol: u8, source: IpAddr, destination: IpAddr, payload: &[u8]) -> Vec<u8> {
    fragment(protocol, source, destination, 0, None, payload)
}

/// The same, or a fragment: where its bytes belong, and whether more follow.
pub fn fragment(
    protocol: u8,
    source: IpAddr,
    destination: IpAddr,
    identification: u16,
    place: Option<(usize, bool)>,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = Vec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let flags = place.map_or(0, |(offset, has_more)| {
                u16::try_from(offset / 8).unwrap() | if has_more { 0x2000 } else { 0 }
            });
            packet.extend([0x45, 0]);
            packet.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
            packet.extend(identification.to_be_bytes());
            packet.extend(flags.to_be_bytes());
            packet.extend([64, protocol, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
            let sum = checksum(&packet);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let extension = if place.is_some() { 8 } else { 0 };
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(u16::try_from(extension + payload.len()).unwrap().to_be_bytes());
            packet.extend([if place.is_some() { 44 } else { protocol }, 64]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
            if let Some((offset, has_more)) = place {
                packet.extend([protocol, 0]);
                packet.extend((u16::try_from(offset).unwrap() | u16::from(has_more)).to_be_bytes());
                packet.extend(u32::from(identification).to_be_bytes());
            }
        }
        _ => panic!("addresses of two families"),
    }
    packet.extend(payload);
    packet
}

/// A UDP datagram, without a checksum.
pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(source.to_be_bytes());
    datagram.extend(destination.to_be_bytes());
    datagram.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// The checksum of the internet protocols (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}
