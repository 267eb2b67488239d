use super::*;
use crate::model::exporter::Protocol;
use crate::model::flow_record::{SamplingSource, TimeSource};
use crate::server::wire::encode::{self, Message};
use crate::server::wire::template::{Definition, Field};
use crate::server::wire::{ipfix, netflow_v9};

mod in_the_wild;
mod together;

const NOW_US: i64 = 1_790_000_000_000_000;
const NOW_S: u32 = 1_790_000_000;

fn source(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 50_000))
}

fn message(sequence: u32) -> Message {
    Message::ipfix(&ipfix::Header { length: 0, export_time_s: NOW_S, sequence, observation_domain: 1 })
}

fn definition(id: u16, fields: &[(u16, u16)]) -> Definition {
    let field = |&(element, length)| Field { element, enterprise: 0, length };
    Definition { id, is_options: false, scope_count: 0, fields: fields.iter().map(field).collect() }
}

/// Source port and bytes.
fn layout() -> Definition {
    definition(256, &[(7, 2), (1, 2)])
}

fn templates(sequence: u32) -> Vec<u8> {
    let mut message = message(sequence);
    message.template(&layout());
    message.finish()
}

fn data(sequence: u32, records: &[(u16, u16)]) -> Vec<u8> {
    let mut message = message(sequence);
    message.begin_set(256);
    for (port, bytes) in records {
        message.record(&layout(), [&port.to_be_bytes()[..], &bytes.to_be_bytes()[..]]);
    }
    message.finish()
}

impl Intake {
    /// The account adds up, and the running sums over all exporters are what their states hold.
    pub(in crate::server::collector) fn assert_adds_up(&self) {
        assert_eq!(self.counters.imbalance(), None, "{:?}", self.counters);
        let sum = |count: fn(&State) -> u64| self.exporters.values().map(count).sum::<u64>();
        let kept = [self.template_weight, self.options_weight, self.session_count].map(|count| count as u64);
        let held: [fn(&State) -> u64; 3] = [
            |state| state.templates.weight() as u64,
            |state| state.options.weight() as u64,
            |state| state.sessions.len() as u64,
        ];
        assert_eq!(kept, held.map(sum), "weight of templates, weight of options, sessions");
        assert_eq!(self.counters.sets_waiting, sum(|state| state.sets_waiting), "sets that wait");
        assert_eq!(self.counters.sflow.data_sources, sum(|state| state.sflow.data_sources()), "data sources");
        let numbers =
            self.exporters.values().map(|state| state.id.0).collect::<std::collections::HashSet<_>>();
        assert_eq!(numbers.len(), self.exporters.len(), "no number is given twice");
    }
}

struct Feed {
    intake: Intake,
    flows: Vec<FlowRecord>,
}

impl Feed {
    fn new(limits: Limits) -> Self {
        Self { intake: Intake::new(limits, Arc::default()), flows: Vec::new() }
    }

    fn datagram(&mut self, payload: &[u8]) -> &mut Self {
        self.at(source(1), NOW_US, payload)
    }

    fn at(&mut self, source: SocketAddr, received_us: i64, payload: &[u8]) -> &mut Self {
        self.intake.datagram(source, received_us, payload, &mut self.flows);
        self.intake.assert_adds_up();
        self
    }

    fn ports(&self) -> Vec<u16> {
        self.flows.iter().map(|flow| flow.source_port).collect()
    }
}

#[test]
fn a_data_set_before_its_template_waits_and_keeps_its_own_receive_time() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&data(0, &[(80, 10), (443, 20)]));
    assert_eq!((feed.flows.len(), feed.intake.exporters()[0].sets_waiting), (0, 1));
    feed.at(source(1), NOW_US + 60_000_000, &templates(2));
    assert_eq!(feed.ports(), [80, 443]);
    assert_eq!(feed.flows[0].received_ms, NOW_US / 1000);
    assert_eq!(feed.flows[0].time_source, TimeSource::ExportTime);
    let exporter = &feed.intake.exporters()[0];
    assert_eq!((exporter.sets_waiting, exporter.traffic.bytes), (0, 30));
}

