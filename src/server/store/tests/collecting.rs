//! When flow records were collected, over the ends of processes.

use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::flows::{flow, stored};
use super::{HOUR_MS, MINUTE_MS, MONDAY_MS, folder, open};
use crate::model::history::StoredFlow;
use crate::model::time_range::TimeRange;
use crate::server::store::database::MIGRATIONS;
use crate::server::store::{FILE_NAME, LossReason, Retention, Store};

fn range(from_ms: i64, to_ms: i64) -> TimeRange {
    TimeRange { from_ms: MONDAY_MS + from_ms, to_ms: MONDAY_MS + to_ms }
}

/// Beats each second from one moment to another.
fn beat(store: &Store, began: Instant, from_ms: i64, to_ms: i64, is_storing: bool) {
    for second in (from_ms..=to_ms).step_by(1_000) {
        let passed = Duration::from_millis(u64::try_from(second).unwrap());
        store.beat(MONDAY_MS + second, began + passed, is_storing);
    }
}

async fn opened_at(folder: &std::path::Path, now_ms: i64) -> Store {
    Store::open(folder, Retention::default(), MONDAY_MS + now_ms).await.unwrap().0
}

#[tokio::test]
async fn nothing_was_collected_before_the_first_start_between_two_and_while_the_disk_took_nothing() {
    let (folder, began) = (folder(), Instant::now());
    let store = open(folder.path()).await;
    assert_eq!(store.gaps(range(-HOUR_MS, HOUR_MS)), [range(-HOUR_MS, 0)]);
    beat(&store, began, 0, 20_000, true);
    assert_eq!(store.gaps(range(-HOUR_MS, HOUR_MS)), [range(-HOUR_MS, 0)]);
    beat(&store, began, 21_000, 40_000, false);
    beat(&store, began, 41_000, 60_000, true);
    store.commit(MONDAY_MS + 60_000).await.unwrap();
    assert_eq!(store.gaps(range(0, HOUR_MS)), [range(20_000, 41_000)]);
    drop(store);

    let store = opened_at(folder.path(), 90_000).await;
    beat(&store, began, 90_000, 100_000, true);
    let gaps = store.gaps(range(10_000, HOUR_MS));
    assert_eq!(gaps, [range(20_000, 41_000), range(60_000, 90_000)]);
    assert!(store.gaps(range(95_000, 98_000)).is_empty());
}

#[tokio::test]
async fn a_killed_process_had_collected_up_to_the_last_flow_that_the_archive_has() {
    let (folder, began) = (folder(), Instant::now());
    let store = open(folder.path()).await;
    beat(&store, began, 0, 60_000, true);
    store.commit(MONDAY_MS + 60_000).await.unwrap();
    beat(&store, began, 61_000, 85_000, true);
    drop(store);
    let store = opened_at(folder.path(), 120_000).await;
    let flows: Vec<StoredFlow> = [70_000, 61_500, 84_000]
        .map(|at| stored(&flow(&mut fastrand::Rng::with_seed(1), MONDAY_MS + at)))
        .into();
    store.add_stored(&flows, 0);
    let expected = [range(84_001, 120_000)];
    assert_eq!(store.gaps(range(0, HOUR_MS)), expected);
    store.commit(MONDAY_MS + 120_000).await.unwrap();
    drop(store);
    assert_eq!(opened_at(folder.path(), 120_000).await.gaps(range(0, HOUR_MS)), expected);
}

#[tokio::test]
async fn a_clock_that_jumps_and_a_machine_that_sleeps_leave_gaps_not_centuries_of_collecting() {
    let (folder, began) = (folder(), Instant::now());
    let store = open(folder.path()).await;
    beat(&store, began, 0, 10_000, true);
    let at = |seconds: u64| began + Duration::from_secs(seconds);
    // The clock jumps ahead by an hour for two seconds, then back.
    store.beat(MONDAY_MS + HOUR_MS, at(11), true);
    store.beat(MONDAY_MS + HOUR_MS + 1_000, at(12), true);
    store.beat(MONDAY_MS + 13_000, at(13), true);
    beat(&store, began, 14_000, 20_000, true);
    // The machine sleeps: its own time stands still.
    store.beat(MONDAY_MS + 3 * HOUR_MS, at(21), true);
    let expected = [range(10_000, 13_000), range(20_000, HOUR_MS), range(HOUR_MS + 1_000, 3 * HOUR_MS)];
    assert_eq!(store.gaps(range(0, 4 * HOUR_MS)), expected);
}

#[tokio::test]
async fn what_was_lost_is_told_for_its_time_with_the_reason_also_by_the_next_process() {
    let folder = folder();
    let store = open(folder.path()).await;
    for second in 0..120_i64 {
        let at = 10 * MINUTE_MS + 1_000 * second;
        store.lose(LossReason::QueueFull, 10, range(at, at + 1_000));
        store.lose(LossReason::DiskFull, 1, range(at, at + 1_000));
    }
    store.commit(MONDAY_MS + 12 * MINUTE_MS).await.unwrap();
    store.lose(LossReason::QueueFull, 34, range(12 * MINUTE_MS, 12 * MINUTE_MS + 1_000));
    store.commit(MONDAY_MS + 13 * MINUTE_MS).await.unwrap();
    drop(store);
    let store = open(folder.path()).await;
    let losses = store.losses(range(0, HOUR_MS));
    assert_eq!(losses.flows(), 1_234 + 120);
    let text = losses.text().unwrap();
    assert!(text.contains("1\u{202f}234 because the disk or the processor could not keep up"), "{text}");
    assert!(text.contains("120 because the disk was full"), "{text}");
    assert_eq!(store.losses(range(0, 10 * MINUTE_MS)).text(), None);
    assert_eq!(store.losses(range(20 * MINUTE_MS, HOUR_MS)).text(), None);
}

#[tokio::test]
async fn a_database_from_before_tells_the_hours_in_which_there_were_flows() {
    let folder = folder();
    let options = SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME)).create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let first = sqlx::migrate::Migrator {
        migrations: MIGRATIONS.iter().take(1).cloned().collect(),
        ..sqlx::migrate::Migrator::DEFAULT
    };
    first.run(&mut database).await.unwrap();
    let monday = MONDAY_MS / MINUTE_MS;
    // Minutes of the first hour and of the third, and of the fourth the hour.
    for (tier, minute) in [(1, 10), (1, 50), (1, 125), (1, 126), (2, 180), (2, 120)] {
        let query = sqlx::query(
            "INSERT INTO sums (tier, family, start, rows, bytes, block) VALUES (?, 0, ?, 0, 0, x'')",
        );
        query.bind(tier).bind(monday + minute).execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
    let store = opened_at(folder.path(), 6 * HOUR_MS).await;
    assert_eq!(
        store.gaps(range(0, 5 * HOUR_MS)),
        [range(HOUR_MS, 2 * HOUR_MS), range(4 * HOUR_MS, 5 * HOUR_MS)]
    );
}
