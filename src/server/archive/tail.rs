//! Rows that are in no file yet, as columns, kept while people ask.
//!
//! Making columns of a chunk takes some ten milliseconds, and a chunk that is full never changes: so the next question
//! finds it made. At most [`MOST_CHUNKS`] are kept, of rows that are not sealed, until nobody has asked for a while.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use super::columns::Texts;
use super::row_log::{Frame, Rows};
use super::sealed::FileError;
use super::segment::CHUNK_ROWS;

/// About 11 MB each.
const MOST_CHUNKS: usize = 16;
/// Without a question for so long they are forgotten.
const KEPT: Duration = Duration::from_secs(30);

/// Columns of full chunks.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// With the position of the first row.
    chunks: Vec<(u64, RecordBatch)>,
    asked: Option<Instant>,
}

impl Tail {
    /// The rows of a chunk, or of as much as there is of it.
    pub(super) fn batch(&mut self, chunk: &[Frame]) -> Result<RecordBatch, FileError> {
        let first = chunk.first().map_or(0, |frame| frame.first_position);
        let is_full = chunk.iter().map(|frame| u64::from(frame.rows)).sum::<u64>() >= CHUNK_ROWS;
        self.asked = Some(Instant::now());
        if let Some((_, batch)) = self.chunks.iter().find(|(position, _)| is_full && *position == first) {
            return Ok(batch.clone());
        }
        let rows = Rows::of(chunk).map_err(|_| FileError::Rows)?;
        let batch = Texts::new(&rows.legend).batch(&rows.rows, &rows.legend)?;
        if is_full && self.chunks.len() < MOST_CHUNKS {
            self.chunks.push((first, batch.clone()));
        }
        Ok(batch)
    }

    /// Forgets rows before a position, which are sealed, and all when nobody asks any more.
    pub(super) fn forget(&mut self, before: u64, at: Instant) {
        if self.asked.is_some_and(|asked| at.saturating_duration_since(asked) >= KEPT) {
            *self = Self::default();
        }
        self.chunks.retain(|(position, _)| *position >= before);
    }

    #[cfg(test)]
    pub(super) const fn kept(&self) -> usize {
        self.chunks.len()
    }
}
