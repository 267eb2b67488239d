//! sFlow version 5 (sflow.org): the datagram and its samples.
//!
//! A datagram is XDR (RFC 4506): words of four bytes in network order. Agent and sub-agent say who measured,
//! whatever address the datagram came from. Each sample states its own length, so one that cannot be read
//! costs that sample; counts are never trusted beyond the bytes there are.
//!
//! ```text
//! 0 version = 5   4 agent address type   8 agent address (4 or 16)
//! then: sub-agent id, sequence number, uptime in ms, number of samples, samples of
//! enterprise (20 bits) + format (12 bits), length, body
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::{Error, Reason, Result};
use super::reader::Reader;

pub mod discarded_packet;
pub mod flow_sample;
pub mod record;

use self::discarded_packet::DiscardedPacket;
use self::flow_sample::FlowSample;

/// The version word.
pub const VERSION: u32 = 5;
/// The version word as it begins a datagram.
pub const VERSION_BYTES: [u8; 4] = VERSION.to_be_bytes();

/// Sample format of flow samples.
pub const FLOW_SAMPLE: u32 = 1;
/// Sample format of counter samples.
pub const COUNTER_SAMPLE: u32 = 2;
/// Sample format of flow samples with wide interface numbers.
pub const EXPANDED_FLOW_SAMPLE: u32 = 3;
/// Sample format of counter samples with wide interface numbers.
pub const EXPANDED_COUNTER_SAMPLE: u32 = 4;
/// Sample format of notifications of discarded packets.
pub const DISCARDED_PACKET: u32 = 5;

/// Address type of an address that is not known, and has no bytes.
const UNKNOWN_ADDRESS: u32 = 0;
/// Address type of four bytes.
pub const IPV4_ADDRESS: u32 = 1;
/// Address type of sixteen bytes.
pub const IPV6_ADDRESS: u32 = 2;

/// The header of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Address that the agent is known by; `0.0.0.0` when it does not know.
    pub agent: IpAddr,
    /// Tells apart the processes of an agent that send on their own, such as line cards.
    pub sub_agent: u32,
    /// Number of this datagram among those of the sub-agent, from 1.
    pub sequence: u32,
    /// Milliseconds since the agent started; wraps after 49.7 days.
    pub uptime_ms: u32,
    /// Number of samples, as stated.
    pub sample_count: u32,
}

impl Header {
    /// Reads the header, version word included.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let at_version = *reader;
        if reader.u32("version")? != VERSION {
            return Err(at_version.error("version", Reason::UnknownVersion));
        }
        let agent = address(reader)?;
        let [sub_agent, sequence, uptime_ms, sample_count] = reader.words("datagram header")?;
        Ok(Self { agent, sub_agent, sequence, uptime_ms, sample_count })
    }
}

/// The address that the agent of a datagram is known by, if it is an sFlow datagram that tells.
pub fn agent(payload: &[u8]) -> Option<IpAddr> {
    let rest = payload.strip_prefix(&VERSION_BYTES)?;
    address(&mut Reader::new(rest))
        .ok()
        .map(|agent| agent.to_canonical())
        .filter(|agent| !agent.is_unspecified())
}

/// Reads a type and an address; `0.0.0.0` for one that is not known.
pub(super) fn address(reader: &mut Reader<'_>) -> Result<IpAddr> {
    let at_type = *reader;
    match reader.u32("address type")? {
        UNKNOWN_ADDRESS => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IPV4_ADDRESS => reader.u32("address").map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        IPV6_ADDRESS => reader.words("address").map(|words| IpAddr::V6(ipv6(words))),
        _ => Err(at_type.error("address type", Reason::AddressType)),
    }
}

/// The address of four words.
pub(super) fn ipv6([a, b, c, d]: [u32; 4]) -> Ipv6Addr {
    Ipv6Addr::from_bits(u128::from(a) << 96 | u128::from(b) << 64 | u128::from(c) << 32 | u128::from(d))
}

/// What took a sample: usually an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataSource {
    /// Kind of the index: 0 is SNMP's ifIndex, 1 a VLAN, 2 a physical entity.
    pub class: u32,
    /// Which of its kind.
    pub index: u32,
}

impl DataSource {
    /// Both in one word.
    const fn compact(word: u32) -> Self {
        Self { class: word >> 24, index: word & 0x00ff_ffff }
    }
}

