//! The bytes of a capture file, read and inflated ahead on a thread of its own.
//!
//! Holds `CHUNKS` pieces of `CHUNK_BYTES` at most. The thread ends with the file, or when the reader is
//! dropped: at the latest when its read returns.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use tokio_util::sync::CancellationToken;

/// Bytes that are read and handed over at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that may be read ahead.
const CHUNKS: usize = 4;
/// How soon a stop signal is noticed while a pipe gives nothing.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// How a gzip file begins (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The inflated bytes of a file, in order.
#[derive(Debug)]
pub struct ReadAhead {
    filled: Receiver<io::Result<Vec<u8>>>,
    emptied: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    taken: usize,
    stop: CancellationToken,
}

impl ReadAhead {
    /// Opens a file, or standard input for `-`, and starts to read. Bytes read of the file, before they are
    /// inflated, are added to `read`.
    pub fn open(path: &Path, read: &Arc<AtomicU64>, stop: CancellationToken) -> io::Result<Self> {
        let input: Box<dyn Read + Send> =
            if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
        let (full, filled) = sync_channel(CHUNKS);
        let (emptied, empty) = sync_channel(CHUNKS + 1);
        let counted = BufReader::with_capacity(CHUNK_BYTES, Counted { input, read: Arc::clone(read) });
        std::thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || read_all(counted, &full, &empty))?;
        Ok(Self { filled, emptied, current: Vec::new(), taken: 0, stop })
    }

    /// The next chunk that has something in it; `None` at the end, or after a stop signal.
    fn next_chunk(&self) -> Option<io::Result<Vec<u8>>> {
        loop {
            match self.filled.recv_timeout(STOP_CHECK) {
                Ok(chunk) => return Some(chunk),
                Err(RecvTimeoutError::Timeout) if !self.stop.is_cancelled() => {}
                Err(_) => return None,
            }
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.current.len() {
            let Some(chunk) = self.next_chunk() else { return Ok(0) };
            let before = std::mem::replace(&mut self.current, chunk?);
            self.taken = 0;
            // The thread may have ended: then nobody needs the memory.
            drop(self.emptied.try_send(before));
        }
        let rest = self.current.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(target.len());
        if let (Some(target), Some(rest)) = (target.get_mut(..count), rest.get(..count)) {
            target.copy_from_slice(rest);
        }
        self.taken += count;
        Ok(count)
    }
}

/// Reads to the end, and hands over what was read before an error, then the error.
fn read_all(
    mut input: BufReader<Counted>,
    full: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    let is_gzip = io::BufRead::fill_buf(&mut input).map(|start| start.starts_with(&GZIP_MAGIC));
    let mut inflated: Box<dyn Read> = match is_gzip {
        Ok(true) => Box::new(MultiGzDecoder::new(input)),
        Ok(false) => Box::new(input),
        Err(error) => {
            // Nobody listens any more: then nobody wants to know.
            drop(full.send(Err(error)));
            return;
        }
    };
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.resize(CHUNK_BYTES, 0);
        let (length, error) = fill(&mut inflated, &mut chunk);
        chunk.truncate(length);
        let is_last = error.is_some() || length == 0;
        if length > 0 && full.send(Ok(chunk)).is_err() {
            return;
        }
        if let Some(error) = error {
            drop(full.send(Err(error)));
        }
        if is_last {
            return;
        }
    }
}

/// Reads once, to have what a pipe gives at once.
fn fill(input: &mut dyn Read, chunk: &mut [u8]) -> (usize, Option<io::Error>) {
    loop {
        match input.read(chunk) {
            Ok(count) => return (count, None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (0, Some(error)),
        }
    }
}

/// Counts the bytes that pass.
struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(target)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
