use super::*;

fn schedule(period: Period, cron: &str, zone: &str) -> Schedule {
    Schedule { period, cron: cron.to_owned(), ..built_in(zone) }
}

fn rhythm(period: Period, cron: &str, zone: &str) -> Rhythm {
    Rhythm::new(&schedule(period, cron, zone)).unwrap()
}

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn told(rhythm: &Rhythm, after: &str, now: &str) -> Vec<(String, String)> {
    let due = rhythm.due(at(after), at(now));
    let told = due
        .into_iter()
        .map(|due| (rhythm.key(due.range), Timestamp::from_millisecond(due.due_ms).unwrap().to_string()));
    told.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, due)| ((*key).to_owned(), (*due).to_owned())).collect()
}

#[test]
fn a_due_time_asks_for_the_last_whole_period_before_it() {
    let monthly = rhythm(Period::Month, "0 3 1 * *", "Europe/Berlin");
    assert_eq!(
        told(&monthly, "2026-09-15T00:00:00Z", "2026-11-01T01:59:59Z"),
        pairs(&[("2026-09", "2026-10-01T01:00:00Z")])
    );
    assert_eq!(
        told(&monthly, "2026-09-15T00:00:00Z", "2026-11-01T02:00:00Z"),
        pairs(&[("2026-10", "2026-11-01T02:00:00Z"), ("2026-09", "2026-10-01T01:00:00Z")])
    );
    let weekly = rhythm(Period::Week, "0 3 * * 1", "Europe/Berlin");
    assert_eq!(
        told(&weekly, "2026-10-30T00:00:00Z", "2026-11-02T12:00:00Z"),
        pairs(&[("2026-w44", "2026-11-02T02:00:00Z")])
    );
    // A report of a day on the first of a month only.
    let rare = rhythm(Period::Day, "0 3 1 * *", "UTC");
    assert_eq!(
        told(&rare, "2026-09-15T00:00:00Z", "2026-11-05T00:00:00Z"),
        pairs(&[("2026-10-31", "2026-11-01T03:00:00Z"), ("2026-09-30", "2026-10-01T03:00:00Z")])
    );
}

#[test]
fn several_due_times_in_one_period_ask_for_it_once_and_the_first_counts() {
    let eager = rhythm(Period::Month, "*/10 * * * *", "UTC");
    assert_eq!(
        told(&eager, "2026-09-15T00:00:00Z", "2026-11-20T12:34:00Z"),
        pairs(&[("2026-10", "2026-11-01T00:00:00Z"), ("2026-09", "2026-10-01T00:00:00Z")])
    );
    // The first due time of October's report was before the schedule held.
    assert_eq!(told(&eager, "2026-11-10T00:00:00Z", "2026-11-20T12:34:00Z"), pairs(&[]));
}

