//! From datagrams to located flow records, on a thread of its own.
//!
//! [`listener`] is that thread, reading [`socket`]s. [`intake`] takes its datagrams, [`normalize`] makes flow records of
//! data records, [`exporter`] is what is kept of each exporter, [`pending`] holds data sets until their template
//! comes, [`counters`] accounts for everything, within [`limits`] and by the operator's
//! [`rules`]: [`admission`], [`rate_limit`], [`deduplication`]; [`double_counting`] looks for what lacks a rule. A [`batch`] is what goes on from here.

pub mod admission;
pub mod batch;
pub mod counters;
mod datagram;
pub mod deduplication;
pub mod demo_exporter;
pub mod double_counting;
pub mod exporter;
pub mod intake;
pub mod limits;
pub mod listener;
pub mod normalize;
pub mod pending;
pub mod rate_limit;
pub mod rules;
pub mod socket;
