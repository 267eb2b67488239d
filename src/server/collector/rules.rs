//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {}
