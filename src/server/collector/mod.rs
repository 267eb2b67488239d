//! Receiving, decoding and locating, on a thread of its own.

pub mod batch;
pub mod demo_exporter;
pub mod intake;
pub mod listener;
pub mod socket;
