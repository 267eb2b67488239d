use super::*;

const HOUR_MS: i64 = 3_600_000;

fn calendar(zone: &str) -> Calendar {
    Calendar::of(zone).unwrap()
}

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn range(from: &str, to: &str) -> TimeRange {
    TimeRange::new(at(from), at(to)).unwrap()
}

fn hours(calendar: &Calendar, days: TimeRange) -> Vec<(String, i64)> {
    let days = calendar.days(days);
    assert!(days.array_windows().all(|[one, next]| one.range.to_ms == next.range.from_ms));
    days.into_iter().map(|day| (day.label, day.range.length_ms() / (HOUR_MS / 2))).collect()
}

#[test]
fn a_month_a_week_and_a_day_begin_at_the_midnight_of_their_zone() {
    let berlin = calendar("Europe/Berlin");
    let moment = at("2026-10-31T23:30:00Z");
    // In Berlin it is November already.
    assert_eq!(
        berlin.containing(Period::Month, moment),
        Some(range("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z"))
    );
    assert_eq!(
        berlin.containing(Period::Week, moment),
        Some(range("2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z"))
    );
    assert_eq!(
        berlin.containing(Period::Day, moment),
        Some(range("2026-10-31T23:00:00Z", "2026-11-01T23:00:00Z"))
    );
    assert_eq!(berlin.containing(Period::Custom, moment), None);
    let october = range("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
    assert_eq!(berlin.last_whole(Period::Month, moment), Some(october));
    assert_eq!(october.length_ms(), (31 * 24 + 1) * HOUR_MS);
    let new_york = calendar("america/new_york");
    assert_eq!(new_york.name(), "America/New_York");
    assert_eq!(
        new_york.containing(Period::Month, moment),
        Some(range("2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z"))
    );
    let kolkata = calendar("Asia/Kolkata");
    assert_eq!(
        kolkata.last_whole(Period::Month, moment),
        Some(range("2026-09-30T18:30:00Z", "2026-10-31T18:30:00Z"))
    );
}

#[test]
fn a_period_that_ends_at_this_moment_is_whole_and_one_millisecond_before_it_is_not() {
    let berlin = calendar("Europe/Berlin");
    let october = range("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
    assert_eq!(berlin.last_whole(Period::Month, october.to_ms), Some(october));
    let september = range("2026-08-31T22:00:00Z", "2026-09-30T22:00:00Z");
    assert_eq!(berlin.last_whole(Period::Month, october.to_ms - 1), Some(september));
    assert_eq!(berlin.before(Period::Month, october), september);
}

#[test]
fn days_have_the_hours_that_the_clock_of_their_zone_gives_them() {
    let half_hours = |zone, from, to| hours(&calendar(zone), range(from, to));
    let day = |label: &str, hours| (label.to_owned(), hours);
    assert_eq!(
        half_hours("Europe/Berlin", "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z"),
        [day("2026-10-24", 48), day("2026-10-25", 50), day("2026-10-26", 48)]
    );
    assert_eq!(
        half_hours("America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T10:00:00Z"),
        [day("2026-03-08", 46), day("2026-03-09", 12)]
    );
    // Summer time is half an hour there.
    assert_eq!(
        half_hours("Australia/Lord_Howe", "2026-10-02T13:30:00Z", "2026-10-04T13:00:00Z"),
        [day("2026-10-03", 48), day("2026-10-04", 47)]
    );
    // Samoa went over the date line.
    assert_eq!(
        half_hours("Pacific/Apia", "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z"),
        [day("2011-12-29", 48), day("2011-12-31", 48)]
    );
}

#[test]
fn a_day_that_was_skipped_is_no_period_and_the_one_before_is_the_day_before_it() {
    let apia = calendar("Pacific/Apia");
    let (thursday, saturday) = (
        range("2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        range("2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
    );
    assert_eq!(apia.containing(Period::Day, saturday.from_ms), Some(saturday));
    assert_eq!(apia.before(Period::Day, saturday), thursday);
    assert_eq!(apia.label(Period::Day, saturday), "2011-12-31");
    let december = apia.containing(Period::Month, saturday.from_ms).unwrap();
    assert_eq!(december.length_ms(), 30 * 24 * HOUR_MS);
}

#[test]
fn whatever_the_moment_and_the_zone_its_period_has_it_and_the_one_before_ends_where_it_begins() {
    let zones = [
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
        "America/Havana",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "UTC",
    ];
    let mut random = fastrand::Rng::with_seed(9);
    for zone in zones {
        let calendar = calendar(zone);
        for _ in 0..500 {
            let moment = random.i64(at("1990-01-01T00:00:00Z")..at("2040-01-01T00:00:00Z"));
            for period in [Period::Month, Period::Week, Period::Day] {
                let context = format!("{zone} {period:?} {moment}");
                let range = calendar.containing(period, moment).expect(&context);
                assert!(range.contains(moment), "{context}");
                let before = calendar.before(period, range);
                assert_eq!(before.to_ms, range.from_ms, "{context}");
                assert_eq!(calendar.last_whole(period, moment), Some(before), "{context}");
                assert_eq!(calendar.containing(period, before.to_ms - 1), Some(before), "{context}");
                let days = calendar.days(range);
                assert_eq!(days.iter().map(|day| day.range.length_ms()).sum::<i64>(), range.length_ms());
            }
        }
    }
    // In this hour of St. John's the date of the day before came back for a minute less than an hour.
    let moment = at("2006-10-29T03:00:00Z");
    assert_eq!(
        calendar("America/St_Johns").containing(Period::Day, moment).unwrap(),
        range("2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z")
    );
}

#[test]
fn the_range_before_one_of_any_length_is_as_many_days_or_as_long() {
    let berlin = calendar("Europe/Berlin");
    // Five days with the change of summer time, before them five without.
    let days = range("2026-10-23T22:00:00Z", "2026-10-28T23:00:00Z");
    assert_eq!(berlin.before(Period::Custom, days), range("2026-10-18T22:00:00Z", "2026-10-23T22:00:00Z"));
    let hours = range("2026-10-23T22:00:00Z", "2026-10-23T23:30:00Z");
    assert_eq!(berlin.before(Period::Custom, hours), hours.previous());
}

#[test]
fn labels_are_those_of_the_zone_and_iso_8601() {
    let berlin = calendar("Europe/Berlin");
    let label = |period, text: &str| {
        let range = berlin.containing(period, at(text)).unwrap();
        berlin.label(period, range)
    };
    assert_eq!(label(Period::Month, "2026-10-31T22:59:59Z"), "October 2026");
    assert_eq!(label(Period::Week, "2026-10-31T22:59:59Z"), "Week 44 of 2026");
    assert_eq!(label(Period::Week, "2027-01-01T12:00:00Z"), "Week 53 of 2026");
    assert_eq!(label(Period::Day, "2026-10-31T22:59:59Z"), "2026-10-31");
    let custom = range("2026-10-01T06:00:00Z", "2026-10-02T07:30:00Z");
    assert_eq!(berlin.label(Period::Custom, custom), "2026-10-01 08:00 – 2026-10-02 09:30");
    assert_eq!(berlin.moment_in_zone(at("2026-11-01T02:00:00Z")), "2026-11-01 03:00 CET");
    assert_eq!(berlin.moment(at("2026-10-25T00:10:00Z")), "2026-10-25 02:10 CEST");
    assert_eq!(berlin.moment(at("2026-10-25T01:10:00Z")), "2026-10-25 02:10 CET");
    assert_eq!(berlin.weekday_and_hour(at("2026-10-25T01:10:00Z")), Some((6, 2)));
    assert_eq!(calendar("Asia/Kolkata").moment(at("2026-10-25T01:00:00Z")), "2026-10-25 06:30");
}

#[test]
fn a_zone_that_is_not_known_is_refused_with_names_that_are() {
    let refused = |name: &str| Calendar::of(name).unwrap_err();
    assert!(refused("Europe/Berln").contains("did you mean Europe/Berlin"), "{}", refused("Europe/Berln"));
    assert!(refused("new york").contains("America/New_York"), "{}", refused("new york"));
    assert!(refused(" ").contains("missing"));
    assert!(refused("qqqqqqqqqq").contains("such as Europe/Berlin"));
    assert!(refused(&"x".repeat(10_000)).len() < 400);
    assert!(Calendar::of("../../etc/passwd").is_err());
}
