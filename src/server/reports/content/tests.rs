mod world;

use self::world::{
    BEGIN, FROM_FRANCE, FROM_LONDON, HOUR_MS, RECORDS_FROM, TO_GERMANY, at, plain, question, range, world,
};
use crate::components::report::wording;
use crate::model::history::{Dimension, Distinct, HeatmapQuestion, Metric, Sides, TopQuestion};
use crate::model::place::CountryCode;
use crate::model::report::{Compared, Period, Report, ReportQuestion, Section, TopSection};
use crate::server::store::{ExporterLoss, LossChange};

fn bytes(compared: &Compared) -> (u64, Option<u64>) {
    (compared.now.traffic.scaled_bytes, compared.before.map(|before| before.traffic.scaled_bytes))
}

fn top(report: &Report, section: Section) -> &TopSection {
    report.tops.iter().find(|top| top.section == section).unwrap()
}

fn rows(report: &Report, section: Section) -> Vec<(String, u64, Option<u64>)> {
    let row = |row: &crate::model::report::TopEntry| {
        let (now, before) = bytes(&row.amount);
        (row.key.value.clone(), now, before)
    };
    top(report, section).rows.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_with_a_day_of_25_hours_has_exactly_what_passed_and_what_had_passed_in_the_month_before() {
    let world = world(BEGIN).await;
    let report = world.october().await;
    assert_eq!((report.period.as_str(), report.period_before.as_str()), ("October 2026", "September 2026"));
    assert_eq!(report.made_at, "2026-11-01 03:00 CET");
    // 31 days and an hour, before them 30 days.
    let (inbound, outbound) = (745 * FROM_FRANCE + FROM_LONDON, 743 * TO_GERMANY);
    assert_eq!(bytes(&report.inbound), (inbound, Some(720 * FROM_FRANCE)));
    assert_eq!(bytes(&report.outbound), (outbound, Some(720 * TO_GERMANY)));
    assert_eq!(bytes(&report.internal), (200, Some(0)));
    assert_eq!(bytes(&report.transit), (0, Some(0)));
    assert_eq!(bytes(&report.total), (inbound + outbound + 200, Some(720 * (FROM_FRANCE + TO_GERMANY))));
    assert_eq!(report.total.now.traffic.flows, 745 + 743 + 2);
    assert_eq!(report.total.now.addresses, Some(Distinct::exact(3)));
    assert_eq!(report.total.before.unwrap().addresses, Some(Distinct::exact(2)));
    assert_eq!(report.internal.now.addresses, None);

    assert_eq!(report.steps.len(), 31);
    for (index, step) in report.steps.iter().enumerate() {
        let day = index as u64 + 1;
        let hours = if day == 25 { 25 } else { 24 };
        assert_eq!(step.label, format!("2026-10-{day:02}"));
        let london = if day == 10 { FROM_LONDON } else { 0 };
        let silent = if day == 7 { 2 } else { 0 };
        let inside = if day == 5 { 200 } else { 0 };
        assert_eq!(step.inbound.scaled_bytes, hours * FROM_FRANCE + london, "{day}");
        assert_eq!(step.outbound.scaled_bytes, (hours - silent) * TO_GERMANY, "{day}");
        let ways = step.inbound.scaled_bytes + step.outbound.scaled_bytes;
        assert_eq!(step.total.scaled_bytes, ways + inside, "{day}");
        let before = step.before.map(|before| before.scaled_bytes);
        assert_eq!(before, (day < 31).then_some(24 * (FROM_FRANCE + TO_GERMANY)), "{day}");
        assert!(!step.has_gap);
    }

    let week = report.week.as_ref().unwrap();
    // Both come in each hour of the week: 1 500 bytes a second; London once in five Saturdays.
    assert_eq!(week.bytes_per_second[0][0], Some(1_500));
    assert_eq!(week.bytes_per_second[5][12], Some(1_500 + 1_000_000 / 5));
    // The hour that came twice counts twice, and takes two.
    assert_eq!(week.bytes_per_second[6][2], Some(1_500));
    assert!(week.bytes_per_second.iter().flatten().all(Option::is_some));

    let peaks: Vec<_> = report.peaks.iter().map(|peak| (peak.way.as_str(), peak)).collect();
    let [("Inbound", inbound), ("Outbound", outbound), ("All", all)] = peaks.as_slice() else {
        panic!("{peaks:?}")
    };
    assert_eq!((all.step_ms, all.peak_bits_per_second), (HOUR_MS, 8 * 1_001_500));
    assert_eq!(all.peak_at, "2026-10-10 12:00");
    assert_eq!((all.p95_bits_per_second, inbound.p95_bits_per_second), (12_000, 8_000));
    assert_eq!((outbound.peak_bits_per_second, outbound.peak_at.as_str()), (4_000, "2026-10-01 00:00"));
    assert_eq!(inbound.mean_bits_per_second, 8 * (745 * FROM_FRANCE + FROM_LONDON) / (745 * 3_600));
    assert!(report.source.is_complete, "{:?}", report.source);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_what_the_same_keys_had_before_and_agree_with_heatmap_and_explorer() {
    let world = world(BEGIN).await;
    let report = world.october().await;
    let (france, germany) = (745 * FROM_FRANCE, 743 * TO_GERMANY);
    let before = (Some(720 * FROM_FRANCE), Some(720 * TO_GERMANY));
    let row = |key: &str, now, before| (key.to_owned(), now, before);
    assert_eq!(
        rows(&report, Section::Countries),
        [row("GB", FROM_LONDON, Some(0)), row("FR", france, before.0), row("DE", germany, before.1)]
    );
    assert_eq!(
        rows(&report, Section::Cities),
        [
            row("London, GB", FROM_LONDON, Some(0)),
            row("Lyon, FR", france, before.0),
            row("Berlin, DE", germany, before.1)
        ]
    );
    assert_eq!(
        rows(&report, Section::Systems),
        [row("2856", FROM_LONDON, Some(0)), row("3215", france, before.0), row("3320", germany, before.1)]
    );
    assert_eq!(
        rows(&report, Section::Services),
        [
            row("443/tcp", FROM_LONDON + france, before.0),
            row("53/udp", germany, before.1),
            row("22/tcp", 200, Some(0))
        ]
    );
    assert_eq!(
        rows(&report, Section::Protocols),
        [row("tcp", FROM_LONDON + france + 200, before.0), row("udp", germany, before.1)]
    );
    assert_eq!(report.countries_in_all, Distinct::exact(3));
    let countries = &top(&report, Section::Countries).rows;
    assert_eq!(countries[0].amount.now.addresses, Some(Distinct::exact(1)));
    assert_eq!(countries[0].amount.before.unwrap().addresses, Some(Distinct::exact(0)));

    let range = report.question.range;
    let heatmap =
        HeatmapQuestion { range, filter: String::new(), sides: Sides::Both, addresses: true, places: 0 };
    assert_eq!(world.history.heatmap(&heatmap, 0).await.unwrap().countries, report.countries);
    let explored = TopQuestion {
        range,
        filter: String::new(),
        dimensions: vec![Dimension::parse("outside.as").unwrap()],
        metric: Metric::Bytes,
        rows: 10,
        addresses: false,
    };
    let explored = world.history.top(&explored, 0, &world.naming).await.unwrap();
    let systems = top(&report, Section::Systems);
    assert_eq!((explored.total, explored.groups), (systems.total, systems.of));
    for (one, other) in explored.rows.iter().zip(&systems.rows) {
        assert_eq!((&one.keys[0], one.amount), (&other.key, other.amount.now));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_come_from_the_flow_records_that_are_left_and_the_list_says_from_when_on() {
    let world = world(BEGIN).await;
    let report = world.october().await;
    // 2026-10-20 02:00 in Berlin to the end of the 31st: 287 hours.
    let hours = u64::try_from((report.question.range.to_ms - at(RECORDS_FROM)) / HOUR_MS).unwrap();
    assert_eq!(
        rows(&report, Section::HomeHosts),
        [
            ("10.0.0.1".to_owned(), hours * FROM_FRANCE, None),
            ("10.0.0.2".to_owned(), hours * TO_GERMANY, None)
        ]
    );
    let source = &top(&report, Section::OutsideHosts).source;
    assert!(!source.is_complete);
    assert!(source.note.contains("2026-10-01 00:00 – 2026-10-20 02:10"), "{}", source.note);
    assert!(source.note.contains("history.archive_keep_days"), "{}", source.note);

    let september = range("2026-08-31T22:00:00Z", "2026-09-30T22:00:00Z");
    let report = world.report(&question(Period::Month, "Europe/Berlin", september)).await.unwrap();
    let hosts = top(&report, Section::HomeHosts);
    assert!(hosts.rows.is_empty() && hosts.source.note.contains("none of this period are kept any more"));
    assert!(hosts.source.note.contains("history.archive_keep_days"), "{}", hosts.source.note);
    assert_eq!(report.total.now.traffic.scaled_bytes, 720 * (FROM_FRANCE + TO_GERMANY));

    // Of two days of which there are records, the hosts are compared as well.
    let day = range("2026-10-29T23:00:00Z", "2026-10-30T23:00:00Z");
    let report = world.report(&question(Period::Day, "Europe/Berlin", day)).await.unwrap();
    let hours = (24 * FROM_FRANCE, Some(24 * FROM_FRANCE));
    let first = &top(&report, Section::OutsideHosts).rows[0];
    assert_eq!((first.key.value.as_str(), bytes(&first.amount)), ("82.0.0.1", hours));
    assert!(top(&report, Section::OutsideHosts).source.is_complete);
    // A day has hours, and its peaks are those of five minutes.
    assert_eq!((report.steps.len(), report.steps[1].label.as_str()), (24, "2026-10-30 01:00"));
    assert_eq!(report.peaks[0].step_ms, 300_000);
    assert_eq!(report.peaks[0].peak_at, "2026-10-30 00:10");
    assert_eq!(report.peaks[0].peak_bits_per_second, FROM_FRANCE * 8 / 300);
    assert_eq!(report.peaks[0].p95_bits_per_second, FROM_FRANCE * 8 / 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_who_was_silent_and_what_is_missing_is_told() {
    let world = world(BEGIN).await;
    let exporter = [192, 0, 2, 2].into();
    let lose = |changes| [LossChange { exporter, changes }];
    let tiers = world.history.tiers().unwrap();
    tiers.add_exporter_losses(at("2026-09-30T21:59:00Z"), &lose([1_000, 0, 0])).await.unwrap();
    tiers.add_exporter_losses(at("2026-09-30T22:01:00Z"), &lose([7, 1, 0])).await.unwrap();
    tiers.add_exporter_losses(at("2026-10-31T22:59:00Z"), &lose([10, 0, 3])).await.unwrap();
    tiers.add_exporter_losses(at("2026-10-31T23:00:00Z"), &lose([500, 0, 0])).await.unwrap();
    let report = world.october().await;
    let news: Vec<_> = report
        .newcomers
        .iter()
        .map(|new| (new.kind.as_str(), new.key.value.as_str(), new.first_seen.as_str()))
        .collect();
    assert_eq!(news, [("Country", "GB", "2026-10-10 12:30"), ("AS", "2856", "2026-10-10 12:30")]);
    assert_eq!(report.newcomers_in_all, 2);
    assert_eq!(report.newcomers[0].amount.traffic.scaled_bytes, FROM_LONDON);
    let [first, second] = report.exporters.as_slice() else { panic!("{:?}", report.exporters) };
    assert_eq!((first.exporter.value.as_str(), first.silent_hours), ("192.0.2.1", Some(0)));
    assert_eq!(bytes(&second.amount), (743 * TO_GERMANY, Some(720 * TO_GERMANY)));
    assert_eq!((second.silent_hours, second.missing_records), (Some(2), 17));
    assert_eq!((second.missing_datagrams, second.undecodable), (1, 3));
    let missing = tiers.exporter_losses(report.range_before).await.unwrap();
    assert_eq!(
        missing.get(&exporter),
        Some(&ExporterLoss { missing_records: 1_000, ..ExporterLoss::default() })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_summary_says_in_words_what_the_figures_are() {
    let world = world(BEGIN).await;
    let report = world.october().await;
    let said = plain(&report.summary);
    assert_eq!(
        said,
        "In October 2026, 7.62 GB passed in 1 490 flows and 2 980 packets, 96 % more bytes than in September 2026 \
         (3.89 GB).\n\
         6.28 GB (82 %) came in and 1.34 GB (17 %) went out; 200 B (below 0.1 %) stayed inside; 3 outside addresses \
         took part.\n\
         Most was exchanged with United Kingdom (3.60 GB, 47 %), France (2.68 GB, 35 %) and Germany (1.34 GB, 17 %).\n\
         The busiest hour began at 2026-10-10 12:00 with 8.01 Mbps on average.\n\
         Seen for the first time: 1 country (United Kingdom) and 1 autonomous system.\n\
         Flows were collected all the time, and none were lost that Meridian knows of."
    );
    assert_eq!(report.notes, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_before_the_first_collection_is_unknown_and_one_that_was_collected_in_part_is_compared_with_a_note()
 {
    let report = world("2026-10-02T00:00:00Z").await.october().await;
    assert_eq!(report.total.before, None);
    assert!(report.steps.iter().all(|step| step.before.is_none()));
    assert!(top(&report, Section::Countries).rows.iter().all(|row| row.amount.before.is_none()));
    assert!(report.exporters.iter().all(|exporter| exporter.amount.before.is_none()));
    let said = plain(&report.summary);
    assert!(said.contains("of September 2026 nothing is known to compare with"), "{said}");
    assert!(
        said.contains("It is not complete: nothing was collected for 1 day 2 hours of it (3.4 %)."),
        "{said}"
    );
    let notes = plain(&report.notes);
    assert!(notes.contains("Nothing was collected in September 2026"), "{notes}");
    assert!(notes.contains("(2026-10-01 00:00 – 2026-10-02 02:00)"), "{notes}");
    assert!(notes.contains("The history begins in this period, at 2026-10-02 02:10"), "{notes}");
    assert!(report.steps[0].has_gap && report.steps[1].has_gap && !report.steps[2].has_gap);
    assert_eq!(report.steps[0].total.flows, 0);

    let report = world("2026-09-29T22:00:00Z").await.october().await;
    assert_eq!(bytes(&report.total).1, Some(24 * (FROM_FRANCE + TO_GERMANY)));
    assert_eq!(report.steps[28].before, None);
    assert_eq!(report.steps[29].before.map(|before| before.flows), Some(48));
    let said = plain(&report.summary);
    assert!(
        said.contains("59 times the bytes of September 2026 (130 MB), of which only 1 day of 30 days"),
        "{said}"
    );
    assert!(plain(&report.notes).contains("In September 2026 nothing was collected for 29 days of 30 days"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_a_zone_between_two_hours_have_what_passed_in_them() {
    let world = world(BEGIN).await;
    let october = range("2026-09-30T18:30:00Z", "2026-10-31T18:30:00Z");
    let report = world.report(&question(Period::Month, "Asia/Kolkata", october)).await.unwrap();
    assert_eq!(report.steps.len(), 31);
    let inside = |day: usize| {
        let Some(step) = report.steps.get(day - 1) else { panic!("no day {day}") };
        step.total.scaled_bytes - step.inbound.scaled_bytes - step.outbound.scaled_bytes
    };
    // 18:45 UTC is a quarter past midnight.
    assert_eq!((inside(5), inside(6)), (0, 200));
    for (index, step) in report.steps.iter().enumerate() {
        let london = if index == 9 { FROM_LONDON } else { 0 };
        let silent = if index == 6 { 2 } else { 0 };
        assert_eq!(step.inbound.scaled_bytes, 24 * FROM_FRANCE + london, "{}", step.label);
        assert_eq!(step.outbound.scaled_bytes, (24 - silent) * TO_GERMANY, "{}", step.label);
    }
    let sum: u64 = report.steps.iter().map(|step| step.total.scaled_bytes).sum();
    assert_eq!(sum, report.total.now.traffic.scaled_bytes);
    assert!(plain(&report.notes).contains("Hours are kept as UTC has them"), "{:?}", report.notes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hour_that_comes_twice_is_told_apart_and_a_filter_holds_for_everything() {
    let world = world(BEGIN).await;
    let sunday = range("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    let question = ReportQuestion {
        filter: "outside.country = \"DE\"".to_owned(),
        ..question(Period::Day, "Europe/Berlin", sunday)
    };
    let report = world.report(&question).await.unwrap();
    let labels: Vec<&str> = report.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels.len(), 25);
    assert_eq!(labels[2..4], ["2026-10-25 02:00 CEST", "2026-10-25 02:00 CET"]);
    assert!(report.steps.iter().all(|step| step.total.scaled_bytes == TO_GERMANY));
    assert_eq!(bytes(&report.total), (25 * TO_GERMANY, Some(24 * TO_GERMANY)));
    assert_eq!(report.inbound.now.traffic.flows, 0);
    assert_eq!(rows(&report, Section::Countries).len(), 1);
    assert_eq!(report.exporters.len(), 1);
    assert!(report.summary[0].contains("outside.country = \"DE\""), "{:?}", report.summary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_that_is_not_over_goes_up_to_now_and_long_ones_have_days_of_utc() {
    let world = world(BEGIN).await;
    let november = range("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z");
    let report = world.report(&question(Period::Month, "Europe/Berlin", november)).await.unwrap();
    assert_eq!((report.steps.len(), report.total.now.traffic.flows), (1, 0));
    assert!(
        report.summary[0].starts_with("In November 2026, no flow was counted, after"),
        "{:?}",
        report.summary
    );
    assert!(plain(&report.notes).contains("the figures go up to 2026-11-01 03:00"), "{:?}", report.notes);

    let two_years = range("2024-11-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let report = world.report(&question(Period::Custom, "UTC", two_years)).await.unwrap();
    assert_eq!((report.steps.len(), report.peaks.len(), &report.week), (730, 0, &None));
    assert!(wording::rates(&report).contains("in so long a range"), "{}", wording::rates(&report));
    let never = range("2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z");
    let report_of_never = world.report(&question(Period::Custom, "UTC", never)).await.unwrap();
    assert_eq!(wording::rates(&report_of_never), "No rates: nothing was collected.");
    let sum: u64 = report.steps.iter().map(|step| step.total.scaled_bytes).sum();
    assert_eq!(sum, report.total.now.traffic.scaled_bytes);
    assert_eq!(report.countries[0].country, CountryCode::parse("FR"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_report_is_refused_with_a_sentence() {
    let world = world("2026-10-31T00:00:00Z").await;
    let day = range("2026-10-29T23:00:00Z", "2026-10-30T23:00:00Z");
    let refused = async |question: ReportQuestion| world.report(&question).await.unwrap_err().to_string();
    let long = range("2010-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    assert!(refused(question(Period::Custom, "UTC", long)).await.contains("ten years at most"));
    assert!(refused(question(Period::Day, "Europe/Berln", day)).await.contains("Europe/Berlin"));
    let later = range("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z");
    assert!(refused(question(Period::Custom, "UTC", later)).await.contains("has not begun"));
    let unread = ReportQuestion { filter: "contry = 1".to_owned(), ..question(Period::Day, "UTC", day) };
    assert!(!refused(unread).await.is_empty());
}
