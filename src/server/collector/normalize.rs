//! One flow record of each data record, or two of a biflow: addresses, ICMP, sampling and clocks.
//!
//! Times come from the record where they are believable: from a day before to five minutes after the
//! receive time. Otherwise the export time of the message stands in, else the receive time, and the
//! duration is kept. A replayed old capture is thus shown as if it happened now, and counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::plausibility::is_plausible;
use crate::model::flow_record::{ExporterId, FlowDirection, FlowRecord, SamplingSource, TimeSource};
use crate::server::wire::netflow_v5;
use crate::server::wire::plan::Plan;
use crate::server::wire::slot::{Clock, Slot, Values};

use super::sampling::one_in;

#[cfg(test)]
mod tests;

/// How far before the receive time a time may lie, milliseconds.
pub const MAX_AGE_MS: i64 = 24 * 3600 * 1000;
/// How far after the receive time a time may lie, milliseconds.
pub const MAX_AHEAD_MS: i64 = 5 * 60 * 1000;

const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;
/// Seconds from 1900 to 1970.
const NTP_TO_UNIX_S: u64 = 2_208_988_800;
/// Uptimes above this are milliseconds since 1970 (2001 and later): NX-OS has 8 bytes for them.
const UPTIME_IS_ABSOLUTE_MS: u64 = 1_000_000_000_000;
/// SNMP indices that some exporters send for "no interface" or "inside the device", beside 0.
const NO_INTERFACE: u32 = 0x3fff_ffff;
/// The event of ASA NSEL whose counters the teardown event repeats.
const FLOW_UPDATE_EVENT: u64 = 5;

/// What a message says about all its records.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Who sent it.
    pub exporter: ExporterId,
    /// Observation domain, source id or engine.
    pub observation_domain: u32,
    /// When the kernel received it, milliseconds since 1970.
    pub received_ms: i64,
    /// The exporter's clock in its header, milliseconds since 1970.
    pub export_ms: i64,
    /// The exporter's uptime in its header (v5, v9), milliseconds.
    pub uptime_ms: Option<u32>,
    /// When the exporter started, milliseconds since 1970, as it said elsewhere (IPFIX).
    pub system_init_ms: Option<i64>,
}

/// What became of a data record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// True when the forward flow record was left out: the half of a biflow that carried nothing.
    pub is_forward_empty: bool,
    /// True when a reverse flow record was added.
    pub has_reverse: bool,
    /// How many of the flow records did not keep the times they were exported with.
    pub times_replaced: u64,
    /// True when the data record is of an event without traffic: nothing was added.
    pub is_event: bool,
    /// How many flow records were left out for implausible counters.
    pub implausible_records: u64,
}

/// Times as a record gives them, milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    start_ms: Option<i64>,
    end_ms: Option<i64>,
    duration_ms: Option<i64>,
    has_any: bool,
}

struct Times {
    start_ms: i64,
    end_ms: i64,
    source: TimeSource,
    is_replaced: bool,
}

impl Origin {
    fn is_believable(&self, time_ms: i64) -> bool {
        time_ms >= self.received_ms.saturating_sub(MAX_AGE_MS)
            && time_ms <= self.received_ms.saturating_add(MAX_AHEAD_MS)
    }

    fn times(&self, given: Given) -> Times {
        let believable = |time: Option<i64>| time.filter(|&time| self.is_believable(time));
        let duration = given.duration_ms.filter(|duration| (0..=MAX_AGE_MS).contains(duration));
        let source = TimeSource::Record;
        match (believable(given.start_ms), believable(given.end_ms)) {
            (Some(start_ms), Some(end_ms)) => {
                Times { start_ms: start_ms.min(end_ms), end_ms, source, is_replaced: start_ms > end_ms }
            }
            (None, Some(end_ms)) => {
                let earliest_ms = self.received_ms.saturating_sub(MAX_AGE_MS);
                let (start_ms, is_replaced) = match given.start_ms {
                    Some(start_ms) if start_ms < earliest_ms => (earliest_ms, true),
                    Some(_) => (end_ms, true),
                    None => (end_ms.saturating_sub(duration.unwrap_or(0)), false),
                };
                Times { start_ms, end_ms, source, is_replaced }
            }
            (Some(start_ms), None) => {
                let end_ms = believable(Some(start_ms.saturating_add(duration.unwrap_or(0))));
                let is_replaced = given.end_ms.is_some();
                Times { start_ms, end_ms: end_ms.unwrap_or(start_ms), source, is_replaced }
            }
            (None, None) => {
                let (end_ms, source) = if self.is_believable(self.export_ms) {
                    (self.export_ms, TimeSource::ExportTime)
                } else {
                    (self.received_ms, TimeSource::ReceiveTime)
                };
                let start_ms = end_ms.saturating_sub(duration.unwrap_or(0));
                Times { start_ms, end_ms, source, is_replaced: given.has_any }
            }
        }
    }

