//! The flow record: what every protocol is decoded into.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::traffic::Direction;

/// A number that stands for one exporter as long as the process knows it, counted from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub struct ExporterId(pub u32);

/// Which clock a flow record's times were read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// The record gave usable times (absolute, or by the exporter's uptime and clock).
    Record,
    /// The record gave none: the export time of the message header is used.
    ExportTime,
    /// No usable time from the exporter at all: the receive time is used.
    #[default]
    ReceiveTime,
}

/// Who said what a flow record's sampling interval is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SamplingSource {
    /// Nobody: the interval is 0.
    #[default]
    Unknown,
    /// The data record, or the header of its datagram.
    Record,
    /// An options record of the exporter.
    Options,
    /// The operator, in the configuration.
    Configured,
}

/// Where on its observation point a flow was seen (61).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowDirection {
    /// Where packets come in.
    Ingress,
    /// Where packets go out.
    Egress,
}

/// One unidirectional flow, as exported. Flat and without allocation.
///
/// A value that the exporter did not send is 0 (ports, interfaces, AS numbers, masks, flags, VLAN).
/// Addresses are never IPv4-mapped IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// Source address (elements 8, 27); `0.0.0.0` when the record has none.
    pub source_address: IpAddr,
    /// Destination address (elements 12, 28); `0.0.0.0` when the record has none.
    pub destination_address: IpAddr,
    /// Transport source port (7); 0 for protocols without ports.
    pub source_port: u16,
    /// Transport destination port (11); 0 for protocols without ports.
    pub destination_port: u16,
    /// ICMP type × 256 + code (32, 139, 176–179, or v5's destination port); 0 for other protocols.
    pub icmp_type_code: u16,
    /// IP protocol number (4).
    pub protocol: u8,
    /// IP type of service or traffic class (5).
    pub type_of_service: u8,
    /// TCP flags seen (6), the low nine bits.
    pub tcp_flags: u16,
    /// VLAN id (58, 243, else 59, 254), 0 when absent.
    pub vlan: u16,
    /// Bytes, as exported (1, or 85, 231/232 and their reverse; for others see `docs::protocols`).
    pub bytes: u64,
    /// Packets, as exported (2, or 86, 298/299 and their reverse).
    pub packets: u64,
    /// First packet, milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// Last packet, milliseconds since 1970 UTC; never before `start_ms`.
    pub end_ms: i64,
    /// When the kernel received the datagram, milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// Which clock `start_ms` and `end_ms` come from.
    pub time_source: TimeSource,
    /// True for the second half of a biflow (RFC 5103), whose ends were exchanged.
    pub is_reverse: bool,
    /// Whether it was seen where packets come in or go out (61); `None` when the exporter does not say.
    pub flow_direction: Option<FlowDirection>,
    /// SNMP index of the input interface (10), 0 for none.
    pub input_interface: u32,
    /// SNMP index of the output interface (14), 0 for none.
    pub output_interface: u32,
    /// AS number of the source as exported (16).
    pub source_as: u32,
    /// AS number of the destination as exported (17).
    pub destination_as: u32,
    /// Prefix length of the source (9, 29).
    pub source_mask: u8,
    /// Prefix length of the destination (13, 30).
    pub destination_mask: u8,
    /// Why the flow ended (136).
    pub flow_end_reason: u8,
    /// Sampling interval, 1 in n; 1 when not sampled, 0 when unknown. `bytes` and `packets` are not multiplied by it.
    pub sampling_interval: u32,
    /// Who said so.
    pub sampling_source: SamplingSource,
    /// Who exported it.
    pub exporter: ExporterId,
    /// Observation domain (IPFIX), source id (v9), engine type × 256 + engine id (v5), or sub-agent (sFlow); 0 in v1
    /// and v7.
    pub observation_domain: u32,
}

impl Default for FlowRecord {
    fn default() -> Self {
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            source_address: unspecified,
            destination_address: unspecified,
            source_port: 0,
            destination_port: 0,
            icmp_type_code: 0,
            protocol: 0,
            type_of_service: 0,
            tcp_flags: 0,
            vlan: 0,
            bytes: 0,
            packets: 0,
            start_ms: 0,
            end_ms: 0,
            received_ms: 0,
            time_source: TimeSource::ReceiveTime,
            is_reverse: false,
            flow_direction: None,
            input_interface: 0,
            output_interface: 0,
            source_as: 0,
            destination_as: 0,
            source_mask: 0,
            destination_mask: 0,
            flow_end_reason: 0,
            sampling_interval: 0,
            sampling_source: SamplingSource::Unknown,
            exporter: ExporterId(0),
            observation_domain: 0,
        }
    }
}

/// Where one end of a flow is: a place of the geolocation that located it, and its AS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// Index into the places of the geolocation that made this location; 0 is "unknown".
    pub place: u32,
    /// Number of the autonomous system, from the AS database, else as exported; 0 when unknown.
    pub as_number: u32,
}

/// A flow record with both ends located.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocatedFlow {
    /// The record.
    pub record: FlowRecord,
    /// Where its source is.
    pub source: Location,
    /// Where its destination is.
    pub destination: Location,
    /// Which way it goes, by the home networks.
    pub direction: Direction,
}
