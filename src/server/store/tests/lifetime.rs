//! What happens to a store: crashes, restarts, damage, other processes, time.

use std::fs;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use super::flows::{flow, flows, sorted, stored, truth};
use super::truth::everything;
use super::{DAY_MS, HOUR_MS, MINUTE_MS, MONDAY_MS, folder, open};
use crate::model::history::{Dimension, StoredFlow};
use crate::model::network::Network;
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::{Geolocation, HomeNetworkSetting, Settings};
use crate::server::history::control::Control;
use crate::server::history::groups::Groups;
use crate::server::history::request::Request;
use crate::server::store::key::Family;
use crate::server::store::{FILE_NAME, Retention, Store, StoreError, backup};

async fn group(store: &Store, request: &Request) -> Groups {
    let plan = store.plan(request).unwrap();
    sorted(store.group(request, &plan.pieces, &Control::default()).await.unwrap().unwrap())
}

/// Every row of every table that counts, as text.
async fn content(folder: &std::path::Path) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(folder.join(FILE_NAME));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query_scalar(
        "SELECT concat_ws(' ', tier, family, start, rows, hex(block)) FROM sums \
         UNION ALL SELECT concat_ws(' ', number, name) FROM city \
         UNION ALL SELECT concat_ws(' ', position, hours_until, days_until) FROM progress ORDER BY 1",
    )
    .fetch_all(&mut database)
    .await
    .unwrap()
}

fn by(dimension: &str) -> Request {
    Request { dimensions: vec![Dimension::parse(dimension).unwrap()], ..everything() }
}

#[tokio::test]
async fn a_process_that_is_killed_between_commits_leaves_what_one_that_lived_on_has() {
    let mut random = fastrand::Rng::with_seed(1);
    let archive: Vec<StoredFlow> = flows(&mut random, 600).iter().map(stored).collect();
    let moments = |end: usize| MONDAY_MS + 3 * DAY_MS * end as i64 / 600;
    let (lived, killed) = (folder(), folder());
    let store = open(lived.path()).await;
    for start in (0..600).step_by(100) {
        store.add_stored(&archive[start..start + 100], start as u64);
        store.commit(moments(start + 100)).await.unwrap();
    }
    store.close().await.unwrap();
    for start in (0..600).step_by(100) {
        let store = open(killed.path()).await;
        store.add_stored(&archive[start..start + 70], start as u64);
        drop(store);
        let store = open(killed.path()).await;
        let position = usize::try_from(store.position()).unwrap();
        assert_eq!(position, start);
        store.add_stored(&archive[position..start + 100], position as u64);
        store.commit(moments(start + 100)).await.unwrap();
        store.close().await.unwrap();
    }
    assert_eq!(content(killed.path()).await, content(lived.path()).await);
}

#[tokio::test]
async fn the_live_path_and_the_archive_lead_to_the_same_sums() {
    let home = |name: &str, network: Network| HomeNetworkSetting {
        name: name.to_owned(),
        networks: vec![network],
        latitude: Some(50.1),
        longitude: Some(8.7),
        place: None,
    };
    let settings = Settings {
        home_networks: vec![
            home("north", "0.0.0.0/23".parse().unwrap()),
            home("south", "0.0.2.0/23".parse().unwrap()),
        ],
        ..Settings::default()
    };
    let geolocation = Arc::new(Geolocation::without_databases(&settings));
    let mut random = fastrand::Rng::with_seed(2);
    let exporters: Arc<[_]> = (0..4_u8).map(|last| [192, 0, 2, last].into()).collect();
    let located: Vec<_> =
        (0..500).map(|at| geolocation.locate(&flow(&mut random, MONDAY_MS + at * 977).record)).collect();
    let kept: Vec<StoredFlow> = located
        .iter()
        .map(|flow| {
            let mut stored = stored(flow);
            for (end, location) in
                [(&mut stored.source, flow.source), (&mut stored.destination, flow.destination)]
            {
                end.country = geolocation.country_of(location.place);
                geolocation.city_of(location.place).clone_into(&mut end.city);
            }
            stored
        })
        .collect();
    let batch = FlowBatch {
        oldest_received_us: 0,
        newest_received_us: 0,
        geolocation,
        exporters,
        flows: located.into(),
    };
    let (live, archive) = (folder(), folder());
    let (of_live, of_archive) = (open(live.path()).await, open(archive.path()).await);
    of_live.add(&batch, 0);
    of_archive.add_stored(&kept, 0);
    for store in [of_live, of_archive] {
        assert_eq!(store.position(), 500);
        store.commit(MONDAY_MS + DAY_MS).await.unwrap();
        store.close().await.unwrap();
    }
    assert_eq!(content(live.path()).await, content(archive.path()).await);
}

