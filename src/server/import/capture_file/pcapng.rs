//! The newer format: sections of blocks, each section with its byte order and its interfaces.
//!
//! ```text
//! type(4) total length(4) body(padded to 4) total length(4)
//! ```
//! Packets come in enhanced, simple and (obsolete) packet blocks; other blocks are skipped.

use std::io::Read;

use super::{Endian, Fault, Found, MOST_BYTES, Window, cut, is_at_end, whole};

/// The type of a section header: the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION_HEADER_LENGTH: usize = 28;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type, length, and length again.
const FRAME_LENGTH: usize = 12;
/// The longest block that is looked into.
const MOST_BLOCK_BYTES: usize = MOST_BYTES;
/// Interfaces of one section: more than any machine has.
const MOST_INTERFACES: usize = 65_536;

const END_OF_OPTIONS: u16 = 0;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// Where a file is: the section, and the interfaces of it.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    endian: Option<Endian>,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    /// 0 is no limit.
    snap_length: u32,
    /// Units of its clock in a second.
    units_per_s: u64,
    offset_s: i64,
}

impl Pcapng {
    pub(super) fn next<R: Read>(&mut self, window: &mut Window<R>) -> Result<Option<Found>, Fault> {
        loop {
            if is_at_end(window)? {
                return Ok(None);
            }
            let start = whole(window, FRAME_LENGTH, "the header of the block")?;
            if start.starts_with(&SECTION_HEADER) {
                self.section(window)?;
                continue;
            }
            let offset = window.offset();
            let Some(endian) = self.endian else {
                return Err(Fault::damaged(offset, "a block before any section header"));
            };
            let start = whole(window, FRAME_LENGTH, "the header of the block")?;
            let kind = endian.u32(start, 0);
            let total = endian.u32(start, 4);
            let is_looked_into =
                matches!(kind, INTERFACE_DESCRIPTION | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
            let length = usize::try_from(total).unwrap_or(usize::MAX);
            if length < FRAME_LENGTH
                || !length.is_multiple_of(4)
                || (is_looked_into && length > MOST_BLOCK_BYTES)
            {
                return Err(Fault::damaged(offset, format!("a block of {total} bytes")));
            }
            if !is_looked_into {
                if !window.skip(u64::from(total)) {
                    return Err(cut(window, "the block"));
                }
                continue;
            }
            let block = whole(window, length, "the block")?;
            if endian.u32(block, length - 4) != total {
                return Err(Fault::damaged(offset, "a block whose two lengths differ"));
            }
            let body = block.get(8..length - 4).unwrap_or_default();
            if kind == INTERFACE_DESCRIPTION {
                let interface = Interface::parse(endian, body)
                    .ok_or_else(|| Fault::damaged(offset, "an interface description that is too short"))?;
                if self.interfaces.len() == MOST_INTERFACES {
                    return Err(Fault::damaged(offset, format!("more than {MOST_INTERFACES} interfaces")));
                }
                self.interfaces.push(interface);
                window.consume(length);
                continue;
            }
            let found = self.packet(endian, kind, body, offset)?;
            return Ok(Some(Found { total: length, ..found }));
        }
    }

    /// Begins a section: its byte order, and no interfaces yet.
    fn section<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), Fault> {
        let offset = window.offset();
        let header = whole(window, SECTION_HEADER_LENGTH, "the section header")?;
        let endian = match header.get(8..12) {
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => Endian::Big,
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => Endian::Little,
            _ => return Err(Fault::damaged(offset, "a section header without its byte-order magic")),
        };
        let (total, version) = (endian.u32(header, 4), endian.u16(header, 12));
        if version != 1 {
            return Err(Fault::Unsupported { offset, what: format!("pcapng of version {version}") });
        }
        let is_whole = usize::try_from(total).is_ok_and(|length| length >= SECTION_HEADER_LENGTH);
        if !is_whole || !total.is_multiple_of(4) {
            return Err(Fault::damaged(offset, format!("a section header of {total} bytes")));
        }
        if !window.skip(u64::from(total)) {
            return Err(cut(window, "the section header"));
        }
        self.endian = Some(endian);
        self.interfaces.clear();
        Ok(())
    }