    /// Times on the clock of uptime; both 0 is how exporters say that they have none.
    fn given_by_uptime(&self, first: u64, last: u64, system_init_ms: Option<i64>) -> Given {
        if first == 0 && last == 0 {
            return Given { has_any: true, ..Given::default() };
        }
        Given {
            start_ms: self.uptime_to_unix(first, system_init_ms),
            end_ms: self.uptime_to_unix(last, system_init_ms),
            duration_ms: Some(i64::from(low_u32(last).wrapping_sub(low_u32(first)))),
            has_any: true,
        }
    }

    fn uptime_to_unix(&self, uptime: u64, system_init_ms: Option<i64>) -> Option<i64> {
        if uptime >= UPTIME_IS_ABSOLUTE_MS {
            return i64::try_from(uptime).ok();
        }
        if let Some(now) = self.uptime_ms {
            // The counter wraps after 49.7 days: the shorter way round is the right one.
            let age_ms = now.wrapping_sub(low_u32(uptime)).cast_signed();
            return Some(self.export_ms.saturating_sub(i64::from(age_ms)));
        }
        // RFC 7011 has 32 bits for it, too: of all wraps take the one next to the export time.
        let init_ms = system_init_ms?;
        let now_ms = u64::try_from(self.export_ms.saturating_sub(init_ms)).ok()?;
        let age_ms = low_u32(now_ms).wrapping_sub(low_u32(uptime)).cast_signed();
        Some(self.export_ms.saturating_sub(i64::from(age_ms)))
    }

    fn absolute(&self, clock: Clock, value: u64) -> Option<i64> {
        if value == 0 {
            return None;
        }
        match clock {
            Clock::Uptime => None,
            Clock::Seconds => i64::try_from(value).ok()?.checked_mul(1000),
            Clock::Milliseconds => i64::try_from(value).ok(),
            Clock::Ntp => {
                // Seconds before 1970 are those of the era that begins in 2036.
                let since_1900_s = value >> 32;
                let era = if since_1900_s < NTP_TO_UNIX_S { 1 << 32 } else { 0 };
                let fraction_ms = ((value & 0xffff_ffff) * 1000) >> 32;
                i64::try_from((since_1900_s + era - NTP_TO_UNIX_S) * 1000 + fraction_ms).ok()
            }
            Clock::DeltaMicroseconds => self.export_ms.checked_sub(i64::try_from(value / 1000).ok()?),
        }
    }

    fn given(&self, values: &Values, start: TimeSlot, end: TimeSlot, plan: &Plan) -> Given {
        let (first, last) = (values.value(start.slot), values.value(end.slot));
        let own_init = values.value(Slot::SystemInit);
        let system_init_ms = if own_init == 0 { self.system_init_ms } else { i64::try_from(own_init).ok() };
        if start.clock == Some(Clock::Uptime) && end.clock == Some(Clock::Uptime) {
            return self.given_by_uptime(first, last, system_init_ms);
        }
        let time = |slot: TimeSlot, value| match slot.clock? {
            Clock::Uptime if value == 0 => None,
            Clock::Uptime => self.uptime_to_unix(value, system_init_ms),
            clock => self.absolute(clock, value),
        };
        let (start_ms, end_ms) = (time(start, first), time(end, last));
        let duration_ms = match (start_ms, end_ms) {
            (Some(start_ms), Some(end_ms)) => end_ms.checked_sub(start_ms),
            _ if plan.has(Slot::Duration) => i64::try_from(values.value(Slot::Duration)).ok(),
            _ => None,
        };
        Given { start_ms, end_ms, duration_ms, has_any: start.clock.is_some() || end.clock.is_some() }
    }
}

#[derive(Clone, Copy)]
struct TimeSlot {
    slot: Slot,
    clock: Option<Clock>,
}

