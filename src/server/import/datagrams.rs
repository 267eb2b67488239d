//! UDP datagrams of captured packets, and an account of all packets that are none.
//!
//! Reads untrusted input: nothing in a packet makes it panic or grow without bound. Checksums are not
//! verified: machines capture their own packets before the network card writes them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, IpSlice, Ipv6ExtensionSlice, LaxIpSlice, TcpSlice, UdpSlice};
use serde::Serialize;

use super::capture_file::Packet;
use super::fragments::{Fragment, Fragments, Key};
use super::link::{Carried, carried};

/// Registered for IPFIX over TCP, and over TLS.
const IPFIX_PORTS: [u16; 2] = [4739, 4740];

/// What came of the packets.
///
/// - `packets` = the reasons from `unsupported_link` to `malformed` + `fragments` + `whole_datagrams`
/// - `whole_datagrams` + `reassembled` = `other_ports` + `no_export` + datagrams given to the collector
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PacketCounters {
    /// Packets in the files.
    pub packets: u64,
    /// Packets of a link type that is not understood.
    pub unsupported_link: u64,
    /// Packets that are not IP, such as ARP.
    pub not_ip: u64,
    /// IP packets that are not UDP.
    pub not_udp: u64,
    /// TCP segments with content to an IPFIX port, which are not read from captures.
    pub ipfix_over_tcp: u64,
    /// Packets of which the capture kept too little (its snap length).
    pub cut_short: u64,
    /// Packets whose headers do not fit together.
    pub malformed: u64,
    /// Fragments of UDP datagrams.
    pub fragments: u64,
    /// UDP datagrams in one packet.
    pub whole_datagrams: u64,
    /// UDP datagrams put together of fragments.
    pub reassembled: u64,
    /// Fragmented datagrams that never became whole.
    pub incomplete: u64,
    /// UDP datagrams to ports that were not asked for.
    pub other_ports: u64,
    /// UDP datagrams that do not begin like an export datagram.
    pub no_export: u64,
    /// Packets without a time of their own: they get that of the packet before them.
    pub without_time: u64,
}

/// A UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// The port it was sent to.
    pub destination_port: u16,
    /// Its payload.
    pub payload: Cow<'a, [u8]>,
}

/// Takes datagrams out of packets.
#[derive(Debug, Default)]
pub struct Datagrams {
    counters: PacketCounters,
    fragments: Fragments,
    /// The only ports that are asked for; empty means all.
    ports: Vec<u16>,
}

impl Datagrams {
    /// With no ports all are asked for, and datagrams that do not begin like an export datagram are left out.
    pub fn new(ports: Vec<u16>) -> Self {
        Self { ports, ..Self::default() }
    }

    /// What came of the packets.
    pub fn counters(&self) -> PacketCounters {
        let incomplete = self.counters.incomplete + self.fragments.incomplete();
        PacketCounters { incomplete, ..self.counters }
    }

