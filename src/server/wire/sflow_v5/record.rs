//! The records of a flow sample: the packet's own headers, or what the device read in them, and what the
//! device knows beside (extended data). Of the formats not listed here only the bytes are kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Items, address, ipv6};
use crate::server::wire::error::{Reason, Result};
use crate::server::wire::reader::Reader;

/// Record format of sampled headers.
pub const RAW_HEADER: u32 = 1;
/// Record format of sampled Ethernet frames.
pub const SAMPLED_ETHERNET: u32 = 2;
/// Record format of sampled IPv4 packets.
pub const SAMPLED_IPV4: u32 = 3;
/// Record format of sampled IPv6 packets.
pub const SAMPLED_IPV6: u32 = 4;
/// Record format of extended switch data.
pub const EXTENDED_SWITCH: u32 = 1001;
/// Record format of extended router data.
pub const EXTENDED_ROUTER: u32 = 1002;
/// Record format of extended gateway data.
pub const EXTENDED_GATEWAY: u32 = 1003;

/// A record of a flow sample.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// The first bytes of the packet.
    RawHeader(RawHeader<'a>),
    /// What an Ethernet header said.
    Ethernet(SampledEthernet),
    /// What an IPv4 header said.
    Ipv4(SampledIp<Ipv4Addr>),
    /// What an IPv6 header said.
    Ipv6(SampledIp<Ipv6Addr>),
    /// VLANs.
    Switch(ExtendedSwitch),
    /// Next hop and prefix lengths.
    Router(ExtendedRouter),
    /// AS numbers, as BGP has them.
    Gateway(ExtendedGateway<'a>),
    /// A format that is not decoded, or a vendor's.
    Other {
        /// Enterprise number × 4096 + format.
        format: u32,
        /// Its bytes.
        body: Reader<'a>,
    },
}

/// The first bytes of a packet (`sampled_header`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawHeader<'a> {
    /// Protocol of the first byte: 1 Ethernet, 7 PPP, 11 IPv4, 12 IPv6, 13 MPLS.
    pub protocol: u32,
    /// Bytes of the packet as received; for Ethernet with its check sequence.
    pub frame_length: u32,
    /// Of them, bytes that were taken off before the header was copied: tags, check sequence.
    pub stripped: u32,
    /// The bytes copied, as many as there are of those announced.
    pub header: &'a [u8],
}

/// What an Ethernet header said (`sampled_ethernet`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledEthernet {
    /// Bytes of the frame with its check sequence.
    pub length: u32,
    /// Source address.
    pub source: [u8; 6],
    /// Destination address.
    pub destination: [u8; 6],
    /// Ethernet type.
    pub ether_type: u32,
}

/// What an IP header and the one after it said (`sampled_ipv4`, `sampled_ipv6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledIp<A> {
    /// Bytes of the IP packet.
    pub length: u32,
    /// IP protocol.
    pub protocol: u32,
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// Source port.
    pub source_port: u32,
    /// Destination port.
    pub destination_port: u32,
    /// TCP flags.
    pub tcp_flags: u32,
    /// Type of service (IPv4), priority (IPv6).
    pub type_of_service: u32,
}

/// VLANs of a packet (`extended_switch`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedSwitch {
    /// VLAN it came in on.
    pub source_vlan: u32,
    /// Its priority (802.1p).
    pub source_priority: u32,
    /// VLAN it went out on.
    pub destination_vlan: u32,
    /// Its priority (802.1p).
    pub destination_priority: u32,
}

/// How a packet was routed (`extended_router`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedRouter {
    /// Address of the next router.
    pub next_hop: IpAddr,
    /// Prefix length of the source.
    pub source_mask: u32,
    /// Prefix length of the destination.
    pub destination_mask: u32,
}

/// What BGP knows of a packet (`extended_gateway`).
#[derive(Clone, Copy, Debug)]
pub struct ExtendedGateway<'a> {
    /// Address of the next border router.
    pub next_hop: IpAddr,
    /// AS of the device itself.
    pub own_as: u32,
    /// AS of the source; 0 when it is the device's own.
    pub source_as: u32,
    /// AS that the source is reached through.
    pub source_peer_as: u32,
    /// AS of the destination: the last of the path; `None` when the path is empty.
    pub destination_as: Option<u32>,
    /// Number of segments of the path.
    pub segment_count: u32,
    /// The segments, then communities and local preference.
    pub path: Reader<'a>,
}

