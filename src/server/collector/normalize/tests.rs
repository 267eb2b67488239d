use super::*;
use crate::server::wire::reader::Reader;
use crate::server::wire::template::Field;

const NOW_MS: i64 = 1_790_000_000_000;
/// Elements of the reverse enterprise are written with this added.
const REVERSE: u32 = 29_305_000;

const V9: Origin = Origin {
    exporter: ExporterId(0),
    observation_domain: 0,
    received_ms: NOW_MS + 40,
    export_ms: NOW_MS,
    uptime_ms: Some(10_000),
    system_init_ms: None,
};
const IPFIX: Origin = Origin { uptime_ms: None, ..V9 };

/// A record of fields that are given as element, length and value.
fn flows(origin: &Origin, fields: &[(u32, u16, u64)]) -> (Vec<FlowRecord>, Outcome) {
    let mut body = Vec::new();
    let mut layout = Vec::new();
    for &(element, length, value) in fields {
        let enterprise = if element >= REVERSE { 29_305 } else { 0 };
        let element = u16::try_from(element % REVERSE).unwrap();
        layout.push(Field { element, enterprise, length });
        let bytes = u128::from(value).to_be_bytes();
        body.extend(&bytes[16 - usize::from(length)..]);
    }
    let plan = Plan::compile(&layout, 0).unwrap();
    let (mut flows, mut outcome) = (Vec::new(), Outcome::default());
    let (decoded, _) = plan.decode(Reader::new(&body), u64::MAX, |values| {
        outcome = push_flows(&plan, values, origin, &mut flows);
    });
    assert_eq!(decoded.records, 1);
    (flows, outcome)
}

const fn back(element: u32) -> u32 {
    REVERSE + element
}

fn times(origin: &Origin, fields: &[(u32, u16, u64)]) -> (i64, i64, TimeSource, u64) {
    let (flows, outcome) = flows(origin, fields);
    let flow = flows[0];
    (flow.start_ms - NOW_MS, flow.end_ms - NOW_MS, flow.time_source, outcome.times_replaced)
}

fn unix(offset_ms: i64) -> u64 {
    u64::try_from(NOW_MS + offset_ms).unwrap()
}

#[test]
fn uptime_counts_back_from_the_header_even_across_its_wrap() {
    let expected = (-4000, -1000, TimeSource::Record, 0);
    assert_eq!(times(&V9, &[(22, 4, 6000), (21, 4, 9000), (1, 4, 1)]), expected);
    let wrapped = Origin { uptime_ms: Some(500), ..V9 };
    let before = u64::from(u32::MAX) - 3499;
    let expected = (-4000, -400, TimeSource::Record, 0);
    assert_eq!(times(&wrapped, &[(22, 4, before), (21, 4, 100)]), expected);
}

#[test]
fn eight_bytes_of_uptime_may_be_uptime_or_milliseconds_since_1970() {
    let expected = (-4000, -1000, TimeSource::Record, 0);
    assert_eq!(times(&V9, &[(22, 8, 6000), (21, 8, 9000)]), expected);
    assert_eq!(times(&V9, &[(22, 8, unix(-4000)), (21, 8, unix(-1000))]), expected);
}

#[test]
fn ipfix_uptime_needs_the_start_of_the_exporter_and_keeps_the_duration_without() {
    let boot = NOW_MS - 10_000;
    let known = Origin { system_init_ms: Some(boot), ..IPFIX };
    let expected = (-4000, -1000, TimeSource::Record, 0);
    assert_eq!(times(&known, &[(22, 4, 6000), (21, 4, 9000)]), expected);
    let own = [(22, 4, 6000), (21, 4, 9000), (160, 8, unix(-10_000))];
    assert_eq!(times(&IPFIX, &own), expected);
    let unknown = times(&IPFIX, &[(22, 4, 6000), (21, 4, 9000)]);
    assert_eq!(unknown, (-3000, 0, TimeSource::ExportTime, 1));
}

#[test]
fn every_absolute_clock_is_read() {
    let expected = (-4000, -1000, TimeSource::Record, 0);
    let seconds = |offset| unix(offset) / 1000;
    let ntp = |offset| (seconds(offset) + NTP_TO_UNIX_S) << 32;
    assert_eq!(times(&IPFIX, &[(150, 4, seconds(-4000)), (151, 4, seconds(-1000))]), expected);
    assert_eq!(times(&IPFIX, &[(152, 8, unix(-4000)), (153, 8, unix(-1000))]), expected);
    assert_eq!(times(&IPFIX, &[(154, 8, ntp(-4000)), (155, 8, ntp(-1000))]), expected);
    assert_eq!(times(&IPFIX, &[(156, 8, ntp(-4000)), (157, 8, ntp(-1000))]), expected);
    assert_eq!(times(&IPFIX, &[(158, 4, 4_000_000), (159, 4, 1_000_000)]), expected);
    assert_eq!(times(&IPFIX, &[(152, 8, unix(-4000)), (161, 4, 3000)]), expected);
    assert_eq!(times(&IPFIX, &[(152, 8, unix(-4000)), (323, 8, unix(-1000))]), expected);
    let half = [(154, 8, ntp(-4000) | 1 << 31), (155, 8, ntp(-1000))];
    assert_eq!(times(&IPFIX, &half).0, -3500);
}

