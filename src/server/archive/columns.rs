//! The columns of the archive: how flow records become Arrow record batches.
//!
//! The same columns are in the sealed files and in the batches of the tail; `docs::archive_format` says for
//! everybody what they mean. Whatever a flow record holds comes back exactly, except what the archive does not keep:
//! the AS numbers as exported, where a database knew them, and the number of the exporter, which is good for one
//! process only.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanArray, DictionaryArray, Float32Array, Int32Array,
    PrimitiveArray, RecordBatch, StringArray, UInt8Array,
};
use arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

pub use super::stored::{address_of, found, primitive, stored_flows};

use super::row::{KeptPlace, Legend, Row, RowEnd, RowMaker};
use crate::model::place::CountryCode;
use crate::server::collector::batch::FlowBatch;

/// When it was received: timestamp, milliseconds, UTC.
pub const RECEIVED: &str = "received";
/// Milliseconds from its last packet until it was received, `i64`, may be negative: end = received − this.
pub const EXPORT_DELAY_MS: &str = "export_delay_ms";
/// Milliseconds from its first to its last packet, `i64`: start = end − this.
pub const DURATION_MS: &str = "duration_ms";
/// Index of [`TimeSource`](crate::model::flow_record::TimeSource), `u8`: 0 record, 1 export time, 2 receive time.
pub const TIME_SOURCE: &str = "time_source";
/// Address of the exporter, 4 or 16 bytes.
pub const EXPORTER: &str = "exporter";
/// `u32`.
pub const OBSERVATION_DOMAIN: &str = "observation_domain";
/// 4 or 16 bytes.
pub const SRC_ADDRESS: &str = "src_address";
/// 4 or 16 bytes.
pub const DST_ADDRESS: &str = "dst_address";
/// `u16`.
pub const SRC_PORT: &str = "src_port";
/// `u16`.
pub const DST_PORT: &str = "dst_port";
/// `u8`.
pub const SRC_MASK: &str = "src_mask";
/// `u8`.
pub const DST_MASK: &str = "dst_mask";
/// `u32`.
pub const INPUT_INTERFACE: &str = "input_interface";
/// `u32`.
pub const OUTPUT_INTERFACE: &str = "output_interface";
/// `u32`.
pub const SRC_AS: &str = "src_as";
/// `u32`.
pub const DST_AS: &str = "dst_as";
/// Two letters, null when unknown: dictionary of text.
pub const SRC_COUNTRY: &str = "src_country";
/// Two letters, null when unknown: dictionary of text.
pub const DST_COUNTRY: &str = "dst_country";
/// Empty when unknown: dictionary of text.
pub const SRC_REGION: &str = "src_region";
/// Empty when unknown: dictionary of text.
pub const DST_REGION: &str = "dst_region";
/// Empty when unknown: dictionary of text.
pub const SRC_CITY: &str = "src_city";
/// Empty when unknown: dictionary of text.
pub const DST_CITY: &str = "dst_city";
/// Degrees, `f32`, null when nothing may be drawn.
pub const SRC_LATITUDE: &str = "src_latitude";
/// Degrees, `f32`, null when nothing may be drawn.
pub const SRC_LONGITUDE: &str = "src_longitude";
/// Degrees, `f32`, null when nothing may be drawn.
pub const DST_LATITUDE: &str = "dst_latitude";
/// Degrees, `f32`, null when nothing may be drawn.
pub const DST_LONGITUDE: &str = "dst_longitude";
/// [`Direction::index`](crate::model::traffic::Direction::index), `u8`.
pub const DIRECTION: &str = "direction";
/// `u8`.
pub const PROTOCOL: &str = "protocol";
/// `u8`.
pub const TYPE_OF_SERVICE: &str = "type_of_service";
/// `u16`.
pub const TCP_FLAGS: &str = "tcp_flags";
/// `u16`.
pub const ICMP_TYPE_CODE: &str = "icmp_type_code";
/// `u16`.
pub const VLAN: &str = "vlan";
/// `u64`, not scaled.
pub const BYTES: &str = "bytes";
/// `u64`, not scaled.
pub const PACKETS: &str = "packets";
/// `u32`, 0 when unknown.
pub const SAMPLING_INTERVAL: &str = "sampling_interval";
/// Index of [`SamplingSource`](crate::model::flow_record::SamplingSource), `u8`: 0 unknown, 1 record, 2 options, 3 configured.
pub const SAMPLING_SOURCE: &str = "sampling_source";
/// Boolean.
pub const IS_REVERSE: &str = "is_reverse";
/// `u8`: 0 ingress, 1 egress, null when unknown.
pub const FLOW_DIRECTION: &str = "flow_direction";
/// `u8`.
pub const FLOW_END_REASON: &str = "flow_end_reason";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let received = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let column = |name: &str, kind: DataType| Field::new(name, kind, false);
    let nullable = |name: &str, kind: DataType| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        column(RECEIVED, received),
        column(EXPORT_DELAY_MS, DataType::Int64),
        column(DURATION_MS, DataType::Int64),
        column(TIME_SOURCE, DataType::UInt8),
        column(EXPORTER, DataType::Binary),
        column(OBSERVATION_DOMAIN, DataType::UInt32),
        column(SRC_ADDRESS, DataType::Binary),
        column(DST_ADDRESS, DataType::Binary),
        column(SRC_PORT, DataType::UInt16),
        column(DST_PORT, DataType::UInt16),
        column(SRC_MASK, DataType::UInt8),
        column(DST_MASK, DataType::UInt8),
        column(INPUT_INTERFACE, DataType::UInt32),
        column(OUTPUT_INTERFACE, DataType::UInt32),
        column(SRC_AS, DataType::UInt32),
        column(DST_AS, DataType::UInt32),
        nullable(SRC_COUNTRY, text()),
        nullable(DST_COUNTRY, text()),
        column(SRC_REGION, text()),
        column(DST_REGION, text()),
        column(SRC_CITY, text()),
        column(DST_CITY, text()),
        nullable(SRC_LATITUDE, DataType::Float32),
        nullable(SRC_LONGITUDE, DataType::Float32),
        nullable(DST_LATITUDE, DataType::Float32),
        nullable(DST_LONGITUDE, DataType::Float32),
        column(DIRECTION, DataType::UInt8),
        column(PROTOCOL, DataType::UInt8),
        column(TYPE_OF_SERVICE, DataType::UInt8),
        column(TCP_FLAGS, DataType::UInt16),
        column(ICMP_TYPE_CODE, DataType::UInt16),
        column(VLAN, DataType::UInt16),
        column(BYTES, DataType::UInt64),
        column(PACKETS, DataType::UInt64),
        column(SAMPLING_INTERVAL, DataType::UInt32),
        column(SAMPLING_SOURCE, DataType::UInt8),
        column(IS_REVERSE, DataType::Boolean),
        nullable(FLOW_DIRECTION, DataType::UInt8),
        column(FLOW_END_REASON, DataType::UInt8),
    ]))
});

