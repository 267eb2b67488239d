//! How long a flow takes from the kernel's receive time of its datagram to the write on a client's socket.
//!
//! A histogram of its own: 60 exponential buckets, ten a decade from 10 µs to 10 s (the preferred numbers
//! R10), in atomics, so that a thousand clients can record without waiting for each other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of buckets with an upper bound; one more counts what took longer.
pub const BUCKETS: usize = 60;

/// Steps of a decade, in hundredths of its beginning.
const R10: [u32; 10] = [125, 160, 200, 250, 315, 400, 500, 630, 800, 1_000];

/// Upper bounds of the buckets, in microseconds, rising.
pub const UPPER_BOUNDS_US: [u32; BUCKETS] = upper_bounds();

const fn upper_bounds() -> [u32; BUCKETS] {
    let mut bounds = [0; BUCKETS];
    let mut bucket = 0;
    let mut decade_us = 10;
    while bucket < BUCKETS {
        bounds[bucket] = decade_us * R10[bucket % 10] / 100;
        bucket += 1;
        if bucket % 10 == 0 {
            decade_us *= 10;
        }
    }
    bounds
}

type Counts = [u64; BUCKETS + 1];

/// Counts of latencies since the process started.
#[derive(Debug)]
pub struct LatencyHistogram {
    counts: [AtomicU64; BUCKETS + 1],
    sum_us: AtomicU64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), sum_us: AtomicU64::new(0) }
    }
}

impl LatencyHistogram {
    /// Counts one latency, in microseconds. A negative one (the clock was set back) counts as 0.
    pub fn record(&self, latency_us: i64) {
        let latency_us = u64::try_from(latency_us).unwrap_or(0);
        let bucket = UPPER_BOUNDS_US.partition_point(|bound| u64::from(*bound) < latency_us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(latency_us, Ordering::Relaxed);
    }

    /// How many latencies fell into each bucket of [`UPPER_BOUNDS_US`]; the last counts those beyond.
    pub fn counts(&self) -> Counts {
        std::array::from_fn(|bucket| self.counts.get(bucket).map_or(0, |count| count.load(Ordering::Relaxed)))
    }

    /// The latency in microseconds that so many percent stay within, as the upper bound of its bucket (what
    /// is beyond the last counts as the last); `None` when nothing was counted.
    pub fn quantile_us(&self, percent: u64) -> Option<u32> {
        quantile(&self.counts(), percent)
    }

    /// Sum of all latencies, in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }
}

/// The latencies of about the last minute, by looking at the histogram once a second.
#[derive(Debug, Default)]
pub(super) struct LastMinute {
    looks: VecDeque<Counts>,
}

impl LastMinute {
    /// Median and 99th percentile in microseconds, each the upper bound of its bucket; `None` when no
    /// latency was counted within the last minute.
    pub fn look(&mut self, histogram: &LatencyHistogram) -> Option<(u32, u32)> {
        let now = histogram.counts();
        let before = self.looks.front().copied().unwrap_or([0; BUCKETS + 1]);
        self.looks.push_back(now);
        if self.looks.len() > 60 {
            self.looks.pop_front();
        }
        let mut minute = now;
        for (count, before) in minute.iter_mut().zip(before) {
            *count = count.saturating_sub(before);
        }
        Some((quantile(&minute, 50)?, quantile(&minute, 99)?))
    }
}

fn quantile(counts: &Counts, percent: u64) -> Option<u32> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let rank = (total * percent).div_ceil(100);
    let mut passed = 0;
    let bucket = counts.iter().position(|count| {
        passed += count;
        passed >= rank
    })?;
    UPPER_BOUNDS_US.get(bucket).or(UPPER_BOUNDS_US.last()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_rise_from_twelve_microseconds_to_ten_seconds() {
        assert!(UPPER_BOUNDS_US.is_sorted_by(|left, right| left < right));
        assert_eq!(UPPER_BOUNDS_US.first(), Some(&12));
        assert_eq!(UPPER_BOUNDS_US.last(), Some(&10_000_000));
    }

    #[test]
    fn a_quantile_is_the_upper_bound_of_the_bucket_that_holds_it() {
        let histogram = LatencyHistogram::default();
        let mut minute = LastMinute::default();
        assert_eq!(minute.look(&histogram), None);
        for _ in 0..99 {
            histogram.record(900);
        }
        histogram.record(4_500);
        assert_eq!(minute.look(&histogram), Some((1_000, 1_000)));
        histogram.record(i64::MAX);
        histogram.record(-5);
        assert_eq!(minute.look(&histogram), Some((1_000, 5_000)));
        assert_eq!(histogram.counts().iter().sum::<u64>(), 102);
    }

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let histogram = LatencyHistogram::default();
        let mut minute = LastMinute::default();
        histogram.record(100);
        minute.look(&histogram);
        for _ in 0..59 {
            minute.look(&histogram);
        }
        assert_eq!(minute.look(&histogram), None);
    }
}
