//! server
pub mod collector;
pub mod geolocation;
pub mod live;
pub mod wire;
