//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use crate::model::network::Network;

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Networks whose exporters are all read by one worker, because a rule compares what they send.
    pub read_by_one_worker: Vec<Network>,
}
