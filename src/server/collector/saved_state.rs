//! What of the exporters outlives the process: their templates, what their options records said, where their sequence
//! numbers are, and since when they are known. Connections end with the process, and so does what belongs to them.
//! Counts are since the start of the process.
//!
//! ```text
//! 0 "meridian"  8 format version  12 reserved  16 length of the content  24 its FNV-1a checksum  32 content (postcard)
//! ```
//!
//! [`parse`] promises to survive any bytes: what is not whole and right is [`Damage`]. What it accepts may still be
//! nonsense; [`restore`](super::intake::Intake::restore) holds it to the limits that hold for what comes from the network.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::exporter::SessionKey;
use super::options::OptionsState;
use super::sequence::SavedSequence;
use crate::model::exporter::Protocol;
use crate::server::wire::template::Definition;
use crate::server::wire::template_cache::Key;

/// What is older is not restored, microseconds: far more than the half hour after which exporters by default define
/// their templates again, and short enough that an id hardly stands for another layout by then.
pub const MAX_AGE_US: i64 = 24 * 3_600 * 1_000_000;

const MAGIC: [u8; 8] = *b"meridian";
const FORMAT: u32 = 1;

/// All that is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedState {
    /// The exporters, of all collecting threads, in no order.
    pub exporters: Vec<SavedExporter>,
}

/// What is saved of an exporter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedExporter {
    /// Source address of its datagrams.
    pub address: IpAddr,
    /// Where its latest datagram came from, if that is not its address (sFlow).
    pub sent_from: Option<IpAddr>,
    /// Receive time of its first datagram, microseconds since 1970.
    pub first_seen_us: i64,
    /// Receive time of its latest datagram, microseconds since 1970.
    pub last_seen_us: i64,
    /// Protocols it has sent, in the order first seen.
    pub protocols: Vec<Protocol>,
    /// Its templates.
    pub templates: Vec<SavedTemplate>,
    /// Where its sequence numbers are.
    pub sessions: Vec<SavedSession>,
    /// What its options records said; shared with the running collector.
    pub options: Arc<OptionsState>,
}

impl SavedExporter {
    /// Where its datagrams come from.
    pub fn sender(&self) -> IpAddr {
        self.sent_from.unwrap_or(self.address)
    }
}

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedTemplate {
    /// What it is known by.
    pub key: Key,
    /// Its fields; shared with the running collector.
    pub definition: Arc<Definition>,
    /// Receive time of its latest definition, microseconds since 1970.
    pub defined_us: i64,
    /// Receive time of its latest definition or data, microseconds since 1970.
    pub used_us: i64,
}

/// A transport session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// What it is known by.
    pub key: SessionKey,
    /// Where its sequence numbers are.
    pub sequence: SavedSequence,
    /// Receive time of its latest datagram, microseconds since 1970.
    pub last_seen_us: i64,
}

/// Why bytes are no saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// It begins otherwise.
    #[error("it is not a saved state of Meridian")]
    NotSavedState,
    /// Another version of Meridian wrote it.
    #[error("it has format {0}, which this version does not read")]
    OtherFormat(u32),
    /// It is shorter or longer than it says.
    #[error("it is not as long as it says")]
    Length,
    /// Its bytes have changed.
    #[error("its checksum does not fit its content")]
    Checksum,
    /// The checksum fits, and yet it makes no sense.
    #[error("its content makes no sense")]
    Content,
}

impl SavedState {
    /// The whole file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        let content = postcard::to_allocvec(self)?;
        let mut bytes = Vec::with_capacity(32 + content.len());
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(checksum(&content).to_le_bytes());
        bytes.extend(content);
        Ok(bytes)
    }
}

