//! Times as people read them. Every time is UTC milliseconds since 1970.

use jiff::Timestamp;

/// `2026-11-23 14:05:09 UTC`; an out-of-range time is shown as a dash.
pub fn date_and_time(unix_ms: i64) -> String {
    formatted(unix_ms, "%Y-%m-%d %H:%M:%S UTC")
}

/// `14:05:09`, in UTC.
pub fn time_of_day(unix_ms: i64) -> String {
    formatted(unix_ms, "%H:%M:%S")
}

fn formatted(unix_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| "–".to_owned(), |time| time.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc() {
        assert_eq!(date_and_time(1_396_310_400_000), "2014-04-01 00:00:00 UTC");
        assert_eq!(time_of_day(1_396_310_409_999), "00:00:09");
        assert_eq!(date_and_time(i64::MAX), "–");
    }
}
