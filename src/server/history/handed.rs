//! How many flow records the history was handed over, where it survives a killed process.
//!
//! Each worker writes its running count into a small file before it hands a batch over, eight bytes into the page
//! cache. The next start compares that with what the archive holds: what is missing was lost with the process. A
//! machine that loses power loses the last counts, too; then less is counted than was lost.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::server::collector::steering::MAX_WORKERS;

/// Behind it, the rows of the archive when the process began to hand over.
const MAGIC: [u8; 8] = *b"handed-1";
/// Flow records that were lost to errors of the disk.
const LOST: u64 = 16;
/// One count for each worker.
const COUNTS: u64 = 24;
const WORD: usize = 8;

/// The counts of one process, and their file as soon as there is one. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Handed(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    file: OnceLock<File>,
    by_worker: [AtomicU64; MAX_WORKERS],
}

impl Default for Counts {
    fn default() -> Self {
        Self { file: OnceLock::new(), by_worker: [const { AtomicU64::new(0) }; MAX_WORKERS] }
    }
}

/// One worker's count.
#[derive(Debug)]
pub struct HandedByOne {
    counts: Handed,
    worker: usize,
    flows: u64,
    has_failed: bool,
}

impl Handed {
    /// Flow records that the process before this one was handed over and that are not among the `rows` of the archive;
    /// `None` when it left no account.
    pub fn missing(path: &Path, rows: u64) -> io::Result<Option<u64>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut words = bytes.as_chunks::<WORD>().0.iter();
        if words.next() != Some(&MAGIC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no account of flow records"));
        }
        let mut numbers = words.map(|word| u64::from_le_bytes(*word));
        let (base, lost) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let handed = numbers.fold(0_u64, u64::saturating_add);
        Ok(Some(base.saturating_add(handed).saturating_sub(lost).saturating_sub(rows)))
    }

    /// Begins a new account, for an archive with so many rows. What was counted before is in it.
    pub fn begin(&self, path: &Path, rows: u64) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(WORD * (3 + MAX_WORKERS));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&rows.to_le_bytes());
        bytes.resize(WORD * (3 + MAX_WORKERS), 0);
        let temporary = path.with_extension("new");
        fs::write(&temporary, &bytes)?;
        let file = OpenOptions::new().write(true).open(&temporary)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        let file = self.0.file.get_or_init(|| file);
        for (worker, flows) in self.0.by_worker.iter().enumerate() {
            write_count(file, worker, flows.load(Ordering::Relaxed))?;
        }
        Ok(())
    }

    /// The count of a worker.
    pub fn by(&self, worker: usize) -> HandedByOne {
        let worker = worker.min(MAX_WORKERS - 1);
        HandedByOne { counts: self.clone(), worker, flows: 0, has_failed: false }
    }

    /// Writes down that so many flow records were lost to errors of the disk since the start.
    pub fn set_lost(&self, flows: u64) -> io::Result<()> {
        self.0.file.get().map_or(Ok(()), |file| file.write_all_at(&flows.to_le_bytes(), LOST))
    }
}

fn write_count(file: &File, worker: usize, flows: u64) -> io::Result<()> {
    file.write_all_at(&flows.to_le_bytes(), COUNTS + (worker * WORD) as u64)
}

impl HandedByOne {
    /// The count of another worker, in the same file.
    #[must_use]
    pub fn by_another(&self, worker: usize) -> Self {
        self.counts.by(worker)
    }

    /// Flow records counted.
    pub const fn flows(&self) -> u64 {
        self.flows
    }

    /// Counts flow records that are about to be handed over.
    pub fn add(&mut self, flows: u64) {
        self.flows += flows;
        self.write();
    }

    /// Counts flow records less, which found no room.
    pub fn take_back(&mut self, flows: u64) {
        self.flows = self.flows.saturating_sub(flows);
        self.write();
    }

    fn write(&mut self) {
        if let Some(count) = self.counts.0.by_worker.get(self.worker) {
            count.store(self.flows, Ordering::Relaxed);
        }
        let Some(file) = self.counts.0.file.get() else { return };
        if let Err(error) = write_count(file, self.worker, self.flows)
            && !self.has_failed
        {
            self.has_failed = true;
            tracing::warn!(%error, "cannot write down what is handed to the history: after a crash, too little will be counted as lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_over_and_is_not_in_the_archive_is_missing_to_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handed");
        assert_eq!(Handed::missing(&path, 7).unwrap(), None);
        let handed = Handed::default();
        handed.begin(&path, 1_000).unwrap();
        let (mut first, mut last) = (handed.by(0), handed.by(MAX_WORKERS - 1));
        first.add(30);
        last.add(50);
        last.add(10);
        last.take_back(10);
        handed.set_lost(5).unwrap();
        assert_eq!((first.flows(), last.flows()), (30, 50));
        assert_eq!(Handed::missing(&path, 1_060).unwrap(), Some(15));
        assert_eq!(Handed::missing(&path, 1_075).unwrap(), Some(0));
        // The archive of a backup has fewer rows or more; neither makes nonsense.
        assert_eq!(Handed::missing(&path, u64::MAX).unwrap(), Some(0));
        Handed::default().begin(&path, 1_075).unwrap();
        assert_eq!(Handed::missing(&path, 1_075).unwrap(), Some(0));
    }

    #[test]
    fn what_was_counted_before_there_was_a_file_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handed");
        let handed = Handed::default();
        let mut worker = handed.by(3);
        worker.add(20);
        handed.begin(&path, 100).unwrap();
        handed.set_lost(20).unwrap();
        assert_eq!(Handed::missing(&path, 100).unwrap(), Some(0));
        worker.add(7);
        assert_eq!(Handed::missing(&path, 100).unwrap(), Some(7));
    }

    #[test]
    fn a_file_of_something_else_is_an_error_and_a_cut_one_counts_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handed");
        fs::write(&path, b"something").unwrap();
        assert_eq!(Handed::missing(&path, 0).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let handed = Handed::default();
        handed.begin(&path, 3).unwrap();
        handed.by(0).add(4);
        let bytes = fs::read(&path).unwrap();
        for length in 8..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(Handed::missing(&path, 0).unwrap().unwrap() <= 7);
        }
    }
}
