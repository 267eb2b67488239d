//! A flow sample: one packet of many, and where it was seen. Its records describe the packet.

use super::record::Records;
use super::{DataSource, Items};
use crate::server::wire::error::Result;
use crate::server::wire::reader::Reader;

/// What says that there is no interface: the packet came from or went to the device itself.
const INTERNAL: u32 = 0x3fff_ffff;

/// Where a packet came in or went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// What the value is: 0 an SNMP index, 1 a reason why the packet was discarded, 2 a number of interfaces.
    pub format: u32,
    /// An index, a reason, or a number of interfaces.
    pub value: u32,
}

impl Interface {
    /// Both in one word, the format in the high two bits.
    const fn compact(word: u32) -> Self {
        Self { format: word >> 30, value: word & INTERNAL }
    }

    /// SNMP index; 0 when it is not one interface, or none that is known.
    pub const fn index(self) -> u32 {
        match (self.format, self.value) {
            (0, INTERNAL | u32::MAX) => 0,
            (0, index) => index,
            _ => 0,
        }
    }
}

/// A flow sample, as `flow_sample` or `flow_sample_expanded` has it.
#[derive(Clone, Copy, Debug)]
pub struct FlowSample<'a> {
    /// True for `flow_sample_expanded`, whose interfaces have two words each.
    pub is_expanded: bool,
    /// Number of this sample among those of its source.
    pub sequence: u32,
    /// What took it.
    pub source: DataSource,
    /// Sampling interval 1 in n; 0 when unknown.
    pub sampling_rate: u32,
    /// Packets that could have been sampled so far; wraps.
    pub sample_pool: u32,
    /// Samples that the agent dropped for lack of resources so far; wraps.
    pub drops: u32,
    /// Where the packet came in.
    pub input: Interface,
    /// Where it went out.
    pub output: Interface,
    /// Number of records, as stated.
    pub record_count: u32,
    /// The records, undecoded.
    pub body: Reader<'a>,
}

impl<'a> FlowSample<'a> {
    #[inline]
    pub(super) fn parse(mut body: Reader<'a>, is_expanded: bool) -> Result<Self> {
        if is_expanded {
            let [
                sequence,
                class,
                index,
                sampling_rate,
                sample_pool,
                drops,
                input_format,
                input,
                output_format,
                output,
                record_count,
            ] = body.words("flow_sample_expanded")?;
            return Ok(Self {
                is_expanded,
                sequence,
                source: DataSource { class, index },
                sampling_rate,
                sample_pool,
                drops,
                input: Interface { format: input_format, value: input },
                output: Interface { format: output_format, value: output },
                record_count,
                body,
            });
        }
        let [sequence, source, sampling_rate, sample_pool, drops, input, output, record_count] =
            body.words("flow_sample")?;
        Ok(Self {
            is_expanded,
            sequence,
            source: DataSource::compact(source),
            sampling_rate,
            sample_pool,
            drops,
            input: Interface::compact(input),
            output: Interface::compact(output),
            record_count,
            body,
        })
    }

    /// What describes the packet, in order.
    #[inline]
    pub const fn records(&self) -> Records<'a> {
        Records::new(Items { rest: self.body, left: self.record_count, field: "flow_record" })
    }
}
