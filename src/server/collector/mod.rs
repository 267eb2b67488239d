//! From datagrams to located flow records, on a thread of its own.
//!
//! [`listener`] is that thread, reading [`socket`]s. [`intake`] takes its datagrams, [`normalize`] makes flow records of
//! data records, [`exporter`] is what is kept of each exporter, [`sequence`] finds what is missing, [`pending`] holds data sets until their template
//! comes, [`counters`] accounts for everything, within [`limits`] and by the operator's
//! [`rules`]. A [`batch`] is what goes on from here.

pub mod batch;
pub mod counters;
mod datagram;
pub mod demo_exporter;
pub mod exporter;
pub mod intake;
pub mod limits;
pub mod listener;
pub mod normalize;
pub mod pending;
pub mod rules;
pub mod saved_state;
pub mod sequence;
pub mod socket;
pub mod state_file;
