//! A limit of flow records per second for each exporter, on the receive clock.
//!
//! Flow records are what costs whoever comes after: locating, drawing, storing. So data sets are what is left
//! out: templates, options records and sequence numbers of an exporter over its limit are read as ever, and
//! nothing that comes later is undecodable or taken for lost. A set is decoded whole or skipped whole; one
//! that takes more than is left is decoded, and the debt paid before the next. Skipped records are counted by
//! their length, not decoded. A biflow record counts as one.

use std::num::NonZeroU32;

use super::datagram::Datagram;

/// A bucket holds the records of so many microseconds: exporters send in bursts when timeouts expire, and
/// what hurts is the mean.
const BURST_US: i64 = 5_000_000;
/// Tokens of one flow record.
const RECORD: i64 = 1_000_000;

/// A token bucket; full at first.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenBucket {
    /// Millionths of flow records; below zero after a set that took more than there was.
    tokens: i64,
    /// Receive time up to which it was filled, microseconds since 1970.
    filled_us: Option<i64>,
}

impl TokenBucket {
    /// True when no more may be taken at `now_us`. Fills it first.
    pub fn is_empty(&mut self, now_us: i64, records_per_second: NonZeroU32) -> bool {
        let rate = i64::from(records_per_second.get());
        let full = rate * BURST_US;
        let filled_us = self.filled_us.unwrap_or_else(|| {
            self.tokens = full;
            now_us
        });
        let elapsed_us = now_us.saturating_sub(filled_us);
        if elapsed_us >= 0 {
            self.tokens = self.tokens.saturating_add(elapsed_us.saturating_mul(rate)).min(full);
        }
        // Sockets are read in turn, so that times go back a little; much is a clock that was set.
        let is_turn = (-BURST_US..0).contains(&elapsed_us);
        self.filled_us = Some(if is_turn { filled_us } else { now_us });
        self.tokens <= 0
    }

    /// Takes the tokens of so many flow records.
    pub fn spend(&mut self, records: u64) {
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.tokens = self.tokens.saturating_sub(records.saturating_mul(RECORD));
    }
}

impl Datagram<'_> {
    /// True when the exporter has used up its flow records and its data sets are to be skipped.
    pub(super) fn is_over_rate(&mut self) -> bool {
        let limit = self.rules.rate_limit;
        limit.is_some_and(|limit| self.state.tokens.is_empty(self.received_us, limit))
    }

    /// Takes flow records off what the exporter may send.
    pub(super) fn spend(&mut self, records: u64) {
        if self.rules.rate_limit.is_some() {
            self.state.tokens.spend(records);
        }
    }

    /// Counts a flow sample of sFlow that was skipped.
    pub(super) fn count_rate_limited_sample(&mut self) {
        self.state.rate_limited_records += 1;
        self.counters.rate_limited_records += 1;
        self.counters.sflow.rate_limited_samples += 1;
    }

    /// Counts a set that was skipped, with so many records.
    pub(super) fn count_rate_limited(&mut self, records: u64) {
        self.state.rate_limited_sets += 1;
        self.state.rate_limited_records += records;
        self.counters.rate_limited_sets += 1;
        self.counters.rate_limited_records += records;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flow records that pass in so many seconds of 10 sets a second with 10 records each.
    fn passed(limit: u32, seconds: i64, clock: impl Fn(i64) -> i64) -> u64 {
        let mut bucket = TokenBucket::default();
        let limit = NonZeroU32::new(limit).unwrap();
        let passes = (0..seconds * 10).filter(|tenth| {
            let is_empty = bucket.is_empty(clock(tenth * 100_000), limit);
            if !is_empty {
                bucket.spend(10);
            }
            !is_empty
        });
        10 * passes.count() as u64
    }

    #[test]
    fn the_mean_rate_is_the_limit_beside_one_burst() {
        assert_eq!(passed(100, 1000, |us| us), 100_000);
        let limited = passed(30, 1000, |us| us);
        assert!((30_000..=30_160).contains(&limited), "{limited}");
    }

    #[test]
    fn a_clock_that_goes_back_and_forth_fills_nothing_twice_and_one_set_back_goes_on() {
        let to_and_fro = passed(30, 1000, |us| if us % 200_000 == 0 { us } else { us - 300_000 });
        assert!(to_and_fro <= 30_160, "{to_and_fro}");
        let set_back = passed(30, 1000, |us| if us < 500_000_000 { us + 9_000_000_000 } else { us });
        assert!((30_000..=30_160).contains(&set_back), "{set_back}");
    }
}
