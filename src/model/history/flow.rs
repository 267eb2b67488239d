//! Flow records as they are kept.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::source::{Key, Source};
use crate::model::flow_record::{FlowDirection, SamplingSource, TimeSource};
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::model::traffic::Direction;

/// Asks for flow records, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowsQuestion {
    /// When.
    pub range: TimeRange,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
    /// How many, 1 to [`FlowsQuestion::MOST_ROWS`].
    pub rows: u32,
    /// Go on after the page that gave this cursor; empty for the first page.
    pub after: String,
}

impl FlowsQuestion {
    /// The most rows of a page.
    pub const MOST_ROWS: u32 = 10_000;
}

/// A page of flow records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlowPage {
    /// The flows, newest first by `received_ms`; among equals by a number made of all values, so that
    /// every page has the same order.
    pub flows: Vec<StoredFlow>,
    /// What the autonomous systems of these flows are called, as far as a database knows.
    pub systems: Vec<Key>,
    /// What the addresses of these flows are called, as far as the resolver was asked and has answered already; of the
    /// first 100 flows.
    pub hosts: Vec<Key>,
    /// Where the next page begins; empty when this was the last.
    pub next: String,
    /// What it was made of.
    pub source: Source,
}

/// One end of a stored flow. A value that is not known is 0 or empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredEnd {
    /// The address; `0.0.0.0` when the record had none.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Transport port.
    pub port: u16,
    /// Prefix length, as exported.
    pub mask: u8,
    /// SNMP index of the interface at this end's side: of the source the input, of the destination the output interface.
    pub interface: u32,
    /// Number of the autonomous system.
    pub as_number: u32,
    /// Country.
    pub country: Option<CountryCode>,
    /// First-level subdivision.
    pub region: String,
    /// City, or the name of the home network.
    pub city: String,
    /// Degrees north; `None` when nothing may be drawn.
    pub latitude: Option<f32>,
    /// Degrees east; `None` when nothing may be drawn.
    pub longitude: Option<f32>,
}

/// A flow record as the archive keeps it. See [`FlowRecord`](crate::model::flow_record::FlowRecord) for the meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredFlow {
    /// When the kernel received it, milliseconds since 1970: the moment that ranges mean.
    pub received_ms: i64,
    /// First packet, milliseconds since 1970.
    pub start_ms: i64,
    /// Last packet, milliseconds since 1970.
    pub end_ms: i64,
    /// Which clock they come from.
    pub time_source: TimeSource,
    /// Address of the exporter.
    #[schema(value_type = String)]
    pub exporter: IpAddr,
    /// Observation domain.
    pub observation_domain: u32,
    /// Source.
    pub source: StoredEnd,
    /// Destination.
    pub destination: StoredEnd,
    /// Which way it goes.
    pub direction: Direction,
    /// IP protocol number.
    pub protocol: u8,
    /// IP type of service or traffic class.
    pub type_of_service: u8,
    /// TCP flags seen, the low nine bits.
    pub tcp_flags: u16,
    /// ICMP type × 256 + code.
    pub icmp_type_code: u16,
    /// VLAN id.
    pub vlan: u16,
    /// Bytes, as exported.
    pub bytes: u64,
    /// Packets, as exported.
    pub packets: u64,
    /// Sampling interval, 1 in n; 0 when unknown.
    pub sampling_interval: u32,
    /// Who said so.
    pub sampling_source: SamplingSource,
    /// True for the second half of a biflow.
    pub is_reverse: bool,
    /// Where it was seen.
    pub flow_direction: Option<FlowDirection>,
    /// Why it ended (element 136).
    pub flow_end_reason: u8,
}
