//! Stretches of time: put together where they meet, and what lies between them.

use crate::model::time_range::TimeRange;

/// What is shorter is no gap: clocks are read one after another.
pub(super) const SHORTEST_GAP_MS: i64 = 1_000;
/// Stretches that are kept; beyond that, the shortest gaps are forgotten.
const MOST: usize = 10_000;

/// Stretches by time, none of which touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretches(Vec<TimeRange>);

impl Stretches {
    /// Adds a stretch, and closes gaps beside it that are shorter than `bridge_ms`.
    pub(super) fn add(&mut self, added: TimeRange, bridge_ms: i64) {
        let reach = bridge_ms.max(SHORTEST_GAP_MS);
        let first = self.0.partition_point(|known| known.to_ms.saturating_add(reach) <= added.from_ms);
        let after = self.0.partition_point(|known| known.from_ms < added.to_ms.saturating_add(reach));
        let touched = self.0.get(first..after).unwrap_or_default();
        let all = touched.iter().fold(added, |all, known| TimeRange {
            from_ms: all.from_ms.min(known.from_ms),
            to_ms: all.to_ms.max(known.to_ms),
        });
        self.0.splice(first..after.max(first), [all]);
        if self.0.len() > MOST {
            self.forget_shortest_gap();
        }
    }

    fn forget_shortest_gap(&mut self) {
        let gaps = self.0.array_windows().enumerate();
        let shortest = gaps.min_by_key(|(_, [one, next])| next.from_ms.saturating_sub(one.to_ms));
        if let Some((position, [one, next])) = shortest {
            let both = TimeRange { from_ms: one.from_ms, to_ms: next.to_ms };
            self.0.splice(position..position + 2, [both]);
        }
    }

    pub(super) fn as_slice(&self) -> &[TimeRange] {
        &self.0
    }

    pub(super) fn last(&self) -> Option<TimeRange> {
        self.0.last().copied()
    }

    /// What of a range is in none of them.
    pub(super) fn gaps(&self, range: TimeRange) -> Vec<TimeRange> {
        let mut gaps = Vec::new();
        let mut from_ms = range.from_ms;
        let first = self.0.partition_point(|known| known.to_ms <= range.from_ms);
        for known in self.0.iter().skip(first).take_while(|known| known.from_ms < range.to_ms) {
            gaps.extend(TimeRange::new(from_ms, known.from_ms));
            from_ms = known.to_ms;
        }
        gaps.extend(TimeRange::new(from_ms, range.to_ms));
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from_s: i64, to_s: i64) -> TimeRange {
        TimeRange { from_ms: from_s * 1_000, to_ms: to_s * 1_000 }
    }

    #[test]
    fn whatever_is_added_in_whatever_order_what_is_in_none_is_a_gap() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let mut stretches = Stretches::default();
            let mut is_collected = [false; 200];
            for _ in 0..random.usize(0..12) {
                let from = random.usize(0..195);
                let to = from + random.usize(1..=5);
                // Two seconds each: a gap of one does not count.
                stretches.add(range(2 * i64::try_from(from).unwrap(), 2 * i64::try_from(to).unwrap()), 0);
                is_collected[from..to].fill(true);
            }
            let gaps = stretches.gaps(range(0, 400));
            let is_gap = |second: usize| {
                let moment = 2_000 * i64::try_from(second).unwrap();
                gaps.iter().any(|gap| gap.contains(moment))
            };
            assert!((0..200).all(|second| is_gap(second) != is_collected[second]));
            assert!(gaps.array_windows().all(|[one, next]| one.to_ms < next.from_ms));
            let slice = stretches.as_slice();
            assert!(slice.array_windows().all(|[one, next]| one.to_ms < next.from_ms));
        }
    }

    #[test]
    fn a_gap_shorter_than_the_bridge_is_closed() {
        let mut stretches = Stretches::default();
        stretches.add(range(0, 10), 0);
        stretches.add(range(70, 80), 60_000);
        assert_eq!(stretches.gaps(range(0, 80)), [range(10, 70)]);
        stretches.add(range(30, 40), 60_000);
        assert_eq!(stretches.gaps(range(0, 100)), [range(80, 100)]);
        assert!(stretches.gaps(range(20, 30)).is_empty());
    }

    #[test]
    fn beyond_the_bound_the_shortest_gap_is_forgotten() {
        let mut stretches = Stretches::default();
        let most = i64::try_from(MOST).unwrap();
        for number in 0..=most {
            let shorter = if number == 77 { 10 } else { 0 };
            stretches.add(range(100 * number - shorter, 100 * number + 50), 0);
        }
        assert_eq!(stretches.as_slice().len(), MOST);
        assert_eq!(stretches.gaps(range(7_600, 7_800)), [range(7_750, 7_800)]);
    }
}
