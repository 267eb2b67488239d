//! Random flows, as flow records and as the archive's columns, and random filters that some of them pass.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float32Array, Int64Array, RecordBatch,
    TimestampMillisecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use fastrand::Rng;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::model::filter::PlaceLookup;
use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow, Location};
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::model::traffic::Direction;
use crate::server::archive::{ArchiveFile, columns};

/// Countries and cities by number of a place.
const PLACES: [(&str, &str); 9] = [
    ("", ""),
    ("DE", ""),
    ("DE", "Köln"),
    ("DE", "KÖLN"),
    ("RU", "Moscow"),
    ("US", "Springfield"),
    ("GB", "springfield"),
    ("GR", "Κέρκυρας"),
    ("", "At sea"),
];
const EXPORTERS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)),
];
/// When the first flow may have been received.
pub(super) const BEGIN_MS: i64 = 1_760_000_000_000;
/// How long flows are received, milliseconds.
pub(super) const LENGTH_MS: i64 = 600_000;

pub(super) struct Places;

impl PlaceLookup for Places {
    fn country(&self, place: u32) -> Option<CountryCode> {
        CountryCode::parse(PLACES[place as usize].0)
    }

    fn city(&self, place: u32) -> &str {
        PLACES[place as usize].1
    }

    fn exporter_address(&self, exporter: ExporterId) -> Option<IpAddr> {
        Some(EXPORTERS[exporter.0 as usize])
    }
}

fn one_of<T: Copy>(rng: &mut Rng, values: &[T]) -> T {
    values[rng.usize(..values.len())]
}

fn address(rng: &mut Rng) -> IpAddr {
    match rng.u8(..4) {
        // Few of them, so that they are met again.
        0 => IpAddr::V4(Ipv4Addr::new(10, rng.u8(..2), 0, rng.u8(..8))),
        1 => IpAddr::V4(Ipv4Addr::from_bits(rng.u32(..))),
        2 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, rng.u16(..2), 0, 0, 0, 0, rng.u16(..4))),
        // Between the bounds of 10.0.0.0/8, when it is taken for bytes.
        _ => IpAddr::V6(Ipv6Addr::new(0x0a00, rng.u16(..4), 0, 0, 0, 0, 0, 1)),
    }
}

/// A flow with values that filters ask for.
pub(super) fn flow(rng: &mut Rng) -> LocatedFlow {
    let location = |rng: &mut Rng| Location {
        place: rng.u32(..9),
        as_number: one_of(rng, &[0, 3_320, 15_169, u32::MAX]),
    };
    let port = |rng: &mut Rng| one_of(rng, &[0, 53, 80, 443, 50_000, u16::MAX]);
    LocatedFlow {
        record: FlowRecord {
            source_address: address(rng),
            destination_address: address(rng),
            source_port: port(rng),
            destination_port: port(rng),
            protocol: one_of(rng, &[1, 6, 17, 255]),
            type_of_service: one_of(rng, &[0, 46, 255]),
            tcp_flags: one_of(rng, &[0, 2, 18, 511]),
            vlan: one_of(rng, &[0, 100, 4_095]),
            bytes: one_of(rng, &[0, 40, 1_500, 1_000_000, u64::MAX / 3]),
            packets: one_of(rng, &[0, 1, 1_000]),
            received_ms: BEGIN_MS + rng.i64(0..LENGTH_MS),
            start_ms: BEGIN_MS - 500,
            end_ms: BEGIN_MS - 1,
            input_interface: rng.u32(..4),
            output_interface: one_of(rng, &[0, 3, u32::MAX]),
            sampling_interval: one_of(rng, &[0, 1, 1, 100]),
            exporter: ExporterId(rng.u32(..3)),
            ..FlowRecord::default()
        },
        source: location(rng),
        destination: location(rng),
        direction: one_of(rng, &Direction::ALL),
    }
}

