//! Reports in the store: which are to be written, what they say, to whom they go, and the schedules.
//!
//! Several services may share a store. A report and a delivery are claimed before they are worked on, for a quarter of an
//! hour at a time, and what a claim that has passed to another brings is not taken: each is written once.

mod deliveries;
mod records;
mod schedules;

pub use self::deliveries::{ClaimedDelivery, without_secrets};
pub use self::records::{ClaimedReport, Listed, NewReport, Ordered, Outcome, Recipient};
pub use self::schedules::KnownSchedule;

/// How long a claim holds unless it is renewed, milliseconds.
pub const LEASE_MS: i64 = 15 * 60_000;
/// The most reports that a list has.
pub const MOST_LISTED: i64 = 2_000;

/// How a transaction begins that will write: another process that writes is waited for.
const AT_ONCE: &str = "BEGIN IMMEDIATE";

/// What a text or a blob of the database should have been.
#[derive(Debug, thiserror::Error)]
#[error("{what} of a report makes no sense")]
struct Nonsense {
    what: &'static str,
}

/// An error for what the database holds and this Meridian cannot read.
fn nonsense(what: &'static str) -> super::StoreError {
    let source = sqlx::Error::Decode(Box::new(Nonsense { what }));
    super::StoreError::Database { what: "read the reports in", source }
}
