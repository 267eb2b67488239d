//! From datagrams to flow records.

pub mod exporter;
pub mod intake;
pub mod normalize;
pub mod pending;
