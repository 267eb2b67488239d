//! From datagrams to located flow records, on threads of their own.
//!
//! [`listener`] binds [`socket`]s, [`running`] starts the threads that read them (`worker`), each the exporters that
//! [`steering`] gives it. [`intake`] takes their datagrams, [`normalize`] makes flow records of data records, [`sflow`]
//! does so of sampled packets, [`exporter`] is what is kept of each exporter, [`sequence`] finds what is missing,
//! [`pending`] holds data sets until their template comes, [`options`] keeps what options records say, [`sampling`]
//! gives each flow its interval, [`plausibility`] keeps broken counters out, [`counters`] accounts for everything,
//! within [`limits`] and by the operator's [`rules`]: [`admission`], [`rate_limit`], [`deduplication`], [`quirks`];
//! [`double_counting`] looks for what lacks a rule. [`tcp_listener`] reads IPFIX over TCP and [`tls`] and passes
//! messages on through an [`inlet`]. [`saved_state`] outlives a restart. A [`batch`] is what goes on from here, a
//! [`report`] what pages and metrics read.

pub mod admission;
pub mod batch;
pub mod counters;
mod datagram;
pub mod deduplication;
pub mod demo_exporter;
pub mod double_counting;
pub mod exporter;
pub mod inlet;
pub mod intake;
pub mod limits;
pub mod listener;
pub mod normalize;
pub mod options;
pub mod pending;
pub mod plausibility;
pub mod quirks;
pub mod rate_limit;
pub mod report;
pub mod rules;
pub mod running;
pub mod sampling;
pub mod saved_state;
pub mod sequence;
pub mod sflow;
pub mod socket;
pub mod state_file;
pub mod steering;
mod stream_templates;
pub mod tcp_listener;
pub mod tls;
mod worker;
