//! Reads flow records back from the [columns](super::columns).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Float32Array, PrimitiveArray, RecordBatch,
    TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow::error::ArrowError;

use super::columns;
use crate::model::flow_record::{FlowDirection, SamplingSource, TimeSource};
use crate::model::history::{StoredEnd, StoredFlow};
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;

/// The flows of a record batch that has all columns, in any order; a column of another type than the schema's is
/// cast. An error when a column is missing, or a value is none that the archive writes.
pub fn stored_flows(batch: &RecordBatch) -> Result<Vec<StoredFlow>, ArrowError> {
    let found = Columns::new(batch)?;
    (0..batch.num_rows()).map(|row| found.flow(row)).collect()
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
        let boolean = found(batch, columns::IS_REVERSE, &DataType::Boolean)?;
        Ok(Self {
            received: primitive(batch, columns::RECEIVED)?,
            export_delay_ms: primitive(batch, columns::EXPORT_DELAY_MS)?,
            duration_ms: primitive(batch, columns::DURATION_MS)?,
            time_source: primitive(batch, columns::TIME_SOURCE)?,
            exporter: found(batch, columns::EXPORTER, &DataType::Binary)?,
            observation_domain: primitive(batch, columns::OBSERVATION_DOMAIN)?,
            source: EndColumns {
                address: found(batch, columns::SRC_ADDRESS, &DataType::Binary)?,
                port: primitive(batch, columns::SRC_PORT)?,
                mask: primitive(batch, columns::SRC_MASK)?,
                interface: primitive(batch, columns::INPUT_INTERFACE)?,
                as_number: primitive(batch, columns::SRC_AS)?,
                country: found(batch, columns::SRC_COUNTRY, &DataType::Utf8)?,
                region: found(batch, columns::SRC_REGION, &DataType::Utf8)?,
                city: found(batch, columns::SRC_CITY, &DataType::Utf8)?,
                latitude: primitive::<Float32Type>(batch, columns::SRC_LATITUDE)?,
                longitude: primitive::<Float32Type>(batch, columns::SRC_LONGITUDE)?,
            },
            destination: EndColumns {
                address: found(batch, columns::DST_ADDRESS, &DataType::Binary)?,
                port: primitive(batch, columns::DST_PORT)?,
                mask: primitive(batch, columns::DST_MASK)?,
                interface: primitive(batch, columns::OUTPUT_INTERFACE)?,
                as_number: primitive(batch, columns::DST_AS)?,
                country: found(batch, columns::DST_COUNTRY, &DataType::Utf8)?,
                region: found(batch, columns::DST_REGION, &DataType::Utf8)?,
                city: found(batch, columns::DST_CITY, &DataType::Utf8)?,
                latitude: primitive::<Float32Type>(batch, columns::DST_LATITUDE)?,
                longitude: primitive::<Float32Type>(batch, columns::DST_LONGITUDE)?,
            },
            direction: primitive(batch, columns::DIRECTION)?,
            protocol: primitive(batch, columns::PROTOCOL)?,
            type_of_service: primitive(batch, columns::TYPE_OF_SERVICE)?,
            tcp_flags: primitive(batch, columns::TCP_FLAGS)?,
            icmp_type_code: primitive(batch, columns::ICMP_TYPE_CODE)?,
            vlan: primitive(batch, columns::VLAN)?,
            bytes: primitive(batch, columns::BYTES)?,
            packets: primitive(batch, columns::PACKETS)?,
            sampling_interval: primitive(batch, columns::SAMPLING_INTERVAL)?,
            sampling_source: primitive(batch, columns::SAMPLING_SOURCE)?,
            is_reverse: boolean.as_boolean().clone(),
            flow_direction: primitive(batch, columns::FLOW_DIRECTION)?,
            flow_end_reason: primitive(batch, columns::FLOW_END_REASON)?,
        })
    }

    fn flow(&self, row: usize) -> Result<StoredFlow, ArrowError> {
        let received_ms = self.received.value(row);
        let end_ms = received_ms.wrapping_sub(self.export_delay_ms.value(row));
        let flow_direction = match (self.flow_direction.is_valid(row), self.flow_direction.value(row)) {
            (false, _) => None,
            (true, 0) => Some(FlowDirection::Ingress),
            (true, 1) => Some(FlowDirection::Egress),
            (true, value) => return Err(unknown(columns::FLOW_DIRECTION, value)),
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
                value => return Err(unknown(columns::TIME_SOURCE, value)),
            },
            exporter: address(&self.exporter, row)?,
            observation_domain: self.observation_domain.value(row),
            source: self.source.end(row)?,
            destination: self.destination.end(row)?,
            direction: *Direction::ALL
                .get(usize::from(direction))
                .ok_or_else(|| unknown(columns::DIRECTION, direction))?,
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
                value => return Err(unknown(columns::SAMPLING_SOURCE, value)),
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
/// A column, of this type.
pub fn found(batch: &RecordBatch, name: &str, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    let column = batch.column_by_name(name);
    let column = column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))?;
    if column.data_type() == kind { Ok(Arc::clone(column)) } else { cast(column, kind) }
}

/// A column of numbers.
pub fn primitive<T: ArrowPrimitiveType>(
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
