//! From datagrams to located flow records, on threads of their own.
//!
//! [`listener`] binds [`socket`]s, [`running`] starts the threads that read them (`worker`), each the exporters that
//! [`steering`] gives it. [`intake`] takes their datagrams, [`normalize`] makes flow records of
//! data records, [`exporter`] is what is kept of each exporter, [`pending`] holds data sets until their template
//! comes, [`counters`] accounts for everything, within [`limits`] and by the operator's
//! [`rules`]. A [`batch`] is what goes on from here, a [`report`] what pages and metrics read.

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
pub mod report;
pub mod rules;
pub mod running;
pub mod socket;
pub mod steering;
mod worker;
