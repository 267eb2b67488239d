//! Messages out of a byte stream (RFC 7011 §10.4): IPFIX over TCP and TLS says by each header's length where it ends.
//!
//! Contract: bytes in any portions give the same messages; no input makes this panic, and the buffer never exceeds
//! the longest message, 65,535 bytes. It grows with what has come, not with what a header states. A header that
//! is none ends the stream for good, for nothing tells where the next message would begin.
//!
//! A socket reads into [`Framer::space`]; [`Framer::push`] copies for those who have the bytes elsewhere.

use super::error::{Error, Reason, Result};
use super::ipfix;

/// The longest message, and the most bytes that are held, in bytes.
pub const MAX_MESSAGE_LENGTH: usize = 65_535;
/// Bytes that a new buffer holds.
const FIRST_LENGTH: usize = 4_096;

/// Cuts one stream into messages.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Where the next message begins in `buffer`.
    start: usize,
    /// Where the bytes that have come end in `buffer`.
    end: usize,
    /// Bytes of the stream before the next message.
    offset: usize,
    has_failed: bool,
}

impl Framer {
    /// Room for the next bytes of the stream: at least one byte once every message was taken, none after an error.
    pub fn space(&mut self) -> &mut [u8] {
        if self.has_failed {
            return &mut [];
        }
        if self.start > 0 {
            // Less than a message, and once for each reading at most.
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() && self.end < MAX_MESSAGE_LENGTH {
            let length = (self.end * 2).clamp(FIRST_LENGTH, MAX_MESSAGE_LENGTH);
            self.buffer.resize(length, 0);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were written to the front of [`space`](Self::space).
    pub fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.buffer.len());
    }

    /// Takes as many of the next bytes of the stream as there is room for, and answers how many. All messages must
    /// be taken in between for this to be more than none.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let space = self.space();
            let count = space.len().min(rest.len());
            if count == 0 {
                break;
            }
            if let (Some(to), Some(from)) = (space.get_mut(..count), rest.get(..count)) {
                to.copy_from_slice(from);
            }
            self.filled(count);
            taken += count;
        }
        taken
    }

    /// The next whole message, header included. An error comes once, and then nothing any more; its offset is from
    /// the start of the stream.
    pub fn next_message(&mut self) -> Option<Result<&[u8]>> {
        if self.has_failed {
            return None;
        }
        match self.next_length().transpose()? {
            Ok(length) => {
                let start = self.start;
                self.start += length;
                self.offset = self.offset.saturating_add(length);
                self.buffer.get(start..self.start).map(Ok)
            }
            Err(error) => {
                self.has_failed = true;
                Some(Err(error))
            }
        }
    }

    /// Bytes of a message that is not whole yet.
    pub const fn pending(&self) -> usize {
        self.end - self.start
    }

    /// Length of the next message, if it is whole.
    fn next_length(&self) -> Result<Option<usize>> {
        let held = self.buffer.get(self.start..self.end).unwrap_or_default();
        let error =
            |at: usize, field, reason| Error { offset: self.offset.saturating_add(at), field, reason };
        let Some((version, rest)) = held.split_first_chunk() else { return Ok(None) };
        if u16::from_be_bytes(*version) != ipfix::VERSION {
            return Err(error(0, "version", Reason::UnknownVersion));
        }
        let Some(length) = rest.first_chunk() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        if length < ipfix::HEADER_LENGTH {
            return Err(error(version.len(), "length", Reason::MessageLength));
        }
        Ok(Some(length).filter(|length| *length <= held.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of so many bytes, all but the header the same.
    fn message(length: u16, fill: u8) -> Vec<u8> {
        let mut bytes = vec![fill; usize::from(length)];
        bytes[..2].copy_from_slice(&ipfix::VERSION.to_be_bytes());
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    /// What a stream in these portions gives.
    fn framed<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<Error>, usize) {
        let (mut framer, mut messages) = (Framer::default(), Vec::new());
        for mut portion in portions {
            while !portion.is_empty() {
                let taken = framer.push(portion);
                portion = &portion[taken..];
                loop {
                    match framer.next_message() {
                        Some(Ok(message)) => messages.push(message.to_vec()),
                        Some(Err(error)) => return (messages, Some(error), framer.push(&[0])),
                        None => break,
                    }
                }
                assert!(taken > 0, "a framer whose messages were taken has room");
            }
            assert!(framer.buffer.len() <= MAX_MESSAGE_LENGTH);
        }
        (messages, None, framer.pending())
    }

    #[test]
    fn a_stream_gives_the_same_messages_however_it_is_split() {
        let messages = [message(16, 1), message(40, 2), message(17, 3), message(16, 4)];
        let stream = messages.concat();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let portions = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(framed(portions), (messages.to_vec(), None, 0), "split at {first} and {second}");
            }
        }
        for size in 1..=stream.len() {
            assert_eq!(framed(stream.chunks(size)), (messages.to_vec(), None, 0), "portions of {size}");
        }
    }

    #[test]
    fn the_longest_messages_fit_among_short_ones() {
        let messages =
            [message(16, 1), message(65_535, 2), message(65_535, 3), message(5_000, 4), message(16, 5)];
        let stream = messages.concat();
        for size in [1, 7, 1_448, 4_096, 65_535, 65_536, stream.len()] {
            assert_eq!(framed(stream.chunks(size)), (messages.to_vec(), None, 0), "portions of {size}");
        }
    }

    #[test]
    fn what_is_no_header_ends_the_stream_at_its_first_bytes() {
        let good = message(20, 1);
        for (bad, at, reason) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], 20, Reason::UnknownVersion),
            (&[0, 9, 0, 16], 20, Reason::UnknownVersion),
            (&[0, 10, 0, 15, 0], 22, Reason::MessageLength),
            (&[0, 10, 0, 0], 22, Reason::MessageLength),
        ] {
            let stream = [&good[..], bad, &good[..]].concat();
            for size in 1..=stream.len() {
                let (messages, error, taken_after) = framed(stream.chunks(size));
                assert_eq!((messages.len(), taken_after), (1, 0));
                assert_eq!(error.map(|error| (error.offset, error.reason)), Some((at, reason)));
            }
        }
    }

    #[test]
    fn a_stated_length_takes_no_memory_before_its_bytes_come() {
        let mut framer = Framer::default();
        framer.push(&[0, 10, 0xff, 0xff]);
        assert!(framer.next_message().is_none());
        assert_eq!((framer.buffer.len(), framer.pending()), (FIRST_LENGTH, 4));
    }
}
