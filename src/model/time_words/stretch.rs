//! One text, one stretch of time.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{Timestamp, ToSpan};

use super::{DAY_MS, Now, TimeWords, rfc3339};

/// What a text means: a moment has its end where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub start_ms: i64,
    pub end_ms: i64,
    /// What to write for it when it moves with the clock.
    pub word: Option<String>,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// The most that can be counted back: about 300 years.
const MOST_SECONDS: i64 = 10_000_000_000;

/// `-6h` for so many seconds before now, in the largest unit that is whole; days from two on.
pub(super) fn ago(seconds: i64) -> String {
    match seconds {
        _ if seconds % 86_400 == 0 && seconds > 86_400 => format!("-{}d", seconds / 86_400),
        _ if seconds % 3_600 == 0 => format!("-{}h", seconds / 3_600),
        _ if seconds % 60 == 0 => format!("-{}m", seconds / 60),
        _ => format!("-{seconds}s"),
    }
}

/// Reads a whole range.
pub(super) fn whole_range(text: &str, now: Now) -> Result<TimeWords, String> {
    if text.is_empty() {
        return Err("write a range of time, like last 6 hours, yesterday or 20 Nov 14:00 – 16:00".to_owned());
    }
    let text = text.strip_prefix("from ").unwrap_or(text);
    if let Some(start) = text.strip_prefix("since ") {
        return Ok(TimeWords { from: Stretch::read(start, now)?.as_beginning(), to: "now".to_owned() });
    }
    if let Some(seconds) = last_so_much(text) {
        return Ok(TimeWords { from: ago(seconds?), to: "now".to_owned() });
    }
    if let Ok(stretch) = Stretch::read(text, now) {
        return Ok(alone(&stretch, text));
    }
    let between = text.strip_prefix("between ").and_then(|rest| rest.split_once(" and "));
    let parts = between.or_else(|| {
        [" – ", "–", " - ", " to ", " until ", " till ", "..", "/"]
            .iter()
            .find_map(|sign| text.split_once(sign))
    });
    let Some((left, right)) = parts else { return Err(not_understood(text)) };
    two_ends(left.trim(), right.trim(), now)
}

/// `last 90 minutes`, `past hour`, `90m`, `6 hours`: seconds before now.
fn last_so_much(text: &str) -> Option<Result<i64, String>> {
    let counted = ["last ", "past ", "the last ", "the past ", "previous "]
        .iter()
        .find_map(|word| text.strip_prefix(word));
    let amount = counted.unwrap_or(text);
    if let Some(seconds) = seconds_of(amount) {
        return Some(seconds);
    }
    // A day, a week and a month that were last are those of the calendar.
    counted.and_then(|unit| match unit {
        "minute" => Some(Ok(60)),
        "hour" => Some(Ok(3_600)),
        _ => None,
    })
}

/// A single text as a range: what began and goes on ends now, a moment has an hour.
fn alone(stretch: &Stretch, text: &str) -> TimeWords {
    let is_going_on = matches!(text, "today" | "this hour" | "this week" | "this month" | "this year");
    let is_counted_back = stretch.word.as_deref().is_some_and(|word| word.starts_with('-'));
    if is_going_on || is_counted_back {
        return TimeWords { from: stretch.as_beginning(), to: "now".to_owned() };
    }
    if stretch.word.as_deref() == Some("now") {
        return TimeWords::new("-1h", "now");
    }
    if stretch.start_ms == stretch.end_ms {
        return TimeWords {
            from: rfc3339(stretch.start_ms),
            to: rfc3339(stretch.start_ms.saturating_add(3_600_000)),
        };
    }
    TimeWords { from: stretch.as_beginning(), to: stretch.as_end() }
}

