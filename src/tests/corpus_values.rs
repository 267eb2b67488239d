//! Every value that logstash and telegraf expect of the corpus, where it means the same as ours.
//!
//! A name that is compared is in [`meaning`]; one that is not is in [`NOT_COMPARED`] with the reason. A name that is in
//! neither fails the test, so that nothing is overlooked when the corpus grows. `MERIDIAN_CORPUS` says where
//! the corpus is; without it these tests say so and pass.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its input has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use meridian::model::flow_record::{FlowDirection, FlowRecord};
use meridian::model::protocol_names;
use meridian::server::collector::intake::{Intake, Limits};
use serde_json::Value;

mod support {
    pub mod cases;
}

use support::cases::{Datagram, cases_in};

/// Names that are not compared, a star standing for any ending, each with the reason.
const NOT_COMPARED: &[(&str, &[&str])] = &[
    (
        "of the message's header, not of the flow record",
        &[
            "@timestamp",
            "@version",
            "version",
            "source",
            "flow_seq_num",
            "seq_number",
            "flow_records",
            "flows",
            "engine_type",
            "engine_id",
            "sys_uptime",
            "flowset_id",
            "sampling_algorithm",
            "observation_domain_id",
            "exporter",
        ],
    ),
    (
        "relative to the exporter's start, while ours are moments",
        &[
            "flowStartSysUpTime",
            "flowEndSysUpTime",
            "reverseFlowDeltaMilliseconds",
            "flowDurationMilliseconds",
        ],
    ),
    (
        "of the exporter: its own state and statistics",
        &[
            "meteringProcessId",
            "exportingProcessId",
            "exporting_pid",
            "systemInitTimeMilliseconds",
            "system_init_ms",
            "exporterIPv4Address",
            "exporterIPv6Address",
            "exportProtocolVersion",
            "exportTransportProtocol",
            "exportedFlowRecordTotalCount",
            "exportedMessageTotalCount",
            "total_flows_exported",
            "total_flows_exp",
            "total_pkts_exp",
            "notSentPacketTotalCount",
            "notsent_packet_total",
            "ignoredPacketTotalCount",
            "ignored_packet_total",
            "droppedPacketTotalCount",
            "dropped_packets_total",
            "flowTableFlushEventCount",
            "flowTablePeakCount",
            "meanFlowRate",
            "meanPacketRate",
            "expiredFragmentCount",
            "assembledFragmentCount",
            "flowActiveTimeout",
            "flowIdleTimeout",
            "observationPointId",
            "scope_system",
        ],
    ),
    (
        "of an options record: sampling and names",
        &[
            "selectorAlgorithm",
            "samplingPacketInterval",
            "samplingPacketSpace",
            "samplingInterval",
            "flow_sampler_id",
            "if_desc",
            "interface",
            "interface_desc",
            "application_name",
            "application_description",
            "app_name",
            "app_desc",
            "VRFname",
        ],
    ),
    (
        "not kept: what applications, users and firewalls are",
        &[
            "application_id",
            "app_id",
            "user_id",
            "username",
            "silkAppLabel",
            "conn_id",
            "flowId",
            "fw_event",
            "fw_ext_event",
            "firewallEvent",
            "ingress_acl_id",
            "egress_acl_id",
            "privateEnterpriseNumber",
            "forwarding_status",
            "fwd_status",
            "fwd_reason",
            "event_time_msec",
            "event_time",
        ],
    ),
    (
        "not kept: addresses after translation and next hops",
        &[
            "postNATSourceIPv4Address",
            "postNATDestinationIPv4Address",
            "xlate_src_addr_ipv4",
            "xlate_dst_addr_ipv4",
            "xlate_src_port",
            "xlate_dst_port",
            "ipNextHopIPv4Address",
            "ipNextHopIPv6Address",
            "ipv4_next_hop",
            "next_hop",
            "ipv4_src_prefix",
        ],
    ),
    (
        "not kept: layer 2 and fields of single headers",
        &[
            "sourceMacAddress",
            "in_src_mac",
            "in_dst_mac",
            "out_src_mac",
            "out_dst_mac",
            "layer2SegmentId",
            "mpls_label_stack_octets",
            "ethernetType",
            "dst_vlan",
            "reverseVlanId",
            "type_29305_58",
            "ingressVRFID",
            "egressVRFID",
            "ingressPhysicalInterface",
            "egressPhysicalInterface",
            "src_traffic_index",
            "dst_traffic_index",
            "maximumTTL",
            "ip_dscp",
            "ipv4_ident",
            "dst_tos",
            "tcpOptions",
            "tcpSequenceNumber",
            "reverseTcpSequenceNumber",
            "initialTCPFlags",
            "unionTCPFlags",
            "reverseInitialTCPFlags",
            "reverseUnionTCPFlags",
            "flowAttributes",
            "reverseFlowAttributes",
            "padding",
        ],
    ),
    ("the family that the addresses show", &["ipVersion", "ip_protocol_version", "ip_version"]),
    ("counted after the observation point", &["out_bytes", "out_pkts"]),
    ("the port of one protocol only, beside the port of all", &["tcp_src_port", "udp_dst_port"]),
    (
        "an enterprise's own fields",
        &[
            "netscaler*",
            "vmware*",
            "type_*",
            "FW_Rule",
            "AuditCounter",
            "ConnTransportPort",
            "ConnIPv4Address",
            "TrafficType",
            "BindIPv4Address",
            "BindTransportPort",
            "Timestamp",
            "ServiceName",
            "LogOp",
            "Reason",
            "ReasonText",
        ],
    ),
];

