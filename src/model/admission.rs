//! Who may export, who was turned away, and what a limit left out.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::network::Network;

/// The limits on who exports how much, and what they cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdmissionStatus {
    /// Networks whose datagrams are taken; none means everybody's.
    #[schema(value_type = Vec<String>)]
    pub networks: Vec<Network>,
    /// Datagrams of others.
    pub datagrams_not_admitted: u64,
    /// Who sent them, the one heard last first; at most 64.
    pub not_admitted: Vec<NotAdmitted>,
    /// Sources that are not in that list any more.
    pub not_admitted_replaced: u64,
    /// Flow records that one exporter may send in a second, if there is a limit.
    pub flow_records_per_second: Option<u32>,
    /// Data records skipped because their exporter sent more.
    pub rate_limited_records: u64,
}

/// A source that was seen and is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotAdmitted {
    /// Source address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Receive time of its first datagram or connection, milliseconds since 1970.
    pub first_seen_ms: i64,
    /// Receive time of its latest datagram or connection, milliseconds since 1970.
    pub last_seen_ms: i64,
    /// Datagrams and connections refused.
    pub datagrams: u64,
}

impl AdmissionStatus {
    /// The line of the configuration's section `[admission]` that would admit an address, too.
    pub fn line_admitting(&self, address: IpAddr) -> String {
        let networks = self.networks.iter().map(ToString::to_string).chain([address.to_string()]);
        let quoted: Vec<_> = networks.map(|network| format!("\"{network}\"")).collect();
        format!("networks = [{}]", quoted.join(", "))
    }
}
