//! The steps of a series: round lengths of time.

use crate::model::round_lengths::{DAY, HOUR, TO_THREE_HOURS};
use crate::model::time_range::TimeRange;

/// Round lengths beyond three hours, milliseconds. Beyond a day there are whole days.
const LONG: [i64; 4] = [4 * HOUR, 6 * HOUR, 12 * HOUR, DAY];

/// The shortest round step that divides a range into no more than so many, milliseconds.
pub fn round_step_ms(range: TimeRange, points: u32) -> i64 {
    let least = divided_up(range.length_ms(), i64::from(points.max(1)));
    let round = TO_THREE_HOURS.into_iter().chain(LONG).find(|step| *step >= least);
    round.unwrap_or_else(|| divided_up(least, DAY).saturating_mul(DAY))
}

/// A range in steps that begin at multiples of their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Where the first begins, milliseconds since 1970.
    pub start_ms: i64,
    /// Length of each, milliseconds.
    pub step_ms: i64,
    /// How many there are.
    pub count: usize,
}

impl Steps {
    /// The steps that a range touches.
    pub fn of(range: TimeRange, step_ms: i64) -> Self {
        let step_ms = step_ms.max(1);
        let start_ms = range.from_ms.div_euclid(step_ms).saturating_mul(step_ms);
        let count = divided_up(range.to_ms.saturating_sub(start_ms), step_ms);
        Self { start_ms, step_ms, count: usize::try_from(count).unwrap_or(0) }
    }

    /// The number of the step that begins at a moment; `None` when it is not among them.
    pub fn position(&self, moment_ms: i64) -> Option<usize> {
        let position = moment_ms.checked_sub(self.start_ms)?.div_euclid(self.step_ms);
        usize::try_from(position).ok().filter(|position| *position < self.count)
    }
}

const fn divided_up(length: i64, by: i64) -> i64 {
    length / by + if length % by > 0 { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::round_lengths::{MINUTE, SECOND};

    #[test]
    fn a_step_is_round_and_there_are_no_more_points_than_asked_for() {
        let range = |length_ms| TimeRange { from_ms: 0, to_ms: length_ms };
        assert_eq!(round_step_ms(range(HOUR), 3_600), SECOND);
        assert_eq!(round_step_ms(range(HOUR), 200), 30 * SECOND);
        assert_eq!(round_step_ms(range(DAY), 300), 5 * MINUTE);
        assert_eq!(round_step_ms(range(30 * DAY), 200), 4 * HOUR);
        assert_eq!(round_step_ms(range(10 * 365 * DAY), 1_000), 4 * DAY);
        assert_eq!(round_step_ms(range(1), 2_000), SECOND);
    }

    #[test]
    fn steps_begin_at_multiples_of_their_length_and_cover_the_range() {
        let steps = Steps::of(TimeRange { from_ms: 59_999, to_ms: 120_001 }, MINUTE);
        assert_eq!(steps, Steps { start_ms: 0, step_ms: MINUTE, count: 3 });
        assert_eq!([0, 59_999, 120_000].map(|at| steps.position(at)), [Some(0), Some(0), Some(2)]);
        assert_eq!((steps.position(-1), steps.position(180_000)), (None, None));
    }
}
