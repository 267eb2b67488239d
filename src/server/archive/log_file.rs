//! The file that the frames of the active segment are written to.
//!
//! After an error nobody knows what of the file is on disk: the next write goes back to where it was last synced,
//! and writes what came after once more. So nothing that was said to be durable is lost, and nothing is doubled.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::folder;
use super::row_log::Frame;

/// A log file, and how much of it is durable.
#[derive(Debug)]
pub(super) struct LogFile {
    pub path: PathBuf,
    file: Option<File>,
    /// False before it is created, and after an error.
    is_sound: bool,
    written_frames: usize,
    written_bytes: u64,
    durable_frames: usize,
    durable_bytes: u64,
}

impl LogFile {
    /// A file that the first write creates.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            is_sound: false,
            written_frames: 0,
            written_bytes: 0,
            durable_frames: 0,
            durable_bytes: 0,
        }
    }

    /// The frame of the segment that the next write begins with.
    pub(super) const fn next_frame(&self) -> usize {
        if self.is_sound { self.written_frames } else { self.durable_frames }
    }

    /// Writes frames, beginning with [`next_frame`](Self::next_frame).
    pub(super) fn write(&mut self, frames: &[Frame]) -> io::Result<()> {
        let mut file = if let Some(file) = self.file.take() {
            file
        } else {
            let file = File::create(&self.path)?;
            folder::sync_folder_of(&self.path)?;
            file
        };
        if !self.is_sound {
            file.set_len(self.durable_bytes)?;
            file.seek(SeekFrom::Start(self.durable_bytes))?;
            (self.written_frames, self.written_bytes) = (self.durable_frames, self.durable_bytes);
        }
        self.is_sound = false;
        let file = self.file.insert(file);
        for frame in frames {
            file.write_all(&frame.bytes)?;
            self.written_frames += 1;
            self.written_bytes += frame.bytes.len() as u64;
        }
        self.is_sound = true;
        Ok(())
    }

    /// Returns when all that was written is on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.written_frames == self.durable_frames {
            return Ok(());
        }
        self.is_sound = false;
        if let Some(file) = &self.file {
            file.sync_data()?;
            (self.durable_frames, self.durable_bytes) = (self.written_frames, self.written_bytes);
            self.is_sound = true;
        }
        Ok(())
    }
}
