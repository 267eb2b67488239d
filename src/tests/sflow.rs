//! Captured sFlow datagrams: they decode or are counted, exactly, and nothing makes the decoder panic.
//!
//! What pmacct's sfprobe sent is always tested; the datagrams of other people's agents are not part of the
//! project, `MERIDIAN_CORPUS` says where they are (see `corpus.rs`, which says so when they are skipped).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its input has failed")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::{ExporterId, FlowRecord, TimeSource};
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::rules::Rules;
use meridian::server::collector::sflow::Counters;
use meridian::server::wire::encode::{Exporter, sflow};
use meridian::server::wire::reader::Reader;
use meridian::server::wire::sampled_header::Decapsulation;
use meridian::server::wire::sflow_v5::{Header, Sample, Samples};

const RECEIVED_US: i64 = 1_790_000_000_000_000;

struct Datagram {
    source: SocketAddr,
    payload: Vec<u8>,
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/captures/pmacct")
}

fn corpus() -> Option<PathBuf> {
    std::env::var_os("MERIDIAN_CORPUS").map(PathBuf::from)
}

fn datagrams(file: &Path) -> Vec<Datagram> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let datagram = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let hex = fields[3];
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let source = SocketAddr::new(fields[0].parse().unwrap(), fields[1].parse().unwrap());
        Datagram { source, payload: (0..hex.len()).step_by(2).map(byte).collect() }
    };
    text.lines().map(datagram).collect()
}

/// Every sFlow case, by name.
fn cases() -> BTreeMap<String, Vec<Datagram>> {
    let corpus = corpus()
        .into_iter()
        .flat_map(|corpus| ["goflow2", "tcpdump", "telegraf"].map(|one| corpus.join(one)));
    let files =
        std::iter::once(captures()).chain(corpus).flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let cases: BTreeMap<_, _> = files
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "tsv"))
        .map(|file| (file.file_stem().unwrap().display().to_string(), file))
        .filter(|(name, _)| name.starts_with("sf"))
        .map(|(name, file)| (name, datagrams(&file)))
        .collect();
    assert_eq!(cases.len(), if self::corpus().is_some() { 12 } else { 1 });
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

#[test]
fn every_case_is_accounted_for() {
    for (name, datagrams) in cases() {
        let (flows, intake) = decoded(&datagrams);
        assert_eq!(intake.counters().imbalance(), None, "{name}");
        let counters = intake.counters();
        assert_eq!(counters.traffic.flows, flows.len() as u64, "{name}");
        assert_eq!(counters.traffic.bytes, flows.iter().map(|flow| flow.bytes).sum::<u64>(), "{name}");
        assert!(
            intake.exporters().iter().all(|one| one.sequence_gaps == 0 && one.samples.missing == 0),
            "{name}"
        );
    }
}

/// Every flow of the traffic that pmacctd read, packets and bytes summed, and nothing else.
#[test]
fn what_sfprobe_sampled_is_what_pmacctd_read() {
    let expected = std::fs::read_to_string(captures().join("sfprobe.expected.csv")).unwrap();
    let mut expected: Vec<_> = expected.lines().skip(1).map(str::to_owned).collect();
    let (flows, intake) = decoded(&datagrams(&captures().join("sfprobe.tsv")));
    let mut sums = BTreeMap::new();
    for flow in &flows {
        let last = if matches!(flow.protocol, 1 | 58) { flow.icmp_type_code } else { flow.destination_port };
        let key = format!(
            "{},{},{},{},{last},{},{}",
            flow.protocol,
            flow.source_address,
            flow.source_port,
            flow.destination_address,
            flow.vlan,
            flow.tcp_flags
        );
        let sum: &mut (u64, u64) = sums.entry(key).or_default();
        *sum = (sum.0 + flow.packets, sum.1 + flow.bytes);
    }
    let mut found: Vec<_> =
        sums.into_iter().map(|(key, (packets, bytes))| format!("{key},{packets},{bytes}")).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let exporter = intake.exporters().remove(0);
    assert_eq!(exporter.address, IpAddr::from([192, 0, 2, 100]));
    assert_eq!(exporter.sent_from, Some(IpAddr::from([192, 0, 2, 1])));
    assert_eq!((exporter.traffic.packets, exporter.sequence_missing, exporter.samples.missing), (48, 0, 0));
    assert_eq!(
        (flows[0].observation_domain, flows[0].sampling_interval, flows[0].input_interface),
        (7, 1, 0)
    );
}

