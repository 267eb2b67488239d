use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::model::exporter::Exporter;
use crate::server::collector::intake::{Intake, Limits};
use crate::server::collector::rules::Rules;
use crate::server::wire::encode;

const NOW_US: i64 = 1_790_000_000_000_000;
const AGENT: [u8; 4] = [192, 0, 2, 200];

struct Feed {
    intake: Intake,
    flows: Vec<FlowRecord>,
}

impl Feed {
    fn new(limits: Limits) -> Self {
        Self { intake: Intake::new(limits, Arc::new(Rules::default())), flows: Vec::new() }
    }

    fn from(&mut self, last: u8, payload: &[u8]) -> &mut Self {
        let source = SocketAddr::from(([192, 0, 2, last], 50_000 + u16::from(last)));
        self.intake.datagram(source, NOW_US, payload, &mut self.flows);
        self.intake.assert_adds_up();
        self
    }

    fn datagram(&mut self, payload: &[u8]) -> &mut Self {
        self.from(1, payload)
    }

    fn sflow(&self) -> Counters {
        self.intake.counters().sflow
    }

    fn exporter(&self) -> Exporter {
        self.intake.exporters().remove(0)
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn item(format: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&words(&[format, length])[..], body].concat()
}

fn datagram(sequence: u32, samples: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(samples.len()).unwrap();
    let header = words(&[5, 1, u32::from_be_bytes(AGENT), 3, sequence, 1000, count]);
    [&header[..], &samples.concat()].concat()
}

/// A flow sample of interface 7, 1 in 512, that came in there and goes out at 9.
fn flow_sample(sequence: u32, drops: u32, records: &[Vec<u8>]) -> Vec<u8> {
    sample_with(&[sequence, 7, 512, 0, drops, 7, 9], records)
}

fn sample_with(head: &[u32], records: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(records.len()).unwrap();
    item(
        if head.len() > 7 { 3 } else { 1 },
        &[&words(head)[..], &words(&[count]), &records.concat()].concat(),
    )
}

fn tcp_packet() -> Vec<u8> {
    let head = [0x45, 8, 5, 0xdc, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&head[..], &[0x30, 0x39, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 0]].concat()
}

/// Header protocol IPv4: 1500 bytes, 10.0.0.1:12345 to 10.0.0.2:443.
fn raw() -> Vec<u8> {
    let packet = tcp_packet();
    item(1, &[&words(&[11, 1518, 18, u32::try_from(packet.len()).unwrap()])[..], &packet].concat())
}

fn sampled_ipv4(length: u32) -> Vec<u8> {
    item(3, &words(&[length, 17, 0x0a00_0003, 0x0a00_0004, 53, 5353, 0x18, 4]))
}

#[test]
fn a_sampled_packet_is_one_flow_record_with_the_rate_of_its_sample() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram(1, &[flow_sample(1, 0, &[raw()])]));
    let flow = feed.flows[0];
    assert_eq!((flow.bytes, flow.packets, flow.sampling_interval), (1500, 1, 512));
    assert_eq!((flow.source_port, flow.destination_port, flow.tcp_flags), (12345, 443, 0x18));
    assert_eq!((flow.input_interface, flow.output_interface), (7, 9));
    assert_eq!((flow.flow_direction, flow.observation_domain), (Some(FlowDirection::Ingress), 3));
    assert_eq!((flow.start_ms, flow.time_source), (NOW_US / 1000, TimeSource::ReceiveTime));
}

#[test]
fn a_packet_that_no_link_can_have_carried_is_left_out_and_counted() {
    let mut feed = Feed::new(Limits::default());
    let huge = sample_with(&[1, 7, u32::MAX, 0, 0, 7, 9], &[sampled_ipv4(u32::MAX)]);
    feed.datagram(&datagram(1, &[huge, flow_sample(2, 0, &[raw()])]));
    let counters = feed.intake.counters();
    assert_eq!((feed.flows.len(), counters.implausible_records, counters.traffic.bytes), (1, 1, 1500));
    assert_eq!((counters.sflow.flow_samples, feed.exporter().implausible_records), (2, 1));
}

