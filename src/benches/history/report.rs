//! How long the report of a month takes, with a year of sums and no flow records left.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use meridian::model::report::{Period, ReportQuestion, Section};
use meridian::model::time_range::TimeRange;
use meridian::server::archive::query::Queries;
use meridian::server::archive::{Archive, Settings};
use meridian::server::geolocation::{self, Current, Geolocation};
use meridian::server::history::answers::History;
use meridian::server::history::naming::Naming;
use meridian::server::history::opening::Kept;
use meridian::server::history::planner::Tiers;
use meridian::server::reports::calendar::Calendar;
use meridian::server::reports::content;
use meridian::server::store::{FILE_NAME, Retention, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::rows::Rows;
use super::{Outcome, memory_mb};

const DAYS: i64 = 396;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// 2026-11-01 03:00 UTC.
const NOW_MS: i64 = 1_793_502_000_000;
const BATCH_ROWS: usize = 1_500;
const TIMES: usize = 5;

/// So many million flows a day for 13 months: those of one day are made, those of each hour in its first minute, so that
/// nobody waits for the minutes; the sums of its hours and of itself are those of every other day, too.
pub fn measure(folder: &Path, millions: usize) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let retention = Retention { minutes: None, hours: None, days: None };
        let (mut store, _) = Store::open(folder, retention, NOW_MS).await?;
        if store.position() == 0 {
            fill(&store, millions as u64).await?;
            drop(store);
            repeat(&folder.join(FILE_NAME)).await?;
            store = Store::open(folder, retention, NOW_MS).await?.0;
        }
        let settings =
            Settings { folder: folder.join("archive"), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
        let archive = Arc::new(Archive::open(settings, NOW_MS)?);
        archive.covered(store.position())?;
        println!("sums: {} MB, memory at most {} MB", store.file_bytes() / 1_000_000, memory_mb("VmHWM:")?);
        let queries = Queries::new(Arc::clone(&archive), folder.join("spill"))?;
        let tiers = Tiers::new(archive, queries, Arc::new(store));
        let places = || Geolocation::without_databases(&geolocation::Settings::default());
        let history = History::new(Arc::new(Kept::from(tiers)), Arc::new(Current::new(places())));
        let naming = Naming::new(Arc::new(places()), Arc::default(), None);
        // What filling has taken is not the report's.
        std::fs::write("/proc/self/clear_refs", "5")?;
        let before_mb = memory_mb("VmHWM:")?;
        for zone in ["UTC", "Europe/Berlin", "Asia/Kolkata"] {
            let calendar = Calendar::of(zone)?;
            let range = calendar.last_whole(Period::Month, NOW_MS).ok_or("no month")?;
            let hosts = [Section::HomeHosts, Section::OutsideHosts];
            let question = ReportQuestion {
                title: String::new(),
                period: Period::Month,
                range,
                zone: zone.to_owned(),
                filter: String::new(),
                sections: Section::ALL.into_iter().filter(|section| !hosts.contains(section)).collect(),
            };
            let mut quickest = f64::MAX;
            for _ in 0..TIMES {
                let began = Instant::now();
                let report = content::make(&history, &naming, &question, NOW_MS).await?;
                quickest = quickest.min(began.elapsed().as_secs_f64());
                assert!(report.total.now.traffic.flows > 0, "the month has flows");
            }
            let more_mb = memory_mb("VmHWM:")?.saturating_sub(before_mb);
            println!(
                "report of a month in {zone}: {:.0} ms; memory at most {more_mb} MB more",
                quickest * 1e3
            );
        }
        Ok(())
    })
}

async fn fill(store: &Store, millions: u64) -> Outcome<()> {
    let end_ms = NOW_MS.div_euclid(DAY_MS) * DAY_MS;
    let start_ms = end_ms - DAY_MS;
    let mut rows = Rows::new(7, start_ms, millions * 1_000_000)?;
    let (mut position, mut hour_ms) = (0, start_ms);
    while rows.now_ms() < end_ms - 10_000 {
        let mut batch = rows.batch(BATCH_ROWS);
        for flow in batch.flows.iter_mut() {
            let received_ms = &mut flow.record.received_ms;
            *received_ms = received_ms.div_euclid(HOUR_MS) * HOUR_MS;
        }
        store.add(&batch, position);
        position += batch.flows.len() as u64;
        if rows.now_ms() >= hour_ms + HOUR_MS {
            hour_ms = rows.now_ms().div_euclid(HOUR_MS) * HOUR_MS;
            store.commit(rows.now_ms()).await?;
        }
    }
    store.add_collected(TimeRange { from_ms: end_ms - DAYS * DAY_MS, to_ms: NOW_MS });
    store.commit(NOW_MS).await?;
    Ok(())
}

/// Gives every day before it the sums of the last.
async fn repeat(file: &Path) -> Outcome<()> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut database = options.connect().await?;
    sqlx::query(
        "WITH RECURSIVE earlier (days) AS (SELECT 1 UNION ALL SELECT days + 1 FROM earlier WHERE days < ?) \
         INSERT INTO sums (tier, family, start, rows, bytes, block) \
         SELECT tier, family, start - days * 1440, rows, bytes, block FROM sums, earlier WHERE tier IN (2, 3)",
    )
    .bind(DAYS - 1)
    .execute(&mut database)
    .await?;
    database.close().await?;
    Ok(())
}
