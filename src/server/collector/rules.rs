//! What the operator decided about what comes, from the configuration. Never changes while the process runs.

use crate::server::wire::sampled_header::Decapsulation;

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Tunnels in sampled packets that are looked into (sFlow).
    pub decapsulation: Decapsulation,
}
