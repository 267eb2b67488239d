//! Traffic over time: days or hours, and the hours of the week.
//!
//! Sums know whole hours of UTC. Where a zone is half an hour off, the hours over which a day ends are asked for again in
//! two parts; where these are not kept any more, such an hour belongs to the day in which it begins.

use super::MOST_DAYS_BY_HOUR;
use super::asking::{Asking, missing_ms};
use crate::model::filter::Field;
use crate::model::history::Dimension;
use crate::model::report::{Period, Step, WeekHours};
use crate::model::round_lengths::{DAY, HOUR};
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::history::error::QuestionError;
use crate::server::history::groups::Value;
use crate::server::history::planner::MadeOf;
use crate::server::history::request::Request;
use crate::server::history::steps::Steps;
use crate::server::reports::calendar::Calendar;

/// The longest range that is shown by hours: two days, one of them of 25 hours.
const LONGEST_BY_HOUR: i64 = 2 * DAY + HOUR;
/// The most days whose ends are asked for in parts.
const MOST_PARTS: usize = 62;

/// Traffic by direction, in the order of [`Direction::ALL`].
pub(super) type Ways = [Traffic; 4];

/// The traffic of each step of a range.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What was asked for.
    pub range: TimeRange,
    pub steps: Steps,
    /// One for each step.
    pub points: Vec<Ways>,
    pub made_of: MadeOf,
}

/// This period and the one before.
#[derive(Clone, Debug)]
pub(super) struct OverTime {
    pub now: Line,
    pub before: Option<Line>,
}

pub(super) fn total(ways: &Ways) -> Traffic {
    ways.iter().fold(Traffic::NONE, |sum, way| sum + *way)
}

impl Line {
    /// The traffic of steps of a length.
    pub async fn find(asking: &Asking<'_>, range: TimeRange, step_ms: i64) -> Result<Self, QuestionError> {
        let by_direction = [Dimension::Field(Field::Direction)];
        let request = Request { step_ms: Some(step_ms), ..asking.request(range, &by_direction) };
        let found = asking.group(&request).await?;
        let steps = Steps::of(found.made_of.range.unwrap_or(range), step_ms);
        let mut points = vec![Ways::default(); steps.count];
        for group in &found.groups.groups {
            if let [Value::Direction(direction)] = group.values.as_slice()
                && let Some(point) = steps.position(group.step_ms).and_then(|at| points.get_mut(at))
                && let Some(way) = point.get_mut(direction.index())
            {
                *way += group.traffic;
            }
        }
        Ok(Self { range, steps, points, made_of: found.made_of })
    }

    /// By hour where hours are kept and not too many, else by day.
    async fn finest(asking: &Asking<'_>, range: TimeRange) -> Result<Self, QuestionError> {
        if range.length_ms() > MOST_DAYS_BY_HOUR * DAY {
            return Self::find(asking, range, DAY).await;
        }
        let by_hour = Self::find(asking, range, HOUR).await?;
        if by_hour.made_of.lost.is_empty() {
            return Ok(by_hour);
        }
        let by_day = Self::find(asking, range, DAY).await?;
        Ok(if by_day.made_of.lost.is_empty() { by_day } else { by_hour })
    }

    pub const fn is_by_hour(&self) -> bool {
        self.steps.step_ms <= HOUR
    }

    /// Each step with its traffic, as far as it is in the range.
    pub fn parts(&self) -> impl Iterator<Item = (TimeRange, &Ways)> {
        let at = |index: usize| {
            let offset = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(self.steps.step_ms);
            self.steps.start_ms.saturating_add(offset)
        };
        self.points.iter().enumerate().map(move |(index, ways)| {
            let step = TimeRange { from_ms: at(index), to_ms: at(index + 1) };
            // A step of a widened range may lie beside the one that was asked for.
            (step.intersection(self.range).unwrap_or(step), ways)
        })
    }

    /// The traffic of each day, each step in the day that has its beginning; a whole day of UTC in the one that has
    /// its middle.
    fn by_day(&self, days: &[TimeRange]) -> Vec<Ways> {
        let mut sums = vec![Ways::default(); days.len()];
        for (step, ways) in self.parts() {
            let moment = if self.is_by_hour() { step.from_ms } else { step.from_ms + step.length_ms() / 2 };
            let day = days.partition_point(|day| day.to_ms <= moment).min(days.len().saturating_sub(1));
            if let Some(sum) = sums.get_mut(day) {
                add(sum, ways);
            }
        }
        sums
    }
}

fn add(sum: &mut Ways, ways: &Ways) {
    for (sum, way) in sum.iter_mut().zip(ways) {
        *sum += *way;
    }
}

