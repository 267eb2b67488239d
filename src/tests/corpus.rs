//! Captured export packets: they decode or are counted, exactly, and nothing makes the decoder panic.
//!
//! The captures in `captures/` are always tested. The packets of other people's exporters are not part of the
//! project: `MERIDIAN_CORPUS` says where they are, and without it these tests say so, even where the output
//! of tests that pass is not shown, and hold the laws for the captures only.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its input has failed")]

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::{ExporterId, FlowRecord, SamplingSource, TimeSource};
use meridian::model::traffic::Traffic;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::wire::encode::{Exporter, Message};
use meridian::server::wire::error::Reason;
use meridian::server::wire::reader::Reader;
use meridian::server::wire::set::{Kind, Sets};
use meridian::server::wire::template::{Definition, Definitions, Field, Item, VARIABLE_LENGTH};
use meridian::server::wire::template_cache::Key;
use meridian::server::wire::transport_session::TransportSession;
use meridian::server::wire::{ipfix, netflow_v9};

#[path = "support/cases.rs"]
mod cases;
#[path = "corpus/options.rs"]
mod options;

use cases::{Datagram, cases_in, datagrams};

/// Receive time of all datagrams, microseconds: years after they were made.
const RECEIVED_US: i64 = 1_790_000_000_000_000;

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/captures")
}

fn corpus() -> Option<PathBuf> {
    static SKIPPED: Once = Once::new();
    let folder = std::env::var_os("MERIDIAN_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        let place = if std::env::var_os("CI").is_some() { " in CI" } else { "" };
        // Not `eprintln`: the harness would swallow it.
        SKIPPED.call_once(|| {
            let skipped =
                format!("\nSKIPPED{place}: the corpus of real exporters: MERIDIAN_CORPUS is not set\n");
            std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        });
    }
    folder
}

/// The captures, and the corpus where there is one.
fn folders() -> impl Iterator<Item = PathBuf> {
    std::iter::once(captures()).chain(corpus())
}

/// Every case of [`folders`].
fn all_cases() -> impl Iterator<Item = (String, Vec<Datagram>)> {
    folders().flat_map(|folder| cases(&folder))
}

/// Every case of the folders in a folder, by folder and name.
fn cases(root: &Path) -> BTreeMap<String, Vec<Datagram>> {
    let mut cases = BTreeMap::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.is_dir() {
            let prefix = folder.file_name().unwrap().display();
            cases
                .extend(cases_in(&folder).into_iter().map(|(name, case)| (format!("{prefix}/{name}"), case)));
        }
    }
    let least = if root == captures() { 10 } else { 60 };
    assert!(cases.len() >= least, "only {} cases", cases.len());
    cases
}

fn decoded(datagrams: &[Datagram]) -> (Vec<FlowRecord>, Intake) {
    let mut intake = Intake::new(Limits::default(), Arc::default());
    let mut flows = Vec::new();
    for datagram in datagrams {
        intake.datagram(datagram.source, RECEIVED_US, &datagram.payload, &mut flows);
    }
    (flows, intake)
}

fn traffic(flows: &[FlowRecord]) -> Traffic {
    flows.iter().fold(Traffic::NONE, |sum, flow| sum + Traffic::of(flow))
}

#[test]
fn every_case_is_accounted_for() {
    for (name, datagrams) in all_cases() {
        let (flows, mut intake) = decoded(&datagrams);
        let counters = intake.counters();
        assert_eq!(counters.imbalance(), None, "{name}");
        assert_eq!(counters.traffic, traffic(&flows), "{name}");
        let by_exporter = intake.exporters().iter().fold(Traffic::NONE, |sum, one| sum + one.traffic);
        assert_eq!(by_exporter, counters.traffic, "{name}");
        intake.expire(RECEIVED_US + Limits::default().pending_us + 1);
        assert_eq!(intake.counters().sets_waiting, 0, "{name}");
        assert_eq!(intake.counters().imbalance(), None, "{name}");
    }
}