/// The flows as the archive has them.
pub(super) fn batch(flows: &[LocatedFlow]) -> RecordBatch {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let addresses = |of: fn(&LocatedFlow) -> IpAddr| -> ArrayRef {
        Arc::new(BinaryArray::from_iter_values(flows.iter().map(|flow| octets(of(flow)))))
    };
    let texts = |of: &dyn Fn(&LocatedFlow) -> Option<&'static str>| -> ArrayRef {
        Arc::new(flows.iter().map(of).collect::<DictionaryArray<Int32Type>>())
    };
    let country = |place: u32| Some(PLACES[place as usize].0).filter(|code| !code.is_empty());
    let city = |place: u32| Some(PLACES[place as usize].1);
    let schema = columns::schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        macro_rules! numbers {
            ($array:ty, $of:expr) => {
                Arc::new(<$array>::from_iter_values(flows.iter().map($of)))
            };
        }
        match field.name().as_str() {
            "received" => Arc::new(
                TimestampMillisecondArray::from_iter_values(flows.iter().map(|flow| flow.record.received_ms))
                    .with_timezone("UTC"),
            ),
            "export_delay_ms" => {
                numbers!(Int64Array, |flow| flow.record.received_ms - flow.record.end_ms)
            }
            "duration_ms" => numbers!(Int64Array, |flow| flow.record.end_ms - flow.record.start_ms),
            "exporter" => Arc::new(BinaryArray::from_iter_values(
                flows.iter().map(|flow| octets(EXPORTERS[flow.record.exporter.0 as usize])),
            )),
            "src_address" => addresses(|flow| flow.record.source_address),
            "dst_address" => addresses(|flow| flow.record.destination_address),
            "src_port" => numbers!(UInt16Array, |flow| flow.record.source_port),
            "dst_port" => numbers!(UInt16Array, |flow| flow.record.destination_port),
            "input_interface" => numbers!(UInt32Array, |flow| flow.record.input_interface),
            "output_interface" => numbers!(UInt32Array, |flow| flow.record.output_interface),
            "src_as" => numbers!(UInt32Array, |flow| flow.source.as_number),
            "dst_as" => numbers!(UInt32Array, |flow| flow.destination.as_number),
            "src_country" => texts(&|flow| country(flow.source.place)),
            "dst_country" => texts(&|flow| country(flow.destination.place)),
            "src_city" => texts(&|flow| city(flow.source.place)),
            "dst_city" => texts(&|flow| city(flow.destination.place)),
            "src_region" | "dst_region" => texts(&|_| Some("")),
            "direction" => {
                numbers!(UInt8Array, |flow| u8::try_from(flow.direction.index()).unwrap())
            }
            "protocol" => numbers!(UInt8Array, |flow| flow.record.protocol),
            "type_of_service" => numbers!(UInt8Array, |flow| flow.record.type_of_service),
            "tcp_flags" => numbers!(UInt16Array, |flow| flow.record.tcp_flags),
            "vlan" => numbers!(UInt16Array, |flow| flow.record.vlan),
            "bytes" => numbers!(UInt64Array, |flow| flow.record.bytes),
            "packets" => numbers!(UInt64Array, |flow| flow.record.packets),
            "sampling_interval" => numbers!(UInt32Array, |flow| flow.record.sampling_interval),
            "observation_domain" => numbers!(UInt32Array, |flow| flow.record.observation_domain),
            "icmp_type_code" => numbers!(UInt16Array, |_| 0),
            "is_reverse" => Arc::new(BooleanArray::from(vec![false; flows.len()])),
            "src_latitude" | "src_longitude" | "dst_latitude" | "dst_longitude" => {
                Arc::new(Float32Array::from(vec![None; flows.len()]))
            }
            "flow_direction" => Arc::new(UInt8Array::from(vec![None; flows.len()])),
            "time_source" | "src_mask" | "dst_mask" | "sampling_source" | "flow_end_reason" => {
                numbers!(UInt8Array, |_| 0)
            }
            other => panic!("a column that the sample does not have: {other}"),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// A sealed file of the flows, in the order of their outside addresses, in row groups that statistics can tell apart.
pub(super) fn file(folder: &Path, name: &str, flows: &[LocatedFlow], first_position: u64) -> ArchiveFile {
    let mut flows = flows.to_vec();
    flows.sort_by_key(|flow| match flow.direction {
        Direction::Outbound => flow.record.destination_address,
        _ => flow.record.source_address,
    });
    let path = folder.join(name);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(500))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(50)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_bloom_filter_enabled("src_address".into(), true)
        .set_column_bloom_filter_enabled("dst_address".into(), true)
        .build();
    let batch = batch(&flows);
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let received = flows.iter().map(|flow| flow.record.received_ms);
    let range = TimeRange::new(received.clone().min().unwrap(), received.max().unwrap() + 1).unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    ArchiveFile::new(path, range, flows.len() as u64, first_position, bytes)
}

