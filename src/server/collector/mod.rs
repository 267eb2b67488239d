//! Receiving, decoding and locating, on a thread of its own.

pub mod batch;
pub mod demo_exporter;
pub mod exporter;
pub mod intake;
pub mod listener;
pub mod normalize;
pub mod pending;
pub mod socket;
