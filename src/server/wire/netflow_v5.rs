//! NetFlow v5: a header of 24 bytes and up to 30 records of 48 bytes.
//!
//! ```text
//!  0 version  2 count  4 sysUptime  8 unix_secs  12 unix_nsecs  16 flow_sequence
//! 20 engine_type  21 engine_id  22 sampling (2 bits mode, 14 bits interval)
//! ```

use std::net::Ipv4Addr;

use super::error::{Error, Reason, Result};
use super::reader::Reader;

/// The version word.
pub const VERSION: u16 = 5;
/// The most records a datagram may hold.
pub const MAX_RECORDS: usize = 30;
/// Bytes of the header.
pub const HEADER_LENGTH: usize = 24;
/// Bytes of a record.
pub const RECORD_LENGTH: usize = 48;

/// The header of a v5 datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of records, as stated.
    pub count: u16,
    /// Milliseconds since the exporter started; wraps after 49.7 days.
    pub uptime_ms: u32,
    /// The exporter's clock, seconds since 1970.
    pub clock_s: u32,
    /// The rest of the exporter's clock, nanoseconds.
    pub clock_ns: u32,
    /// Number of flow records sent before this datagram.
    pub sequence: u32,
    /// Type of the flow-switching engine.
    pub engine_type: u8,
    /// Slot of the flow-switching engine.
    pub engine_id: u8,
    /// Sampling mode in the high 2 bits, interval 1 in n in the low 14.
    pub sampling: u16,
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
            sequence: reader.u32("flow_sequence")?,
            engine_type: reader.u8("engine_type")?,
            engine_id: reader.u8("engine_id")?,
            sampling: reader.u16("sampling")?,
        })
    }

    /// Sampling interval 1 in n; 0 when the header states none.
    pub const fn sampling_interval(&self) -> u16 {
        self.sampling & 0x3fff
    }

    /// What tells engines of one exporter apart: type × 256 + id.
    pub fn engine(&self) -> u32 {
        u32::from(u16::from_be_bytes([self.engine_type, self.engine_id]))
    }
}

/// A v5 flow record.
///
/// ```text
///  0 srcaddr  4 dstaddr  8 nexthop  12 input  14 output  16 dPkts  20 dOctets  24 First  28 Last
/// 32 srcport 34 dstport 36 pad1 37 tcp_flags 38 prot 39 tos 40 src_as 42 dst_as 44 src_mask
/// 45 dst_mask 46 pad2
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Source address.
    pub source_address: Ipv4Addr,
    /// Destination address.
    pub destination_address: Ipv4Addr,
    /// SNMP index of the input interface.
    pub input_interface: u16,
    /// SNMP index of the output interface.
    pub output_interface: u16,
    /// Packets.
    pub packets: u32,
    /// Bytes of layer 3.
    pub bytes: u32,
    /// Uptime at the first packet, milliseconds.
    pub first_ms: u32,
    /// Uptime at the last packet, milliseconds.
    pub last_ms: u32,
    /// Transport source port.
    pub source_port: u16,
    /// Transport destination port, or ICMP type × 256 + code.
    pub destination_port: u16,
    /// TCP flags seen.
    pub tcp_flags: u8,
    /// IP protocol.
    pub protocol: u8,
    /// IP type of service.
    pub type_of_service: u8,
    /// AS of the source.
    pub source_as: u16,
    /// AS of the destination.
    pub destination_as: u16,
    /// Prefix length of the source.
    pub source_mask: u8,
    /// Prefix length of the destination.
    pub destination_mask: u8,
}

impl Record {
    /// Reads a record; every sequence of 48 bytes is one.
    pub const fn parse(b: &[u8; RECORD_LENGTH]) -> Self {
        Self {
            source_address: Ipv4Addr::new(b[0], b[1], b[2], b[3]),
            destination_address: Ipv4Addr::new(b[4], b[5], b[6], b[7]),
            input_interface: u16::from_be_bytes([b[12], b[13]]),
            output_interface: u16::from_be_bytes([b[14], b[15]]),
            packets: u32::from_be_bytes([b[16], b[17], b[18], b[19]]),
            bytes: u32::from_be_bytes([b[20], b[21], b[22], b[23]]),
            first_ms: u32::from_be_bytes([b[24], b[25], b[26], b[27]]),
            last_ms: u32::from_be_bytes([b[28], b[29], b[30], b[31]]),
            source_port: u16::from_be_bytes([b[32], b[33]]),
            destination_port: u16::from_be_bytes([b[34], b[35]]),
            tcp_flags: b[37],
            protocol: b[38],
            type_of_service: b[39],
            source_as: u16::from_be_bytes([b[40], b[41]]),
            destination_as: u16::from_be_bytes([b[42], b[43]]),
            source_mask: b[44],
            destination_mask: b[45],
        }
    }
}

/// The whole records of a datagram that its header announces, and what is wrong with the announcement: more
/// than there are, or fewer, so that bytes other than zero follow.
pub fn records<'a>(
    header: &Header,
    body: Reader<'a>,
) -> (impl ExactSizeIterator<Item = Record> + use<'a>, Option<Error>) {
    let (whole, error) = announced::<RECORD_LENGTH>(header.count, MAX_RECORDS, body);
    (whole.iter().map(Record::parse), error)
}

/// The front of a longer record that has the layout of a v5 record.
pub(super) const fn leading<const LENGTH: usize>(record: &[u8; LENGTH]) -> &[u8; RECORD_LENGTH] {
    match record.first_chunk() {
        Some(front) => front,
        None => &[0; RECORD_LENGTH],
    }
}

/// The records of a fixed length, at most `most`, that a header announces: as in [`records`].
pub(super) fn announced<const LENGTH: usize>(
    count: u16,
    most: usize,
    body: Reader<'_>,
) -> (&[[u8; LENGTH]], Option<Error>) {
    let (whole, _) = body.bytes().as_chunks::<LENGTH>();
    let announced = usize::from(count);
    let readable = announced.min(most).min(whole.len());
    let mut rest = body;
    let has_rest = rest.take(readable * LENGTH, "records").is_ok() && !rest.is_zero();
    let error = if readable < announced {
        Some(body.error("count", Reason::RecordCount))
    } else {
        has_rest.then(|| rest.error("records", Reason::TrailingBytes))
    };
    (whole.get(..readable).unwrap_or_default(), error)
}
