use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::model::exporter::Exporter;
use crate::model::traffic::Traffic;
use crate::server::collector::intake::{Intake, Limits};
use crate::server::collector::rules::Rules;
use crate::server::wire::encode::{self, Message};
use crate::server::wire::template::{Definition, Field};
use crate::server::wire::{ipfix, netflow_v9};

const NOW_S: u32 = 1_790_000_000;
const NOW_US: i64 = 1_790_000_000_000_000;
const TEMPLATE: u16 = 256;
const OPTIONS: u16 = 257;

/// Information elements, their lengths and the value of each.
type Fields<'a> = &'a [(u16, u16, u64)];

fn definition(id: u16, scope_count: usize, fields: Fields<'_>) -> Definition {
    let field = |&(element, length, _): &(u16, u16, u64)| Field { element, enterprise: 0, length };
    let is_options = scope_count > 0;
    Definition { id, is_options, scope_count, fields: fields.iter().map(field).collect() }
}

/// A message with a template and one record of it.
fn message(protocol: Protocol, domain: u32, definition: &Definition, fields: Fields<'_>) -> Vec<u8> {
    let mut message = if protocol == Protocol::Ipfix {
        let header =
            ipfix::Header { length: 0, export_time_s: NOW_S, sequence: 0, observation_domain: domain };
        Message::ipfix(&header)
    } else {
        let header =
            netflow_v9::Header { count: 2, uptime_ms: 0, clock_s: NOW_S, sequence: 0, source_id: domain };
        Message::netflow_v9(&header)
    };
    message.template(definition);
    message.begin_set(definition.id);
    let values: Vec<_> = fields.iter().map(|(_, length, value)| bytes(*value, *length)).collect();
    message.record(definition, values.iter().map(Vec::as_slice));
    message.finish()
}

fn bytes(value: u64, length: u16) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(length).saturating_sub(8)];
    bytes.extend(&value.to_be_bytes()[8_usize.saturating_sub(usize::from(length))..]);
    bytes
}

/// An exporter as a test sees it: options and flows in, intervals out.
struct Feed {
    intake: Intake,
    protocol: Protocol,
    domain: u32,
    port: u16,
}

impl Feed {
    fn new(protocol: Protocol) -> Self {
        Self::with_rules(protocol, Vec::new())
    }

    fn with_rules(protocol: Protocol, sampling: Vec<SamplingRule>) -> Self {
        let rules = Rules { sampling, ..Rules::default() };
        Self { intake: Intake::new(Limits::default(), Arc::new(rules)), protocol, domain: 5, port: 50_000 }
    }

    fn datagram(&mut self, payload: &[u8]) -> Vec<FlowRecord> {
        let mut flows = Vec::new();
        let source = SocketAddr::from(([192, 0, 2, 1], self.port));
        self.intake.datagram(source, NOW_US, payload, &mut flows);
        flows
    }

    /// An options record whose first field is its scope.
    fn options(&mut self, fields: Fields<'_>) -> &mut Self {
        let payload = message(self.protocol, self.domain, &definition(OPTIONS, 1, fields), fields);
        assert!(self.datagram(&payload).is_empty());
        self
    }

    /// Interval and source of a flow of 1,000 bytes in 2 packets with more fields.
    fn flow(&mut self, fields: Fields<'_>) -> (u32, SamplingSource) {
        let fields = [&[(1, 4, 1000), (2, 4, 2)], fields].concat();
        let payload = message(self.protocol, self.domain, &definition(TEMPLATE, 0, &fields), &fields);
        let flows = self.datagram(&payload);
        assert_eq!((flows.len(), flows[0].bytes, flows[0].packets), (1, 1000, 2));
        (flows[0].sampling_interval, flows[0].sampling_source)
    }

    fn exporter(&self) -> Exporter {
        self.intake.exporters().remove(0)
    }
}

fn rule(precedence: Precedence, interval: u32) -> SamplingRule {
    let exporters = vec!["192.0.2.0/24".parse().unwrap()];
    SamplingRule { exporters, observation_domain: None, interval, precedence }
}

const UNKNOWN: (u32, SamplingSource) = (0, SamplingSource::Unknown);

const fn by_options(interval: u32) -> (u32, SamplingSource) {
    (interval, SamplingSource::Options)
}

const fn by_record(interval: u32) -> (u32, SamplingSource) {
    (interval, SamplingSource::Record)
}

#[test]
fn flows_before_the_options_record_are_unknown_and_those_after_it_are_scaled() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    assert_eq!(feed.flow(&[]), UNKNOWN);
    feed.options(&[(1, 4, 0), (34, 4, 100), (35, 1, 2)]);
    assert_eq!(feed.flow(&[]), by_options(100));
    let traffic = feed.exporter().traffic;
    let expected = Traffic {
        flows: 2,
        bytes: 2_000,
        packets: 4,
        scaled_bytes: 1_000 + 100_000,
        scaled_packets: 2 + 200,
        unknown_sampling: 1,
    };
    assert_eq!((traffic, feed.intake.counters().traffic), (expected, expected));
}