/// How a value relates to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Same,
    Different,
    /// Not the same thing in this record.
    Skipped,
}

use Comparison::{Different, Same, Skipped};

type Event = BTreeMap<String, Value>;

const fn same(is_same: bool) -> Comparison {
    if is_same { Same } else { Different }
}

/// A number, or `0x` and hex digits.
fn number(value: &Value) -> u64 {
    let hex = || u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok();
    value.as_u64().or_else(hex).unwrap_or_else(|| panic!("no number: {value}"))
}

/// Eight letters or dots, the highest bit first.
fn flags(value: &Value) -> u64 {
    match value.as_str().filter(|text| text.len() == 8 && !text.starts_with("0x")) {
        Some(text) => text.bytes().fold(0, |flags, letter| flags << 1 | u64::from(letter != b'.')),
        None => number(value),
    }
}

fn end_reason(value: &Value) -> u64 {
    let names = ["", "idle timeout", "active timeout", "end of flow", "forced end", "lack of resources"];
    let position = value.as_str().and_then(|text| names.iter().position(|name| *name == text));
    position.map_or_else(|| number(value), |position| position as u64)
}

fn protocol(value: &Value, flow: &FlowRecord) -> bool {
    match value.as_str() {
        Some(name) => protocol_names::protocol_label(flow.protocol).eq_ignore_ascii_case(name),
        None => number(value) == u64::from(flow.protocol),
    }
}

/// A record without one of its addresses states it as unspecified, beside that of the other family.
fn address(value: &Value, ours: IpAddr) -> Comparison {
    let theirs: IpAddr = value.as_str().unwrap().parse().unwrap();
    if theirs.is_unspecified() && theirs.is_ipv4() != ours.is_ipv4() { Skipped } else { same(theirs == ours) }
}

/// What is not believable by the receive time is replaced by design.
fn time(theirs_ms: i64, precision_ms: i64, ours_ms: i64, flow: &FlowRecord) -> Comparison {
    let age_ms = flow.received_ms - theirs_ms;
    if !(-300_000..=86_400_000).contains(&age_ms) {
        return Skipped;
    }
    same(theirs_ms == ours_ms.div_euclid(precision_ms) * precision_ms)
}

/// A date and time, or a number of `unit_ms`; a small number is the exporter's uptime.
fn moment(value: &Value, unit_ms: i64, ours_ms: i64, flow: &FlowRecord) -> Comparison {
    let Some(text) = value.as_str() else {
        let theirs_ms = i64::try_from(number(value)).unwrap() * unit_ms;
        return time(theirs_ms, unit_ms, ours_ms, flow);
    };
    let theirs: jiff::Timestamp = text.parse().unwrap();
    // Old versions of logstash cut the milliseconds off.
    let precision_ms = if theirs.subsec_nanosecond() == 0 { 1000 } else { 1 };
    time(theirs.as_millisecond(), precision_ms, ours_ms, flow)
}

