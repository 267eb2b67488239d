//! What information elements are to a flow record: slots for integers, and which element wins a slot.
//!
//! An element whose length makes no sense for its slot is not used: a record must not be lost to a field.
//! Unsigned integers may have 1 to 16 bytes, of which the low 8 count: exporters send 3, 5, 6 and even 9.

use super::template::Field;

/// Private enterprise number of reverse information elements (RFC 5103).
pub const REVERSE_ENTERPRISE: u32 = 29_305;
/// v9's number for the firewall event before it became IANA's 233.
const ASA_FIREWALL_EVENT: u16 = 40_005;

/// A place for one integer of a data record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Slot {
    /// IPv4 source address.
    SourceV4,
    /// IPv4 destination address.
    DestinationV4,
    /// High half of the IPv6 source address.
    SourceV6High,
    /// Low half of the IPv6 source address.
    SourceV6Low,
    /// High half of the IPv6 destination address.
    DestinationV6High,
    /// Low half of the IPv6 destination address.
    DestinationV6Low,
    /// Transport source port.
    SourcePort,
    /// Transport destination port.
    DestinationPort,
    /// IP protocol.
    Protocol,
    /// Type of service.
    TypeOfService,
    /// TCP flags.
    TcpFlags,
    /// VLAN id.
    Vlan,
    /// Bytes.
    Bytes,
    /// Packets.
    Packets,
    /// ICMP type × 256 + code.
    IcmpTypeCode,
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// Input interface.
    InputInterface,
    /// Output interface.
    OutputInterface,
    /// AS of the source.
    SourceAs,
    /// AS of the destination.
    DestinationAs,
    /// IPv4 prefix length of the source.
    SourceMaskV4,
    /// IPv4 prefix length of the destination.
    DestinationMaskV4,
    /// IPv6 prefix length of the source.
    SourceMaskV6,
    /// IPv6 prefix length of the destination.
    DestinationMaskV6,
    /// Why the flow ended.
    FlowEndReason,
    /// Ingress (0) or egress (1).
    FlowDirection,
    /// Sampling interval 1 in n.
    SamplingInterval,
    /// Packets sampled in a row (305).
    SamplingPacketInterval,
    /// Packets then left out (306).
    SamplingPacketSpace,
    /// First packet, on the plan's start clock.
    Start,
    /// Last packet, on the plan's end clock.
    End,
    /// Duration in milliseconds (161).
    Duration,
    /// When the exporter started, milliseconds since 1970 (160).
    SystemInit,
    /// Firewall event (233).
    FirewallEvent,
    /// Bytes of the reverse flow.
    ReverseBytes,
    /// Packets of the reverse flow.
    ReversePackets,
    /// TCP flags of the reverse flow.
    ReverseTcpFlags,
    /// Type of service of the reverse flow.
    ReverseTypeOfService,
    /// ICMP type × 256 + code of the reverse flow.
    ReverseIcmpTypeCode,
    /// First packet of the reverse flow.
    ReverseStart,
    /// Last packet of the reverse flow.
    ReverseEnd,
    /// Why the reverse flow ended.
    ReverseFlowEndReason,
    /// Ingress (0) or egress (1) of the reverse flow.
    ReverseFlowDirection,
    /// Bytes after treatment (23), where they do not count the reverse flow.
    PostBytes,
    /// Packets after treatment (24), likewise.
    PostPackets,
    /// Packets sampled (309) out of the population.
    SamplingSize,
    /// Population that they are sampled from (310).
    SamplingPopulation,
    /// Selector (302) or sampler (48) that sampled the flow.
    SelectorId,
}

/// Number of slots in the array: a power of two above the number of [`Slot`]s.
pub(super) const SLOTS: usize = 64;

/// The integers of one data record, by slot; 0 where the template has no such field.
#[derive(Clone, Debug)]
pub struct Values([u64; SLOTS]);

impl Values {
    /// No value at all.
    pub const fn new() -> Self {
        Self([0; SLOTS])
    }

    /// The value in a slot.
    #[inline]
    pub const fn value(&self, slot: Slot) -> u64 {
        self.0[slot as usize & (SLOTS - 1)]
    }

    #[inline]
    pub(super) const fn put(&mut self, slot: Slot, value: u64) {
        self.0[slot as usize & (SLOTS - 1)] = value;
    }
}

impl Default for Values {
    fn default() -> Self {
        Self::new()
    }
}

