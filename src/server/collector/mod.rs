//! From datagrams to flow records.

pub mod counters;
mod datagram;
pub mod exporter;
pub mod intake;
pub mod limits;
pub mod normalize;
pub mod pending;
