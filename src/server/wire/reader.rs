//! A cursor over a datagram that knows where it is.
//!
//! It is `Copy`: trying something and going back costs nothing. Every read is checked against what is
//! left and names the field it was for; offsets in errors are from the start of the datagram.

use super::error::{Error, Reason, Result};

/// What is left to read of a datagram, or of a part of it.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a datagram.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Starts within a datagram: `bytes` begin `offset` bytes after its start.
    pub const fn at(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// Bytes from the start of the datagram.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Number of bytes left.
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// True when nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes left.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the zeros begin that all the rest consists of: an offset from the start of the datagram.
    pub fn content_end(&self) -> usize {
        let content = self.bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        self.offset.saturating_add(content)
    }

    /// True when all bytes left are zero, as padding is.
    pub fn is_zero(&self) -> bool {
        self.bytes.iter().all(|&byte| byte == 0)
    }

    /// An error about what comes next.
    pub const fn error(&self, field: &'static str, reason: Reason) -> Error {
        Error { offset: self.offset, field, reason }
    }

    /// Takes the next `length` bytes off as a reader of their own.
    pub fn take(&mut self, length: usize, field: &'static str) -> Result<Self> {
        let Some((taken, left)) = self.bytes.split_at_checked(length) else {
            return Err(self.error(field, Reason::Truncated));
        };
        let start = self.offset;
        self.bytes = left;
        self.offset = start.saturating_add(length);
        Ok(Self { bytes: taken, offset: start })
    }

    /// Goes to the end.
    pub fn skip_rest(&mut self) {
        self.offset = self.offset.saturating_add(self.bytes.len());
        self.bytes = &[];
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let Some((taken, left)) = self.bytes.split_first_chunk::<N>() else {
            return Err(self.error(field, Reason::Truncated));
        };
        self.bytes = left;
        self.offset = self.offset.saturating_add(N);
        Ok(*taken)
    }

    /// Reads one byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array(field).map(u8::from_be_bytes)
    }

    /// Reads two bytes in network order.
    pub fn u16(&mut self, field: &'static str) -> Result<u16> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Reads four bytes in network order.
    pub fn u32(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Reads words of four bytes in network order, all or none.
    #[inline]
    pub fn words<const N: usize>(&mut self, field: &'static str) -> Result<[u32; N]> {
        let taken = self.take(N.saturating_mul(4), field)?;
        let (chunks, _) = taken.bytes.as_chunks();
        let mut words = [0; N];
        for (word, chunk) in words.iter_mut().zip(chunks) {
            *word = u32::from_be_bytes(*chunk);
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_a_part_keeps_absolute_offsets() {
        let mut reader = Reader::new(&[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(reader.u16("a"), Ok(1));
        let mut part = reader.take(3, "part").unwrap();
        assert_eq!(part.u8("b"), Ok(2));
        assert_eq!(part.u32("c"), Err(Error { offset: 3, field: "c", reason: Reason::Truncated }));
        assert_eq!((part.offset(), part.remaining()), (3, 2));
        assert_eq!((reader.offset(), reader.remaining()), (5, 3));
    }

    #[test]
    fn taking_more_than_is_left_takes_nothing() {
        let mut reader = Reader::new(&[1, 2]);
        assert!(reader.take(3, "x").is_err());
        assert_eq!(reader.u16("y"), Ok(0x0102));
    }
}
