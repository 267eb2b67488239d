//! One flow record of each data record, or two of a biflow: addresses, ICMP, sampling and clocks.
//!
//! Times come from the record where they are believable: from a day before to five minutes after the
//! receive time. Otherwise the export time of the message stands in, else the receive time, and the
//! duration is kept. A replayed old capture is thus shown as if it happened now, and counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::flow_record::{ExporterId, FlowRecord, TimeSource};
use crate::server::wire::netflow_v5;
use crate::server::wire::plan::{Clock, Plan, Slot, Values};

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
/// biflow that carried nothing is left out: softflowd sends empty ones.
#[inline]
pub fn push_flows(plan: &Plan, values: &Values, origin: &Origin, flows: &mut Vec<FlowRecord>) -> Outcome {
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
    let is_repeated = plan.has(Slot::ReverseBytes) && values.value(Slot::FirewallEvent) == FLOW_UPDATE_EVENT;
    let counted = |slot| if is_repeated { 0 } else { values.value(slot) };
    let protocol = low_u8(values.value(Slot::Protocol));
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
        bytes: counted(Slot::Bytes),
        packets: counted(Slot::Packets),
        start_ms: times.start_ms,
        end_ms: times.end_ms,
        received_ms: origin.received_ms,
        time_source: times.source,
        is_reverse: false,
        input_interface: low_u32(values.value(Slot::InputInterface)),
        output_interface: low_u32(values.value(Slot::OutputInterface)),
        source_as: low_u32(values.value(Slot::SourceAs)),
        destination_as: low_u32(values.value(Slot::DestinationAs)),
        source_mask: low_u8(values.value(source_mask)),
        destination_mask: low_u8(values.value(destination_mask)),
        flow_end_reason: low_u8(values.value(Slot::FlowEndReason)),
        sampling_interval: sampling_interval(values),
        exporter: origin.exporter,
        observation_domain: origin.observation_domain,
    };
    if is_icmp(protocol) {
        record.icmp_type_code = icmp_type_code(plan, values);
        record.source_port = 0;
        record.destination_port = 0;
    }
    let (bytes, packets) = (counted(Slot::ReverseBytes), counted(Slot::ReversePackets));
    let has_reverse = bytes != 0 || packets != 0;
    let is_forward_empty = plan.is_biflow() && record.bytes == 0 && record.packets == 0;
    let mut outcome = Outcome { is_forward_empty, has_reverse, times_replaced: 0 };
    if !is_forward_empty {
        flows.push(record);
        outcome.times_replaced += u64::from(times.is_replaced);
    }
    if has_reverse {
        let (reverse, is_replaced) = reverse(plan, values, origin, &record, bytes, packets);
        outcome.times_replaced += u64::from(is_replaced);
        flows.push(reverse);
    }
    outcome
}

