//! What the figures of a chart are, and how they are written.

use super::collected::Collected;
use super::scale::drawn;
use crate::model::history::Metric;
use crate::model::quantity;

/// The unit of a chart and of the figures beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bits in a second.
    BitsPerSecond,
    /// Bytes of a step.
    Bytes,
    /// Flows or packets in a second.
    PerSecond,
    /// Flows, packets or distinct addresses of a step.
    Count,
    /// Parts of a whole, 0 to 1.
    Share,
}

impl Unit {
    /// The unit of a metric, as a rate or as the amount of a step. Distinct addresses have no rate.
    pub const fn of(metric: Metric, is_rate: bool) -> Self {
        match (metric, is_rate) {
            (Metric::Bytes, true) => Self::BitsPerSecond,
            (Metric::Bytes, false) => Self::Bytes,
            (Metric::Addresses, _) | (_, false) => Self::Count,
            (_, true) => Self::PerSecond,
        }
    }

    /// An amount of so many milliseconds, in this unit.
    pub fn shown(self, amount: u64, ms: i64) -> f64 {
        let seconds = drawn(u64::try_from(ms).unwrap_or(0).max(1)) / 1000.0;
        match self {
            Self::BitsPerSecond => drawn(amount) * 8.0 / seconds,
            Self::PerSecond => drawn(amount) / seconds,
            Self::Bytes | Self::Count | Self::Share => drawn(amount),
        }
    }

    /// The average of a total over what was collected: of rates over its time, of amounts over its steps.
    pub fn average(self, total: u64, collected: &Collected) -> f64 {
        match self {
            Self::BitsPerSecond | Self::PerSecond => self.shown(total, collected.ms()),
            Self::Bytes | Self::Count | Self::Share => drawn(total) / drawn(collected.steps().max(1) as u64),
        }
    }

    /// A figure with its unit: `1.23 Gbps`, `640 B`, `3.4`, `25 %`.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::BitsPerSecond => quantity::bits(whole(value)),
            Self::Bytes => quantity::bytes(whole(value)),
            Self::PerSecond if value < 1.0 => format!("{value:.2}"),
            Self::PerSecond => quantity::per_second(whole(value * 10.0), 10_000),
            Self::Count => quantity::short_count(whole(value)),
            Self::Share => format!("{:.0}\u{202f}%", value * 100.0),
        }
    }

    /// A round figure at an axis: as [`Unit::text`], without zeros behind the point.
    pub fn tick(self, value: f64) -> String {
        let text = self.text(value);
        let (number, unit) = text.split_once('\u{202f}').unwrap_or((text.as_str(), ""));
        let number =
            if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
        if unit.is_empty() { number.to_owned() } else { format!("{number}\u{202f}{unit}") }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is never below 0"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_bytes_is_a_rate_in_bits_or_an_amount_in_bytes() {
        let text = |unit: Unit, amount| unit.text(unit.shown(amount, 60_000)).replace('\u{202f}', " ");
        assert_eq!(text(Unit::BitsPerSecond, 7_500_000), "1.00 Mbps");
        assert_eq!(text(Unit::Bytes, 7_500_000), "7.50 MB");
        assert_eq!(text(Unit::PerSecond, 30), "0.50");
        assert_eq!(text(Unit::Count, 30), "30");
    }

    #[test]
    fn a_round_figure_at_an_axis_has_no_zeros_behind_the_point() {
        let ticks = [(Unit::BitsPerSecond, 2e6), (Unit::BitsPerSecond, 1.5e7), (Unit::Share, 0.5)];
        let texts = ticks.map(|(unit, value)| unit.tick(value).replace('\u{202f}', " "));
        assert_eq!(texts, ["2 Mbps", "15 Mbps", "50 %"]);
        assert_eq!(
            [0.5, 0.05, 0.0, 20.0].map(|value| Unit::PerSecond.tick(value)),
            ["0.5", "0.05", "0", "20"]
        );
        assert_eq!(Unit::Count.tick(5_000.0).replace('\u{202f}', " "), "5 000");
    }
}