/// Adds the flow record of a data record, and the reverse one where the data record is a biflow
/// (RFC 5103, or initiator and responder of ASA NSEL) and something went back. A half of an RFC 5103
/// biflow that carried nothing is left out: softflowd sends empty ones. A record of an event without traffic
/// adds nothing, nor does one whose counters cannot be.
#[inline]
pub fn push_flows(plan: &Plan, values: &Values, origin: &Origin, flows: &mut Vec<FlowRecord>) -> Outcome {
    let counts = Counts::of(plan, values);
    if plan.may_be_event() && counts.are_zero() {
        return Outcome { is_event: true, ..Outcome::default() };
    }
    let clocks = plan.clocks();
    let start = TimeSlot { slot: Slot::Start, clock: clocks.start };
    let end = TimeSlot { slot: Slot::End, clock: clocks.end };
    let times = origin.times(origin.given(values, start, end, plan));
    let (source_address, destination_address, is_v6) = addresses(plan, values);
    let (source_mask, destination_mask) = if is_v6 {
        (Slot::SourceMaskV6, Slot::DestinationMaskV6)
    } else {
        (Slot::SourceMaskV4, Slot::DestinationMaskV4)
    };
    let protocol = low_u8(values.value(Slot::Protocol));
    let sampling_interval = sampling_interval(plan, values);
    let is_sampling_known = sampling_interval != 0;
    let mut record = FlowRecord {
        source_address,
        destination_address,
        source_port: low_u16(values.value(Slot::SourcePort)),
        destination_port: low_u16(values.value(Slot::DestinationPort)),
        icmp_type_code: 0,
        protocol,
        type_of_service: low_u8(values.value(Slot::TypeOfService)),
        tcp_flags: low_u16(values.value(Slot::TcpFlags)) & 0x1ff,
        vlan: low_u16(values.value(Slot::Vlan)),
        bytes: counts.bytes,
        packets: counts.packets,
        start_ms: times.start_ms,
        end_ms: times.end_ms,
        received_ms: origin.received_ms,
        time_source: times.source,
        is_reverse: false,
        flow_direction: flow_direction(plan, values, Slot::FlowDirection),
        input_interface: interface(values.value(Slot::InputInterface)),
        output_interface: interface(values.value(Slot::OutputInterface)),
        source_as: low_u32(values.value(Slot::SourceAs)),
        destination_as: low_u32(values.value(Slot::DestinationAs)),
        source_mask: low_u8(values.value(source_mask)),
        destination_mask: low_u8(values.value(destination_mask)),
        flow_end_reason: low_u8(values.value(Slot::FlowEndReason)),
        sampling_interval,
        sampling_source: if is_sampling_known { SamplingSource::Record } else { SamplingSource::Unknown },
        exporter: origin.exporter,
        observation_domain: origin.observation_domain,
    };
    if is_icmp(protocol) {
        record.icmp_type_code = icmp_type_code(plan, values);
        record.source_port = 0;
        record.destination_port = 0;
    }
    let has_reverse = counts.reverse_bytes != 0 || counts.reverse_packets != 0;
    let is_forward_empty = plan.is_biflow() && record.bytes == 0 && record.packets == 0;
    let mut outcome = Outcome { is_forward_empty, has_reverse, ..Outcome::default() };
    if !is_forward_empty && outcome.keeps(&record, times.is_replaced) {
        flows.push(record);
    }
    if has_reverse {
        let (reverse, is_replaced) = reverse(plan, values, origin, &record, counts);
        if outcome.keeps(&reverse, is_replaced) {
            flows.push(reverse);
        }
    }
    outcome
}

impl Outcome {
    /// Whether a flow record can be; counts what becomes of it.
    #[inline]
    pub(super) fn keeps(&mut self, record: &FlowRecord, are_times_replaced: bool) -> bool {
        let is_kept = is_plausible(record);
        self.times_replaced += u64::from(is_kept && are_times_replaced);
        self.implausible_records += u64::from(!is_kept);
        is_kept
    }
}

/// The counters of a data record, both ways.
#[derive(Clone, Copy)]
struct Counts {
    bytes: u64,
    packets: u64,
    reverse_bytes: u64,
    reverse_packets: u64,
}