#[test]
fn every_form_of_an_interval_is_understood() {
    let half = 0.125_f64.to_bits();
    let forms: [(Fields<'_>, u32); 12] = [
        (&[(34, 4, 7)], 7),
        (&[(50, 4, 8)], 8),
        (&[(305, 4, 1), (306, 4, 9)], 10),
        (&[(306, 4, 9), (305, 4, 1)], 10),
        (&[(305, 4, 10), (306, 4, 995)], 101),
        (&[(305, 4, 1)], 0),
        (&[(309, 4, 1), (310, 4, 512)], 512),
        (&[(311, 8, half)], 8),
        (&[(34, 4, 0), (305, 4, 1), (306, 4, 1)], 2),
        (&[(34, 4, 0)], 0),
        (&[(305, 4, 0), (306, 4, 9)], 0),
        (&[(309, 4, 5), (310, 4, 4)], 0),
    ];
    for (fields, interval) in forms {
        let mut feed = Feed::new(Protocol::Ipfix);
        feed.options(&[&[(144, 4, 1)], fields].concat());
        let expected = if interval == 0 { UNKNOWN } else { by_options(interval) };
        assert_eq!(feed.flow(&[]), expected, "{fields:?}");
        assert_eq!(feed.exporter().samplers[0].interval, interval, "{fields:?}");
        let of_record = Feed::new(Protocol::Ipfix).flow(fields);
        let is_of_options_only = fields[0].0 == 311;
        let expected = if interval == 0 || is_of_options_only { UNKNOWN } else { by_record(interval) };
        assert_eq!(of_record, expected, "{fields:?}");
    }
}

#[test]
fn a_probability_that_is_none_is_unknown() {
    for probability in [0.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        assert_eq!(one_in_of_probability(probability), 0, "{probability}");
    }
    assert_eq!(one_in_of_probability(1.0), 1);
    assert_eq!(one_in_of_probability(1.0 / 3.0), 3);
    assert_eq!(one_in_of_probability(f64::MIN_POSITIVE), 0);
    assert_eq!(one_in_of_probability(1e-12), u32::MAX);
}

#[test]
fn several_samplers_of_one_exporter_are_joined_by_the_id_that_the_record_names() {
    for (of_options, of_data) in [(48, 48), (302, 302), (48, 302)] {
        let mut feed = Feed::new(Protocol::Ipfix);
        feed.options(&[(149, 4, 5), (of_options, 1, 1), (49, 1, 2), (50, 4, 1000)]);
        feed.options(&[(149, 4, 5), (of_options, 1, 2), (49, 1, 1), (50, 4, 64)]);
        assert_eq!(feed.flow(&[(of_data, 1, 1)]), by_options(1000));
        assert_eq!(feed.flow(&[(of_data, 1, 2)]), by_options(64));
        assert_eq!(feed.flow(&[(of_data, 1, 3)]), UNKNOWN, "nobody said what sampler 3 does");
        assert_eq!(feed.flow(&[(of_data, 1, 0)]), UNKNOWN);
        assert_eq!(feed.flow(&[]), UNKNOWN, "which of the two?");
    }
}

#[test]
fn records_that_cannot_name_a_sampler_are_joined_to_the_only_one() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    feed.options(&[(1, 4, 0), (48, 1, 1), (50, 4, 1000)]);
    assert_eq!(feed.flow(&[]), by_options(1000));
    assert_eq!(feed.flow(&[(48, 1, 9)]), UNKNOWN);
}

#[test]
fn the_tables_that_real_exporters_send_are_understood() {
    let cisco_sampler: Fields<'_> = &[(1, 4, 1), (48, 4, 3), (84, 41, 0), (49, 1, 2), (50, 4, 4096)];
    let ipt_random: Fields<'_> = &[(149, 4, 5), (302, 2, 3), (304, 2, 3), (309, 4, 1), (310, 4, 4096)];
    let ipt_count: Fields<'_> = &[(149, 4, 5), (302, 2, 3), (304, 2, 1), (305, 4, 1), (306, 4, 4095)];
    let selector: Fields<'_> = &[(302, 8, 3), (304, 2, 1), (305, 4, 1), (306, 4, 4095)];
    let juniper: Fields<'_> =
        &[(144, 4, 2), (41, 8, 1), (160, 8, 1), (130, 4, 1), (34, 4, 4096), (36, 2, 60)];
    let juniper_v9: Fields<'_> = &[(1, 4, 9), (34, 4, 4096), (35, 1, 2)];
    for (protocol, fields, algorithm) in [
        (Protocol::NetflowV9, cisco_sampler, SamplingAlgorithm::Random),
        (Protocol::Ipfix, ipt_random, SamplingAlgorithm::Random),
        (Protocol::Ipfix, ipt_count, SamplingAlgorithm::Systematic),
        (Protocol::Ipfix, selector, SamplingAlgorithm::Systematic),
        (Protocol::Ipfix, juniper, SamplingAlgorithm::Unknown),
        (Protocol::NetflowV9, juniper_v9, SamplingAlgorithm::Random),
    ] {
        let mut feed = Feed::new(protocol);
        feed.options(fields);
        assert_eq!(feed.flow(&[(48, 1, 3)]), by_options(4096), "{fields:?}");
        assert_eq!(feed.exporter().samplers[0].algorithm, algorithm, "{fields:?}");
    }
}