#[test]
fn the_exporter_is_the_agent_wherever_its_datagrams_come_from() {
    let mut feed = Feed::new(Limits::default());
    feed.from(1, &datagram(1, &[flow_sample(1, 0, &[raw()])]));
    feed.from(2, &datagram(2, &[flow_sample(2, 0, &[raw()])]));
    let exporters = feed.intake.exporters();
    assert_eq!(exporters.len(), 1);
    assert_eq!(exporters[0].address, IpAddr::from(AGENT));
    assert_eq!(exporters[0].sent_from, Some(IpAddr::from([192, 0, 2, 2])));
    assert_eq!((exporters[0].traffic.flows, exporters[0].sequence_missing), (2, 0));
    assert_eq!(exporters[0].protocols, [Protocol::SflowV5]);
    // An agent that does not know its address is known by where it sends from.
    let mut nameless = datagram(1, &[]);
    nameless[8..12].copy_from_slice(&[0; 4]);
    feed.from(3, &nameless);
    assert_eq!(feed.intake.exporters()[1].address, IpAddr::from([192, 0, 2, 3]));
    assert_eq!(feed.intake.exporters()[1].sent_from, None);
}

#[test]
fn several_records_of_one_packet_count_once_and_the_raw_header_wins() {
    let mut feed = Feed::new(Limits::default());
    for records in [[raw(), sampled_ipv4(700)], [sampled_ipv4(700), raw()]] {
        feed.datagram(&datagram(1, &[flow_sample(1, 0, &records)]));
    }
    let ends: Vec<_> = feed.flows.iter().map(|flow| (flow.bytes, flow.destination_port)).collect();
    assert_eq!(ends, [(1500, 443), (1500, 443)]);
    // A raw header that shows no IP leaves it to the other record.
    let arp = item(1, &[&words(&[1, 64, 4, 16])[..], &[1; 12], &[8, 6, 0, 1]].concat());
    feed.datagram(&datagram(2, &[flow_sample(2, 0, &[arp.clone(), sampled_ipv4(700)])]));
    let flow = feed.flows[2];
    assert_eq!(
        (flow.bytes, flow.protocol, flow.source_port, flow.type_of_service, flow.tcp_flags),
        (700, 17, 53, 4, 0)
    );
    // And alone it is the bytes behind the Ethernet header, without the check sequence.
    feed.datagram(&datagram(3, &[flow_sample(3, 0, &[arp])]));
    assert_eq!((feed.flows[3].bytes, feed.flows[3].protocol), (46, 0));
    feed.datagram(&datagram(4, &[flow_sample(4, 0, &[item(2, &words(&[118, 0, 0, 0, 0, 0x0800]))])]));
    assert_eq!(feed.flows[4].bytes, 100);
}

#[test]
fn bytes_are_those_of_the_frame_where_the_ip_header_has_no_length() {
    let mut packet = tcp_packet();
    packet[2..4].copy_from_slice(&[0, 0]);
    let frame = [&[0; 12][..], &[0x81, 0, 0, 5, 8, 0], &packet].concat();
    let length = u32::try_from(frame.len()).unwrap();
    let padding = vec![0; frame.len().wrapping_neg() % 4];
    let record = item(1, &[&words(&[1, 9022, 4, length])[..], &frame, &padding].concat());
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram(1, &[flow_sample(1, 0, &[record])]));
    assert_eq!((feed.flows[0].bytes, feed.flows[0].vlan, feed.flows[0].destination_port), (9000, 5, 443));
}

#[test]
fn extended_data_fill_in_vlan_masks_and_as_numbers() {
    let switch = item(1001, &words(&[30, 0, 40, 0]));
    let router = item(1002, &words(&[1, 0x0a00_00fe, 24, 16]));
    let gateway = item(
        1003,
        &words(&[1, 0x0a00_00fe, 64500, 64501, 64502, 2, 2, 2, 64510, 64511, 2, 1, 64512, 1, 77, 100]),
    );
    let own = item(1003, &words(&[1, 0x0a00_00fe, 64500, 0, 0, 0, 0, 100]));
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram(1, &[flow_sample(1, 0, &[switch, router, gateway, raw()])]));
    feed.datagram(&datagram(2, &[flow_sample(2, 0, &[raw(), own])]));
    let flow = feed.flows[0];
    assert_eq!((flow.vlan, flow.source_mask, flow.destination_mask), (30, 24, 16));
    assert_eq!((flow.source_as, flow.destination_as), (64501, 64512));
    // An empty path is one within the device's own AS.
    assert_eq!((feed.flows[1].source_as, feed.flows[1].destination_as), (64500, 64500));
}

