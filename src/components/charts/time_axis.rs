//! The axis of time: which step is where, what of it lies in the range, and which moments are labelled.

use jiff::Timestamp;

use crate::model::round_lengths::{DAY, HOUR, MINUTE, SECOND, TO_THREE_HOURS};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now};

/// Steps of equal length over a range; the first and the last may lie in it only in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeAxis {
    /// What is shown.
    pub range: TimeRange,
    /// Where the first step begins, milliseconds since 1970.
    pub start_ms: i64,
    /// Length of a step, milliseconds; above 0.
    pub step_ms: i64,
    /// How many steps there are.
    pub steps: usize,
    /// The zone of the labels: how far it is ahead of UTC, milliseconds.
    pub zone_ms: i64,
}

/// A labelled moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeTick {
    /// Where it is, 0 to 1.
    pub share: f64,
    /// What it is called.
    pub text: String,
    /// True for every other tick, which a narrow screen leaves out.
    pub is_minor: bool,
}

/// Distances of ticks beyond three hours, smallest first.
const LONG_DISTANCES: [i64; 10] =
    [6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 365 * DAY];

impl TimeAxis {
    /// Where a moment is, 0 to 1.
    pub fn share(&self, moment_ms: i64) -> f64 {
        (milliseconds(moment_ms.saturating_sub(self.range.from_ms))
            / milliseconds(self.range.length_ms().max(1)))
        .clamp(0.0, 1.0)
    }

    /// Where the middle of a step is, as far as it lies in the range, 0 to 1.
    pub fn middle(&self, step: usize) -> f64 {
        let part = self.part(step);
        self.share(part.from_ms.saturating_add(part.length_ms() / 2))
    }

    /// The part of a step that lies in the range; the nearest moment of the range if none does.
    pub fn part(&self, step: usize) -> TimeRange {
        let begin = i64::try_from(step)
            .ok()
            .and_then(|step| self.step_ms.checked_mul(step))
            .and_then(|offset| self.start_ms.checked_add(offset))
            .unwrap_or(i64::MAX);
        let clamp = |moment: i64| moment.clamp(self.range.from_ms, self.range.to_ms.max(self.range.from_ms));
        TimeRange { from_ms: clamp(begin), to_ms: clamp(begin.saturating_add(self.step_ms)) }
    }

    /// True when the whole step lies in the range.
    pub fn is_whole(&self, step: usize) -> bool {
        self.part(step).length_ms() >= self.step_ms
    }

    /// The step at a place, 0 to 1.
    pub fn step_at(&self, share: f64) -> Option<usize> {
        let moment = self.moment_at(share);
        let step = moment.saturating_sub(self.start_ms).checked_div(self.step_ms)?;
        let last = self.steps.checked_sub(1)?;
        Some(usize::try_from(step.max(0)).unwrap_or(last).min(last))
    }

    /// The moment at a place, 0 to 1.
    #[expect(clippy::cast_possible_truncation, reason = "a moment between two others")]
    pub fn moment_at(&self, share: f64) -> i64 {
        let offset = milliseconds(self.range.length_ms()) * share.clamp(0.0, 1.0);
        self.range.from_ms.saturating_add(offset as i64).min(self.range.to_ms)
    }

    /// The labelled moments: at most nine, at round times of the zone.
    pub fn ticks(&self) -> Vec<TimeTick> {
        let length = self.range.length_ms();
        let mut distances = TO_THREE_HOURS.into_iter().chain(LONG_DISTANCES);
        let distance = distances.find(|distance| length / distance <= 8).unwrap_or(length.max(1));
        // The first tick is the first round moment after the beginning.
        let first = self.range.from_ms.saturating_add(self.zone_ms).div_euclid(distance) + 1;
        (0..12_i64)
            .map(|number| (first + number).saturating_mul(distance))
            .take_while(|wall| wall.saturating_sub(self.zone_ms) < self.range.to_ms)
            .map(|wall| TimeTick {
                share: self.share(wall.saturating_sub(self.zone_ms)),
                text: tick_text(wall, distance),
                is_minor: wall.div_euclid(distance) % 2 != 0,
            })
            // A label at the very edge would be cut off.
            .filter(|tick| tick.share > 0.02 && tick.share < 0.98)
            .collect()
    }

    /// A part of it in words: `23 Nov 2026 14:05 – 14:10`.
    pub fn text(&self, part: TimeRange) -> String {
        let zone =
            Now { ms: self.range.to_ms, offset_minutes: i32::try_from(self.zone_ms / MINUTE).unwrap_or(0) };
        time_words::range(part, zone)
    }
}

