//! What the operator knows of exporters that their records do not tell.

use std::net::IpAddr;

use serde::Deserialize;

use crate::model::network::Network;
use crate::server::wire::out_counters::OutCounters;

/// A section `[[quirks]]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirk {
    /// Addresses or networks of the exporters it is about.
    pub exporters: Vec<Network>,
    /// What elements 23 and 24 count: `automatic`, `post` (the same packets) or `reverse` (those that went
    /// back).
    pub out_counters: OutCounters,
}

impl Quirk {
    /// Says what is wrong with the section in itself.
    pub const fn check(&self) -> Result<(), &'static str> {
        if self.exporters.is_empty() {
            return Err("name the exporters, like exporters = [\"192.0.2.7\", \"2001:db8::/32\"]");
        }
        Ok(())
    }
}

/// How 23 and 24 of an exporter are read: the first quirk that is about it decides.
pub fn out_counters(quirks: &[Quirk], exporter: IpAddr) -> OutCounters {
    let is_about = |quirk: &&Quirk| quirk.exporters.iter().any(|network| network.contains(exporter));
    quirks.iter().find(is_about).map(|quirk| quirk.out_counters).unwrap_or_default()
}
