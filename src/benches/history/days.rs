//! Days of flows through the whole history: the recorder's archive and sums, and nfdump's files of the same flows
//! beside them. Then the same questions to both.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use meridian::model::filter::Filter;
use meridian::model::history::{Dimension, HeatmapQuestion, Metric, Sides};
use meridian::model::time_range::TimeRange;
use meridian::server::archive::query::Queries;
use meridian::server::config::Config;
use meridian::server::config::flags::RunFlags;
use meridian::server::geolocation::{Current, Geolocation, Settings};
use meridian::server::history::answers::History;
use meridian::server::history::control::Control;
use meridian::server::history::opening::Kept;
use meridian::server::history::planner::Tiers;
use meridian::server::history::recorder::Recorder;
use meridian::server::history::request::{Most, Request};
use tokio::runtime::Runtime;

use super::nfdump::{Collector, Files};
use super::rows::Rows;
use super::{Clock, Outcome, memory_mb};

const DAYS: u32 = 3;
/// The day and the hour that are asked about.
const ASKED: (u32, u32) = (1, 12);
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const BATCH_ROWS: usize = 1_500;
/// Each question is asked so many times.
const TIMES: usize = 2;
const TICKS: f64 = 100.0;

/// Our dimension, and what nfdump calls it.
const TOPS: [(&str, &str); 15] = [
    ("outside.country", ""),
    ("outside.city", ""),
    ("outside.as", ""),
    ("outside.address", ""),
    ("home.address", ""),
    ("outside.network", ""),
    ("service", ""),
    ("src.address", "srcip"),
    ("dst.address", "dstip"),
    ("src.as", "srcas"),
    ("dst.port", "dstport"),
    ("protocol", "proto"),
    ("in.interface", "inif"),
    ("flags", ""),
    ("exporter", ""),
];
/// Our filter, dimension and steps; nfdump's filter and statistics.
const FILTERED: [(&str, &str, Option<i64>, &str, &str); 4] = [
    ("port = 443 and protocol = 6", "protocol", Some(300_000), "port 443 and proto tcp", "proto"),
    ("port = 443 and outside.country = US", "protocol", Some(300_000), "", ""),
    ("port = 22", "src.address", None, "port 22", "srcip"),
    ("address = 203.0.113.77", "dst.port", None, "ip 203.0.113.77", "dstport"),
];

pub fn measure(folder: &Path, millions: usize) -> Outcome<()> {
    let today = i64::try_from(UNIX_EPOCH.elapsed()?.as_millis())?.div_euclid(DAY_MS) * DAY_MS;
    let mut start_ms = today - i64::from(DAYS) * DAY_MS;
    let marker = folder.join("start");
    let is_made = marker.exists();
    if is_made {
        start_ms = std::fs::read_to_string(&marker)?.trim().parse()?;
    }
    let config = config(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if !is_made {
        fill(&config, &runtime, folder, start_ms, millions)?;
        std::fs::write(&marker, start_ms.to_string())?;
    }
    ask(&config, &runtime, folder, start_ms)
}

fn config(folder: &Path) -> Outcome<Config> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join("meridian.toml");
    std::fs::write(
        &file,
        "[history]\narchive_keep_days = 3650\narchive_keep_bytes = \"1T\"\nminutes_keep_days = 3650\n",
    )?;
    let flags = RunFlags { config: Some(file), data_dir: Some(folder.join("data")), ..RunFlags::default() };
    Ok(Config::load(&flags)?)
}

/// Processor time of the whole process and of those that it has started and that have ended, seconds.
fn processor_s() -> Outcome<[f64; 2]> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).ok_or("no processor time").map(|text| text.parse::<f64>());
    Ok([(ticks(11)?? + ticks(12)??) / TICKS, (ticks(13)?? + ticks(14)??) / TICKS])
}

/// What an answer takes.
#[derive(Clone, Copy)]
struct Took {
    /// The quickest, as others use this machine, too.
    passed: Duration,
    /// Milliseconds of processor time, on average.
    ran_ms: f64,
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} ms ({:.0} of CPU)", self.passed.as_secs_f64() * 1e3, self.ran_ms)
    }
}