/// A filter of random terms that some flows pass.
pub(super) fn filter(rng: &mut Rng) -> String {
    fn of(rng: &mut Rng, depth: u8) -> String {
        let more = rng.u8(..10);
        match (depth, more) {
            (0, _) | (_, 0..4) => term(rng),
            (_, 4 | 5) => format!("not ({})", of(rng, depth - 1)),
            (_, 6 | 7) => format!("({}) and ({})", of(rng, depth - 1), of(rng, depth - 1)),
            _ => format!("({}) or ({})", of(rng, depth - 1), of(rng, depth - 1)),
        }
    }
    of(rng, 3)
}

fn term(rng: &mut Rng) -> String {
    let end = one_of(rng, &["", "src.", "dst.", "outside.", "home."]);
    match rng.u8(..7) {
        0 => listed(rng, &format!("{end}address"), |rng| match rng.u8(..5) {
            0 => address(rng).to_string(),
            1 => one_of(rng, &["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "10.0.0.4/30"]).to_owned(),
            2 => one_of(rng, &["2001:db8::/32", "2001:db8:1::/48", "::/0", "a00::/16"]).to_owned(),
            3 => format!("{}.0.0.0/{}", rng.u8(..128) * 2, rng.u8(7..9)),
            _ => "10.0.0.3".to_owned(),
        }),
        1 => listed(rng, &format!("{end}country"), |rng| {
            one_of(rng, &["\"DE\"", "ru", "\"US\"", "\"GB\"", "unknown", "\"FR\""]).to_owned()
        }),
        2 => listed(rng, &format!("{end}city"), |rng| {
            let city =
                one_of(rng, &["köln", "Moscow", "SPRINGFIELD", "", "κέρκυρας", "ΚΈΡΚΥΡΑΣ", "Atlantis"]);
            format!("\"{city}\"")
        }),
        3 => number(rng, &format!("{end}port"), &[0, 53, 443, 50_000, 65_535]),
        4 => number(rng, &format!("{end}as"), &[0, 3_320, 15_169, 4_294_967_295]),
        5 => match rng.u8(..4) {
            0 => listed(rng, "protocol", |rng| one_of(rng, &["tcp", "udp", "icmp", "255"]).to_owned()),
            1 => listed(rng, "direction", |rng| one_of(rng, &Direction::ALL).name().to_owned()),
            2 => listed(rng, "flags", |rng| one_of(rng, &["0", "2", "511"]).to_owned()),
            _ => listed(rng, "exporter", |rng| {
                one_of(rng, &["192.0.2.1", "192.0.2.0/29", "2001:db8::/64", "192.0.2.77"]).to_owned()
            }),
        },
        _ => match rng.u8(..7) {
            0 => number(rng, "bytes", &[0, 40, 1_000_000, u64::MAX]),
            1 => number(rng, "packets", &[0, 1, 1_000]),
            2 => number(rng, "interface", &[0, 3, 4_294_967_295]),
            3 => {
                let field = one_of(rng, &["in.interface", "out.interface"]);
                number(rng, field, &[0, 1, 3])
            }
            4 => number(rng, "service", &[0, 53, 443, 65_535]),
            5 => number(rng, "tos", &[0, 46, 255]),
            _ => number(rng, "vlan", &[0, 100, 4_095]),
        },
    }
}

fn number(rng: &mut Rng, field: &str, values: &[u64]) -> String {
    if rng.bool() {
        return listed(rng, field, |rng| one_of(rng, values).to_string());
    }
    format!("{field} {} {}", one_of(rng, &["<", "<=", ">", ">="]), one_of(rng, values))
}

fn listed(rng: &mut Rng, field: &str, value: impl Fn(&mut Rng) -> String) -> String {
    if rng.bool() {
        return format!("{field} {} {}", one_of(rng, &["=", "!="]), value(rng));
    }
    let values: Vec<_> = (0..rng.usize(1..5)).map(|_| value(rng)).collect();
    format!("{field} {} ({})", one_of(rng, &["in", "not in"]), values.join(", "))
}
