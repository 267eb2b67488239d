//! Ranges and moments as people read them, in their zone.

use jiff::civil::{DateTime, Time};

use super::{Now, TimeWords};
use crate::model::time_range::TimeRange;

/// Ranges shorter than this are shown to the second.
const SECONDS_BELOW_MS: i64 = 600_000;

/// `UTC` or `UTC+01:00`.
pub fn zone(now: Now) -> String {
    let minutes = now.offset_minutes;
    if minutes == 0 {
        return "UTC".to_owned();
    }
    let sign = if minutes < 0 { '−' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// `20 Nov 2026 14:00`, in the zone, with seconds where there are any.
pub fn moment(ms: i64, now: Now) -> String {
    now.wall(ms)
        .map_or_else(|| "–".to_owned(), |wall| format!("{} {}", day(wall), clock(wall, has_seconds(wall))))
}

/// `20 Nov 2026 14:00`, in the zone, without seconds.
pub fn moment_of_minute(ms: i64, now: Now) -> String {
    now.wall(ms).map_or_else(|| "–".to_owned(), |wall| format!("{} {}", day(wall), clock(wall, false)))
}

/// Date and time of a clock that runs: `20 Nov 2026` and `14:00:03`, or `14:00:03.250` where milliseconds can be seen.
pub fn running(ms: i64, now: Now, has_milliseconds: bool) -> (String, String) {
    now.wall(ms).map_or_else(
        || ("–".to_owned(), String::new()),
        |wall| {
            let form = if has_milliseconds { "%H:%M:%S%.3f" } else { "%H:%M:%S" };
            (day(wall), wall.strftime(form).to_string())
        },
    )
}

/// What a field for date and time holds: `2026-11-20T14:00`.
pub fn field_value(ms: i64, now: Now) -> String {
    now.wall(ms).map_or_else(String::new, |wall| wall.strftime("%Y-%m-%dT%H:%M").to_string())
}

/// `20 Nov 2026 14:00 – 16:00`, `20 Nov 2026`, `20 – 22 Nov 2026`.
pub fn range(range: TimeRange, now: Now) -> String {
    let (Some(from), Some(to)) = (now.wall(range.from_ms), now.wall(range.to_ms)) else {
        return "–".to_owned();
    };
    let is_midnight = |wall: DateTime| wall.time() == Time::midnight();
    let last = now.wall(range.to_ms.saturating_sub(1)).unwrap_or(to);
    if is_midnight(from) && is_midnight(to) {
        return match (from.date() == last.date(), from.year() == last.year(), from.month() == last.month()) {
            (true, ..) => day(from),
            (_, true, true) => format!("{} – {}", from.day(), day(last)),
            (_, true, false) => format!("{} – {}", from.strftime("%-d %b"), day(last)),
            _ => format!("{} – {}", day(from), day(last)),
        };
    }
    let has_seconds = range.length_ms() < SECONDS_BELOW_MS && (has_seconds(from) || has_seconds(to));
    let (begin, end) = (clock(from, has_seconds), clock(to, has_seconds));
    if from.date() == to.date() {
        format!("{} {begin} – {end}", day(from))
    } else if from.date() == last.date() {
        format!("{} {begin} – 24:00", day(from))
    } else {
        format!("{} {begin} – {} {end}", day(from), day(to))
    }
}

/// `6 hours`, `90 minutes`, `1 day 12 hours`: how long, in at most two units.
pub fn length(ms: i64) -> String {
    let seconds = ms / 1_000;
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, size) in units {
        let count = rest / size;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
            rest %= size;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { format!("{ms} ms") } else { parts.join(" ") }
}

pub(super) fn label(words: &TimeWords, now: Now) -> String {
    let named = match (words.from.as_str(), words.to.as_str()) {
        ("today", "now") => Some("Today"),
        ("this week", "now") => Some("This week"),
        ("this month", "now") => Some("This month"),
        ("this year", "now") => Some("This year"),
        ("yesterday", "yesterday") => Some("Yesterday"),
        ("last week", "last week") => Some("Last week"),
        ("last month", "last month") => Some("Last month"),
        ("last year", "last year") => Some("Last year"),
        _ => None,
    };
    if let Some(named) = named {
        return named.to_owned();
    }
    let Ok(resolved) = words.resolve(now) else { return format!("{} – {}", words.from, words.to) };
    if words.from.starts_with('-') && words.is_live() {
        let ms = resolved.length_ms();
        // "Last 24 hours" and "Last 90 minutes" are what people say.
        return match ms / 60_000 {
            minutes
                if ms % 60_000 == 0 && (2..=120).contains(&minutes) && minutes != 60 && minutes != 120 =>
            {
                format!("Last {minutes} minutes")
            }
            minutes if ms % 3_600_000 == 0 && (120..=2_880).contains(&minutes) && minutes != 2_880 => {
                format!("Last {} hours", minutes / 60)
            }
            60 if ms == 3_600_000 => "Last hour".to_owned(),
            _ => format!("Last {}", length(ms)),
        };
    }
    range(resolved, now)
}

fn day(wall: DateTime) -> String {
    wall.strftime("%-d %b %Y").to_string()
}

fn clock(wall: DateTime, has_seconds: bool) -> String {
    wall.strftime(if has_seconds { "%H:%M:%S" } else { "%H:%M" }).to_string()
}

fn has_seconds(wall: DateTime) -> bool {
    wall.second() != 0
}