#[test]
fn flows_of_softflowd_and_pmacct_are_exact_in_every_protocol() {
    for folder in folders().map(|folder| folder.join("softflowd")) {
        let expected = std::fs::read_to_string(folder.join("mix.expected.csv")).unwrap();
        let mut expected: Vec<_> = expected.lines().skip(1).map(expected_flow).collect();
        expected.sort_unstable();
        let v4_only: Vec<_> = expected.iter().filter(|flow| flow.1.is_ipv4()).copied().collect();
        assert_eq!((expected.len(), v4_only.len()), (360, 280));
        let mut compared = 0;
        for (name, mut datagrams) in cases_in(&folder) {
            // pmacct sent the same traffic as sFlow, too: `sflow.rs` has that.
            datagrams.retain(|datagram| !datagram.payload.starts_with(&[0, 0, 0, 5]));
            // Its sampled capture cannot have all flows.
            if name == "soft_v10_s" {
                continue;
            }
            let (flows, intake) = decoded(&datagrams);
            let mut found: Vec<_> = flows.iter().map(found_flow).collect();
            found.sort_unstable();
            let expected = if name == "soft_v5" { &v4_only } else { &expected };
            assert!(found == *expected, "{name}: {:?}", traffic(&flows));
            let counters = intake.counters();
            assert_eq!((counters.missing_records, counters.missing_datagrams), (0, 0), "{name}");
            compared += 1;
        }
        assert!(compared >= 4, "only {compared} cases");
    }
}

/// Flow records, bytes, sets that wait and undecodable sets of each capture that was made for a phenomenon.
#[test]
fn each_phenomenon_yields_what_its_capture_was_made_with() {
    let expected = [
        ("enterprise_field", 4, 5000, 0, vec![]),
        ("redefinition", 4, 4010, 0, vec![]),
        ("template_after_data", 4, 4010, 1, vec![]),
        ("trailing_bytes", 4, 4010, 0, vec![("truncated", 2), ("trailing_bytes", 2)]),
        ("variable_length", 6, 2100, 0, vec![]),
        ("zero_tail", 3, 3006, 0, vec![]),
    ];
    let made = cases_in(&captures().join("made"));
    assert_eq!(made.len(), expected.len());
    for ((name, datagrams), expected) in made.iter().zip(expected) {
        let (flows, intake) = decoded(datagrams);
        let counters = intake.counters();
        let undecodable = Reason::ALL
            .into_iter()
            .map(|reason| (reason.label(), counters.undecodable_sets[reason.index()]))
            .filter(|(_, count)| *count > 0)
            .collect();
        let found = (name.as_str(), flows.len(), traffic(&flows).bytes, counters.sets_waiting, undecodable);
        assert_eq!(found, expected);
    }
}

/// Eight teardown events, seven of which repeat what the flow update event before them said.
#[test]
fn what_an_asa_says_twice_is_counted_once() {
    let Some(corpus) = corpus() else { return };
    let (flows, _) = decoded(&datagrams(&corpus.join("logstash/Netflow_9_Cisco_ASA_2.tsv")));
    assert_eq!(traffic(&flows).bytes, 65_603);
}

/// Flow records, their bytes and packets, and events without traffic of the exporters whose ways are peculiar. The
/// numbers were added up from the fields of the captures by a program of its own.
#[test]
fn what_each_vendor_sent_is_counted_as_it_was_meant() {
    let Some(corpus) = corpus() else { return };
    let expected = [
        ("IPFIX_Barracuda_extended_uniflow_template_256", 0, 0, 0, 2),
        ("IPFIX_Barracuda_firewall", 4, 388, 4, 4),
        ("IPFIX_Mikrotik_RouterOS_6_39_2", 46, 103_235, 253, 0),
        ("IPFIX_Netscaler_with_variable_length_fields", 3, 3106, 5, 0),
        ("IPFIX_OpenBSD_pflow", 26, 99_323, 209, 0),
        ("IPFIX_VMware_virtual_distributed_switch", 5, 806, 8, 0),
        ("IPFIX_YAF_basic_with_applabel", 4, 596, 10, 0),
        ("Netflow_9_Cisco_1941_K9_release_15_1", 29, 70_258, 370, 0),
        ("Netflow_9_Cisco_ASA", 14, 888, 0, 0),
        ("Netflow_9_Cisco_ASA_2", 16, 65_603, 0, 11),
        ("Netflow_9_Cisco_ASR1001_X", 25, 38_255, 124, 0),
        ("Netflow_9_Cisco_NBAR_flowset_262", 5, 3064, 40, 0),
        ("Netflow_9_Fortigate_FortiOS_54x_appid", 17, 29_492, 105, 0),
        ("Netflow_9_H3C_Netstream_with_varstring", 1, 702, 9, 0),
        ("Netflow_9_IE150_IE151", 2, 310, 2, 0),
        ("Netflow_9_Palo_Alto_1_flowset_in_large_zero_filled_packet", 1, 363, 3, 0),
        ("Netflow_9_Ubiquiti_Edgerouter_with_MPLS_labels", 16, 20_418, 114, 0),
        ("Netflow_9_field_layer2segmentid", 1, 52, 1, 0),
        ("Netflow_9_ipt_netflow_reduced_size_encoding", 12, 7598, 74, 0),
        ("Netflow_9_template_with_0_length_fields", 10, 160, 5, 0),
    ];
    for (name, flows, bytes, packets, events) in expected {
        let counters = decoded(&datagrams(&corpus.join(format!("logstash/{name}.tsv")))).1.counters();
        let sum = counters.traffic;
        let found = (sum.flows, sum.bytes, sum.packets, counters.events);
        assert_eq!(found, (flows, bytes, packets, events), "{name}");
    }
}