#[test]
fn what_is_no_single_interface_is_none() {
    let internal = 0x3fff_ffff;
    let heads: [&[u32]; 5] = [
        &[1, 7, 1, 0, 0, internal, 9],
        &[2, 7, 1, 0, 0, 7, (1 << 30) + 258],
        &[3, 7, 1, 0, 0, 7, 2 << 30 | 4],
        &[1, 0, 70_000_000, 1, 0, 0, 0, 70_000_000, 0, internal],
        &[2, 0, 9, 1, 0, 0, 1, 258, 0, 9],
    ];
    let samples = heads.map(|head| sample_with(head, &[raw()]));
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram(1, &samples));
    let interfaces: Vec<_> = feed
        .flows
        .iter()
        .map(|flow| (flow.input_interface, flow.output_interface, flow.flow_direction))
        .collect();
    let ingress = Some(FlowDirection::Ingress);
    let expected = [
        (0, 9, None),
        (7, 0, ingress),
        (7, 0, ingress),
        (70_000_000, 0, ingress),
        (0, 9, Some(FlowDirection::Egress)),
    ];
    assert_eq!(interfaces, expected);
}

#[test]
fn missing_datagrams_missing_samples_and_drops_are_counted_apart() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram(10, &[flow_sample(100, 50, &[raw()])]));
    feed.datagram(&datagram(11, &[flow_sample(101, 53, &[raw()])]));
    // Two datagrams are lost with three samples in them.
    feed.datagram(&datagram(14, &[flow_sample(105, 53, &[raw()])]));
    let exporter = feed.exporter();
    assert_eq!((exporter.sequence_gaps, exporter.sequence_missing), (1, 2));
    assert_eq!((exporter.samples.missing, exporter.samples.dropped), (3, 3));
    // One of them was only late: its older sum of drops is no new one.
    feed.datagram(&datagram(12, &[flow_sample(102, 53, &[raw()])]));
    feed.datagram(&datagram(15, &[flow_sample(106, 60, &[raw()])]));
    assert_eq!(feed.exporter().sequence_missing, 1);
    assert_eq!(feed.intake.exporter_snapshots()[0].missing_datagrams(), 1);
    assert_eq!(feed.sflow().flow_sample_losses, Losses { missing: 2, dropped: 10 });
}

#[test]
fn sub_agents_and_data_sources_number_on_their_own_and_ports_mean_nothing() {
    let mut feed = Feed::new(Limits::default());
    for round in 1..20_u32 {
        let other_source = sample_with(&[500 + round, 8, 1, 0, 9, 8, 7], &[raw()]);
        let payload = datagram(round, &[flow_sample(round, 0, &[raw()]), other_source]);
        let mut line_card = datagram(7000 + round, &[flow_sample(90 + round, 1, &[raw()])]);
        line_card[12..16].copy_from_slice(&[0, 0, 0, 4]);
        feed.from(u8::try_from(round).unwrap(), &payload).from(50, &line_card);
    }
    let exporter = feed.exporter();
    assert_eq!((exporter.sequence_gaps, exporter.samples.missing, exporter.samples.dropped), (0, 0, 0));
    assert_eq!((feed.flows.len(), feed.sflow().data_sources), (57, 3));
}

#[test]
fn an_agent_that_started_anew_lost_nothing() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram(900_000, &[flow_sample(800_000, 70_000, &[raw()])]));
    feed.datagram(&datagram(1, &[flow_sample(1, 0, &[raw()])]));
    feed.datagram(&datagram(2, &[flow_sample(2, 1, &[raw()])]));
    assert_eq!(feed.exporter().sequence_missing, 0);
    assert_eq!(feed.sflow().flow_sample_losses, Losses { missing: 0, dropped: 1 });
}

