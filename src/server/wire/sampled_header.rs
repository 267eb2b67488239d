//! The first bytes of a sampled packet: what they say of it.
//!
//! Ethernet with VLAN tags, MPLS and PPP (over Ethernet, too) are passed over, IPv4 and IPv6 are read with the
//! transport header behind them. Tunnels are looked into only as far as [`Decapsulation`] says. The bytes may end anywhere:
//! there are no errors, what was read until then is kept, the rest is 0. Every step goes forward, so no
//! packet can hold it up; tunnels in tunnels, and pseudowires, are followed four deep.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Header protocol of Ethernet.
pub const ETHERNET: u32 = 1;
/// Header protocol of PPP.
const PPP: u32 = 7;
/// Header protocol of IPv4.
pub const IPV4: u32 = 11;
/// Header protocol of IPv6.
pub const IPV6: u32 = 12;
/// Header protocol of MPLS.
pub const MPLS: u32 = 13;
/// Header protocol of PPP over SONET.
const PPP_OVER_SONET: u32 = 14;

/// The UDP port of VXLAN (RFC 7348).
const VXLAN_PORT: u16 = 4789;
/// Tunnels in tunnels, and pseudowires, that are followed.
const MAX_DEPTH: u8 = 4;

/// Tunnels that are looked into: their packets count as what they carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decapsulation {
    /// Generic routing encapsulation (RFC 2784, RFC 2890).
    pub gre: bool,
    /// VXLAN (RFC 7348).
    pub vxlan: bool,
    /// IP in IP (RFC 2003, RFC 2473, RFC 4213).
    pub ipip: bool,
}

/// What the headers of a packet say; 0 where they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// True when there is at least the beginning of an IP header.
    pub is_ip: bool,
    /// Source address.
    pub source_address: IpAddr,
    /// Destination address.
    pub destination_address: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// ICMP type × 256 + code.
    pub icmp_type_code: u16,
    /// IP protocol, behind the extension headers of IPv6.
    pub protocol: u8,
    /// Type of service, or traffic class.
    pub type_of_service: u8,
    /// TCP flags, the low nine bits.
    pub tcp_flags: u16,
    /// The outermost VLAN.
    pub vlan: u16,
    /// Bytes of the IP packet, as its header says.
    pub ip_length: u32,
    /// Bytes before the IP header, or before what is none.
    pub offset: usize,
}

impl Packet {
    /// Nothing is known.
    pub const NONE: Self = Self {
        is_ip: false,
        source_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        destination_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        source_port: 0,
        destination_port: 0,
        icmp_type_code: 0,
        protocol: 0,
        type_of_service: 0,
        tcp_flags: 0,
        vlan: 0,
        ip_length: 0,
        offset: 0,
    };

    /// Reads a header that begins with a protocol of sFlow's list.
    #[inline]
    pub fn decode(protocol: u32, header: &[u8], decapsulation: Decapsulation) -> Self {
        let mut walk = Walk { length: header.len(), decapsulation, depth: 0, packet: Self::NONE };
        match protocol {
            ETHERNET => walk.ethernet(header),
            IPV4 => walk.ipv4(header),
            IPV6 => walk.ipv6(header),
            MPLS => walk.mpls(header),
            PPP | PPP_OVER_SONET => walk.ppp(header),
            _ => {}
        }
        walk.packet
    }
}

/// On the way through a header.
struct Walk {
    length: usize,
    decapsulation: Decapsulation,
    depth: u8,
    packet: Packet,
}

impl Walk {
    /// What is left begins the network layer, as far as is known.
    #[inline]
    const fn mark(&mut self, rest: &[u8]) {
        self.packet.offset = self.length.saturating_sub(rest.len());
    }

    #[inline]
    fn ethernet(&mut self, frame: &[u8]) {
        if let Some((head, rest)) = frame.split_first_chunk::<14>() {
            self.ether_type(u16::from_be_bytes([head[12], head[13]]), rest);
        }
    }

