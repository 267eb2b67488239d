//! The inverse of decoding: messages of templates and records, and an exporter of flow records.
//!
//! [`Message`] writes any v9 or IPFIX message set by set, [`sflow`] any sFlow datagram sample by sample.
//! [`Exporter`] makes datagrams of flow records in every protocol, as the demo exporter and the round-trip
//! tests need them: decoded again they are the same records, but for what a protocol cannot carry (v1, v5, v7:
//! IPv6, and numbers above their widths; sFlow: [`sflow`]; all: which half of a biflow a record was, and where
//! its times came from).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::exporter::Protocol;
use crate::model::flow_record::{FlowDirection, FlowRecord};

use super::set::{options_template_set_id, template_set_id};
use super::template::{Definition, ENTERPRISE_BIT, Field, VARIABLE_LENGTH};
use super::{ipfix, netflow_v1, netflow_v5, netflow_v7, netflow_v9, set};

pub mod sflow;

/// The most bytes of a datagram that [`Exporter`] makes.
pub const MAX_DATAGRAM_LENGTH: usize = 1400;
/// [`Exporter`] sends its templates again after so many datagrams.
pub const TEMPLATE_INTERVAL: u32 = 20;

const V4_TEMPLATE: u16 = 256;
const V6_TEMPLATE: u16 = 257;

/// A v9 or IPFIX message in the making.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Vec<u8>,
    protocol: Protocol,
    set_start: Option<usize>,
}

impl Message {
    /// Begins a v9 datagram.
    pub fn netflow_v9(header: &netflow_v9::Header) -> Self {
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM_LENGTH);
        bytes.extend(netflow_v9::VERSION.to_be_bytes());
        bytes.extend(header.count.to_be_bytes());
        for word in [header.uptime_ms, header.clock_s, header.sequence, header.source_id] {
            bytes.extend(word.to_be_bytes());
        }
        Self { bytes, protocol: Protocol::NetflowV9, set_start: None }
    }

    /// Begins an IPFIX message. Its length is written by [`Self::finish`].
    pub fn ipfix(header: &ipfix::Header) -> Self {
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM_LENGTH);
        bytes.extend(ipfix::VERSION.to_be_bytes());
        bytes.extend(header.length.to_be_bytes());
        for word in [header.export_time_s, header.sequence, header.observation_domain] {
            bytes.extend(word.to_be_bytes());
        }
        Self { bytes, protocol: Protocol::Ipfix, set_start: None }
    }

    /// Bytes so far.
    pub const fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Begins a set; the one before ends.
    pub fn begin_set(&mut self, id: u16) {
        self.end_set();
        self.set_start = Some(self.bytes.len());
        self.bytes.extend(id.to_be_bytes());
        self.bytes.extend([0, 0]);
    }

    /// Adds a template in a set of its own.
    pub fn template(&mut self, definition: &Definition) {
        let set_id = if definition.is_options { options_template_set_id } else { template_set_id };
        self.begin_set(set_id(self.protocol));
        self.bytes.extend(definition.id.to_be_bytes());
        let (count, scope) = (definition.fields.len(), definition.scope_count);
        match (definition.is_options, self.protocol) {
            (false, _) => self.put_u16(count),
            (true, Protocol::Ipfix) => {
                self.put_u16(count);
                self.put_u16(scope);
            }
            (true, _) => {
                self.put_u16(scope * 4);
                self.put_u16(count.saturating_sub(scope) * 4);
            }
        }
        for field in &definition.fields {
            let has_enterprise = field.enterprise != 0 && self.protocol == Protocol::Ipfix;
            let bit = if has_enterprise { ENTERPRISE_BIT } else { 0 };
            self.bytes.extend((field.element | bit).to_be_bytes());
            self.bytes.extend(field.length.to_be_bytes());
            if has_enterprise {
                self.bytes.extend(field.enterprise.to_be_bytes());
            }
        }
        self.end_set();
    }

    /// Adds a data record to the set begun: the bytes of each field of the template, in order.
    pub fn record<'a>(&mut self, definition: &Definition, values: impl IntoIterator<Item = &'a [u8]>) {
        for (field, value) in definition.fields.iter().zip(values) {
            if field.length == VARIABLE_LENGTH {
                if let Some(short) = u8::try_from(value.len()).ok().filter(|length| *length < 255) {
                    self.bytes.push(short);
                } else {
                    self.bytes.push(255);
                    self.put_u16(value.len());
                }
            }
            self.bytes.extend(value);
        }
    }

    /// Ends the set begun, padded to a multiple of four bytes.
    fn end_set(&mut self) {
        let Some(start) = self.set_start.take() else { return };
        while !(self.bytes.len() - start).is_multiple_of(4) {
            self.bytes.push(0);
        }
        let length = self.bytes.len() - start;
        self.patch_u16(start + 2, length);
    }

    /// The whole message.
    pub fn finish(mut self) -> Vec<u8> {
        self.end_set();
        if self.protocol == Protocol::Ipfix {
            self.patch_u16(2, self.bytes.len());
        }
        self.bytes
    }

    fn put_u16(&mut self, value: usize) {
        self.bytes.extend(saturated(value).to_be_bytes());
    }

    fn patch_u16(&mut self, at: usize, value: usize) {
        if let Some(bytes) = self.bytes.get_mut(at..at + 2) {
            bytes.copy_from_slice(&saturated(value).to_be_bytes());
        }
    }
}