impl Counts {
    #[inline]
    fn of(plan: &Plan, values: &Values) -> Self {
        if plan.repeats_updates() && values.value(Slot::FirewallEvent) == FLOW_UPDATE_EVENT {
            return Self { bytes: 0, packets: 0, reverse_bytes: 0, reverse_packets: 0 };
        }
        let (mut bytes, mut packets) = (values.value(Slot::Bytes), values.value(Slot::Packets));
        if bytes | packets == 0 {
            (bytes, packets) = (values.value(Slot::PostBytes), values.value(Slot::PostPackets));
        }
        Self {
            bytes,
            packets: packets.saturating_add(plan.implied_packets()),
            reverse_bytes: values.value(Slot::ReverseBytes),
            reverse_packets: values.value(Slot::ReversePackets),
        }
    }

    const fn are_zero(self) -> bool {
        self.bytes | self.packets | self.reverse_bytes | self.reverse_packets == 0
    }
}

/// The second half of a biflow: the ends exchanged, its own counters, flags and, if sent, times.
fn reverse(
    plan: &Plan,
    values: &Values,
    origin: &Origin,
    forward: &FlowRecord,
    counts: Counts,
) -> (FlowRecord, bool) {
    let clocks = plan.clocks();
    let start = if clocks.reverse_start.is_some() {
        TimeSlot { slot: Slot::ReverseStart, clock: clocks.reverse_start }
    } else {
        TimeSlot { slot: Slot::Start, clock: clocks.start }
    };
    let end = if clocks.reverse_end.is_some() {
        TimeSlot { slot: Slot::ReverseEnd, clock: clocks.reverse_end }
    } else {
        TimeSlot { slot: Slot::End, clock: clocks.end }
    };
    let times = origin.times(origin.given(values, start, end, plan));
    let own = |slot: Slot, otherwise: u8| {
        if plan.has(slot) { low_u8(values.value(slot)) } else { otherwise }
    };
    let icmp = low_u16(values.value(Slot::ReverseIcmpTypeCode));
    let record = FlowRecord {
        source_address: forward.destination_address,
        destination_address: forward.source_address,
        source_port: forward.destination_port,
        destination_port: forward.source_port,
        icmp_type_code: if is_icmp(forward.protocol) { icmp } else { 0 },
        tcp_flags: low_u16(values.value(Slot::ReverseTcpFlags)) & 0x1ff,
        type_of_service: own(Slot::ReverseTypeOfService, forward.type_of_service),
        flow_end_reason: own(Slot::ReverseFlowEndReason, forward.flow_end_reason),
        bytes: counts.reverse_bytes,
        packets: counts.reverse_packets,
        start_ms: times.start_ms,
        end_ms: times.end_ms,
        time_source: times.source,
        is_reverse: true,
        // Where it was seen is where the record as a whole was made, unless the record says otherwise.
        flow_direction: flow_direction(plan, values, Slot::ReverseFlowDirection).or(forward.flow_direction),
        input_interface: forward.output_interface,
        output_interface: forward.input_interface,
        source_as: forward.destination_as,
        destination_as: forward.source_as,
        source_mask: forward.destination_mask,
        destination_mask: forward.source_mask,
        ..*forward
    };
    (record, times.is_replaced)
}

/// Adds the flow record of a record of v1, v5 or v7. `sampling` is that of its datagram.
#[expect(
    clippy::inline_always,
    reason = "with several callers it is not inlined by itself: a tenth of v5's rate"
)]
#[inline(always)]
pub fn push_flow_v5(
    record: &netflow_v5::Record,
    (sampling_interval, sampling_source): (u32, SamplingSource),
    origin: &Origin,
    flows: &mut Vec<FlowRecord>,
) -> Outcome {
    let given = origin.given_by_uptime(u64::from(record.first_ms), u64::from(record.last_ms), None);
    let times = origin.times(given);
    let is_icmp = is_icmp(record.protocol);
    flows.push(FlowRecord {
        source_address: IpAddr::V4(record.source_address),
        destination_address: IpAddr::V4(record.destination_address),
        source_port: if is_icmp { 0 } else { record.source_port },
        destination_port: if is_icmp { 0 } else { record.destination_port },
        icmp_type_code: if is_icmp { record.destination_port } else { 0 },
        protocol: record.protocol,
        type_of_service: record.type_of_service,
        tcp_flags: u16::from(record.tcp_flags),
        vlan: 0,
        bytes: u64::from(record.bytes),
        packets: u64::from(record.packets),
        start_ms: times.start_ms,
        end_ms: times.end_ms,
        received_ms: origin.received_ms,
        time_source: times.source,
        is_reverse: false,
        flow_direction: None,
        input_interface: u32::from(record.input_interface),
        output_interface: u32::from(record.output_interface),
        source_as: u32::from(record.source_as),
        destination_as: u32::from(record.destination_as),
        source_mask: record.source_mask,
        destination_mask: record.destination_mask,
        flow_end_reason: 0,
        sampling_interval,
        sampling_source,
        exporter: origin.exporter,
        observation_domain: origin.observation_domain,
    });
    Outcome { times_replaced: u64::from(times.is_replaced), ..Outcome::default() }
}

