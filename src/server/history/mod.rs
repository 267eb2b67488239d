//! The past: what is asked of it, and who answers.
//!
//! Every question about sums is one [`Request`](request::Request): a range, a filter, what to group by, maybe in
//! steps of time. The archive answers any request from the flow records, the store some of them from sums; both give
//! [`Groups`](groups::Groups), which can be merged, because they hold raw values and address sets, not names and
//! counts.

pub mod account;
pub mod address_set;
pub mod answers;
mod bursts;
pub mod control;
pub mod download;
pub mod error;
mod events;
pub mod exporter_losses;
pub mod forecast;
pub mod groups;
pub mod handed;
pub mod naming;
pub mod opening;
#[cfg(test)]
pub(in crate::server) mod oracle;
pub mod planner;
pub mod questions;
pub mod recorder;
pub mod recording;
mod remembered;
pub mod request;
pub(in crate::server) mod series;
pub(in crate::server) mod steps;
mod suggestions;
pub mod table;
