//! What the collector hands on: flow records of one round of datagrams, normalised and located.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::flow_record::LocatedFlow;
use crate::server::geolocation::Geolocation;

/// Flows that were received together.
#[derive(Clone, Debug)]
pub struct FlowBatch {
    /// Kernel's receive time of the oldest datagram in it, microseconds since 1970.
    pub oldest_received_us: i64,
    /// Kernel's receive time of the newest datagram in it, microseconds since 1970.
    pub newest_received_us: i64,
    /// The geolocation that located the flows: their places are its places.
    pub geolocation: Arc<Geolocation>,
    /// Addresses of the exporters, indexed by the number in `ExporterId`; unspecified at the numbers of other workers,
    /// which no flow in it has.
    pub exporters: Arc<[IpAddr]>,
    /// The flows, in the order received.
    pub flows: Vec<LocatedFlow>,
}
