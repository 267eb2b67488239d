//! Times as people write them: `-6h`, `today`, `last week`, `20 Nov 14:00 – 16:00`, `since Monday`, RFC 3339.
//!
//! The clock and the zone are arguments. A zone is a fixed distance from UTC: around a change of summer time, days of the
//! other side of it begin an hour off. Text comes from outside: whatever it is, it is understood or refused with a sentence
//! that says what to write. What moves with the clock stays words (`-6h`, `yesterday`); everything else becomes RFC 3339
//! in UTC, so that a link means the same everywhere. As the end of a range a word means its end: `to=yesterday` is midnight
//! after yesterday.

mod shown;
mod stretch;
#[cfg(test)]
mod tests;

use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan, civil};
use serde::{Deserialize, Serialize};

use self::stretch::Stretch;
use super::time_range::TimeRange;

pub use self::shown::{field_value, length, moment, moment_of_minute, range, running, zone};

/// The longest text that is read, in characters.
pub const MAX_CHARACTERS: usize = 100;
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// The clock and the zone that words are read with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Now {
    /// Milliseconds since 1970.
    pub ms: i64,
    /// How far the zone is ahead of UTC, minutes.
    pub offset_minutes: i32,
}

/// A range of time in words: what pages keep in `from` and `to` of their address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeWords {
    /// Where it begins, in canonical spelling.
    pub from: String,
    /// Where it ends, in canonical spelling.
    pub to: String,
}

impl Now {
    fn offset(self) -> Offset {
        Offset::from_seconds(self.offset_minutes.saturating_mul(60)).unwrap_or(Offset::UTC)
    }

    /// The time on the wall.
    fn wall(self, ms: i64) -> Option<civil::DateTime> {
        Timestamp::from_millisecond(ms).ok().map(|time| self.offset().to_datetime(time))
    }

    fn today(self) -> civil::Date {
        self.wall(self.ms).map(civil::DateTime::date).unwrap_or_default()
    }

    fn ms_of(self, wall: civil::DateTime) -> Option<i64> {
        self.offset().to_timestamp(wall).ok().map(Timestamp::as_millisecond)
    }

    fn midnight(self, date: civil::Date) -> Option<i64> {
        self.ms_of(date.to_datetime(civil::Time::midnight()))
    }
}