/// What a time slot counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Milliseconds of exporter uptime (21, 22).
    Uptime,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Seconds since 1900 and a binary fraction of 32 bits each (RFC 7011 §6.1.9, 6.1.10).
    Ntp,
    /// Microseconds before the export time (158, 159).
    DeltaMicroseconds,
}

/// The clocks of a plan's time slots; `None` where the template has no such time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Of [`Slot::Start`].
    pub start: Option<Clock>,
    /// Of [`Slot::End`].
    pub end: Option<Clock>,
    /// Of [`Slot::ReverseStart`].
    pub reverse_start: Option<Clock>,
    /// Of [`Slot::ReverseEnd`].
    pub reverse_end: Option<Clock>,
}

/// An element that goes into a slot; of several the lowest rank wins, then the first.
pub(super) struct Target {
    pub(super) slot: Slot,
    pub(super) rank: u8,
    pub(super) clock: Option<Clock>,
}

/// The target of a field whose length fits its information element.
pub(super) fn usable_target(field: Field) -> Option<Target> {
    let target = target(field.enterprise, field.element)?;
    let fits = match target.slot {
        Slot::SourceV4 | Slot::DestinationV4 => field.length == 4,
        Slot::SourceV6High | Slot::DestinationV6High => field.length == 16,
        _ => (1..=16).contains(&field.length),
    };
    fits.then_some(target)
}

impl Target {
    /// The same where 23 and 24 count the reverse flow.
    pub(super) fn with_reverse_out_counters(self) -> Self {
        match self.slot {
            Slot::PostBytes => Self { slot: Slot::ReverseBytes, rank: REVERSE_OUT_RANK, ..self },
            Slot::PostPackets => Self { slot: Slot::ReversePackets, rank: REVERSE_OUT_RANK, ..self },
            _ => self,
        }
    }
}

/// True for elements that only records of events have: firewall event, NAT event (230).
pub(super) const fn is_event(field: Field) -> bool {
    field.enterprise == 0 && matches!(field.element, 230 | 233 | ASA_FIREWALL_EVENT)
}

/// True for elements that only records of single packets have: frame size and sections of the packet (RFC 5477).
pub(super) const fn is_of_one_packet(field: Field) -> bool {
    field.enterprise == 0 && matches!(field.element, 312..=315)
}

/// Rank of the counters of ASA NSEL (231, 232, 298, 299).
pub(super) const INITIATOR_RANK: u8 = 2;
/// Ranks from here on are lengths of one packet, which are bytes of the record only where it is of one packet.
pub(super) const PACKET_LENGTH_RANK: u8 = 6;
/// Rank of 23 and 24 where they count the reverse flow: any other element wins.
const REVERSE_OUT_RANK: u8 = 9;

