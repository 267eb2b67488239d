//! Amounts of traffic, and which way it goes.

use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::flow_record::FlowRecord;

/// An exact amount of traffic: as exported, and scaled by the sampling interval of each flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// Number of flow records; a biflow counts as two.
    pub flows: u64,
    /// Bytes of layer 3 and above (IANA element 1, `octetDeltaCount`).
    pub bytes: u64,
    /// Packets (IANA element 2, `packetDeltaCount`).
    pub packets: u64,
    /// Bytes × sampling interval; as exported where the interval is unknown.
    pub scaled_bytes: u64,
    /// Packets × sampling interval; as exported where the interval is unknown.
    pub scaled_packets: u64,
    /// Of `flows`, those whose sampling interval is unknown.
    pub unknown_sampling: u64,
}

impl Traffic {
    /// No traffic at all.
    pub const NONE: Self =
        Self { flows: 0, bytes: 0, packets: 0, scaled_bytes: 0, scaled_packets: 0, unknown_sampling: 0 };

    /// One flow record.
    #[inline]
    pub fn of(flow: &FlowRecord) -> Self {
        let interval = u64::from(flow.sampling_interval.max(1));
        Self {
            flows: 1,
            bytes: flow.bytes,
            packets: flow.packets,
            scaled_bytes: flow.bytes.saturating_mul(interval),
            scaled_packets: flow.packets.saturating_mul(interval),
            unknown_sampling: u64::from(flow.sampling_interval == 0),
        }
    }

    /// What flow records add up to. Flows of equal interval in a row are scaled together, which is the same.
    #[inline]
    pub fn of_all(flows: &[FlowRecord]) -> Self {
        let equal = flows.chunk_by(|one, next| one.sampling_interval == next.sampling_interval);
        equal.fold(Self::NONE, |sum, equal| {
            let (bytes, packets) = equal.iter().fold((0_u64, 0_u64), |(bytes, packets), flow| {
                (bytes.saturating_add(flow.bytes), packets.saturating_add(flow.packets))
            });
            let stated = equal.first().map_or(0, |flow| flow.sampling_interval);
            let interval = u64::from(stated.max(1));
            let flows = equal.len() as u64;
            sum + Self {
                flows,
                bytes,
                packets,
                scaled_bytes: bytes.saturating_mul(interval),
                scaled_packets: packets.saturating_mul(interval),
                unknown_sampling: if stated == 0 { flows } else { 0 },
            }
        })
    }

    /// True when sampling makes a difference: something in it stands for more than was exported.
    pub const fn is_scaled(self) -> bool {
        self.scaled_bytes != self.bytes || self.scaled_packets != self.packets
    }

    /// True when nothing was counted.
    pub const fn is_none(self) -> bool {
        self.flows == 0 && self.bytes == 0 && self.packets == 0
    }
}

impl Add for Traffic {
    type Output = Self;

    /// Sums saturate: counters from the network cannot make the process panic.
    fn add(self, other: Self) -> Self {
        Self {
            flows: self.flows.saturating_add(other.flows),
            bytes: self.bytes.saturating_add(other.bytes),
            packets: self.packets.saturating_add(other.packets),
            scaled_bytes: self.scaled_bytes.saturating_add(other.scaled_bytes),
            scaled_packets: self.scaled_packets.saturating_add(other.scaled_packets),
            unknown_sampling: self.unknown_sampling.saturating_add(other.unknown_sampling),
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Traffic {
    type Output = Self;

    /// The difference of two running totals; never below zero.
    fn sub(self, earlier: Self) -> Self {
        Self {
            flows: self.flows.saturating_sub(earlier.flows),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            packets: self.packets.saturating_sub(earlier.packets),
            scaled_bytes: self.scaled_bytes.saturating_sub(earlier.scaled_bytes),
            scaled_packets: self.scaled_packets.saturating_sub(earlier.scaled_packets),
            unknown_sampling: self.unknown_sampling.saturating_sub(earlier.unknown_sampling),
        }
    }
}

/// Which way a flow goes, seen from the home networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to a home network.
    Inbound,
    /// From a home network to the outside.
    Outbound,
    /// Both ends are in home networks.
    Internal,
    /// Neither end is in a home network.
    Transit,
}

impl Direction {
    /// Every direction, in the order that arrays by direction use.
    pub const ALL: [Self; 4] = [Self::Inbound, Self::Outbound, Self::Internal, Self::Transit];

    /// Position in arrays by direction, 0 to 3.
    pub const fn index(self) -> usize {
        match self {
            Self::Inbound => 0,
            Self::Outbound => 1,
            Self::Internal => 2,
            Self::Transit => 3,
        }
    }

    /// The word that users and the filter language use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Internal => "internal",
            Self::Transit => "transit",
        }
    }

    /// The direction of a flow, by whether its source and its destination are in a home network.
    pub const fn of(source_is_home: bool, destination_is_home: bool) -> Self {
        match (source_is_home, destination_is_home) {
            (false, true) => Self::Inbound,
            (true, false) => Self::Outbound,
            (true, true) => Self::Internal,
            (false, false) => Self::Transit,
        }
    }
}
