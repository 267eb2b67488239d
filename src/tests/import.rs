//! Captures of export datagrams, imported: every kind of file gives the same totals, and a bad one says why.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its input has failed")]

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::model::traffic::Traffic;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::geolocation::{Geolocation, Settings};
use meridian::server::import::capture_file::{CaptureFile, Fault};
use meridian::server::import::datagrams::PacketCounters;
use meridian::server::import::summary::Summary;
use meridian::server::import::{ImportError, Request, import};
use meridian::server::wire::encode::Exporter;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

#[path = "support/cases.rs"]
mod cases;
#[path = "import/ending.rs"]
mod ending;
#[path = "support/frames.rs"]
mod frames;
#[path = "support/pcap_file.rs"]
mod pcap_file;

use cases::{Datagram, cases_in};
use frames::{UDP, ethernet, ethertype, fragment, ip, udp};
use pcap_file::{ETHERNET, Layout, pcap};

/// Packets with their times.
type Packets = Vec<(i64, Vec<u8>)>;

/// When the captures were made, microseconds since 1970.
const CAPTURED_US: i64 = 1_795_000_000_000_000;
const RAW: u16 = 101;

fn softflowd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/captures/softflowd")
}

/// What `mix.expected.csv` adds up to, all of it or its IPv4 flows.
fn truth(is_v4_only: bool) -> Traffic {
    let text = std::fs::read_to_string(softflowd().join("mix.expected.csv")).unwrap();
    text.lines().skip(1).fold(Traffic::NONE, |sum, line| {
        let fields: Vec<_> = line.split(',').collect();
        let is_v6 = fields[1].contains(':');
        let (packets, bytes) = (fields[5].parse().unwrap(), fields[6].parse().unwrap());
        sum + if is_v6 && is_v4_only {
            Traffic::NONE
        } else {
            Traffic::of(&FlowRecord { bytes, packets, ..FlowRecord::default() })
        }
    })
}

/// An IP packet with a UDP datagram in it.
fn udp_packet(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    ip(UDP, source.ip(), destination.ip(), &udp(source.port(), destination.port(), payload))
}

fn collector_of(source: SocketAddr) -> SocketAddr {
    let address: IpAddr =
        if source.is_ipv4() { [192, 0, 2, 9].into() } else { "2001:db8::9".parse().unwrap() };
    SocketAddr::new(address, 2055)
}

/// IP packets with the datagrams in them, a millisecond apart.
fn packets(datagrams: &[Datagram]) -> Packets {
    let times = (0..).map(|number| CAPTURED_US + number * 1000);
    let packets = datagrams
        .iter()
        .map(|datagram| udp_packet(datagram.source, collector_of(datagram.source), &datagram.payload));
    times.zip(packets).collect()
}