#[tokio::test]
async fn a_database_that_is_damaged_is_moved_aside_and_the_archive_is_wanted_from_its_beginning() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(3);
    let archive: Vec<StoredFlow> = flows(&mut random, 200).iter().map(stored).collect();
    store.add_stored(&archive, 0);
    store.commit(MONDAY_MS).await.unwrap();
    store.close().await.unwrap();
    let path = folder.path().join(FILE_NAME);
    let whole = fs::read(&path).unwrap();
    let mut cut = whole.clone();
    cut[16_384..].fill(0x55);
    for damaged in [b"this is no database at all, is it?".to_vec(), cut] {
        fs::write(&path, &damaged).unwrap();
        let (store, notice) = Store::open(folder.path(), Retention::default(), MONDAY_MS).await.unwrap();
        let notice = notice.unwrap();
        assert!(notice.contains("meridian.sqlite.damaged-20260302T000000Z"), "{notice}");
        assert_eq!(store.position(), 0);
        store.add_stored(&archive, 0);
        store.commit(MONDAY_MS).await.unwrap();
        assert_eq!(group(&store, &everything()).await.totals[0].traffic.flows, 200);
        store.close().await.unwrap();
        let aside = folder.path().join("meridian.sqlite.damaged-20260302T000000Z");
        assert_eq!(fs::read(aside).unwrap(), damaged);
    }
}

#[tokio::test]
async fn damage_that_shows_while_it_is_used_is_moved_aside_at_the_next_start() {
    let folder = folder();
    let path = folder.path().join(FILE_NAME);
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(4);
    let archive: Vec<StoredFlow> = flows(&mut random, 300).iter().map(stored).collect();
    store.add_stored(&archive, 0);
    store.commit(MONDAY_MS).await.unwrap();
    store.close().await.unwrap();
    let mut damaged = fs::read(&path).unwrap();
    let length = damaged.len();
    // The first pages keep what opening reads.
    damaged[12 * 16_384..length].fill(0x55);
    fs::write(&path, damaged).unwrap();
    let Ok((store, None)) = Store::open(folder.path(), Retention::default(), MONDAY_MS).await else { return };
    store.add_stored(&archive, 300);
    let plan = store.plan(&everything()).unwrap();
    let read = store.group(&everything(), &plan.pieces, &Control::default()).await;
    let written = store.commit(MONDAY_MS + 4 * DAY_MS).await;
    assert!(read.is_err_and(|error| error.is_damage()) || written.is_err_and(|error| error.is_damage()));
    store.close().await.ok();
    let (store, notice) = Store::open(folder.path(), Retention::default(), MONDAY_MS).await.unwrap();
    assert!(notice.is_some_and(|notice| notice.contains("damaged")));
    assert_eq!(store.position(), 0);
}

#[tokio::test]
async fn a_block_that_is_damaged_makes_the_answer_partial_and_nothing_else_wrong() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(5);
    for hour in 0..3 {
        let part = [stored(&flow(&mut random, MONDAY_MS + hour * HOUR_MS))];
        store.add_stored(&part, u64::try_from(hour).unwrap());
    }
    store.commit(MONDAY_MS + HOUR_MS).await.unwrap();
    sqlx::query("UPDATE sums SET block = x'00ff' WHERE tier = 1 AND start = ? AND family != 8")
        .bind((MONDAY_MS + 2 * HOUR_MS) / MINUTE_MS)
        .execute(&mut *store.database.writer.lock().await)
        .await
        .unwrap();
    let found = group(&store, &everything()).await;
    assert!(found.is_partial);
    assert_eq!(found.totals[0].traffic.flows, 2);
}