#[test]
fn a_data_set_without_template_is_counted_not_lost() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&data(0, &[(80, 10)]));
    feed.intake.expire(NOW_US + Limits::default().pending_us);
    assert_eq!(feed.intake.counters().sets_waiting, 1);
    feed.intake.expire(NOW_US + Limits::default().pending_us + 1);
    let counters = feed.intake.counters();
    assert_eq!((counters.sets_waiting, counters.sets_expired), (0, 1));
    feed.intake.assert_adds_up();
    feed.datagram(&templates(1));
    assert!(feed.flows.is_empty());
}

#[test]
fn a_full_pending_buffer_refuses_and_counts() {
    let mut feed = Feed::new(Limits { pending_bytes_per_exporter: 1200, ..Limits::default() });
    for _ in 0..5 {
        feed.datagram(&data(0, &[(80, 10)]));
    }
    let counters = feed.intake.counters();
    assert_eq!((counters.sets_waiting, counters.sets_refused), (2, 3));
    assert_eq!(feed.intake.exporters()[0].sets_expired, 3);
}

#[test]
fn a_new_layout_under_an_id_replaces_the_old_one_and_a_withdrawal_does_not() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&templates(0)).datagram(&data(0, &[(80, 10)]));
    let mut withdrawal = message(1);
    withdrawal.template(&definition(256, &[]));
    feed.datagram(&withdrawal.finish()).datagram(&data(1, &[(81, 10)]));
    let mut replaced = message(2);
    replaced.template(&definition(256, &[(1, 2), (7, 2)]));
    feed.datagram(&replaced.finish()).datagram(&data(2, &[(10, 82)]));
    assert_eq!(feed.ports(), [80, 81, 82]);
    assert_eq!(feed.intake.counters().templates_withdrawn, 1);
}

#[test]
fn templates_of_another_port_domain_or_protocol_are_not_used() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&templates(0));
    let other_port = SocketAddr::from(([192, 0, 2, 1], 50_001));
    feed.at(other_port, NOW_US, &data(0, &[(80, 10)]));
    let header = netflow_v9::Header { count: 1, uptime_ms: 0, clock_s: NOW_S, sequence: 0, source_id: 1 };
    let mut v9 = Message::netflow_v9(&header);
    v9.begin_set(256);
    v9.record(&layout(), [&[0, 80][..], &[0, 10][..]]);
    feed.datagram(&v9.finish());
    assert_eq!((feed.flows.len(), feed.intake.counters().sets_waiting), (0, 2));
}

#[test]
fn an_ipv4_mapped_source_is_the_ipv4_exporter() {
    let mut feed = Feed::new(Limits::default());
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:50000".parse().unwrap();
    feed.datagram(&templates(0)).at(mapped, NOW_US, &data(0, &[(80, 10)]));
    assert_eq!((feed.ports(), feed.intake.exporter_count()), (vec![80], 1));
}

#[test]
fn what_was_read_of_an_options_set_before_its_fault_is_not_uncertain() {
    let name = Definition {
        id: 257,
        is_options: true,
        scope_count: 1,
        fields: [(10, 4), (82, u16::MAX)]
            .map(|(element, length)| Field { element, enterprise: 0, length })
            .into(),
    };
    let mut spoilt = message(0);
    spoilt.template(&name);
    spoilt.begin_set(257);
    spoilt.record(&name, [&[0, 0, 0, 1][..], b"g0"]);
    spoilt.record(&name, [&[0, 0, 0, 2][..], b"g1"]);
    let mut spoilt = spoilt.finish();
    let second = spoilt.windows(3).position(|bytes| bytes == b"\x02g1").unwrap();
    // The second name says that it is longer than the set.
    spoilt[second] = 99;
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&spoilt).datagram(&templates(2)).datagram(&data(2, &[(80, 10)]));
    let counters = feed.intake.counters();
    assert_eq!((counters.options_records, counters.data_records), (1, 2));
    assert_eq!((counters.uncertain_records, counters.missing_records), (1, 0));
}

#[test]
fn options_records_tell_when_an_ipfix_exporter_started() {
    let mut options = definition(257, &[(149, 4), (160, 8)]);
    (options.is_options, options.scope_count) = (true, 1);
    let with_times = definition(256, &[(22, 4), (21, 4)]);
    let mut feed = Feed::new(Limits::default());
    let mut first = message(0);
    first.template(&options);
    first.template(&with_times);
    first.begin_set(257);
    let boot_ms = (NOW_US / 1000 - 10_000).to_be_bytes();
    first.record(&options, [&[0, 0, 0, 1][..], &boot_ms[..]]);
    first.begin_set(256);
    first.record(&with_times, [&6000_u32.to_be_bytes()[..], &9000_u32.to_be_bytes()[..]]);
    feed.datagram(&first.finish());
    let flow = feed.flows[0];
    assert_eq!((flow.start_ms, flow.end_ms), (NOW_US / 1000 - 4000, NOW_US / 1000 - 1000));
    assert_eq!(feed.intake.exporters()[0].options_records, 1);
}

