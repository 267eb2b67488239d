//! Records a second through the archive on one core, bytes a record on disk, memory.

use std::path::Path;
use std::time::Instant;

use arrow::array::RecordBatch;
use meridian::model::flow_record::LocatedFlow;
use meridian::model::time_range::TimeRange;
use meridian::server::archive::{Archive, Settings};
use meridian::server::collector::batch::FlowBatch;

use super::rows::Rows;
use super::{Clock, Outcome, memory_mb};

const START_MS: i64 = 1_795_478_400_000;
/// A day has so many rows: a sealed file each eight minutes at noon.
const ROWS_PER_DAY: u64 = 100_000_000;
const BATCH_ROWS: usize = 1_500;
const FLUSH_ROWS: usize = 150_000;

pub fn measure(folder: &Path, millions: usize) -> Outcome<()> {
    let settings = Settings { folder: folder.to_owned(), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let mut rows = Rows::new(7, START_MS, ROWS_PER_DAY)?;
    let archive = Archive::open(settings, START_MS)?;
    let (mut appended, mut sealed, mut wall) = (0.0, 0.0, 0.0);
    for _ in 0..millions {
        let batches: Vec<FlowBatch> = (0..=(1 << 20) / BATCH_ROWS).map(|_| rows.batch(BATCH_ROWS)).collect();
        let now_ms = rows.now_ms();
        let clock = Clock::start()?;
        let mut unflushed = 0;
        for batch in &batches {
            archive.append(batch)?;
            unflushed += batch.flows.len();
            if unflushed >= FLUSH_ROWS {
                archive.flush(now_ms)?;
                unflushed = 0;
            }
        }
        let position = archive.flush(now_ms)?;
        let (ran, passed) = clock.passed()?;
        appended += ran;
        wall += passed;
        let clock = Clock::start()?;
        archive.covered(position)?;
        archive.keep(now_ms, Instant::now());
        let (ran, passed) = clock.passed()?;
        sealed += ran;
        wall += passed;
    }
    let all = archive.snapshot(TimeRange { from_ms: i64::MIN, to_ms: i64::MAX });
    let in_files: u64 = all.files.iter().map(|file| file.rows).sum();
    let bytes: u64 = all.files.iter().map(|file| file.bytes).sum();
    let total = archive.status().tier.rows as f64;
    println!("rows {total}, in {} files {in_files}", all.files.len());
    println!(
        "append + flush {:.0} rows/s of CPU, seal {:.0} rows/s of CPU",
        total / appended,
        in_files as f64 / sealed
    );
    println!(
        "both on one core {:.0} rows/s of CPU, {:.0} rows/s with waiting for the disk",
        1.0 / (appended / total + sealed / in_files as f64),
        total / wall
    );
    println!("bytes a row on disk {:.2}", bytes as f64 / in_files as f64);
    let own_mb = (1 << 20) * size_of::<LocatedFlow>() / 1_000_000;
    let most_mb = memory_mb("VmHWM:")?;
    println!("memory at most {most_mb} MB, of which the benchmark's own flows {own_mb} MB");
    let clock = Clock::start()?;
    let tail = archive.snapshot(TimeRange { from_ms: i64::MIN, to_ms: i64::MAX }).tail;
    let tail_rows: usize = tail.iter().map(RecordBatch::num_rows).sum();
    println!("tail of {tail_rows} rows as columns in {:.3} s", clock.passed()?.0);
    Ok(())
}