/// The second half of a biflow: the ends exchanged, its own counters, flags and, if sent, times.
fn reverse(
    plan: &Plan,
    values: &Values,
    origin: &Origin,
    forward: &FlowRecord,
    bytes: u64,
    packets: u64,
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
        bytes,
        packets,
        start_ms: times.start_ms,
        end_ms: times.end_ms,
        time_source: times.source,
        is_reverse: true,
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

/// Adds the flow record of a v5 record. `sampling_interval` is that of its header.
#[inline]
pub fn push_flow_v5(
    record: &netflow_v5::Record,
    sampling_interval: u32,
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
        input_interface: u32::from(record.input_interface),
        output_interface: u32::from(record.output_interface),
        source_as: u32::from(record.source_as),
        destination_as: u32::from(record.destination_as),
        source_mask: record.source_mask,
        destination_mask: record.destination_mask,
        flow_end_reason: 0,
        sampling_interval,
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

/// 1 in n, by 34 or 50, else by 305 and 306; 0 when unknown.
#[inline]
fn sampling_interval(values: &Values) -> u32 {
    let interval = values.value(Slot::SamplingInterval);
    if interval != 0 {
        return u32::try_from(interval).unwrap_or(u32::MAX);
    }
    let (sampled, space) =
        (values.value(Slot::SamplingPacketInterval), values.value(Slot::SamplingPacketSpace));
    let ratio = sampled.saturating_add(space).checked_div(sampled).unwrap_or(0);
    u32::try_from(ratio).unwrap_or(u32::MAX)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::wire::reader::Reader;
    use crate::server::wire::template::Field;

    const NOW_MS: i64 = 1_790_000_000_000;
    /// Elements of the reverse enterprise are written with this added.
    const REVERSE: u32 = 29_305_000;

    const V9: Origin = Origin {
        exporter: ExporterId(0),
        observation_domain: 0,
        received_ms: NOW_MS + 40,
        export_ms: NOW_MS,
        uptime_ms: Some(10_000),
        system_init_ms: None,
    };
    const IPFIX: Origin = Origin { uptime_ms: None, ..V9 };

    /// A record of fields that are given as element, length and value.
    fn flows(origin: &Origin, fields: &[(u32, u16, u64)]) -> (Vec<FlowRecord>, Outcome) {
        let mut body = Vec::new();
        let mut layout = Vec::new();
        for &(element, length, value) in fields {
            let enterprise = if element >= REVERSE { 29_305 } else { 0 };
            let element = u16::try_from(element % REVERSE).unwrap();
            layout.push(Field { element, enterprise, length });
            let bytes = u128::from(value).to_be_bytes();
            body.extend(&bytes[16 - usize::from(length)..]);
        }
        let plan = Plan::compile(&layout, 0).unwrap();
        let (mut flows, mut outcome) = (Vec::new(), Outcome::default());
        let (decoded, _) = plan.decode(Reader::new(&body), |values| {
            outcome = push_flows(&plan, values, origin, &mut flows);
        });
        assert_eq!(decoded.records, 1);
        (flows, outcome)
    }

    const fn back(element: u32) -> u32 {
        REVERSE + element
    }

    fn times(origin: &Origin, fields: &[(u32, u16, u64)]) -> (i64, i64, TimeSource, u64) {
        let (flows, outcome) = flows(origin, fields);
        let flow = flows[0];
        (flow.start_ms - NOW_MS, flow.end_ms - NOW_MS, flow.time_source, outcome.times_replaced)
    }

    fn unix(offset_ms: i64) -> u64 {
        u64::try_from(NOW_MS + offset_ms).unwrap()
    }

    #[test]
    fn uptime_counts_back_from_the_header_even_across_its_wrap() {
        let expected = (-4000, -1000, TimeSource::Record, 0);
        assert_eq!(times(&V9, &[(22, 4, 6000), (21, 4, 9000), (1, 4, 1)]), expected);
        let wrapped = Origin { uptime_ms: Some(500), ..V9 };
        let before = u64::from(u32::MAX) - 3499;
        let expected = (-4000, -400, TimeSource::Record, 0);
        assert_eq!(times(&wrapped, &[(22, 4, before), (21, 4, 100)]), expected);
    }

    #[test]
    fn eight_bytes_of_uptime_may_be_uptime_or_milliseconds_since_1970() {
        let expected = (-4000, -1000, TimeSource::Record, 0);
        assert_eq!(times(&V9, &[(22, 8, 6000), (21, 8, 9000)]), expected);
        assert_eq!(times(&V9, &[(22, 8, unix(-4000)), (21, 8, unix(-1000))]), expected);
    }

    #[test]
    fn ipfix_uptime_needs_the_start_of_the_exporter_and_keeps_the_duration_without() {
        let boot = NOW_MS - 10_000;
        let known = Origin { system_init_ms: Some(boot), ..IPFIX };
        let expected = (-4000, -1000, TimeSource::Record, 0);
        assert_eq!(times(&known, &[(22, 4, 6000), (21, 4, 9000)]), expected);
        let own = [(22, 4, 6000), (21, 4, 9000), (160, 8, unix(-10_000))];
        assert_eq!(times(&IPFIX, &own), expected);
        let unknown = times(&IPFIX, &[(22, 4, 6000), (21, 4, 9000)]);
        assert_eq!(unknown, (-3000, 0, TimeSource::ExportTime, 1));
    }

    #[test]
    fn every_absolute_clock_is_read() {
        let expected = (-4000, -1000, TimeSource::Record, 0);
        let seconds = |offset| unix(offset) / 1000;
        let ntp = |offset| (seconds(offset) + NTP_TO_UNIX_S) << 32;
        assert_eq!(times(&IPFIX, &[(150, 4, seconds(-4000)), (151, 4, seconds(-1000))]), expected);
        assert_eq!(times(&IPFIX, &[(152, 8, unix(-4000)), (153, 8, unix(-1000))]), expected);
        assert_eq!(times(&IPFIX, &[(154, 8, ntp(-4000)), (155, 8, ntp(-1000))]), expected);
        assert_eq!(times(&IPFIX, &[(156, 8, ntp(-4000)), (157, 8, ntp(-1000))]), expected);
        assert_eq!(times(&IPFIX, &[(158, 4, 4_000_000), (159, 4, 1_000_000)]), expected);
        assert_eq!(times(&IPFIX, &[(152, 8, unix(-4000)), (161, 4, 3000)]), expected);
        assert_eq!(times(&IPFIX, &[(152, 8, unix(-4000)), (323, 8, unix(-1000))]), expected);
        let half = [(154, 8, ntp(-4000) | 1 << 31), (155, 8, ntp(-1000))];
        assert_eq!(times(&IPFIX, &half).0, -3500);
    }

    #[test]
    fn times_of_other_years_give_way_to_the_receive_time_and_are_counted() {
        let old = Origin { export_ms: 1_400_000_000_000, ..V9 };
        let replaced = times(&old, &[(22, 4, 6000), (21, 4, 9000)]);
        assert_eq!(replaced, (40 - 3000, 40, TimeSource::ReceiveTime, 1));
        assert_eq!(times(&old, &[(1, 4, 7)]), (40, 40, TimeSource::ReceiveTime, 0));
        let zeros = [(22, 4, 0), (21, 4, 0), (1, 4, 7)];
        assert_eq!(times(&V9, &zeros), (0, 0, TimeSource::ExportTime, 1));
    }

    #[test]
    fn a_flow_longer_than_a_day_starts_a_day_ago() {
        let two_days = 2 * MAX_AGE_MS;
        let long = times(&IPFIX, &[(152, 8, unix(-two_days)), (153, 8, unix(-1000))]);
        assert_eq!(long, (40 - MAX_AGE_MS, -1000, TimeSource::Record, 1));
    }

    #[test]
    fn a_biflow_is_two_flows_with_exchanged_ends() {
        let fields = [
            (8, 4, 1),
            (12, 4, 2),
            (7, 2, 1000),
            (11, 2, 80),
            (10, 2, 5),
            (14, 2, 6),
            (1, 4, 300),
            (2, 4, 3),
            (back(1), 4, 400),
            (back(2), 4, 4),
            (6, 1, 2),
            (back(6), 1, 0x12),
        ];
        let (flows, outcome) = flows(&IPFIX, &fields);
        assert!(outcome.has_reverse && flows.len() == 2);
        assert_eq!(flows[1].source_address, flows[0].destination_address);
        assert_eq!((flows[1].source_port, flows[1].destination_port), (80, 1000));
        assert_eq!((flows[1].input_interface, flows[1].output_interface), (6, 5));
        assert_eq!((flows[1].bytes, flows[1].packets, flows[1].tcp_flags), (400, 4, 0x12));
        assert!(flows[1].is_reverse && !flows[0].is_reverse);
    }

    #[test]
    fn halves_of_a_biflow_that_carried_nothing_are_left_out() {
        let counters = |forward, reverse| {
            let (flows, _) = flows(&IPFIX, &[(8, 4, 1), (1, 4, forward), (back(1), 4, reverse)]);
            flows.iter().map(|flow| (flow.bytes, flow.is_reverse)).collect::<Vec<_>>()
        };
        assert_eq!(counters(9, 0), [(9, false)]);
        assert_eq!(counters(0, 9), [(9, true)]);
        assert_eq!(counters(0, 0), []);
    }

    #[test]
    fn asa_counts_at_teardown_and_its_create_event_is_a_flow_without_bytes() {
        let bytes = |event, initiator, responder| {
            let fields = [(8, 4, 1), (233, 1, event), (231, 4, initiator), (232, 4, responder)];
            flows(&V9, &fields).0.iter().map(|flow| flow.bytes).collect::<Vec<_>>()
        };
        assert_eq!(bytes(1, 0, 0), [0]);
        assert_eq!(bytes(5, 100, 200), [0]);
        assert_eq!(bytes(2, 100, 200), [100, 200]);
    }

    #[test]
    fn icmp_has_a_type_and_no_ports_wherever_the_type_comes_from() {
        let icmp = |fields: &[(u32, u16, u64)]| {
            let flow = flows(&V9, fields).0[0];
            (flow.icmp_type_code, flow.source_port, flow.destination_port)
        };
        assert_eq!(icmp(&[(4, 1, 1), (32, 2, 0x0301)]), (0x0301, 0, 0));
        assert_eq!(icmp(&[(4, 1, 58), (178, 1, 128), (179, 1, 0)]), (0x8000, 0, 0));
        assert_eq!(icmp(&[(4, 1, 1), (7, 2, 0), (11, 2, 0x0800)]), (0x0800, 0, 0));
        assert_eq!(icmp(&[(4, 1, 1), (176, 1, 8), (177, 1, 0), (7, 2, 99), (11, 2, 99)]), (0x0800, 0, 0));
        assert_eq!(icmp(&[(4, 1, 6), (7, 2, 1), (11, 2, 2), (32, 2, 0x0800)]), (0, 1, 2));
    }

    #[test]
    fn of_two_address_families_the_one_that_is_not_zero_counts() {
        let sources = |v4, v6| flows(&V9, &[(8, 4, v4), (27, 16, v6), (29, 1, 64), (9, 1, 24)]).0[0];
        assert_eq!(sources(0x0102_0304, 0).source_address, IpAddr::from([1, 2, 3, 4]));
        assert_eq!(sources(0x0102_0304, 0).source_mask, 24);
        assert_eq!(sources(0, 9).source_address, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 9]));
        assert_eq!(sources(0, 9).source_mask, 64);
        let mapped = flows(&V9, &[(27, 16, 0xffff_0102_0304)]).0[0];
        assert_eq!(mapped.source_address, IpAddr::from([1, 2, 3, 4]));
    }

    #[test]
    fn a_sampling_rate_of_zero_packets_is_unknown() {
        let interval = |fields: &[(u32, u16, u64)]| flows(&V9, fields).0[0].sampling_interval;
        assert_eq!(interval(&[(34, 4, 100)]), 100);
        assert_eq!(interval(&[(305, 4, 1), (306, 4, 99)]), 100);
        assert_eq!(interval(&[(305, 4, 0), (306, 4, 99)]), 0);
    }
}
