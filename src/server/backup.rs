//! `meridian backup`: a copy of the history that a Meridian can start with, made while another one runs or not.
//!
//! First the sums, then the tail, then the sealed files, which never change and are linked where that is possible. What
//! moves on meanwhile moves that way, too: from the tail into a sealed file, from there into a larger one. So the copy
//! has every flow record of the moment it began, some twice, and the start with it reads each once, by its position,
//! and catches up the sums.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::config::Config;
use super::store;

/// What else of the data folder is worth keeping: where home is, what exporters said of themselves.
const SMALL_FILES: [&str; 2] = ["home.json", "collector-state"];
/// More rounds than files can be replaced in while one round lasts.
const MOST_ROUNDS: usize = 100;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files of the archive, sealed and not.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Sealed files that are shared with the data folder instead of copied.
    pub linked: u64,
}

/// Copies the history of a data folder into a new folder.
pub async fn backup(config: &Config, target: &Path) -> anyhow::Result<Copied> {
    let source = &config.data_dir;
    if !source.is_dir() {
        bail!("there is no data folder {}: name it with --data-dir", source.display());
    }
    fs::create_dir_all(target).with_context(|| format!("cannot make the folder {}", target.display()))?;
    if fs::read_dir(target)?.next().is_some() {
        bail!("{} is not empty: name a new folder for each backup", target.display());
    }
    if source.join(store::FILE_NAME).exists() {
        store::backup(source, &target.join(store::FILE_NAME)).await?;
    }
    for name in SMALL_FILES {
        let copied = copy(&source.join(name), &target.join(name));
        copied.with_context(|| format!("cannot copy {name}"))?;
    }
    let copied = copy_archive(&config.archive_folder(), &target.join("archive"));
    copied.with_context(|| format!("cannot copy the flow records to {}", target.display()))
}

/// Copies the archive of one folder into another.
pub(super) fn copy_archive(source: &Path, target: &Path) -> io::Result<Copied> {
    let mut copied = Copied::default();
    for tail in files(&source.join("tail"), "log")? {
        let to = target.join("tail").join(tail.file_name().unwrap_or_default());
        if let Some(bytes) = copy(&tail, &to)? {
            copied.files += 1;
            copied.bytes += bytes;
        }
    }
    let mut known = HashSet::new();
    for _ in 0..MOST_ROUNDS {
        let mut has_vanished = false;
        for file in sealed_files(source)? {
            let Ok(name) = file.strip_prefix(source) else { continue };
            if !known.insert(name.to_owned()) {
                continue;
            }
            match link(&file, &target.join(name))? {
                Some((bytes, is_linked)) => {
                    copied.files += 1;
                    copied.bytes += bytes;
                    copied.linked += u64::from(is_linked);
                }
                // Expired, or put into a larger file, which is there by now.
                None => has_vanished = true,
            }
        }
        if !has_vanished {
            break;
        }
    }
    if target.is_dir() {
        sync_folders(target)?;
    }
    Ok(copied)
}

fn sealed_files(archive: &Path) -> io::Result<Vec<PathBuf>> {
    let mut sealed = Vec::new();
    for date in folders(archive)? {
        for hour in folders(&date)? {
            sealed.extend(files(&hour, "parquet")?);
        }
    }
    Ok(sealed)
}

/// The entries of a folder; none if there is no such folder (any more).
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_partition = |path: &PathBuf| {
        path.is_dir() && path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.contains('='))
    };
    Ok(entries(folder)?.into_iter().filter(is_partition).collect())
}

fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let has_extension = |path: &PathBuf| path.extension().and_then(OsStr::to_str) == Some(extension);
    Ok(entries(folder)?.into_iter().filter(has_extension).collect())
}

/// Links a file that never changes, or copies it where links are not possible; its bytes and whether it is linked.
/// `None` when it is gone.
fn link(from: &Path, to: &Path) -> io::Result<Option<(u64, bool)>> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(Some((fs::metadata(to)?.len(), true))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Ok(copy(from, to)?.map(|bytes| (bytes, false))),
    }
}

/// Copies a file and syncs it; its bytes. `None` when there is none.
fn copy(from: &Path, to: &Path) -> io::Result<Option<u64>> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut target = File::create_new(to)?;
    let bytes = io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    Ok(Some(bytes))
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in entries(folder)? {
        if entry.is_dir() {
            sync_folders(&entry)?;
        }
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_files_and_the_tail_are_copied_and_what_is_not_finished_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("archive"), folder.path().join("copy"));
        let hour = source.join("date=2026-11-23").join("hour=17");
        fs::create_dir_all(&hour).unwrap();
        fs::create_dir_all(source.join("tail")).unwrap();
        for (path, content) in [
            (hour.join("1.parquet"), "sealed"),
            (hour.join("2.new"), "not finished"),
            (hour.join("3.damaged"), "damaged"),
            (source.join("tail").join("9.log"), "tail"),
        ] {
            fs::write(path, content).unwrap();
        }
        let copied = copy_archive(&source, &target).unwrap();
        assert_eq!(copied, Copied { files: 2, bytes: 10, linked: 1 });
        let copy_of_hour = target.join("date=2026-11-23").join("hour=17");
        assert_eq!(fs::read_to_string(copy_of_hour.join("1.parquet")).unwrap(), "sealed");
        assert_eq!(entries(&copy_of_hour).unwrap().len(), 1);
        // The tail goes on; its copy does not.
        fs::write(source.join("tail").join("9.log"), "tail and more").unwrap();
        assert_eq!(fs::read_to_string(target.join("tail").join("9.log")).unwrap(), "tail");
        assert_eq!(
            copy_archive(&folder.path().join("none"), &folder.path().join("other")).unwrap(),
            Copied::default()
        );
    }
}