#[test]
fn a_sampler_of_an_interface_is_for_the_flows_metered_there() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    feed.options(&[(2, 4, 10), (34, 4, 100)]).options(&[(2, 4, 11), (34, 4, 200)]);
    let on = |feed: &mut Feed, input, output, direction| {
        feed.flow(&[(10, 4, input), (14, 4, output), (61, 1, direction)])
    };
    assert_eq!(on(&mut feed, 10, 11, 0), by_options(100));
    assert_eq!(on(&mut feed, 10, 11, 1), by_options(200));
    assert_eq!(on(&mut feed, 12, 11, 0), UNKNOWN);
    feed.options(&[(2, 4, 0), (34, 4, 300)]);
    assert_eq!(on(&mut feed, 12, 11, 0), by_options(300), "interface 0 is all that have none of their own");
    assert_eq!(on(&mut feed, 10, 11, 0), by_options(100));
}

#[test]
fn a_sampler_of_a_line_card_is_not_taken_for_that_of_all() {
    for (protocol, scope) in [(Protocol::NetflowV9, 3), (Protocol::Ipfix, 141)] {
        let mut feed = Feed::new(protocol);
        feed.options(&[(scope, 4, 1), (34, 4, 100)]);
        assert_eq!(feed.flow(&[]), UNKNOWN);
        assert_eq!(feed.exporter().options_not_understood, 1);
    }
}

#[test]
fn the_records_own_interval_wins_over_options() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    feed.options(&[(1, 4, 0), (34, 4, 100)]);
    assert_eq!(feed.flow(&[(34, 4, 7)]), by_record(7));
    assert_eq!(feed.flow(&[(34, 4, 1)]), by_record(1));
    assert_eq!(feed.flow(&[(34, 4, 0)]), by_options(100), "0 is no answer");
}

#[test]
fn options_are_scoped_by_domain_and_not_by_source_port() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    feed.options(&[(1, 4, 0), (34, 4, 100)]);
    feed.port = 50_001;
    assert_eq!(feed.flow(&[]), by_options(100));
    feed.domain = 6;
    assert_eq!(feed.flow(&[]), UNKNOWN);
    feed.options(&[(1, 4, 0), (34, 4, 50)]);
    assert_eq!(feed.flow(&[]), by_options(50));
    feed.domain = 5;
    assert_eq!(feed.flow(&[]), by_options(100));
}

#[test]
fn in_ipfix_domain_0_speaks_for_all_and_a_scope_may_name_another_domain() {
    let mut feed = Feed::new(Protocol::Ipfix);
    feed.domain = 0;
    feed.options(&[(144, 4, 1), (305, 4, 1), (306, 4, 9)]);
    feed.options(&[(149, 4, 7), (305, 4, 1), (306, 4, 99)]);
    feed.domain = 5;
    assert_eq!(feed.flow(&[]), by_options(10));
    feed.domain = 7;
    assert_eq!(feed.flow(&[]), by_options(100));
    let mut v9 = Feed::new(Protocol::NetflowV9);
    v9.domain = 0;
    v9.options(&[(1, 4, 0), (34, 4, 10)]);
    v9.domain = 5;
    assert_eq!(v9.flow(&[]), UNKNOWN, "source id 0 is one like any other");
}

#[test]
fn an_interval_that_changes_counts_from_then_on() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    feed.options(&[(1, 4, 0), (34, 4, 100)]);
    assert_eq!(feed.flow(&[]), by_options(100));
    feed.options(&[(1, 4, 0), (34, 4, 200)]);
    assert_eq!(feed.flow(&[]), by_options(200));
    feed.options(&[(1, 4, 9), (34, 4, 0)]);
    assert_eq!(feed.flow(&[]), UNKNOWN);
    assert_eq!(feed.exporter().samplers.len(), 1);
}

