//! NetFlow v1: a header of 16 bytes without a sequence number, and records of 48 bytes; some exporters send 52.
//!
//! ```text
//! 0 version  2 count  4 sysUptime  8 unix_secs  12 unix_nsecs
//! ```

use super::error::{Error, Reason, Result};
use super::netflow_v5::{self, Record};
use super::reader::Reader;

/// The version word.
pub const VERSION: u16 = 1;
/// Bytes of the header.
pub const HEADER_LENGTH: usize = 16;
/// Bytes of a record.
pub const RECORD_LENGTH: usize = 48;
/// Bytes of a record of some exporters: four more at the end.
const LONG_RECORD_LENGTH: usize = 52;

/// The header of a v1 datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of records, as stated: up to 24 or 25.
    pub count: u16,
    /// Milliseconds since the exporter started; wraps after 49.7 days.
    pub uptime_ms: u32,
    /// The exporter's clock, seconds since 1970.
    pub clock_s: u32,
    /// The rest of the exporter's clock, nanoseconds.
    pub clock_ns: u32,
}

impl Header {
    /// Reads the header, version word included.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let version = reader.u16("version")?;
        if version != VERSION {
            return Err(reader.error("version", Reason::UnknownVersion));
        }
        Ok(Self {
            count: reader.u16("count")?,
            uptime_ms: reader.u32("sysUptime")?,
            clock_s: reader.u32("unix_secs")?,
            clock_ns: reader.u32("unix_nsecs")?,
        })
    }
}

/// The whole records of a datagram that its header announces, and what is wrong with the announcement, as in v5.
///
/// ```text
///  0 to 35 as in v5  36 pad1  38 prot  39 tos  40 tcp_flags  41 pad2
/// ```
pub fn records<'a>(
    header: &Header,
    body: Reader<'a>,
) -> (impl ExactSizeIterator<Item = Record> + use<'a>, Option<Error>) {
    let is_long = body.remaining() == usize::from(header.count) * LONG_RECORD_LENGTH;
    let (length, whole, error) = if is_long {
        let (whole, error) = netflow_v5::announced::<LONG_RECORD_LENGTH>(header.count, usize::MAX, body);
        (LONG_RECORD_LENGTH, whole.as_flattened(), error)
    } else {
        let (whole, error) = netflow_v5::announced::<RECORD_LENGTH>(header.count, usize::MAX, body);
        (RECORD_LENGTH, whole.as_flattened(), error)
    };
    (
        whole.chunks_exact(length).map(|bytes| record(bytes.first_chunk().unwrap_or(&[0; RECORD_LENGTH]))),
        error,
    )
}

const fn record(bytes: &[u8; RECORD_LENGTH]) -> Record {
    Record {
        tcp_flags: bytes[40],
        source_as: 0,
        destination_as: 0,
        source_mask: 0,
        destination_mask: 0,
        ..Record::parse(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_both_lengths_are_read_by_the_length_of_the_datagram() {
        for length in [RECORD_LENGTH, LONG_RECORD_LENGTH] {
            let mut body = vec![0; 3 * length];
            for number in 0..3 {
                let record = &mut body[number * length..];
                record[3] = 1 + u8::try_from(number).unwrap();
                record[38] = 17;
            }
            let header = Header { count: 3, uptime_ms: 0, clock_s: 0, clock_ns: 0 };
            let (records, error) = records(&header, Reader::new(&body));
            let read: Vec<_> = records.map(|one| (one.source_address.octets()[3], one.protocol)).collect();
            assert_eq!((read, error), (vec![(1, 17), (2, 17), (3, 17)], None));
        }
    }
}
