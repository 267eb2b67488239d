//! The archive as its users see it: rows that went in come out, once, whatever happens between.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use fastrand::Rng;
use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{IpVersion, Value, Writer};
use tempfile::TempDir;

use super::*;
use crate::model::flow_record::{
    ExporterId, FlowDirection, FlowRecord, LocatedFlow, SamplingSource, TimeSource,
};
use crate::model::history::StoredFlow;
use crate::server::geolocation::{self, Geolocation, HomeNetworkSetting};

mod crashes;
mod disk;
mod reading;
mod round_trip;

/// 2026-11-23 17:00 UTC.
const HOUR: i64 = 1_795_453_200_000;
const EVER: TimeRange = TimeRange { from_ms: i64::MIN, to_ms: i64::MAX };

/// London has all that a place can have; home networks with and without a location.
fn geolocation() -> Arc<Geolocation> {
    static KNOWN: OnceLock<Arc<Geolocation>> = OnceLock::new();
    let load = || {
        let mut writer = Writer::builder("GeoIP2-City").ip_version(IpVersion::V6).build();
        let named = |name: &str| Value::map([("names", Value::map([("en", Value::from(name))]))]);
        let location = Value::map([("latitude", Value::from(51.5142)), ("longitude", Value::from(-0.0931))]);
        let country = |code: &str| Value::map([("iso_code", Value::from(code))]);
        let london = Value::map([
            ("city", named("London")),
            ("country", country("GB")),
            ("subdivisions", Value::array([named("England")])),
            ("location", location),
        ]);
        writer.insert_value("81.0.0.0/8".parse::<IpNet>().unwrap(), london).unwrap();
        writer
            .insert_value("2001:480::/32".parse::<IpNet>().unwrap(), Value::map([("country", country("US"))]))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("places.mmdb");
        fs::write(&file, writer.to_bytes().unwrap()).unwrap();
        let home = |name: &str, network: &str, degrees: Option<f32>| HomeNetworkSetting {
            name: name.to_owned(),
            networks: vec![network.parse().unwrap()],
            latitude: degrees,
            longitude: degrees,
            place: None,
        };
        let home_networks =
            vec![home("Campus", "10.1.0.0/16", Some(-7.25)), home("Lab", "10.2.0.0/16", None)];
        let settings = geolocation::Settings { databases: vec![file], home_networks, ..Default::default() };
        let geolocation = Geolocation::load(&settings);
        assert_eq!(geolocation.status().problems, Vec::<String>::new());
        Arc::new(geolocation)
    };
    Arc::clone(KNOWN.get_or_init(load))
}

