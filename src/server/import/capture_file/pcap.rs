//! The classic format: a header of 24 bytes, then packets with 16 bytes before each.
//!
//! ```text
//! magic(4) major(2) minor(2) zone(4) accuracy(4) snap length(4) link type(4)
//! seconds(4) fraction(4) captured length(4) original length(4) packet
//! ```

use std::io::Read;

use super::{Endian, Fault, Found, MOST_BYTES, Window, is_at_end, whole};

const HEADER_LENGTH: usize = 24;
const RECORD_HEADER_LENGTH: usize = 16;
/// No tool writes longer packets; a damaged length would otherwise swallow the packets after it.
const MOST_PACKET_BYTES: usize = MOST_BYTES / 2;

/// What the first four bytes tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    endian: Endian,
    /// Nanoseconds of one unit of a time's fraction.
    unit_ns: u32,
    is_modified: bool,
}

impl Kind {
    pub(super) const fn of(magic: [u8; 4]) -> Option<Self> {
        use Endian::{Big, Little};
        let (endian, unit_ns, is_modified) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (Big, 1000, false),
            [0xd4, 0xc3, 0xb2, 0xa1] => (Little, 1000, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Big, 1, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Little, 1, false),
            [0xa1, 0xb2, 0xcd, 0x34] => (Big, 1000, true),
            [0x34, 0xcd, 0xb2, 0xa1] => (Little, 1000, true),
            _ => return None,
        };
        Some(Self { endian, unit_ns, is_modified })
    }
}

/// Where a classic file is.
#[derive(Debug)]
pub(super) struct Pcap {
    endian: Endian,
    unit_ns: u32,
    link_type: u16,
}

impl Pcap {
    pub(super) fn open<R: Read>(kind: Kind, window: &mut Window<R>) -> Result<Self, Fault> {
        let Kind { endian, unit_ns, is_modified } = kind;
        let header = whole(window, HEADER_LENGTH, "the file header")?;
        let version = (endian.u16(header, 4), endian.u16(header, 6));
        // The upper half says how long the frame check sequence is.
        let link_type = endian.u16(header, if endian == Endian::Big { 22 } else { 20 });
        if is_modified {
            let what = "Kuznetzov's variant of pcap".to_owned();
            return Err(Fault::Unsupported { offset: 0, what });
        }
        if version.0 != 2 {
            let what = format!("pcap of version {}.{}", version.0, version.1);
            return Err(Fault::Unsupported { offset: 4, what });
        }
        window.consume(HEADER_LENGTH);
        Ok(Self { endian, unit_ns, link_type })
    }

    #[inline]
    pub(super) fn next<R: Read>(&self, window: &mut Window<R>) -> Result<Option<Found>, Fault> {
        if window.peek(RECORD_HEADER_LENGTH).is_none() && is_at_end(window)? {
            return Ok(None);
        }
        let header = whole(window, RECORD_HEADER_LENGTH, "the header of the packet")?;
        let number = |at| self.endian.u32(header, at);
        let (seconds, fraction) = (number(0), number(4));
        let (captured, original_length) = (number(8), number(12));
        let length = usize::try_from(captured).unwrap_or(usize::MAX);
        if length > MOST_PACKET_BYTES {
            return Err(Fault::damaged(window.offset(), format!("a packet of {captured} bytes")));
        }
        let total = RECORD_HEADER_LENGTH + length;
        whole(window, total, "the packet")?;
        let below_second_us = i64::from(fraction) * i64::from(self.unit_ns) / 1000;
        Ok(Some(Found {
            start: RECORD_HEADER_LENGTH,
            length,
            total,
            time_us: Some(i64::from(seconds) * 1_000_000 + below_second_us),
            link_type: self.link_type,
            original_length,
        }))
    }
}
