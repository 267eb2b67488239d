//! The columns of the archive: how flow records become Arrow record batches, and come back.
//!
//! The same columns are in the sealed files and in the batches of the tail; `docs::archive_format` says for
//! everybody what they mean. Whatever a flow record holds comes back exactly, except what the archive does not
//! keep: the AS numbers as exported, where a database knew them, and the number of the exporter, which is only
//! good for one process.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryBuilder, BooleanArray, DictionaryArray, Float32Array,
    Int32Array, PrimitiveArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt8Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Float32Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMillisecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::row::{KeptPlace, Legend, Row, RowEnd, RowMaker};
use crate::model::flow_record::{FlowDirection, SamplingSource, TimeSource};
use crate::model::history::{StoredEnd, StoredFlow};
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;
use crate::server::collector::batch::FlowBatch;

/// When it was received: timestamp, milliseconds, UTC.
pub const RECEIVED: &str = "received";
/// Milliseconds from its last packet until it was received, `i64`, may be negative: end = received − this.
pub const EXPORT_DELAY_MS: &str = "export_delay_ms";
/// Milliseconds from its first to its last packet, `i64`: start = end − this.
pub const DURATION_MS: &str = "duration_ms";
/// Index of [`TimeSource`], `u8`: 0 record, 1 export time, 2 receive time.
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
/// [`Direction::index`], `u8`.
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
/// Index of [`SamplingSource`], `u8`: 0 unknown, 1 record, 2 options, 3 configured.
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

/// The flows of a batch as the archive would keep them, in their order.
pub fn batch_of(flows: &FlowBatch) -> Result<RecordBatch, ArrowError> {
    let mut maker = RowMaker::default();
    let rows = maker.rows(flows).collect::<Vec<_>>();
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

/// The flows of a record batch that has all columns, in any order; a column of another type than the schema's is
/// cast. An error when a column is missing, or a value is none that the archive writes.
pub fn stored_flows(batch: &RecordBatch) -> Result<Vec<StoredFlow>, ArrowError> {
    let columns = Columns::new(batch)?;
    (0..batch.num_rows()).map(|row| columns.flow(row)).collect()
}

type Numbers<T> = PrimitiveArray<T>;

/// The columns of a batch, found by their names.
struct Columns {
    received: TimestampMillisecondArray,
    export_delay_ms: Numbers<Int64Type>,
    duration_ms: Numbers<Int64Type>,
    time_source: Numbers<UInt8Type>,
    exporter: ArrayRef,
    observation_domain: Numbers<UInt32Type>,
    source: EndColumns,
    destination: EndColumns,
    direction: Numbers<UInt8Type>,
    protocol: Numbers<UInt8Type>,
    type_of_service: Numbers<UInt8Type>,
    tcp_flags: Numbers<UInt16Type>,
    icmp_type_code: Numbers<UInt16Type>,
    vlan: Numbers<UInt16Type>,
    bytes: Numbers<UInt64Type>,
    packets: Numbers<UInt64Type>,
    sampling_interval: Numbers<UInt32Type>,
    sampling_source: Numbers<UInt8Type>,
    is_reverse: BooleanArray,
    flow_direction: Numbers<UInt8Type>,
    flow_end_reason: Numbers<UInt8Type>,
}

struct EndColumns {
    address: ArrayRef,
    port: Numbers<UInt16Type>,
    mask: Numbers<UInt8Type>,
    interface: Numbers<UInt32Type>,
    as_number: Numbers<UInt32Type>,
    country: ArrayRef,
    region: ArrayRef,
    city: ArrayRef,
    latitude: Float32Array,
    longitude: Float32Array,
}

impl Columns {
    fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let boolean = found(batch, IS_REVERSE, &DataType::Boolean)?;
        Ok(Self {
            received: primitive(batch, RECEIVED)?,
            export_delay_ms: primitive(batch, EXPORT_DELAY_MS)?,
            duration_ms: primitive(batch, DURATION_MS)?,
            time_source: primitive(batch, TIME_SOURCE)?,
            exporter: found(batch, EXPORTER, &DataType::Binary)?,
            observation_domain: primitive(batch, OBSERVATION_DOMAIN)?,
            source: EndColumns {
                address: found(batch, SRC_ADDRESS, &DataType::Binary)?,
                port: primitive(batch, SRC_PORT)?,
                mask: primitive(batch, SRC_MASK)?,
                interface: primitive(batch, INPUT_INTERFACE)?,
                as_number: primitive(batch, SRC_AS)?,
                country: found(batch, SRC_COUNTRY, &DataType::Utf8)?,
                region: found(batch, SRC_REGION, &DataType::Utf8)?,
                city: found(batch, SRC_CITY, &DataType::Utf8)?,
                latitude: primitive::<Float32Type>(batch, SRC_LATITUDE)?,
                longitude: primitive::<Float32Type>(batch, SRC_LONGITUDE)?,
            },
            destination: EndColumns {
                address: found(batch, DST_ADDRESS, &DataType::Binary)?,
                port: primitive(batch, DST_PORT)?,
                mask: primitive(batch, DST_MASK)?,
                interface: primitive(batch, OUTPUT_INTERFACE)?,
                as_number: primitive(batch, DST_AS)?,
                country: found(batch, DST_COUNTRY, &DataType::Utf8)?,
                region: found(batch, DST_REGION, &DataType::Utf8)?,
                city: found(batch, DST_CITY, &DataType::Utf8)?,
                latitude: primitive::<Float32Type>(batch, DST_LATITUDE)?,
                longitude: primitive::<Float32Type>(batch, DST_LONGITUDE)?,
            },
            direction: primitive(batch, DIRECTION)?,
            protocol: primitive(batch, PROTOCOL)?,
            type_of_service: primitive(batch, TYPE_OF_SERVICE)?,
            tcp_flags: primitive(batch, TCP_FLAGS)?,
            icmp_type_code: primitive(batch, ICMP_TYPE_CODE)?,
            vlan: primitive(batch, VLAN)?,
            bytes: primitive(batch, BYTES)?,
            packets: primitive(batch, PACKETS)?,
            sampling_interval: primitive(batch, SAMPLING_INTERVAL)?,
            sampling_source: primitive(batch, SAMPLING_SOURCE)?,
            is_reverse: boolean.as_boolean().clone(),
            flow_direction: primitive(batch, FLOW_DIRECTION)?,
            flow_end_reason: primitive(batch, FLOW_END_REASON)?,
        })
    }

    fn flow(&self, row: usize) -> Result<StoredFlow, ArrowError> {
        let received_ms = self.received.value(row);
        let end_ms = received_ms.wrapping_sub(self.export_delay_ms.value(row));
        let flow_direction = match (self.flow_direction.is_valid(row), self.flow_direction.value(row)) {
            (false, _) => None,
            (true, 0) => Some(FlowDirection::Ingress),
            (true, 1) => Some(FlowDirection::Egress),
            (true, value) => return Err(unknown(FLOW_DIRECTION, value)),
        };
        let direction = self.direction.value(row);
        Ok(StoredFlow {
            received_ms,
            start_ms: end_ms.wrapping_sub(self.duration_ms.value(row)),
            end_ms,
            time_source: match self.time_source.value(row) {
                0 => TimeSource::Record,
                1 => TimeSource::ExportTime,
                2 => TimeSource::ReceiveTime,
                value => return Err(unknown(TIME_SOURCE, value)),
            },
            exporter: address(&self.exporter, row)?,
            observation_domain: self.observation_domain.value(row),
            source: self.source.end(row)?,
            destination: self.destination.end(row)?,
            direction: *Direction::ALL
                .get(usize::from(direction))
                .ok_or_else(|| unknown(DIRECTION, direction))?,
            protocol: self.protocol.value(row),
            type_of_service: self.type_of_service.value(row),
            tcp_flags: self.tcp_flags.value(row),
            icmp_type_code: self.icmp_type_code.value(row),
            vlan: self.vlan.value(row),
            bytes: self.bytes.value(row),
            packets: self.packets.value(row),
            sampling_interval: self.sampling_interval.value(row),
            sampling_source: match self.sampling_source.value(row) {
                0 => SamplingSource::Unknown,
                1 => SamplingSource::Record,
                2 => SamplingSource::Options,
                3 => SamplingSource::Configured,
                value => return Err(unknown(SAMPLING_SOURCE, value)),
            },
            is_reverse: self.is_reverse.value(row),
            flow_direction,
            flow_end_reason: self.flow_end_reason.value(row),
        })
    }
}