/// pmacctd ended before it sent the last of 1,976 packets, 84 bytes of ICMP.
#[test]
fn a_larger_capture_of_sfprobe_is_exact_but_for_the_packet_it_never_sent() {
    let Some(corpus) = corpus() else { return };
    let expected = std::fs::read_to_string(corpus.join("softflowd/mix.expected.csv")).unwrap();
    let mut left: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for line in expected.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        left.insert(fields[..5].join(","), (fields[5].parse().unwrap(), fields[6].parse().unwrap()));
    }
    let mut datagrams = datagrams(&corpus.join("softflowd/pmacct_probe.tsv"));
    datagrams.retain(|datagram| datagram.payload.starts_with(&[0, 0, 0, 5]));
    let (flows, intake) = decoded(&datagrams);
    for flow in &flows {
        let last = if flow.protocol == 1 { flow.icmp_type_code } else { flow.destination_port };
        let (source, destination) = (flow.source_address, flow.destination_address);
        let key = format!("{},{source},{},{destination},{last}", flow.protocol, flow.source_port);
        let (packets, bytes) = left.get_mut(&key).unwrap();
        (*packets, *bytes) = (*packets - flow.packets, *bytes - flow.bytes);
    }
    let rest: Vec<_> = left.into_iter().filter(|(_, rest)| *rest != (0, 0)).collect();
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert!(rest[0].0.starts_with("1,") && rest[0].1 == (1, 84), "{rest:?}");
    let exporter = intake.exporters().remove(0);
    assert_eq!((exporter.samples.flow, exporter.sequence_missing, exporter.samples.missing), (1975, 0, 0));
}

#[test]
fn tunnels_of_that_traffic_are_looked_into_by_rule() {
    let rules =
        Rules { decapsulation: Decapsulation { gre: true, vxlan: true, ipip: false }, ..Rules::default() };
    let mut intake = Intake::new(Limits::default(), Arc::new(rules));
    let mut flows = Vec::new();
    for datagram in datagrams(&captures().join("sfprobe.tsv")) {
        intake.datagram(datagram.source, RECEIVED_US, &datagram.payload, &mut flows);
    }
    let inside = |source: [u8; 4]| {
        let flows = flows.iter().filter(|flow| flow.source_address == IpAddr::from(source));
        flows.map(|flow| (flow.source_port, flow.destination_port, flow.bytes)).collect::<Vec<_>>()
    };
    assert_eq!(inside([10, 9, 0, 1]), [(7, 8, 58); 2]);
    assert_eq!(inside([10, 8, 0, 1]), [(17, 18, 70); 2]);
    assert_eq!(inside([192, 0, 2, 1]), []);
}