#[tokio::test]
async fn one_process_has_it_and_a_newer_or_another_programs_database_is_refused() {
    let folder = folder();
    let store = open(folder.path()).await;
    let opened = Store::open(folder.path(), Retention::default(), MONDAY_MS).await;
    let error = opened.err().unwrap();
    assert!(matches!(error, StoreError::InUse(_)));
    assert!(error.to_string().contains("is in use by another Meridian: stop that one"), "{error}");
    store.close().await.unwrap();

    let options = SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    database.execute("PRAGMA user_version = 7").await.unwrap();
    let error = Store::open(folder.path(), Retention::default(), MONDAY_MS).await.err().unwrap();
    assert!(error.to_string().contains("by a newer Meridian (its format is 7"), "{error}");
    database.execute("PRAGMA application_id = 7").await.unwrap();
    let error = Store::open(folder.path(), Retention::default(), MONDAY_MS).await.err().unwrap();
    assert!(matches!(error, StoreError::Foreign(_)));
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_format_is_opened_with_all_it_has() {
    let folder = folder();
    let options = SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME)).create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let first = sqlx::migrate::Migrator {
        migrations: crate::server::store::database::MIGRATIONS.iter().take(1).cloned().collect(),
        ..sqlx::migrate::Migrator::DEFAULT
    };
    first.run(&mut database).await.unwrap();
    database.execute("UPDATE progress SET position = 42").await.unwrap();
    database.execute("INSERT INTO city VALUES (1, 'Lyon')").await.unwrap();
    database.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.position(), 42);
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *store.database.writer.lock().await)
        .await
        .unwrap();
    assert_eq!(version, crate::server::store::database::VERSION);
}

#[tokio::test]
async fn rows_without_room_are_in_the_totals_and_the_answer_says_that_it_lacks_them() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(6);
    let count = Family::AsNumber.most_rows() + 100;
    let flows: Vec<_> = (0..count)
        .map(|index| {
            let mut flow = flow(&mut random, MONDAY_MS);
            flow.source.as_number = u32::try_from(index).unwrap();
            flow
        })
        .collect();
    store.add_stored(&flows.iter().map(stored).collect::<Vec<_>>(), 0);
    store.commit(MONDAY_MS + 2 * DAY_MS).await.unwrap();
    let range = TimeRange::new(MONDAY_MS, MONDAY_MS + MINUTE_MS).unwrap();
    let request = Request { range, ..by("src.as") };
    let found = group(&store, &request).await;
    let all = truth(&flows, &request, &[range]);
    assert!(found.is_partial);
    assert_eq!(found.totals, all.totals);
    assert_eq!(found.groups.len(), Family::AsNumber.most_rows());
    assert!(!group(&store, &Request { range, ..by("outside.country") }).await.is_partial);
    // Exporter and direction are known of the rest, too.
    let direction = Request { filter: "src.as >= 0 and direction = inbound".parse().unwrap(), ..request };
    assert!(group(&store, &direction).await.is_partial);
}