impl EndColumns {
    fn end(&self, row: usize) -> Result<StoredEnd, ArrowError> {
        let degrees = |column: &Float32Array| column.is_valid(row).then(|| column.value(row));
        let text = |column: &ArrayRef| column.as_string::<i32>().value(row).to_owned();
        Ok(StoredEnd {
            address: address(&self.address, row)?,
            port: self.port.value(row),
            mask: self.mask.value(row),
            interface: self.interface.value(row),
            as_number: self.as_number.value(row),
            country: if self.country.is_valid(row) { CountryCode::parse(&text(&self.country)) } else { None },
            region: text(&self.region),
            city: text(&self.city),
            latitude: degrees(&self.latitude),
            longitude: degrees(&self.longitude),
        })
    }
}

/// A column by its name, as the type that is asked for.
fn found(batch: &RecordBatch, name: &str, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    let column = batch.column_by_name(name);
    let column = column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))?;
    if column.data_type() == kind { Ok(Arc::clone(column)) } else { cast(column, kind) }
}

fn primitive<T: ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &str,
) -> Result<PrimitiveArray<T>, ArrowError> {
    // A timestamp keeps its time zone: the values mean the same with and without.
    let column = found(batch, name, &T::DATA_TYPE)?;
    let values = column.as_primitive_opt::<T>().cloned();
    values.ok_or_else(|| ArrowError::SchemaError(format!("the column {name} is of another type")))
}

fn unknown(name: &str, value: u8) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("the column {name} holds {value}, which means nothing"))
}

fn address(column: &ArrayRef, row: usize) -> Result<IpAddr, ArrowError> {
    address_of(column.as_binary::<i32>().value(row))
        .ok_or_else(|| ArrowError::InvalidArgumentError("an address has neither 4 nor 16 bytes".to_owned()))
}

/// The address of 4 or 16 bytes.
pub fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))).ok()
}
