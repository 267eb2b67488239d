//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use super::quirks::Quirk;
use super::sampling::SamplingRule;
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
}
