//! A stretch of time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From a moment on and before another, milliseconds since 1970 UTC. Flows belong to the moment they were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct TimeRange {
    /// The first millisecond in it.
    pub from_ms: i64,
    /// The first millisecond after it; larger than `from_ms`.
    pub to_ms: i64,
}

impl TimeRange {
    /// The range between two moments; `None` when it would be empty.
    pub const fn new(from_ms: i64, to_ms: i64) -> Option<Self> {
        if from_ms < to_ms { Some(Self { from_ms, to_ms }) } else { None }
    }

    /// How long it is, in milliseconds.
    pub const fn length_ms(self) -> i64 {
        self.to_ms.saturating_sub(self.from_ms)
    }

    /// True when the moment is in it.
    pub const fn contains(self, moment_ms: i64) -> bool {
        self.from_ms <= moment_ms && moment_ms < self.to_ms
    }

    /// What both have in common.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.from_ms.max(other.from_ms), self.to_ms.min(other.to_ms))
    }

    /// The same range so many milliseconds later.
    #[must_use]
    pub const fn later(self, ms: i64) -> Self {
        Self { from_ms: self.from_ms.saturating_add(ms), to_ms: self.to_ms.saturating_add(ms) }
    }

    /// The range of equal length that ends where this one begins.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self { from_ms: self.from_ms.saturating_sub(self.length_ms()), to_ms: self.from_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_not_in_a_range_and_the_previous_one_ends_at_its_beginning() {
        let range = TimeRange::new(100, 160).unwrap();
        assert!(range.contains(100) && range.contains(159) && !range.contains(160));
        assert_eq!(range.previous(), TimeRange { from_ms: 40, to_ms: 100 });
        assert_eq!(range.previous().later(range.length_ms()), range);
        assert_eq!(range.intersection(TimeRange { from_ms: 150, to_ms: 200 }), TimeRange::new(150, 160));
        assert_eq!((range.intersection(range.previous()), TimeRange::new(5, 5)), (None, None));
    }
}
