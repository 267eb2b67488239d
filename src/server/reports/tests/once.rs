//! Each report is written once, whatever happens meanwhile.

use super::*;
use crate::server::config::reports::Logo;
use crate::server::store::reports::NewReport;

const SINCE: &str = "2026-08-20T10:00:00Z";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_month_is_reported_when_it_is_over_and_once() {
    let folder = folder();
    let store = store(folder.path(), "2026-10-10T00:00:00Z", "2026-10-20T00:00:00Z").await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-10-31T12:00:00Z");
    bench.settle().await;
    assert_eq!(bench.ids().await, []);
    let list = bench.reports.list().await.unwrap();
    let [entry] = list.schedules.as_slice() else { panic!("{list:?}") };
    assert_eq!((entry.next_at.as_str(), entry.is_configured), ("2026-11-01 03:00 CET", true));
    bench.set_now("2026-11-01T01:59:59Z");
    bench.settle().await;
    assert_eq!(bench.ids().await, []);
    bench.set_now("2026-11-01T02:00:00Z");
    bench.settle().await;
    bench.settle().await;
    assert_eq!((bench.ids().await, bench.made()), (done(&["monthly-2026-10"]), 1));
    let page = bench.reports.page("monthly-2026-10").await.unwrap();
    let report = page.report.unwrap();
    assert_eq!(
        report.question.range,
        TimeRange { from_ms: at("2026-09-30T22:00:00Z"), to_ms: at("2026-10-31T23:00:00Z") }
    );
    assert_eq!(
        (report.question.title.as_str(), page.entry.made_ms),
        ("Traffic report", Some(at("2026-11-01T02:00:00Z")))
    );
}

#[tokio::test]
async fn what_was_missed_while_it_did_not_run_is_written_oldest_first() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-15T12:00:00Z");
    bench.settle().await;
    assert_eq!(bench.ids().await, done(&["monthly-2026-10", "monthly-2026-09", "monthly-2026-08"]));
    let made: Vec<i64> = bench.made.lock().unwrap().iter().map(|question| question.range.from_ms).collect();
    assert!(made.is_sorted(), "{made:?}");
    // It did not run on the first of December and January.
    let again = Bench::new(&store, settings(vec![monthly()]), "2027-01-10T00:00:00Z");
    again.settle().await;
    assert_eq!((again.ids().await.len(), again.made()), (5, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_store_write_one_report_each_time() {
    let folder = folder();
    let first = store(folder.path(), SINCE, SINCE).await;
    let second = second_store(folder.path()).await;
    let day =
        Schedule { name: "daily".to_owned(), period: Period::Day, cron: "0 3 * * *".to_owned(), ..monthly() };
    let schedules = vec![day, monthly()];
    let benches = [first, second]
        .map(|store| Arc::new(Bench::new(&store, settings(schedules.clone()), "2026-11-15T12:00:00Z")));
    let [one, other] = benches.clone().map(|bench| tokio::spawn(async move { bench.settle().await }));
    one.await.unwrap();
    other.await.unwrap();
    let [one, other] = benches;
    let ids = one.ids().await;
    assert!(ids.len() == 27 && ids.iter().all(|(_, is_done)| *is_done), "{ids:?}");
    assert_eq!(ids, other.ids().await);
    assert_eq!(one.made() + other.made(), 27, "{} and {}", one.made(), other.made());
}

#[tokio::test]
async fn what_a_server_claimed_that_died_is_written_by_another_when_the_claim_ends() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let september = "2026-10-01T01:00:00Z";
    let bench = Bench::new(&store, settings(vec![monthly()]), september);
    bench.settle().await;
    bench.reports.remake("monthly-2026-09").await.unwrap();
    let claimed = store.claim_report("a dead server", at(september)).await.unwrap().unwrap();
    bench.settle().await;
    assert_eq!((claimed.id.as_str(), bench.made()), ("monthly-2026-09", 2));
    bench.set_now("2026-10-01T01:15:00Z");
    bench.settle().await;
    assert_eq!(bench.made(), 3);
    // What it brings after all is not taken.
    let late = report(claimed.question, 0);
    let outcome = crate::server::store::reports::Outcome::Done(&late, &[]);
    assert!(!store.finish_report(&claimed.id, "a dead server", outcome, 0).await.unwrap());
    assert_eq!(
        bench.reports.page(&claimed.id).await.unwrap().entry.made_ms,
        Some(at("2026-10-01T01:15:00Z"))
    );
}

#[tokio::test]
async fn a_clock_that_goes_back_and_forth_writes_nothing_twice() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-01T02:00:00Z");
    bench.settle().await;
    assert_eq!(bench.made(), 3);
    for now in
        ["2026-10-31T22:00:00Z", "2026-11-01T02:00:00Z", "1970-01-01T00:00:00Z", "2026-11-01T04:00:00Z"]
    {
        bench.set_now(now);
        bench.settle().await;
    }
    assert_eq!((bench.made(), bench.ids().await.len()), (3, 3));
    // A claim of a clock that was ahead does not hold for years.
    bench.reports.remake("monthly-2026-10").await.unwrap();
    store.claim_report("ahead", at("2031-01-01T00:00:00Z")).await.unwrap().unwrap();
    bench.settle().await;
    assert_eq!(bench.made(), 4);
}

