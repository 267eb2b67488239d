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
fn asa_counts_at_teardown_and_its_other_events_are_no_flows() {
    let bytes = |event, initiator, responder| {
        let fields = [(8, 4, 1), (233, 1, event), (231, 4, initiator), (232, 4, responder)];
        let (flows, outcome) = flows(&V9, &fields);
        (flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>(), outcome.is_event)
    };
    assert_eq!(bytes(1, 0, 0), (vec![], true));
    assert_eq!(bytes(5, 100, 200), (vec![], true));
    assert_eq!(bytes(2, 100, 200), (vec![100, 200], false));
    assert_eq!(bytes(2, 0, 0), (vec![], true));
}

#[test]
fn create_deny_and_nat_events_without_counters_are_no_flows() {
    let firewall = [(8, 4, 1), (12, 4, 2), (4, 1, 6), (233, 1, 3), (323, 8, unix(-1000))];
    let old_asa = [(8, 4, 1), (12, 4, 2), (4, 1, 6), (40_005, 1, 1)];
    let nat = [(230, 1, 4), (8, 4, 1), (225, 4, 3), (7, 2, 80), (227, 2, 90), (323, 8, unix(0))];
    for fields in [&firewall[..], &old_asa, &nat] {
        let (flows, outcome) = flows(&V9, fields);
        assert!(flows.is_empty() && outcome.is_event);
    }
}

#[test]
fn a_firewall_event_that_counts_is_a_flow_even_if_it_is_an_update() {
    let palo_alto = [(8, 4, 1), (1, 8, 363), (2, 4, 3), (233, 1, 5)];
    let (flows, outcome) = flows(&V9, &palo_alto);
    assert_eq!((flows[0].bytes, flows[0].packets, outcome.is_event), (363, 3, false));
}

#[test]
fn meraki_counts_what_went_back_in_23_and_24() {
    let ends = [(8, 4, 1), (12, 4, 2), (4, 1, 6), (7, 2, 1000), (11, 2, 443), (10, 2, 1), (14, 2, 2)];
    let counted = |counters: &[(u32, u16, u64)]| {
        let (flows, outcome) = flows(&V9, &[&ends[..], counters].concat());
        let counts = |flow: &FlowRecord| (flow.source_port, flow.bytes, flow.packets, flow.is_reverse);
        (flows.iter().map(counts).collect::<Vec<_>>(), outcome)
    };
    let (both, outcome) = counted(&[(1, 8, 530), (2, 8, 6), (23, 8, 638), (24, 8, 10)]);
    assert_eq!(both, [(1000, 530, 6, false), (443, 638, 10, true)]);
    assert_eq!((outcome.times_replaced, outcome.has_reverse), (0, true));
    assert_eq!(counted(&[(1, 8, 90), (2, 8, 1), (23, 8, 0), (24, 8, 0)]).0, [(1000, 90, 1, false)]);
    assert_eq!(counted(&[(1, 8, 0), (2, 8, 0), (23, 8, 90), (24, 8, 1)]).0, [(443, 90, 1, true)]);
}

#[test]
fn elsewhere_23_and_24_are_counters_of_the_same_packets() {
    let counted = |fields: &[(u32, u16, u64)]| {
        let flows = flows(&V9, fields).0;
        flows.iter().map(|flow| (flow.bytes, flow.packets)).collect::<Vec<_>>()
    };
    let fortigate = [(1, 8, 748), (23, 8, 748), (2, 4, 6), (24, 4, 6), (22, 4, 6000), (21, 4, 9000)];
    assert_eq!(counted(&fortigate), [(748, 6)]);
    let ng_netflow = [(2, 4, 6), (1, 4, 748), (24, 4, 0), (23, 4, 0), (22, 4, 6000), (21, 4, 9000)];
    assert_eq!(counted(&ng_netflow), [(748, 6)]);
    let counted_going_out = [(2, 4, 0), (1, 4, 0), (24, 4, 1), (23, 4, 32), (61, 1, 1)];
    assert_eq!(counted(&counted_going_out), [(32, 1)]);
    assert_eq!(counted(&[(23, 4, 32), (24, 4, 1)]), [(32, 1)]);
}

#[test]
fn delta_counters_win_over_totals_which_stand_in_where_there_are_no_others() {
    let bytes = |fields: &[(u32, u16, u64)]| flows(&IPFIX, fields).0[0].bytes;
    assert_eq!(bytes(&[(85, 8, 500), (86, 8, 5), (1, 8, 100), (2, 8, 1)]), 100);
    assert_eq!(bytes(&[(85, 8, 500), (86, 8, 5)]), 500);
}

#[test]
fn bytes_of_layer_2_stand_in_where_no_others_are_counted() {
    let counted = |fields: &[(u32, u16, u64)]| {
        let flow = flows(&IPFIX, fields).0[0];
        (flow.bytes, flow.packets)
    };
    assert_eq!(counted(&[(352, 8, 1518), (2, 8, 1)]), (1518, 1));
    assert_eq!(counted(&[(352, 8, 1518), (1, 8, 1500), (2, 8, 1)]), (1500, 1));
    assert_eq!(counted(&[(353, 8, 9000), (86, 8, 6)]), (9000, 6));
    assert_eq!(counted(&[(8, 4, 1), (2, 8, 4)]), (0, 4));
}

