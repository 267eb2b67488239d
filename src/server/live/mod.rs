//! The live feed: what passes, to every client, as soon as it is there.
//!
//! The [`Hub`] takes flow batches from the collector and counts each once per *view*: per distinct
//! filter and budget, shared by all clients that asked for it. A view keeps exact totals and a bounded
//! log of what was added; each client takes from the log what is new to it, merged into one frame that
//! is encoded once for all clients at the same position. So a frame leaves as soon as there is something
//! to say and the client's last one is written; a slow client gets fewer, coarser frames, and one that
//! fell out of the log a fresh snapshot. No client can hold up the hub or another client, and nothing
//! grows with what the network sends.

mod budget;
mod drawing;
mod frames;
mod hub;
mod latency;
mod metrics;
mod origin;
mod stream;
#[cfg(test)]
mod tests;
mod tops;
mod view;

use std::time::Duration;

pub(super) use budget::Budget;
pub(super) use drawing::{Bundle, Majority};
pub use hub::Hub;
pub use latency::{LatencyHistogram, UPPER_BOUNDS_US};
pub use metrics::Metrics;
pub use stream::{prepare_connection, upgrade};
pub(super) use tops::external_ends;

/// What the live feed may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connected clients.
    pub clients: usize,
    /// Different subscriptions counted at the same time; the unfiltered one is always among them.
    pub views: usize,
    /// Of these, those watched from one address, without the unfiltered one.
    pub views_per_visitor: usize,
    /// Frames per second to all clients together. Beyond, frames of one client get spaced out.
    pub frames_per_second: u32,
    /// How long writing one message may take before the client is given up.
    pub write_timeout: Duration,
    /// How often a client is pinged; it is given up after two pings without a sign of life.
    pub ping_interval: Duration,
    /// How long a subscription without clients is kept up.
    pub view_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 2_048,
            views: 64,
            views_per_visitor: 16,
            frames_per_second: 20_000,
            write_timeout: Duration::from_secs(15),
            ping_interval: Duration::from_secs(20),
            view_idle: Duration::from_secs(30),
        }
    }
}