    #[inline]
    fn ether_type(&mut self, mut ether_type: u16, mut rest: &[u8]) {
        loop {
            self.mark(rest);
            match ether_type {
                0x0800 => return self.ipv4(rest),
                0x86dd => return self.ipv6(rest),
                // 802.1Q, 802.1ad and what came before it.
                0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                    let Some((tag, inner)) = rest.split_first_chunk::<4>() else { return };
                    if self.packet.vlan == 0 {
                        self.packet.vlan = u16::from_be_bytes([tag[0], tag[1]]) & 0xfff;
                    }
                    ether_type = u16::from_be_bytes([tag[2], tag[3]]);
                    rest = inner;
                }
                0x8847 | 0x8848 => return self.mpls(rest),
                0x8864 => {
                    let Some((_, inner)) = rest.split_first_chunk::<6>() else { return };
                    return self.ppp(inner);
                }
                // A length (802.3): LLC and SNAP come before the type.
                0..=1500 => {
                    let Some((head, inner)) = rest.split_first_chunk::<8>() else { return };
                    if head[..6] != [0xaa, 0xaa, 3, 0, 0, 0] {
                        return;
                    }
                    ether_type = u16::from_be_bytes([head[6], head[7]]);
                    if ether_type <= 1500 {
                        return;
                    }
                    rest = inner;
                }
                _ => return,
            }
        }
    }

    fn ppp(&mut self, frame: &[u8]) {
        let frame = frame.strip_prefix(&[0xff, 3]).unwrap_or(frame);
        let Some((protocol, rest)) = frame.split_first_chunk::<2>() else { return };
        self.mark(rest);
        match u16::from_be_bytes(*protocol) {
            0x0021 => self.ipv4(rest),
            0x0057 => self.ipv6(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            _ => {}
        }
    }

    /// Passes over the label stack. What follows is not said: the first four bits tell IP from the control
    /// word of a pseudowire (RFC 4385), and that carries Ethernet.
    fn mpls(&mut self, mut rest: &[u8]) {
        loop {
            let Some((label, inner)) = rest.split_first_chunk::<4>() else { return };
            rest = inner;
            self.mark(rest);
            if label[2] & 1 == 1 {
                break;
            }
        }
        match rest.first().map(|byte| byte >> 4) {
            Some(4) => self.ipv4(rest),
            Some(6) => self.ipv6(rest),
            Some(0) if self.depth < MAX_DEPTH => {
                self.depth += 1;
                self.ethernet(rest.get(4..).unwrap_or_default());
            }
            _ => {}
        }
    }

    #[inline]
    fn ipv4(&mut self, packet: &[u8]) {
        let head = packet.first_chunk::<20>().copied();
        let head = head.unwrap_or_else(|| known(packet, &[1, 2, 4, 6, 8, 9, 10, 12, 16]));
        let header_length = usize::from(head[0] & 0xf) * 4;
        if head[0] >> 4 != 4 || header_length < 20 {
            return;
        }
        let total_length = u16::from_be_bytes([head[2], head[3]]);
        let address = |first: usize| {
            IpAddr::V4(Ipv4Addr::new(head[first], head[first + 1], head[first + 2], head[first + 3]))
        };
        self.begin_ip(packet, address(12), address(16));
        self.packet.ip_length = u32::from(total_length);
        self.packet.type_of_service = head[1];
        self.packet.protocol = head[9];
        // A stated length of 0 is what network cards get that cut the packet themselves.
        let end = if total_length == 0 { packet.len() } else { packet.len().min(usize::from(total_length)) };
        let fragment_offset = u16::from_be_bytes([head[6], head[7]]) & 0x1fff;
        if let Some(payload) = packet.get(header_length..end).filter(|_| fragment_offset == 0) {
            self.transport(head[9], payload);
        }
    }

    #[inline]
    fn ipv6(&mut self, packet: &[u8]) {
        let head = packet.first_chunk::<40>().copied();
        let head = head.unwrap_or_else(|| known(packet, &[2, 4, 6, 7, 8, 24]));
        if head[0] >> 4 != 6 {
            return;
        }
        let address = |bytes: Option<&[u8; 16]>| {
            IpAddr::V6(Ipv6Addr::from_octets(bytes.copied().unwrap_or_default())).to_canonical()
        };
        let addresses = head.last_chunk::<32>();
        let source = addresses.and_then(|addresses| addresses.first_chunk());
        let destination = addresses.and_then(|addresses| addresses.last_chunk());
        self.begin_ip(packet, address(source), address(destination));
        let payload_length = u16::from_be_bytes([head[4], head[5]]);
        self.packet.type_of_service = head[0] << 4 | head[1] >> 4;
        let mut rest = packet.get(40..).unwrap_or_default();
        if payload_length > 0 {
            self.packet.ip_length = u32::from(payload_length) + 40;
            rest = rest.get(..usize::from(payload_length)).unwrap_or(rest);
        }
        let mut next = head[6];
        loop {
            self.packet.protocol = next;
            let length = match (next, rest) {
                // Hop-by-hop and destination options, routing, mobility, HIP, Shim6.
                (0 | 43 | 60 | 135 | 139 | 140, [_, units, ..]) => usize::from(*units) * 8 + 8,
                (51, [_, words, ..]) => usize::from(*words) * 4 + 8,
                (44, [following, _, high, low, ..]) => {
                    // Only the first fragment has what comes behind.
                    if u16::from_be_bytes([*high, *low]) & 0xfff8 != 0 {
                        self.packet.protocol = *following;
                        return;
                    }
                    8
                }
                _ => return self.transport(next, rest),
            };
            next = rest.first().copied().unwrap_or(next);
            let Some(inner) = rest.get(length..) else {
                self.packet.protocol = next;
                return;
            };
            rest = inner;
        }
    }

    /// An IP header begins; what an outer one said is forgotten, but for the VLAN.
    #[inline]
    fn begin_ip(&mut self, packet: &[u8], source_address: IpAddr, destination_address: IpAddr) {
        self.mark(packet);
        self.packet.is_ip = true;
        self.packet.source_address = source_address;
        self.packet.destination_address = destination_address;
        self.packet.source_port = 0;
        self.packet.destination_port = 0;
        self.packet.icmp_type_code = 0;
        self.packet.tcp_flags = 0;
        self.packet.ip_length = 0;
    }

    #[inline]
    fn transport(&mut self, protocol: u8, payload: &[u8]) {
        match protocol {
            // TCP, UDP, DCCP, SCTP, UDP-Lite.
            6 | 17 | 33 | 132 | 136 => {
                let Some((ports, rest)) = payload.split_first_chunk::<4>() else { return };
                self.packet.source_port = u16::from_be_bytes([ports[0], ports[1]]);
                self.packet.destination_port = u16::from_be_bytes([ports[2], ports[3]]);
                if protocol == 6
                    && let Some([.., high, low]) = rest.first_chunk::<10>()
                {
                    self.packet.tcp_flags = u16::from_be_bytes([*high, *low]) & 0x1ff;
                } else if protocol == 17
                    && self.packet.destination_port == VXLAN_PORT
                    && self.decapsulation.vxlan
                {
                    self.vxlan(rest);
                }
            }
            1 | 58 => {
                if let Some(type_and_code) = payload.first_chunk() {
                    self.packet.icmp_type_code = u16::from_be_bytes(*type_and_code);
                }
            }
            47 if self.decapsulation.gre => self.gre(payload),
            4 if self.decapsulation.ipip => self.inner(payload, Self::ipv4),
            41 if self.decapsulation.ipip => self.inner(payload, Self::ipv6),
            _ => {}
        }
    }

    /// After the ports: length and checksum of UDP, then the header of VXLAN with the bit that an id is there.
    fn vxlan(&mut self, rest: &[u8]) {
        if let Some((head, frame)) = rest.split_first_chunk::<12>()
            && head[4] & 8 != 0
        {
            self.inner(frame, Self::ethernet);
        }
    }

    fn gre(&mut self, payload: &[u8]) {
        let Some((head, mut rest)) = payload.split_first_chunk::<4>() else { return };
        // Checksum, key and sequence number are there as the flags say; version 1 is PPTP's.
        let options =
            usize::from(head[0] >> 7) + usize::from(head[0] >> 5 & 1) + usize::from(head[0] >> 4 & 1);
        if head[1] & 7 != 0 {
            return;
        }
        rest = rest.get(options * 4..).unwrap_or_default();
        match u16::from_be_bytes([head[2], head[3]]) {
            0x0800 => self.inner(rest, Self::ipv4),
            0x86dd => self.inner(rest, Self::ipv6),
            0x6558 => self.inner(rest, Self::ethernet),
            0x8847 | 0x8848 => self.inner(rest, Self::mpls),
            _ => {}
        }
    }

    /// Looks into a tunnel. If both addresses cannot be read there, the packet stays what it is outside.
    fn inner(&mut self, rest: &[u8], step: fn(&mut Self, &[u8])) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        let outer = self.packet;
        self.packet.is_ip = false;
        self.depth += 1;
        step(self, rest);
        if !self.packet.is_ip || self.packet.destination_address.is_unspecified() {
            self.packet = outer;
        }
    }
}

/// The fields of a header that is cut off; what is cut within a field is 0. `ends` are the ends of the
/// fields, but for the last.
#[cold]
fn known<const N: usize>(bytes: &[u8], ends: &[usize]) -> [u8; N] {
    let end = ends.iter().copied().filter(|&end| end <= bytes.len()).max().unwrap_or(0);
    let mut head = [0; N];
    for (to, from) in head.iter_mut().zip(bytes.iter().take(end)) {
        *to = *from;
    }
    head
}

#[cfg(test)]
mod tests;