#[test]
fn a_record_of_one_sampled_packet_counts_that_packet() {
    let counted = |fields: &[(u32, u16, u64)]| {
        let flow = flows(&IPFIX, fields).0[0];
        (flow.bytes, flow.packets)
    };
    assert_eq!(counted(&[(8, 4, 1), (312, 2, 1514)]), (1514, 1));
    assert_eq!(counted(&[(224, 8, 1500), (312, 2, 1514)]), (1500, 1));
    assert_eq!(counted(&[(8, 4, 1), (315, 16, 0)]), (0, 1));
    // With a packet counter it is a flow, and the length that of one of its packets.
    assert_eq!(counted(&[(312, 2, 1514), (2, 4, 10), (1, 4, 9000)]), (9000, 10));
    assert_eq!(counted(&[(224, 2, 1500), (2, 4, 10)]), (0, 10));
}

#[test]
fn a_vlan_is_that_of_the_packet_that_came_else_of_the_one_that_left() {
    let vlan = |fields: &[(u32, u16, u64)]| flows(&V9, fields).0[0].vlan;
    assert_eq!(vlan(&[(58, 2, 10), (59, 2, 20)]), 10);
    assert_eq!(vlan(&[(254, 2, 40), (243, 2, 30)]), 30);
    assert_eq!(vlan(&[(59, 2, 20), (254, 2, 40)]), 20);
    assert_eq!(vlan(&[(254, 2, 40)]), 40);
}

#[test]
fn an_interface_of_all_ones_in_30_bits_is_none() {
    let interfaces = |input, output| {
        let flow = flows(&V9, &[(10, 4, input), (14, 4, output)]).0[0];
        (flow.input_interface, flow.output_interface)
    };
    assert_eq!(interfaces(0x3fff_ffff, 0), (0, 0));
    assert_eq!(interfaces(500_010_024, 0x3fff_fffe), (500_010_024, 0x3fff_fffe));
}

#[test]
fn labels_and_integers_of_odd_lengths_are_stepped_over() {
    let fields =
        [(70, 3, 0x01_0203), (71, 3, 9), (72, 3, 9), (95, 9, 7), (1, 5, 1500), (2, 3, 2), (7, 2, 80)];
    let flow = flows(&V9, &fields).0[0];
    assert_eq!((flow.bytes, flow.packets, flow.source_port), (1500, 2, 80));
}

#[test]
fn addresses_and_ports_of_nat_do_not_take_the_place_of_the_flow_s_own() {
    let fields = [
        (225, 4, 7),
        (8, 4, 1),
        (226, 4, 9),
        (12, 4, 2),
        (7, 2, 80),
        (227, 2, 90),
        (11, 2, 81),
        (228, 2, 91),
    ];
    let flow = flows(&V9, &[&fields[..], &[(1, 4, 5)]].concat()).0[0];
    assert_eq!(flow.source_address, IpAddr::from([0, 0, 0, 1]));
    assert_eq!(flow.destination_address, IpAddr::from([0, 0, 0, 2]));
    assert_eq!((flow.source_port, flow.destination_port), (80, 81));
}

#[test]
fn the_half_that_went_back_was_seen_where_the_record_was_made_unless_it_says_otherwise() {
    let directions = |fields: &[(u32, u16, u64)]| {
        let counters = [(1, 4, 5), (back(1), 4, 6)];
        let flows = flows(&IPFIX, &[fields, &counters].concat()).0;
        flows.iter().map(|flow| flow.flow_direction).collect::<Vec<_>>()
    };
    let (ingress, egress) = (Some(FlowDirection::Ingress), Some(FlowDirection::Egress));
    assert_eq!(directions(&[(61, 1, 0)]), [ingress, ingress]);
    assert_eq!(directions(&[(61, 1, 0), (back(61), 1, 1)]), [ingress, egress]);
    assert_eq!(directions(&[(61, 1, 255)]), [None, None]);
    assert_eq!(directions(&[]), [None, None]);
}

#[test]
fn halves_beyond_what_a_link_can_carry_are_left_out_and_counted() {
    let fields = [(8, 4, 1), (1, 8, u64::MAX), (2, 8, 1), (back(1), 8, 900), (back(2), 8, 9)];
    let (flows, outcome) = flows(&IPFIX, &fields);
    assert_eq!(flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>(), [900]);
    assert_eq!((outcome.implausible_records, outcome.has_reverse), (1, true));
}

#[test]
fn a_time_a_day_back_and_five_minutes_ahead_is_kept_and_beyond_it_is_replaced_and_counted() {
    let at = |offset_ms| times(&IPFIX, &[(152, 8, unix(40 + offset_ms)), (153, 8, unix(40 + offset_ms))]);
    let kept = |offset_ms: i64| (40 + offset_ms, 40 + offset_ms, TimeSource::Record, 0);
    assert_eq!(at(-MAX_AGE_MS), kept(-MAX_AGE_MS));
    assert_eq!(at(MAX_AHEAD_MS), kept(MAX_AHEAD_MS));
    let replaced = (0, 0, TimeSource::ExportTime, 1);
    assert_eq!(at(-MAX_AGE_MS - 1), replaced);
    assert_eq!(at(MAX_AHEAD_MS + 1), replaced);
}

#[test]
fn uptime_without_the_start_of_an_ios_xr_or_a_zero_of_a_palo_alto_is_the_export_time() {
    assert_eq!(times(&IPFIX, &[(22, 4, 0), (21, 4, 0), (1, 4, 7)]), (0, 0, TimeSource::ExportTime, 1));
    assert_eq!(times(&IPFIX, &[(22, 4, 5000), (21, 4, 5000), (1, 4, 7)]), (0, 0, TimeSource::ExportTime, 1));
    assert_eq!(times(&IPFIX, &[(1, 4, 7)]), (0, 0, TimeSource::ExportTime, 0));
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
