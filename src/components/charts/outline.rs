//! Lines and bands as paths of a drawing that is stretched to its box. Both are broken where nothing was collected.

use std::fmt::Write as _;

use super::collected::Collected;
use super::scale::Scale;
use super::stacking::Band;
use super::time_axis::TimeAxis;

/// Width of the drawing in its own units.
pub const WIDTH: f64 = 10_000.0;
/// Height of the drawing in its own units.
pub const HEIGHT: f64 = 1_000.0;

/// Where amounts are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// When.
    pub axis: &'a TimeAxis,
    /// What was collected of it.
    pub collected: &'a Collected,
    /// How high.
    pub scale: &'a Scale,
    /// 1 above the axis, −1 below it.
    pub sign: f64,
}

impl Outline<'_> {
    /// The outline of a band; empty without steps.
    pub fn band(self, band: &Band) -> String {
        let mut path = String::new();
        for places in self.stretches() {
            let upper = places.iter().filter_map(|(step, x)| band.get(*step).map(|(_, upper)| (*x, *upper)));
            let lower =
                places.iter().rev().filter_map(|(step, x)| band.get(*step).map(|(lower, _)| (*x, *lower)));
            let before = path.len();
            self.push(&mut path, upper.chain(lower));
            if path.len() > before {
                path.push('Z');
            }
        }
        path
    }

    /// The line through the upper ends of a band.
    pub fn line(self, band: &Band) -> String {
        let mut path = String::new();
        for places in self.stretches() {
            let upper = places.iter().filter_map(|(step, x)| band.get(*step).map(|(_, upper)| (*x, *upper)));
            self.push(&mut path, upper);
        }
        path
    }

    /// Steps and where they are, stretch by stretch, from edge to edge: the first and the last amount hold on to the edge of
    /// what was collected, so that a single step is a bar and not a dot.
    fn stretches(self) -> Vec<Vec<(usize, f64)>> {
        let place = |moment_ms: i64| self.axis.share(moment_ms);
        let stretches = self.collected.stretches();
        let places = stretches.iter().map(|steps| {
            let first = steps.first().map(|(step, part)| (*step, place(part.from_ms)));
            let last = steps.last().map(|(step, part)| (*step, place(part.to_ms)));
            let middles = steps
                .iter()
                .map(|(step, part)| (*step, place(part.from_ms.saturating_add(part.length_ms() / 2))));
            first.into_iter().chain(middles).chain(last).collect()
        });
        places.collect()
    }

    fn push(self, path: &mut String, points: impl Iterator<Item = (f64, f64)>) {
        for (index, (x, amount)) in points.enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let y = self.scale.place(amount * self.sign) * HEIGHT;
            // Writing to a string does not fail.
            let _ = write!(path, "{command}{:.0} {y:.1}", x * WIDTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time_range::TimeRange;

    fn axis(steps: i64) -> TimeAxis {
        let range = TimeRange { from_ms: 0, to_ms: steps * 1_000 };
        let steps = usize::try_from(steps).unwrap();
        TimeAxis { range, start_ms: 0, step_ms: 1_000, steps, zone_ms: 0 }
    }

    fn paths(steps: i64, gaps: &[TimeRange], band: &Band) -> (String, String) {
        let (axis, scale) = (axis(steps), Scale::for_largest(10.0, 0.0, 1));
        let collected = Collected::of(&axis, gaps, |_| false);
        let outline = Outline { axis: &axis, collected: &collected, scale: &scale, sign: 1.0 };
        (outline.line(band), outline.band(band))
    }

    #[test]
    fn a_single_point_is_a_bar_from_edge_to_edge() {
        let (line, band) = paths(1, &[], &vec![(0.0, 10.0)]);
        assert_eq!(line, "M0 0.0L5000 0.0L10000 0.0");
        assert_eq!(band, "M0 0.0L5000 0.0L10000 0.0L10000 1000.0L5000 1000.0L0 1000.0Z");
    }

    #[test]
    fn no_point_makes_no_path() {
        assert_eq!(paths(3, &[], &Vec::new()), (String::new(), String::new()));
    }

    #[test]
    fn a_gap_breaks_line_and_band_and_nothing_falls_to_zero_in_it() {
        let band: Band = [10.0, 0.0, 0.0, 5.0].map(|upper| (0.0, upper)).to_vec();
        let gap = TimeRange { from_ms: 900, to_ms: 3_000 };
        let (line, area) = paths(4, &[gap], &band);
        assert_eq!(line, "M0 0.0L1125 0.0L2250 0.0M7500 500.0L8750 500.0L10000 500.0");
        assert_eq!(area.matches('M').count(), 2);
        assert_eq!(area.matches('Z').count(), 2);
    }

    #[test]
    fn a_thousand_points_are_a_short_text() {
        let many: Band = (0..1_000).map(|upper| (0.0, f64::from(upper) / 100.0)).collect();
        assert!(paths(1_000, &[], &many).1.len() < 30_000);
    }
}