async fn took<T>(whose: usize, mut ask: impl AsyncFnMut() -> Outcome<T>) -> Outcome<(Took, T)> {
    let (began_s, mut quickest, mut last) = (processor_s()?, Duration::MAX, None);
    for _ in 0..TIMES {
        let began = Instant::now();
        last = Some(ask().await?);
        quickest = quickest.min(began.elapsed());
    }
    let ran_ms = (processor_s()?[whose] - began_s[whose]) * 1e3 / TIMES as f64;
    Ok((Took { passed: quickest, ran_ms }, last.ok_or("never asked")?))
}

fn fill(config: &Config, runtime: &Runtime, folder: &Path, start_ms: i64, millions: usize) -> Outcome<()> {
    let wanted = millions * 1_000_000;
    let mut rows = Rows::new(7, start_ms, wanted as u64 / u64::from(DAYS))?;
    let end_ms = start_ms + i64::from(DAYS) * DAY_MS;
    let mut nfcapd = Collector::new(folder.join("nfdump"), start_ms)?;
    let mut recorder = Recorder::open(config, runtime.handle().clone())?;
    let (mut made, mut own_s, began_s, began) = (0_u64, 0.0, processor_s()?[0], Instant::now());
    // No flow is received in the next day: a batch is at most a few seconds.
    while rows.now_ms() < end_ms - 10_000 {
        let clock = Clock::start()?;
        let batch = rows.batch(BATCH_ROWS);
        if let Some(nfcapd) = &mut nfcapd {
            nfcapd.send(&batch)?;
        }
        own_s += clock.passed()?.0;
        made += batch.flows.len() as u64;
        recorder.record(&batch);
        recorder.keep_up();
    }
    if let Some(nfcapd) = &mut nfcapd {
        nfcapd.finish()?;
        println!("datagrams that nfcapd lost: {}", nfcapd.dropped);
    }
    let status = recorder.archive().status();
    let finished = recorder.finish();
    let spent_s = processor_s()?[0] - began_s - own_s;
    println!(
        "{made} flows of {DAYS} days in {:.0} s, lost {}, trouble {:?}",
        began.elapsed().as_secs_f64(),
        status.lost,
        finished.trouble
    );
    println!(
        "stored with sums: {:.0} flows/s of CPU; memory at most {} MB",
        made as f64 / spent_s,
        memory_mb("VmHWM:")?
    );
    Ok(())
}

fn ask(config: &Config, runtime: &Runtime, folder: &Path, start_ms: i64) -> Outcome<()> {
    let recorder = Recorder::open(config, runtime.handle().clone())?;
    let (archive, store) = (Arc::clone(recorder.archive()), Arc::clone(recorder.store()));
    // What waits in the log of the last process becomes a file.
    archive.keep(start_ms + i64::from(DAYS) * DAY_MS, Instant::now());
    let all = archive.snapshot(TimeRange { from_ms: i64::MIN, to_ms: i64::MAX });
    let in_files: u64 = all.files.iter().map(|file| file.rows).sum();
    let bytes: u64 = all.files.iter().map(|file| file.bytes).sum();
    let nfdump = Files::of(&folder.join("nfdump"));
    println!(
        "archive: {in_files} flows in {} files, {:.2} bytes each",
        all.files.len(),
        bytes as f64 / in_files as f64
    );
    println!("sums: {} MB", store.file_bytes() / 1_000_000);
    if let Some(nfdump) = &nfdump {
        let flows = (0..DAYS).map(|day| nfdump.flows(day)).sum::<Outcome<u64>>()?;
        println!("nfdump: {flows} flows, {:.2} bytes each with LZ4", nfdump.bytes()? as f64 / flows as f64);
    }
    let queries = Queries::new(Arc::clone(&archive), folder.join("spill"))?;
    runtime.block_on(tops(&queries, nfdump.as_ref(), start_ms))?;
    let tiers = Tiers::new(archive, queries, store);
    let places = Current::new(Geolocation::without_databases(&Settings::default()));
    let history = History::new(Arc::new(Kept::from(tiers)), Arc::new(places));
    runtime.block_on(heatmaps(&history, start_ms))
}