#[tokio::test]
async fn a_report_that_cannot_be_made_says_why_and_is_tried_again() {
    let folder = folder();
    let store = store(folder.path(), "2026-10-10T00:00:00Z", "2026-10-20T00:00:00Z").await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-01T02:00:00Z");
    bench.set_fault(Some("Too much is asked at once."));
    bench.settle().await;
    let entry = bench.reports.page("monthly-2026-10").await.unwrap().entry;
    let next_ms = Some(at("2026-11-01T02:01:00Z"));
    assert_eq!(entry.state, ReportState::Failed { reason: "Too much is asked at once.".to_owned(), next_ms });
    let notices = bench.reports.notices();
    assert!(notices[0].contains("October 2026 could not be written: Too much"), "{notices:?}");
    bench.set_fault(Some("panic"));
    bench.set_now("2026-11-01T02:01:00Z");
    bench.settle().await;
    let entry = bench.reports.page("monthly-2026-10").await.unwrap().entry;
    let ReportState::Failed { next_ms, .. } = entry.state else { panic!("{entry:?}") };
    assert_eq!(next_ms, Some(at("2026-11-01T02:06:00Z")));
    bench.set_fault(None);
    bench.settle().await;
    assert_eq!(bench.made(), 0);
    bench.set_now("2026-11-01T02:06:00Z");
    bench.settle().await;
    assert_eq!((bench.ids().await, bench.reports.notices().len()), (done(&["monthly-2026-10"]), 0));
    assert_eq!(bench.reports.counts().reports(), [("made", 1), ("failed", 2)]);
}

#[tokio::test]
async fn a_removed_report_is_not_written_again() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-15T12:00:00Z");
    bench.settle().await;
    bench.reports.remove("monthly-2026-10").await.unwrap();
    let again = Bench::new(&store, settings(vec![monthly()]), "2026-11-15T13:00:00Z");
    again.settle().await;
    assert_eq!((again.ids().await, again.made()), (done(&["monthly-2026-09", "monthly-2026-08"]), 0));
    let error = again.reports.page("monthly-2026-10").await.unwrap_err().to_string();
    assert!(error.contains("There is no report"), "{error}");
    assert!(again.reports.remake("monthly-2026-10").await.is_err());
    assert!(again.reports.remove("monthly-2026-10").await.is_err());
}