    fn packet(&self, endian: Endian, kind: u32, body: &[u8], offset: u64) -> Result<Found, Fault> {
        // Interface, upper and lower half of the time, captured and original length.
        let header_length = if kind == SIMPLE_PACKET { 4 } else { 20 };
        let room = body.len().checked_sub(header_length);
        let room = room.ok_or_else(|| Fault::damaged(offset, "a packet block that is too short"))?;
        let interface = match kind {
            SIMPLE_PACKET => 0,
            OBSOLETE_PACKET => u32::from(endian.u16(body, 0)),
            _ => endian.u32(body, 0),
        };
        let known = usize::try_from(interface).ok().and_then(|index| self.interfaces.get(index));
        let known = known.ok_or_else(|| {
            Fault::damaged(offset, format!("a packet of interface {interface}, which is not described"))
        })?;
        let (time_us, captured, original_length) = if kind == SIMPLE_PACKET {
            let original_length = endian.u32(body, 0);
            let limit = if known.snap_length == 0 { u32::MAX } else { known.snap_length };
            (None, original_length.min(limit), original_length)
        } else {
            let ticks = u64::from(endian.u32(body, 4)) << 32 | u64::from(endian.u32(body, 8));
            (Some(known.time_us(ticks)), endian.u32(body, 12), endian.u32(body, 16))
        };
        let length = usize::try_from(captured).unwrap_or(usize::MAX);
        if length > room {
            return Err(Fault::damaged(offset, format!("a packet of {captured} bytes in a block of {room}")));
        }
        let link_type = known.link_type;
        Ok(Found { start: 8 + header_length, length, total: 0, time_us, link_type, original_length })
    }
}

impl Interface {
    fn parse(endian: Endian, body: &[u8]) -> Option<Self> {
        let mut options = body.get(8..)?;
        let mut interface = Self {
            link_type: endian.u16(body, 0),
            snap_length: endian.u32(body, 4),
            units_per_s: 1_000_000,
            offset_s: 0,
        };
        while let Some((header, rest)) = options.split_at_checked(4) {
            let (code, length) = (endian.u16(header, 0), usize::from(endian.u16(header, 2)));
            let Some(value) = rest.get(..length) else { break };
            match (code, value) {
                (END_OF_OPTIONS, _) => break,
                (TIME_RESOLUTION, [resolution]) => interface.units_per_s = units_per_s(*resolution),
                (TIME_OFFSET, [_, _, _, _, _, _, _, _]) => {
                    let (first, second) = (endian.u32(value, 0), endian.u32(value, 4));
                    let (high, low) = if endian == Endian::Big { (first, second) } else { (second, first) };
                    interface.offset_s = (u64::from(high) << 32 | u64::from(low)).cast_signed();
                }
                _ => {}
            }
            options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(interface)
    }

    /// Microseconds since 1970; what does not fit is the last moment that does.
    #[inline]
    fn time_us(&self, ticks: u64) -> i64 {
        let us = match self.units_per_s {
            1_000_000 => u128::from(ticks),
            1_000_000_000 => u128::from(ticks / 1000),
            units => u128::from(ticks) * 1_000_000 / u128::from(units),
        };
        let offset_us = self.offset_s.saturating_mul(1_000_000);
        i64::try_from(us).unwrap_or(i64::MAX).saturating_add(offset_us)
    }
}

/// A power of ten, or with the highest bit a power of two; the largest there is for what does not fit.
fn units_per_s(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    if resolution & 0x80 == 0 {
        10_u64.checked_pow(exponent).unwrap_or(u64::MAX)
    } else {
        1_u64.checked_shl(exponent).unwrap_or(u64::MAX)
    }
}