impl ExtendedGateway<'_> {
    /// AS of both ends, the device's own where BGP has none for it.
    pub fn ends(&self) -> (u32, u32) {
        let source = if self.source_as == 0 { self.own_as } else { self.source_as };
        (source, self.destination_as.unwrap_or(self.own_as))
    }
}

impl<'a> Record<'a> {
    #[inline]
    fn parse(format: u32, mut body: Reader<'a>) -> Result<Self> {
        match format {
            RAW_HEADER => {
                let [protocol, frame_length, stripped, length] = body.words("sampled_header")?;
                let bytes = body.bytes();
                let copied = usize::try_from(length).ok().and_then(|length| bytes.get(..length));
                let header = copied.unwrap_or(bytes);
                Ok(Self::RawHeader(RawHeader { protocol, frame_length, stripped, header }))
            }
            SAMPLED_ETHERNET => {
                let [length, a, b, c, d, ether_type] = body.words("sampled_ethernet")?;
                let (source, destination) = (mac([a, b]), mac([c, d]));
                Ok(Self::Ethernet(SampledEthernet { length, source, destination, ether_type }))
            }
            SAMPLED_IPV4 => {
                let [length, protocol] = body.words("sampled_ipv4")?;
                let [source, destination] = body.words("sampled_ipv4")?.map(Ipv4Addr::from_bits);
                sampled_ip(length, protocol, source, destination, body).map(Self::Ipv4)
            }
            SAMPLED_IPV6 => {
                let [length, protocol] = body.words("sampled_ipv6")?;
                let source = ipv6(body.words("sampled_ipv6")?);
                let destination = ipv6(body.words("sampled_ipv6")?);
                sampled_ip(length, protocol, source, destination, body).map(Self::Ipv6)
            }
            EXTENDED_SWITCH => {
                let [source_vlan, source_priority, destination_vlan, destination_priority] =
                    body.words("extended_switch")?;
                Ok(Self::Switch(ExtendedSwitch {
                    source_vlan,
                    source_priority,
                    destination_vlan,
                    destination_priority,
                }))
            }
            EXTENDED_ROUTER => {
                let next_hop = address(&mut body)?;
                let [source_mask, destination_mask] = body.words("extended_router")?;
                Ok(Self::Router(ExtendedRouter { next_hop, source_mask, destination_mask }))
            }
            EXTENDED_GATEWAY => gateway(body).map(Self::Gateway),
            _ => Ok(Self::Other { format, body }),
        }
    }
}

fn sampled_ip<A>(
    length: u32,
    protocol: u32,
    source: A,
    destination: A,
    mut rest: Reader<'_>,
) -> Result<SampledIp<A>> {
    let [source_port, destination_port, tcp_flags, type_of_service] = rest.words("sampled_ip")?;
    Ok(SampledIp {
        length,
        protocol,
        source,
        destination,
        source_port,
        destination_port,
        tcp_flags,
        type_of_service,
    })
}

/// Six bytes of the eight that XDR makes of them.
const fn mac([high, low]: [u32; 2]) -> [u8; 6] {
    let (high, low) = (high.to_be_bytes(), low.to_be_bytes());
    [high[0], high[1], high[2], high[3], low[0], low[1]]
}

fn gateway(mut body: Reader<'_>) -> Result<ExtendedGateway<'_>> {
    let next_hop = address(&mut body)?;
    let [own_as, source_as, source_peer_as, segment_count] = body.words("extended_gateway")?;
    let path = body;
    let mut destination_as = None;
    for _ in 0..segment_count {
        let [_set_or_sequence, length] = body.words("as_path_type")?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(4);
        if length > body.remaining() {
            return Err(body.error("as_path_type", Reason::Truncated));
        }
        let numbers = body.take(length, "as_path_type")?;
        destination_as =
            numbers.bytes().last_chunk().map(|last| u32::from_be_bytes(*last)).or(destination_as);
    }
    Ok(ExtendedGateway { next_hop, own_as, source_as, source_peer_as, destination_as, segment_count, path })
}

/// The records of a flow sample, in order. One that cannot be read is an error in its place.
#[derive(Clone, Debug)]
pub struct Records<'a>(Items<'a>);

impl<'a> Records<'a> {
    pub(super) const fn new(items: Items<'a>) -> Self {
        Self(items)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.next()?;
        Some(item.and_then(|item| Record::parse(item.format, item.body)))
    }
}