/// Protocol, source, its port, destination, its port or the ICMP type and code, packets, bytes.
type Flow = (u8, IpAddr, u16, IpAddr, u16, u64, u64);

fn expected_flow(line: &str) -> Flow {
    let fields: Vec<_> = line.split(',').collect();
    let number = |index: usize| fields[index].parse::<u64>().unwrap();
    let port = |index| u16::try_from(number(index)).unwrap();
    let address = |index: usize| fields[index].parse().unwrap();
    (u8::try_from(number(0)).unwrap(), address(1), port(2), address(3), port(4), number(5), number(6))
}

fn found_flow(flow: &FlowRecord) -> Flow {
    let last = if flow.protocol == 1 { flow.icmp_type_code } else { flow.destination_port };
    let (source, destination) = (flow.source_address, flow.destination_address);
    (flow.protocol, source, flow.source_port, destination, last, flow.packets, flow.bytes)
}

/// Logstash's count of events is that of data and options records, wherever it states one: no differences.
#[test]
fn logstash_counts_as_many_records() {
    let Some(corpus) = corpus() else { return };
    let mut compared = 0;
    for (name, datagrams) in cases(&corpus) {
        let file = corpus.join(format!("{name}.expected.json"));
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Null: the case has to be survived, its records are not counted.
        let Some(expected) = json["expected_events"].as_u64() else { continue };
        assert_eq!(decoded(&datagrams).1.counters().data_records, expected, "{name}");
        compared += 1;
    }
    assert!(compared >= 25, "only {compared} cases have a count");
}

/// The values of logstash's whole events are those of a flow record.
#[test]
fn logstash_reads_the_same_values() {
    let Some(corpus) = corpus() else { return };
    let mut compared = 0;
    for (name, datagrams) in cases(&corpus) {
        let file = corpus.join(format!("{name}.expected.json"));
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let flows = decoded(&datagrams).0;
        for event in json["json_events"].as_array().into_iter().flatten() {
            let event = &event["netflow"];
            let names = ["sourceIPv4Address", "ipv4_src_addr", "sourceIPv6Address", "ipv6_src_addr"];
            if names.iter().all(|name| event[name].is_null()) || is_event_without_traffic(event) {
                continue;
            }
            assert!(flows.iter().any(|flow| is_same(event, flow)), "{name}: {event}");
            compared += 1;
        }
    }
    assert!(compared >= 20, "only {compared} events have an address");
}

/// What a firewall says of a connection without counting anything is no flow, here.
fn is_event_without_traffic(event: &serde_json::Value) -> bool {
    let kinds = ["firewallEvent", "fw_event", "natEvent"];
    let counters = [
        "octetDeltaCount",
        "packetDeltaCount",
        "in_bytes",
        "in_pkts",
        "in_permanent_bytes",
        "fwd_flow_delta_bytes",
        "rev_flow_delta_bytes",
    ];
    kinds.iter().any(|name| event[name].is_u64())
        && counters.iter().all(|name| event[name].as_u64().unwrap_or(0) == 0)
}

