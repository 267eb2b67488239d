//! Random datagrams, decoded here and by `netflow_parser`: the same addresses, ports, protocols, bytes and packets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its input has failed")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::wire::encode::{Exporter, Message};
use meridian::server::wire::template::{Definition, Field};
use meridian::server::wire::{ipfix, netflow_v9};
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, IPFixField};
use netflow_parser::variable_versions::{ipfix as their_ipfix, v9};
use netflow_parser::{FieldValue, NetflowPacket, NetflowParser};

const SEEDS: u64 = 300;
const RECEIVED_US: i64 = 1_790_000_000_000_000;

/// Source, destination, their ports, protocol, bytes, packets.
type Flow = (IpAddr, IpAddr, u16, u16, u8, u64, u64);

fn ours(flow: &FlowRecord) -> Flow {
    let FlowRecord { source_address, destination_address, source_port, destination_port, .. } = *flow;
    let FlowRecord { protocol, bytes, packets, .. } = *flow;
    (source_address, destination_address, source_port, destination_port, protocol, bytes, packets)
}

/// A flow as a network could see it; ICMP has no ports to compare.
fn flow(random: &mut fastrand::Rng, is_v6: bool) -> Flow {
    let mut address = || -> IpAddr {
        if is_v6 {
            Ipv6Addr::from_bits(0x2000 << 112 | random.u128(..) >> 4).into()
        } else {
            Ipv4Addr::from_bits(random.u32(1..)).into()
        }
    };
    let (source, destination) = (address(), address());
    let protocol = random.choice([6, 17, 47, 50, 132]).unwrap();
    let packets = random.u64(1..200);
    let bytes = packets * random.u64(40..1400);
    (source, destination, random.u16(..), random.u16(..), protocol, bytes, packets)
}

/// What both read, in any order and length that a template may give it, between fields of all kinds.
fn template(random: &mut fastrand::Rng, protocol: Protocol, id: u16, is_v6: bool) -> Definition {
    let [source, destination, length] = if is_v6 { [27, 28, 16] } else { [8, 12, 4] };
    let mut fields = vec![(source, length), (destination, length), (7, 2), (11, 2), (4, 1)];
    fields.push((1, random.choice([4, 8]).unwrap()));
    fields.push((2, random.choice([1, 2, 4, 8]).unwrap()));
    let others =
        [(5, 1), (6, 1), (9, 1), (10, 2), (14, 4), (16, 4), (58, 2), (61, 1), (136, 1), (56, 6), (22, 4)];
    let count = random.usize(0..6);
    fields.extend(random.choose_multiple(others, count));
    let plain = fields.into_iter().map(|(element, length)| Field { element, enterprise: 0, length });
    let mut fields: Vec<_> = plain.collect();
    if protocol == Protocol::Ipfix {
        let length = random.choice([1, 5, 12, u16::MAX]).unwrap();
        fields.push(Field { element: random.u16(1..1000), enterprise: 64_999, length });
    }
    random.shuffle(&mut fields);
    Definition { id, is_options: false, scope_count: 0, fields }
}

/// The bytes of a field.
fn value(random: &mut fastrand::Rng, field: Field, flow: &Flow) -> Vec<u8> {
    let address = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let number: u64 = match (field.enterprise, field.element) {
        (0, 8 | 27) => return address(flow.0),
        (0, 12 | 28) => return address(flow.1),
        (0, 7) => flow.2.into(),
        (0, 11) => flow.3.into(),
        (0, 4) => flow.4.into(),
        (0, 1) => flow.5,
        (0, 2) => flow.6,
        (0, 61 | 136) => 1,
        _ => {
            let is_variable = field.length == u16::MAX;
            // Empty and long values are tested elsewhere: `netflow_parser` loses records behind them.
            let length = if is_variable { random.usize(1..250) } else { field.length.into() };
            return (0..length).map(|_| random.u8(..)).collect();
        }
    };
    number.to_be_bytes()[8 - usize::from(field.length)..].to_vec()
}

/// Some datagrams of an exporter with two templates, and the flows in them.
fn datagrams(random: &mut fastrand::Rng, protocol: Protocol) -> (Vec<Vec<u8>>, Vec<Flow>) {
    let templates = [(256, false), (random.u16(257..), true)];
    let templates = templates.map(|(id, is_v6)| (template(random, protocol, id, is_v6), is_v6));
    let (mut datagrams, mut flows) = (Vec::new(), Vec::new());
    let mut sequence = 0;
    for number in 0..random.u32(1..5) {
        let clock_s = 1_790_000_000;
        let mut message = if protocol == Protocol::Ipfix {
            let observation_domain = 7;
            Message::ipfix(&ipfix::Header { length: 0, export_time_s: clock_s, sequence, observation_domain })
        } else {
            let header =
                netflow_v9::Header { count: 0, uptime_ms: 90_000, clock_s, sequence: number, source_id: 7 };
            Message::netflow_v9(&header)
        };
        let mut count = 0;
        if number == 0 {
            for (template, _) in &templates {
                message.template(template);
            }
            count += 2;
        }
        for _ in 0..random.usize(1..4) {
            let (template, is_v6) = random.choice(&templates).unwrap();
            message.begin_set(template.id);
            for _ in 0..random.usize(1..8) {
                let flow = flow(random, *is_v6);
                let values: Vec<_> =
                    template.fields.iter().map(|field| value(random, *field, &flow)).collect();
                message.record(template, values.iter().map(Vec::as_slice));
                flows.push(flow);
                count += 1;
                sequence += 1;
            }
        }
        let mut bytes = message.finish();
        if protocol == Protocol::NetflowV9 {
            bytes[2..4].copy_from_slice(&u16::to_be_bytes(count));
        }
        datagrams.push(bytes);
    }
    (datagrams, flows)
}