fn two_ends(left: &str, right: &str, now: Now) -> Result<TimeWords, String> {
    // `20 – 22 Nov`: the month of the end is that of the beginning as well.
    let borrowed = (left.bytes().all(|byte| byte.is_ascii_digit()) && left.len() <= 2)
        .then(|| right.split_once(' '))
        .flatten()
        .map(|(_, month)| format!("{left} {month}"));
    let from = Stretch::read(borrowed.as_deref().unwrap_or(left), now)?;
    // `20 Nov 14:00 – 16:00`: the end is on the day of the beginning, or after midnight.
    if let (Some(time), true) = (time_of_day(right), from.word.is_none()) {
        let date = now.wall(from.start_ms).map(DateTime::date).ok_or_else(|| not_understood(left))?;
        let end = now.ms_of(date.to_datetime(time)).ok_or_else(|| not_understood(right))?;
        let end = if end <= from.start_ms { end.saturating_add(DAY_MS) } else { end };
        return Ok(TimeWords { from: from.as_beginning(), to: rfc3339(end) });
    }
    Ok(TimeWords { from: from.as_beginning(), to: Stretch::read(right, now)?.as_end() })
}

impl Stretch {
    /// Reads a moment, a day, a week, a month or a year, in lower case.
    pub(super) fn read(text: &str, now: Now) -> Result<Self, String> {
        Self::counted_back(text, now)
            .or_else(|| Self::of_the_calendar(text, now).map(Ok))
            .or_else(|| Self::written_out(text, now).map(Ok))
            .unwrap_or_else(|| Err(not_understood(text)))
    }

    /// As the beginning of a range.
    pub(super) fn as_beginning(&self) -> String {
        self.word.clone().unwrap_or_else(|| rfc3339(self.start_ms))
    }

    /// As the end of a range.
    pub(super) fn as_end(&self) -> String {
        self.word.clone().unwrap_or_else(|| rfc3339(self.end_ms))
    }

    const fn moment(ms: i64) -> Self {
        Self { start_ms: ms, end_ms: ms, word: None }
    }

    /// `now`, `-6h`, `now-6h`, `6 hours ago`.
    fn counted_back(text: &str, now: Now) -> Option<Result<Self, String>> {
        if text == "now" {
            return Some(Ok(Self { word: Some("now".to_owned()), ..Self::moment(now.ms) }));
        }
        let amount = text
            .strip_prefix("now-")
            .or_else(|| text.strip_prefix("now -"))
            .or_else(|| text.strip_prefix('-'))
            .or_else(|| text.strip_suffix(" ago"))?;
        let seconds = match seconds_of(amount.trim())? {
            Ok(seconds) => seconds,
            Err(message) => return Some(Err(message)),
        };
        let ms = now.ms.saturating_sub(seconds.saturating_mul(1_000));
        Some(Ok(Self { word: Some(ago(seconds)), ..Self::moment(ms) }))
    }

    /// `yesterday`, `this week`, `last month`, `monday`, each with a time if wanted.
    fn of_the_calendar(text: &str, now: Now) -> Option<Self> {
        let today = now.today();
        let day = |date: Date, word: Option<&str>| Self::days(date, date.tomorrow().ok()?, word, now);
        if let Some(found) = match text {
            "today" => day(today, Some(text)),
            "yesterday" | "last day" => day(today.yesterday().ok()?, Some("yesterday")),
            "midnight" => now.midnight(today).map(Self::moment),
            _ => None,
        } {
            return Some(found);
        }
        if let Some((date, time)) = day_and_time(text)
            && let Some(found) =
                Self::of_the_calendar(date, now).filter(|found| found.end_ms - found.start_ms == DAY_MS)
        {
            let date = now.wall(found.start_ms)?.date();
            return now.ms_of(date.to_datetime(time)).map(Self::moment);
        }
        let (which, unit) = text.split_once(' ').unwrap_or(("", text));
        let back = match which {
            "this" | "current" => 0,
            "last" | "previous" | "past" => 1,
            "" => -1,
            _ => return None,
        };
        if let Some(weekday) = named(&WEEKDAYS, unit) {
            let weekday = Weekday::from_monday_zero_offset(i8::try_from(weekday).ok()?).ok()?;
            let days = i64::from(weekday.until(today.weekday()));
            let days = if back == 1 && days == 0 { 7 } else { days };
            return day(today.checked_sub(days.days()).ok()?, None);
        }
        let is_back = match back {
            0 | 1 => i64::from(back),
            _ => return None,
        };
        let word = format!("{} {unit}", if is_back == 0 { "this" } else { "last" });
        let (start, end) = match unit {
            "week" => {
                let monday =
                    today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
                let start = monday.checked_sub(is_back.weeks()).ok()?;
                (start, start.checked_add(1.week()).ok()?)
            }
            "month" => {
                let start = today.first_of_month().checked_sub(is_back.months()).ok()?;
                (start, start.checked_add(1.month()).ok()?)
            }
            "year" => {
                let start = today.first_of_year().checked_sub(is_back.years()).ok()?;
                (start, start.checked_add(1.year()).ok()?)
            }
            "hour" if is_back == 0 => {
                let hour = now.ms.checked_sub(now.ms.rem_euclid(3_600_000))?;
                return Some(Self { start_ms: hour, end_ms: hour.checked_add(3_600_000)?, word: None });
            }
            _ => return None,
        };
        Self::days(start, end, Some(&word), now)
    }