/// Values that logstash has, by its names in IPFIX, v9 and v5.
fn is_same(event: &serde_json::Value, flow: &FlowRecord) -> bool {
    let text = |names: &[&str], value: IpAddr| {
        let mut values =
            names.iter().filter_map(|name| event[name].as_str()).filter_map(|text| text.parse().ok());
        values.all(|found: IpAddr| found == value || found.is_unspecified())
    };
    let number = |names: &[&str], value: u64| {
        names.iter().filter_map(|name| event[name].as_u64()).all(|found| found == value)
    };
    let is_icmp = matches!(flow.protocol, 1 | 58);
    // Counted where it went out, if not where it came in.
    let is_out = event["in_bytes"] == 0 && event["in_pkts"] == 0 && event["out_pkts"] != 0;
    let in_bytes = if is_out { ["out_bytes"; 2] } else { ["octetDeltaCount", "in_bytes"] };
    let in_packets = if is_out { ["out_pkts"; 2] } else { ["packetDeltaCount", "in_pkts"] };
    let has_own_bytes = event["in_bytes"].is_u64() || event["octetDeltaCount"].is_u64();
    text(&["sourceIPv4Address", "sourceIPv6Address", "ipv4_src_addr", "ipv6_src_addr"], flow.source_address)
        && text(
            &["destinationIPv4Address", "destinationIPv6Address", "ipv4_dst_addr", "ipv6_dst_addr"],
            flow.destination_address,
        )
        && (is_icmp
            || number(&["sourceTransportPort", "l4_src_port"], flow.source_port.into())
                && number(&["destinationTransportPort", "l4_dst_port"], flow.destination_port.into()))
        && number(&["protocolIdentifier", "protocol"], flow.protocol.into())
        && number(&in_bytes, flow.bytes)
        && (has_own_bytes || number(&["fwd_flow_delta_bytes", "in_permanent_bytes"], flow.bytes))
        && number(&in_packets, flow.packets)
        && number(&["ingressInterface", "input_snmp"], flow.input_interface.into())
        && number(&["egressInterface", "output_snmp"], flow.output_interface.into())
        && number(&["src_as", "bgpSourceAsNumber"], flow.source_as.into())
        && number(&["dst_as", "bgpDestinationAsNumber"], flow.destination_as.into())
        && number(&["src_tos", "ipClassOfService"], flow.type_of_service.into())
        && number(&["tcp_flags", "tcpControlBits"], flow.tcp_flags.into())
}

/// Telegraf writes one line for a data or options record.
#[test]
fn telegraf_writes_as_many_lines() {
    let Some(corpus) = corpus() else { return };
    for (name, datagrams) in cases(&corpus) {
        let file = corpus.join(format!("{name}.expected.out"));
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        if !name.contains("sflow") {
            let lines = text.lines().filter(|line| !line.is_empty()).count() as u64;
            assert_eq!(decoded(&datagrams).1.counters().data_records, lines, "{name}");
        }
    }
}

/// Messages of the corpus are taken apart to templates and the bytes of each field, and put together
/// again by the encoder: the same flow records and templates come out.
#[test]
fn decode_encode_decode_is_the_identity() {
    for (name, datagrams) in all_cases() {
        let mut known = HashMap::new();
        let again: Vec<_> = datagrams.iter().map(|datagram| recoded(datagram, &mut known)).collect();
        let ((flows, intake), (flows_again, intake_again)) = (decoded(&datagrams), decoded(&again));
        assert!(flows == flows_again, "{name}: {} and {} flows", flows.len(), flows_again.len());
        let templates =
            |intake: &Intake| intake.exporters().into_iter().map(|one| one.templates).collect::<Vec<_>>();
        assert_eq!(templates(&intake), templates(&intake_again), "{name}");
    }
}

fn recoded(datagram: &Datagram, known: &mut HashMap<Key, Definition>) -> Datagram {
    let mut reader = Reader::new(&datagram.payload);
    let version = { reader }.u16("version").unwrap();
    let (mut message, protocol, observation_domain) = match version {
        9 => {
            let header = netflow_v9::Header::parse(&mut reader).unwrap();
            (Message::netflow_v9(&header), Protocol::NetflowV9, header.source_id)
        }
        10 => {
            let header = ipfix::Header::parse(&mut reader).unwrap();
            let length = header.body_length().min(reader.remaining());
            reader = reader.take(length, "message").unwrap();
            (Message::ipfix(&header), Protocol::Ipfix, header.observation_domain)
        }
        _ => return Datagram { source: datagram.source, payload: datagram.payload.clone() },
    };
    let session = TransportSession::Udp { source_port: datagram.source.port() };
    let key = |template_id| Key { session, protocol, observation_domain, template_id };
    for set in Sets::new(reader).map_while(Result::ok) {
        let is_options = set.kind(protocol) == Kind::OptionsTemplates;
        match set.kind(protocol) {
            Kind::Templates | Kind::OptionsTemplates => {
                for item in Definitions::new(set.body, protocol, is_options, 256).map_while(Result::ok) {
                    if let Item::Definition(definition) = item {
                        message.template(&definition);
                        known.insert(key(definition.id), definition);
                    }
                }
            }
            Kind::Data(id) => {
                message.begin_set(id);
                if let Some(definition) = known.get(&key(id)) {
                    put_records(&mut message, definition, set.body);
                } else {
                    // Nobody knows where its fields are: it waits for its template as it came.
                    let whole = Field { element: 0, enterprise: 0, length: 0 };
                    let fields = vec![whole];
                    let opaque = Definition { id, is_options: false, scope_count: 0, fields };
                    message.record(&opaque, [set.body.bytes()]);
                }
            }
            Kind::Reserved => {}
        }
    }
    Datagram { source: datagram.source, payload: message.finish() }
}