impl OverTime {
    pub async fn find(asking: &Asking<'_>, has_before: bool) -> Result<Self, QuestionError> {
        let now = Line::finest(asking, asking.range).await?;
        let before = if has_before { Some(Line::finest(asking, asking.range_before).await?) } else { None };
        let before = before.filter(|line| line.made_of.lost.is_empty());
        Ok(Self { now, before })
    }

    pub fn made_of(&self) -> MadeOf {
        self.now.made_of.clone()
    }

    /// True when steps are hours.
    pub fn has_hours(&self) -> bool {
        self.now.is_by_hour() && self.now.range.length_ms() <= LONGEST_BY_HOUR
    }

    /// Days, or hours of a short range; without what has not begun.
    pub async fn steps(&self, asking: &Asking<'_>) -> Result<Vec<Step>, QuestionError> {
        let steps = if self.has_hours() { hours(&self.now) } else { days(asking, &self.now).await? };
        let before = self.steps_before(asking).await?;
        let partners = partners(asking.calendar, self.has_hours(), &steps, &before);
        let (gaps, gaps_before) = (asking.gaps(asking.range), asking.gaps(asking.range_before));
        let begun = steps.into_iter().zip(partners).filter(|((range, _), _)| range.from_ms < asking.now_ms);
        let shown = begun.map(|((range, ways), partner)| {
            let before = partner.and_then(|at| before.get(at)).filter(|(range, ways)| {
                !total(ways).is_none() || missing_ms(*range, &gaps_before) < range.length_ms()
            });
            let [inbound, outbound, ..] = ways;
            Step {
                label: self.label(asking.calendar, range),
                range,
                inbound,
                outbound,
                total: total(&ways),
                before: before.map(|(_, ways)| total(ways)),
                has_gap: missing_ms(range, &gaps) > 0,
            }
        });
        Ok(shown.collect())
    }

    fn label(&self, calendar: &Calendar, range: TimeRange) -> String {
        if self.has_hours() {
            return calendar.moment(range.from_ms);
        }
        calendar.days(range).into_iter().next().map(|day| day.label).unwrap_or_default()
    }

    async fn steps_before(&self, asking: &Asking<'_>) -> Result<Vec<(TimeRange, Ways)>, QuestionError> {
        let Some(before) = &self.before else { return Ok(Vec::new()) };
        if self.has_hours() {
            return Ok(if before.is_by_hour() { hours(before) } else { Vec::new() });
        }
        days(asking, before).await
    }

    /// The mean rate of each hour of the week over the time in which something was collected; `None` without hours.
    pub fn week(&self, asking: &Asking<'_>) -> Option<WeekHours> {
        if !self.now.is_by_hour() {
            return None;
        }
        let gaps = asking.gaps(asking.range);
        let mut cells = [[(0_u128, 0_i64); 24]; 7];
        for (step, ways) in self.now.parts() {
            let Some(past) = asking.past(step) else { continue };
            let cell = asking.calendar.weekday_and_hour(past.from_ms);
            let cell = cell.and_then(|(day, hour)| cells.get_mut(day)?.get_mut(hour));
            let Some((bytes, collected_ms)) = cell else { continue };
            let had = u128::from(total(ways).scaled_bytes);
            *bytes += had;
            *collected_ms += match past.length_ms() - missing_ms(past, &gaps) {
                // What came then was not collected by this process: an import.
                0 if had > 0 => past.length_ms(),
                collected => collected,
            };
        }
        let rate = |(bytes, collected_ms): (u128, i64)| {
            let collected = u128::try_from(collected_ms).ok().filter(|collected| *collected > 0)?;
            Some(u64::try_from(bytes.saturating_mul(1_000) / collected).unwrap_or(u64::MAX))
        };
        Some(WeekHours { bytes_per_second: cells.map(|day| day.map(rate).to_vec()).to_vec() })
    }
}

async fn days(asking: &Asking<'_>, line: &Line) -> Result<Vec<(TimeRange, Ways)>, QuestionError> {
    let days: Vec<TimeRange> = asking.calendar.days(line.range).into_iter().map(|day| day.range).collect();
    let mut sums = line.by_day(&days);
    divide_ends(asking, &days, &mut sums).await?;
    Ok(days.into_iter().zip(sums).collect())
}