    /// `2026-11-20`, `2026-11-20 14:00`, `20 Nov`, `November 2025`, `14:00`, RFC 3339.
    fn written_out(text: &str, now: Now) -> Option<Self> {
        if let Ok(time) = text.to_uppercase().parse::<Timestamp>() {
            return Some(Self::moment(time.as_millisecond()));
        }
        if let Some(time) = time_of_day(text) {
            let at = now.ms_of(now.today().to_datetime(time))?;
            return Some(Self::moment(if at > now.ms { at.checked_sub(DAY_MS)? } else { at }));
        }
        if let Some((date, time)) = day_and_time(text)
            && let Some((date, next)) = dates(date, now)
            && date.tomorrow().ok()? == next
        {
            return now.ms_of(date.to_datetime(time)).map(Self::moment);
        }
        let (start, end) = dates(text, now)?;
        Self::days(start, end, None, now)
    }

    fn days(start: Date, end: Date, word: Option<&str>, now: Now) -> Option<Self> {
        Some(Self {
            start_ms: now.midnight(start)?,
            end_ms: now.midnight(end)?,
            word: word.map(str::to_owned),
        })
    }
}

/// `20 nov 14:00`, `yesterday at 2 pm`, `2026-11-20t14:00`: the day and the time of the day.
fn day_and_time(text: &str) -> Option<(&str, Time)> {
    let mut spaces = text.match_indices([' ', 't']).map(|(at, _)| at);
    spaces.find_map(|at| {
        let (day, time) = (text.get(..at)?, text.get(at + 1..)?);
        let day = day.strip_suffix(" at").unwrap_or(day).trim_end_matches(',');
        let time = time.strip_prefix("at ").unwrap_or(time);
        Some((day, time_of_day(time)?)).filter(|(day, _)| !day.is_empty())
    })
}

/// `14:00`, `14:00:30`, `2 pm`, `2:30pm`, `noon`.
fn time_of_day(text: &str) -> Option<Time> {
    if text == "noon" {
        return Time::new(12, 0, 0, 0).ok();
    }
    let half = [("am", 0), ("pm", 12)]
        .into_iter()
        .find_map(|(word, hours)| Some((text.strip_suffix(word)?.trim_end(), hours)));
    let (clock, shift) = half.unwrap_or((text, 0));
    let mut parts = clock.split(':');
    let mut number = || parts.next().map(|part| if part.len() <= 2 { whole(part) } else { None });
    let (hour, minute, second) = (number()??, number(), number());
    if (minute.is_none() && half.is_none()) || parts.next().is_some() {
        return None;
    }
    let (minute, second) = (minute.unwrap_or(Some(0))?, second.unwrap_or(Some(0))?);
    let hour = match half {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(_) => hour % 12 + shift,
        None => hour,
    };
    let part = |number: i64| i8::try_from(number).ok();
    Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()
}