#[test]
fn both_halves_of_a_biflow_have_the_interval_of_where_it_was_metered() {
    let mut feed = Feed::new(Protocol::NetflowV9);
    feed.options(&[(2, 4, 10), (34, 4, 100)]);
    let fields: Fields<'_> = &[(231, 4, 9), (232, 4, 8), (10, 4, 10), (14, 4, 11)];
    let payload = message(Protocol::NetflowV9, 5, &definition(TEMPLATE, 0, fields), fields);
    let intervals: Vec<_> = feed.datagram(&payload).iter().map(|flow| flow.sampling_interval).collect();
    assert_eq!(intervals, [100, 100]);
}

#[test]
fn a_default_fills_in_and_an_override_replaces() {
    let mut feed = Feed::with_rules(Protocol::NetflowV9, vec![rule(Precedence::Default, 500)]);
    assert_eq!(feed.flow(&[]), (500, SamplingSource::Configured));
    assert_eq!(feed.flow(&[(34, 4, 7)]), by_record(7));
    feed.options(&[(1, 4, 0), (34, 4, 100)]);
    assert_eq!(feed.flow(&[]), by_options(100));

    let mut feed = Feed::with_rules(Protocol::NetflowV9, vec![rule(Precedence::Override, 1)]);
    feed.options(&[(1, 4, 0), (34, 4, 100)]);
    assert_eq!(feed.flow(&[]), (1, SamplingSource::Configured));
    assert_eq!(feed.flow(&[(34, 4, 7)]), (1, SamplingSource::Configured));
}

#[test]
fn the_first_rule_that_fits_counts() {
    let elsewhere =
        SamplingRule { exporters: vec!["198.51.100.0/24".parse().unwrap()], ..rule(Precedence::Override, 2) };
    let other_domain = SamplingRule { observation_domain: Some(6), ..rule(Precedence::Override, 3) };
    let rules = vec![elsewhere, other_domain, rule(Precedence::Default, 4), rule(Precedence::Override, 5)];
    let mut feed = Feed::with_rules(Protocol::Ipfix, rules);
    assert_eq!(feed.flow(&[]), (4, SamplingSource::Configured));
    feed.domain = 6;
    assert_eq!(feed.flow(&[]), (3, SamplingSource::Configured));
}

#[test]
fn the_header_of_v5_is_like_the_record_itself() {
    let sent = |sampling_interval, rules| {
        let flow = FlowRecord { bytes: 10, packets: 1, sampling_interval, ..FlowRecord::default() };
        let mut feed = Feed::with_rules(Protocol::NetflowV5, rules);
        let datagrams =
            encode::Exporter::new(Protocol::NetflowV5, 1).datagrams(&[flow; 3], NOW_US / 1000, 1000);
        let flows = feed.datagram(&datagrams[0]);
        let traffic = feed.exporter().traffic;
        assert_eq!((traffic.flows, traffic.bytes), (3, 30));
        ((flows[2].sampling_interval, flows[2].sampling_source), traffic.scaled_bytes)
    };
    assert_eq!(sent(0, vec![]), (UNKNOWN, 30));
    assert_eq!(sent(100, vec![]), (by_record(100), 3000));
    assert_eq!(sent(0, vec![rule(Precedence::Default, 9)]), ((9, SamplingSource::Configured), 270));
    assert_eq!(sent(100, vec![rule(Precedence::Default, 9)]), (by_record(100), 3000));
    assert_eq!(sent(100, vec![rule(Precedence::Override, 9)]), ((9, SamplingSource::Configured), 270));
}

#[test]
fn counts_beyond_all_measure_stop_at_the_largest_number() {
    let flow =
        FlowRecord { bytes: u64::MAX / 2, packets: 3, sampling_interval: u32::MAX, ..FlowRecord::default() };
    let traffic = Traffic::of(&flow) + Traffic::of(&flow);
    assert_eq!((traffic.scaled_bytes, traffic.scaled_packets), (u64::MAX, 6 * u64::from(u32::MAX)));
    assert_eq!(traffic.bytes, u64::MAX - 1);
    assert_eq!(Traffic::of_all(&[flow, flow]), traffic);
}

#[test]
fn flows_summed_together_are_what_they_are_one_by_one() {
    let flow = |sampling_interval, bytes| FlowRecord {
        sampling_interval,
        bytes,
        packets: 3,
        ..FlowRecord::default()
    };
    let flows =
        [flow(0, 5), flow(0, 6), flow(1, 7), flow(100, 8), flow(100, u64::MAX / 90), flow(0, 1), flow(9, 2)];
    for length in 0..=flows.len() {
        let one_by_one = flows[..length].iter().fold(Traffic::NONE, |sum, flow| sum + Traffic::of(flow));
        assert_eq!(Traffic::of_all(&flows[..length]), one_by_one);
    }
}
