//! How long the archive takes to answer.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meridian::model::filter::Filter;
use meridian::model::history::{Dimension, Metric};
use meridian::model::time_range::TimeRange;
use meridian::server::archive::query::{Order, Queries};
use meridian::server::archive::{Archive, Settings};
use meridian::server::history::control::Control;
use meridian::server::history::request::{Most, Request};

use super::Outcome;
use super::rows::Rows;

const START_MS: i64 = 1_795_478_400_000;
const HOUR_MS: i64 = 3_600_000;
const BATCH_ROWS: usize = 1_500;
const FLUSH_ROWS: usize = 150_000;
/// Each question is asked so many times; the quickest answer counts, since others use this machine, too.
const TIMES: usize = 3;

const DIMENSIONS: [&str; 13] = [
    "outside.country",
    "outside.city",
    "outside.as",
    "outside.address",
    "home.address",
    "src.address",
    "outside.network",
    "service",
    "dst.port",
    "protocol",
    "in.interface",
    "exporter",
    "flags",
];

/// A question: its name, filter, dimensions, steps, and whether distinct addresses are wanted.
type Question<'a> = (&'a str, &'a str, &'a [&'static str], Option<i64>, bool);

const QUESTIONS: [Question<'static>; 8] = [
    ("totals", "", &[], None, false),
    ("pairs of addresses", "", &["src.address", "dst.address"], None, false),
    ("countries with distinct addresses", "", &["outside.country"], None, true),
    ("series by protocol in steps of 5 min", "", &["protocol"], Some(300_000), false),
    (
        "series of port 443 and US in steps of 5 min",
        "port = 443 and outside.country = US",
        &[],
        Some(300_000),
        false,
    ),
    (
        "addresses of port 443 and US",
        "port = 443 and outside.country = US",
        &["outside.address"],
        None,
        false,
    ),
    ("cities of DE", "outside.country = DE", &["outside.city"], None, false),
    ("an address that is not there", "address = 203.0.113.77", &["service"], None, false),
];

/// Asks an archive of a day with so many million rows, which is made if the folder has none.
pub fn measure(folder: &Path, millions: usize) -> Outcome<()> {
    let settings = Settings { folder: folder.to_owned(), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let archive = Arc::new(Archive::open(settings, START_MS)?);
    let everything = TimeRange { from_ms: i64::MIN, to_ms: i64::MAX };
    if archive.snapshot(everything).files.is_empty() {
        fill(&archive, millions)?;
    }
    let snapshot = archive.snapshot(everything);
    let in_files: u64 = snapshot.files.iter().map(|file| file.rows).sum();
    let in_tail: usize = snapshot.tail.iter().map(arrow::array::RecordBatch::num_rows).sum();
    println!("{in_files} rows in {} files, {in_tail} in the tail", snapshot.files.len());
    drop(snapshot);
    let queries = Queries::new(archive, folder.join("spill"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(&queries))
}

async fn ask(queries: &Queries) -> Outcome<()> {
    let day = TimeRange { from_ms: START_MS, to_ms: START_MS + 24 * HOUR_MS };
    let hour = TimeRange { from_ms: START_MS + 12 * HOUR_MS, to_ms: START_MS + 13 * HOUR_MS };
    let request = |range, (_, filter, dimensions, step_ms, addresses): Question<'_>| -> Outcome<Request> {
        let most = Most { metric: Metric::Bytes, groups: 20 };
        Ok(Request {
            range,
            filter: filter.parse::<Filter>()?,
            dimensions: dimensions.iter().map(|name| Dimension::parse(name)).collect::<Result<_, _>>()?,
            step_ms,
            addresses,
            most: step_ms.is_none().then_some(most),
        })
    };
    for dimension in DIMENSIONS {
        let question = |range| request(range, ("", "", std::slice::from_ref(&dimension), None, false));
        let (in_hour, _) = group(queries, &question(hour)?).await?;
        let (in_day, groups) = group(queries, &question(day)?).await?;
        say(&format!("top 20 of {dimension}, of {groups} in a day"), &[("hour", in_hour), ("day", in_day)]);
    }
    for question in QUESTIONS {
        let (in_hour, _) = group(queries, &request(hour, question)?).await?;
        let (in_day, groups) = group(queries, &request(day, question)?).await?;
        say(&format!("{}, {groups} groups in a day", question.0), &[("hour", in_hour), ("day", in_day)]);
    }
    for (name, filter) in [("first page of flows", ""), ("first page of port 22", "port = 22")] {
        let filter: Filter = filter.parse()?;
        let mut quickest = Duration::MAX;
        for _ in 0..TIMES {
            let began = Instant::now();
            queries.flows(day, &filter, 100, "", &Control::default()).await?;
            quickest = quickest.min(began.elapsed());
        }
        say(name, &[("day", quickest)]);
    }
    let began = Instant::now();
    let columns = ["src_address", "dst_address", "bytes", "packets", "protocol", "src_city", "dst_city"];
    let mut rows =
        queries.rows(hour, &Filter::ALL, &columns, Order::OldestFirst, &Control::default()).await?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch?.num_rows();
    }
    say(&format!("{count} flows in the order received"), &[("hour", began.elapsed())]);
    Ok(())
}

async fn group(queries: &Queries, request: &Request) -> Outcome<(Duration, u64)> {
    let (mut quickest, mut groups) = (Duration::MAX, 0);
    for _ in 0..TIMES {
        let began = Instant::now();
        groups = queries.group(request, &Control::default()).await?.count;
        quickest = quickest.min(began.elapsed());
    }
    Ok((quickest, groups))
}

fn say(question: &str, times: &[(&str, Duration)]) {
    let times: Vec<_> =
        times.iter().map(|(of, time)| format!("{of} {:.0} ms", time.as_secs_f64() * 1e3)).collect();
    println!("{question}: {}", times.join(", "));
}

fn fill(archive: &Archive, millions: usize) -> Outcome<()> {
    let wanted = millions * 1_000_000;
    let mut rows = Rows::new(7, START_MS, wanted as u64)?;
    let (mut made, mut unflushed) = (0, 0);
    while made < wanted {
        archive.append(&rows.batch(BATCH_ROWS))?;
        (made, unflushed) = (made + BATCH_ROWS, unflushed + BATCH_ROWS);
        if unflushed >= FLUSH_ROWS {
            let position = archive.flush(rows.now_ms())?;
            archive.covered(position)?;
            archive.keep(rows.now_ms(), Instant::now());
            unflushed = 0;
        }
    }
    archive.flush(rows.now_ms())?;
    Ok(())
}
