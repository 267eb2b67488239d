//! collector
pub mod batch;