/// A time on the clock of uptime. Where logstash subtracts milliseconds, it forgets to borrow the second.
fn switched(value: &Value, ours_ms: i64, flow: &FlowRecord) -> Comparison {
    match moment(value, 1, ours_ms, flow) {
        Different => moment(value, 1, ours_ms + 1000, flow),
        outcome => outcome,
    }
}

/// How a value of that name compares with a flow record and its reverse half; `None` for a name without meaning here.
fn meaning(
    name: &str,
    value: &Value,
    event: &Event,
    flow: &FlowRecord,
    reverse: Option<&FlowRecord>,
) -> Option<Comparison> {
    let is_icmp = matches!(flow.protocol, 1 | 58);
    let equal = |ours: u64| same(number(value) == ours);
    let unless_icmp = |ours: u16| if is_icmp { Skipped } else { equal(ours.into()) };
    let of_icmp = |ours: u16| if is_icmp { equal(ours.into()) } else { Skipped };
    let of_reverse = |ours: fn(&FlowRecord) -> u64| match reverse {
        Some(reverse) => equal(ours(reverse)),
        None => same(number(value) == 0),
    };
    let has = |names: &[&str]| names.iter().any(|name| event.contains_key(*name));
    // A flow seen where it goes out may be counted only there: then 23 and 24 stand in for 1 and 2.
    let counts = |name: &str| event.get(name).map_or(0, number);
    let is_counted_out = counts("in_bytes") == 0 && counts("in_pkts") == 0 && counts("out_pkts") > 0;
    Some(match name {
        "in_bytes" | "in_pkts" if is_counted_out => Skipped,
        "out_bytes" if is_counted_out => equal(flow.bytes),
        "out_pkts" if is_counted_out => equal(flow.packets),
        "sourceIPv4Address" | "sourceIPv6Address" | "ipv4_src_addr" | "ipv6_src_addr" | "src" => {
            address(value, flow.source_address)
        }
        "destinationIPv4Address" | "destinationIPv6Address" | "ipv4_dst_addr" | "ipv6_dst_addr" | "dst" => {
            address(value, flow.destination_address)
        }
        "sourceTransportPort" | "l4_src_port" | "src_port" => unless_icmp(flow.source_port),
        "destinationTransportPort" | "l4_dst_port" | "dst_port" => unless_icmp(flow.destination_port),
        "protocolIdentifier" | "protocol" => same(protocol(value, flow)),
        "octetDeltaCount" | "in_bytes" => equal(flow.bytes),
        // Totals stand for what the record does not say as a difference.
        "octetTotalCount" | "in_total_bytes" | "in_permanent_bytes" | "fwd_flow_delta_bytes" => {
            if has(&["octetDeltaCount", "in_bytes"]) { Skipped } else { equal(flow.bytes) }
        }
        "packetDeltaCount" | "in_pkts" | "in_packets" => equal(flow.packets),
        "packetTotalCount" | "in_total_packets" => {
            if has(&["packetDeltaCount", "in_pkts"]) {
                Skipped
            } else {
                equal(flow.packets)
            }
        }
        "reverseOctetTotalCount" | "rev_flow_delta_bytes" | "type_29305_85" => of_reverse(|half| half.bytes),
        "reversePacketTotalCount" | "type_29305_86" => of_reverse(|half| half.packets),
        "reverseIpClassOfService" | "type_29305_5" => of_reverse(|half| half.type_of_service.into()),
        "ingressInterface" | "input_snmp" | "in_snmp" => equal(flow.input_interface.into()),
        "egressInterface" | "output_snmp" | "out_snmp" => equal(flow.output_interface.into()),
        "src_as" | "bgp_src_as" => equal(flow.source_as.into()),
        "dst_as" | "bgp_dst_as" => equal(flow.destination_as.into()),
        "src_mask" => equal(flow.source_mask.into()),
        "dst_mask" => equal(flow.destination_mask.into()),
        "ipClassOfService" | "src_tos" => equal(flow.type_of_service.into()),
        "tcpControlBits" | "tcp_flags" => same(flags(value) == u64::from(flow.tcp_flags)),
        "vlanId" | "src_vlan" | "vlan_src" => equal(flow.vlan.into()),
        "flowEndReason" | "flow_end_reason" => same(end_reason(value) == u64::from(flow.flow_end_reason)),
        "direction" | "flowDirection" => same(match flow.flow_direction {
            Some(FlowDirection::Ingress) => number(value) == 0,
            Some(FlowDirection::Egress) => number(value) == 1,
            None => false,
        }),
        "sampling_interval" => equal(flow.sampling_interval.into()),
        "icmpTypeCodeIPv4" => of_icmp(flow.icmp_type_code),
        "icmp_type" => of_icmp(flow.icmp_type_code >> 8),
        "icmp_code" => of_icmp(flow.icmp_type_code & 0xff),
        "first_switched" | "last_switched" if value.is_number() => Skipped,
        "first_switched" => switched(value, flow.start_ms, flow),
        "last_switched" => switched(value, flow.end_ms, flow),
        "flowStartMilliseconds" | "flowStartMicroseconds" | "flow_start_ms" | "flow_start_msec" => {
            moment(value, 1, flow.start_ms, flow)
        }
        "flowEndMilliseconds" | "flowEndMicroseconds" | "flow_end_ms" => moment(value, 1, flow.end_ms, flow),
        // Seconds stand beside milliseconds in some records, and these are then ours.
        "flowStartSeconds" | "flow_start" => moment(value, 1000, flow.start_ms, flow),
        "flowEndSeconds" | "flow_end" => moment(value, 1000, flow.end_ms, flow),
        _ => return None,
    })
}

