//! The rows of one log file, in memory as they are on disk.

use std::net::IpAddr;

use super::row::{Row, RowMaker};
use super::row_log::{DamagedFrame, Frame};
use crate::model::flow_record::LocatedFlow;
use crate::model::time_range::TimeRange;
use crate::server::collector::batch::FlowBatch;

/// Rows of one frame.
const FRAME_ROWS: usize = 4_096;
/// A chunk ends with the frame that reaches so many rows.
pub(super) const CHUNK_ROWS: u64 = 65_536;

/// Frames in a row.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub first_position: u64,
    pub frames: Vec<Frame>,
}

impl Segment {
    pub(super) const fn new(first_position: u64) -> Self {
        Self { first_position, frames: Vec::new() }
    }

    /// The position after the last row.
    pub(super) fn end_position(&self) -> u64 {
        self.frames.last().map_or(self.first_position, Frame::end_position)
    }

    pub(super) fn rows(&self) -> u64 {
        self.end_position() - self.first_position
    }

    /// From the oldest to the newest receive time; `None` without rows.
    pub(super) fn range(&self) -> Option<TimeRange> {
        range_of(&self.frames)
    }

    /// Its chunks, each of which can be read by itself.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &[Frame]> {
        self.frames.chunk_by(|_, next| !next.begins_chunk)
    }
}

/// From the oldest to the newest receive time of frames.
pub(super) fn range_of(frames: &[Frame]) -> Option<TimeRange> {
    let oldest = frames.iter().map(|frame| frame.oldest_ms).min()?;
    let newest = frames.iter().map(|frame| frame.newest_ms).max()?;
    Some(range_between(oldest, newest))
}

/// The range that has both moments in it.
pub(super) fn range_between(oldest_ms: i64, newest_ms: i64) -> TimeRange {
    // The last millisecond that there is has none after it: it is taken for the one before.
    let to_ms = newest_ms.saturating_add(1);
    TimeRange { from_ms: oldest_ms.min(to_ms.saturating_sub(1)), to_ms }
}

/// The segment that rows are added to, and those of them that are in no frame yet.
#[derive(Debug)]
pub(super) struct ActiveSegment {
    pub segment: Segment,
    maker: RowMaker,
    pending: Vec<Row>,
    /// How much of the maker's legend is in frames.
    framed_exporters: usize,
    framed_places: usize,
    /// Rows of the chunk that are in frames.
    chunk_rows: u64,
}

impl ActiveSegment {
    pub(super) fn new(first_position: u64) -> Self {
        Self {
            segment: Segment::new(first_position),
            maker: RowMaker::default(),
            pending: Vec::with_capacity(FRAME_ROWS),
            framed_exporters: 0,
            framed_places: 0,
            chunk_rows: 0,
        }
    }

    /// The position after the last row, in a frame or not.
    pub(super) fn end_position(&self) -> u64 {
        self.segment.end_position() + self.pending.len() as u64
    }

    /// Rows, in a frame or not.
    pub(super) fn rows(&self) -> u64 {
        self.end_position() - self.segment.first_position
    }

    /// Receive time of the first row; `None` without rows.
    pub(super) fn first_received_ms(&self) -> Option<i64> {
        let framed = self.segment.frames.first().map(|frame| frame.oldest_ms);
        framed.or_else(|| self.pending.first().map(|row| row.received_ms))
    }

    /// Adds the flows of a batch; makes frames of what is enough for one.
    pub(super) fn append(&mut self, batch: &FlowBatch) -> Result<(), DamagedFrame> {
        let mut flows: &[LocatedFlow] = &batch.flows;
        while !flows.is_empty() {
            let room = FRAME_ROWS.saturating_sub(self.pending.len()).max(1);
            let (now, rest) = flows.split_at(room.min(flows.len()));
            self.pending.extend(self.maker.rows(now, batch));
            flows = rest;
            if self.pending.len() >= FRAME_ROWS {
                self.close_frame()?;
            }
        }
        Ok(())
    }

    /// Makes a frame of the rows that are in none.
    pub(super) fn close_frame(&mut self) -> Result<(), DamagedFrame> {
        let Some(frame) = self.pending_frame()? else { return Ok(()) };
        self.chunk_rows += u64::from(frame.rows);
        self.segment.frames.push(frame);
        self.pending.clear();
        if self.chunk_rows >= CHUNK_ROWS {
            self.maker.clear();
            self.chunk_rows = 0;
        }
        let legend = self.maker.legend();
        (self.framed_exporters, self.framed_places) = (legend.exporters.len(), legend.places.len());
        Ok(())
    }

    /// A frame of the rows that are in none, for a reader of this moment.
    pub(super) fn pending_frame(&self) -> Result<Option<Frame>, DamagedFrame> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let legend = self.maker.legend();
        let exporters: &[IpAddr] = legend.exporters.get(self.framed_exporters..).unwrap_or_default();
        let places = legend.places.get(self.framed_places..).unwrap_or_default();
        let first_position = self.segment.end_position();
        Frame::new(first_position, self.chunk_rows == 0, exporters, places, &self.pending).map(Some)
    }
}
