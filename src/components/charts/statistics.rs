//! What a line of a series comes to.

use super::collected::Collected;
use super::time_axis::TimeAxis;
use super::unit::Unit;

/// Figures of a line, in its unit. A step in which nothing was collected is no figure. Smallest, largest, last and
/// percentile are of the steps that lie in the range wholly (of all steps, if none does): half a step at the edge tells
/// less than it seems to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Of the smallest step.
    pub smallest: f64,
    /// Of the largest step.
    pub largest: f64,
    /// Of the last step.
    pub last: f64,
    /// Of the whole range: a rate is the total by the time that was collected, an amount the total by its steps.
    pub average: f64,
    /// At or below this are 95 of 100 steps.
    pub percentile_95: f64,
}

impl Statistics {
    /// Of a line with an amount for each step.
    pub fn of(amounts: &[u64], axis: &TimeAxis, collected: &Collected, unit: Unit) -> Self {
        let shown = |step: usize, amount: u64| unit.shown(amount, collected.covered_ms(step));
        let numbered = || amounts.iter().copied().enumerate().filter(|(step, _)| collected.has(*step));
        let mut steps: Vec<f64> = numbered()
            .filter(|(step, _)| axis.is_whole(*step))
            .map(|(step, amount)| shown(step, amount))
            .collect();
        if steps.is_empty() {
            steps = numbered().map(|(step, amount)| shown(step, amount)).collect();
        }
        let total = amounts.iter().copied().fold(0, u64::saturating_add);
        let last = steps.last().copied().unwrap_or(0.0);
        steps.sort_by(f64::total_cmp);
        Self {
            smallest: steps.first().copied().unwrap_or(0.0),
            largest: steps.last().copied().unwrap_or(0.0),
            last,
            average: unit.average(total, collected),
            percentile_95: percentile(&steps, 95),
        }
    }
}

/// The smallest of the sorted values at or below which `percent` of 100 of them are (nearest rank); 0 of none.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent.min(100)).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time_range::TimeRange;

    #[test]
    fn ninety_five_of_a_hundred_steps_are_at_or_below_the_95th_percentile() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        let found = [&hundred[..], &twenty[..], &[7.0], &[1.0, 2.0], &[]].map(|steps| percentile(steps, 95));
        assert_eq!(found.to_vec(), [95.0, 19.0, 7.0, 2.0, 0.0]);
    }

    #[test]
    fn a_rate_is_of_whole_steps_and_its_average_of_the_whole_range() {
        let range = TimeRange { from_ms: 5_000, to_ms: 40_000 };
        let axis = TimeAxis { range, start_ms: 0, step_ms: 10_000, steps: 4, zone_ms: 0 };
        let whole = Collected::whole(&axis);
        let figures = Statistics::of(&[350, 100, 200, 50], &axis, &whole, Unit::PerSecond);
        assert_eq!((figures.smallest, figures.largest, figures.last), (5.0, 20.0, 5.0));
        assert_eq!((figures.average, figures.percentile_95), (20.0, 20.0));
    }

    #[test]
    fn where_no_step_is_whole_the_parts_count() {
        let range = TimeRange { from_ms: 2_000, to_ms: 8_000 };
        let axis = TimeAxis { range, start_ms: 0, step_ms: 10_000, steps: 1, zone_ms: 0 };
        let whole = Collected::whole(&axis);
        let rate = Statistics::of(&[60], &axis, &whole, Unit::PerSecond).largest;
        let amount = Statistics::of(&[60], &axis, &whole, Unit::Count).last;
        assert_eq!(vec![rate, amount], [10.0, 60.0]);
    }

    #[test]
    fn steps_in_which_nothing_was_collected_are_no_figures_and_no_time() {
        let range = TimeRange { from_ms: 0, to_ms: 50_000 };
        let axis = TimeAxis { range, start_ms: 0, step_ms: 10_000, steps: 5, zone_ms: 0 };
        // Two steps wholly, and four fifths of the last one.
        let gaps =
            [TimeRange { from_ms: 10_000, to_ms: 30_000 }, TimeRange { from_ms: 42_000, to_ms: 50_000 }];
        let collected = Collected::of(&axis, &gaps, |_| false);
        let amounts = [100, 0, 0, 300, 50];
        let rates = Statistics::of(&amounts, &axis, &collected, Unit::PerSecond);
        assert_eq!((rates.smallest, rates.largest, rates.last), (10.0, 30.0, 10.0));
        assert_eq!((rates.average, rates.percentile_95), (450.0 / 22.0, 30.0));
        let counts = Statistics::of(&amounts, &axis, &collected, Unit::Count);
        assert_eq!((counts.smallest, counts.average), (50.0, 150.0));
        let nothing = Collected::of(&axis, &[range], |_| false);
        let none = Statistics::of(&[0; 5], &axis, &nothing, Unit::Count);
        assert_eq!((none.smallest, none.average, none.last), (0.0, 0.0, 0.0));
    }
}