/// A day, a month or a year, and the day after it.
fn dates(text: &str, now: Now) -> Option<(Date, Date)> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [year] if year.len() == 4 && digits(year) => {
            let first = Date::new(year.parse().ok()?, 1, 1).ok()?;
            return Some((first, first.checked_add(1.year()).ok()?));
        }
        [year, month] if year.len() == 4 && digits(year) && digits(month) => {
            return month_of(year.parse().ok()?, month.parse().ok()?);
        }
        [year, month, day] if year.len() == 4 && [year, month, day].iter().all(|part| digits(part)) => {
            return day_of(Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?);
        }
        _ => {}
    }
    let words: Vec<_> = text.split([' ', ',']).filter(|word| !word.is_empty() && *word != "of").collect();
    let mut month = None;
    let mut day = None;
    let mut year = None;
    for word in &words {
        let bare = word.trim_end_matches('.');
        let ordinal =
            ["st", "nd", "rd", "th"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare);
        if let Some(found) = named(&MONTHS, bare) {
            month.replace(i8::try_from(found + 1).ok()?).is_none().then_some(())?;
        } else if bare.len() == 4 && digits(bare) {
            year.replace(bare.parse::<i16>().ok()?).is_none().then_some(())?;
        } else if ordinal.len() <= 2 && !ordinal.is_empty() && digits(ordinal) {
            day.replace(ordinal.parse::<i8>().ok()?).is_none().then_some(())?;
        } else {
            return None;
        }
    }
    let (month, today) = (month?, now.today());
    // Without a year it is the latest that has begun; a 29 February is of the latest leap year.
    let years: Vec<i16> =
        year.map_or_else(|| (0..=8).map(|back| today.year() - back).collect(), |year| vec![year]);
    years.into_iter().find_map(|candidate| {
        let found = match day {
            Some(day) => day_of(Date::new(candidate, month, day).ok()?),
            None => month_of(candidate, month),
        };
        found.filter(|(start, _)| year.is_some() || *start <= today)
    })
}

fn day_of(date: Date) -> Option<(Date, Date)> {
    Some((date, date.tomorrow().ok()?))
}

fn month_of(year: i16, month: i8) -> Option<(Date, Date)> {
    let first = Date::new(year, month, 1).ok()?;
    Some((first, first.checked_add(1.month()).ok()?))
}

/// The place of a name, from its first three letters on.
fn named(names: &[&str], text: &str) -> Option<usize> {
    let is_sept = text == "sept";
    let text = if is_sept { "sep" } else { text };
    (text.len() >= 3).then(|| names.iter().position(|name| *name == text || name.get(..3) == Some(text)))?
}

/// `90m`, `1h30m`, `6 hours`, `2 weeks`: seconds; an error when it is too much. A month has 30 days, a year 365.
fn seconds_of(text: &str) -> Option<Result<i64, String>> {
    let mut rest = text.trim();
    let mut sum = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = (rest.get(..digits)?, rest.get(digits..)?.trim_start());
        if number.is_empty() {
            return None;
        }
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match after.get(..letters)? {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            "mo" | "month" | "months" => 30 * 86_400,
            "y" | "year" | "years" => 365 * 86_400,
            _ => return None,
        };
        let part = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
        sum = part.map_or(i64::MAX, |part| sum.saturating_add(part));
        rest = after.get(letters..)?.trim_start();
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    if sum == 0 {
        return Some(Err(format!("{text} is no time at all: write at least 1s")));
    }
    if sum > MOST_SECONDS {
        return Some(Err(format!("{text} is too long: write a date, like 2026-11-20")));
    }
    Some(Ok(sum))
}

fn whole(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn not_understood(text: &str) -> String {
    format!(
        "{text:?} is no time that is understood: write one like -6h, last 90 minutes, yesterday, last week, since Monday, \
         2026-11-20 14:00 or 20 Nov 14:00 – 16:00"
    )
}
