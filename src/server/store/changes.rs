//! Which minutes got flows, and in which order: what tells whether an answer about them is still right.

use std::collections::BTreeMap;

use crate::model::time_range::TimeRange;

const MINUTE_MS: i64 = 60_000;
/// Minutes that are told apart; of more, the oldest count as changed whenever they were.
const MOST: usize = 4_096;
/// Flows of so many minutes at once change everything.
const MOST_AT_ONCE: i64 = 60;

/// The changes since the start, numbered.
#[derive(Debug, Default)]
pub(super) struct Changes {
    count: u64,
    /// Anything may have changed up to this one.
    all: u64,
    minutes: BTreeMap<i64, u64>,
}

impl Changes {
    /// Flows of these moments were added; to be called when everybody sees them.
    pub(super) fn add(&mut self, moments: impl Iterator<Item = i64>) {
        let span = moments.fold(None, |span: Option<(i64, i64)>, moment| {
            let (first, last) = span.unwrap_or((moment, moment));
            Some((first.min(moment), last.max(moment)))
        });
        let Some((first, last)) = span else { return };
        let (first, last) = (first.div_euclid(MINUTE_MS), last.div_euclid(MINUTE_MS));
        self.count += 1;
        if last.saturating_sub(first) > MOST_AT_ONCE {
            self.all = self.count;
            self.minutes.clear();
            return;
        }
        for minute in first..=last {
            self.minutes.insert(minute, self.count);
        }
        while self.minutes.len() > MOST {
            self.all = self.all.max(self.minutes.pop_first().map_or(0, |(_, change)| change));
        }
    }

    /// The number of the last one.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// True when a range may have got flows after a change.
    pub(super) fn is_any(&self, range: TimeRange, after: u64) -> bool {
        let minutes = range.from_ms.div_euclid(MINUTE_MS)..=range.to_ms.div_euclid(MINUTE_MS);
        after < self.all
            || !minutes.is_empty() && self.minutes.range(minutes).any(|(_, change)| *change > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(from: i64, to: i64) -> TimeRange {
        TimeRange { from_ms: from * MINUTE_MS, to_ms: to * MINUTE_MS - 1 }
    }

    #[test]
    fn a_range_changes_with_its_own_minutes_only() {
        let mut changes = Changes::default();
        changes.add([10 * MINUTE_MS, 11 * MINUTE_MS].into_iter());
        let before = changes.count();
        changes.add([20 * MINUTE_MS + 5].into_iter());
        assert!(!changes.is_any(minutes(0, 20), before) && changes.is_any(minutes(20, 21), before));
        assert!(changes.is_any(minutes(11, 12), 0) && !changes.is_any(minutes(11, 12), changes.count()));
    }

    #[test]
    fn beyond_the_bounds_more_counts_as_changed_never_less() {
        let mut changes = Changes::default();
        changes.add([0].into_iter());
        let before = changes.count();
        for minute in 1..=5_000 {
            changes.add([minute * MINUTE_MS].into_iter());
        }
        assert!(changes.minutes.len() <= MOST && changes.is_any(minutes(1, 2), before));
        let before = changes.count();
        changes.add([0, 500 * MINUTE_MS].into_iter());
        assert!(changes.is_any(minutes(9_000, 9_001), before));
    }
}
