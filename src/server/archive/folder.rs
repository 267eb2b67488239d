//! The folder of the archive: what its files are called, and what is found in it at the start.
//!
//! ```text
//! date=2026-11-23/hour=17/00000000000001048576-1048576-1795540800000-1795541101234.parquet
//!                         first position, rows, oldest and newest receive time (ms)
//! tail/00000000000002097152.log
//!      first position
//! ```
//!
//! A sealed file holds all positions from its first one on, as many as it has rows. One whose positions are all in
//! a larger file has been replaced by that; so a crash between the two leaves nothing twice.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::snapshot::ArchiveFile;
use crate::model::time_range::TimeRange;

/// Length of an hour, milliseconds.
pub(super) const HOUR_MS: i64 = 3_600_000;
/// The folder of the row log.
const TAIL: &str = "tail";
/// Ending of what is being written.
const NEW: &str = "new";
/// Ending of what cannot be used.
const DAMAGED: &str = "damaged";

/// The folder of an hour, below the archive's.
pub(super) fn hour_folder(root: &Path, moment_ms: i64) -> PathBuf {
    let fallback = if moment_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let moment = Timestamp::from_millisecond(moment_ms).unwrap_or(fallback).to_zoned(TimeZone::UTC);
    root.join(moment.strftime("date=%Y-%m-%d").to_string()).join(moment.strftime("hour=%H").to_string())
}

/// The name of a sealed file.
pub(super) fn sealed_name(first_position: u64, rows: u64, range: TimeRange) -> String {
    format!("{first_position:020}-{rows}-{}-{}.parquet", range.from_ms, range.to_ms.saturating_sub(1))
}

/// Where a file is written before it gets its name.
pub(super) fn new_path(path: &Path) -> PathBuf {
    path.with_extension(NEW)
}

/// The folder of the row log.
pub(super) fn tail_folder(root: &Path) -> PathBuf {
    root.join(TAIL)
}

/// The path of a log file.
pub(super) fn log_path(root: &Path, first_position: u64) -> PathBuf {
    tail_folder(root).join(format!("{first_position:020}.log"))
}

/// A log file that was found.
#[derive(Clone, Debug)]
pub(super) struct FoundLog {
    pub path: PathBuf,
    pub first_position: u64,
}

/// A file that cannot be used.
#[derive(Clone, Debug)]
pub(super) struct DamagedFile {
    pub path: PathBuf,
    pub range: TimeRange,
}

/// What is in the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whole files, by position, none in another.
    pub files: Vec<Arc<ArchiveFile>>,
    pub damaged: Vec<DamagedFile>,
    /// By position.
    pub logs: Vec<FoundLog>,
}

/// Looks what there is: removes what was being written, sets aside what is no whole file, and removes files that a
/// larger one has replaced.
pub(super) fn scan(root: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    fs::create_dir_all(tail_folder(root))?;
    for date in folders(root, "date=")? {
        for hour in folders(&date, "hour=")? {
            for entry in fs::read_dir(&hour)? {
                found.take(&entry?.path())?;
            }
            remove_if_empty(&hour);
        }
    }
    for entry in fs::read_dir(tail_folder(root))? {
        let path = entry?.path();
        let position = path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
        if let (Some("log"), Some(first_position)) = (extension(&path), position) {
            found.logs.push(FoundLog { path, first_position });
        }
    }
    found.logs.sort_by_key(|log| log.first_position);
    found.files.sort_by_key(|file| (file.first_position, std::cmp::Reverse(file.rows)));
    let mut covered = 0;
    found.files.retain(|file| {
        let is_replaced = file.end_position() <= covered;
        if is_replaced {
            file.give_up();
        }
        covered = covered.max(file.end_position());
        !is_replaced
    });
    Ok(found)
}

impl Found {
    fn take(&mut self, path: &Path) -> io::Result<()> {
        match extension(path) {
            Some(NEW) => fs::remove_file(path)?,
            Some(DAMAGED) => self
                .damaged
                .extend(named(path).map(|(_, _, range)| DamagedFile { path: path.to_owned(), range })),
            Some("parquet") => {
                // A file that somebody else put there is not ours to judge.
                let Some((first_position, rows, range)) = named(path) else { return Ok(()) };
                match whole_size(path)? {
                    Some(bytes) => {
                        let file = ArchiveFile::new(path.to_owned(), range, rows, first_position, bytes);
                        self.files.push(Arc::new(file));
                    }
                    None => self.damaged.push(DamagedFile { path: set_aside(path)?, range }),
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(OsStr::to_str)
}

/// First position, rows and range, as the name says.
fn named(path: &Path) -> Option<(u64, u64, TimeRange)> {
    let stem = path.file_stem()?.to_str()?;
    let (position, rest) = stem.split_once('-')?;
    let (rows, times) = rest.split_once('-')?;
    // The oldest time may begin with a minus of its own.
    let split = times.char_indices().skip(1).find(|(_, letter)| *letter == '-')?.0;
    let (oldest, newest) = (times.get(..split)?, times.get(split + 1..)?);
    let range = super::segment::range_between(oldest.parse().ok()?, newest.parse().ok()?);
    let (position, rows): (u64, u64) = (position.parse().ok()?, rows.parse().ok()?);
    (rows > 0 && position.checked_add(rows).is_some()).then_some((position, rows, range))
}

/// The size of a Parquet file that has its beginning and its end; `None` if it has not.
fn whole_size(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let (mut begin, mut end) = ([0; 4], [0; 8]);
    if bytes < 12 {
        return Ok(None);
    }
    file.read_exact(&mut begin)?;
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut end)?;
    let [a, b, c, d, magic @ ..] = end;
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok((begin == *b"PAR1" && magic == *b"PAR1" && footer + 12 <= bytes).then_some(bytes))
}

/// Renames a damaged file so that nobody reads it; its new path.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension(DAMAGED);
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Syncs the entries of the folder that a path is in.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Makes the folder of an hour, so that it is still there after a crash.
pub(super) fn create_hour_folder(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    sync_folder_of(folder)?;
    folder.parent().map_or(Ok(()), sync_folder_of)?;
    File::open(root)?.sync_all()
}

/// Removes the folders of an hour and of its day if nothing is in them.
pub(super) fn remove_if_empty(hour: &Path) {
    // Another file in it is what keeps it: that is no fault.
    if fs::remove_dir(hour).is_ok()
        && let Some(date) = hour.parent()
    {
        drop(fs::remove_dir(date));
    }
}

fn folders(root: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix))
            && entry.file_type()?.is_dir()
        {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
