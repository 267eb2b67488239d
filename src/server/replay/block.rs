//! Flows of a stretch of time, small and in the order they were received.

use std::net::{IpAddr, Ipv4Addr};

use super::pairs::{Pair, Pairs};
use crate::model::flow_record::ExporterId;
use crate::model::frame::FlowRow;
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};

/// What rows of a replay have for an exporter: its number is known to the process that received the flow only.
const NO_EXPORTER: ExporterId = ExporterId(u32::MAX);

/// A flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub received_ms: i64,
    pub bytes: u64,
    pub packets: u64,
    /// Position of the address in the block's.
    pub source: u32,
    /// Position of the address in the block's.
    pub destination: u32,
    /// Position of its pair of places in the block's.
    pub pair: u32,
    pub source_as: u32,
    pub destination_as: u32,
    pub sampling_interval: u32,
    /// As far as it fits, milliseconds.
    pub duration_ms: u32,
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
}

impl Row {
    pub fn traffic(&self) -> Traffic {
        let interval = u64::from(self.sampling_interval.max(1));
        Traffic {
            flows: 1,
            bytes: self.bytes,
            packets: self.packets,
            scaled_bytes: self.bytes.saturating_mul(interval),
            scaled_packets: self.packets.saturating_mul(interval),
            unknown_sampling: u64::from(self.sampling_interval == 0),
        }
    }
}

/// What a pair of places had in one bucket of sums. It passes with the bucket's last millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub passes_ms: i64,
    pub pair: u32,
    pub traffic: Traffic,
}

/// What passed in a stretch of time.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Flows, the oldest first.
    pub rows: Vec<Row>,
    /// Sums where there are no flows, the oldest first.
    pub sums: Vec<Sum>,
    pub pairs: Pairs,
    pub addresses: Vec<IpAddr>,
    /// True when a file could not be read.
    pub is_partial: bool,
}

impl Block {
    /// The flows received in a range.
    pub fn rows_of(&self, range: TimeRange) -> &[Row] {
        between(&self.rows, range, |row| row.received_ms)
    }

    /// The sums that pass in a range.
    pub fn sums_of(&self, range: TimeRange) -> &[Sum] {
        between(&self.sums, range, |sum| sum.passes_ms)
    }

    pub fn pair(&self, number: u32) -> Pair {
        self.pairs.pair(number)
    }

    pub fn address(&self, number: u32) -> IpAddr {
        let known = usize::try_from(number).ok().and_then(|at| self.addresses.get(at));
        known.copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// The newest flows before a moment, newest first; of those received together the order is that of their values.
    pub fn newest(&self, range: TimeRange, most: usize) -> Vec<FlowRow> {
        let rows = self.rows_of(range);
        let Some(last) = rows.len().checked_sub(most).or(Some(0)).and_then(|at| rows.get(at)) else {
            return Vec::new();
        };
        let first = rows.partition_point(|row| row.received_ms < last.received_ms);
        let chosen = rows.get(first..).unwrap_or_default();
        let mut flows: Vec<FlowRow> = chosen.iter().map(|row| self.flow(row)).collect();
        flows.sort_by_key(order);
        flows.truncate(most);
        flows
    }

    /// A flow as a row of a table, whose places are numbers of this block.
    fn flow(&self, row: &Row) -> FlowRow {
        let pair = self.pair(row.pair);
        FlowRow {
            received_ms: row.received_ms,
            source_address: self.address(row.source),
            source_port: row.source_port,
            source_place: pair.from,
            source_as: row.source_as,
            destination_address: self.address(row.destination),
            destination_port: row.destination_port,
            destination_place: pair.to,
            destination_as: row.destination_as,
            protocol: row.protocol,
            direction: pair.direction,
            bytes: row.bytes,
            packets: row.packets,
            duration_ms: u64::from(row.duration_ms),
            exporter: NO_EXPORTER,
            sampling_interval: row.sampling_interval,
        }
    }

    /// The countries of a pair's ends that are outside: the first so many of the two.
    pub fn outside_countries(&self, pair: Pair) -> ([Option<CountryCode>; 2], usize) {
        let country = |place| self.pairs.place(place).and_then(|place| place.country);
        match pair.direction {
            Direction::Inbound => ([country(pair.from), None], 1),
            Direction::Outbound => ([country(pair.to), None], 1),
            Direction::Internal => ([None, None], 0),
            Direction::Transit => ([country(pair.from), country(pair.to)], 2),
        }
    }
}

type Order = (std::cmp::Reverse<i64>, IpAddr, IpAddr, u16, u16, u8, u64, u64, u64);

fn order(flow: &FlowRow) -> Order {
    (
        std::cmp::Reverse(flow.received_ms),
        flow.source_address,
        flow.destination_address,
        flow.source_port,
        flow.destination_port,
        flow.protocol,
        flow.bytes,
        flow.packets,
        flow.duration_ms,
    )
}

fn between<T>(all: &[T], range: TimeRange, moment: impl Fn(&T) -> i64) -> &[T] {
    let first = all.partition_point(|one| moment(one) < range.from_ms);
    let end = all.partition_point(|one| moment(one) < range.to_ms);
    all.get(first..end).unwrap_or_default()
}
