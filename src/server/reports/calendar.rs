//! Months, weeks and days of a time zone, and what they are called.
//!
//! A period ends where the next begins: a day of a change of summer time has 23 or 25 hours (23 and a half on Lord Howe
//! Island), a day that a zone skipped is none, and a midnight that does not exist is the first moment after it. Pure: the
//! moment is an argument, and a moment beyond the years that a calendar has gives `None`.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::{self, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use crate::model::report::Period;
use crate::model::time_range::TimeRange;

/// Names that are offered instead of one that is not known.
const SUGGESTIONS: usize = 3;
/// The longest name that is looked at, in bytes.
const LONGEST_NAME: usize = 100;

/// The calendar of a time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    name: String,
}

/// A day, or what of it is in a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// `2026-10-31`.
    pub label: String,
    /// When.
    pub range: TimeRange,
}

impl Calendar {
    /// The calendar of a zone by its IANA name; the error says for people what to write instead.
    pub fn of(name: &str) -> Result<Self, String> {
        let name = name.trim();
        let found = (name.len() <= LONGEST_NAME).then(|| TimeZone::get(name).ok()).flatten();
        let Some(zone) = found else { return Err(unknown(name)) };
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Self { zone, name })
    }

    /// The zone's name as IANA spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole month, week or day that has a moment; `None` for a range of any length.
    pub fn containing(&self, period: Period, moment_ms: i64) -> Option<TimeRange> {
        let mut date = first_of(period, self.date(moment_ms)?)?;
        // Where a clock is set back over midnight, a date comes back after the next has begun.
        for _ in 0..2 {
            let next = next(period, date)?;
            let range = TimeRange::new(self.midnight(date)?, self.midnight(next)?);
            if let Some(range) = range.filter(|range| range.contains(moment_ms)) {
                return Some(range);
            }
            date = next;
        }
        None
    }

    /// The last whole month, week or day that ended at or before a moment.
    pub fn last_whole(&self, period: Period, moment_ms: i64) -> Option<TimeRange> {
        let current = self.containing(period, moment_ms)?;
        self.containing(period, current.from_ms.checked_sub(1)?)
    }

    /// The period before a range: the month, week or day before; of any other range as many whole days where it is whole
    /// days, else as long a range.
    pub fn before(&self, period: Period, range: TimeRange) -> TimeRange {
        let before = range.from_ms.checked_sub(1).and_then(|last| self.containing(period, last));
        before.or_else(|| self.days_before(range)).unwrap_or_else(|| range.previous())
    }

    fn days_before(&self, range: TimeRange) -> Option<TimeRange> {
        let (from, to) = (self.date(range.from_ms)?, self.date(range.to_ms)?);
        let is_whole = self.midnight(from)? == range.from_ms && self.midnight(to)? == range.to_ms;
        let days = from.until(to).ok()?.get_days();
        let first = from.checked_sub(days.days()).ok()?;
        TimeRange::new(self.midnight(first)?, range.from_ms).filter(|_| is_whole)
    }

    /// The days that a range touches, each as far as it is in the range.
    pub fn days(&self, range: TimeRange) -> Vec<Day> {
        let mut days = Vec::new();
        let mut next = self.date(range.from_ms);
        while let Some(date) = next {
            let Some(begin) = self.midnight(date).filter(|begin| *begin < range.to_ms) else { break };
            next = date.tomorrow().ok();
            let end = next.and_then(|next| self.midnight(next)).unwrap_or(range.to_ms);
            let day = TimeRange::new(begin, end).and_then(|day| day.intersection(range));
            days.extend(day.map(|range| Day { label: date.to_string(), range }));
        }
        days
    }

    /// Where in the week a moment is: days since Monday, 0 to 6, and the hour, 0 to 23.
    pub fn weekday_and_hour(&self, moment_ms: i64) -> Option<(usize, usize)> {
        let moment = self.zone.to_datetime(Timestamp::from_millisecond(moment_ms).ok()?);
        let day = usize::try_from(moment.weekday().to_monday_zero_offset()).ok()?;
        Some((day, usize::try_from(moment.hour()).ok()?))
    }

    /// True when a moment is a whole hour of UTC, in which hours and days are kept.
    pub const fn is_whole_hour(moment_ms: i64) -> bool {
        moment_ms.rem_euclid(3_600_000) == 0
    }

    /// What a period is called: `October 2026`, `Week 44 of 2026`, `2026-10-31`,
    /// `2026-10-01 08:00 – 2026-10-02 09:30`.
    pub fn label(&self, period: Period, range: TimeRange) -> String {
        let named = self.date(range.from_ms).and_then(|date| match period {
            Period::Month => Some(date.strftime("%B %Y").to_string()),
            Period::Week => {
                let week = date.iso_week_date();
                Some(format!("Week {} of {}", week.week(), week.year()))
            }
            Period::Day => Some(date.to_string()),
            Period::Custom => None,
        });
        named.unwrap_or_else(|| self.span(range))
    }

    /// `2026-10-01 08:00 – 2026-10-02 09:30`.
    pub fn span(&self, range: TimeRange) -> String {
        format!("{} – {}", self.moment(range.from_ms), self.moment(range.to_ms))
    }

    /// `2026-10-31 14:00`; with `CEST` or `CET` behind it where the clock shows the same time twice.
    pub fn moment(&self, moment_ms: i64) -> String {
        let Ok(moment) = Timestamp::from_millisecond(moment_ms) else { return "–".to_owned() };
        let civil = self.zone.to_datetime(moment);
        let is_twice = self.zone.to_ambiguous_timestamp(civil).is_ambiguous();
        self.formatted(moment_ms, if is_twice { "%Y-%m-%d %H:%M %Z" } else { "%Y-%m-%d %H:%M" })
    }

    /// `2026-11-01 03:00 CET`.
    pub fn moment_in_zone(&self, moment_ms: i64) -> String {
        self.formatted(moment_ms, "%Y-%m-%d %H:%M %Z")
    }

    fn formatted(&self, moment_ms: i64, format: &str) -> String {
        Timestamp::from_millisecond(moment_ms).map_or_else(
            |_| "–".to_owned(),
            |time| time.to_zoned(self.zone.clone()).strftime(format).to_string(),
        )
    }

    fn date(&self, moment_ms: i64) -> Option<Date> {
        Some(self.zone.to_datetime(Timestamp::from_millisecond(moment_ms).ok()?).date())
    }

    /// The first moment of a date.
    fn midnight(&self, date: Date) -> Option<i64> {
        Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond())
    }
}

