use super::*;

/// Monday 23 November 2026, 17:37:21 in UTC.
const MONDAY: Now = Now { ms: 1_795_455_441_000, offset_minutes: 0 };

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn resolved(text: &str, now: Now) -> (String, String) {
    let words = TimeWords::parse(text, now).unwrap_or_else(|message| panic!("{text}: {message}"));
    let range = words.resolve(now).unwrap();
    (rfc3339(range.from_ms), rfc3339(range.to_ms))
}

/// A text, its canonical words, and what they mean on that Monday.
const TABLE: &[(&str, &str, &str, &str, &str)] = &[
    ("-6h", "-6h", "now", "2026-11-23T11:37:21Z", "2026-11-23T17:37:21Z"),
    ("6h", "-6h", "now", "2026-11-23T11:37:21Z", "2026-11-23T17:37:21Z"),
    ("last 90 minutes", "-90m", "now", "2026-11-23T16:07:21Z", "2026-11-23T17:37:21Z"),
    ("Last Hour", "-1h", "now", "2026-11-23T16:37:21Z", "2026-11-23T17:37:21Z"),
    ("past 2 weeks", "-14d", "now", "2026-11-09T17:37:21Z", "2026-11-23T17:37:21Z"),
    ("last 24 hours", "-24h", "now", "2026-11-22T17:37:21Z", "2026-11-23T17:37:21Z"),
    ("1h30m", "-90m", "now", "2026-11-23T16:07:21Z", "2026-11-23T17:37:21Z"),
    ("45 seconds", "-45s", "now", "2026-11-23T17:36:36Z", "2026-11-23T17:37:21Z"),
    ("today", "today", "now", "2026-11-23T00:00:00Z", "2026-11-23T17:37:21Z"),
    ("yesterday", "yesterday", "yesterday", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
    ("this week", "this week", "now", "2026-11-23T00:00:00Z", "2026-11-23T17:37:21Z"),
    ("last week", "last week", "last week", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
    ("this month", "this month", "now", "2026-11-01T00:00:00Z", "2026-11-23T17:37:21Z"),
    ("last month", "last month", "last month", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    ("previous year", "last year", "last year", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("since Monday", "2026-11-23T00:00:00Z", "now", "2026-11-23T00:00:00Z", "2026-11-23T17:37:21Z"),
    ("since last monday", "2026-11-16T00:00:00Z", "now", "2026-11-16T00:00:00Z", "2026-11-23T17:37:21Z"),
    ("since 3 days ago", "-3d", "now", "2026-11-20T17:37:21Z", "2026-11-23T17:37:21Z"),
    (
        "Friday",
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z",
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z",
    ),
    (
        "2026-11-20",
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z",
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z",
    ),
    (
        "2026-11-20 14:00",
        "2026-11-20T14:00:00Z",
        "2026-11-20T15:00:00Z",
        "2026-11-20T14:00:00Z",
        "2026-11-20T15:00:00Z",
    ),
    (
        "20 Nov 14:00 – 16:00",
        "2026-11-20T14:00:00Z",
        "2026-11-20T16:00:00Z",
        "2026-11-20T14:00:00Z",
        "2026-11-20T16:00:00Z",
    ),
    (
        "20 Nov 22:00 - 02:00",
        "2026-11-20T22:00:00Z",
        "2026-11-21T02:00:00Z",
        "2026-11-20T22:00:00Z",
        "2026-11-21T02:00:00Z",
    ),
    (
        "yesterday 14:00 to 16:30",
        "2026-11-22T14:00:00Z",
        "2026-11-22T16:30:00Z",
        "2026-11-22T14:00:00Z",
        "2026-11-22T16:30:00Z",
    ),
    (
        "yesterday at 2 pm – 3pm",
        "2026-11-22T14:00:00Z",
        "2026-11-22T15:00:00Z",
        "2026-11-22T14:00:00Z",
        "2026-11-22T15:00:00Z",
    ),
    (
        "20 – 22 Nov",
        "2026-11-20T00:00:00Z",
        "2026-11-23T00:00:00Z",
        "2026-11-20T00:00:00Z",
        "2026-11-23T00:00:00Z",
    ),
    (
        "20 Nov – 22 Nov",
        "2026-11-20T00:00:00Z",
        "2026-11-23T00:00:00Z",
        "2026-11-20T00:00:00Z",
        "2026-11-23T00:00:00Z",
    ),
    (
        "from 20 Nov until yesterday",
        "2026-11-20T00:00:00Z",
        "yesterday",
        "2026-11-20T00:00:00Z",
        "2026-11-23T00:00:00Z",
    ),
    (
        "between Nov 20th, 2025 and 2 December 2025",
        "2025-11-20T00:00:00Z",
        "2025-12-03T00:00:00Z",
        "2025-11-20T00:00:00Z",
        "2025-12-03T00:00:00Z",
    ),
    (
        "October",
        "2026-10-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
        "2026-10-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
    ),
    (
        "december",
        "2025-12-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2025-12-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
    ),
    (
        "Feb 2024",
        "2024-02-01T00:00:00Z",
        "2024-03-01T00:00:00Z",
        "2024-02-01T00:00:00Z",
        "2024-03-01T00:00:00Z",
    ),
    (
        "29 feb",
        "2024-02-29T00:00:00Z",
        "2024-03-01T00:00:00Z",
        "2024-02-29T00:00:00Z",
        "2024-03-01T00:00:00Z",
    ),
    (
        "2026-02",
        "2026-02-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
    ),
    ("2025", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    (
        "31 Dec 2025",
        "2025-12-31T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2025-12-31T00:00:00Z",
        "2026-01-01T00:00:00Z",
    ),
    ("16:00 – now", "2026-11-23T16:00:00Z", "now", "2026-11-23T16:00:00Z", "2026-11-23T17:37:21Z"),
    ("22:00", "2026-11-22T22:00:00Z", "2026-11-22T23:00:00Z", "2026-11-22T22:00:00Z", "2026-11-22T23:00:00Z"),
    ("now-2h to now-1h", "-2h", "-1h", "2026-11-23T15:37:21Z", "2026-11-23T16:37:21Z"),
    (
        "2026-11-20T14:00:00+01:00 – 2026-11-20T15:00:00.5z",
        "2026-11-20T13:00:00Z",
        "2026-11-20T15:00:00.5Z",
        "2026-11-20T13:00:00Z",
        "2026-11-20T15:00:00.5Z",
    ),
    (
        "2026-11-20T14:00/2026-11-20T16:00",
        "2026-11-20T14:00:00Z",
        "2026-11-20T16:00:00Z",
        "2026-11-20T14:00:00Z",
        "2026-11-20T16:00:00Z",
    ),
    ("now", "-1h", "now", "2026-11-23T16:37:21Z", "2026-11-23T17:37:21Z"),
];

#[test]
fn every_text_of_the_table_means_what_it_says_and_its_words_mean_the_same() {
    for (text, from, to, begin, end) in TABLE {
        let words = TimeWords::parse(text, MONDAY).unwrap_or_else(|message| panic!("{text}: {message}"));
        assert_eq!((words.from.as_str(), words.to.as_str()), (*from, *to), "{text}");
        let range = TimeRange { from_ms: utc(begin), to_ms: utc(end) };
        assert_eq!(words.resolve(MONDAY), Ok(range), "{text}");
        assert_eq!(TimeWords::read(Some(from), Some(to), MONDAY), Ok(Some(words.clone())), "{text}");
        assert_eq!(TimeWords::parse(&words.text(), MONDAY), Ok(words), "{text}");
    }
}

#[test]
fn days_begin_at_midnight_of_the_zone() {
    let kolkata = Now { offset_minutes: 330, ..MONDAY };
    let honolulu = Now { offset_minutes: -600, ..MONDAY };
    // 23:07 on the same Monday there, and 7:37.
    assert_eq!(resolved("today", kolkata).0, "2026-11-22T18:30:00Z");
    assert_eq!(resolved("today", honolulu).0, "2026-11-23T10:00:00Z");
    let auckland = Now { offset_minutes: 780, ..MONDAY };
    // There it is Tuesday already.
    assert_eq!(
        resolved("yesterday", auckland),
        ("2026-11-22T11:00:00Z".to_owned(), "2026-11-23T11:00:00Z".to_owned())
    );
    assert_eq!(resolved("20 Nov 14:00 – 16:00", kolkata).0, "2026-11-20T08:30:00Z");
    // What names its own zone keeps it.
    assert_eq!(resolved("2026-11-20T14:00:00Z – now", kolkata).0, "2026-11-20T14:00:00Z");
}

#[test]
fn months_end_where_they_end() {
    let at = |text: &str| Now { ms: utc(text), offset_minutes: 0 };
    assert_eq!(
        resolved("last month", at("2024-03-31T12:00:00Z")),
        ("2024-02-01T00:00:00Z".to_owned(), "2024-03-01T00:00:00Z".to_owned())
    );
    assert_eq!(resolved("yesterday", at("2024-03-01T00:00:00Z")).0, "2024-02-29T00:00:00Z");
    assert_eq!(resolved("yesterday", at("2023-03-01T00:00:00Z")).0, "2023-02-28T00:00:00Z");
    assert_eq!(resolved("last week", at("2026-01-01T00:00:00Z")).0, "2025-12-22T00:00:00Z");
    assert_eq!(resolved("last month", at("2026-01-31T23:59:59Z")).0, "2025-12-01T00:00:00Z");
}

#[test]
fn what_is_not_understood_says_what_to_write() {
    for (text, wanted) in [
        ("", "last 6 hours"),
        ("soon", "is no time that is understood"),
        ("2026-02-30", "is no time that is understood"),
        ("25:00", "is no time that is understood"),
        ("20 Nov 14:00 – soon", "\"soon\""),
        ("now to yesterday", "is not after"),
        ("0h", "at least 1s"),
        ("99999999999999999999h", "too long"),
        ("99999999 years", "too long"),
    ] {
        let message = TimeWords::parse(text, MONDAY).expect_err(text);
        assert!(message.contains(wanted), "{text}: {message}");
    }
    assert!(TimeWords::parse(&"9".repeat(MAX_CHARACTERS + 1), MONDAY).unwrap_err().contains("at most"));
    assert!(TimeWords::read(None, Some("now"), MONDAY).unwrap_err().contains("from"));
    assert_eq!(TimeWords::read(Some(" "), None, MONDAY), Ok(None));
}

#[test]
fn no_text_makes_it_panic_and_words_that_are_understood_are_understood_again() {
    let parts = [
        "last ",
        "-",
        "6",
        "h",
        "2026",
        "-11",
        " nov",
        "20",
        ":",
        "14",
        " – ",
        "to ",
        "since ",
        "monday",
        "t",
        "z",
        "now",
        " ago",
        "pm",
        "week",
        "month",
        "/",
        "é",
        "🦀",
        "0",
        "99999999999",
        "feb",
        "29",
        ",",
        "th",
        "yesterday",
        " at ",
    ];
    let (mut state, mut understood) = (7_u64, 0);
    for round in 0..60_000_u64 {
        let mut text = String::new();
        for _ in 0..=(round % 7) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(parts[usize::try_from(state >> 33).unwrap() % parts.len()]);
        }
        let now = Now { offset_minutes: i32::try_from(state % 3_000).unwrap() - 1_500, ..MONDAY };
        if let Ok(words) = TimeWords::parse(&text, now) {
            assert_eq!(
                TimeWords::read(Some(&words.from), Some(&words.to), now),
                Ok(Some(words.clone())),
                "{text}"
            );
            assert!(!words.label(now).is_empty());
            assert!(
                words.earlier(now) != words || words.later(now).is_none() || words.zoomed_out(now) != words
            );
            understood += 1;
        }
    }
    assert!(understood > 500, "only {understood} were understood");
    for ms in [i64::MIN, i64::MAX, -1] {
        let now = Now { ms, offset_minutes: i32::MAX };
        let _ = TimeWords::parse("last week", now).map(|words| words.earlier(now));
    }
}

#[test]
fn a_range_steps_by_its_own_length_and_months_by_months() {
    let words = TimeWords::new("-6h", "now");
    let earlier = words.earlier(MONDAY);
    assert_eq!(earlier, TimeWords::new("2026-11-23T05:37:21Z", "2026-11-23T11:37:21Z"));
    assert_eq!(earlier.later(MONDAY), Some(TimeWords::new("-6h", "now")), "what reaches now goes on with it");
    assert_eq!(words.later(MONDAY), None, "nothing is after now");
    let month = TimeWords::new("last month", "last month").earlier(MONDAY);
    assert_eq!(month, TimeWords::new("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"));
    assert_eq!(month.later(MONDAY), Some(TimeWords::new("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")));
    let day = TimeWords::new("yesterday", "yesterday");
    assert_eq!(day.earlier(MONDAY), TimeWords::new("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"));
}

#[test]
fn zooming_out_doubles_the_range_and_never_looks_beyond_now() {
    assert_eq!(TimeWords::new("-6h", "now").zoomed_out(MONDAY), TimeWords::new("-12h", "now"));
    assert_eq!(
        TimeWords::new("2026-11-20T14:00:00Z", "2026-11-20T16:00:00Z").zoomed_out(MONDAY),
        TimeWords::new("2026-11-20T13:00:00Z", "2026-11-20T17:00:00Z")
    );
}

#[test]
fn a_range_is_called_what_people_call_it() {
    for (from, to, label) in [
        ("-15m", "now", "Last 15 minutes"),
        ("-1h", "now", "Last hour"),
        ("-90m", "now", "Last 90 minutes"),
        ("-6h", "now", "Last 6 hours"),
        ("-24h", "now", "Last 24 hours"),
        ("-7d", "now", "Last 7 days"),
        ("-5460s", "now", "Last 91 minutes"),
        ("-36h", "now", "Last 36 hours"),
        ("-45s", "now", "Last 45 seconds"),
        ("today", "now", "Today"),
        ("last month", "last month", "Last month"),
        ("2026-11-20T14:00:00Z", "2026-11-20T16:00:00Z", "20 Nov 2026 14:00 – 16:00"),
        ("2026-11-20T22:00:00Z", "2026-11-21T00:00:00Z", "20 Nov 2026 22:00 – 24:00"),
        ("2026-11-20T22:00:00Z", "2026-11-21T02:00:30Z", "20 Nov 2026 22:00 – 21 Nov 2026 02:00"),
        ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "20 Nov 2026"),
        ("2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", "20 – 22 Nov 2026"),
        ("2026-10-20T00:00:00Z", "2026-11-23T00:00:00Z", "20 Oct – 22 Nov 2026"),
        ("2025-12-30T00:00:00Z", "2026-01-02T00:00:00Z", "30 Dec 2025 – 1 Jan 2026"),
    ] {
        assert_eq!(TimeWords::new(from, to).label(MONDAY), label);
    }
    let short = TimeWords::new("2026-11-20T14:00:00Z", "2026-11-20T14:00:30Z");
    assert_eq!(short.label(MONDAY), "20 Nov 2026 14:00:00 – 14:00:30");
    let kolkata = Now { offset_minutes: 330, ..MONDAY };
    assert_eq!(field_value(utc("2026-11-20T14:00:00Z"), kolkata), "2026-11-20T19:30");
    assert_eq!(moment(utc("2026-11-20T14:00:00Z"), kolkata), "20 Nov 2026 19:30");
    assert_eq!((zone(kolkata).as_str(), zone(MONDAY).as_str()), ("UTC+05:30", "UTC"));
    assert_eq!(zone(Now { offset_minutes: -210, ..MONDAY }), "UTC−03:30");
    assert_eq!(length(93_600_000), "1 day 2 hours");
}
