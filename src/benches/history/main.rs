//! The history measured: what writing costs, and how long questions take.
//!
//! `cargo bench --bench history -- write|queries|days|report [MILLIONS [FOLDER]]`

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures of a benchmark, and drawn numbers"
)]

use std::path::Path;
use std::time::Instant;

mod days;
mod nfdump;
mod queries;
mod report;
mod rows;
mod write;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let millions = arguments.get(1).map_or(Ok(5), |text| text.parse())?;
    let measure = match arguments.first().map(String::as_str) {
        None | Some("write") => write::measure,
        Some("queries") => queries::measure,
        Some("days") => days::measure,
        Some("report") => report::measure,
        Some(part) => {
            return Err(
                format!("there is no part {part}: the parts are write, queries, days and report").into()
            );
        }
    };
    match arguments.get(2) {
        Some(folder) => measure(Path::new(folder), millions),
        None => measure(tempfile::tempdir()?.path(), millions),
    }
}

/// Seconds that this thread has run, which other programs do not lengthen; and seconds that have passed.
pub struct Clock {
    ran_s: f64,
    began: Instant,
}

impl Clock {
    pub fn start() -> Outcome<Self> {
        Ok(Self { ran_s: ran_s()?, began: Instant::now() })
    }

    pub fn passed(&self) -> Outcome<(f64, f64)> {
        Ok((ran_s()? - self.ran_s, self.began.elapsed().as_secs_f64()))
    }
}

fn ran_s() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let ran_ns: u64 = text.split_whitespace().next().ok_or("no figures of this thread")?.parse()?;
    Ok(ran_ns as f64 / 1e9)
}

/// A line of `/proc/self/status`, in MB.
pub fn memory_mb(line: &str) -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let kib = text
        .lines()
        .find_map(|found| found.strip_prefix(line)?.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.ok_or("no such line")? * 1_024 / 1_000_000)
}
