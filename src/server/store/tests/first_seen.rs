//! What was seen for the first time, and when.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::flows::{flows, stored};
use super::{DAY_MS, HOUR_MS, MINUTE_MS, MONDAY_MS, folder, open};
use crate::model::filter::End;
use crate::model::history::{StoredEnd, StoredFlow};
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::server::history::groups::Value;
use crate::server::store::{FILE_NAME, Newcomers};

const EVER: TimeRange = TimeRange { from_ms: MONDAY_MS - 9 * DAY_MS, to_ms: MONDAY_MS + 9 * DAY_MS };

/// The first moment of each country and autonomous system of an outside end.
fn truth(flows: &[StoredFlow]) -> BTreeMap<Value, i64> {
    let mut first = BTreeMap::new();
    for flow in flows {
        for end in End::Outside.of(flow.direction, &flow.source, &flow.destination).into_iter().flatten() {
            let country = end.country.map(|country| Value::Country(Some(country)));
            let number = (end.as_number > 0).then_some(Value::Number(end.as_number.into()));
            for value in country.into_iter().chain(number) {
                let moment = first.entry(value).or_insert(flow.received_ms);
                *moment = flow.received_ms.min(*moment);
            }
        }
    }
    first
}

/// What is new by that, with the minute.
fn expected(flows: &[StoredFlow]) -> Vec<(Value, i64)> {
    let minutes = truth(flows).into_iter().map(|(value, moment)| (value, moment.div_euclid(MINUTE_MS)));
    let minutes: Vec<_> = minutes.collect();
    let begin = minutes.iter().map(|(_, minute)| *minute).min().unwrap();
    let mut new: Vec<_> = minutes.into_iter().filter(|(_, minute)| *minute >= begin + 60).collect();
    new.sort_by(|(value, minute), (other, later)| minute.cmp(later).then_with(|| value.cmp(other)));
    new
}

fn told(newcomers: &Newcomers) -> Vec<(Value, i64)> {
    newcomers.seen.iter().map(|(value, range)| (value.clone(), range.from_ms / MINUTE_MS)).collect()
}

/// Random flows, with countries that come one after another.
fn newcomers(seed: u64) -> Vec<StoredFlow> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut flows: Vec<StoredFlow> = flows(&mut random, 400).iter().map(stored).collect();
    for (position, flow) in flows.iter_mut().enumerate().filter(|(position, _)| position % 7 == 0) {
        let late = u8::try_from(position / 20).unwrap();
        let code = format!("{}{}", char::from(b'A' + late / 5), char::from(b'A' + late % 5));
        let set = |end: &mut StoredEnd| {
            end.country = CountryCode::parse(&code);
            end.as_number = 5_000 + u32::from(late);
        };
        set(&mut flow.source);
        set(&mut flow.destination);
    }
    flows
}

#[tokio::test]
async fn the_first_minute_of_each_country_and_as_is_known_before_and_after_it_is_written() {
    let archive = newcomers(11);
    let (half, folder) = (archive.len() / 2, folder());
    let store = open(folder.path()).await;
    store.add_stored(&archive[..half], 0);
    store.commit(MONDAY_MS + DAY_MS).await.unwrap();
    assert_eq!(told(&store.first_seen(EVER)), expected(&archive[..half]));
    store.add_stored(&archive[half..], half as u64);
    let wanted = expected(&archive);
    assert!(wanted.len() > 15);
    assert_eq!(told(&store.first_seen(EVER)), wanted);
    store.commit(MONDAY_MS + 3 * DAY_MS).await.unwrap();
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(told(&store.first_seen(EVER)), wanted);
    let hour = TimeRange { from_ms: MONDAY_MS + 30 * HOUR_MS, to_ms: MONDAY_MS + 40 * HOUR_MS };
    let within: Vec<_> =
        wanted.iter().filter(|(_, minute)| hour.contains(minute * MINUTE_MS)).cloned().collect();
    assert_eq!(told(&store.first_seen(hour)), within);
}

#[tokio::test]
async fn sums_that_are_older_than_the_table_are_looked_through_once() {
    let archive = newcomers(12);
    let folder = folder();
    let store = open(folder.path()).await;
    for (position, part) in archive.chunks(50).enumerate() {
        store.add_stored(part, 50 * position as u64);
        store.commit(part.last().unwrap().received_ms).await.unwrap();
    }
    let known = store.first_seen(EVER);
    assert_eq!(told(&known), expected(&archive));
    store.close().await.unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("DELETE FROM first_seen; UPDATE progress SET has_first_seen = 0")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    let store = open(folder.path()).await;
    let found = store.first_seen(EVER);
    assert_eq!((found.seen, found.begin_ms), (known.seen, known.begin_ms));
}

#[tokio::test]
async fn what_is_left_in_sums_of_hours_is_known_to_the_hour() {
    let archive = newcomers(13);
    let folder = folder();
    let store = open(folder.path()).await;
    store.add_stored(&archive, 0);
    store.commit(MONDAY_MS + 4 * DAY_MS).await.unwrap();
    store.close().await.unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join(FILE_NAME));
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(
        "DELETE FROM first_seen; DELETE FROM sums WHERE tier = 1; UPDATE progress SET has_first_seen = 0",
    )
    .execute(&mut database)
    .await
    .unwrap();
    database.close().await.unwrap();
    let found = open(folder.path()).await.first_seen(EVER);
    let truth = truth(&archive);
    assert!(found.seen.len() > 15);
    for (value, range) in found.seen {
        assert_eq!(range.length_ms(), HOUR_MS);
        assert!(range.contains(truth[&value]), "{value:?}");
    }
}