#[tokio::test]
async fn reports_go_when_they_are_too_old_a_day_of_them_at_a_time_and_stay_gone() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let keep = |keep_days| ReportSettings { keep_days, ..settings(vec![monthly()]) };
    let bench = Bench::new(&store, keep(1_100), "2026-11-15T12:00:00Z");
    bench.settle().await;
    let strict = Bench::new(&store, keep(20), "2026-11-15T12:00:00Z");
    strict.settle().await;
    assert_eq!(strict.ids().await.len(), 2);
    strict.set_now("2026-11-15T13:00:00Z");
    strict.settle().await;
    strict.set_now("2026-11-15T14:00:00Z");
    strict.settle().await;
    assert_eq!((strict.ids().await, strict.made()), (done(&["monthly-2026-10"]), 0));
}

#[tokio::test]
async fn what_was_too_old_once_is_not_written_again_when_more_is_to_be_kept() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let keep = |keep_days| ReportSettings { keep_days, ..settings(vec![monthly()]) };
    Bench::new(&store, keep(1_100), "2026-11-15T12:00:00Z").settle().await;
    for hour in ["12", "13", "14"] {
        Bench::new(&store, keep(20), &format!("2026-11-15T{hour}:30:00Z")).settle().await;
    }
    let generous = Bench::new(&store, keep(1_100), "2026-11-15T16:00:00Z");
    generous.settle().await;
    assert_eq!((generous.ids().await, generous.made()), (done(&["monthly-2026-10"]), 0));
    // A clock that was years ahead for a day does not keep the next report from being written.
    let ahead = Bench::new(&store, keep(20), "2031-06-15T12:00:00Z");
    for hour in 0..24 {
        ahead.set_now(&format!("2031-06-15T{hour:02}:30:00Z"));
        ahead.settle().await;
    }
    let back = Bench::new(&store, keep(1_100), "2026-11-15T18:00:00Z");
    back.settle().await;
    back.set_now("2026-12-01T02:00:00Z");
    back.settle().await;
    let made: Vec<_> = back.made.lock().unwrap().iter().map(|question| question.range.to_ms).collect();
    assert_eq!(made, [at("2026-11-30T23:00:00Z")]);
}

#[tokio::test]
async fn two_services_with_other_schedules_on_one_store_do_not_switch_each_other_off() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let weekly = Schedule {
        name: "weekly".to_owned(),
        period: Period::Week,
        cron: "0 3 * * 1".to_owned(),
        ..monthly()
    };
    let first = Bench::new(&store, settings(vec![monthly()]), "2026-10-31T12:00:00Z");
    first.settle().await;
    let second = Bench::new(&store, settings(vec![weekly]), "2026-10-31T12:00:00Z");
    second.settle().await;
    for now in ["2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z", "2026-12-01T02:00:00Z"] {
        for bench in [&first, &second] {
            bench.set_now(now);
            bench.settle().await;
        }
    }
    let ids: Vec<String> = first.ids().await.into_iter().map(|(id, _)| id).collect();
    for wanted in ["monthly-2026-10", "monthly-2026-11", "weekly-2026-w44"] {
        assert!(ids.iter().any(|id| id == wanted), "{ids:?}");
    }
}