fn is_excused(name: &str) -> bool {
    NOT_COMPARED.iter().flat_map(|(_, names)| *names).any(|listed| match listed.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *listed == name,
    })
}

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("MERIDIAN_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        // Not `eprintln`: the harness would swallow it.
        let skipped = "\nSKIPPED: the values of the corpus: MERIDIAN_CORPUS is not set\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    }
    folder
}

/// Flow records, each received when it was exported, so that its times are believed.
fn decoded(datagrams: &[Datagram]) -> Vec<FlowRecord> {
    let mut intake = Intake::new(Limits::default(), Arc::default());
    let mut flows = Vec::new();
    for Datagram { source, payload } in datagrams {
        let at = if payload.starts_with(&[0, 10]) { 4 } else { 8 };
        let seconds =
            payload.get(at..at + 4).map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
        intake.datagram(*source, i64::from(seconds) * 1_000_000, payload, &mut flows);
    }
    flows
}

/// Compares events with the flow records of a case, and answers how many values were the same.
fn compared(name: &str, events: &[Event], flows: &[FlowRecord]) -> u64 {
    let mut count = 0;
    for event in events {
        let blank = FlowRecord::default();
        let unknown: BTreeSet<_> = event
            .iter()
            .filter(|(field, value)| {
                meaning(field, value, event, &blank, None).is_none() && !is_excused(field)
            })
            .map(|(field, _)| field)
            .collect();
        assert!(unknown.is_empty(), "{name}: neither compared nor excused: {unknown:?}");
        if !is_of_a_flow(event) || is_event_without_traffic(event) {
            continue;
        }
        let outcomes = |index: usize| {
            let reverse = flows.get(index + 1).filter(|next| next.is_reverse);
            let outcome =
                |field: &String, value: &Value| meaning(field, value, event, &flows[index], reverse);
            event
                .iter()
                .filter_map(|(field, value)| Some((field, outcome(field, value)?)))
                .collect::<Vec<_>>()
        };
        let different = |index: usize| {
            let all = outcomes(index).into_iter();
            all.filter(|(_, outcome)| *outcome == Different)
                .map(|(field, _)| field.clone())
                .collect::<Vec<_>>()
        };
        let closest = (0..flows.len()).min_by_key(|index| different(*index).len());
        let closest = closest.unwrap_or_else(|| panic!("{name}: no flows for {event:?}"));
        assert_eq!(different(closest), [""; 0], "{name}: {event:?}\nis not {:?}", flows[closest]);
        count += outcomes(closest).iter().filter(|(_, outcome)| *outcome == Same).count() as u64;
    }
    count
}

