//! Axes: round numbers for amounts, and where they are.

/// An axis of amounts: up from 0, and where there are two sides down from 0 in the same measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Where it ends above 0; more than 0.
    pub above: f64,
    /// Where it ends below 0, as a positive number; 0 when it has one side.
    pub below: f64,
    /// The amounts that have a grid line, from the lowest to the highest.
    pub ticks: Vec<f64>,
}

impl Scale {
    /// The axis that has room for the largest amounts of both sides, with about `wanted` steps of 1, 2 or 5 times a
    /// power of ten on the larger side.
    pub fn for_largest(above: f64, below: f64, wanted: u32) -> Self {
        let largest = above.max(below);
        if !largest.is_finite() || largest <= 0.0 {
            return Self { above: 1.0, below: 0.0, ticks: vec![0.0] };
        }
        let step = round_step(largest / f64::from(wanted.max(1)));
        let steps_for = |amount: f64| {
            (1..=100_u32).take_while(move |number| f64::from(number - 1) * step < amount * (1.0 - 1e-9))
        };
        let mut ticks: Vec<f64> = steps_for(below).map(|number| -f64::from(number) * step).collect();
        ticks.reverse();
        ticks.push(0.0);
        ticks.extend(steps_for(above).map(|number| f64::from(number) * step));
        let below = ticks.first().map_or(0.0, |lowest| -lowest);
        let above = ticks.last().copied().unwrap_or(0.0);
        // With one side only, below, there is still a line of zero to stand on.
        Self { above: if above + below > 0.0 { above } else { 1.0 }, below, ticks }
    }

    /// Where an amount is, from 0 at the top to 1 at the foot; below zero it is negative.
    pub fn place(&self, amount: f64) -> f64 {
        ((self.above - amount) / (self.above + self.below)).clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 5, 10, … times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let digits = least / power;
    let rounded =
        [1.0, 2.0, 5.0].into_iter().find(|rounded| digits <= rounded * (1.0 + 1e-9)).unwrap_or(10.0);
    rounded * power
}

/// A count for drawing: beyond 2^53 the last digits are lost, which no eye sees.
#[expect(clippy::cast_precision_loss, reason = "for drawing and for rounded figures")]
pub const fn drawn(count: u64) -> f64 {
    count as f64
}

/// A share of an axis as `12.34%`, for attributes of SVG.
pub fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_the_last_one_has_room_for_the_largest() {
        let ticks = |largest, wanted| Scale::for_largest(largest, 0.0, wanted).ticks;
        assert_eq!(ticks(93.0, 4), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(3.0, 4), [0.0, 1.0, 2.0, 3.0]);
        for largest in [0.013, 0.7, 1.0, 1.01, 7.9, 1234.0, 9.9e15, 1.8e19] {
            let scale = Scale::for_largest(largest, 0.0, 4);
            assert!(
                scale.above >= largest * (1.0 - 1e-9) && scale.above <= largest * 2.6,
                "{largest}: {scale:?}"
            );
            assert!((3..=6).contains(&scale.ticks.len()), "{largest}: {scale:?}");
        }
    }

    #[test]
    fn two_sides_have_one_measure_and_only_the_room_they_need() {
        let scale = Scale::for_largest(95.0, 12.0, 4);
        assert_eq!(scale.ticks, [-50.0, 0.0, 50.0, 100.0]);
        assert!((scale.place(0.0) - 2.0 / 3.0).abs() < 1e-9);
        assert!((scale.place(-50.0) - 1.0).abs() < 1e-9);
        assert_eq!(Scale::for_largest(0.0, 3.0, 3).ticks, [-3.0, -2.0, -1.0, 0.0]);
    }

    #[test]
    fn an_axis_of_nothing_has_a_zero_at_its_foot() {
        for nothing in [0.0, f64::NAN] {
            let scale = Scale::for_largest(nothing, 0.0, 4);
            assert_eq!(scale.ticks, [0.0]);
            assert!((scale.place(0.0) - 1.0).abs() < 1e-9);
        }
    }
}
