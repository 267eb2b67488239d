//! Plain data that the server and the browser both know.
//!
//! Nothing here does input or output, reads a clock or depends on a framework. Every type can cross the
//! network: its JSON field names are part of the stable API.

pub mod countries;
pub mod exporter;
pub mod filter;
pub mod flow_record;
pub mod frame;
pub mod place;
pub mod status;
pub mod time;
pub mod traffic;
