mod collecting;
mod first_seen;
mod flows;
mod lifetime;
mod truth;

use std::path::Path;

use tempfile::TempDir;

use super::{Retention, Store};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 2026-03-02 00:00 UTC.
const MONDAY_MS: i64 = 1_772_409_600_000;

async fn open(folder: &Path) -> Store {
    let (store, notice) = Store::open(folder, Retention::default(), MONDAY_MS).await.unwrap();
    assert_eq!(notice, None);
    store
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