#[test]
fn discarded_packets_are_shown_by_reason_and_are_no_flows() {
    let discarded = |sequence, drops, reason| {
        item(5, &[&words(&[sequence, 0, 7, drops, 7, 0, reason, 1])[..], &raw()].concat())
    };
    let mut feed = Feed::new(Limits::default());
    let samples = [discarded(1, 0, 258), discarded(2, 4, 257), discarded(5, 4, 258), discarded(6, 4, 9999)];
    feed.datagram(&datagram(1, &samples));
    let named = |name: &str, count| (name.to_owned(), count);
    let exporter = feed.exporter();
    assert_eq!(exporter.samples.discarded, [named("acl", 2), named("other", 1), named("ttl_exceeded", 1)]);
    assert_eq!((feed.flows.len(), feed.sflow().discarded_packets), (0, 4));
    assert_eq!(feed.sflow().notification_losses, Losses { missing: 2, dropped: 4 });
    assert_eq!(feed.sflow().flow_sample_losses, Losses::default());
}

#[test]
fn datagrams_of_counters_only_are_normal_and_unknown_samples_are_skipped() {
    let mut feed = Feed::new(Limits::default());
    let counters = item(2, &words(&[1, 7, 0]));
    let expanded = item(4, &words(&[1, 0, 7, 0]));
    let vendor = item(4300 << 12 | 1, &[1, 2, 3, 4]);
    let transaction = flow_sample(1, 0, &[item(2206, &[0; 8])]);
    feed.datagram(&datagram(1, &[counters, expanded, vendor, transaction, flow_sample(2, 0, &[raw()])]));
    let sflow = feed.sflow();
    assert_eq!((sflow.counter_samples, sflow.unknown_samples, sflow.samples_without_packet), (2, 1, 1));
    assert_eq!((feed.flows.len(), feed.exporter().undecodable.len()), (1, 0));
    assert_eq!((feed.exporter().samples.flow, feed.exporter().samples.counter), (1, 2));
}

#[test]
fn a_sample_that_cannot_be_read_costs_itself_and_a_record_not_even_its_sample() {
    let mut feed = Feed::new(Limits::default());
    let short = item(1, &words(&[1, 7]));
    let cut_record = flow_sample(2, 0, &[words(&[1, 4000, 1])]);
    let kept = flow_sample(3, 0, &[raw(), item(1002, &words(&[9, 9]))]);
    feed.datagram(&datagram(1, &[short, cut_record, kept, flow_sample(4, 0, &[raw()])]));
    assert_eq!(feed.flows.len(), 2);
    let sflow = feed.sflow();
    assert_eq!(sflow.undecodable_samples[Reason::Truncated.index()], 1);
    assert_eq!(sflow.undecodable_samples[Reason::SampleLength.index()], 1);
    assert_eq!(sflow.undecodable_records[Reason::AddressType.index()], 1);
    // Fewer samples than announced, a sample that goes beyond the datagram, and bytes that nobody announced.
    let good = datagram(2, &[flow_sample(5, 0, &[raw()])]);
    let mut announced = good.clone();
    announced[24..28].copy_from_slice(&u32::MAX.to_be_bytes());
    feed.datagram(&announced)
        .datagram(&good[..good.len() - 4])
        .datagram(&[&good[..], &[1, 2, 3, 4]].concat());
    let sflow = feed.sflow();
    assert_eq!(sflow.undecodable_samples[Reason::RecordCount.index()], 1);
    assert_eq!(sflow.undecodable_samples[Reason::SampleLength.index()], 2);
    assert_eq!(sflow.undecodable_samples[Reason::TrailingBytes.index()], 1);
    assert_eq!(feed.flows.len(), 4);
}