fn framed(packets: &[(i64, Vec<u8>)], frame: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(i64, Vec<u8>)> {
    packets.iter().map(|(time_us, packet)| (*time_us, frame(packet))).collect()
}

fn borrowed(packets: &[(i64, Vec<u8>)]) -> impl Iterator<Item = (i64, &[u8])> {
    packets.iter().map(|(time_us, packet)| (*time_us, packet.as_slice()))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn import_request(request: &Request, stop: &CancellationToken) -> Result<Summary, ImportError> {
    let settings = Settings { databases: Vec::new(), home_networks: Vec::new(), home: None };
    let geolocation = Arc::new(Geolocation::without_databases(&settings));
    import(request, Intake::new(Limits::default(), Arc::default()), &geolocation, None, stop)
}

fn imported_with(files: &[&[u8]], ports: &[u16]) -> Summary {
    let folder = TempDir::new().unwrap();
    let write = |(number, bytes): (usize, &&[u8])| {
        let path = folder.path().join(format!("{number}.capture"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let files = files.iter().enumerate().map(write).collect();
    let summary =
        import_request(&Request { files, ports: ports.to_vec() }, &CancellationToken::new()).unwrap();
    assert_packets_add_up(&summary.packets, summary.totals.datagrams);
    summary
}

fn imported(bytes: &[u8]) -> Summary {
    imported_with(&[bytes], &[])
}

fn assert_packets_add_up(packets: &PacketCounters, datagrams: u64) {
    let PacketCounters { unsupported_link, not_ip, not_udp, ipfix_over_tcp, cut_short, malformed, .. } =
        packets;
    let others = unsupported_link + not_ip + not_udp + ipfix_over_tcp + cut_short + malformed;
    assert_eq!(packets.packets, others + packets.fragments + packets.whole_datagrams);
    let whole = packets.whole_datagrams + packets.reassembled;
    assert_eq!(whole, packets.other_ports + packets.no_export + datagrams);
}

/// Flows, bytes and packets as exported.
fn exported(traffic: Traffic) -> [u64; 3] {
    [traffic.flows, traffic.bytes, traffic.packets]
}

fn assert_complete(summary: &Summary, expected: Traffic, what: &str) {
    assert_eq!(summary.files[0].problem, None, "{what}");
    assert!(summary.is_complete(), "{what}");
    assert_eq!(exported(summary.totals.traffic), exported(expected), "{what}");
    let of_exporters = summary.exporters.iter().fold(Traffic::NONE, |sum, one| sum + one.traffic);
    assert_eq!(of_exporters, summary.totals.traffic, "{what}");
    assert_eq!(summary.totals.undecodable, [], "{what}");
    let missing = (summary.totals.missing_records, summary.totals.missing_datagrams);
    assert_eq!((missing, summary.totals.sets_waiting), ((0, 0), 0), "{what}");
}

/// A block of pcapng with its two lengths.
fn block(layout: Layout, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    let length = u32::try_from(12 + body.len().next_multiple_of(4)).unwrap();
    layout.put(&mut block, kind);
    layout.put(&mut block, length);
    block.extend(body);
    block.resize(block.len().next_multiple_of(4), 0);
    layout.put(&mut block, length);
    block
}

fn numbers(layout: Layout, numbers: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &number in numbers {
        layout.put(&mut bytes, number);
    }
    bytes
}

fn half(layout: Layout, number: u16) -> [u8; 2] {
    if layout.is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
}

fn section(layout: Layout) -> Vec<u8> {
    let mut body = numbers(layout, &[0x1a2b_3c4d]);
    body.extend(half(layout, 1));
    body.extend(half(layout, 0));
    body.extend([0xff; 8]);
    block(layout, 0x0a0d_0d0a, &body)
}

/// An interface description with options: codes and values.
fn interface(layout: Layout, link_type: u16, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = half(layout, link_type).to_vec();
    body.extend([0, 0]);
    layout.put(&mut body, 0);
    for (code, value) in options {
        body.extend(half(layout, *code));
        body.extend(half(layout, u16::try_from(value.len()).unwrap()));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(layout, 1, &body)
}

fn enhanced(layout: Layout, interface: u32, ticks: u64, packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len()).unwrap();
    let (high, low) = (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap());
    let mut body = numbers(layout, &[interface, high, low, length, length]);
    body.extend(packet);
    block(layout, 6, &body)
}

fn ticks(time_us: i64) -> u64 {
    u64::try_from(time_us).unwrap()
}

/// Two sections in different byte orders, three interfaces with different clocks, other blocks between.
fn pcapng(packets: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let halves = packets.split_at(packets.len() / 2);
    for (is_big_endian, packets) in [(true, halves.0), (false, halves.1)] {
        let layout = Layout { is_big_endian, has_nanoseconds: false };
        bytes.extend(section(layout));
        bytes.extend(interface(layout, RAW, &[(2, b"eth0")]));
        bytes.extend(interface(layout, ETHERNET, &[(9, &[9]), (0, &[])]));
        bytes.extend(interface(layout, RAW, &[(9, &[0x80 | 0x14])]));
        for (number, (time_us, packet)) in packets.iter().enumerate() {
            let time = ticks(*time_us);
            bytes.extend(match number % 3 {
                0 => enhanced(layout, 0, time, packet),
                1 => enhanced(layout, 1, time * 1000 + 7, &ethernet(&[], packet)),
                _ => {
                    let units = (u128::from(time) << 20).div_ceil(1_000_000);
                    enhanced(layout, 2, u64::try_from(units).unwrap(), packet)
                }
            });
            // Name resolution and interface statistics are nobody's packets.
            bytes.extend(block(layout, 4, &[0; 8]));
            bytes.extend(block(layout, 5, &[1; 12]));
        }
    }
    bytes
}

#[test]
fn every_kind_of_capture_gives_the_very_totals_of_softflowds_traffic() {
    let mut compared = 0;
    for (name, datagrams) in cases_in(&softflowd()) {
        let expected = truth(name == "soft_v5");
        let packets = packets(&datagrams);
        for is_big_endian in [false, true] {
            for has_nanoseconds in [false, true] {
                let layout = Layout { is_big_endian, has_nanoseconds };
                let frames = framed(&packets, |packet| ethernet(&[], packet));
                let capture = pcap(layout, ETHERNET, borrowed(&frames));
                assert_complete(&imported(&capture), expected, &format!("{name} {layout:?}"));
                assert_complete(&imported(&gzip(&capture)), expected, &format!("{name} {layout:?} gzip"));
            }
        }
        let capture = pcapng(&packets);
        assert_complete(&imported(&capture), expected, &format!("{name} pcapng"));
        // Two gzip members after one another are one stream.
        let (first, second) = capture.split_at(capture.len() / 3);
        let members = [gzip(first), gzip(second)].concat();
        assert_complete(&imported(&members), expected, &format!("{name} pcapng gzip"));
        compared += 1;
    }
    assert!(compared >= 4, "only {compared} captures");
}

#[test]
fn every_supported_link_type_gives_the_same() {
    let cases = cases_in(&softflowd());
    let packets = packets(&cases["soft_v9"]);
    let expected = truth(false);
    let cooked = |packet: &[u8]| [&[0; 14][..], &ethertype(packet).to_be_bytes(), packet].concat();
    let cooked_v2 = |packet: &[u8]| [&ethertype(packet).to_be_bytes()[..], &[0; 18], packet].concat();
    let family = |packet: &[u8]| [&[2, 0, 0, 0][..], packet].concat();
    let tagged = |packet: &[u8]| ethernet(&[(0x8100, 7)], packet);
    let double = |packet: &[u8]| ethernet(&[(0x88a8, 7), (0x8100, 8)], packet);
    let captures: [(u16, Packets); 9] = [
        (RAW, packets.clone()),
        (12, packets.clone()),
        (228, packets.clone()),
        (0, framed(&packets, family)),
        (108, framed(&packets, family)),
        (113, framed(&packets, cooked)),
        (276, framed(&packets, cooked_v2)),
        (ETHERNET, framed(&packets, tagged)),
        (ETHERNET, framed(&packets, double)),
    ];
    for (link_type, frames) in captures {
        let summary = imported(&pcap(Layout::USUAL, link_type, borrowed(&frames)));
        assert_complete(&summary, expected, &format!("link type {link_type}"));
    }
}

#[test]
fn fragmented_datagrams_of_both_families_are_put_together_whatever_their_order() {
    let cases = cases_in(&softflowd());
    let datagrams = &cases["soft_v10"];
    let addresses: [(IpAddr, IpAddr); 2] = [
        ([192, 0, 2, 1].into(), [192, 0, 2, 9].into()),
        ("2001:db8::1".parse().unwrap(), "2001:db8::9".parse().unwrap()),
    ];
    for (source, destination) in addresses {
        let mut packets = Vec::new();
        for (number, datagram) in datagrams.iter().enumerate() {
            let whole = udp(datagram.source.port(), 4739, &datagram.payload);
            let mut fragments: Vec<_> = whole
                .chunks(40)
                .enumerate()
                .map(|(index, bytes)| {
                    let place = (index * 40, (index + 1) * 40 < whole.len());
                    let id = u16::try_from(number).unwrap();
                    (CAPTURED_US, fragment(UDP, source, destination, id, Some(place), bytes))
                })
                .collect();
            if number % 2 == 0 {
                fragments.reverse();
            }
            packets.extend(fragments);
        }
        let summary = imported(&pcap(Layout::USUAL, RAW, borrowed(&packets)));
        assert_complete(&summary, truth(false), "fragments");
        assert_eq!(summary.packets.fragments, packets.len() as u64);
        assert_eq!(summary.packets.reassembled, datagrams.len() as u64);
        // Without one of its fragments a datagram is incomplete, and nothing else is.
        let summary = imported(&pcap(Layout::USUAL, RAW, borrowed(&packets[1..])));
        assert_eq!(summary.packets.incomplete, 1);
        assert_eq!(summary.totals.datagrams, datagrams.len() as u64 - 1);
    }
}

#[test]
fn a_capture_cut_anywhere_gives_every_packet_before_the_cut_and_says_where() {
    let cases = cases_in(&softflowd());
    let packets = packets(&cases["soft_v5"]);
    let packets = &packets[..3];
    for (name, capture) in
        [("pcap", pcap(Layout::USUAL, RAW, borrowed(packets))), ("pcapng", pcapng(packets))]
    {
        let whole_packets = |bytes: &[u8]| {
            let mut count = 0;
            let opened = CaptureFile::open(bytes);
            let fault = match opened {
                Err(fault) => Some(fault),
                Ok(mut file) => loop {
                    match file.next_packet() {
                        Ok(Some(_)) => count += 1,
                        Ok(None) => break None,
                        Err(fault) => break Some(fault),
                    }
                },
            };
            (count, fault)
        };
        assert!(matches!(whole_packets(&capture), (3, None)), "{name}");
        let mut clean_ends = 0;
        let mut latest = 0;
        for length in 8..capture.len() {
            let (count, fault) = whole_packets(&capture[..length]);
            assert!(count == latest || count == latest + 1, "{name} cut at {length}: {count} packets");
            latest = count;
            match fault {
                None => clean_ends += 1,
                Some(Fault::Cut { offset, .. }) => assert!(offset <= length as u64),
                Some(fault) => panic!("{name} cut at {length}: {fault}"),
            }
        }
        assert_eq!(latest, if name == "pcap" { 2 } else { 3 }, "{name}");
        assert!(clean_ends >= 3, "{name}: {clean_ends} ends between packets");
    }
}

#[test]
fn a_cut_capture_is_imported_up_to_the_cut_and_reported_with_the_offset() {
    let cases = cases_in(&softflowd());
    let packets = packets(&cases["soft_v9"]);
    let capture = pcap(Layout::USUAL, RAW, borrowed(&packets));
    let last = packets.last().unwrap().1.len();
    let cut = &capture[..capture.len() - last / 2];
    let summary = imported(cut);
    assert_eq!(summary.totals.datagrams, packets.len() as u64 - 1);
    let offset = capture.len() - last - 16;
    let expected = format!("the file is cut: the packet at byte {offset} is incomplete");
    assert_eq!(summary.files[0].problem.as_deref(), Some(expected.as_str()));
    assert!(summary.to_string().contains(&expected));
    assert!(!summary.is_complete());

    // A cut gzip file ends somewhere in its last packets.
    let zipped = gzip(&capture);
    let summary = imported(&zipped[..zipped.len() - 60]);
    let problem = summary.files[0].problem.as_deref().unwrap();
    assert!(problem.starts_with("the file is cut: "), "{problem}");
    assert!(summary.totals.traffic.flows > 0);
}

#[test]
fn a_bad_file_says_what_is_wrong_and_the_files_after_it_are_still_imported() {
    let cases = cases_in(&softflowd());
    let good = pcap(Layout::USUAL, RAW, borrowed(&packets(&cases["soft_v9"])));
    let huge = |mut capture: Vec<u8>| {
        capture.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]);
        capture
    };
    let empty = pcap(Layout::USUAL, RAW, []);
    let ng = section(Layout::USUAL);
    let with = |mut block: Vec<u8>| [ng.clone(), std::mem::take(&mut block)].concat();
    let mut lengths_differ = enhanced(Layout::USUAL, 0, 0, &[]);
    lengths_differ[28] = 36;
    let described = [ng.clone(), interface(Layout::USUAL, RAW, &[])].concat();
    let mut modified = empty.clone();
    modified[..4].copy_from_slice(&[0x34, 0xcd, 0xb2, 0xa1]);
    let mut corrupt = gzip(&good);
    corrupt[30] ^= 0x55;
    let bad: [(&[u8], &str); 10] = [
        (b"", "the file is empty"),
        (b"hi", "neither pcap nor pcapng (it begins with 6869)"),
        (b"PK\x03\x04 and so on", "neither pcap nor pcapng (it begins with 504b0304)"),
        (&huge(empty.clone()), "damaged at byte 24: a packet of 2147483647 bytes"),
        (&modified, "Kuznetzov's variant of pcap at byte 0 cannot be read"),
        (&with(enhanced(Layout::USUAL, 3, 0, &[])), "a packet of interface 3, which is not described"),
        (&[described.clone(), lengths_differ].concat(), "a block whose two lengths differ"),
        (
            &[described.clone(), numbers(Layout::USUAL, &[6, 0xffff_fffc, 0])].concat(),
            "a block of 4294967292 bytes",
        ),
        (&[described, numbers(Layout::USUAL, &[99, 0xffff_fffc, 0])].concat(), "the file is cut: the block"),
        (&corrupt, "cannot read on after byte"),
    ];
    for (bytes, expected) in bad {
        let summary = imported_with(&[bytes, &good], &[]);
        let problem = summary.files[0].problem.as_deref().unwrap();
        assert!(problem.contains(expected), "{problem}\nis not: {expected}");
        assert_eq!(summary.files[1].problem, None);
        assert!(summary.totals.traffic.flows >= truth(false).flows, "{expected}");
    }
}

#[test]
fn no_flipped_byte_of_a_capture_makes_the_import_panic_or_its_account_wrong() {
    let cases = cases_in(&softflowd());
    let packets = packets(&cases["soft_v5"]);
    let frames = framed(&packets[..2], |packet| ethernet(&[(0x8100, 1)], &packet[..packet.len().min(400)]));
    for mut capture in [pcap(Layout::USUAL, ETHERNET, borrowed(&frames)), pcapng(&packets[..2])] {
        for position in 0..capture.len().min(700) {
            for mask in [0xff, 0x01, 0x80] {
                capture[position] ^= mask;
                let mut datagrams = meridian::server::import::datagrams::Datagrams::new(Vec::new());
                let mut found = 0;
                if let Ok(mut file) = CaptureFile::open(capture.as_slice()) {
                    while let Ok(Some(packet)) = file.next_packet() {
                        found += u64::from(datagrams.datagram(&packet, 0).is_some());
                    }
                }
                assert_packets_add_up(&datagrams.counters(), found);
                capture[position] ^= mask;
            }
        }
    }
}

#[test]
fn what_is_not_export_is_counted_by_what_it_is() {
    let (source, destination): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 9].into());
    let at = |port| SocketAddr::new(source, port);
    let to = |port| SocketAddr::new(destination, port);
    let mut segment = vec![0xc0, 0, 0x12, 0x83, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0];
    segment.extend([0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut web = segment.clone();
    web[2..4].copy_from_slice(&443_u16.to_be_bytes());
    let mut arp = ethernet(&[], &ip(UDP, source, destination, &[0; 30]));
    arp[13] = 6;
    let empty_ipfix = [0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut malformed = udp_packet(at(1000), to(2055), &empty_ipfix);
    malformed[25] = 200;
    let framed: Vec<_> = [
        arp,
        ethernet(&[], &ip(6, source, destination, &segment)),
        ethernet(&[], &ip(6, source, destination, &web)),
        ethernet(&[], &ip(1, source, destination, &[8, 0, 0, 0])),
        ethernet(&[], &udp_packet(at(53), to(53), b"a name and its address")),
        ethernet(&[], &udp_packet(at(1000), to(2055), &empty_ipfix)),
        ethernet(&[], &udp_packet(at(1000), to(9999), &empty_ipfix)),
        ethernet(&[], &malformed),
    ]
    .into_iter()
    .map(|frame| (CAPTURED_US, frame))
    .collect();
    let mut capture = pcap(Layout::USUAL, ETHERNET, borrowed(&framed));
    // A packet of which the capture kept 60 bytes of 500.
    let whole = ethernet(&[], &udp_packet(at(1000), to(2055), &[0; 458]));
    let snapped = pcap(Layout::USUAL, ETHERNET, [(CAPTURED_US, &whole[..60])]);
    capture.extend(&snapped[24..36]);
    capture.extend(500_u32.to_le_bytes());
    capture.extend(&snapped[40..]);

    let all = imported(&capture);
    let expected = PacketCounters {
        packets: 9,
        not_ip: 1,
        ipfix_over_tcp: 1,
        not_udp: 2,
        cut_short: 1,
        malformed: 1,
        no_export: 1,
        whole_datagrams: 3,
        ..PacketCounters::default()
    };
    assert_eq!(all.packets, expected);
    assert_eq!((all.totals.datagrams, all.exporters.len()), (2, 1));
    let text = all.to_string();
    assert!(text.contains("IPFIX over TCP is not read from captures"), "{text}");

    let chosen = imported_with(&[&capture], &[9999]);
    assert_eq!((chosen.totals.datagrams, chosen.packets.other_ports, chosen.packets.no_export), (1, 2, 0));
    let ethernet_as_unknown = pcap(Layout::USUAL, 147, borrowed(&framed));
    assert_eq!(imported(&ethernet_as_unknown).packets.unsupported_link, 8);
}

#[test]
fn times_are_the_captures_and_believed_by_its_clock() {
    let start_ms = CAPTURED_US / 1000;
    let flow = |number: i64| FlowRecord {
        protocol: 6,
        bytes: 100,
        packets: 1,
        start_ms: start_ms - 5000 + number,
        end_ms: start_ms - 4000 + number,
        ..FlowRecord::default()
    };
    let flows: Vec<_> = (0..10).map(flow).collect();
    let sent = Exporter::new(Protocol::Ipfix, 1).datagrams(&flows, start_ms, 1_000_000);
    let source = SocketAddr::from(([192, 0, 2, 1], 9999));
    let capture_at = |time_us: i64| {
        let packets: Vec<_> =
            sent.iter().map(|payload| (time_us, udp_packet(source, collector_of(source), payload))).collect();
        pcap(Layout { is_big_endian: true, has_nanoseconds: true }, RAW, borrowed(&packets))
    };
    let believed = imported(&capture_at(CAPTURED_US));
    assert_eq!((believed.totals.traffic.flows, believed.totals.times_replaced), (10, 0));
    assert_eq!((believed.totals.first_ms, believed.totals.last_ms), (Some(start_ms), Some(start_ms)));
    assert_eq!(believed.exporters[0].first_ms, start_ms);
    // The same export datagrams in a capture of two days later: their times cannot be.
    let replaced = imported(&capture_at(CAPTURED_US + 2 * 86_400_000_000));
    assert_eq!((replaced.totals.traffic.flows, replaced.totals.times_replaced), (10, 10));
}

#[test]
fn the_clock_of_each_interface_is_read_by_its_resolution_and_offset() {
    let time_us = 1_795_000_000_123_456_i64;
    for is_big_endian in [false, true] {
        let layout = Layout { is_big_endian, has_nanoseconds: false };
        let hour: [u8; 8] = if is_big_endian { 3600_i64.to_be_bytes() } else { 3600_i64.to_le_bytes() };
        let mut capture = section(layout);
        for options in [
            &[][..],
            &[(9, &[3][..])],
            &[(9, &[9][..])],
            &[(9, &[10][..])],
            &[(9, &[0x80 | 0x1e][..])],
            &[(14, &hour[..])],
            &[(9, &[0x7f][..])],
        ] {
            capture.extend(interface(layout, RAW, options));
        }
        let time = ticks(time_us);
        let binary =
            u64::try_from((u128::from(ticks(time_us) / 1_000_000) << 30) + (123_456 << 30) / 1_000_000 + 1);
        let sent = [time, time / 1000, time * 1000 + 999, time * 10_000, binary.unwrap(), time, u64::MAX];
        for (number, ticks) in (0..).zip(sent) {
            capture.extend(enhanced(layout, number, ticks, &[0x45]));
        }
        // A simple packet has no time; the obsolete packet has a 16-bit interface and a count of drops.
        capture.extend(block(layout, 3, &[&numbers(layout, &[1])[..], &[0x45]].concat()));
        let (high, low) = (u32::try_from(time >> 32).unwrap(), u32::try_from(time & 0xffff_ffff).unwrap());
        let obsolete =
            [&half(layout, 0)[..], &half(layout, 9), &numbers(layout, &[high, low, 1, 1]), &[0x45]];
        capture.extend(block(layout, 2, &obsolete.concat()));
        let mut file = CaptureFile::open(capture.as_slice()).unwrap();
        let mut times = Vec::new();
        while let Some(packet) = file.next_packet().unwrap() {
            assert_eq!((packet.data, packet.link_type), (&[0x45][..], RAW));
            times.push(packet.time_us);
        }
        let expected =
            [time_us, time_us / 1000 * 1000, time_us, time_us, time_us, time_us + 3_600_000_000, 1_000_000];
        let expected: Vec<_> = expected.into_iter().map(Some).chain([None, Some(time_us)]).collect();
        assert_eq!(times, expected);
    }
}
