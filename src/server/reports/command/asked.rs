//! What the flags of `meridian report` ask for.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::Calendar;
use crate::model::report::{Period, ReportQuestion, Section};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords};
use crate::server::config::flags::ReportFlags;
use crate::server::config::reports::ReportSettings;

/// A question, and the calendar that it is read with.
#[derive(Debug)]
pub struct Asked {
    /// What the report is to be of.
    pub question: ReportQuestion,
    /// The calendar of its zone.
    pub calendar: Calendar,
}

/// Reads the flags; the error says for people what to write instead.
pub fn asked(flags: &ReportFlags, settings: &ReportSettings, now_ms: i64) -> Result<Asked, String> {
    let calendar = Calendar::of(flags.zone.as_ref().unwrap_or(&settings.zone))?;
    let (period, range) = match (&flags.month, &flags.from) {
        (Some(month), _) => (Period::Month, month_of(&calendar, month)?),
        (None, Some(from)) => {
            let to = flags.to.as_deref();
            let range = range_of(&calendar, from, to, now_ms)?;
            (period_of(&calendar, range), range)
        }
        (None, None) => {
            let last = calendar.last_whole(Period::Month, now_ms);
            (Period::Month, last.ok_or("name a month with --month, such as 2026-10")?)
        }
    };
    let mut sections = flags.sections.clone();
    sections.sort_unstable();
    sections.dedup();
    if sections.is_empty() {
        sections = Section::ALL.to_vec();
    }
    let question = ReportQuestion {
        title: flags.title.as_ref().unwrap_or(&settings.title).clone(),
        period,
        range,
        zone: calendar.name().to_owned(),
        filter: flags.filter.clone().unwrap_or_default(),
        sections,
    };
    Ok(Asked { question, calendar })
}

fn month_of(calendar: &Calendar, month: &str) -> Result<TimeRange, String> {
    let wanted = || format!("`{month}` is no month: write year and month, such as 2026-10");
    let day: Date = format!("{}-15", month.trim()).parse().map_err(|_| wanted())?;
    // The middle of a month is in it, wherever one is.
    let noon = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).map_err(|_| wanted())?;
    calendar.containing(Period::Month, noon.timestamp().as_millisecond()).ok_or_else(wanted)
}

/// A month, week or day where a range is one.
fn period_of(calendar: &Calendar, range: TimeRange) -> Period {
    let is_whole = |period: &Period| calendar.containing(*period, range.from_ms) == Some(range);
    [Period::Month, Period::Week, Period::Day].into_iter().find(is_whole).unwrap_or(Period::Custom)
}

fn range_of(calendar: &Calendar, from: &str, to: Option<&str>, now_ms: i64) -> Result<TimeRange, String> {
    let now = Now { ms: now_ms, offset_minutes: 0 };
    let begin = match civil(calendar, from, false)? {
        Some(begin) => begin,
        None => worded(from, "now", now)?.from_ms,
    };
    let end = match to {
        None => now_ms,
        Some(to) => match civil(calendar, to, true)? {
            Some(end) => end,
            None => worded("1970-01-01", to, now)?.to_ms,
        },
    };
    TimeRange::new(begin, end).ok_or_else(|| {
        let (begin, end) = (calendar.moment(begin), calendar.moment(end));
        format!("the end, {end}, is not after the beginning, {begin}: change --from or --to")
    })
}

/// What the words of the time field mean; in UTC.
fn worded(from: &str, to: &str, now: Now) -> Result<TimeRange, String> {
    let words = TimeWords::read(Some(from), Some(to), now)?;
    words.ok_or("name a beginning with --from, such as 2026-10-01")?.resolve(now)
}

/// A date or a date with a time as the clock of the zone shows it; `None` for what is written in another way. A date that
/// is an end belongs to the range.
fn civil(calendar: &Calendar, text: &str, is_end: bool) -> Result<Option<i64>, String> {
    let text = text.trim();
    let has_zone = text.ends_with('Z') || text.get(10..).is_some_and(|time| time.contains(['+', '-', '[']));
    let impossible = |_| format!("`{text}` is no moment in {}", calendar.name());
    let zone = TimeZone::get(calendar.name()).map_err(impossible)?;
    let moment = if let Some(date) = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten() {
        let date = if is_end { date.tomorrow().map_err(impossible)? } else { date };
        date.to_zoned(zone).map_err(impossible)?
    } else if let Some(time) = (!has_zone).then(|| text.parse::<DateTime>().ok()).flatten() {
        time.to_zoned(zone).map_err(impossible)?
    } else {
        return Ok(None);
    };
    Ok(Some(moment.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-10 12:00 UTC.
    const NOW_MS: i64 = 1_794_312_000_000;

    fn read(flags: ReportFlags) -> Result<(Period, String), String> {
        let flags = ReportFlags { zone: flags.zone.or(Some("Europe/Berlin".to_owned())), ..flags };
        let Asked { question, calendar } = asked(&flags, &ReportSettings::default(), NOW_MS)?;
        Ok((question.period, calendar.span(question.range)))
    }

    fn flags(month: Option<&str>, from: Option<&str>, to: Option<&str>) -> ReportFlags {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        ReportFlags { month: owned(month), from: owned(from), to: owned(to), ..ReportFlags::default() }
    }

    #[test]
    fn a_month_is_the_one_of_the_zone_and_without_any_the_last_whole_one() {
        let october = Ok((Period::Month, "2026-10-01 00:00 – 2026-11-01 00:00".to_owned()));
        assert_eq!(read(flags(Some("2026-10"), None, None)), october);
        assert_eq!(read(flags(None, None, None)), october);
        for wrong in ["2026-13", "October", "2026", "", "2026-10-15"] {
            let error = read(flags(Some(wrong), None, None)).unwrap_err();
            assert!(error.contains("such as 2026-10"), "{error}");
        }
    }

    #[test]
    fn dates_are_whole_days_of_the_zone_and_a_whole_period_is_known_as_one() {
        let told = |from, to| read(flags(None, Some(from), Some(to))).unwrap();
        assert_eq!(
            told("2026-10-01", "2026-10-31"),
            (Period::Month, "2026-10-01 00:00 – 2026-11-01 00:00".to_owned())
        );
        assert_eq!(told("2026-10-25", "2026-10-25").0, Period::Day, "a day of 25 hours");
        assert_eq!(told("2026-10-19", "2026-10-25").0, Period::Week);
        assert_eq!(
            told("2026-10-02T08:30", "2026-10-02T09:00:00Z"),
            (Period::Custom, "2026-10-02 08:30 – 2026-10-02 11:00".to_owned())
        );
        assert_eq!(read(flags(None, Some("-6h"), None)).unwrap().0, Period::Custom);
        let error = read(flags(None, Some("2026-10-02"), Some("2026-10-01"))).unwrap_err();
        assert!(error.contains("change --from or --to"), "{error}");
    }

    #[test]
    fn a_zone_that_does_not_exist_is_an_error_and_sections_have_their_order() {
        let wrong = ReportFlags { zone: Some("Europe/Bärlin".to_owned()), ..ReportFlags::default() };
        assert!(read(wrong).is_err());
        let chosen = vec![Section::Exporters, Section::Days, Section::Days];
        let settings = ReportSettings::default();
        let chosen =
            asked(&ReportFlags { sections: chosen, ..ReportFlags::default() }, &settings, NOW_MS).unwrap();
        assert_eq!(chosen.question.sections, [Section::Days, Section::Exporters]);
        assert_eq!(
            asked(&ReportFlags::default(), &settings, NOW_MS).unwrap().question.sections,
            Section::ALL
        );
    }
}