#[tokio::test]
async fn a_report_of_which_the_service_dies_is_tried_later_each_time_and_given_up() {
    let folder = folder();
    let store = store(folder.path(), "2026-10-10T00:00:00Z", "2026-10-20T00:00:00Z").await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-01T02:00:00Z");
    bench.set_fault(Some("die"));
    let mut now_ms = at("2026-11-01T02:00:00Z");
    let mut waits = Vec::new();
    for _ in 0..15 {
        bench.now_ms.store(now_ms, Ordering::SeqCst);
        let running = Arc::clone(&bench.reports);
        let (make, stop) = (bench.maker(), bench.stop.clone());
        let dies = tokio::spawn(async move { running.turn(&make, &stop).await });
        while bench.dying.load(Ordering::SeqCst) == waits.len() {
            tokio::task::yield_now().await;
        }
        dies.abort();
        assert!(dies.await.unwrap_err().is_cancelled());
        let next_ms = store.next_report_ms().await.unwrap().unwrap();
        waits.push((next_ms - now_ms) / 60_000);
        now_ms = next_ms;
    }
    assert_eq!((&waits[..5], waits[13], waits[14]), (&[15, 15, 30, 120, 1_440][..], 1_440, 15));
    bench.now_ms.store(now_ms, Ordering::SeqCst);
    bench.settle().await;
    let entry = bench.reports.page("monthly-2026-10").await.unwrap().entry;
    let ReportState::Failed { reason, next_ms: None } = entry.state else { panic!("{entry:?}") };
    assert!(reason.contains("the service ended"), "{reason}");
    // Whoever asks for it again gets it.
    bench.set_fault(None);
    bench.reports.remake("monthly-2026-10").await.unwrap();
    bench.settle().await;
    assert_eq!(bench.ids().await, done(&["monthly-2026-10"]));
}

#[tokio::test]
async fn a_report_that_cannot_be_read_does_not_hide_the_others() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-15T12:00:00Z");
    bench.settle().await;
    bench.reports.remake("monthly-2026-09").await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME));
    let mut database = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("UPDATE report SET question = '{}' WHERE id IN ('monthly-2026-08', 'monthly-2026-09')")
        .execute(&mut database)
        .await
        .unwrap();
    bench.settle().await;
    let ids = bench.ids().await;
    let expected = [("monthly-2026-10", true), ("monthly-2026-09", false), ("monthly-2026-08", false)];
    assert_eq!(ids, expected.map(|(id, is_done)| (id.to_owned(), is_done)));
    bench.reports.remove("monthly-2026-09").await.unwrap();
    bench.set_now("2026-12-01T02:00:00Z");
    bench.settle().await;
    assert_eq!(bench.ids().await[0], ("monthly-2026-11".to_owned(), true));
}

#[tokio::test]
async fn without_a_history_it_says_so_and_catches_up_when_there_is_one() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-15T12:00:00Z");
    bench.is_open.store(false, Ordering::SeqCst);
    assert!(bench.turn().await.is_err());
    let list = bench.reports.list().await.unwrap();
    assert!(list.notices[0].starts_with("Nothing is kept of the past yet."), "{:?}", list.notices);
    bench.is_open.store(true, Ordering::SeqCst);
    bench.settle().await;
    assert_eq!(bench.ids().await.len(), 3);
}

#[tokio::test]
async fn a_report_that_somebody_asks_for_is_made_at_once_and_the_end_of_the_service_waits_for_nobody() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(Vec::new()), "2026-11-15T12:00:00Z");
    let running = tokio::spawn(Arc::clone(&bench.reports).run(bench.maker(), bench.stop.clone()));
    let order = Order { from: "last month".to_owned(), sections: vec![Section::Map], ..Order::default() };
    let id = bench.reports.order(&order).await.unwrap();
    let made = async {
        while bench.reports.page(&id).await.unwrap().report.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), made).await.unwrap();
    let entry = bench.reports.page(&id).await.unwrap().entry;
    assert_eq!((entry.question.period, entry.schedule), (Period::Month, None));
    assert!(id.starts_with("custom-") && id.len() == 17, "{id}");
    let [from, to] = ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"].map(str::to_owned);
    let error = bench.reports.order(&Order { from, to, ..Order::default() }).await.unwrap_err();
    assert!(error.to_string().contains("has not begun"), "{error}");
    bench.stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
    bench.reports.remove(&id).await.unwrap();
    assert_eq!(bench.ids().await, []);
}