#[test]
fn times_of_other_years_give_way_to_the_receive_time_and_are_counted() {
    let old = Origin { export_ms: 1_400_000_000_000, ..V9 };
    let replaced = times(&old, &[(22, 4, 6000), (21, 4, 9000)]);
    assert_eq!(replaced, (40 - 3000, 40, TimeSource::ReceiveTime, 1));
    assert_eq!(times(&old, &[(1, 4, 7)]), (40, 40, TimeSource::ReceiveTime, 0));
    let zeros = [(22, 4, 0), (21, 4, 0), (1, 4, 7)];
    assert_eq!(times(&V9, &zeros), (0, 0, TimeSource::ExportTime, 1));
}

#[test]
fn a_flow_longer_than_a_day_starts_a_day_ago() {
    let two_days = 2 * MAX_AGE_MS;
    let long = times(&IPFIX, &[(152, 8, unix(-two_days)), (153, 8, unix(-1000))]);
    assert_eq!(long, (40 - MAX_AGE_MS, -1000, TimeSource::Record, 1));
}

#[test]
fn a_biflow_is_two_flows_with_exchanged_ends() {
    let fields = [
        (8, 4, 1),
        (12, 4, 2),
        (7, 2, 1000),
        (11, 2, 80),
        (10, 2, 5),
        (14, 2, 6),
        (1, 4, 300),
        (2, 4, 3),
        (back(1), 4, 400),
        (back(2), 4, 4),
        (6, 1, 2),
        (back(6), 1, 0x12),
    ];
    let (flows, outcome) = flows(&IPFIX, &fields);
    assert!(outcome.has_reverse && flows.len() == 2);
    assert_eq!(flows[1].source_address, flows[0].destination_address);
    assert_eq!((flows[1].source_port, flows[1].destination_port), (80, 1000));
    assert_eq!((flows[1].input_interface, flows[1].output_interface), (6, 5));
    assert_eq!((flows[1].bytes, flows[1].packets, flows[1].tcp_flags), (400, 4, 0x12));
    assert!(flows[1].is_reverse && !flows[0].is_reverse);
}

#[test]
fn halves_of_a_biflow_that_carried_nothing_are_left_out() {
    let counters = |forward, reverse| {
        let (flows, _) = flows(&IPFIX, &[(8, 4, 1), (1, 4, forward), (back(1), 4, reverse)]);
        flows.iter().map(|flow| (flow.bytes, flow.is_reverse)).collect::<Vec<_>>()
    };
    assert_eq!(counters(9, 0), [(9, false)]);
    assert_eq!(counters(0, 9), [(9, true)]);
    assert_eq!(counters(0, 0), []);
}

#[test]
fn asa_counts_at_teardown_and_its_create_event_is_a_flow_without_bytes() {
    let bytes = |event, initiator, responder| {
        let fields = [(8, 4, 1), (233, 1, event), (231, 4, initiator), (232, 4, responder)];
        flows(&V9, &fields).0.iter().map(|flow| flow.bytes).collect::<Vec<_>>()
    };
    assert_eq!(bytes(1, 0, 0), [0]);
    assert_eq!(bytes(5, 100, 200), [0]);
    assert_eq!(bytes(2, 100, 200), [100, 200]);
}

#[test]
fn icmp_has_a_type_and_no_ports_wherever_the_type_comes_from() {
    let icmp = |fields: &[(u32, u16, u64)]| {
        let flow = flows(&V9, fields).0[0];
        (flow.icmp_type_code, flow.source_port, flow.destination_port)
    };
    assert_eq!(icmp(&[(4, 1, 1), (32, 2, 0x0301)]), (0x0301, 0, 0));
    assert_eq!(icmp(&[(4, 1, 58), (178, 1, 128), (179, 1, 0)]), (0x8000, 0, 0));
    assert_eq!(icmp(&[(4, 1, 1), (7, 2, 0), (11, 2, 0x0800)]), (0x0800, 0, 0));
    assert_eq!(icmp(&[(4, 1, 1), (176, 1, 8), (177, 1, 0), (7, 2, 99), (11, 2, 99)]), (0x0800, 0, 0));
    assert_eq!(icmp(&[(4, 1, 6), (7, 2, 1), (11, 2, 2), (32, 2, 0x0800)]), (0, 1, 2));
}

#[test]
fn of_two_address_families_the_one_that_is_not_zero_counts() {
    let sources = |v4, v6| flows(&V9, &[(8, 4, v4), (27, 16, v6), (29, 1, 64), (9, 1, 24)]).0[0];
    assert_eq!(sources(0x0102_0304, 0).source_address, IpAddr::from([1, 2, 3, 4]));
    assert_eq!(sources(0x0102_0304, 0).source_mask, 24);
    assert_eq!(sources(0, 9).source_address, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 9]));
    assert_eq!(sources(0, 9).source_mask, 64);
    let mapped = flows(&V9, &[(27, 16, 0xffff_0102_0304)]).0[0];
    assert_eq!(mapped.source_address, IpAddr::from([1, 2, 3, 4]));
}

#[test]
fn a_sampling_rate_of_zero_packets_is_unknown() {
    let interval = |fields: &[(u32, u16, u64)]| flows(&V9, fields).0[0].sampling_interval;
    assert_eq!(interval(&[(34, 4, 100)]), 100);
    assert_eq!(interval(&[(305, 4, 1), (306, 4, 99)]), 100);
    assert_eq!(interval(&[(305, 4, 0), (306, 4, 99)]), 0);
}
