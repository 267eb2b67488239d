//! How many arcs may still be drawn: a token bucket that holds one second's worth.

use std::time::Instant;

/// Millionths of an arc, so that a microsecond of one arc per second is one token.
const ONE_ARC: u64 = 1_000_000;

/// A budget of arcs per second.
#[derive(Debug)]
pub(in crate::server) struct Budget {
    arcs_per_second: u32,
    tokens: u64,
    filled: Instant,
}

impl Budget {
    pub fn new(arcs_per_second: u32, now: Instant) -> Self {
        Self { arcs_per_second, tokens: u64::from(arcs_per_second) * ONE_ARC, filled: now }
    }

    /// Whole arcs that may be drawn now.
    pub fn available(&mut self, now: Instant) -> usize {
        let elapsed_us = now.saturating_duration_since(self.filled).as_micros();
        let elapsed_us = u64::try_from(elapsed_us).unwrap_or(u64::MAX);
        let rate = u64::from(self.arcs_per_second);
        self.tokens = self.tokens.saturating_add(elapsed_us.saturating_mul(rate)).min(rate * ONE_ARC);
        self.filled = now;
        usize::try_from(self.tokens / ONE_ARC).unwrap_or(usize::MAX)
    }

    /// Pays for arcs that are drawn.
    pub fn spend(&mut self, arcs: usize) {
        let arcs = u64::try_from(arcs).unwrap_or(u64::MAX);
        self.tokens = self.tokens.saturating_sub(arcs.saturating_mul(ONE_ARC));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_budget_fills_at_its_rate_and_holds_one_second() {
        let start = Instant::now();
        let mut budget = Budget::new(10, start);
        assert_eq!(budget.available(start), 10);
        budget.spend(10);
        assert_eq!(budget.available(start + Duration::from_millis(99)), 0);
        assert_eq!(budget.available(start + Duration::from_millis(100)), 1);
        assert_eq!(budget.available(start + Duration::from_mins(1)), 10);
        assert_eq!(Budget::new(0, start).available(start + Duration::from_secs(1)), 0);
    }
}