/// The length of a step in words: `30 s`, `5 min`, `2 h`, `1 d`.
pub fn length_text(ms: i64) -> String {
    match ms {
        ms if ms >= DAY && ms % DAY == 0 => format!("{}\u{202f}d", ms / DAY),
        ms if ms >= HOUR && ms % HOUR == 0 => format!("{}\u{202f}h", ms / HOUR),
        ms if ms >= MINUTE && ms % MINUTE == 0 => format!("{}\u{202f}min", ms / MINUTE),
        ms if ms >= SECOND && ms % SECOND == 0 => format!("{}\u{202f}s", ms / SECOND),
        ms => format!("{ms}\u{202f}ms"),
    }
}

fn tick_text(wall: i64, distance: i64) -> String {
    match distance {
        distance if distance >= 90 * DAY => formatted(wall, "%b %Y"),
        _ if wall.rem_euclid(DAY) == 0 => formatted(wall, "%-d %b"),
        distance if distance < MINUTE => formatted(wall, "%H:%M:%S"),
        _ => formatted(wall, "%H:%M"),
    }
}

fn formatted(moment_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(moment_ms)
        .map_or_else(|_| "–".to_owned(), |moment| moment.strftime(format).to_string())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a range, for drawing")]
const fn milliseconds(ms: i64) -> f64 {
    ms as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 14:00 UTC.
    const TWO: i64 = 1_795_442_400_000;

    fn axis(from_ms: i64, to_ms: i64, step_ms: i64) -> TimeAxis {
        let start_ms = from_ms.div_euclid(step_ms) * step_ms;
        let steps = usize::try_from((to_ms - start_ms + step_ms - 1) / step_ms).unwrap();
        TimeAxis { range: TimeRange { from_ms, to_ms }, start_ms, step_ms, steps, zone_ms: 0 }
    }

    #[test]
    fn ticks_are_at_round_times_and_midnight_is_a_date() {
        let day = axis(TWO, TWO + DAY, 5 * MINUTE);
        let texts: Vec<_> = day.ticks().into_iter().map(|tick| tick.text).collect();
        assert_eq!(texts, ["15:00", "18:00", "21:00", "24 Nov", "03:00", "06:00", "09:00", "12:00"]);
        let minute = axis(TWO, TWO + MINUTE, SECOND);
        assert_eq!(minute.ticks().first().unwrap().text, "14:00:10");
        for length in [SECOND, HOUR, 3 * HOUR, 30 * DAY, 400 * DAY, 5_000 * DAY] {
            let ticks = axis(TWO, TWO + length, length).ticks();
            assert!(ticks.len() <= 9, "{length}: {ticks:?}");
        }
    }

    #[test]
    fn a_step_that_lies_in_the_range_in_part_is_counted_in_part() {
        let axis = axis(TWO + 50 * SECOND, TWO + 2 * MINUTE + 40 * SECOND, MINUTE);
        assert_eq!(axis.steps, 3);
        assert_eq!((axis.is_whole(0), axis.is_whole(1), axis.is_whole(2)), (false, true, false));
        assert_eq!((axis.part(0).length_ms(), axis.part(2).length_ms()), (10 * SECOND, 40 * SECOND));
        assert_eq!(axis.text(axis.part(0)), "23 Nov 2026 14:00:50 – 14:01:00");
    }

    #[test]
    fn every_place_has_a_step_and_every_step_its_place() {
        let axis = axis(TWO, TWO + HOUR, MINUTE);
        assert_eq!((axis.step_at(0.0), axis.step_at(1.0), axis.step_at(7.0)), (Some(0), Some(59), Some(59)));
        for step in 0..axis.steps {
            assert_eq!(axis.step_at(axis.middle(step)), Some(step));
        }
        let empty = TimeAxis { steps: 0, ..axis };
        assert_eq!(empty.step_at(0.5), None);
    }

    #[test]
    fn ticks_are_round_in_the_zone_that_they_are_shown_in() {
        let zone_ms = 330 * MINUTE;
        let day = TimeAxis { zone_ms, ..axis(TWO, TWO + DAY, HOUR) };
        let ticks = day.ticks();
        assert_eq!(ticks.first().unwrap().text, "21:00");
        assert!((ticks.first().unwrap().share - 1.5 / 24.0).abs() < 1e-9);
    }
}
