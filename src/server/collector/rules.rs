//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use super::sampling::SamplingRule;

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Sampling intervals of exporters; the first that fits counts.
    pub sampling: Vec<SamplingRule>,
}
