//! Importing a capture, plain and gzipped: flow records a second, read, decoded, located and summed up.
//!
//! The capture holds IPFIX datagrams of up to 1,400 bytes, 22 fields a record; its size and the number of records are
//! printed. Beside it stands what decoding alone costs in the same run.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::geolocation::{Geolocation, Settings};
use meridian::server::import::{Request, import};
use meridian::server::wire::encode::Exporter;
use tokio_util::sync::CancellationToken;

const RECORDS: u32 = 6_000_000;
const RECORDS_AT_A_TIME: u32 = 10_000;
const NOW_MS: i64 = 1_790_000_000_000;

fn flow(number: u32) -> FlowRecord {
    FlowRecord {
        source_address: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)),
        destination_address: IpAddr::V4(Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b9))),
        source_port: 40_000,
        destination_port: 443,
        protocol: 6,
        tcp_flags: 0x1b,
        bytes: 1500 + u64::from(number),
        packets: 3,
        start_ms: NOW_MS - 5000,
        end_ms: NOW_MS - 1000,
        ..FlowRecord::default()
    }
}

/// A packet of the capture: its header there, Ethernet, IPv4, UDP, the datagram.
fn packet(payload: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = |more: usize| u32::try_from(payload.len() + more).map_err(std::io::Error::other);
    let half = |more: usize| u16::try_from(payload.len() + more).map_err(std::io::Error::other);
    let mut bytes = Vec::with_capacity(payload.len() + 58);
    let seconds = u32::try_from(NOW_MS / 1000).map_err(std::io::Error::other)?;
    for number in [seconds, 0, length(42)?, length(42)?] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
    bytes.extend(half(28)?.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9, 0xc3, 0x50, 0x12, 0x83]);
    bytes.extend(half(8)?.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    Ok(bytes)
}

/// Writes the capture twice, and decodes it on the way; answers the seconds that took.
fn write(plain: &Path, zipped: &Path) -> std::io::Result<f64> {
    let mut plain = BufWriter::new(File::create(plain)?);
    let mut zipped = GzEncoder::new(BufWriter::new(File::create(zipped)?), Compression::fast());
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0];
    header.extend(1_u32.to_le_bytes());
    plain.write_all(&header)?;
    zipped.write_all(&header)?;
    let mut exporter = Exporter::new(Protocol::Ipfix, 1);
    let mut intake = Intake::new(Limits::default(), Arc::default());
    let source = SocketAddr::from(([192, 0, 2, 1], 50_000));
    let mut decoded = Vec::new();
    let mut decoding_s = 0.0;
    for start in (0..RECORDS).step_by(RECORDS_AT_A_TIME as usize) {
        let flows: Vec<_> = (start..start + RECORDS_AT_A_TIME).map(flow).collect();
        let datagrams = exporter.datagrams(&flows, NOW_MS, 1_000_000);
        let begun = Instant::now();
        for datagram in &datagrams {
            decoded.clear();
            intake.datagram(source, NOW_MS * 1000, black_box(datagram), &mut decoded);
            black_box(&decoded);
        }
        decoding_s += begun.elapsed().as_secs_f64();
        for datagram in &datagrams {
            let packet = packet(datagram)?;
            plain.write_all(&packet)?;
            zipped.write_all(&packet)?;
        }
    }
    plain.flush()?;
    zipped.finish()?.flush()?;
    Ok(decoding_s)
}

fn main() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let [plain, zipped] = ["plain.pcap", "zipped.pcap.gz"].map(|name| folder.path().join(name));
    let decoding_s = write(&plain, &zipped)?;
    let settings = Settings { databases: vec!["data/geolocation".into()], ..Settings::default() };
    let geolocation = Arc::new(Geolocation::load(&settings));
    for problem in geolocation.status().problems {
        println!("note: {problem}");
    }
    println!("{:<10} {:>12} {:>10} {:>14}", "", "MB of file", "seconds", "M records/s");
    let rate = |seconds: f64| f64::from(RECORDS) / seconds / 1e6;
    println!("{:<10} {:>12} {decoding_s:>10.2} {:>14.2}", "decoding", "", rate(decoding_s));
    for file in [plain, zipped] {
        imported(&file, &geolocation)?;
    }
    Ok(())
}

fn imported(file: &PathBuf, geolocation: &Arc<Geolocation>) -> std::io::Result<()> {
    let megabytes = std::fs::metadata(file)?.len() / 1_000_000;
    let request = Request { files: vec![file.clone()], ports: Vec::new() };
    let intake = Intake::new(Limits::default(), Arc::default());
    let stop = CancellationToken::new();
    let summary = import(&request, intake, geolocation, None, &stop).map_err(std::io::Error::other)?;
    assert_eq!(summary.totals.traffic.flows, u64::from(RECORDS));
    let bytes: u64 = (0..RECORDS).map(|number| 1500 + u64::from(number)).sum();
    assert_eq!(summary.totals.traffic.bytes, bytes);
    let name = if file.extension().is_some_and(|end| end == "gz") { "gzip" } else { "pcap" };
    let seconds = summary.elapsed_s;
    let rate = f64::from(RECORDS) / seconds / 1e6;
    println!("{name:<10} {megabytes:>12} {seconds:>10.2} {rate:>14.2}");
    Ok(())
}