/// Reads a whole file.
pub fn parse(bytes: &[u8]) -> Result<SavedState, Damage> {
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(Damage::NotSavedState)?;
    if *magic != MAGIC {
        return Err(Damage::NotSavedState);
    }
    let (format, rest) = rest.split_first_chunk::<4>().ok_or(Damage::Length)?;
    let format = u32::from_le_bytes(*format);
    if format != FORMAT {
        return Err(Damage::OtherFormat(format));
    }
    let (reserved, rest) = rest.split_first_chunk::<4>().ok_or(Damage::Length)?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or(Damage::Length)?;
    let (expected, content) = rest.split_first_chunk::<8>().ok_or(Damage::Length)?;
    if u64::from_le_bytes(*length) != content.len() as u64 {
        return Err(Damage::Length);
    }
    if *reserved != [0; 4] || u64::from_le_bytes(*expected) != checksum(content) {
        return Err(Damage::Checksum);
    }
    match postcard::take_from_bytes(content) {
        Ok((state, [])) => Ok(state),
        _ => Err(Damage::Content),
    }
}

/// FNV-1a, 64 bits: any one changed byte changes it.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::collector::sequence::Sequence;
    use crate::server::wire::template::Field;
    use crate::server::wire::transport_session::TransportSession;

    const UDP: TransportSession = TransportSession::Udp { source_port: 2_000 };

    fn saved() -> SavedState {
        let mut options = OptionsState::default();
        options.domains.entry(1).or_default().system_init_ms = Some(1_790_000_000_000);
        let options = Arc::new(options);
        let mut sequence = Sequence::default();
        sequence.advance(7, Some(3), 100);
        let definition = Definition {
            id: 256,
            is_options: false,
            scope_count: 0,
            fields: vec![Field { element: 8, enterprise: 0, length: 4 }; 20],
        };
        let key = Key { session: UDP, protocol: Protocol::Ipfix, observation_domain: 1, template_id: 256 };
        let session = SessionKey { session: UDP, protocol: Protocol::Ipfix, observation_domain: 1 };
        let template = SavedTemplate { key, definition: Arc::new(definition), defined_us: 5, used_us: 6 };
        let sequence = sequence.saved().unwrap();
        let exporter = |last| SavedExporter {
            address: IpAddr::from([192, 0, 2, last]),
            sent_from: None,
            first_seen_us: 1,
            last_seen_us: 2,
            protocols: vec![Protocol::Ipfix],
            templates: vec![template.clone()],
            sessions: vec![SavedSession { key: session, sequence, last_seen_us: 3 }],
            options: Arc::clone(&options),
        };
        SavedState { exporters: vec![exporter(1), exporter(2)] }
    }

    #[test]
    fn what_was_saved_is_read_and_no_prefix_or_flipped_byte_of_it_is() {
        let state = saved();
        let mut bytes = state.to_bytes().unwrap();
        assert_eq!(parse(&bytes), Ok(state));
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "{length} bytes");
        }
        for position in 0..bytes.len() {
            for mask in [0xff, 0x01, 0x80] {
                bytes[position] ^= mask;
                assert!(parse(&bytes).is_err(), "byte {position} with {mask:#x}");
                bytes[position] ^= mask;
            }
        }
        bytes.push(0);
        assert_eq!(parse(&bytes), Err(Damage::Length));
    }

    /// A file with this content and the checksum that fits.
    fn with_content(content: &[u8]) -> Vec<u8> {
        let mut bytes = SavedState::default().to_bytes().unwrap();
        bytes.truncate(16);
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(checksum(content).to_le_bytes());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn content_that_lies_about_its_counts_is_damage_even_with_the_right_checksum() {
        let whole = postcard::to_allocvec(&saved()).unwrap();
        for length in 0..whole.len() {
            assert_eq!(parse(&with_content(&whole[..length])), Err(Damage::Content), "{length} bytes");
        }
        for position in 0..whole.len() {
            let mut content = whole.clone();
            content[position] ^= 0xff;
            drop(parse(&with_content(&content)));
        }
        let billions = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(parse(&with_content(&billions)), Err(Damage::Content));
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let mut bytes = saved().to_bytes().unwrap();
        bytes[8] = 9;
        assert_eq!(parse(&bytes), Err(Damage::OtherFormat(9)));
    }
}
