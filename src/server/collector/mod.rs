//! From datagrams to flow records.
//!
//! [`intake`] takes datagrams, [`normalize`] makes flow records of data records, [`exporter`] is what is
//! kept of each exporter, [`pending`] holds data sets until their template comes, [`counters`] accounts
//! for everything, within [`limits`].

pub mod counters;
mod datagram;
pub mod exporter;
pub mod intake;
pub mod limits;
pub mod normalize;
pub mod pending;