fn batch_of(records: &[FlowRecord]) -> FlowBatch {
    let geolocation = geolocation();
    let mut flows: Vec<LocatedFlow> = Vec::new();
    geolocation.locate_all(records, &mut flows);
    let exporters: Arc<[IpAddr]> = Arc::from([[192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap()]);
    FlowBatch { oldest_received_us: 0, newest_received_us: 0, geolocation, exporters, flows: flows.into() }
}

/// Any flows, received in the second of a moment.
fn flows(random: &mut Rng, rows: usize, moment_ms: i64) -> FlowBatch {
    let records: Vec<_> = (0..rows).map(|_| record(random, moment_ms)).collect();
    batch_of(&records)
}

fn record(random: &mut Rng, moment_ms: i64) -> FlowRecord {
    let address = |random: &mut Rng| -> IpAddr {
        match random.u8(0..6) {
            0 => [10, 1, random.u8(..), random.u8(..)].into(),
            1 => [10, 2, 0, random.u8(..)].into(),
            2 => [81, 2, random.u8(..), random.u8(..)].into(),
            3 => [random.u8(1..), random.u8(..), random.u8(..), random.u8(..)].into(),
            4 => ((0x2001_0480_u128 << 96) | u128::from(random.u16(..))).to_be_bytes().into(),
            _ => (random.u128(..) | 1 << 127).to_be_bytes().into(),
        }
    };
    let received_ms = moment_ms + random.i64(0..1_000);
    let end_ms = received_ms - random.i64(-50..20_000);
    FlowRecord {
        source_address: address(random),
        destination_address: address(random),
        source_port: random.u16(..),
        destination_port: random.u16(..),
        icmp_type_code: random.u16(..),
        protocol: random.u8(..),
        type_of_service: random.u8(..),
        tcp_flags: random.u16(..512),
        vlan: random.u16(..),
        bytes: random.u64(..1 << 53),
        packets: random.u64(..1 << 40),
        start_ms: end_ms - random.i64(0..60_000),
        end_ms,
        received_ms,
        time_source: [TimeSource::Record, TimeSource::ExportTime, TimeSource::ReceiveTime]
            [random.usize(0..3)],
        is_reverse: random.bool(),
        flow_direction: [None, Some(FlowDirection::Ingress), Some(FlowDirection::Egress)][random.usize(0..3)],
        input_interface: random.u32(..),
        output_interface: random.u32(..),
        source_as: random.u32(..),
        destination_as: random.u32(..),
        source_mask: random.u8(..),
        destination_mask: random.u8(..),
        flow_end_reason: random.u8(..),
        sampling_interval: random.u32(..),
        sampling_source: [
            SamplingSource::Unknown,
            SamplingSource::Record,
            SamplingSource::Options,
            SamplingSource::Configured,
        ][random.usize(0..4)],
        exporter: ExporterId(random.u32(0..2)),
        observation_domain: random.u32(..),
    }
}

/// What the archive should say of a batch.
fn truth(batch: &FlowBatch) -> Vec<StoredFlow> {
    let end = |address, port, mask, interface, location: crate::model::flow_record::Location| {
        let place = batch.geolocation.place(location.place);
        let degrees = |degrees| place.precision.has_coordinates().then_some(degrees);
        crate::model::history::StoredEnd {
            address,
            port,
            mask,
            interface,
            as_number: location.as_number,
            country: place.country,
            latitude: degrees(place.latitude),
            longitude: degrees(place.longitude),
            region: place.region,
            city: place.city,
        }
    };
    let flow = |flow: &LocatedFlow| {
        let record = &flow.record;
        StoredFlow {
            received_ms: record.received_ms,
            start_ms: record.start_ms,
            end_ms: record.end_ms,
            time_source: record.time_source,
            exporter: batch.exporters[record.exporter.0 as usize],
            observation_domain: record.observation_domain,
            source: end(
                record.source_address,
                record.source_port,
                record.source_mask,
                record.input_interface,
                flow.source,
            ),
            destination: end(
                record.destination_address,
                record.destination_port,
                record.destination_mask,
                record.output_interface,
                flow.destination,
            ),
            direction: flow.direction,
            protocol: record.protocol,
            type_of_service: record.type_of_service,
            tcp_flags: record.tcp_flags,
            icmp_type_code: record.icmp_type_code,
            vlan: record.vlan,
            bytes: record.bytes,
            packets: record.packets,
            sampling_interval: record.sampling_interval,
            sampling_source: record.sampling_source,
            is_reverse: record.is_reverse,
            flow_direction: record.flow_direction,
            flow_end_reason: record.flow_end_reason,
        }
    };
    batch.flows.iter().map(flow).collect()
}

/// Flows in an order that does not depend on where they came from.
fn sorted(mut flows: Vec<StoredFlow>) -> Vec<StoredFlow> {
    flows.sort_by_cached_key(|flow| format!("{flow:?}"));
    flows
}

fn settings(folder: &Path) -> Settings {
    Settings { folder: folder.to_owned(), keep_s: None, keep_bytes: None, min_free_bytes: 0 }
}

/// An archive, what was put in, and a clock.
struct Kept {
    archive: Archive,
    random: Rng,
    truth: Vec<StoredFlow>,
}

impl Kept {
    fn open(folder: &Path) -> Self {
        // A process that another test just starts holds the lock of a closed archive until it runs.
        let patience = Instant::now() + Duration::from_secs(10);
        let archive = loop {
            match Archive::open(settings(folder), HOUR) {
                Err(ArchiveError::InUse { .. }) if Instant::now() < patience => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        Self { archive, random: Rng::with_seed(5), truth: Vec::new() }
    }

    fn append(&mut self, rows: usize, moment_ms: i64) {
        let batch = flows(&mut self.random, rows, moment_ms);
        self.archive.append(&batch).unwrap();
        self.truth.extend(truth(&batch));
    }

    /// Closes the segment, as an hour that is over does.
    fn close(&self) {
        self.archive.rotate(&mut lock(&self.archive.log)).unwrap();
    }

    fn keep(&self) {
        self.archive.keep(HOUR, Instant::now());
    }
}

/// All flows that an archive has.
fn stored(archive: &Archive) -> Vec<StoredFlow> {
    all_of(&archive.snapshot(EVER))
}

fn all_of(snapshot: &Snapshot) -> Vec<StoredFlow> {
    assert_eq!(snapshot.damaged, 0);
    let mut flows = Vec::new();
    for file in &snapshot.files {
        let before = flows.len() as u64;
        for batch in sealed::read(&file.path).unwrap() {
            flows.extend(columns::stored_flows(&batch.unwrap()).unwrap());
        }
        assert_eq!(flows.len() as u64 - before, file.rows);
        assert_eq!(fs::metadata(&file.path).unwrap().len(), file.bytes);
    }
    for batch in &snapshot.tail {
        flows.extend(columns::stored_flows(batch).unwrap());
    }
    flows
}

#[track_caller]
fn assert_same(one: Vec<StoredFlow>, other: &[StoredFlow]) {
    let (one, other) = (sorted(one), sorted(other.to_vec()));
    assert_eq!(one.len(), other.len());
    assert!(one == other, "flows differ");
}

fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(folder, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_into(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder, without the lock.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if !path.ends_with("lock") {
            files.push(path);
        }
    }
    files.sort();
    files
}