/// With which step of the period before each step is compared: an hour of whole days with the one that has the same time
/// of day, whatever hour summer time skipped or had twice; any other with the one of its position.
fn partners(
    calendar: &Calendar,
    has_hours: bool,
    steps: &[(TimeRange, Ways)],
    before: &[(TimeRange, Ways)],
) -> Vec<Option<usize>> {
    let begins_a_day = |steps: &[(TimeRange, Ways)]| {
        let first_ms = steps.first().map(|(first, _)| first.from_ms);
        first_ms.is_some_and(|first_ms| {
            calendar.containing(Period::Day, first_ms).is_some_and(|day| day.from_ms == first_ms)
        })
    };
    if !has_hours || !begins_a_day(steps) || !begins_a_day(before) {
        return (0..steps.len()).map(Some).collect();
    }
    let before = times_of_day(calendar, before);
    let times = times_of_day(calendar, steps).into_iter();
    times.map(|time| before.iter().position(|before| *before == time)).collect()
}

/// The day, the hour of day, and how often it was there before, of each hour of less than a week.
fn times_of_day(calendar: &Calendar, hours: &[(TimeRange, Ways)]) -> Vec<[usize; 3]> {
    let at = |range: &TimeRange| calendar.weekday_and_hour(range.from_ms).unwrap_or_default();
    let first_day = hours.first().map_or(0, |(first, _)| at(first).0);
    let mut times = Vec::new();
    for (range, _) in hours {
        let (weekday, hour) = at(range);
        let mut time = [(weekday + 7 - first_day) % 7, hour, 0];
        while times.contains(&time) {
            time[2] += 1;
        }
        times.push(time);
    }
    times
}

fn hours(line: &Line) -> Vec<(TimeRange, Ways)> {
    line.parts().map(|(range, ways)| (range, *ways)).collect()
}

/// Gives the day after what belongs to it of an hour over which a day ends.
async fn divide_ends(
    asking: &Asking<'_>,
    days: &[TimeRange],
    sums: &mut [Ways],
) -> Result<(), QuestionError> {
    if days.len() > MOST_PARTS {
        return Ok(());
    }
    for (index, [_, day]) in days.array_windows().enumerate() {
        let next_hour = day.from_ms.saturating_add(HOUR - day.from_ms.rem_euclid(HOUR));
        let Some(part) = TimeRange::new(day.from_ms, next_hour.min(day.to_ms)) else { continue };
        if Calendar::is_whole_hour(day.from_ms) || day.from_ms >= asking.now_ms {
            continue;
        }
        let found = asking.group(&asking.request(part, &[Dimension::Field(Field::Direction)])).await?;
        if !found.made_of.lost.is_empty() || found.made_of.range.is_some_and(|range| range != part) {
            continue;
        }
        let Some([before, after]) = sums.get_mut(index..index + 2) else { continue };
        for group in &found.groups.groups {
            if let [Value::Direction(direction)] = group.values.as_slice()
                && let Some(from) = before.get_mut(direction.index())
                && let Some(to) = after.get_mut(direction.index())
            {
                *from = *from - group.traffic;
                *to += group.traffic;
            }
        }
    }
    Ok(())
}

const _: () = assert!(Direction::ALL.len() == 4);

#[cfg(test)]
mod tests {
    use super::*;

    fn hours_of(calendar: &Calendar, date: &str) -> Vec<(TimeRange, Ways)> {
        let noon = format!("{date}T12:00:00Z").parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let day = calendar.containing(Period::Day, noon).unwrap();
        let hour = |number| TimeRange {
            from_ms: day.from_ms + number * HOUR,
            to_ms: day.from_ms + (number + 1) * HOUR,
        };
        (0..day.length_ms() / HOUR).map(|number| (hour(number), Ways::default())).collect()
    }

    #[test]
    fn hours_are_compared_with_the_same_time_of_day_over_a_change_of_summer_time() {
        let berlin = Calendar::of("Europe/Berlin").unwrap();
        let of = |date| hours_of(&berlin, date);
        // 2026-10-25 has 02:00 twice, 2026-03-29 has none.
        let (long, usual, short) = (of("2026-10-25"), of("2026-10-26"), of("2026-03-29"));
        let paired = |steps, before| partners(&berlin, true, steps, before);
        let expected: Vec<Option<usize>> =
            (0..24).map(|hour| Some(if hour < 3 { hour } else { hour + 1 })).collect();
        assert_eq!(paired(&usual, &long), expected);
        let back = paired(&long, &usual);
        assert_eq!((back.len(), back[2], back[3], back[4], back[24]), (25, Some(2), None, Some(3), Some(23)));
        let next = of("2026-03-30");
        let after_short = paired(&next, &short);
        assert_eq!((after_short[1], after_short[2], after_short[3]), (Some(1), None, Some(2)));
        assert_eq!(paired(&usual[5..9], &long[1..5]), [0, 1, 2, 3].map(Some));
        assert_eq!(partners(&berlin, false, &usual[..2], &[]), [Some(0), Some(1)]);
    }
}
