//! NetFlow v7 of Catalyst 5000 switches: a header of 24 bytes and records of 52 bytes.
//!
//! ```text
//! 0 version  2 count  4 sysUptime  8 unix_secs  12 unix_nsecs  16 flow_sequence  20 reserved
//! ```

use super::error::{Error, Reason, Result};
use super::netflow_v5::{self, Record};
use super::reader::Reader;

/// The version word.
pub const VERSION: u16 = 7;
/// Bytes of the header.
pub const HEADER_LENGTH: usize = 24;
/// Bytes of a record.
pub const RECORD_LENGTH: usize = 52;

/// The header of a v7 datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of records, as stated: up to 27.
    pub count: u16,
    /// Milliseconds since the exporter started; wraps after 49.7 days.
    pub uptime_ms: u32,
    /// The exporter's clock, seconds since 1970.
    pub clock_s: u32,
    /// The rest of the exporter's clock, nanoseconds.
    pub clock_ns: u32,
    /// Number of flow records sent before this datagram.
    pub sequence: u32,
}

impl Header {
    /// Reads the header, version word included.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let version = reader.u16("version")?;
        if version != VERSION {
            return Err(reader.error("version", Reason::UnknownVersion));
        }
        let header = Self {
            count: reader.u16("count")?,
            uptime_ms: reader.u32("sysUptime")?,
            clock_s: reader.u32("unix_secs")?,
            clock_ns: reader.u32("unix_nsecs")?,
            sequence: reader.u32("flow_sequence")?,
        };
        reader.u32("reserved")?;
        Ok(header)
    }
}

/// The whole records of a datagram that its header announces, and what is wrong with the announcement, as in v5.
///
/// ```text
///  0 to 47 as in v5, but 36 and 46 flags of the fields that are not valid  48 router_sc
/// ```
///
/// What the flags say is not valid is zero in practice; the flags and `router_sc` (the router whose work the
/// switch did) are not used.
pub fn records<'a>(
    header: &Header,
    body: Reader<'a>,
) -> (impl ExactSizeIterator<Item = Record> + use<'a>, Option<Error>) {
    let (whole, error) = netflow_v5::announced::<RECORD_LENGTH>(header.count, usize::MAX, body);
    (whole.iter().map(record), error)
}

const fn record(bytes: &[u8; RECORD_LENGTH]) -> Record {
    Record::parse(netflow_v5::leading(bytes))
}