fn saturated(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// An exporter with a clock from outside: sequence numbers, templates now and then, full datagrams.
#[derive(Clone, Debug)]
pub struct Exporter {
    protocol: Protocol,
    observation_domain: u32,
    sequence: u32,
    until_templates: u32,
    templates: [Definition; 2],
    agent: sflow::Agent,
}

/// What the fields of a record depend on beside the flow record.
#[derive(Clone, Copy)]
struct Clock {
    unix_ms: i64,
    uptime_ms: u32,
}

impl Clock {
    /// The exporter's uptime at a time; wraps as the real ones do.
    fn uptime_at(self, time_ms: i64) -> u32 {
        let since = time_ms.saturating_sub(self.unix_ms);
        let low = u32::try_from(since.rem_euclid(1 << 32)).unwrap_or(0);
        self.uptime_ms.wrapping_add(low)
    }

    fn unix_s(self) -> u32 {
        u32::try_from(self.unix_ms.div_euclid(1000)).unwrap_or(0)
    }

    fn below_second_ms(self) -> u32 {
        u32::try_from(self.unix_ms.rem_euclid(1000)).unwrap_or(0)
    }
}

impl Exporter {
    /// Has sent nothing yet. `observation_domain` is the source id in v9; in v5 the engine's type and id
    /// are its low two bytes, and in sFlow it is the sub-agent.
    pub fn new(protocol: Protocol, observation_domain: u32) -> Self {
        let templates = [V4_TEMPLATE, V6_TEMPLATE].map(|id| definition(protocol, id));
        let agent = sflow::Agent::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), observation_domain);
        Self { protocol, observation_domain, sequence: 0, until_templates: 0, templates, agent }
    }

    /// Datagrams of at most [`MAX_DATAGRAM_LENGTH`] bytes that hold these flows, in order; v5 leaves out
    /// those with IPv6 addresses. `clock_ms` (since 1970) and `uptime_ms` are the exporter's clocks.
    pub fn datagrams(&mut self, flows: &[FlowRecord], clock_ms: i64, uptime_ms: u32) -> Vec<Vec<u8>> {
        let clock = Clock { unix_ms: clock_ms, uptime_ms };
        let (header_length, record_length) = match self.protocol {
            Protocol::NetflowV1 => (netflow_v1::HEADER_LENGTH, netflow_v1::RECORD_LENGTH),
            Protocol::NetflowV5 => (netflow_v5::HEADER_LENGTH, netflow_v5::RECORD_LENGTH),
            Protocol::NetflowV7 => (netflow_v7::HEADER_LENGTH, netflow_v7::RECORD_LENGTH),
            _ => (0, 0),
        };
        if let Some(records) = (MAX_DATAGRAM_LENGTH - header_length).checked_div(record_length) {
            return self.datagrams_of_fixed_layout(flows, clock, records);
        }
        if self.protocol == Protocol::SflowV5 {
            return self.agent.datagrams(flows, uptime_ms);
        }
        let mut datagrams = Vec::new();
        let mut rest = flows;
        while !rest.is_empty() {
            let (datagram, left) = self.datagram(rest, clock);
            datagrams.push(datagram);
            rest = left;
        }
        datagrams
    }

    fn datagrams_of_fixed_layout(
        &mut self,
        flows: &[FlowRecord],
        clock: Clock,
        records: usize,
    ) -> Vec<Vec<u8>> {
        let flows: Vec<_> = flows
            .iter()
            .filter(|flow| flow.source_address.is_ipv4() && flow.destination_address.is_ipv4())
            .collect();
        // The header states one sampling interval for all of its records.
        flows
            .chunk_by(|a, b| a.sampling_interval == b.sampling_interval)
            .flat_map(|same| same.chunks(records))
            .map(|flows| self.datagram_of_fixed_layout(flows, clock))
            .collect()
    }

    fn datagram_of_fixed_layout(&mut self, flows: &[&FlowRecord], clock: Clock) -> Vec<u8> {
        let version = match self.protocol {
            Protocol::NetflowV1 => netflow_v1::VERSION,
            Protocol::NetflowV7 => netflow_v7::VERSION,
            _ => netflow_v5::VERSION,
        };
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM_LENGTH);
        bytes.extend(version.to_be_bytes());
        bytes.extend(saturated(flows.len()).to_be_bytes());
        for word in [clock.uptime_ms, clock.unix_s(), clock.below_second_ms() * 1_000_000] {
            bytes.extend(word.to_be_bytes());
        }
        if version != netflow_v1::VERSION {
            bytes.extend(self.sequence.to_be_bytes());
        }
        if version == netflow_v5::VERSION {
            let sampling = flows.first().map_or(0, |flow| flow.sampling_interval.min(0x3fff));
            let mode = if sampling > 0 { 1 << 14 } else { 0 };
            put_integer(&mut bytes, u64::from(self.observation_domain), 2);
            put_integer(&mut bytes, u64::from(sampling | mode), 2);
        } else if version == netflow_v7::VERSION {
            bytes.extend([0; 4]);
        }
        for flow in flows {
            put_record_of_fixed_layout(&mut bytes, version, flow, clock);
        }
        self.sequence = self.sequence.wrapping_add(u32::from(saturated(flows.len())));
        bytes
    }

    /// Fills one datagram; returns it and the flows that found no room.
    fn datagram<'f>(&mut self, flows: &'f [FlowRecord], clock: Clock) -> (Vec<u8>, &'f [FlowRecord]) {
        let mut message = self.begin(clock);
        if self.until_templates == 0 {
            self.until_templates = TEMPLATE_INTERVAL;
            for template in &self.templates {
                message.template(template);
            }
        }
        self.until_templates -= 1;
        let mut open_set = 0;
        let mut records = 0;
        for flow in flows {
            let is_v6 = flow.source_address.is_ipv6() || flow.destination_address.is_ipv6();
            let template = &self.templates[usize::from(is_v6)];
            let length: usize = template.fields.iter().map(|field| usize::from(field.length)).sum();
            // Room for a set's header and for padding.
            if message.length() + length + set::HEADER_LENGTH + 3 > MAX_DATAGRAM_LENGTH {
                break;
            }
            if open_set != template.id {
                message.begin_set(template.id);
                open_set = template.id;
            }
            for field in &template.fields {
                put_field(&mut message.bytes, *field, flow, clock);
            }
            records += 1;
        }
        let units = if self.protocol == Protocol::Ipfix { records } else { 1 };
        self.sequence = self.sequence.wrapping_add(u32::from(saturated(units)));
        let mut bytes = message.finish();
        if self.protocol == Protocol::NetflowV9
            && let Some(count) = bytes.get_mut(2..4)
        {
            let templates = if self.until_templates + 1 == TEMPLATE_INTERVAL { 2 } else { 0 };
            count.copy_from_slice(&saturated(records + templates).to_be_bytes());
        }
        (bytes, flows.get(records..).unwrap_or_default())
    }

    fn begin(&self, clock: Clock) -> Message {
        if self.protocol == Protocol::Ipfix {
            return Message::ipfix(&ipfix::Header {
                length: 0,
                export_time_s: clock.unix_s(),
                sequence: self.sequence,
                observation_domain: self.observation_domain,
            });
        }
        Message::netflow_v9(&netflow_v9::Header {
            count: 0,
            // The header's clock has whole seconds: the uptime is that of the same moment.
            uptime_ms: clock.uptime_ms.wrapping_sub(clock.below_second_ms()),
            clock_s: clock.unix_s(),
            sequence: self.sequence,
            source_id: self.observation_domain,
        })
    }
}

