//! sFlow v5, the inverse of decoding: [`Datagram`] writes samples as they were read, [`Agent`] makes datagrams
//! of flow records.
//!
//! What an agent's flow samples cannot carry of a flow record: more than one packet, its times, why it ended,
//! and ICMP types of packets whose length no IP header can state.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{MAX_DATAGRAM_LENGTH, put_address};
use crate::model::flow_record::{FlowDirection, FlowRecord};
use crate::server::wire::reader::Reader;
use crate::server::wire::sampled_header;
use crate::server::wire::sflow_v5::flow_sample::{FlowSample, Interface};
use crate::server::wire::sflow_v5::record::{
    EXTENDED_GATEWAY, EXTENDED_ROUTER, EXTENDED_SWITCH, ExtendedRouter, ExtendedSwitch, RAW_HEADER,
    RawHeader, Record, Records, SAMPLED_ETHERNET, SAMPLED_IPV4, SAMPLED_IPV6, SampledEthernet, SampledIp,
};
use crate::server::wire::sflow_v5::{
    COUNTER_SAMPLE, DISCARDED_PACKET, DataSource, EXPANDED_COUNTER_SAMPLE, EXPANDED_FLOW_SAMPLE, FLOW_SAMPLE,
    Header, IPV4_ADDRESS, IPV6_ADDRESS, Sample, VERSION,
};

/// A datagram in the making.
#[derive(Clone, Debug)]
pub struct Datagram {
    bytes: Vec<u8>,
    count_at: usize,
    count: u32,
}

impl Datagram {
    /// Begins a datagram. The number of samples is that of those added.
    pub fn new(header: &Header) -> Self {
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM_LENGTH);
        put(&mut bytes, [VERSION]);
        put_typed_address(&mut bytes, header.agent);
        put(&mut bytes, [header.sub_agent, header.sequence, header.uptime_ms]);
        let count_at = bytes.len();
        put(&mut bytes, [0]);
        Self { bytes, count_at, count: 0 }
    }

    /// Bytes so far.
    pub const fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a sample with those of its records that can be read.
    pub fn sample(&mut self, sample: &Sample<'_>) {
        match sample {
            Sample::Flow(sample) => self.flow_sample(sample, |bytes| put_records(bytes, sample.records())),
            Sample::Counters(sample) => {
                let format = if sample.is_expanded { EXPANDED_COUNTER_SAMPLE } else { COUNTER_SAMPLE };
                self.item(format, |bytes| {
                    put(bytes, [sample.sequence]);
                    put_source(bytes, sample.source, sample.is_expanded);
                    put(bytes, [sample.record_count]);
                    bytes.extend(sample.records.bytes());
                });
            }
            Sample::Discarded(packet) => self.item(DISCARDED_PACKET, |bytes| {
                put(bytes, [packet.sequence]);
                put_source(bytes, packet.source, true);
                put(bytes, [packet.drops, packet.input, packet.output, packet.reason]);
                put_records(bytes, packet.records());
            }),
            Sample::Unknown { format, body } => self.item(*format, |bytes| bytes.extend(body.bytes())),
        }
    }

    /// Adds a flow sample whose records are written by `records`, their number first.
    fn flow_sample(&mut self, sample: &FlowSample<'_>, records: impl FnOnce(&mut Vec<u8>)) {
        let format = if sample.is_expanded { EXPANDED_FLOW_SAMPLE } else { FLOW_SAMPLE };
        self.item(format, |bytes| {
            put(bytes, [sample.sequence]);
            put_source(bytes, sample.source, sample.is_expanded);
            put(bytes, [sample.sampling_rate, sample.sample_pool, sample.drops]);
            for Interface { format, value } in [sample.input, sample.output] {
                if sample.is_expanded {
                    put(bytes, [format, value]);
                } else {
                    put(bytes, [format << 30 | value]);
                }
            }
            records(bytes);
        });
    }

    fn item(&mut self, format: u32, body: impl FnOnce(&mut Vec<u8>)) {
        self.count += 1;
        put_item(&mut self.bytes, format, body);
    }

    /// The whole datagram.
    pub fn finish(mut self) -> Vec<u8> {
        patch(&mut self.bytes, self.count_at, self.count);
        self.bytes
    }
}

