//! IPFIX (RFC 7011): a message header of 16 bytes, then sets.
//!
//! ```text
//! 0 version  2 length  4 export time  8 sequence number  12 observation domain id
//! ```

use super::error::{Reason, Result};
use super::reader::Reader;

/// The version word.
pub const VERSION: u16 = 10;
/// Bytes of the header.
pub const HEADER_LENGTH: usize = 16;

/// The header of an IPFIX message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the message, header included.
    pub length: u16,
    /// When the message left the exporter, seconds since 1970.
    pub export_time_s: u32,
    /// Number of data records sent before this message, modulo 2³².
    pub sequence: u32,
    /// Observation domain.
    pub observation_domain: u32,
}

impl Header {
    /// Reads the header, version word included; what follows it is left in `reader`.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let version = reader.u16("version")?;
        if version != VERSION {
            return Err(reader.error("version", Reason::UnknownVersion));
        }
        let header = Self {
            length: reader.u16("length")?,
            export_time_s: reader.u32("export time")?,
            sequence: reader.u32("sequence number")?,
            observation_domain: reader.u32("observation domain id")?,
        };
        if usize::from(header.length) < HEADER_LENGTH {
            return Err(reader.error("length", Reason::MessageLength));
        }
        Ok(header)
    }

    /// Bytes of the sets after the header, as stated.
    pub fn body_length(&self) -> usize {
        usize::from(self.length).saturating_sub(HEADER_LENGTH)
    }
}
