//! How much of each step was collected. The rest is no silence: it has no figures, and no line crosses it.

use super::time_axis::TimeAxis;
use crate::model::time_range::TimeRange;

/// What was collected of the steps of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// Of each step; `None` where nothing was.
    parts: Vec<Option<Part>>,
    /// Length of a step, milliseconds.
    step_ms: i64,
}

/// What was collected of a step, as far as it lies in the range.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    /// From its first moment to its last.
    hull: TimeRange,
    /// Milliseconds of it, without gaps within.
    ms: i64,
}

impl Collected {
    /// What gaps, by time, leave of an axis. A step that has flows was collected, whatever its gaps say: sums of a minute
    /// know no seconds.
    pub fn of(axis: &TimeAxis, gaps: &[TimeRange], has_flows: impl Fn(usize) -> bool) -> Self {
        let part = |step: usize| {
            let whole = axis.part(step);
            let all = Part { hull: whole, ms: whole.length_ms() };
            Part::of(whole, gaps).or_else(|| has_flows(step).then_some(all))
        };
        Self { parts: (0..axis.steps).map(part).collect(), step_ms: axis.step_ms }
    }

    /// All of an axis.
    pub fn whole(axis: &TimeAxis) -> Self {
        Self::of(axis, &[], |_| true)
    }

    /// True when something of a step was collected, so that it has a figure.
    pub fn has(&self, step: usize) -> bool {
        self.part(step).is_some()
    }

    /// What a step's amount is divided by for a rate, milliseconds: how much of it was collected, but at least half a step,
    /// because a few seconds of a minute tell no rate.
    pub fn covered_ms(&self, step: usize) -> i64 {
        self.part(step).map_or(0, |part| part.ms).max(self.step_ms / 2).max(1)
    }

    /// Milliseconds of all steps together.
    pub fn ms(&self) -> i64 {
        self.parts.iter().flatten().fold(0, |sum, part| sum.saturating_add(part.ms))
    }

    /// How many steps have a figure.
    pub fn steps(&self) -> usize {
        self.parts.iter().flatten().count()
    }

    /// The steps with a figure and what was collected of each, in stretches: a new one begins wherever a gap reaches from one
    /// step into the next.
    pub fn stretches(&self) -> Vec<Vec<(usize, TimeRange)>> {
        let mut stretches: Vec<Vec<(usize, TimeRange)>> = Vec::new();
        for (step, part) in self.parts.iter().enumerate() {
            let Some(Part { hull, .. }) = *part else { continue };
            let last = stretches.last_mut();
            match last.filter(|last| last.last().is_some_and(|(_, before)| before.to_ms >= hull.from_ms)) {
                Some(last) => last.push((step, hull)),
                None => stretches.push(vec![(step, hull)]),
            }
        }
        stretches
    }

    fn part(&self, step: usize) -> Option<Part> {
        self.parts.get(step).copied().flatten()
    }
}

impl Part {
    /// What gaps leave of a range; `None` for nothing.
    fn of(whole: TimeRange, gaps: &[TimeRange]) -> Option<Self> {
        let end = TimeRange { from_ms: whole.to_ms, to_ms: whole.to_ms };
        let within = gaps.iter().filter_map(|gap| gap.intersection(whole));
        let mut from_ms = whole.from_ms;
        let mut left: Option<Self> = None;
        for gap in within.chain([end]) {
            if let Some(piece) = TimeRange::new(from_ms, gap.from_ms) {
                let (first_ms, ms) = left.map_or((piece.from_ms, 0), |left| (left.hull.from_ms, left.ms));
                let hull = TimeRange { from_ms: first_ms, to_ms: piece.to_ms };
                left = Some(Self { hull, ms: ms + piece.length_ms() });
            }
            from_ms = from_ms.max(gap.to_ms);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from_ms: i64, to_ms: i64) -> TimeRange {
        TimeRange { from_ms, to_ms }
    }

    /// Five steps of ten seconds; of the first only the second half lies in the range.
    fn axis() -> TimeAxis {
        TimeAxis { range: range(5_000, 50_000), start_ms: 0, step_ms: 10_000, steps: 5, zone_ms: 0 }
    }

    #[test]
    fn a_step_wholly_in_a_gap_has_no_figure_unless_it_has_flows() {
        let gaps = [range(20_000, 30_000)];
        let silent = Collected::of(&axis(), &gaps, |_| false);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|step| silent.has(step)), [true, true, false, true, true, false]);
        assert_eq!((silent.steps(), silent.ms()), (4, 35_000));
        let heard = Collected::of(&axis(), &gaps, |step| step == 2);
        assert_eq!((heard.steps(), heard.ms()), (5, 45_000));
    }

    #[test]
    fn a_rate_is_over_what_was_collected_of_a_step_but_at_least_half_of_it() {
        let gaps = [range(12_000, 13_000), range(14_000, 16_000), range(21_000, 30_000)];
        let collected = Collected::of(&axis(), &gaps, |_| false);
        assert_eq!([0, 1, 2, 3].map(|step| collected.covered_ms(step)), [5_000, 7_000, 5_000, 10_000]);
        assert_eq!(collected.ms(), 5_000 + 7_000 + 1_000 + 20_000);
    }

    #[test]
    fn a_stretch_ends_where_a_gap_reaches_into_the_next_step_and_not_at_a_gap_within_one() {
        let steps = |gaps: &[TimeRange]| {
            let stretches = Collected::of(&axis(), gaps, |_| false).stretches();
            stretches
                .iter()
                .map(|steps| steps.iter().map(|(step, _)| *step).collect())
                .collect::<Vec<Vec<usize>>>()
        };
        assert_eq!(steps(&[]), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(steps(&[range(22_000, 28_000)]), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(steps(&[range(18_000, 22_000)]), [vec![0, 1], vec![2, 3, 4]]);
        assert_eq!(steps(&[range(20_000, 30_000)]), [vec![0, 1], vec![3, 4]]);
        assert!(steps(&[range(0, 60_000)]).is_empty());
        let parts = Collected::of(&axis(), &[range(18_000, 22_000)], |_| false).stretches();
        assert_eq!((parts[0][1].1, parts[1][0].1), (range(10_000, 18_000), range(22_000, 30_000)));
    }
}
