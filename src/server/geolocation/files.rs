//! The configured database files: which there are, which are in use, and what is wrong with the others.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::database::{DatabaseError, DatabaseFile, Fingerprint, has_extension};

/// One configured file as it was found.
#[derive(Clone, Debug)]
struct Slot {
    path: PathBuf,
    /// What the file was when it was tried; `None` when it was not there.
    tried: Option<Fingerprint>,
    in_use: Option<Arc<DatabaseFile>>,
    problem: Option<String>,
}

/// The configured database files, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    slots: Vec<Slot>,
}

impl Files {
    /// Loads every file of the settings.
    pub(super) fn load(databases: &[PathBuf]) -> Self {
        Self::default().refreshed(databases).unwrap_or_default()
    }

    /// The files as they are now, with those that did not change taken over; `None` when none changed.
    ///
    /// A changed file that cannot be used leaves the earlier one in use.
    pub(super) fn refreshed(&self, databases: &[PathBuf]) -> Option<Self> {
        let paths: Vec<PathBuf> = databases.iter().flat_map(|path| expanded(path)).collect();
        let earlier = |path: &Path| self.slots.iter().find(|slot| slot.path == path);
        let is_same = paths.len() == self.slots.len()
            && paths
                .iter()
                .zip(&self.slots)
                .all(|(path, slot)| slot.path == *path && slot.tried == Fingerprint::of(path).ok());
        if is_same {
            return None;
        }
        Some(Self { slots: paths.into_iter().map(|path| refreshed(earlier(&path), path)).collect() })
    }

    /// The files in use.
    pub(super) fn in_use(&self) -> impl Iterator<Item = &DatabaseFile> {
        self.slots.iter().filter_map(|slot| slot.in_use.as_deref())
    }

    /// What is wrong, as sentences for people.
    pub(super) fn problems(&self) -> Vec<String> {
        self.slots.iter().filter_map(|slot| slot.problem.clone()).collect()
    }
}

fn refreshed(earlier: Option<&Slot>, path: PathBuf) -> Slot {
    let now = Fingerprint::of(&path).ok();
    if let Some(slot) = earlier.filter(|slot| slot.tried == now) {
        return slot.clone();
    }
    let begin = Instant::now();
    match DatabaseFile::load(&path) {
        Ok(file) => {
            tracing::info!(
                file = %path.display(),
                kind = ?file.description.kind,
                ranges = file.description.ranges,
                mebibytes = file.bytes() >> 20,
                milliseconds = begin.elapsed().as_millis(),
                "geolocation database loaded"
            );
            Slot { path, tried: Some(file.fingerprint), in_use: Some(Arc::new(file)), problem: None }
        }
        Err(error) => {
            let kept = earlier.and_then(|slot| slot.in_use.clone());
            let problem = sentence(&path, &error, kept.is_some());
            tracing::warn!(file = %path.display(), "{problem}");
            Slot { path, tried: now, in_use: kept, problem: Some(problem) }
        }
    }
}

fn sentence(path: &Path, error: &DatabaseError, keeps_earlier: bool) -> String {
    let cause = error.source().map_or_else(String::new, |cause| format!(" ({cause})"));
    let consequence = if keeps_earlier { "; the one loaded before stays in use" } else { "" };
    format!("Geolocation database {} is not used: {error}{cause}{consequence}.", path.display())
}

/// A folder's database files in the order of their names; anything else is itself.
fn expanded(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| has_extension(path, "mmdb") || has_extension(path, "csv"))
        .collect();
    files.sort();
    files
}
