//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use super::quirks::Quirk;

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// What is known of exporters that their records do not tell.
    pub quirks: Vec<Quirk>,
}