#[test]
fn a_due_time_that_summer_time_skips_or_repeats_happens_once() {
    // 02:30 did not exist on 2026-03-29 in Berlin, and came twice on 2026-10-25.
    let daily = rhythm(Period::Day, "30 2 * * *", "Europe/Berlin");
    assert_eq!(
        told(&daily, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z"),
        pairs(&[
            ("2026-03-29", "2026-03-30T00:30:00Z"),
            ("2026-03-28", "2026-03-29T01:00:00Z"),
            ("2026-03-27", "2026-03-28T01:30:00Z")
        ])
    );
    let autumn = pairs(&[
        ("2026-10-25", "2026-10-26T01:30:00Z"),
        ("2026-10-24", "2026-10-25T00:30:00Z"),
        ("2026-10-23", "2026-10-24T00:30:00Z"),
    ]);
    assert_eq!(told(&daily, "2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z"), autumn);
    // Whenever it is looked, the same report is due at the same time.
    for minute in 0..240 {
        let now = at("2026-10-25T00:00:00Z") + minute * 60_000;
        let due = daily.due(at("2026-10-24T12:00:00Z"), now);
        let expected = usize::from(minute >= 30);
        assert_eq!(due.len(), expected, "minute {minute}");
        assert!(due.iter().all(|due| due.due_ms == at("2026-10-25T00:30:00Z")), "minute {minute}");
    }
    let next = daily.next_ms(at("2026-10-25T00:30:00Z")).unwrap();
    assert_eq!(next, at("2026-10-26T01:30:00Z"));
}

#[test]
fn parts_of_a_second_change_nothing() {
    let daily = rhythm(Period::Day, "0 3 * * *", "UTC");
    let three = at("2026-11-02T03:00:00Z");
    for part in [0, 1, 500, 999] {
        assert_eq!(
            (daily.last_ms(three + part), daily.last_ms(three - 1 - part)),
            (Some(three), Some(three - 86_400_000))
        );
        assert_eq!(
            (daily.next_ms(three + part), daily.next_ms(three - 1 - part)),
            (Some(three + 86_400_000), Some(three))
        );
    }
}

#[test]
fn of_what_was_missed_the_last_are_written_each_with_its_own_due_time() {
    let daily = rhythm(Period::Day, "0 3 * * *", "Africa/Johannesburg");
    let due = daily.due(0, at("2026-11-20T12:00:00Z"));
    assert_eq!(due.len(), MOST_MISSED);
    assert!(due.array_windows().all(|[later, earlier]| earlier.range.to_ms == later.range.from_ms));
    assert_eq!(daily.key(due[0].range), "2026-11-19");
}

#[test]
fn a_week_is_called_by_the_year_that_iso_8601_gives_it() {
    let weekly = rhythm(Period::Week, "0 3 * * 1", "UTC");
    let report = weekly
        .report(&schedule(Period::Week, "0 3 * * 1", "UTC"), weekly.due(0, at("2027-01-04T03:00:00Z"))[0]);
    assert_eq!((report.id.as_str(), report.period.as_str()), ("monthly-2026-w53", "Week 53 of 2026"));
    assert_eq!(report.question.range.to_ms, at("2027-01-04T00:00:00Z"));
}

#[test]
fn what_makes_no_sense_in_a_schedule_says_what_to_write() {
    let good = built_in("UTC");
    let error = |schedule: Schedule| checked(schedule, false).unwrap_err().to_string();
    let cron = |cron: &str| error(Schedule { cron: cron.to_owned(), ..good.clone() });
    for text in ["0 3 31 2 *", "61 * * * *", "0 0 3 1 * *", "@monthly", "never", "* * *"] {
        assert!(cron(text).contains("0 3 1 * *"), "{text}: {}", cron(text));
    }
    assert!(error(Schedule { name: "Campus 1".to_owned(), ..good.clone() }).contains("campus-weekly"));
    assert!(error(Schedule { name: "custom".to_owned(), ..good.clone() }).contains("another name"));
    assert!(error(Schedule { zone: "Europe/Berln".to_owned(), ..good.clone() }).contains("Europe/Berlin"));
    assert!(
        error(Schedule { email: vec!["noc@example.org".to_owned()], ..good.clone() })
            .contains("[reports.smtp]")
    );
    assert!(
        error(Schedule { webhook: "ftp://example.org/".to_owned(), ..good.clone() }).contains("https://")
    );
    let mail = |email: &[&str]| {
        let email = email.iter().map(|&address| address.to_owned()).collect();
        checked(Schedule { email, ..good.clone() }, true)
    };
    assert!(mail(&["noc"]).unwrap_err().to_string().contains("noc@example.org"));
    assert!(mail(&["a@b.c\r\nBcc: d@e.f"]).is_err());
    assert!(mail(&["a@example.org", " a@example.org"]).unwrap_err().to_string().contains("twice"));
    assert_eq!(mail(&[" a@example.org ", ""]).unwrap().email, ["a@example.org"]);
    let filter = checked(Schedule { filter: "port = ".to_owned(), ..good.clone() }, false);
    assert!(matches!(filter, Err(QuestionError::Filter(_))));
    let week =
        checked(Schedule { period: Period::Week, cron: " ".to_owned(), sections: Vec::new(), ..good }, false)
            .unwrap();
    assert_eq!((week.cron.as_str(), week.sections.len()), ("0 3 * * 1", Section::ALL.len()));
}