/// A sample of a datagram.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    /// A packet that was sampled.
    Flow(FlowSample<'a>),
    /// Counters of an interface or of the machine.
    Counters(CounterSample<'a>),
    /// A packet that was discarded.
    Discarded(DiscardedPacket<'a>),
    /// A format that is not decoded, or a vendor's.
    Unknown {
        /// Enterprise number × 4096 + format.
        format: u32,
        /// Its bytes.
        body: Reader<'a>,
    },
}

/// Counters of a data source, as they were at some moment. What they count is not read.
#[derive(Clone, Copy, Debug)]
pub struct CounterSample<'a> {
    /// True when class and index of the source have a word each.
    pub is_expanded: bool,
    /// Number of this sample among the counter samples of its source.
    pub sequence: u32,
    /// Whose counters they are.
    pub source: DataSource,
    /// Number of counter records, as stated.
    pub record_count: u32,
    /// The counter records.
    pub records: Reader<'a>,
}

impl<'a> CounterSample<'a> {
    fn parse(mut body: Reader<'a>, is_expanded: bool) -> Result<Self> {
        let (sequence, source, record_count) = if is_expanded {
            let [sequence, class, index, count] = body.words("counters_sample_expanded")?;
            (sequence, DataSource { class, index }, count)
        } else {
            let [sequence, source, count] = body.words("counters_sample")?;
            (sequence, DataSource::compact(source), count)
        };
        Ok(Self { is_expanded, sequence, source, record_count, records: body })
    }
}

impl<'a> Sample<'a> {
    #[inline]
    fn parse(format: u32, body: Reader<'a>) -> Result<Self> {
        match format {
            FLOW_SAMPLE | EXPANDED_FLOW_SAMPLE => {
                FlowSample::parse(body, format == EXPANDED_FLOW_SAMPLE).map(Self::Flow)
            }
            COUNTER_SAMPLE | EXPANDED_COUNTER_SAMPLE => {
                CounterSample::parse(body, format == EXPANDED_COUNTER_SAMPLE).map(Self::Counters)
            }
            DISCARDED_PACKET => DiscardedPacket::parse(body).map(Self::Discarded),
            _ => Ok(Self::Unknown { format, body }),
        }
    }
}

/// What a list of samples or records consists of: a format and the bytes of the body.
#[derive(Clone, Copy, Debug)]
struct Item<'a> {
    format: u32,
    body: Reader<'a>,
}

/// A counted list of items, each with its own length. A length that does not fit ends it, and so do fewer
/// items than counted; both are errors, as are bytes after the last item that are not zero.
#[derive(Clone, Debug)]
struct Items<'a> {
    rest: Reader<'a>,
    left: u32,
    field: &'static str,
}

impl<'a> Items<'a> {
    #[inline]
    fn item(&mut self) -> Result<Item<'a>> {
        let [format, length] = self.rest.words(self.field)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.rest.remaining() {
            return Err(self.rest.error(self.field, Reason::SampleLength));
        }
        let body = self.rest.take(length, self.field)?;
        // XDR pads to four bytes; some agents leave out the padding at the very end.
        let padding = length.wrapping_neg() % 4;
        self.rest.take(padding.min(self.rest.remaining()), self.field)?;
        Ok(Item { format, body })
    }

    fn end(&mut self, reason: Reason) -> Error {
        let error = self.rest.error(self.field, reason);
        self.rest.skip_rest();
        self.left = 0;
        error
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.left == 0 {
            return match (self.left, self.rest.is_zero()) {
                (0, true) => None,
                (0, false) => Some(Err(self.end(Reason::TrailingBytes))),
                _ => Some(Err(self.end(Reason::RecordCount))),
            };
        }
        self.left -= 1;
        let item = self.item();
        if item.is_err() {
            self.rest.skip_rest();
            self.left = 0;
        }
        Some(item)
    }
}

/// The samples of a datagram, in order. One that cannot be read is an error in its place.
#[derive(Clone, Debug)]
pub struct Samples<'a>(Items<'a>);

impl<'a> Samples<'a> {
    /// The samples after a header.
    pub const fn new(header: &Header, rest: Reader<'a>) -> Self {
        Self(Items { rest, left: header.sample_count, field: "sample" })
    }
}

impl<'a> Iterator for Samples<'a> {
    type Item = Result<Sample<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.next()?;
        Some(item.and_then(|item| Sample::parse(item.format, item.body)))
    }
}