/// Flows of v5, which has no templates.
fn datagrams_v5(random: &mut fastrand::Rng) -> (Vec<Vec<u8>>, Vec<Flow>) {
    let flows: Vec<_> = (0..random.usize(1..70)).map(|_| flow(random, false)).collect();
    let record = |flow: &Flow| FlowRecord {
        source_address: flow.0,
        destination_address: flow.1,
        source_port: flow.2,
        destination_port: flow.3,
        protocol: flow.4,
        bytes: flow.5,
        packets: flow.6,
        ..FlowRecord::default()
    };
    let records: Vec<_> = flows.iter().map(record).collect();
    (Exporter::new(Protocol::NetflowV5, 1).datagrams(&records, RECEIVED_US / 1000, 90_000), flows)
}

/// The number of an element that is compared.
fn iana(field: IPFixField) -> Option<u16> {
    let IPFixField::IANA(field) = field else { return None };
    [1, 2, 4, 7, 8, 11, 12, 27, 28].into_iter().find(|number| IANAIPFixField::from(*number) == field)
}

/// What `netflow_parser` makes of the datagrams. Its fields come in the order of the template.
fn theirs(datagrams: &[Vec<u8>]) -> Vec<Flow> {
    let mut parser = NetflowParser::default();
    let mut flows = Vec::new();
    for datagram in datagrams {
        let result = parser.parse_bytes(datagram);
        assert!(result.error.is_none(), "{:?}", result.error);
        for packet in result.packets {
            match packet {
                NetflowPacket::V5(packet) => {
                    flows.extend(packet.flowsets.iter().map(|flow| {
                        let ends = (flow.src_addr.into(), flow.dst_addr.into(), flow.src_port, flow.dst_port);
                        let sums = (flow.protocol_number, flow.d_octets.into(), flow.d_pkts.into());
                        (ends.0, ends.1, ends.2, ends.3, sums.0, sums.1, sums.2)
                    }));
                }
                NetflowPacket::V9(packet) => {
                    for set in packet.flowsets {
                        if let v9::FlowSetBody::Data(data) = set.body {
                            flows.extend(data.fields.iter().map(|record| {
                                read(record.iter().map(|(field, value)| (Some(u16::from(*field)), value)))
                            }));
                        }
                    }
                }
                NetflowPacket::IPFix(packet) => {
                    for set in packet.flowsets {
                        if let their_ipfix::FlowSetBody::Data(data) = set.body {
                            flows.extend(data.fields.iter().map(|record| {
                                read(record.iter().map(|(field, value)| (iana(*field), value)))
                            }));
                        }
                    }
                }
                other => panic!("nobody sent {other:?}"),
            }
        }
    }
    flows
}

fn read<'v>(fields: impl Iterator<Item = (Option<u16>, &'v FieldValue)>) -> Flow {
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut flow: Flow = (unspecified, unspecified, 0, 0, 0, 0, 0);
    for (element, value) in fields {
        let number = || value.as_u64().unwrap();
        match element {
            Some(8 | 27) => flow.0 = IpAddr::try_from(value).unwrap(),
            Some(12 | 28) => flow.1 = IpAddr::try_from(value).unwrap(),
            Some(7) => flow.2 = number().try_into().unwrap(),
            Some(11) => flow.3 = number().try_into().unwrap(),
            Some(4) => flow.4 = value.as_u8().unwrap(),
            Some(1) => flow.5 = number(),
            Some(2) => flow.6 = number(),
            _ => {}
        }
    }
    flow
}

#[test]
fn random_datagrams_have_the_same_flows_here_and_in_netflow_parser() {
    let source = SocketAddr::from(([192, 0, 2, 1], 2055));
    let mut compared = 0;
    for seed in 0..SEEDS {
        for protocol in [Protocol::NetflowV5, Protocol::NetflowV9, Protocol::Ipfix] {
            let random = &mut fastrand::Rng::with_seed(seed);
            let (datagrams, sent) = if protocol == Protocol::NetflowV5 {
                datagrams_v5(random)
            } else {
                datagrams(random, protocol)
            };
            let mut intake = Intake::new(Limits::default(), Arc::default());
            let mut flows = Vec::new();
            for datagram in &datagrams {
                intake.datagram(source, RECEIVED_US, datagram, &mut flows);
            }
            let ours: Vec<_> = flows.iter().map(ours).collect();
            assert_eq!(ours, sent, "seed {seed}, {}", protocol.name());
            assert_eq!(theirs(&datagrams), sent, "seed {seed}, {}", protocol.name());
            compared += sent.len();
        }
    }
    assert!(compared > 10_000, "only {compared} flows");
}
