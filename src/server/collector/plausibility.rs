//! Counters that cannot be: a broken or forged record must not spoil totals that run until the restart.
//!
//! A flow record is of at most a day. A link of 800 Gbit/s carries 8.64 PB in it, less than 2⁵³ bytes, and
//! a packet of IP has 20 bytes or more. What is beyond that, itself or multiplied by its sampling interval,
//! is left out and counted. Running totals of 64 bits then last for 2,048 records at the very bound, or for
//! more than five years of such a link; they stop at the largest number, and rates are summed apart.

use crate::model::flow_record::FlowRecord;

/// The most bytes of a flow record, sampling included.
pub const MAX_BYTES: u64 = 1 << 53;
/// The most packets of a flow record, sampling included.
pub const MAX_PACKETS: u64 = MAX_BYTES / 20;

/// True unless a record says more than any link can have carried.
#[inline]
pub fn is_plausible(record: &FlowRecord) -> bool {
    let interval = u64::from(record.sampling_interval.max(1));
    record.bytes.saturating_mul(interval) <= MAX_BYTES
        && record.packets.saturating_mul(interval) <= MAX_PACKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: u64, packets: u64, sampling_interval: u32) -> FlowRecord {
        FlowRecord { bytes, packets, sampling_interval, ..FlowRecord::default() }
    }

    #[test]
    fn a_day_of_the_fastest_link_is_plausible_and_more_than_the_bound_is_not() {
        let day = 800_000_000_000 / 8 * 86_400;
        assert!(is_plausible(&record(day, day / 1500, 0)));
        assert!(is_plausible(&record(MAX_BYTES, MAX_PACKETS, 1)));
        assert!(!is_plausible(&record(MAX_BYTES + 1, 1, 0)));
        assert!(!is_plausible(&record(1, MAX_PACKETS + 1, 0)));
        assert!(!is_plausible(&record(u64::MAX, u64::MAX, 1)));
    }

    #[test]
    fn a_sampling_interval_counts_towards_the_bound() {
        assert!(is_plausible(&record(MAX_BYTES / 1000, 1, 1000)));
        assert!(!is_plausible(&record(MAX_BYTES / 1000 + 1, 1, 1000)));
        assert!(!is_plausible(&record(1 << 40, 1, u32::MAX)));
    }
}