#[tokio::test]
async fn a_schedule_of_the_page_holds_from_then_on_and_its_reports_outlive_it() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(Vec::new()), "2026-11-15T12:00:00Z");
    let daily = Schedule { name: "days".to_owned(), period: Period::Day, cron: String::new(), ..monthly() };
    bench.reports.add_schedule(daily.clone()).await.unwrap();
    assert!(bench.reports.add_schedule(daily).await.unwrap_err().to_string().contains("already"));
    bench.settle().await;
    assert_eq!(bench.ids().await, []);
    bench.set_now("2026-11-16T12:00:00Z");
    bench.settle().await;
    assert_eq!(bench.ids().await, done(&["days-2026-11-15"]));
    let list = bench.reports.list().await.unwrap();
    assert_eq!((list.schedules.len(), list.schedules[0].is_configured), (1, false));
    bench.reports.remove_schedule("days").await.unwrap();
    bench.set_now("2026-11-17T12:00:00Z");
    bench.settle().await;
    assert_eq!(bench.ids().await, done(&["days-2026-11-15"]));
}

/// The names of those that were noted, of so many reports that are asked for at the same time.
async fn ordered_at_once(bench: &Bench, number: usize) -> Vec<String> {
    let asking: Vec<_> = (0..number)
        .map(|_| {
            let reports = Arc::clone(&bench.reports);
            let order = Order { from: "last month".to_owned(), ..Order::default() };
            tokio::spawn(async move { reports.order(&order).await })
        })
        .collect();
    let mut noted = Vec::new();
    for asked in asking {
        noted.extend(asked.await.unwrap());
    }
    noted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_reports_wait_than_may_however_many_ask_at_once() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(vec![monthly()]), "2026-11-15T12:00:00Z");
    bench.settle().await;
    let noted = ordered_at_once(&bench, 40).await;
    assert_eq!(noted.len(), 20);
    let refused = bench.reports.remake("monthly-2026-10").await.unwrap_err().to_string();
    assert!(refused.contains("20 reports are waiting"), "{refused}");
    // One that waits may begin anew: there is no more to do than before.
    bench.reports.remake(&noted[0]).await.unwrap();
    bench.settle().await;
    bench.reports.remake("monthly-2026-10").await.unwrap();
    // A report of a schedule that is made anew waits like those that were asked for.
    assert_eq!(ordered_at_once(&bench, 30).await.len(), 19);
}

#[tokio::test]
async fn a_list_that_is_cut_has_the_latest_and_says_how_many_there_are() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let bench = Bench::new(&store, settings(Vec::new()), "2026-11-15T12:00:00Z");
    let id = bench.reports.order(&Order { from: "last month".to_owned(), ..Order::default() }).await.unwrap();
    let question = bench.reports.page(&id).await.unwrap().entry.question;
    let new: Vec<_> = (1..=2_005)
        .map(|due_ms| NewReport {
            id: format!("old-{due_ms}"),
            schedule: Some("old".to_owned()),
            key: due_ms.to_string(),
            period: "long ago".to_owned(),
            question: question.clone(),
            due_ms,
        })
        .collect();
    store.order_reports(&new).await.unwrap();
    let list = bench.reports.list().await.unwrap();
    assert_eq!((list.reports.len(), list.reports_in_all), (2_000, 2_006));
    assert_eq!((list.reports[0].id.as_str(), list.reports[1].id.as_str()), (id.as_str(), "old-2005"));
}

#[tokio::test]
async fn a_page_says_where_its_logo_is() {
    let folder = folder();
    let store = store(folder.path(), SINCE, SINCE).await;
    let logo = Logo { path: "logo.png".into(), media_type: "image/png", bytes: Arc::from(&b"png"[..]) };
    let with_logo = ReportSettings { logo: Some(logo), ..settings(vec![monthly()]) };
    for (settings, logo) in [(with_logo, "/reports-logo"), (settings(vec![monthly()]), "")] {
        let bench = Bench::new(&store, settings, "2026-11-15T12:00:00Z");
        bench.settle().await;
        assert_eq!(bench.reports.page("monthly-2026-10").await.unwrap().logo, logo);
    }
}
