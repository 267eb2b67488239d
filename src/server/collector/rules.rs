//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use std::num::NonZeroU32;

use super::admission::Admission;
use super::deduplication::CountOnce;
use super::quirks::Quirk;
use super::sampling::SamplingRule;
use crate::model::network::Network;
use crate::server::wire::sampled_header::Decapsulation;

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// What is known of exporters that their records do not tell.
    pub quirks: Vec<Quirk>,
    /// Sampling intervals of exporters; the first that fits counts.
    pub sampling: Vec<SamplingRule>,
    /// Tunnels in sampled packets that are looked into (sFlow).
    pub decapsulation: Decapsulation,
    /// Whose datagrams are taken.
    pub admission: Admission,
    /// Flow records that one exporter may send in a second, a biflow counted as one; `None` is no limit.
    pub rate_limit: Option<NonZeroU32>,
    /// What is counted once that is reported more than once.
    pub count_once: Vec<CountOnce>,
}

impl Rules {
    /// What they come to, a line each, for `meridian check`.
    pub fn summary(&self) -> Vec<String> {
        let list =
            |networks: &[Network]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut lines = Vec::new();
        if !self.admission.networks().is_empty() {
            lines.push(format!("admitted             {}", list(self.admission.networks())));
        }
        if let Some(limit) = self.rate_limit {
            lines.push(format!("limit per exporter   {limit} flow records per second"));
        }
        let rules = self.count_once.iter();
        lines.extend(rules.map(|rule| {
            format!("counted once         {}: {}, by {}", rule.name, list(&rule.exporters), rule.by.name())
        }));
        lines
    }

    /// Networks whose exporters one collecting thread has to handle: those of rules that compare exporters.
    pub fn pinned_networks(&self) -> Vec<Network> {
        let groups = self.count_once.iter().filter(|rule| rule.is_group());
        groups.flat_map(|rule| rule.exporters.iter().copied()).collect()
    }
}