async fn heatmaps(history: &History, start_ms: i64) -> Outcome<()> {
    let end_ms = start_ms + i64::from(DAYS) * DAY_MS;
    for (name, from_ms, to_ms) in [
        ("month", end_ms - 31 * DAY_MS, end_ms),
        ("day", end_ms - DAY_MS, end_ms),
        ("day and a half", end_ms - 36 * HOUR_MS, end_ms),
        ("hour", end_ms - HOUR_MS, end_ms),
    ] {
        for addresses in [false, true] {
            let range = TimeRange { from_ms, to_ms };
            let question =
                HeatmapQuestion { range, filter: String::new(), sides: Sides::Both, addresses, places: 0 };
            let (took, heatmap) = took(0, async || Ok(history.heatmap(&question, 0).await?)).await?;
            let what = if addresses { "with distinct addresses" } else { "flows, bytes, packets" };
            println!(
                "heatmap of the {name}, {what}: {took}, {} countries, from {:?}",
                heatmap.countries.len(),
                heatmap.source.tiers
            );
        }
    }
    Ok(())
}

async fn tops(queries: &Queries, nfdump: Option<&Files>, start_ms: i64) -> Outcome<()> {
    let (day, hour) = ASKED;
    let day_ms = start_ms + i64::from(day) * DAY_MS;
    let hour_ms = day_ms + i64::from(hour) * HOUR_MS;
    let ranges = [
        (
            "hour",
            TimeRange { from_ms: hour_ms, to_ms: hour_ms + HOUR_MS },
            nfdump.map(|files| files.hour(day, hour)),
        ),
        ("day", TimeRange { from_ms: day_ms, to_ms: day_ms + DAY_MS }, nfdump.map(|files| files.day(day))),
    ];
    let questions = TOPS.iter().map(|(ours, theirs)| ("", *ours, None, "", *theirs));
    for (filter, dimension, step_ms, their_filter, element) in questions.chain(FILTERED) {
        let mut line = format!("{dimension}{}{filter}:", if filter.is_empty() { "" } else { " of " });
        for (name, range, files) in &ranges {
            let most = Most { metric: Metric::Bytes, groups: 20 };
            let request = Request {
                range: *range,
                filter: filter.parse::<Filter>()?,
                dimensions: vec![Dimension::parse(dimension)?],
                step_ms,
                addresses: false,
                most: step_ms.is_none().then_some(most),
            };
            let (ours, _) = took(0, async || Ok(queries.group(&request, &Control::default()).await?)).await?;
            write!(line, " {name} {ours}")?;
            if let (Some(_), Some(files), false) = (nfdump, files, element.is_empty()) {
                let statistics = format!("{element}/bytes");
                let mut question = vec!["-q", "-n", "20", "-s", &statistics];
                if !their_filter.is_empty() {
                    question.push(their_filter);
                }
                let (theirs, _) = took(1, async || Files::run(files, &question)).await?;
                write!(line, ", nfdump {theirs}, {:.1} times;", theirs.ran_ms / ours.ran_ms)?;
            }
        }
        println!("{line}");
    }
    for (filter, theirs) in [("", "any"), ("port = 22", "port 22")] {
        let mut line = format!("list of 100 flows {filter}:");
        for (name, range, files) in &ranges {
            let passes = filter.parse::<Filter>()?;
            let (ours, _) =
                took(0, async || Ok(queries.flows(*range, &passes, 100, "", &Control::default()).await?))
                    .await?;
            write!(line, " {name} {ours}")?;
            if let (Some(_), Some(files)) = (nfdump, files) {
                let (first, _) = took(1, async || Files::run(files, &["-q", "-c", "100", theirs])).await?;
                write!(line, ", nfdump's first in the file {first};")?;
            }
        }
        println!("{line}");
    }
    Ok(())
}
