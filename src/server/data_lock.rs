//! One process at a time in a data folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Name of the file that is locked. It stays; the lock ends with the process, however that ends.
const FILE: &str = "lock";

/// Holds the data folder until it is dropped.
#[derive(Debug)]
pub struct DataLock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

/// Why the data folder is not held.
#[derive(Debug, Error)]
pub enum LockError {
    /// By another process.
    #[error(
        "{holder} uses the data folder {}: stop it first, or name another folder with --data-dir",
        folder.display()
    )]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The folder cannot be used.
    #[error("cannot use the data folder {}: {source}", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DataLock {
    /// Makes the folder if need be, and holds it.
    pub fn hold(folder: &Path) -> Result<Self, LockError> {
        let unusable = |source| LockError::Unusable { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let is_known = (&file).take(20).read_to_string(&mut process).is_ok();
                let process = process.trim();
                let holder = if is_known && !process.is_empty() {
                    format!("another Meridian (process {process})")
                } else {
                    "another Meridian".to_owned()
                };
                return Err(LockError::Held { folder: folder.to_owned(), holder });
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!(folder = %folder.display(), "this file system has no locks: see to it that no second Meridian uses the data folder");
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // For whoever finds it held; on a full disk it stays empty.
        if let Err(error) =
            file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
        {
            tracing::debug!(%error, "cannot write the process number into the lock file");
        }
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_by_whom_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = DataLock::hold(&data).unwrap();
        let message = DataLock::hold(&data).unwrap_err().to_string();
        assert!(message.starts_with("another Meridian (process "), "{message}");
        assert!(
            message.contains(&std::process::id().to_string()) && message.contains("--data-dir"),
            "{message}"
        );
        drop(first);
        DataLock::hold(&data).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let message = DataLock::hold(&file.join("data")).unwrap_err().to_string();
        assert!(message.starts_with("cannot use the data folder"), "{message}");
    }
}
