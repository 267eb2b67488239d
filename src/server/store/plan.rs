//! Which tier answers which part of a range.

use super::progress::{Progress, TIERS};
use crate::model::history::Tier;
use crate::model::time_range::TimeRange;
use crate::server::history::request::Request;

/// Moments are kept within the years 1970 to 9999.
const LAST_MS: i64 = 253_402_300_800_000;
const MINUTE_MS: i64 = Tier::Minute.bucket_ms();

/// A range, cut by who answers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Whole buckets of a tier, each exact.
    pub pieces: Vec<(Tier, TimeRange)>,
    /// What is left: parts of minutes at the ends, and what is not kept (any more) in buckets that fit.
    pub left: Vec<TimeRange>,
}

impl Plan {
    /// Cuts the range of a request, with buckets no longer than its steps. The minute in which the range ends is
    /// whole when nothing newer than the range was received.
    pub(super) fn new(request: &Request, progress: &Progress, newest_ms: Option<i64>) -> Self {
        let mut plan = Self::default();
        let (from_ms, mut to_ms) =
            (request.range.from_ms.clamp(0, LAST_MS), request.range.to_ms.clamp(0, LAST_MS));
        if newest_ms.is_none_or(|newest| newest < to_ms) {
            to_ms = ceiling(to_ms, MINUTE_MS);
        }
        let fits = |tier: &Tier| request.step_ms.is_none_or(|step| step > 0 && step % tier.bucket_ms() == 0);
        let tiers: Vec<Tier> = TIERS.into_iter().rev().filter(fits).collect();
        if let Some(range) = TimeRange::new(from_ms, to_ms) {
            plan.cover(range, &tiers, progress);
        }
        plan.pieces.sort_by_key(|(_, range)| range.from_ms);
        plan
    }

    fn cover(&mut self, range: TimeRange, tiers: &[Tier], progress: &Progress) {
        let Some((tier, finer)) = tiers.split_first() else {
            self.left.push(range);
            return;
        };
        let covered = progress.covered(*tier);
        let ms = |minute: i64| minute.saturating_mul(MINUTE_MS);
        let from_ms = ceiling(range.from_ms.max(ms(covered.start)), tier.bucket_ms());
        let to_ms = range.to_ms.min(ms(covered.end)).div_euclid(tier.bucket_ms()) * tier.bucket_ms();
        let Some(inner) = TimeRange::new(from_ms, to_ms) else {
            self.cover(range, finer, progress);
            return;
        };
        self.pieces.push((*tier, inner));
        let outer = [TimeRange::new(range.from_ms, from_ms), TimeRange::new(to_ms, range.to_ms)];
        for outer in outer.into_iter().flatten() {
            self.cover(outer, finer, progress);
        }
    }
}

fn ceiling(moment_ms: i64, bucket_ms: i64) -> i64 {
    moment_ms.saturating_add(bucket_ms - 1).div_euclid(bucket_ms) * bucket_ms
}