/// The date on which a period begins that has a date.
fn first_of(period: Period, date: Date) -> Option<Date> {
    match period {
        Period::Month => Some(date.first_of_month()),
        Period::Week => {
            let week = date.iso_week_date();
            ISOWeekDate::new(week.year(), week.week(), Weekday::Monday).ok().map(Date::from)
        }
        Period::Day => Some(date),
        Period::Custom => None,
    }
}

/// The date on which the next period begins.
fn next(period: Period, date: Date) -> Option<Date> {
    match period {
        Period::Month => date.checked_add(1.month()).ok(),
        Period::Week => date.checked_add(1.week()).ok(),
        Period::Day => date.tomorrow().ok(),
        Period::Custom => None,
    }
}

fn unknown(name: &str) -> String {
    let example = "Write a name of the IANA list, such as Europe/Berlin or UTC";
    if name.is_empty() {
        return format!("The time zone is missing. {example}.");
    }
    let shown: String = name.chars().take(LONGEST_NAME).collect();
    let near = near(&shown);
    if near.is_empty() {
        return format!("There is no time zone “{shown}”. {example}.");
    }
    format!("There is no time zone “{shown}”. {example}; did you mean {}?", near.join(" or "))
}

/// Zones with similar names, or a city that is called so.
fn near(name: &str) -> Vec<String> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    let wanted = plain(name);
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let wanted_city = city(&wanted);
    let mut near: Vec<(usize, String)> = tz::db()
        .available()
        .map(|known| {
            let known = known.as_str().to_owned();
            let known_plain = plain(&known);
            let of_city = strsim::damerau_levenshtein(&wanted_city, &city(&known_plain));
            (of_city.min(strsim::damerau_levenshtein(&wanted, &known_plain)), known)
        })
        .filter(|(distance, _)| *distance <= wanted_city.chars().count() / 3)
        .collect();
    near.sort();
    near.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests;
