//! A window that moves over a stream of bytes: what is looked at lies in one piece.
//!
//! Holds at most twice [`MOST_BYTES`]; the offset is that of the inflated stream.

use std::io::{self, Read};

/// The most bytes that can be looked at in one piece.
pub const MOST_BYTES: usize = 1 << 20;

/// The bytes of a stream that are not consumed yet.
#[derive(Debug)]
pub struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    error: Option<io::Error>,
    is_at_end: bool,
}

impl<R: Read> Window<R> {
    /// Begins at the start of the stream.
    pub fn new(input: R) -> Self {
        let buffer = vec![0; 2 * MOST_BYTES];
        Self { input, buffer, start: 0, end: 0, offset: 0, error: None, is_at_end: false }
    }

    /// Bytes consumed so far.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that are there without reading more.
    pub const fn available(&self) -> usize {
        self.end - self.start
    }

    /// True when an error ended the stream.
    pub const fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// The error that ended the stream, if it did not just end.
    pub const fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// The next `length` bytes, at most [`MOST_BYTES`]; `None` when the stream has fewer, for whatever reason.
    #[inline]
    pub fn peek(&mut self, length: usize) -> Option<&[u8]> {
        if self.available() < length && !self.fill(length) {
            return None;
        }
        self.buffer.get(self.start..self.start + length)
    }

    /// Consumes bytes that were looked at.
    #[inline]
    pub fn consume(&mut self, length: usize) {
        let length = length.min(self.available());
        self.start += length;
        self.offset += length as u64;
    }

    /// Consumes bytes that nobody looks at; false when the stream ends before.
    pub fn skip(&mut self, mut length: u64) -> bool {
        while length > 0 {
            let step = usize::try_from(length).unwrap_or(MOST_BYTES).min(MOST_BYTES);
            if self.peek(step).is_none() {
                self.consume(self.available());
                return false;
            }
            self.consume(step);
            length -= step as u64;
        }
        true
    }

    #[cold]
    fn fill(&mut self, length: usize) -> bool {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.available() < length && !self.is_at_end {
            let Some(free) = self.buffer.get_mut(self.end..) else { break };
            match self.input.read(free) {
                Ok(0) => self.is_at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    self.is_at_end = true;
                }
            }
        }
        self.available() >= length
    }
}