fn put_records(message: &mut Message, definition: &Definition, mut body: Reader<'_>) {
    let shortest =
        |field: &Field| if field.length == VARIABLE_LENGTH { 1 } else { usize::from(field.length) };
    let min_length: usize = definition.fields.iter().map(shortest).sum();
    while body.remaining() >= min_length && !body.is_zero() {
        let mut values = Vec::new();
        for field in &definition.fields {
            let mut length = usize::from(field.length);
            if field.length == VARIABLE_LENGTH {
                length = usize::from(body.u8("length").unwrap());
                if length == 255 {
                    length = usize::from(body.u16("length").unwrap());
                }
            }
            values.push(body.take(length, "field").unwrap().bytes());
        }
        message.record(definition, values);
    }
}

/// What v9 and IPFIX can carry of the corpus's flow records survives the exporter of flow records.
#[test]
fn flow_records_survive_being_exported_again() {
    for (name, datagrams) in all_cases() {
        let mut flows = decoded(&datagrams).0;
        for flow in &mut flows {
            flow.exporter = ExporterId(0);
            flow.observation_domain = 7;
            flow.is_reverse = false;
            flow.time_source = TimeSource::Record;
            if flow.sampling_interval != 0 {
                flow.sampling_source = SamplingSource::Record;
            }
        }
        for protocol in [Protocol::NetflowV9, Protocol::Ipfix] {
            let sent = Exporter::new(protocol, 7).datagrams(&flows, RECEIVED_US / 1000, 3_000_000_000);
            let sent: Vec<_> = sent
                .into_iter()
                .map(|payload| Datagram { source: SocketAddr::from(([192, 0, 2, 1], 4739)), payload })
                .collect();
            assert!(sent.iter().all(|datagram| datagram.payload.len() <= 1400));
            let (received, intake) = decoded(&sent);
            assert_eq!(received, flows, "{name} in {}", protocol.name());
            assert_eq!(intake.counters().sequence_gaps, 0);
            assert_eq!(intake.counters().undecodable_sets, [0; Reason::ALL.len()]);
        }
    }
}

/// Every prefix and every flipped byte of every datagram, each after the templates of its case. Of the
/// long cases the datagrams at the front and every so-many-th after them are taken.
#[test]
fn no_prefix_and_no_flipped_byte_makes_the_decoder_panic() {
    for (name, datagrams) in all_cases() {
        let step = datagrams.len().div_ceil(12);
        for (index, datagram) in datagrams.iter().enumerate() {
            // Every prefix and every byte of every datagram; of long captures most with one mask only, for time.
            let masks: &[u8] =
                if index < 4 || index.is_multiple_of(step) { &[0xff, 0x01, 0x80] } else { &[0xff] };
            let mut intake = decoded(&datagrams).1;
            let mut flows = Vec::new();
            let mut feed = |payload: &[u8]| {
                flows.clear();
                intake.datagram(datagram.source, RECEIVED_US, payload, &mut flows);
            };
            let mut payload = datagram.payload.clone();
            for length in 0..payload.len() {
                feed(&payload[..length]);
            }
            for position in 0..payload.len() {
                for &mask in masks {
                    payload[position] ^= mask;
                    feed(&payload);
                    payload[position] ^= mask;
                }
            }
            intake.expire(RECEIVED_US);
            assert_eq!(intake.counters().imbalance(), None, "{name}");
        }
    }
}