/// Of each case: flow records, their bytes, counter samples, notifications, undecodable samples.
#[test]
fn the_corpus_yields_what_its_datagrams_hold() {
    if corpus().is_none() {
        return;
    }
    let expected = [
        ("sflow-print-v6", (13, 1220, 48, 0, 0)),
        ("sflow_expanded", (1, 104, 0, 0, 0)),
        ("sflow_issue_15375", (0, 0, 0, 1, 0)),
        // Five of its datagrams are NetFlow v5: seven flow records.
        ("sflow_multiple_counter_30_pdus", (7, 1953, 144, 0, 0)),
        // Made to break decoders.
        ("sflow_print-segv", (0, 0, 0, 0, 2)),
        // After the five samples announced follow bytes of another datagram.
        ("sflow_test-TestExpandedSFlowDecode-2", (5, 7452, 0, 0, 1)),
        ("sflow_test-TestSFlowDecode-1", (1, 60, 0, 0, 0)),
        ("sflow_test-TestSFlowDecodeDropEgressQueue-3", (0, 0, 0, 1, 0)),
        ("sflow_test-TestSFlowDecodeDropExtendedACL-4", (0, 0, 0, 1, 0)),
        ("sflow_test-TestSFlowDecodeDropExtendedFunction-5", (0, 0, 0, 1, 0)),
        ("sflow_v5_example", (0, 0, 1, 0, 0)),
    ];
    let mut cases = cases();
    for (name, expected) in expected {
        let counters = decoded(&cases.remove(name).unwrap()).1.counters();
        let Counters { counter_samples, discarded_packets, undecodable_samples, .. } = counters.sflow;
        let undecodable: u64 = undecodable_samples.iter().sum();
        let found =
            (counters.traffic.flows, counters.traffic.bytes, counter_samples, discarded_packets, undecodable);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn records_of_real_devices_have_their_values() {
    let Some(corpus) = corpus() else { return };
    let one = |file: &str| decoded(&datagrams(&corpus.join(file))).0[0];
    let flow = one("tcpdump/sflow_expanded.tsv");
    assert_eq!((flow.source_as, flow.destination_as), (203_476, 203_361));
    assert_eq!((flow.source_mask, flow.destination_mask, flow.vlan), (32, 22, 809));
    assert_eq!(
        (flow.input_interface, flow.output_interface, flow.sampling_interval),
        (29_001, 1_285_816_721, 1000)
    );
    assert_eq!(
        (flow.source_port, flow.destination_port, flow.tcp_flags, flow.bytes),
        (22, 52_237, 0x18, 104)
    );
    let flow = one("goflow2/sflow_test-TestExpandedSFlowDecode-2.tsv");
    assert_eq!((flow.vlan, flow.input_interface, flow.output_interface), (30, 1_000_100, 1_000_018));
    assert_eq!((flow.bytes, flow.sampling_interval, flow.observation_domain), (1492, 16_383, 0));
    // Sent by a device that knows itself by an IPv6 address, and by no interface that it sent to.
    let (flows, intake) = decoded(&datagrams(&corpus.join("tcpdump/sflow-print-v6.tsv")));
    assert_eq!((flows[0].input_interface, flows[0].output_interface, flows[0].vlan), (7001, 0, 10));
    let agent: IpAddr = "30::1:1:1".parse().unwrap();
    assert_eq!(intake.exporters().iter().map(|one| one.address).collect::<Vec<_>>(), [agent]);
}

/// Values of telegraf's lines that mean the same here. Different: telegraf calls a discarded packet ingress,
/// here it is no flow; it writes the counters of counter samples and the queue of a discarded packet, here
/// they are not read; it writes the number of the reason, here it has the name of the list (1 is
/// `host_unreachable`).
#[test]
fn telegraf_reads_the_same_values() {
    let Some(corpus) = corpus() else { return };
    for name in ["sflow_issue_15375", "sflow_v5_example"] {
        let line = std::fs::read_to_string(corpus.join(format!("telegraf/{name}.expected.out"))).unwrap();
        let value = |key: &str| {
            let found = line.split([',', ' ']).find_map(|pair| pair.strip_prefix(&format!("{key}=")));
            found.unwrap().trim_matches(['"', 'u']).to_owned()
        };
        let datagram = datagrams(&corpus.join(format!("telegraf/{name}.tsv"))).remove(0);
        let mut reader = Reader::new(&datagram.payload);
        let header = Header::parse(&mut reader).unwrap();
        assert_eq!(header.agent.to_string(), value("agent_ip"));
        assert_eq!(header.sub_agent.to_string(), value("agent_subid"));
        assert_eq!(header.uptime_ms.to_string(), value("sys_uptime"));
        let (sequence, input) = match Samples::new(&header, reader).next().unwrap().unwrap() {
            Sample::Discarded(packet) => {
                assert_eq!(packet.output.to_string(), value("out_snmp"));
                assert_eq!(packet.reason.to_string(), value("reason"));
                assert_eq!(packet.drops.to_string(), value("sampling_drops"));
                assert_eq!(packet.reason_name(), "host_unreachable");
                (packet.sequence, packet.input)
            }
            Sample::Counters(sample) => (sample.sequence, sample.source.index),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(sequence.to_string(), value("seq_number"));
        assert_eq!(input.to_string(), value("in_snmp"));
    }
}

/// The same datagrams, taken apart and put together sample by sample.
fn recoded(datagrams: &[Datagram]) -> Vec<Datagram> {
    let recoded = datagrams.iter().map(|datagram| {
        let mut reader = Reader::new(&datagram.payload);
        let Ok(header) = Header::parse(&mut reader) else {
            return Datagram { source: datagram.source, payload: datagram.payload.clone() };
        };
        let mut again = sflow::Datagram::new(&header);
        for sample in Samples::new(&header, reader).flatten() {
            again.sample(&sample);
        }
        Datagram { source: datagram.source, payload: again.finish() }
    });
    recoded.collect()
}

#[test]
fn decode_encode_decode_is_the_identity() {
    for (name, datagrams) in cases() {
        let again = recoded(&datagrams);
        let ((flows, intake), (flows_again, intake_again)) = (decoded(&datagrams), decoded(&again));
        assert_eq!(flows, flows_again, "{name}");
        let kinds = |intake: &Intake| {
            let Counters { flow_samples, counter_samples, discarded_packets, unknown_samples, .. } =
                intake.counters().sflow;
            (flow_samples, counter_samples, discarded_packets, unknown_samples)
        };
        assert_eq!(kinds(&intake), kinds(&intake_again), "{name}");
        assert_eq!(intake_again.counters().sflow.undecodable_samples.iter().sum::<u64>(), 0, "{name}");
        let shown = |intake: &Intake| {
            intake
                .exporters()
                .into_iter()
                .map(|one| (one.address, one.sent_from, one.samples))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&intake), shown(&intake_again), "{name}");
    }
    // What pmacct wrote, to the byte, but for the padding, which it does not clear.
    let datagrams = datagrams(&captures().join("sfprobe.tsv"));
    for (datagram, again) in datagrams.iter().zip(recoded(&datagrams)) {
        assert_eq!(datagram.payload.len(), again.payload.len());
        let different =
            datagram.payload.iter().zip(&again.payload).filter(|(one, other)| one != other).count();
        assert!(different <= 3 * 8, "{different} bytes");
    }
}

/// What sFlow can carry of the flow records survives an agent that samples exactly these packets.
#[test]
fn flow_records_survive_being_sampled_again() {
    for (name, datagrams) in cases() {
        let mut flows = decoded(&datagrams).0;
        flows.retain(|flow| flow.packets == 1);
        for flow in &mut flows {
            flow.exporter = ExporterId(0);
            flow.observation_domain = 7;
            flow.start_ms = flow.received_ms;
            flow.end_ms = flow.received_ms;
            flow.time_source = TimeSource::ReceiveTime;
        }
        let sent: Vec<_> = Exporter::new(Protocol::SflowV5, 7)
            .datagrams(&flows, RECEIVED_US / 1000, 1000)
            .into_iter()
            .map(|payload| Datagram { source: SocketAddr::from(([192, 0, 2, 1], 6343)), payload })
            .collect();
        let (received, intake) = decoded(&sent);
        assert_eq!(received, flows, "{name}");
        assert_eq!(intake.counters().sequence_gaps, 0, "{name}");
    }
}

/// Every prefix and every flipped byte of every datagram, each after those of its case.
#[test]
fn no_prefix_and_no_flipped_byte_makes_the_decoder_panic() {
    let everything =
        Rules { decapsulation: Decapsulation { gre: true, vxlan: true, ipip: true }, ..Rules::default() };
    for (name, datagrams) in cases() {
        for datagram in &datagrams {
            let mut intake = Intake::new(Limits::default(), Arc::new(everything.clone()));
            let mut flows = Vec::new();
            let mut feed = |payload: &[u8]| {
                flows.clear();
                intake.datagram(datagram.source, RECEIVED_US, payload, &mut flows);
            };
            let mut payload = datagram.payload.clone();
            feed(&payload);
            for length in 0..payload.len() {
                feed(&payload[..length]);
            }
            for position in 0..payload.len() {
                for mask in [0xff, 0x01, 0x80] {
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