/// True when a value is compared that only flow records have.
fn is_of_a_flow(event: &Event) -> bool {
    let is_address = |name: &String| {
        let names = ["src", "dst", "sourceIPv4Address", "destinationIPv4Address", "sourceIPv6Address"];
        names.contains(&name.as_str())
            || name.starts_with("ipv4_src_addr")
            || name.starts_with("ipv4_dst_addr")
    };
    let others =
        ["l4_src_port", "l4_dst_port", "fwd_flow_delta_bytes", "octetDeltaCount", "flowStartSeconds"];
    event.keys().any(|name| is_address(name) || others.contains(&name.as_str()))
}

/// True for what a firewall or a NAT tells beside its flows: no flow record is made of it.
fn is_event_without_traffic(event: &Event) -> bool {
    let is_event = ["firewallEvent", "natEvent", "fw_event"].iter().any(|name| event.contains_key(*name));
    let counts = event.iter().filter(|(name, _)| name.contains("octet") || name.contains("packet"));
    is_event && counts.filter_map(|(_, value)| value.as_u64()).all(|count| count == 0)
}

/// The fields of `netflow`, and those beside it.
fn event_of(json: &Value) -> Event {
    let fields = json["netflow"].as_object().unwrap().iter();
    let beside = json.as_object().unwrap().iter().filter(|(name, _)| *name != "netflow");
    fields.chain(beside).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn every_value_that_logstash_expects_is_ours_or_excused() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for (name, datagrams) in cases_in(&corpus.join("logstash")) {
        let file = corpus.join("logstash").join(format!("{name}.expected.json"));
        let json: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let mut events: Vec<Event> = json["json_events"].as_array().unwrap().iter().map(event_of).collect();
        let mut asserted: BTreeMap<u64, Event> = BTreeMap::new();
        for assertion in json["assertions"].as_array().unwrap() {
            let field = assertion["field"].as_str().unwrap();
            let field = field.strip_prefix("netflow.").unwrap_or(field).to_owned();
            let event = asserted.entry(assertion["event"].as_u64().unwrap()).or_default();
            event.insert(field, assertion["value"].clone());
        }
        events.extend(asserted.into_values());
        count += compared(&name, &events, &decoded(&datagrams));
    }
    report("logstash", count, 400);
}

#[test]
fn every_value_that_telegraf_expects_is_ours_or_excused() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for (name, datagrams) in cases_in(&corpus.join("telegraf")) {
        if name.contains("sflow") {
            continue;
        }
        let file = corpus.join("telegraf").join(format!("{name}.expected.out"));
        let text = std::fs::read_to_string(file).unwrap();
        let events: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(event_of_line).collect();
        count += compared(&name, &events, &decoded(&datagrams));
    }
    report("telegraf", count, 500);
}

fn report(whose: &str, count: u64, least: u64) {
    let text = format!("\n{count} values of {whose} compared\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
    assert!(count >= least, "only {count} values of {whose} compared");
}

/// The fields of a line in Influx's format: `name,tags field=value,… time`.
fn event_of_line(line: &str) -> Event {
    let (_, fields) = line.split_once(' ').unwrap();
    let mut event = Event::new();
    let mut rest = fields;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = if let Some(text) = after.strip_prefix('"') {
            let end = text.find('"').unwrap();
            (Value::from(&text[..end]), &text[end + 1..])
        } else {
            let end = after.find([',', ' ']).unwrap_or(after.len());
            let number: u64 = after[..end].trim_end_matches('u').parse().unwrap();
            (Value::from(number), &after[end..])
        };
        event.insert(name.to_owned(), value);
        let Some(next) = next.strip_prefix(',') else { break };
        rest = next;
    }
    event
}