#[test]
fn a_v5_datagram_keeps_its_whole_records_whatever_its_count_says() {
    let flow = FlowRecord { bytes: 5, packets: 1, ..FlowRecord::default() };
    let mut payload = encode::Exporter::new(Protocol::NetflowV5, 0x0102)
        .datagrams(&[flow; 3], NOW_US / 1000, 1000)
        .remove(0);
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&payload);
    assert_eq!((feed.flows.len(), feed.flows[0].observation_domain), (3, 0x0102));
    payload[3] = 31;
    feed.datagram(&payload).datagram(&payload[..payload.len() - 1]);
    assert_eq!(feed.flows.len(), 3 + 3 + 2);
    assert_eq!(feed.intake.exporters()[0].undecodable, [("record_count".to_owned(), 2)]);
}

#[test]
fn what_is_not_decoded_has_its_reason() {
    let mut feed = Feed::new(Limits::default());
    for payload in [&[0, 0, 0, 5, 0, 0, 0, 1][..], &[0, 8, 0, 1], &[5], &[0, 10, 0, 16]] {
        feed.datagram(payload);
    }
    let mut undecodable = feed.intake.exporters().remove(0).undecodable;
    undecodable.sort();
    let expected = [("truncated", 3), ("unknown_version", 1)];
    assert_eq!(undecodable, expected.map(|(label, count)| (label.to_owned(), count)));
}

#[test]
fn one_undecodable_set_costs_that_set_only() {
    let mut mixed = message(0);
    mixed.template(&layout());
    mixed.begin_set(100);
    mixed.record(&layout(), [&[0, 1][..], &[0, 1][..]]);
    mixed.begin_set(256);
    mixed.record(&layout(), [&[0, 80][..], &[0, 9][..]]);
    let mut payload = mixed.finish();
    payload.extend([9, 9, 9, 9]);
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&payload);
    assert_eq!(feed.ports(), [80]);
    let counters = feed.intake.counters();
    assert_eq!(counters.undecodable_sets[Reason::ReservedSetId.index()], 1);
    assert_eq!(counters.undecodable_sets[Reason::TrailingBytes.index()], 1);
}

#[test]
fn spoofed_sources_fill_the_table_and_push_nobody_out() {
    let limits = Limits { exporters: 3, ..Limits::default() };
    let mut feed = Feed::new(limits);
    feed.datagram(&templates(0)).datagram(&data(0, &[(80, 10)]));
    for last in 2..10 {
        feed.at(source(last), NOW_US, &[0, 8]);
    }
    let counters = feed.intake.counters();
    assert_eq!(counters.undecodable_datagrams[Reason::ExporterTableFull.index()], 6);
    let later = NOW_US + limits.idle_us;
    feed.intake.expire(later);
    assert_eq!(feed.intake.exporter_count(), 1);
    feed.at(source(9), later, &templates(0)).datagram(&data(1, &[(81, 10)]));
    assert_eq!(feed.ports(), [80, 81]);
}

#[test]
fn templates_and_sessions_are_bounded_and_refusals_counted() {
    let limits = Limits {
        templates_per_exporter: 2,
        template_weight: 2 * 16 + 5,
        sessions_per_exporter: 2,
        fields_per_template: 3,
        ..Limits::default()
    };
    let mut feed = Feed::new(limits);
    let mut many = message(0);
    for (id, fields) in [(256, 2), (257, 2), (258, 1), (256, 3), (257, 3), (256, 4)] {
        many.template(&definition(id, &vec![(1, 4); fields]));
    }
    feed.datagram(&many.finish());
    let refused = feed.intake.counters().undecodable_templates;
    assert_eq!(refused[Reason::TemplateCacheFull.index()], 1);
    assert_eq!(refused[Reason::TemplateFieldsFull.index()], 1);
    assert_eq!(refused[Reason::TooManyFields.index()], 1);
    for port in 1..9 {
        feed.at(SocketAddr::from(([192, 0, 2, 1], port)), NOW_US, &templates(0));
    }
    assert_eq!(feed.intake.exporters.values().map(|state| state.sessions.len()).collect::<Vec<_>>(), [2]);
}