/// All columns, in their order.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// The names of all columns, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCHEMA.fields().iter().map(|field| field.name().as_str())
}

/// The flows of a batch as the archive would keep them, in their order.
pub fn batch_of(flows: &FlowBatch) -> Result<RecordBatch, ArrowError> {
    let mut maker = RowMaker::default();
    let rows = maker.rows(&flows.flows, flows).collect::<Vec<_>>();
    Texts::new(maker.legend()).batch(&rows, maker.legend())
}

/// One dictionary, and for each place its entry.
#[derive(Debug)]
struct Text {
    values: ArrayRef,
    keys: Vec<Option<i32>>,
}

impl Text {
    fn new<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut numbers: HashMap<&str, i32> = HashMap::new();
        let mut values = Vec::new();
        let keys = texts
            .map(|text| {
                text.map(|text| {
                    *numbers.entry(text).or_insert_with(|| {
                        values.push(text);
                        i32::try_from(values.len() - 1).unwrap_or(i32::MAX)
                    })
                })
            })
            .collect();
        Self { values: Arc::new(StringArray::from(values)), keys }
    }

    fn array(&self, places: impl Iterator<Item = u32>) -> Result<ArrayRef, ArrowError> {
        let keys = places.map(|place| self.keys.get(index(place)).copied().flatten());
        let keys = keys.collect::<Int32Array>();
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&self.values))?))
    }
}

/// The dictionaries of a legend.
#[derive(Debug)]
pub(super) struct Texts {
    country: Text,
    region: Text,
    city: Text,
}

impl Texts {
    pub(super) fn new(legend: &Legend) -> Self {
        let countries = legend.places.iter().map(|place| place.country.as_ref().map(CountryCode::as_str));
        Self {
            country: Text::new(countries),
            region: Text::new(legend.places.iter().map(|place| Some(place.region.as_str()))),
            city: Text::new(legend.places.iter().map(|place| Some(place.city.as_str()))),
        }
    }