/// Source, destination, and whether they are IPv6. A template may have both kinds, one of them zero.
#[inline]
fn addresses(plan: &Plan, values: &Values) -> (IpAddr, IpAddr, bool) {
    let v4 = |slot| IpAddr::V4(Ipv4Addr::from_bits(low_u32(values.value(slot))));
    let v6 = |high, low| {
        let bits = u128::from(values.value(high)) << 64 | u128::from(values.value(low));
        Ipv6Addr::from_bits(bits).to_canonical()
    };
    let has_v6 = plan.has(Slot::SourceV6High) || plan.has(Slot::DestinationV6High);
    let is_v4 = !has_v6 || values.value(Slot::SourceV4) | values.value(Slot::DestinationV4) != 0;
    if is_v4 {
        return (v4(Slot::SourceV4), v4(Slot::DestinationV4), false);
    }
    let source = v6(Slot::SourceV6High, Slot::SourceV6Low);
    let destination = v6(Slot::DestinationV6High, Slot::DestinationV6Low);
    if source.is_unspecified() && destination.is_unspecified() {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        return (none, none, false);
    }
    (source, destination, true)
}

/// Ingress or egress (61), where the record says one of the two.
#[inline]
fn flow_direction(plan: &Plan, values: &Values, slot: Slot) -> Option<FlowDirection> {
    match values.value(slot) {
        0 if plan.has(slot) => Some(FlowDirection::Ingress),
        1 => Some(FlowDirection::Egress),
        _ => None,
    }
}

/// ICMP type × 256 + code: an element of its own, type and code apart, or the destination port.
fn icmp_type_code(plan: &Plan, values: &Values) -> u16 {
    let together = low_u16(values.value(Slot::IcmpTypeCode));
    if together != 0 {
        return together;
    }
    if plan.has(Slot::IcmpType) || plan.has(Slot::IcmpCode) {
        let (kind, code) = (low_u8(values.value(Slot::IcmpType)), low_u8(values.value(Slot::IcmpCode)));
        return u16::from_be_bytes([kind, code]);
    }
    // With a source port it is an identifier, not a type.
    if values.value(Slot::SourcePort) == 0 { low_u16(values.value(Slot::DestinationPort)) } else { 0 }
}

/// 1 in n, by 34 or 50, else by 305 and 306, else by 309 and 310; 0 when unknown.
#[inline]
fn sampling_interval(plan: &Plan, values: &Values) -> u32 {
    let interval = values.value(Slot::SamplingInterval);
    if interval != 0 {
        return u32::try_from(interval).unwrap_or(u32::MAX);
    }
    let sampled = values.value(Slot::SamplingPacketInterval);
    if sampled != 0 && plan.has(Slot::SamplingPacketSpace) {
        return one_in(sampled.saturating_add(values.value(Slot::SamplingPacketSpace)), sampled);
    }
    let size = values.value(Slot::SamplingSize);
    if size != 0 { one_in(values.value(Slot::SamplingPopulation), size) } else { 0 }
}

/// An SNMP index; 0 where there is no interface.
#[inline]
const fn interface(value: u64) -> u32 {
    match low_u32(value) {
        NO_INTERFACE => 0,
        index => index,
    }
}

const fn is_icmp(protocol: u8) -> bool {
    matches!(protocol, ICMP | ICMP_V6)
}

#[inline]
const fn low_u32(value: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = value.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[inline]
const fn low_u16(value: u64) -> u16 {
    let [.., a, b] = value.to_be_bytes();
    u16::from_be_bytes([a, b])
}

#[inline]
const fn low_u8(value: u64) -> u8 {
    let [.., a] = value.to_be_bytes();
    a
}