#[test]
fn missing_records_are_counted_by_sequence_number() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&templates(500)).datagram(&data(500, &[(80, 1), (81, 1)]));
    feed.datagram(&data(512, &[(82, 1)])).datagram(&data(513, &[(83, 1)]));
    let exporter = &feed.intake.exporters()[0];
    assert_eq!((exporter.sequence_gaps, exporter.sequence_missing), (1, 10));
}

#[test]
fn exported_flows_come_back_the_same_in_every_protocol() {
    let flow = |number: u16, source: &str, destination: &str| FlowRecord {
        source_address: source.parse().unwrap(),
        destination_address: destination.parse().unwrap(),
        source_port: 1000 + number,
        destination_port: 443,
        protocol: 6,
        type_of_service: 8,
        tcp_flags: 0x1b,
        bytes: 1500,
        packets: 3,
        start_ms: NOW_US / 1000 - 4321,
        end_ms: NOW_US / 1000 - 1234,
        received_ms: NOW_US / 1000,
        time_source: TimeSource::Record,
        input_interface: 3,
        output_interface: 4,
        source_as: 64_500,
        destination_as: 64_501,
        source_mask: 24,
        destination_mask: 16,
        sampling_interval: 100,
        sampling_source: SamplingSource::Record,
        observation_domain: 0x0203,
        ..FlowRecord::default()
    };
    let v4 = (0..100).map(|number| flow(number, "192.0.2.1", "198.51.100.7"));
    let v6 = (0..100).map(|number| flow(number, "2001:db8::1", "2001:db8:1::2"));
    let icmp = FlowRecord {
        protocol: 1,
        icmp_type_code: 0x0800,
        source_port: 0,
        destination_port: 0,
        ..flow(0, "192.0.2.1", "192.0.2.2")
    };
    let all: Vec<_> = v4.chain(v6).chain([icmp]).collect();
    for protocol in [Protocol::NetflowV5, Protocol::NetflowV9, Protocol::Ipfix] {
        let mut exporter = encode::Exporter::new(protocol, 0x0203);
        let mut feed = Feed::new(Limits::default());
        for datagram in exporter.datagrams(&all, NOW_US / 1000, 4_000_000_000) {
            feed.datagram(&datagram);
        }
        let is_carried =
            |flow: &&FlowRecord| protocol != Protocol::NetflowV5 || flow.source_address.is_ipv4();
        let expected: Vec<_> = all.iter().filter(is_carried).copied().collect();
        assert_eq!(feed.flows, expected, "{}", protocol.name());
        assert_eq!(feed.intake.counters().sequence_gaps, 0);
        assert_eq!(feed.intake.exporters()[0].sampling_interval, 100);
    }
}

#[test]
fn random_bytes_after_a_version_word_never_panic() {
    let mut feed = Feed::new(Limits::default());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20_000_usize {
        let mut payload = vec![0, [5, 9, 10, 1, 7][round % 5]];
        for _ in 0..round % 150 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Small numbers make plausible ids, counts and lengths.
            payload.extend([u8::from(state.is_multiple_of(4)), state.to_be_bytes()[0] >> (state & 7)]);
        }
        feed.datagram(&payload);
    }
}

#[test]
fn spoofed_sources_cannot_keep_the_template_room_from_others() {
    let limits = Limits { template_weight_per_exporter: 100, template_weight: 400, ..Limits::default() };
    let mut feed = Feed::new(limits);
    feed.at(source(200), NOW_US, &templates(0)).at(source(200), NOW_US, &data(0, &[(80, 10)]));
    for last in 1..20 {
        let mut greedy = message(0);
        for id in 300..310 {
            greedy.template(&definition(id, &[(1, 4); 14]));
        }
        feed.at(source(last), NOW_US, &greedy.finish());
        assert!(feed.intake.template_weight <= limits.template_weight);
    }
    let refused = feed.intake.counters().undecodable_templates;
    assert!(refused[Reason::TemplateCacheFull.index()] > 0);
    assert!(refused[Reason::TemplateFieldsFull.index()] > 0);
    feed.intake.expire(NOW_US + 1);
    assert!(feed.intake.template_weight <= 300);
    feed.at(source(201), NOW_US, &templates(0)).at(source(201), NOW_US, &data(0, &[(81, 10)]));
    feed.at(source(200), NOW_US, &data(1, &[(82, 10)]));
    assert_eq!(feed.ports(), [80, 81, 82]);
}