    /// The datagram of a packet, if it has one that was asked for.
    #[inline]
    pub fn datagram<'a>(&mut self, packet: &Packet<'a>, time_us: i64) -> Option<Datagram<'a>> {
        self.counters.packets += 1;
        self.counters.without_time += u64::from(packet.time_us.is_none());
        let datagram = self.udp(packet, time_us)?;
        if self.ports.is_empty() {
            if !begins_like_export(&datagram.payload) {
                self.counters.no_export += 1;
                return None;
            }
        } else if !self.ports.contains(&datagram.destination_port) {
            self.counters.other_ports += 1;
            return None;
        }
        Some(datagram)
    }

    fn udp<'a>(&mut self, packet: &Packet<'a>, time_us: i64) -> Option<Datagram<'a>> {
        let is_cut = u64::try_from(packet.data.len()).is_ok_and(|kept| kept < packet.original_length.into());
        let data = match carried(packet.link_type, packet.data) {
            Carried::Ip(data) => data,
            Carried::Unsupported => {
                self.counters.unsupported_link += 1;
                return None;
            }
            Carried::Other => {
                self.counters.not_ip += 1;
                return None;
            }
            Carried::Truncated => {
                self.unreadable(is_cut);
                return None;
            }
        };
        let Ok(ip) = IpSlice::from_slice(data) else {
            self.unreadable_ip(data, is_cut);
            return None;
        };
        let content = ip.payload();
        if content.ip_number != IpNumber::UDP {
            self.not_udp(content.ip_number, content.fragmented, content.payload);
            return None;
        }
        if content.fragmented {
            return self.fragment(&ip, time_us);
        }
        let Ok(udp) = UdpSlice::from_slice(content.payload) else {
            self.unreadable(is_cut);
            return None;
        };
        self.counters.whole_datagrams += 1;
        Some(Datagram {
            source: SocketAddr::new(ip.source_addr(), udp.source_port()),
            destination_port: udp.destination_port(),
            payload: Cow::Borrowed(udp.payload()),
        })
    }

    const fn unreadable(&mut self, is_cut: bool) {
        if is_cut {
            self.counters.cut_short += 1;
        } else {
            self.counters.malformed += 1;
        }
    }

    /// A packet that is not all there may still tell that it was no datagram.
    fn unreadable_ip(&mut self, data: &[u8], is_cut: bool) {
        match LaxIpSlice::from_slice(data) {
            Ok((ip, _)) if is_cut && ip.payload_ip_number() != IpNumber::UDP => {
                let content = ip.payload();
                self.not_udp(content.ip_number, content.fragmented, content.payload);
            }
            _ => self.unreadable(is_cut),
        }
    }

    fn not_udp(&mut self, protocol: IpNumber, is_fragmented: bool, payload: &[u8]) {
        let is_ipfix = protocol == IpNumber::TCP
            && !is_fragmented
            && TcpSlice::from_slice(payload).is_ok_and(|segment| {
                let port = segment.destination_port();
                (IPFIX_PORTS.contains(&port) || self.ports.contains(&port)) && !segment.payload().is_empty()
            });
        if is_ipfix {
            self.counters.ipfix_over_tcp += 1;
        } else {
            self.counters.not_udp += 1;
        }
    }

    fn fragment(&mut self, ip: &IpSlice<'_>, time_us: i64) -> Option<Datagram<'static>> {
        self.counters.fragments += 1;
        let (source, destination) = (ip.source_addr(), ip.destination_addr());
        let (identification, offset, has_more) = match ip {
            IpSlice::Ipv4(packet) => {
                let header = packet.header();
                (header.identification().into(), header.fragments_offset(), header.more_fragments())
            }
            IpSlice::Ipv6(packet) => {
                let header =
                    packet.extensions().clone().into_iter().find_map(|extension| match extension {
                        Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment),
                        _ => None,
                    })?;
                (header.identification(), header.fragment_offset(), header.more_fragments())
            }
        };
        let offset = usize::from(offset.byte_offset());
        let fragment = Fragment { offset, has_more, payload: ip.payload().payload };
        let whole = self.fragments.add(Key { source, destination, identification }, fragment, time_us)?;
        let Ok(udp) = UdpSlice::from_slice(&whole) else {
            self.counters.incomplete += 1;
            return None;
        };
        self.counters.reassembled += 1;
        Some(datagram_of(source, &udp))
    }
}

fn datagram_of(source: IpAddr, udp: &UdpSlice<'_>) -> Datagram<'static> {
    Datagram {
        source: SocketAddr::new(source, udp.source_port()),
        destination_port: udp.destination_port(),
        payload: Cow::Owned(udp.payload().to_vec()),
    }
}

/// NetFlow v1, v5, v7, v9, IPFIX, or sFlow v5, whose version is four bytes long.
#[inline]
fn begins_like_export(payload: &[u8]) -> bool {
    matches!(payload, [0, 1 | 5 | 7 | 9 | 10, _, _, ..] | [0, 0, 0, 5, ..])
}