fn definition(protocol: Protocol, id: u16) -> Definition {
    let times: [(u16, u16); 2] =
        if protocol == Protocol::Ipfix { [(152, 8), (153, 8)] } else { [(22, 4), (21, 4)] };
    let addresses: [(u16, u16); 5] = if id == V4_TEMPLATE {
        [(8, 4), (12, 4), (9, 1), (13, 1), (32, 2)]
    } else {
        [(27, 16), (28, 16), (29, 1), (30, 1), (139, 2)]
    };
    let others: [(u16, u16); 15] = [
        (1, 8),
        (2, 8),
        (7, 2),
        (11, 2),
        (4, 1),
        (6, 2),
        (5, 1),
        (10, 4),
        (14, 4),
        (16, 4),
        (17, 4),
        (58, 2),
        (34, 4),
        (136, 1),
        (61, 1),
    ];
    let fields = addresses.into_iter().chain(times).chain(others);
    let fields = fields.map(|(element, length)| Field { element, enterprise: 0, length }).collect();
    Definition { id, is_options: false, scope_count: 0, fields }
}

fn put_field(bytes: &mut Vec<u8>, field: Field, flow: &FlowRecord, clock: Clock) {
    let value = match field.element {
        8 | 12 | 27 | 28 => {
            let is_source = matches!(field.element, 8 | 27);
            let address = if is_source { flow.source_address } else { flow.destination_address };
            return put_address(bytes, address, field.length);
        }
        1 => flow.bytes,
        2 => flow.packets,
        4 => u64::from(flow.protocol),
        5 => u64::from(flow.type_of_service),
        6 => u64::from(flow.tcp_flags),
        7 => u64::from(flow.source_port),
        9 | 29 => u64::from(flow.source_mask),
        10 => u64::from(flow.input_interface),
        11 => u64::from(flow.destination_port),
        13 | 30 => u64::from(flow.destination_mask),
        14 => u64::from(flow.output_interface),
        16 => u64::from(flow.source_as),
        17 => u64::from(flow.destination_as),
        21 => u64::from(clock.uptime_at(flow.end_ms)),
        22 => u64::from(clock.uptime_at(flow.start_ms)),
        32 | 139 => u64::from(flow.icmp_type_code),
        34 => u64::from(flow.sampling_interval),
        58 => u64::from(flow.vlan),
        // Neither of the two values of RFC 5102 stands for an exporter that does not say.
        61 => flow.flow_direction.map_or(255, |direction| u64::from(direction == FlowDirection::Egress)),
        136 => u64::from(flow.flow_end_reason),
        152 => u64::try_from(flow.start_ms).unwrap_or(0),
        153 => u64::try_from(flow.end_ms).unwrap_or(0),
        _ => 0,
    };
    put_integer(bytes, value, usize::from(field.length));
}

