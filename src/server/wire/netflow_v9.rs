//! NetFlow v9 (RFC 3954): a header of 20 bytes, then flow sets.
//!
//! ```text
//! 0 version  2 count  4 sysUptime  8 unix_secs  12 sequence  16 source id
//! ```

use super::error::{Reason, Result};
use super::reader::Reader;

/// The version word.
pub const VERSION: u16 = 9;
/// Bytes of the header.
pub const HEADER_LENGTH: usize = 20;

/// The header of a v9 datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of records, as stated. Often wrong: nothing depends on it.
    pub count: u16,
    /// Milliseconds since the exporter started; wraps after 49.7 days.
    pub uptime_ms: u32,
    /// The exporter's clock, seconds since 1970.
    pub clock_s: u32,
    /// Number of datagrams sent before this one.
    pub sequence: u32,
    /// Observation domain.
    pub source_id: u32,
}

impl Header {
    /// Reads the header, version word included; the flow sets are left in `reader`.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let version = reader.u16("version")?;
        if version != VERSION {
            return Err(reader.error("version", Reason::UnknownVersion));
        }
        Ok(Self {
            count: reader.u16("count")?,
            uptime_ms: reader.u32("sysUptime")?,
            clock_s: reader.u32("unix_secs")?,
            sequence: reader.u32("sequence number")?,
            source_id: reader.u32("source id")?,
        })
    }
}