fn put<const N: usize>(bytes: &mut Vec<u8>, words: [u32; N]) {
    bytes.extend(words.into_iter().flat_map(u32::to_be_bytes));
}

fn patch(bytes: &mut [u8], at: usize, word: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn put_item(bytes: &mut Vec<u8>, format: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    body(&mut content);
    put(bytes, [format, length(&content)]);
    bytes.extend(&content);
    bytes.extend(std::iter::repeat_n(0, content.len().wrapping_neg() % 4));
}

fn put_source(bytes: &mut Vec<u8>, source: DataSource, is_expanded: bool) {
    if is_expanded {
        put(bytes, [source.class, source.index]);
    } else {
        put(bytes, [source.class << 24 | source.index]);
    }
}

fn put_typed_address(bytes: &mut Vec<u8>, address: IpAddr) {
    put(bytes, [if address.is_ipv4() { IPV4_ADDRESS } else { IPV6_ADDRESS }]);
    put_address(bytes, address, if address.is_ipv4() { 4 } else { 16 });
}

fn put_records(bytes: &mut Vec<u8>, records: Records<'_>) {
    let records: Vec<_> = records.flatten().collect();
    put(bytes, [u32::try_from(records.len()).unwrap_or(u32::MAX)]);
    for record in &records {
        put_record(bytes, record);
    }
}

fn put_record(bytes: &mut Vec<u8>, record: &Record<'_>) {
    match record {
        Record::RawHeader(raw) => put_item(bytes, RAW_HEADER, |bytes| {
            put(bytes, [raw.protocol, raw.frame_length, raw.stripped, length(raw.header)]);
            bytes.extend(raw.header);
            bytes.extend(std::iter::repeat_n(0, raw.header.len().wrapping_neg() % 4));
        }),
        Record::Ethernet(frame) => put_item(bytes, SAMPLED_ETHERNET, |bytes| {
            put(bytes, [frame.length]);
            for address in [frame.source, frame.destination] {
                bytes.extend(address);
                bytes.extend([0, 0]);
            }
            put(bytes, [frame.ether_type]);
        }),
        Record::Ipv4(sampled) => put_sampled_ip(bytes, SAMPLED_IPV4, sampled, Ipv4Addr::octets),
        Record::Ipv6(sampled) => put_sampled_ip(bytes, SAMPLED_IPV6, sampled, Ipv6Addr::octets),
        Record::Switch(switch) => put_item(bytes, EXTENDED_SWITCH, |bytes| {
            put(bytes, [switch.source_vlan, switch.source_priority]);
            put(bytes, [switch.destination_vlan, switch.destination_priority]);
        }),
        Record::Router(router) => put_item(bytes, EXTENDED_ROUTER, |bytes| {
            put_typed_address(bytes, router.next_hop);
            put(bytes, [router.source_mask, router.destination_mask]);
        }),
        Record::Gateway(gateway) => put_item(bytes, EXTENDED_GATEWAY, |bytes| {
            put_typed_address(bytes, gateway.next_hop);
            put(bytes, [gateway.own_as, gateway.source_as, gateway.source_peer_as, gateway.segment_count]);
            bytes.extend(gateway.path.bytes());
        }),
        Record::Other { format, body } => put_item(bytes, *format, |bytes| bytes.extend(body.bytes())),
    }
}

fn put_sampled_ip<A: Copy, const N: usize>(
    bytes: &mut Vec<u8>,
    format: u32,
    sampled: &SampledIp<A>,
    octets: fn(&A) -> [u8; N],
) {
    put_item(bytes, format, |bytes| {
        put(bytes, [sampled.length, sampled.protocol]);
        bytes.extend(octets(&sampled.source));
        bytes.extend(octets(&sampled.destination));
        put(bytes, [sampled.source_port, sampled.destination_port]);
        put(bytes, [sampled.tcp_flags, sampled.type_of_service]);
    });
}

/// An agent with a clock from outside: sequence numbers of its own and of its data sources.
#[derive(Clone, Debug)]
pub struct Agent {
    address: IpAddr,
    number: u32,
    sequence: u32,
    samples: HashMap<DataSource, u32>,
}

impl Agent {
    /// Has sent nothing yet. With the address `0.0.0.0` it is known by where its datagrams come from.
    pub fn new(address: IpAddr, sub_agent: u32) -> Self {
        Self { address, number: sub_agent, sequence: 0, samples: HashMap::new() }
    }

    /// Datagrams of at most [`MAX_DATAGRAM_LENGTH`] bytes with a flow sample of each flow record, in order.
    pub fn datagrams(&mut self, flows: &[FlowRecord], uptime_ms: u32) -> Vec<Vec<u8>> {
        /// More than a sample with all of its records has.
        const MAX_SAMPLE_LENGTH: usize = 320;
        let mut datagrams = Vec::new();
        let mut flows = flows.iter().peekable();
        while flows.peek().is_some() {
            self.sequence = self.sequence.wrapping_add(1);
            let mut datagram = Datagram::new(&Header {
                agent: self.address,
                sub_agent: self.number,
                sequence: self.sequence,
                uptime_ms,
                sample_count: 0,
            });
            while datagram.length() + MAX_SAMPLE_LENGTH <= MAX_DATAGRAM_LENGTH
                && let Some(flow) = flows.next()
            {
                self.put_sample(&mut datagram, flow);
            }
            datagrams.push(datagram.finish());
        }
        datagrams
    }

    fn put_sample(&mut self, datagram: &mut Datagram, flow: &FlowRecord) {
        // What is neither input nor output is no direction.
        let index = match flow.flow_direction {
            Some(FlowDirection::Ingress) => flow.input_interface,
            Some(FlowDirection::Egress) => flow.output_interface,
            None => 0,
        };
        let source = DataSource { class: 0, index };
        let sequence = self.samples.entry(source).or_default();
        *sequence = sequence.wrapping_add(1);
        let interface = |value| Interface { format: 0, value };
        let sample = FlowSample {
            is_expanded: true,
            sequence: *sequence,
            source,
            sampling_rate: flow.sampling_interval,
            sample_pool: sequence.wrapping_mul(flow.sampling_interval),
            drops: 0,
            input: interface(flow.input_interface),
            output: interface(flow.output_interface),
            record_count: 0,
            body: Reader::new(&[]),
        };
        datagram.flow_sample(&sample, |bytes| put_description(bytes, flow));
    }
}

/// The records that describe a flow record, their number first.
fn put_description(bytes: &mut Vec<u8>, flow: &FlowRecord) {
    let count_at = bytes.len();
    put(bytes, [0]);
    let has_masks = flow.source_mask > 0 || flow.destination_mask > 0;
    let has_as = flow.source_as > 0 || flow.destination_as > 0;
    let frame = frame(flow);
    if let Some(frame) = &frame {
        // The check sequence was there and is not copied.
        let stripped = 4;
        let frame_length = wide(flow.bytes).saturating_add(if flow.vlan > 0 { 18 } else { 14 } + stripped);
        let raw = RawHeader { protocol: sampled_header::ETHERNET, frame_length, stripped, header: frame };
        put_record(bytes, &Record::RawHeader(raw));
    } else {
        put_record(bytes, &sampled(flow));
    }
    let has_switch = flow.vlan > 0 && frame.is_none();
    if has_switch {
        let source_vlan = u32::from(flow.vlan);
        let destination_vlan = source_vlan;
        let switch =
            ExtendedSwitch { source_vlan, source_priority: 0, destination_vlan, destination_priority: 0 };
        put_record(bytes, &Record::Switch(switch));
    }
    if has_masks {
        put_record(
            bytes,
            &Record::Router(ExtendedRouter {
                next_hop: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                source_mask: u32::from(flow.source_mask),
                destination_mask: u32::from(flow.destination_mask),
            }),
        );
    }
    if has_as {
        put_item(bytes, EXTENDED_GATEWAY, |bytes| {
            put_typed_address(bytes, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            // A path of one sequence of one AS, no communities, local preference 0.
            put(bytes, [0, flow.source_as, 0, 1, 2, 1, flow.destination_as, 0, 0]);
        });
    }
    let count = [has_switch, has_masks, has_as].into_iter().map(u32::from).sum::<u32>() + 1;
    patch(bytes, count_at, count);
}

fn wide(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a device would have read of the packet.
fn sampled(flow: &FlowRecord) -> Record<'static> {
    let is_unspecified = flow.source_address.is_unspecified() && flow.destination_address.is_unspecified();
    if is_unspecified && flow.protocol == 0 {
        let length = wide(flow.bytes).saturating_add(18);
        return Record::Ethernet(SampledEthernet {
            length,
            source: [2, 0, 0, 0, 0, 1],
            destination: [2, 0, 0, 0, 0, 2],
            ether_type: 0x0806,
        });
    }
    let source_port = u32::from(flow.source_port);
    let destination_port = u32::from(flow.destination_port);
    let (protocol, tcp_flags) = (u32::from(flow.protocol), u32::from(flow.tcp_flags));
    let (length, type_of_service) = (wide(flow.bytes), u32::from(flow.type_of_service));
    match (flow.source_address, flow.destination_address) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Record::Ipv4(SampledIp {
            length,
            protocol,
            source,
            destination,
            source_port,
            destination_port,
            tcp_flags,
            type_of_service,
        }),
        (source, destination) => Record::Ipv6(SampledIp {
            length,
            protocol,
            source: wide_address(source),
            destination: wide_address(destination),
            source_port,
            destination_port,
            tcp_flags,
            type_of_service,
        }),
    }
}

fn wide_address(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// Bytes of a packet that an agent copies.
const COPIED: usize = 128;

/// The first bytes of the packet, if an IP header can state its length and protocol.
fn frame(flow: &FlowRecord) -> Option<Vec<u8>> {
    let transport_length = match flow.protocol {
        6 => 14,
        17 | 33 | 132 | 136 => 4,
        1 | 58 => 2,
        _ => 0,
    };
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    if flow.vlan > 0 {
        frame.extend([0x81, 0]);
        frame.extend(flow.vlan.to_be_bytes());
    }
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (flow.source_address, flow.destination_address) {
        let total = u16::try_from(flow.bytes).ok().filter(|total| *total >= 20 + transport_length)?;
        if flow.protocol == 0 {
            return None;
        }
        frame.extend([8, 0, 0x45, flow.type_of_service]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, flow.protocol, 0, 0]);
        frame.extend(source.octets());
        frame.extend(destination.octets());
    } else {
        let payload = flow.bytes.checked_sub(40).and_then(|payload| u16::try_from(payload).ok());
        let payload = payload.filter(|payload| *payload >= transport_length.max(1))?;
        if matches!(flow.protocol, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140) {
            return None;
        }
        frame.extend([0x86, 0xdd, 0x60 | flow.type_of_service >> 4, flow.type_of_service << 4, 0, 0]);
        frame.extend(payload.to_be_bytes());
        frame.extend([flow.protocol, 64]);
        frame.extend(wide_address(flow.source_address).octets());
        frame.extend(wide_address(flow.destination_address).octets());
    }
    match flow.protocol {
        6 => {
            frame.extend(flow.source_port.to_be_bytes());
            frame.extend(flow.destination_port.to_be_bytes());
            frame.extend([0; 8]);
            frame.extend((0x5000 | flow.tcp_flags).to_be_bytes());
        }
        1 | 58 => frame.extend(flow.icmp_type_code.to_be_bytes()),
        17 | 33 | 132 | 136 => {
            frame.extend(flow.source_port.to_be_bytes());
            frame.extend(flow.destination_port.to_be_bytes());
        }
        _ => {}
    }
    // As much of the packet as agents usually copy, its payload zeros.
    let packet_length = usize::try_from(flow.bytes).unwrap_or(usize::MAX);
    let rest = packet_length.saturating_add(if flow.vlan > 0 { 18 } else { 14 });
    frame.resize(rest.min(COPIED).max(frame.len()), 0);
    Some(frame)
}