fn put_address(bytes: &mut Vec<u8>, address: IpAddr, length: u16) {
    match (address, length) {
        (IpAddr::V4(address), 4) => bytes.extend(address.octets()),
        (IpAddr::V4(address), _) if address.is_unspecified() => {
            bytes.extend(Ipv6Addr::UNSPECIFIED.octets());
        }
        (IpAddr::V4(address), _) => bytes.extend(address.to_ipv6_mapped().octets()),
        (IpAddr::V6(address), _) => bytes.extend(address.octets()),
    }
}

/// The low `width` bytes of a number, at most 8.
fn put_integer(bytes: &mut Vec<u8>, value: u64, width: usize) {
    let all = value.to_be_bytes();
    bytes.extend(all.get(all.len().saturating_sub(width)..).unwrap_or_default());
}

fn put_record_of_fixed_layout(bytes: &mut Vec<u8>, version: u16, flow: &FlowRecord, clock: Clock) {
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes();
    let port = |value: u32| u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes();
    let is_icmp = flow.protocol == 1 || flow.protocol == 58;
    let destination_port = if is_icmp { flow.icmp_type_code } else { flow.destination_port };
    put_address(bytes, flow.source_address, 4);
    put_address(bytes, flow.destination_address, 4);
    bytes.extend([0; 4]);
    bytes.extend(port(flow.input_interface));
    bytes.extend(port(flow.output_interface));
    bytes.extend(narrow(flow.packets));
    bytes.extend(narrow(flow.bytes));
    bytes.extend(clock.uptime_at(flow.start_ms).to_be_bytes());
    bytes.extend(clock.uptime_at(flow.end_ms).to_be_bytes());
    bytes.extend(flow.source_port.to_be_bytes());
    bytes.extend(destination_port.to_be_bytes());
    let [_, flags] = flow.tcp_flags.to_be_bytes();
    if version == netflow_v1::VERSION {
        bytes.extend([0, 0, flow.protocol, flow.type_of_service, flags]);
        bytes.extend([0; 7]);
        return;
    }
    bytes.extend([0, flags, flow.protocol, flow.type_of_service]);
    bytes.extend(port(flow.source_as));
    bytes.extend(port(flow.destination_as));
    bytes.extend([flow.source_mask, flow.destination_mask, 0, 0]);
    if version == netflow_v7::VERSION {
        bytes.extend([0; 4]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::wire::reader::Reader;
    use crate::server::wire::set::{Kind, Sets};
    use crate::server::wire::template::{Definitions, Item};

    #[test]
    fn any_template_is_read_back_as_it_was_written() {
        let field = |element, enterprise, length| Field { element, enterprise, length };
        let fields = vec![field(1, 0, 4), field(82, 0, VARIABLE_LENGTH), field(7, 29_305, 2)];
        for is_options in [false, true] {
            let scope_count = usize::from(is_options);
            let definition = Definition { id: 300, is_options, scope_count, fields: fields.clone() };
            let header = ipfix::Header { length: 0, export_time_s: 1, sequence: 2, observation_domain: 3 };
            let mut message = Message::ipfix(&header);
            message.template(&definition);
            let bytes = message.finish();
            let mut reader = Reader::new(&bytes);
            let parsed = ipfix::Header::parse(&mut reader).unwrap();
            assert_eq!(usize::from(parsed.length), bytes.len());
            let set = Sets::new(reader).next().unwrap().unwrap();
            assert_eq!(set.kind(Protocol::Ipfix) == Kind::OptionsTemplates, is_options);
            let items: Vec<_> =
                Definitions::new(set.body, Protocol::Ipfix, is_options, 256).map(Result::unwrap).collect();
            assert_eq!(items, [Item::Definition(definition)]);
        }
    }

    #[test]
    fn templates_come_first_and_again_after_an_interval() {
        let flows = vec![FlowRecord::default(); 1000];
        let mut exporter = Exporter::new(Protocol::NetflowV9, 1);
        let datagrams = exporter.datagrams(&flows, 1_790_000_000_000, 1000);
        let with_templates: Vec<_> = datagrams
            .iter()
            .enumerate()
            .filter(|(_, datagram)| datagram[20..22] == [0, 0])
            .map(|(index, _)| index)
            .collect();
        assert_eq!(with_templates[..3], [0, 20, 40]);
        assert!(datagrams.iter().all(|datagram| datagram.len() <= MAX_DATAGRAM_LENGTH));
    }
}