/// What an information element is to a flow record.
fn target(enterprise: u32, element: u16) -> Option<Target> {
    let timed = |slot, rank, clock| Some(Target { slot, rank, clock: Some(clock) });
    let (slot, rank) = match (enterprise, element) {
        (0, 1) => (Slot::Bytes, 0),
        (0, 85) => (Slot::Bytes, 1),
        (0, 231) => (Slot::Bytes, INITIATOR_RANK),
        (0, 352) => (Slot::Bytes, 3),
        (0, 353) => (Slot::Bytes, 4),
        (0, 224) => (Slot::Bytes, PACKET_LENGTH_RANK),
        (0, 312) => (Slot::Bytes, PACKET_LENGTH_RANK + 1),
        (0, 23) => (Slot::PostBytes, 0),
        (0, 2) => (Slot::Packets, 0),
        (0, 86) => (Slot::Packets, 1),
        (0, 298) => (Slot::Packets, INITIATOR_RANK),
        (0, 24) => (Slot::PostPackets, 0),
        (REVERSE_ENTERPRISE, 1) => (Slot::ReverseBytes, 0),
        (REVERSE_ENTERPRISE, 85) => (Slot::ReverseBytes, 1),
        (0, 232) => (Slot::ReverseBytes, INITIATOR_RANK),
        (REVERSE_ENTERPRISE, 2) => (Slot::ReversePackets, 0),
        (REVERSE_ENTERPRISE, 86) => (Slot::ReversePackets, 1),
        (0, 299) => (Slot::ReversePackets, INITIATOR_RANK),
        (0, 4) => (Slot::Protocol, 0),
        (0, 5) => (Slot::TypeOfService, 0),
        (0, 6) => (Slot::TcpFlags, 0),
        (0, 7) => (Slot::SourcePort, 0),
        (0, 180 | 182) => (Slot::SourcePort, 1),
        (0, 11) => (Slot::DestinationPort, 0),
        (0, 181 | 183) => (Slot::DestinationPort, 1),
        (0, 8) => (Slot::SourceV4, 0),
        (0, 44) => (Slot::SourceV4, 1),
        (0, 12) => (Slot::DestinationV4, 0),
        (0, 45) => (Slot::DestinationV4, 1),
        (0, 27) => (Slot::SourceV6High, 0),
        (0, 170) => (Slot::SourceV6High, 1),
        (0, 28) => (Slot::DestinationV6High, 0),
        (0, 169) => (Slot::DestinationV6High, 1),
        (0, 9) => (Slot::SourceMaskV4, 0),
        (0, 13) => (Slot::DestinationMaskV4, 0),
        (0, 29) => (Slot::SourceMaskV6, 0),
        (0, 30) => (Slot::DestinationMaskV6, 0),
        (0, 10) => (Slot::InputInterface, 0),
        (0, 252) => (Slot::InputInterface, 1),
        (0, 14) => (Slot::OutputInterface, 0),
        (0, 253) => (Slot::OutputInterface, 1),
        (0, 16) => (Slot::SourceAs, 0),
        (0, 17) => (Slot::DestinationAs, 0),
        (0, 58) => (Slot::Vlan, 0),
        (0, 243) => (Slot::Vlan, 1),
        (0, 59) => (Slot::Vlan, 2),
        (0, 254) => (Slot::Vlan, 3),
        (0, 32) => (Slot::IcmpTypeCode, 0),
        (0, 139) => (Slot::IcmpTypeCode, 1),
        (0, 176) => (Slot::IcmpType, 0),
        (0, 178) => (Slot::IcmpType, 1),
        (0, 177) => (Slot::IcmpCode, 0),
        (0, 179) => (Slot::IcmpCode, 1),
        (0, 136) => (Slot::FlowEndReason, 0),
        (0, 61) => (Slot::FlowDirection, 0),
        (0, 34) => (Slot::SamplingInterval, 0),
        (0, 50) => (Slot::SamplingInterval, 1),
        (0, 305) => (Slot::SamplingPacketInterval, 0),
        (0, 306) => (Slot::SamplingPacketSpace, 0),
        (0, 309) => (Slot::SamplingSize, 0),
        (0, 310) => (Slot::SamplingPopulation, 0),
        (0, 302) => (Slot::SelectorId, 0),
        (0, 48) => (Slot::SelectorId, 1),
        (0, 160) => (Slot::SystemInit, 0),
        (0, 161) => (Slot::Duration, 0),
        (0, 233) => (Slot::FirewallEvent, 0),
        (0, ASA_FIREWALL_EVENT) => (Slot::FirewallEvent, 1),
        (REVERSE_ENTERPRISE, 5) => (Slot::ReverseTypeOfService, 0),
        (REVERSE_ENTERPRISE, 6) => (Slot::ReverseTcpFlags, 0),
        (REVERSE_ENTERPRISE, 32) => (Slot::ReverseIcmpTypeCode, 0),
        (REVERSE_ENTERPRISE, 139) => (Slot::ReverseIcmpTypeCode, 1),
        (REVERSE_ENTERPRISE, 136) => (Slot::ReverseFlowEndReason, 0),
        (REVERSE_ENTERPRISE, 61) => (Slot::ReverseFlowDirection, 0),
        (0, 323) => return timed(Slot::End, 6, Clock::Milliseconds),
        (0, 324 | 325) => return timed(Slot::End, 7, Clock::Ntp),
        (0, 322) => return timed(Slot::End, 8, Clock::Seconds),
        (0 | REVERSE_ENTERPRISE, 21 | 22 | 150..=159) => {
            let (rank, clock) = match element {
                152 | 153 => (0, Clock::Milliseconds),
                154..=157 => (1, Clock::Ntp),
                150 | 151 => (2, Clock::Seconds),
                21 | 22 => (3, Clock::Uptime),
                _ => (4, Clock::DeltaMicroseconds),
            };
            // 22 starts and 21 ends; of 150 to 159 the even ones start.
            let slot = match (enterprise, element % 2) {
                (0, 0) => Slot::Start,
                (0, _) => Slot::End,
                (_, 0) => Slot::ReverseStart,
                _ => Slot::ReverseEnd,
            };
            return timed(slot, rank, clock);
        }
        _ => return None,
    };
    Some(Target { slot, rank, clock: None })
}
