//! What somebody asks a report to be of, and what that means.

use jiff::tz::TimeZone;
use jiff::{Timestamp, tz};

use super::calendar::Calendar;
use super::schedule;
use crate::model::report::{Period, ReportQuestion, Section};
use crate::model::round_lengths::DAY;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords, parse_rfc3339};
use crate::server::config::reports::ReportSettings;
use crate::server::history::answers::usable;
use crate::server::history::error::QuestionError;

/// The longest range of a report, days.
const MOST_DAYS: i64 = 3_660;

/// A report that somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The beginning, RFC 3339 or words; or the whole range.
    pub from: String,
    /// The end.
    pub to: String,
    /// The time zone; empty for the one of the configuration.
    pub zone: String,
    /// The heading; empty for the one of the configuration.
    pub title: String,
    /// Which flows; empty for all.
    pub filter: String,
    /// What it has; empty for everything.
    pub sections: Vec<Section>,
}

/// A question, and the calendar that it is read with.
#[derive(Debug)]
pub struct Asked {
    /// What the report is to be of; the title is empty for the one of the configuration.
    pub question: ReportQuestion,
    /// The calendar of its zone.
    pub calendar: Calendar,
}

impl Order {
    /// What it means at a moment; the error says for people what to write instead.
    pub fn read(&self, settings: &ReportSettings, now_ms: i64) -> Result<Asked, QuestionError> {
        let zone = if self.zone.trim().is_empty() { &settings.zone } else { &self.zone };
        let calendar = Calendar::of(zone).map_err(QuestionError::Invalid)?;
        let range = range_of(&self.from, &self.to, &calendar, now_ms).map_err(QuestionError::Invalid)?;
        let range = reportable(range, &calendar, now_ms)?;
        // A month, week or day where the range is one.
        let is_whole = |period: &Period| calendar.containing(*period, range.from_ms) == Some(range);
        let period = [Period::Month, Period::Week, Period::Day].into_iter().find(is_whole);
        let question = ReportQuestion {
            title: schedule::title(&self.title)?,
            period: period.unwrap_or(Period::Custom),
            range,
            zone: calendar.name().to_owned(),
            filter: schedule::filter(&self.filter)?,
            sections: schedule::in_order(&self.sections),
        };
        Ok(Asked { question, calendar })
    }
}

/// A range that there can be a report of at a moment; the error says for people what to choose instead.
pub(super) fn reportable(
    range: TimeRange,
    calendar: &Calendar,
    now_ms: i64,
) -> Result<TimeRange, QuestionError> {
    let range = usable(range)?;
    if range.length_ms() > MOST_DAYS * DAY {
        let text = "A report can be of ten years at most: choose a later beginning or an earlier end.";
        return Err(QuestionError::Invalid(text.to_owned()));
    }
    if range.from_ms >= now_ms {
        let begins = calendar.moment_in_zone(range.from_ms);
        let text = format!("The period has not begun: it does at {begins}. Choose an earlier one.");
        return Err(QuestionError::Invalid(text));
    }
    Ok(range)
}

/// The range that words mean in a time zone.
fn range_of(from: &str, to: &str, calendar: &Calendar, now_ms: i64) -> Result<TimeRange, String> {
    let zone = TimeZone::get(calendar.name()).map_err(|error| error.to_string())?;
    let now_at = Timestamp::from_millisecond(now_ms).map_err(|error| error.to_string())?;
    let offset = zone.to_offset(now_at);
    let now = Now { ms: now_ms, offset_minutes: offset.seconds() / 60 };
    let words = TimeWords::read(Some(from), Some(to), now)?.ok_or_else(|| {
        "Say which range the report is of, such as last month, 2026-10, or a beginning and an end.".to_owned()
    })?;
    let range = words.resolve(now)?;
    let to = if to.trim().is_empty() { from } else { to };
    // Words are read with the distance from UTC that the zone has now: what they say is a time on the wall.
    let in_zone = |text: &str, moment_ms: i64| {
        if is_exact(text) || moment_ms == now_ms {
            return Some(moment_ms);
        }
        let wall = offset_of(now).to_datetime(Timestamp::from_millisecond(moment_ms).ok()?);
        Some(wall.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
    };
    let ends = in_zone(from, range.from_ms).zip(in_zone(to, range.to_ms));
    ends.and_then(|(from, to)| TimeRange::new(from, to)).ok_or_else(|| {
        "The end is not after the beginning: write the beginning first, then the end.".to_owned()
    })
}

fn offset_of(now: Now) -> tz::Offset {
    tz::Offset::from_seconds(now.offset_minutes.saturating_mul(60)).unwrap_or(tz::Offset::UTC)
}

/// True when a text says a moment or a length, whatever the time zone.
fn is_exact(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('-') || text.split_whitespace().any(|word| parse_rfc3339(word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str, zone: &str) -> TimeRange {
        let now_ms = parse_rfc3339("2026-11-15T12:00:00Z").unwrap();
        range_of(from, to, &Calendar::of(zone).unwrap(), now_ms).unwrap()
    }

    fn utc(from: &str, to: &str) -> TimeRange {
        TimeRange::new(parse_rfc3339(from).unwrap(), parse_rfc3339(to).unwrap()).unwrap()
    }

    #[test]
    fn a_month_is_that_of_the_zone_on_both_sides_of_a_change_of_summer_time() {
        let october = utc("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
        assert_eq!(asked("2026-10", "", "Europe/Berlin"), october);
        assert_eq!(asked("last month", "last month", "Europe/Berlin"), october);
        let said = asked("2026-10-01T00:00:00Z", "2026-10-31T23:00:00Z", "Europe/Berlin");
        assert_eq!(said, utc("2026-10-01T00:00:00Z", "2026-10-31T23:00:00Z"));
        assert_eq!(asked("-6h", "now", "Europe/Berlin").length_ms(), 6 * 3_600_000);
    }

    #[test]
    fn without_a_range_it_is_said_what_to_write() {
        let error = range_of("", " ", &Calendar::of("UTC").unwrap(), 0).unwrap_err();
        assert!(error.contains("last month"), "{error}");
    }

    #[test]
    fn a_range_that_no_report_can_be_of_is_not_taken() {
        let now_ms = parse_rfc3339("2026-11-15T12:00:00Z").unwrap();
        let refused = |from: &str, to: &str| {
            let order = Order { from: from.to_owned(), to: to.to_owned(), ..Order::default() };
            order.read(&ReportSettings::default(), now_ms).unwrap_err().to_string()
        };
        assert!(refused("2010-01-01", "2026-01-01").contains("ten years at most"));
        assert!(refused("1960-01-01", "1961-01-01").contains("1970"));
        assert!(refused("2027-01-01", "2027-01-02").contains("has not begun"));
    }
}
