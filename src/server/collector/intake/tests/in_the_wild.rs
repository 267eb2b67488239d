//! What real exporters do, and forged ones, seen at the account of the intake.

use super::*;
use crate::server::collector::plausibility::MAX_BYTES;
use crate::server::collector::quirks::Quirk;
use crate::server::wire::out_counters::OutCounters;
use crate::server::wire::template::VARIABLE_LENGTH;

fn v9(count: u16) -> Message {
    Message::netflow_v9(&netflow_v9::Header {
        count,
        uptime_ms: 9000,
        clock_s: NOW_S,
        sequence: 0,
        source_id: 1,
    })
}

fn with_record(mut message: Message, definition: &Definition, values: &[&[u8]]) -> Vec<u8> {
    message.template(definition);
    message.begin_set(definition.id);
    message.record(definition, values.iter().copied());
    message.finish()
}

#[test]
fn the_count_in_a_v9_header_is_not_believed() {
    for count in [0, 1, 999] {
        let mut datagram = v9(count);
        datagram.template(&layout());
        datagram.begin_set(256);
        for port in [80_u16, 81, 82] {
            datagram.record(&layout(), [&port.to_be_bytes()[..], &[0, 9][..]]);
        }
        let mut feed = Feed::new(Limits::default());
        feed.datagram(&datagram.finish());
        assert_eq!((feed.ports(), undecodable_sets(&feed)), (vec![80, 81, 82], vec![]), "count {count}");
    }
}

#[test]
fn zero_length_fields_and_fields_given_twice_are_legal() {
    let layout = definition(256, &[(7, 2), (0, 0), (1, 2), (1, 2), (11, 0)]);
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&with_record(v9(2), &layout, &[&[0, 80], &[], &[0, 9], &[0, 7], &[]]));
    assert_eq!((feed.ports(), feed.flows[0].bytes, feed.flows[0].destination_port), (vec![80], 9, 0));
}

#[test]
fn a_field_of_variable_length_is_read_in_v9_too() {
    let layout = definition(256, &[(7, 2), (236, VARIABLE_LENGTH), (1, 2)]);
    let name = [b'v'; 300];
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&with_record(v9(2), &layout, &[&[0, 80], b"vrf", &[0, 9]]));
    feed.datagram(&with_record(v9(2), &layout, &[&[0, 81], &name, &[0, 8]]));
    let bytes: Vec<_> = feed.flows.iter().map(|flow| flow.bytes).collect();
    assert_eq!((feed.ports(), bytes), (vec![80, 81], vec![9, 8]));
}

#[test]
fn an_options_template_without_a_scope_is_legal_in_v9() {
    let options = Definition { is_options: true, ..definition(257, &[(34, 4), (35, 1)]) };
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&with_record(v9(2), &options, &[&[0, 0, 0, 100], &[2]]));
    let exporter = &feed.intake.exporters()[0];
    assert_eq!((exporter.options_records, exporter.undecodable.len(), feed.flows.len()), (1, 0, 0));
    assert!(
        exporter.templates[0].is_options && exporter.templates[0].fields.iter().all(|field| !field.is_scope)
    );
}

#[test]
fn data_and_options_templates_share_their_ids() {
    let options = Definition { is_options: true, scope_count: 1, ..definition(256, &[(149, 2), (34, 2)]) };
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&templates(0)).datagram(&data(0, &[(80, 10)]));
    feed.datagram(&with_record(message(1), &options, &[&[0, 1], &[0, 100]]));
    assert_eq!((feed.ports(), feed.intake.exporters()[0].templates.len()), (vec![80], 1));
    feed.datagram(&data(2, &[(81, 10)]));
    assert_eq!((feed.ports(), feed.intake.exporters()[0].options_records), (vec![80], 2));
    feed.datagram(&templates(3)).datagram(&data(3, &[(82, 10)]));
    assert_eq!(feed.ports(), [80, 82]);
}

#[test]
fn withdrawing_all_templates_has_no_effect_over_udp() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&templates(0));
    let mut all = message(0);
    all.begin_set(2);
    all.record(&layout(), [&[0, 2][..], &[0, 0][..]]);
    feed.datagram(&all.finish()).datagram(&data(0, &[(80, 10)]));
    assert_eq!((feed.ports(), feed.intake.counters().templates_withdrawn), (vec![80], 1));
}

