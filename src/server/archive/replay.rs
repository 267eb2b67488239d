//! Reads rows again in the order of their positions, for those who count them elsewhere and fell behind.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use super::columns::{self, Texts};
use super::row_log::{self, Frame, Rows};
use super::sealed::{self, FileError};
use super::segment::Segment;
use super::snapshot::ArchiveFile;
use super::state::State;
use crate::model::history::StoredFlow;

/// Flows in a row.
#[derive(Debug)]
pub struct ReplayedFlows {
    /// The flows.
    pub flows: Vec<StoredFlow>,
    /// When these and all before them are counted, everything before this position is; `None` in the middle of a
    /// sealed file, which is not in the order of positions.
    pub end_position: Option<u64>,
}

/// Flows from a position on.
#[derive(Debug)]
pub struct Replay {
    parts: VecDeque<Part>,
    /// The file that is being read, and where it ends.
    open: Option<(OpenFile, u64)>,
    /// How many flows cannot be told from those before the position: they are in one sealed file, and the log that
    /// had their order is gone.
    pub skipped: u64,
}

#[derive(Debug)]
enum Part {
    Log { file: File, first_position: u64, from: u64 },
    Sealed(Arc<ArchiveFile>),
    Frames { chunk: Vec<Frame>, from: u64 },
}

struct OpenFile(Box<dyn Iterator<Item = Result<arrow::array::RecordBatch, arrow::error::ArrowError>> + Send>);

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OpenFile")
    }
}

impl Replay {
    /// Everything from a position on that is there at this moment.
    pub(super) fn new(state: &State, mut position: u64) -> Self {
        let mut replay = Self { parts: VecDeque::new(), open: None, skipped: 0 };
        loop {
            let holds = |first: u64, end: u64| first <= position && position < end;
            let log = state.sealed_logs.iter().find(|log| holds(log.first_position, log.end_position));
            if let Some((log, file)) = log.and_then(|log| Some((log, File::open(&log.path).ok()?))) {
                let (first_position, from) = (log.first_position, position);
                replay.parts.push_back(Part::Log { file, first_position, from });
                position = log.end_position;
                continue;
            }
            if let Some(file) =
                state.files.iter().find(|file| holds(file.first_position, file.end_position()))
            {
                if file.first_position == position {
                    replay.parts.push_back(Part::Sealed(Arc::clone(file)));
                } else {
                    replay.skipped += file.end_position() - position;
                }
                position = file.end_position();
                continue;
            }
            // What lies between was kept once and has expired.
            let sealed = state.files.iter().map(|file| file.first_position);
            let Some(next) = sealed.filter(|first| *first > position).min() else { break };
            position = next;
        }
        let segments = state.waiting.iter().map(AsRef::as_ref).chain([&state.active.segment]);
        for chunk in segments.flat_map(Segment::chunks) {
            if chunk.last().is_some_and(|last| last.end_position() > position) {
                replay.parts.push_back(Part::Frames { chunk: chunk.to_vec(), from: position });
            }
        }
        replay
    }

    fn step(&mut self) -> Result<Option<ReplayedFlows>, FileError> {
        if let Some((open, end)) = &mut self.open {
            if let Some(batch) = open.0.next() {
                let flows = columns::stored_flows(&batch?)?;
                return Ok(Some(ReplayedFlows { flows, end_position: None }));
            }
            let end_position = Some(*end);
            self.open = None;
            return Ok(Some(ReplayedFlows { flows: Vec::new(), end_position }));
        }
        match self.parts.pop_front() {
            None => Ok(None),
            Some(Part::Sealed(file)) => {
                let batches = sealed::read(&file.path)?;
                let end = file.end_position();
                // Held as long as it is read.
                let batches = batches.inspect(move |_| drop(Arc::clone(&file)));
                self.open = Some((OpenFile(Box::new(batches)), end));
                self.step()
            }
            Some(Part::Log { file, first_position, from }) => {
                let log = row_log::read_file(file, first_position)?;
                let chunks = log.frames.chunk_by(|_, next| !next.begins_chunk).rev();
                for chunk in chunks {
                    if chunk.last().is_some_and(|last| last.end_position() > from) {
                        self.parts.push_front(Part::Frames { chunk: chunk.to_vec(), from });
                    }
                }
                self.step()
            }
            Some(Part::Frames { chunk, from }) => {
                let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return self.step() };
                let rows = Rows::of(&chunk).map_err(|_| FileError::Rows)?;
                let before = usize::try_from(from.saturating_sub(first.first_position)).unwrap_or(usize::MAX);
                let wanted = rows.rows.get(before..).unwrap_or_default();
                let batch = Texts::new(&rows.legend).batch(wanted, &rows.legend)?;
                let flows = columns::stored_flows(&batch)?;
                Ok(Some(ReplayedFlows { flows, end_position: Some(last.end_position()) }))
            }
        }
    }
}

impl Iterator for Replay {
    type Item = Result<ReplayedFlows, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