#[test]
fn exporters_with_flow_records_share_the_template_room_equally() {
    let limits = Limits { template_weight_per_exporter: 200, template_weight: 800, ..Limits::default() };
    let mut feed = Feed::new(limits);
    for last in 1..=5 {
        feed.at(source(last), NOW_US, &templates(0)).at(source(last), NOW_US, &data(0, &[(80, 10)]));
    }
    for last in 2..=6 {
        let mut greedy = message(1);
        for id in 300..310 {
            greedy.template(&definition(id, &[(1, 4); 14]));
        }
        feed.at(source(last), NOW_US + 1, &greedy.finish());
    }
    feed.intake.expire(NOW_US + 2);
    let weights: usize = feed.intake.exporters.values().map(|state| state.templates.weight()).sum();
    assert_eq!(feed.intake.template_weight, weights);
    assert!((500..=600).contains(&weights), "{weights}");
    feed.at(source(1), NOW_US, &data(1, &[(81, 10)]));
    assert_eq!(feed.ports().last(), Some(&81));
}

/// A set of records of one byte, as many as a datagram can carry.
fn bytes_of_one_set() -> Vec<u8> {
    let mut payload = message(0);
    payload.begin_set(300);
    payload.record(&definition(300, &[(4, 1)]), [&vec![6; 60_000][..]]);
    payload.finish()
}

fn one_byte_template() -> Vec<u8> {
    let mut payload = message(0);
    payload.template(&definition(300, &[(4, 1)]));
    payload.finish()
}

#[test]
fn a_set_of_one_byte_records_makes_no_more_flows_than_the_limit_and_is_counted() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&one_byte_template()).datagram(&bytes_of_one_set());
    assert_eq!(feed.flows.len() as u64, Limits::default().flows_per_datagram);
    let counters = feed.intake.counters();
    assert_eq!(counters.undecodable_sets[Reason::TooManyRecords.index()], 1);
    assert_eq!(counters.data_sets_decoded, 0);
}

#[test]
fn sets_that_waited_are_released_bit_by_bit_and_none_is_lost() {
    let limits = Limits { flows_per_datagram: 100, ..Limits::default() };
    let mut feed = Feed::new(limits);
    for sequence in 0..20 {
        feed.datagram(&data(sequence, &[(80, 10); 40]));
    }
    assert_eq!(feed.intake.counters().sets_waiting, 20);
    feed.datagram(&templates(0));
    assert_eq!((feed.flows.len(), feed.intake.counters().sets_waiting), (80, 18));
    // A datagram of another exporter releases them, too, and so does time.
    feed.at(source(2), NOW_US, &templates(0));
    assert_eq!(feed.flows.len(), 160);
    for _ in 0..8 {
        feed.intake.release(NOW_US, &mut feed.flows);
        feed.intake.assert_adds_up();
    }
    assert_eq!((feed.flows.len(), feed.intake.counters().sets_waiting), (800, 0));
    assert_eq!(feed.intake.exporters()[0].sets_waiting, 0);
}

#[test]
fn many_large_sets_that_waited_do_not_come_at_once() {
    let mut feed = Feed::new(Limits::default());
    for _ in 0..17 {
        feed.datagram(&bytes_of_one_set());
    }
    feed.datagram(&one_byte_template());
    assert_eq!(feed.flows.len() as u64, Limits::default().flows_per_datagram);
    assert!(feed.intake.counters().sets_waiting >= 15);
}

fn v5_record() -> Vec<u8> {
    let flow = FlowRecord { bytes: 5, packets: 1, ..FlowRecord::default() };
    encode::Exporter::new(Protocol::NetflowV5, 1).datagrams(&[flow], NOW_US / 1000, 1000).remove(0)
}