#[test]
fn data_sources_are_bounded_and_those_beyond_are_decoded_and_counted() {
    let limits = Limits { data_sources_per_exporter: 2, data_sources: 3, ..Limits::default() };
    let mut feed = Feed::new(limits);
    let of = |source: u32, sequence: u32| sample_with(&[sequence, source, 1, 0, 0, 1, 2], &[raw()]);
    feed.datagram(&datagram(1, &[of(1, 1), of(2, 1), of(3, 1), of(3, 9)]));
    assert_eq!((feed.flows.len(), feed.sflow().data_sources), (4, 2));
    assert_eq!((feed.sflow().samples_not_followed, feed.exporter().samples.missing), (2, 0));
    feed.intake.expire(NOW_US + limits.idle_us);
    assert_eq!(feed.sflow().data_sources, 2);
    feed.datagram(&datagram(2, &[of(4, 1)]));
    feed.intake.expire(NOW_US + limits.idle_us + 1);
    assert_eq!(feed.sflow().data_sources, 0);
    feed.datagram(&datagram(3, &[of(3, 1), of(3, 3)]));
    assert_eq!(feed.exporter().samples.missing, 1);
}

#[test]
fn agents_are_bounded_like_all_exporters_and_take_their_sources_with_them() {
    let limits = Limits { exporters: 2, ..Limits::default() };
    let mut feed = Feed::new(limits);
    for last in 1..=5 {
        let mut payload = datagram(1, &[flow_sample(1, 0, &[item(2206, &[])])]);
        payload[11] = last;
        feed.from(1, &payload);
    }
    let counters = feed.intake.counters();
    assert_eq!(counters.undecodable_datagrams[Reason::ExporterTableFull.index()], 3);
    assert_eq!((feed.intake.exporter_count(), counters.sflow.data_sources), (2, 2));
    feed.intake.expire(NOW_US + limits.idle_us);
    assert_eq!((feed.intake.exporter_count(), feed.sflow().data_sources), (0, 0));
}

#[test]
fn exported_flows_come_back_the_same() {
    let flow = |number: u16, source: &str, destination: &str| FlowRecord {
        source_address: source.parse().unwrap(),
        destination_address: destination.parse().unwrap(),
        source_port: 1000 + number,
        destination_port: 443,
        protocol: if number.is_multiple_of(2) { 6 } else { 17 },
        type_of_service: 0x28,
        tcp_flags: if number.is_multiple_of(2) { 0x112 } else { 0 },
        vlan: number % 3,
        bytes: 60 + 700 * u64::from(number),
        packets: 1,
        start_ms: NOW_US / 1000,
        end_ms: NOW_US / 1000,
        received_ms: NOW_US / 1000,
        flow_direction: [None, Some(FlowDirection::Ingress), Some(FlowDirection::Egress)]
            [usize::from(number % 3)],
        input_interface: 3,
        output_interface: 4,
        source_as: 64_500 * u32::from(number % 2),
        destination_as: 64_501,
        source_mask: 24,
        destination_mask: 16,
        sampling_interval: 100,
        sampling_source: SamplingSource::Record,
        observation_domain: 0x0203,
        ..FlowRecord::default()
    };
    let v4 = (0..120).map(|number| flow(number, "192.0.2.1", "198.51.100.7"));
    let v6 = (0..120).map(|number| flow(number, "2001:db8::1", "2001:db8:1::2"));
    let icmp = FlowRecord {
        protocol: 1,
        icmp_type_code: 0x0800,
        source_port: 0,
        destination_port: 0,
        tcp_flags: 0,
        ..flow(0, "192.0.2.1", "192.0.2.2")
    };
    let all: Vec<_> = v4.chain(v6).chain([icmp]).collect();
    let mut exporter = encode::Exporter::new(Protocol::SflowV5, 0x0203);
    let mut feed = Feed::new(Limits::default());
    for payload in exporter.datagrams(&all, NOW_US / 1000, 1000) {
        assert!(payload.len() <= encode::MAX_DATAGRAM_LENGTH);
        feed.datagram(&payload);
    }
    assert_eq!(feed.flows, all);
    let exporter = feed.exporter();
    assert_eq!((exporter.sequence_gaps, exporter.samples.missing, exporter.samples.dropped), (0, 0, 0));
    assert_eq!((exporter.sampling_interval, exporter.undecodable.len()), (100, 0));
}