#[tokio::test]
async fn what_expires_is_in_the_next_tier_and_goes_a_day_at_a_time() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(7);
    let flows = flows(&mut random, 500);
    store.add_stored(&flows.iter().map(stored).collect::<Vec<_>>(), 0);
    let far = MONDAY_MS + 600 * DAY_MS;
    store.commit(MONDAY_MS).await.unwrap();
    let before = group(&store, &everything()).await;
    assert!(store.expire(far).await.unwrap() > 0, "the hours of the days before Monday are summed up");
    store.commit(far).await.unwrap();
    let mut steps = 0;
    while store.expire(far).await.unwrap() > 0 {
        steps += 1;
    }
    assert!(steps > 3, "{steps}");
    let status = store.status().await.unwrap();
    assert_eq!(status.iter().map(|tier| tier.rows > 0).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(group(&store, &everything()).await, before);
    let part = TimeRange::new(MONDAY_MS + HOUR_MS, MONDAY_MS + 2 * HOUR_MS).unwrap();
    let plan = store.plan(&Request { range: part, ..everything() }).unwrap();
    assert_eq!((plan.pieces, plan.left), (vec![], vec![part]));
    // What comes for an expired hour is in its day.
    store.add_stored(&[stored(&flows[0])], 500);
    store.commit(far).await.unwrap();
    assert_eq!(group(&store, &everything()).await.totals[0].traffic.flows, 501);
    assert_eq!(store.status().await.unwrap()[0].rows, 0);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_costs_no_flow() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(8);
    let mut flows = Vec::new();
    for (index, moment) in
        [0, 1, 900 * DAY_MS, 900 * DAY_MS + 5, 2 * MINUTE_MS, 3 * HOUR_MS].into_iter().enumerate()
    {
        let flow = flow(&mut random, MONDAY_MS + moment);
        store.add_stored(&[stored(&flow)], index as u64);
        flows.push(flow);
        store.commit(MONDAY_MS + moment).await.unwrap();
        store.expire(MONDAY_MS + moment).await.unwrap();
    }
    let range = TimeRange::new(MONDAY_MS, MONDAY_MS + 901 * DAY_MS).unwrap();
    let request = Request { range, ..by("direction") };
    assert_eq!(group(&store, &request).await, sorted(truth(&flows, &request, &[range])));
}

#[tokio::test]
async fn a_backup_of_a_store_in_use_is_a_store_of_its_own_and_no_file_is_overwritten() {
    let (folder, other) = (folder(), folder());
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(10);
    store.add_stored(&flows(&mut random, 50).iter().map(stored).collect::<Vec<_>>(), 0);
    store.commit(MONDAY_MS).await.unwrap();
    let copy = other.path().join(FILE_NAME);
    backup(folder.path(), &copy).await.unwrap();
    let error = backup(folder.path(), &copy).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot write the backup"), "{error}");
    let copied = open(other.path()).await;
    assert_eq!(copied.position(), 50);
    assert_eq!(group(&copied, &everything()).await, group(&store, &everything()).await);
}

#[tokio::test]
async fn an_archive_that_begins_anew_is_taken_from_where_it_is() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(11);
    let flows: Vec<StoredFlow> = flows(&mut random, 20).iter().map(stored).collect();
    store.add_stored(&flows, 0);
    store.commit(MONDAY_MS).await.unwrap();
    store.continue_at(0).await.unwrap();
    store.add_stored(&flows[..5], 0);
    store.commit(MONDAY_MS).await.unwrap();
    assert_eq!(store.position(), 5);
    assert_eq!(group(&store, &everything()).await.totals[0].traffic.flows, 25);
}

#[tokio::test]
async fn what_cannot_be_written_is_in_the_answers_and_is_written_later() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(12);
    let flows: Vec<StoredFlow> = flows(&mut random, 30).iter().map(stored).collect();
    store.database.writer.lock().await.execute("PRAGMA query_only = 1").await.unwrap();
    for start in [0, 10] {
        store.add_stored(&flows[start..start + 10], start as u64);
        store.commit(MONDAY_MS).await.unwrap_err();
    }
    assert_eq!(group(&store, &everything()).await.totals[0].traffic.flows, 20);
    store.database.writer.lock().await.execute("PRAGMA query_only = 0").await.unwrap();
    store.add_stored(&flows[20..], 20);
    assert_eq!(group(&store, &everything()).await.totals[0].traffic.flows, 30);
    store.commit(MONDAY_MS).await.unwrap();
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.position(), 30);
    assert_eq!(group(&store, &everything()).await.totals[0].traffic.flows, 30);
}

#[tokio::test]
async fn amounts_beyond_all_measure_stay_at_the_largest_number() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(13);
    let mut huge = stored(&flow(&mut random, MONDAY_MS));
    (huge.bytes, huge.sampling_interval) = (u64::MAX - 1, u32::MAX);
    store.add_stored(&[huge.clone(), huge], 0);
    store.commit(MONDAY_MS + 2 * DAY_MS).await.unwrap();
    let traffic: Traffic = group(&store, &everything()).await.totals[0].traffic;
    assert_eq!((traffic.flows, traffic.bytes, traffic.scaled_bytes), (2, u64::MAX, u64::MAX));
}