#[test]
fn firewall_events_without_traffic_are_counted_and_are_no_flows() {
    let layout = definition(256, &[(7, 2), (233, 1), (231, 4), (232, 4)]);
    let mut datagram = v9(5);
    datagram.template(&layout);
    datagram.begin_set(256);
    for (event, initiator, responder) in [(1, 0_u32, 0_u32), (5, 100, 200), (2, 100, 200), (3, 0, 0)] {
        let (initiator, responder) = (initiator.to_be_bytes(), responder.to_be_bytes());
        datagram.record(&layout, [&[0, 80][..], &[event], &initiator, &responder]);
    }
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&datagram.finish());
    let exporter = &feed.intake.exporters()[0];
    assert_eq!((exporter.events, exporter.traffic.flows, exporter.traffic.bytes), (3, 2, 300));
    assert_eq!(feed.intake.counters().events, 3);
}

/// Ports, bytes and packets of 8 bytes each.
fn wide_layout() -> Definition {
    definition(256, &[(7, 2), (1, 8), (2, 8), (34, 4)])
}

fn wide(records: &[(u64, u64, u32)]) -> Vec<u8> {
    let mut datagram = v9(2);
    datagram.template(&wide_layout());
    datagram.begin_set(256);
    for (bytes, packets, interval) in records {
        let values = [&[0, 80][..], &bytes.to_be_bytes(), &packets.to_be_bytes(), &interval.to_be_bytes()];
        datagram.record(&wide_layout(), values);
    }
    datagram.finish()
}

#[test]
fn totals_stay_exact_whatever_counters_are_forged() {
    let mut feed = Feed::new(Limits::default());
    feed.datagram(&wide(&[(1500, 3, 0), (u64::MAX, 1, 0), (1, u64::MAX, 0)]));
    feed.datagram(&wide(&[(u64::MAX, u64::MAX, 100), (1 << 40, 1, u32::MAX), (MAX_BYTES + 1, 1, 1)]));
    feed.datagram(&wide(&[(500, 1, 0)]));
    let counters = feed.intake.counters();
    assert_eq!((counters.implausible_records, counters.data_records), (5, 7));
    let exporter = &feed.intake.exporters()[0];
    let sums = (exporter.traffic.flows, exporter.traffic.bytes, exporter.traffic.packets);
    assert_eq!((sums, exporter.implausible_records), ((2, 2000, 4), 5));
    assert_eq!(counters.traffic, exporter.traffic);
    // An interval that was not believed does not become the exporter's either.
    assert_eq!(exporter.sampling_interval, 0);
}

#[test]
fn the_operator_may_say_that_out_counters_are_of_what_went_back() {
    let layout = definition(256, &[(7, 2), (1, 2), (2, 2), (23, 2), (24, 2), (22, 4), (21, 4)]);
    let times = [&[0, 0, 0x1b, 0x58][..], &[0, 0, 0x1f, 0x40]];
    let values = [&[0, 80][..], &[0, 90], &[0, 1], &[0, 60], &[0, 2], times[0], times[1]];
    let counted = |out_counters| {
        let exporters = vec!["192.0.2.0/24".parse().unwrap()];
        let rules = Rules { quirks: vec![Quirk { exporters, out_counters }], ..Rules::default() };
        let intake = Intake::new(Limits::default(), Arc::new(rules));
        let mut feed = Feed { intake, flows: Vec::new() };
        feed.datagram(&with_record(v9(2), &layout, &values));
        feed.flows.iter().map(|flow| (flow.bytes, flow.packets, flow.is_reverse)).collect::<Vec<_>>()
    };
    assert_eq!(counted(OutCounters::Automatic), [(90, 1, false)]);
    assert_eq!(counted(OutCounters::Post), [(90, 1, false)]);
    assert_eq!(counted(OutCounters::Reverse), [(90, 1, false), (60, 2, true)]);
}

#[test]
fn out_counters_of_ipfix_are_never_taken_for_what_went_back() {
    let layout = definition(256, &[(7, 2), (1, 2), (2, 2), (23, 2), (24, 2)]);
    let values = [&[0, 80][..], &[0, 90], &[0, 1], &[0, 60], &[0, 2]];
    let counted = |message| {
        let mut feed = Feed::new(Limits::default());
        feed.datagram(&with_record(message, &layout, &values));
        feed.flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>()
    };
    assert_eq!(counted(message(0)), [90]);
    assert_eq!(counted(v9(2)), [90, 60]);
}