#[test]
fn spoofed_sources_with_a_flow_record_each_give_way_to_a_new_exporter() {
    let limits = Limits { exporters: 16, ..Limits::default() };
    let mut feed = Feed::new(limits);
    for _ in 0..5 {
        feed.at(source(1), NOW_US, &v5_record());
    }
    for last in 2..30 {
        feed.at(source(last), NOW_US + 1, &v5_record());
    }
    let later = NOW_US + limits.idle_us + 1;
    feed.at(source(2), later, &v5_record());
    // Nobody was refused since: nobody has to go.
    feed.intake.expire(NOW_US + 2);
    feed.intake.expire(later);
    assert_eq!(feed.intake.exporter_count(), 16);
    feed.at(source(200), later, &v5_record());
    feed.intake.expire(later);
    assert_eq!((feed.intake.exporter_count(), feed.intake.counters().exporters_forgotten), (14, 2));
    feed.at(source(200), later, &v5_record());
    let known: Vec<_> = feed.intake.exporters().into_iter().map(|exporter| exporter.address).collect();
    // The busy one and the one just heard stay, and so does the new one.
    assert!([1, 2, 200].iter().all(|last| known.contains(&source(*last).ip())), "{known:?}");
    assert_eq!(feed.intake.exporter_addresses().len(), 16, "numbers are given again");
}

#[test]
fn forged_ports_do_not_keep_a_session_out() {
    let mut feed = Feed::new(Limits { sessions_per_exporter: 4, ..Limits::default() });
    for port in 1..50 {
        feed.at(SocketAddr::from(([192, 0, 2, 1], port)), NOW_US, &data(7, &[(80, 1)]));
    }
    let begin = NOW_US + 1;
    feed.at(source(1), begin, &templates(0)).at(source(1), begin, &data(0, &[(80, 1)]));
    feed.at(source(1), begin, &data(11, &[(81, 1)]));
    assert_eq!(feed.ports(), [80, 81]);
    assert_eq!(feed.intake.counters().missing_records, 10);
}

/// What happened to sets, by reason, without those that did not happen.
fn undecodable_sets(feed: &Feed) -> Vec<(&'static str, u64)> {
    let counts = Reason::ALL.into_iter().zip(feed.intake.counters().undecodable_sets);
    counts.filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.label(), count)).collect()
}

#[test]
fn a_message_cut_between_two_sets_is_counted_and_keeps_the_first() {
    let mut two = message(0);
    two.template(&layout());
    two.begin_set(256);
    two.record(&layout(), [&[0, 80][..], &[0, 9][..]]);
    let second = two.length();
    two.begin_set(256);
    two.record(&layout(), [&[0, 81][..], &[0, 9][..]]);
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&two.finish()[..second]);
    assert_eq!((feed.ports(), undecodable_sets(&feed)), (vec![80], vec![("truncated", 1)]));
}

#[test]
fn bytes_after_the_last_record_are_counted_and_zeros_are_not() {
    for (rest, expected) in [([0, 0, 0, 0], vec![]), ([0, 0, 7, 0], vec![("trailing_bytes", 1)])] {
        let mut feed = Feed::new(Limits::default());
        let mut payload = v5_record();
        payload.extend(rest);
        feed.datagram(&payload);
        assert_eq!((feed.flows.len(), undecodable_sets(&feed)), (1, expected.clone()));

        let wide = definition(256, &[(7, 2), (1, 6)]);
        let mut payload = message(0);
        payload.template(&wide);
        payload.begin_set(256);
        payload.record(&wide, [&[0, 80][..], &[0, 0, 0, 0, 0, 9][..]]);
        payload.record(&layout(), [&rest[..2], &rest[2..]]);
        let mut feed = Feed::new(Limits::default());
        feed.datagram(&payload.finish());
        assert_eq!((feed.ports(), undecodable_sets(&feed)), (vec![80], expected));
    }
}

#[test]
fn a_snapshot_is_of_its_moment_and_shown_on_another_thread() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&templates(0)).datagram(&data(0, &[(80, 10)]));
    let before = feed.intake.exporters();
    let snapshots = feed.intake.exporter_snapshots();
    let mut replaced = message(1);
    replaced.template(&definition(256, &[(1, 8)]));
    replaced.template(&definition(257, &[(2, 8)]));
    feed.datagram(&replaced.finish());
    assert_eq!((snapshots[0].summary().traffic.flows, snapshots[0].template_count()), (1, 1));
    let shown = std::thread::spawn(|| snapshots.into_iter().map(ExporterSnapshot::into_exporter).collect());
    let shown: Vec<Exporter> = shown.join().unwrap();
    assert_eq!(shown, before);
    assert_eq!(shown[0].templates[0].fields[0].name, "sourceTransportPort");
    assert_ne!(feed.intake.exporters(), shown);
}