    /// The rows as columns, in their order. The legend is the one that the texts were made of.
    pub(super) fn batch(&self, rows: &[Row], legend: &Legend) -> Result<RecordBatch, ArrowError> {
        let source = |row: &Row| row.source;
        let destination = |row: &Row| row.destination;
        let received = numbers::<TimestampMillisecondType>(rows, |row| row.received_ms);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(received.with_timezone("UTC")),
            Arc::new(numbers::<Int64Type>(rows, |row| row.export_delay_ms)),
            Arc::new(numbers::<Int64Type>(rows, |row| row.duration_ms)),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.time_source)),
            addresses(rows, |row| exporter(legend, row)),
            Arc::new(numbers::<UInt32Type>(rows, |row| row.observation_domain)),
            addresses(rows, |row| row.source.address),
            addresses(rows, |row| row.destination.address),
            Arc::new(numbers::<UInt16Type>(rows, |row| row.source.port)),
            Arc::new(numbers::<UInt16Type>(rows, |row| row.destination.port)),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.source.mask)),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.destination.mask)),
            Arc::new(numbers::<UInt32Type>(rows, |row| row.source.interface)),
            Arc::new(numbers::<UInt32Type>(rows, |row| row.destination.interface)),
            Arc::new(numbers::<UInt32Type>(rows, |row| row.source.as_number)),
            Arc::new(numbers::<UInt32Type>(rows, |row| row.destination.as_number)),
            self.country.array(rows.iter().map(|row| row.source.place))?,
            self.country.array(rows.iter().map(|row| row.destination.place))?,
            self.region.array(rows.iter().map(|row| row.source.place))?,
            self.region.array(rows.iter().map(|row| row.destination.place))?,
            self.city.array(rows.iter().map(|row| row.source.place))?,
            self.city.array(rows.iter().map(|row| row.destination.place))?,
            degrees(rows, legend, source, |(latitude, _)| latitude),
            degrees(rows, legend, source, |(_, longitude)| longitude),
            degrees(rows, legend, destination, |(latitude, _)| latitude),
            degrees(rows, legend, destination, |(_, longitude)| longitude),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.direction)),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.protocol)),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.type_of_service)),
            Arc::new(numbers::<UInt16Type>(rows, |row| row.tcp_flags)),
            Arc::new(numbers::<UInt16Type>(rows, |row| row.icmp_type_code)),
            Arc::new(numbers::<UInt16Type>(rows, |row| row.vlan)),
            Arc::new(numbers::<UInt64Type>(rows, |row| row.bytes)),
            Arc::new(numbers::<UInt64Type>(rows, |row| row.packets)),
            Arc::new(numbers::<UInt32Type>(rows, |row| row.sampling_interval)),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.sampling_source)),
            Arc::new(rows.iter().map(|row| Some(row.is_reverse)).collect::<BooleanArray>()),
            Arc::new(
                rows.iter()
                    .map(|row| (row.flow_direction < 2).then_some(row.flow_direction))
                    .collect::<UInt8Array>(),
            ),
            Arc::new(numbers::<UInt8Type>(rows, |row| row.flow_end_reason)),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}

fn numbers<T: ArrowPrimitiveType>(rows: &[Row], value: impl Fn(&Row) -> T::Native) -> PrimitiveArray<T> {
    PrimitiveArray::from_iter_values(rows.iter().map(value))
}

fn addresses(rows: &[Row], address: impl Fn(&Row) -> IpAddr) -> ArrayRef {
    let mut column = BinaryBuilder::with_capacity(rows.len(), rows.len() * 4);
    for row in rows {
        match address(row) {
            IpAddr::V4(address) => column.append_value(address.octets()),
            IpAddr::V6(address) => column.append_value(address.octets()),
        }
    }
    Arc::new(column.finish())
}

fn degrees(
    rows: &[Row],
    legend: &Legend,
    end: impl Fn(&Row) -> RowEnd,
    part: impl Fn((f32, f32)) -> f32,
) -> ArrayRef {
    let of = |place: &KeptPlace| place.coordinates.map(&part);
    let values = rows.iter().map(|row| legend.places.get(index(end(row).place)).and_then(of));
    Arc::new(values.collect::<Float32Array>())
}

fn exporter(legend: &Legend, row: &Row) -> IpAddr {
    legend.exporters.get(index(row.exporter)).copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
