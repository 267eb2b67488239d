//! The row log: frames of rows, appended to a file, so that what is in no sealed file yet survives a crash.
//!
//! ```text
//!  0 length of the content (u32)  4 number of rows (u32)  8 position of the first row (u64)
//! 16 oldest and 24 newest receive time (i64, ms)  32 1 when the legend begins anew (u32)
//! 36 CRC-32 of bytes 0 to 35 and of the content (u32)  40 content (postcard): legend, rows
//! ```
//!
//! All little-endian. A legend goes on from frame to frame until one begins anew: frames up to there are a chunk,
//! which can be read by itself. A file is read up to its last whole frame; whatever is in it, reading does not panic.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::row::{KeptPlace, Legend, Row, shifted};

const HEADER_BYTES: usize = 40;
/// A longer frame is damaged. One has the rows of a few thousand flows, about 60 bytes each.
const MAX_CONTENT_BYTES: usize = 64 << 20;

/// Rows of the log, as they are on disk.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub first_position: u64,
    pub rows: u32,
    /// Oldest receive time in it.
    pub oldest_ms: i64,
    /// Newest receive time in it.
    pub newest_ms: i64,
    /// Whether its legend does not need those before.
    pub begins_chunk: bool,
    /// All of it, with the header.
    pub bytes: Arc<[u8]>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a frame of the row log is damaged")]
pub(super) struct DamagedFrame;

#[derive(Serialize)]
struct ContentToWrite<'a> {
    exporters: &'a [IpAddr],
    places: &'a [KeptPlace],
    rows: &'a [Row],
}

#[derive(Deserialize)]
struct Content {
    exporters: Vec<IpAddr>,
    places: Vec<KeptPlace>,
    rows: Vec<Row>,
}

impl Frame {
    /// Rows, at least one, with what is new in the legend since the frame before.
    pub(super) fn new(
        first_position: u64,
        begins_chunk: bool,
        exporters: &[IpAddr],
        places: &[KeptPlace],
        rows: &[Row],
    ) -> Result<Self, DamagedFrame> {
        let times = || rows.iter().map(|row| row.received_ms);
        let (oldest_ms, newest_ms) = times().min().zip(times().max()).ok_or(DamagedFrame)?;
        let content = postcard::to_allocvec(&ContentToWrite { exporters, places, rows });
        let content = content.map_err(|_| DamagedFrame)?;
        let length = u32::try_from(content.len()).map_err(|_| DamagedFrame)?;
        let count = u32::try_from(rows.len()).map_err(|_| DamagedFrame)?;

        let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
        bytes.extend(length.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(first_position.to_le_bytes());
        bytes.extend(oldest_ms.to_le_bytes());
        bytes.extend(newest_ms.to_le_bytes());
        bytes.extend(u32::from(begins_chunk).to_le_bytes());
        let checksum = checksum(&bytes, &content);
        bytes.extend(checksum.to_le_bytes());
        bytes.extend(content);
        Ok(Self { first_position, rows: count, oldest_ms, newest_ms, begins_chunk, bytes: bytes.into() })
    }

    /// The position after its last row.
    pub(super) fn end_position(&self) -> u64 {
        self.first_position.saturating_add(u64::from(self.rows))
    }

    fn content(&self) -> Result<Content, DamagedFrame> {
        let content = self.bytes.get(HEADER_BYTES..).ok_or(DamagedFrame)?;
        postcard::from_bytes(content).map_err(|_| DamagedFrame)
    }
}

fn checksum(header: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(content);
    hasher.finalize()
}

/// Rows with their legend.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub legend: Legend,
    pub rows: Vec<Row>,
}

impl Rows {
    /// The rows of frames, of which the first begins a chunk.
    pub(super) fn of(frames: &[Frame]) -> Result<Self, DamagedFrame> {
        let mut all = Self::default();
        let rows = frames.iter().map(|frame| usize::try_from(frame.rows).unwrap_or(0)).sum();
        all.rows.reserve_exact(rows);
        let (mut exporters, mut places) = (0, 0);
        for frame in frames {
            if frame.begins_chunk {
                (exporters, places) = (all.legend.exporters.len(), all.legend.places.len());
            }
            let content = frame.content()?;
            all.legend.exporters.extend(content.exporters);
            all.legend.places.extend(content.places);
            let shift = (number(exporters)?, number(places)?);
            all.rows.extend(content.rows.into_iter().map(|row| shifted(row, shift.0, shift.1)));
        }
        Ok(all)
    }
}

fn number(length: usize) -> Result<u32, DamagedFrame> {
    u32::try_from(length).map_err(|_| DamagedFrame)
}

/// What a log file had.
#[derive(Debug, Default)]
pub(super) struct ReadLog {
    pub frames: Vec<Frame>,
    /// Bytes after the last whole frame, which are lost.
    pub torn_bytes: u64,
    /// How many rows they say that they had.
    pub torn_rows: u64,
}

/// Reads a log file whose first row has a position, up to its last whole frame.
pub(super) fn read_file(mut file: File, first_position: u64) -> io::Result<ReadLog> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut log = ReadLog::default();
    let (mut rest, mut next) = (bytes.as_slice(), first_position);
    while !rest.is_empty() {
        let Some((frame, after)) = split_frame(rest, next, log.frames.is_empty()) else {
            log.torn_bytes = rest.len() as u64;
            log.torn_rows =
                rest.get(4..8).and_then(array).map_or(0, |rows| u64::from(u32::from_le_bytes(rows)));
            break;
        };
        next = frame.end_position();
        log.frames.push(frame);
        rest = after;
    }
    Ok(log)
}

/// The frame at the beginning and what comes after it; `None` if it is not whole, or not the next one.
fn split_frame(bytes: &[u8], next_position: u64, is_first: bool) -> Option<(Frame, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let u32_at = |at: usize| header.get(at..at + 4).and_then(array).map(u32::from_le_bytes);
    let length = usize::try_from(u32_at(0)?).ok().filter(|length| *length <= MAX_CONTENT_BYTES)?;
    let (content, rest) = rest.split_at_checked(length)?;
    if checksum(header.get(..36)?, content) != u32_at(36)? {
        return None;
    }
    let frame = Frame {
        first_position: u64::from_le_bytes(header.get(8..16).and_then(array)?),
        rows: u32_at(4)?,
        oldest_ms: i64::from_le_bytes(header.get(16..24).and_then(array)?),
        newest_ms: i64::from_le_bytes(header.get(24..32).and_then(array)?),
        begins_chunk: u32_at(32)? == 1,
        bytes: bytes.get(..HEADER_BYTES + length)?.into(),
    };
    let fits = frame.first_position == next_position && frame.rows > 0 && (!is_first || frame.begins_chunk);
    fits.then_some((frame, rest))
}

fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}