impl TimeWords {
    /// The range of two canonical words.
    pub fn new(from: &str, to: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned() }
    }

    /// The range of so many minutes before now.
    pub fn last_minutes(minutes: u32) -> Self {
        Self::new(&stretch::ago(i64::from(minutes) * 60), "now")
    }

    /// A range that does not move.
    pub fn of(range: TimeRange) -> Self {
        Self { from: rfc3339(range.from_ms), to: rfc3339(range.to_ms) }
    }

    /// Reads a whole range: `last 90 minutes`, `since Monday`, `20 Nov 14:00 – 16:00`. The error says for people what to
    /// write instead.
    pub fn parse(text: &str, now: Now) -> Result<Self, String> {
        let words = stretch::whole_range(&plain(text)?, now)?;
        words.resolve(now)?;
        Ok(words)
    }

    /// Reads `from` and `to` as they stand in an address. Without `to`, `from` may be a whole range; without `from`, `to` is
    /// missing its beginning; without both there is nothing to read.
    pub fn read(from: Option<&str>, to: Option<&str>, now: Now) -> Result<Option<Self>, String> {
        let given =
            |text: Option<&'_ str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let words = match (given(from), given(to)) {
            (None, None) => return Ok(None),
            (Some(text), None) => return Self::parse(&text, now).map(Some),
            (None, Some(_)) => {
                return Err("a beginning is missing: write from as well, like from=-6h".to_owned());
            }
            (Some(from), Some(to)) => Self {
                from: Stretch::read(&plain(&from)?, now)?.as_beginning(),
                to: Stretch::read(&plain(&to)?, now)?.as_end(),
            },
        };
        words.resolve(now)?;
        Ok(Some(words))
    }

    /// The range that the words mean now.
    pub fn resolve(&self, now: Now) -> Result<TimeRange, String> {
        let from = Stretch::read(&plain(&self.from)?, now)?;
        let to = Stretch::read(&plain(&self.to)?, now)?;
        TimeRange::new(from.start_ms, to.end_ms).ok_or_else(|| {
            let (from, to) = (moment(from.start_ms, now), moment(to.end_ms, now));
            format!("{to} is not after {from}: write the beginning first, then the end")
        })
    }

    /// True when the range ends at the present, and goes on with it.
    pub fn is_live(&self) -> bool {
        self.to == "now"
    }

    /// The same range, standing still.
    #[must_use]
    pub fn fixed(&self, now: Now) -> Self {
        self.resolve(now).map_or_else(|_| self.clone(), Self::of)
    }

    /// As long a range that ends now.
    #[must_use]
    pub fn until_now(&self, now: Now) -> Self {
        self.resolve(now).map_or_else(
            |_| self.clone(),
            |range| Self::new(&stretch::ago((range.length_ms() / 1000).max(1)), "now"),
        )
    }

    /// The range before, as long as this one; of whole months the months before.
    #[must_use]
    pub fn earlier(&self, now: Now) -> Self {
        self.moved(now, -1)
    }

    /// The range after; one that would reach beyond now ends now. `None` when nothing is after.
    pub fn later(&self, now: Now) -> Option<Self> {
        let range = self.resolve(now).ok()?;
        if range.to_ms >= now.ms {
            return None;
        }
        let moved = self.moved(now, 1);
        let reaches_now = moved.resolve(now).is_ok_and(|range| range.to_ms >= now.ms);
        Some(if reaches_now { self.until_now(now) } else { moved })
    }

    /// Twice as long around the same middle, not beyond now.
    #[must_use]
    pub fn zoomed_out(&self, now: Now) -> Self {
        let Ok(range) = self.resolve(now) else { return self.clone() };
        let half = (range.length_ms() / 2).max(1);
        let to_ms = range.to_ms.saturating_add(half);
        if to_ms >= now.ms {
            let seconds = range.length_ms().saturating_mul(2) / 1000;
            return Self::new(&stretch::ago(seconds.max(1)), "now");
        }
        TimeRange::new(range.from_ms.saturating_sub(half), to_ms).map_or_else(|| self.clone(), Self::of)
    }

    fn moved(&self, now: Now, steps: i64) -> Self {
        let Ok(range) = self.resolve(now) else { return self.clone() };
        let by = range.length_ms().saturating_mul(steps);
        let moved = whole_months(range, now, steps)
            .or_else(|| TimeRange::new(range.from_ms.checked_add(by)?, range.to_ms.checked_add(by)?));
        moved.map_or_else(|| self.clone(), Self::of)
    }

    /// The whole range in one text, as [`TimeWords::parse`] reads it.
    pub fn text(&self) -> String {
        format!("{} – {}", self.from, self.to)
    }

    /// What the range is called: `Last 6 hours`, `Yesterday`, else its times.
    pub fn label(&self, now: Now) -> String {
        shown::label(self, now)
    }
}

/// The whole months before or after a range that is whole months.
fn whole_months(range: TimeRange, now: Now, steps: i64) -> Option<TimeRange> {
    let (from, to) = (now.wall(range.from_ms)?, now.wall(range.to_ms)?);
    let begins_month = |wall: civil::DateTime| wall.day() == 1 && wall.time() == civil::Time::midnight();
    if !begins_month(from) || !begins_month(to) {
        return None;
    }
    let months = (i64::from(to.year()) - i64::from(from.year())) * 12 + i64::from(to.month())
        - i64::from(from.month());
    let shift = months.checked_mul(steps)?.months();
    TimeRange::new(now.ms_of(from.checked_add(shift).ok()?)?, now.ms_of(to.checked_add(shift).ok()?)?)
}

/// Lower case, single spaces, all dashes alike.
fn plain(text: &str) -> Result<String, String> {
    if text.chars().count() > MAX_CHARACTERS {
        return Err(format!("a time has at most {MAX_CHARACTERS} characters: write one like last 6 hours"));
    }
    let lower: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|character| match character {
            '\u{2012}' | '\u{2013}' | '\u{2014}' => '–',
            '\u{2212}' | '\u{2010}' | '\u{2011}' => '-',
            other => other,
        })
        .collect();
    Ok(lower.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `2026-11-20T13:00:00Z`, with milliseconds where there are any.
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| "now".to_owned(), |time| time.to_string())
}

/// Milliseconds since 1970 of such a moment; any distance from UTC is understood.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}
