//! sFlow v5: a flow record of each packet sampled, and what its agents say of themselves.
//!
//! The exporter is the agent, by the address in its datagrams, wherever they came from; the sub-agent is the
//! observation domain. Each flow sample is one packet: one flow record of one packet and the bytes of its IP
//! packet, with the sample's own sampling interval and the receive time, for sFlow has no clock. Several
//! records may describe one packet: the most exact wins, and it counts once.
//!
//! Datagrams are followed by their sequence numbers, flow samples and notifications of discarded packets by
//! those of their data sources, whose `drops` say what the agent left out. The account:
//!
//! - `samples` = flow + counter + discarded + without packet + unknown + rate limited + undecodable samples
//! - each flow sample is one data record, and one flow record or an implausible one ([`super::counters`])

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::AddAssign;

use crate::model::exporter::{Protocol, Samples as ShownSamples};
use crate::model::flow_record::{FlowDirection, FlowRecord, SamplingSource, TimeSource};
use crate::server::wire::error::{Error, Reason};
use crate::server::wire::reader::Reader;
use crate::server::wire::sampled_header::{Decapsulation, Packet};
use crate::server::wire::sflow_v5::discarded_packet::DiscardedPacket;
use crate::server::wire::sflow_v5::flow_sample::FlowSample;
use crate::server::wire::sflow_v5::record::{RawHeader, Record, SampledIp};
use crate::server::wire::sflow_v5::{DataSource, Header, Sample, Samples};

use super::counters::add_each;
use super::datagram::{Datagram, REORDERING_DATAGRAMS, REORDERING_RECORDS, Tally};
use super::exporter::ByReason;
use super::normalize::{Origin, Outcome};
use super::sampling::Sampling;
use super::sequence::{Arrival, Content, Sequence};

#[cfg(test)]
mod tests;

/// Bytes of an Ethernet header and of the check sequence, which frame lengths include.
const ETHERNET_BYTES: u32 = 14 + 4;

/// The account of all samples since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples in readable datagrams; what is missing or too much at the end of a datagram is one more.
    pub samples: u64,
    /// Flow samples that describe a packet.
    pub flow_samples: u64,
    /// Counter samples; what they count is not read.
    pub counter_samples: u64,
    /// Notifications of discarded packets; they are no flows.
    pub discarded_packets: u64,
    /// Flow samples that describe no packet (transactions of applications), left out.
    pub samples_without_packet: u64,
    /// Samples of vendors, and of formats that are not decoded.
    pub unknown_samples: u64,
    /// Flow samples skipped because their agent sent more than it may.
    pub rate_limited_samples: u64,
    /// Samples that could not be decoded.
    pub undecodable_samples: ByReason,
    /// Records that could not be decoded in samples that are counted above, at most one a sample.
    pub undecodable_records: ByReason,
    /// What did not come of flow samples.
    pub flow_sample_losses: Losses,
    /// What did not come of notifications of discarded packets.
    pub notification_losses: Losses,
    /// Data sources followed now.
    pub data_sources: u64,
    /// Samples of data sources that are not followed, for the limit: losses of theirs are not seen.
    pub samples_not_followed: u64,
}

impl AddAssign for Counters {
    /// Adds what another worker has counted. Names every field, so that none can be left out.
    fn add_assign(&mut self, other: Self) {
        let Self {
            samples,
            flow_samples,
            counter_samples,
            discarded_packets,
            samples_without_packet,
            unknown_samples,
            rate_limited_samples,
            undecodable_samples,
            undecodable_records,
            flow_sample_losses,
            notification_losses,
            data_sources,
            samples_not_followed,
        } = other;
        self.samples += samples;
        self.flow_samples += flow_samples;
        self.counter_samples += counter_samples;
        self.discarded_packets += discarded_packets;
        self.samples_without_packet += samples_without_packet;
        self.unknown_samples += unknown_samples;
        self.rate_limited_samples += rate_limited_samples;
        add_each(&mut self.undecodable_samples, undecodable_samples);
        add_each(&mut self.undecodable_records, undecodable_records);
        self.flow_sample_losses.missing += flow_sample_losses.missing;
        self.flow_sample_losses.dropped += flow_sample_losses.dropped;
        self.notification_losses.missing += notification_losses.missing;
        self.notification_losses.dropped += notification_losses.dropped;
        self.data_sources += data_sources;
        self.samples_not_followed += samples_not_followed;
    }
}

/// What data sources took, and what did not come here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Missing by sequence numbers.
    pub missing: u64,
    /// Dropped by the agents before they were sent, as they say.
    pub dropped: u64,
}

/// What is kept of an exporter as an sFlow agent.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    flow_samples: u64,
    counter_samples: u64,
    discarded_packets: BTreeMap<&'static str, u64>,
    losses: Losses,
    sources: HashMap<SourceKey, Source>,
}

/// A data source of a sub-agent, and what it numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SourceKey {
    sub_agent: u32,
    source: DataSource,
    kind: Kind,
}

/// What a data source numbers on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    FlowSample,
    Notification,
}

/// Two words at once: this is done for every sample.
impl Hash for SourceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let DataSource { class, index } = self.source;
        state.write_u64(u64::from(self.sub_agent) << 32 | u64::from(index));
        state.write_u64(u64::from(class) << 1 | u64::from(self.kind == Kind::Notification));
    }
}

#[derive(Clone, Debug)]
struct Source {
    sequence: Sequence,
    drops: u32,
    last_seen_us: i64,
}

impl Agent {
    /// As pages and the API show it.
    pub fn shown(&self) -> ShownSamples {
        let discarded = self.discarded_packets.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let mut discarded: Vec<_> = discarded.collect();
        discarded.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        ShownSamples {
            flow: self.flow_samples,
            counter: self.counter_samples,
            missing: self.losses.missing,
            dropped: self.losses.dropped,
            discarded,
        }
    }

    /// Data sources that are followed.
    pub fn data_sources(&self) -> u64 {
        self.sources.len() as u64
    }

    /// Forgets the data sources that are silent since a time; answers how many.
    pub fn forget_silent_sources(&mut self, since_us: i64) -> u64 {
        let before = self.data_sources();
        self.sources.retain(|_, source| source.last_seen_us >= since_us);
        self.sources.shrink_to_fit();
        before - self.data_sources()
    }
}

impl Datagram<'_> {
    pub(super) fn sflow_v5(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let whole = reader;
        let header = Header::parse(&mut reader)?;
        let received_ms = self.received_us.div_euclid(1000);
        let message = self.message(Protocol::SflowV5, header.sub_agent, received_ms, Some(header.uptime_ms));
        self.open_session(message);
        if self.is_duplicate(message, header.sequence, whole, REORDERING_DATAGRAMS) {
            return Ok(());
        }
        let is_over_rate = self.is_over_rate();
        let first = self.flows.len();
        let mut tally = Tally::default();
        for sample in Samples::new(&header, reader) {
            self.counters.sflow.samples += 1;
            match sample {
                Ok(Sample::Flow(sample)) if is_over_rate => {
                    let key = SourceKey {
                        sub_agent: header.sub_agent,
                        source: sample.source,
                        kind: Kind::FlowSample,
                    };
                    self.follow(key, sample.sequence, sample.drops);
                    self.count_rate_limited_sample();
                }
                Ok(Sample::Flow(sample)) => {
                    if let Some(outcome) = self.flow_sample(&message.origin, &sample) {
                        tally.add(outcome);
                    }
                }
                Ok(Sample::Counters(_)) => {
                    self.state.sflow.counter_samples += 1;
                    self.counters.sflow.counter_samples += 1;
                }
                Ok(Sample::Discarded(packet)) => self.discarded_packet(header.sub_agent, &packet),
                Ok(Sample::Unknown { .. }) => self.counters.sflow.unknown_samples += 1,
                Err(error) => self.count_undecodable_sample(error.reason),
            }
        }
        self.count_flows(first, tally);
        self.sequence(message, header.sequence, Content::known(1), REORDERING_DATAGRAMS);
        Ok(())
    }

    /// Adds the flow record of a flow sample; `None` if it describes no packet.
    #[inline]
    fn flow_sample(&mut self, origin: &Origin, sample: &FlowSample<'_>) -> Option<Outcome> {
        let sub_agent = origin.observation_domain;
        let key = SourceKey { sub_agent, source: sample.source, kind: Kind::FlowSample };
        self.follow(key, sample.sequence, sample.drops);
        let mut description = Description::default();
        let mut fault = None;
        for record in sample.records() {
            match record {
                Ok(record) => description.add(&record, self.rules.decapsulation),
                Err(error) => fault = fault.or(Some(error.reason)),
            }
        }
        let is_described = description.exactness > Exactness::Nothing;
        match fault {
            Some(reason) if is_described => self.count_undecodable_record(reason),
            Some(reason) => self.count_undecodable_sample(reason),
            None if !is_described => self.counters.sflow.samples_without_packet += 1,
            None => {}
        }
        if !is_described {
            return None;
        }
        let sampling = Sampling::configured(&self.rules.sampling, self.address, origin.observation_domain)
            .of_own(sample.sampling_rate);
        let record = description.flow_record(origin, sample, sampling);
        let mut outcome = Outcome::default();
        if outcome.keeps(&record, false) {
            self.flows.push(record);
        }
        self.state.sflow.flow_samples += 1;
        self.counters.sflow.flow_samples += 1;
        Some(outcome)
    }

    fn discarded_packet(&mut self, sub_agent: u32, packet: &DiscardedPacket<'_>) {
        let key = SourceKey { sub_agent, source: packet.source, kind: Kind::Notification };
        self.follow(key, packet.sequence, packet.drops);
        *self.state.sflow.discarded_packets.entry(packet.reason_name()).or_default() += 1;
        self.counters.sflow.discarded_packets += 1;
        if let Some(Err(error)) = packet.records().find(Result::is_err) {
            self.count_undecodable_record(error.reason);
        }
    }

    /// Takes the numbers that a data source gave a sample. Within the limits every source is followed.
    fn follow(&mut self, key: SourceKey, number: u32, drops: u32) {
        let agent = &mut self.state.sflow;
        let counters = &mut self.counters.sflow;
        let has_room = agent.sources.len() < self.limits.data_sources_per_exporter
            && counters.data_sources < self.limits.data_sources;
        let last_seen_us = self.received_us;
        let source = match agent.sources.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if !has_room => {
                counters.samples_not_followed += 1;
                return;
            }
            Entry::Vacant(new) => {
                counters.data_sources += 1;
                new.insert(Source { sequence: Sequence::default(), drops, last_seen_us })
            }
        };
        source.last_seen_us = last_seen_us;
        let total = match key.kind {
            Kind::FlowSample => &mut counters.flow_sample_losses,
            Kind::Notification => &mut counters.notification_losses,
        };
        match source.sequence.advance(number, Some(1), REORDERING_RECORDS) {
            Arrival::InOrder => {}
            Arrival::Gap(missing) => {
                total.missing += u64::from(missing);
                agent.losses.missing += u64::from(missing);
            }
            Arrival::Late(found) => {
                let found = u64::from(found).min(agent.losses.missing);
                total.missing = total.missing.saturating_sub(found);
                agent.losses.missing -= found;
                // What it says of drops is older than what is known.
                return;
            }
        }
        // A sum that fell is that of an agent that started anew.
        let increase = drops.wrapping_sub(source.drops);
        source.drops = drops;
        if increase <= u32::MAX / 2 {
            total.dropped += u64::from(increase);
            agent.losses.dropped += u64::from(increase);
        }
    }

    fn count_undecodable_sample(&mut self, reason: Reason) {
        self.state.undecodable[reason.index()] += 1;
        self.counters.sflow.undecodable_samples[reason.index()] += 1;
    }

    fn count_undecodable_record(&mut self, reason: Reason) {
        self.state.undecodable[reason.index()] += 1;
        self.counters.sflow.undecodable_records[reason.index()] += 1;
    }
}

/// How exactly a packet is described.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    /// Not at all.
    #[default]
    Nothing,
    /// By the layers below IP.
    Frame,
    /// By what the device read of the IP header.
    Sampled,
    /// By the IP header itself.
    Header,
}

/// What the records of a flow sample say together.
#[derive(Clone, Copy, Debug)]
struct Description {
    exactness: Exactness,
    packet: Packet,
    bytes: u32,
    /// VLAN, when the packet's own headers have none.
    switch_vlan: u16,
    source_mask: u8,
    destination_mask: u8,
    source_as: u32,
    destination_as: u32,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            exactness: Exactness::Nothing,
            packet: Packet::NONE,
            bytes: 0,
            switch_vlan: 0,
            source_mask: 0,
            destination_mask: 0,
            source_as: 0,
            destination_as: 0,
        }
    }
}

impl Description {
    #[inline]
    fn add(&mut self, record: &Record<'_>, decapsulation: Decapsulation) {
        match record {
            Record::RawHeader(raw) => self.add_header(raw, decapsulation),
            Record::Ethernet(frame) => {
                if self.exactness < Exactness::Frame {
                    self.exactness = Exactness::Frame;
                    self.bytes = frame.length.saturating_sub(ETHERNET_BYTES);
                }
            }
            Record::Ipv4(sampled) => self.add_sampled(sampled, |address: Ipv4Addr| IpAddr::V4(address)),
            Record::Ipv6(sampled) => {
                self.add_sampled(sampled, |address: Ipv6Addr| IpAddr::V6(address).to_canonical());
            }
            Record::Switch(switch) => {
                self.switch_vlan =
                    u16::try_from(switch.source_vlan).ok().filter(|vlan| *vlan < 4095).unwrap_or(0);
            }
            Record::Router(router) => {
                self.source_mask = prefix_length(router.source_mask);
                self.destination_mask = prefix_length(router.destination_mask);
            }
            Record::Gateway(gateway) => (self.source_as, self.destination_as) = gateway.ends(),
            Record::Other { .. } => {}
        }
    }

    #[inline]
    fn add_header(&mut self, raw: &RawHeader<'_>, decapsulation: Decapsulation) {
        let read = Packet::decode(raw.protocol, raw.header, decapsulation);
        let exactness = if read.is_ip { Exactness::Header } else { Exactness::Frame };
        if exactness <= self.exactness {
            if self.packet.vlan == 0 {
                self.packet.vlan = read.vlan;
            }
            return;
        }
        let vlan = if read.vlan == 0 { self.packet.vlan } else { read.vlan };
        self.exactness = exactness;
        self.packet = read;
        self.packet.vlan = vlan;
        let below_ip = u32::try_from(read.offset).unwrap_or(u32::MAX).saturating_add(raw.stripped);
        self.bytes =
            if read.ip_length > 0 { read.ip_length } else { raw.frame_length.saturating_sub(below_ip) };
    }

    fn add_sampled<A: Copy>(&mut self, sampled: &SampledIp<A>, address: impl Fn(A) -> IpAddr) {
        if self.exactness >= Exactness::Sampled {
            return;
        }
        self.exactness = Exactness::Sampled;
        self.bytes = sampled.length;
        let port = |port: u32| u16::try_from(port).unwrap_or(0);
        // Of ICMP nothing says what the ports are then.
        let protocol = u8::try_from(sampled.protocol).unwrap_or(0);
        let has_ports = matches!(protocol, 6 | 17 | 33 | 132 | 136);
        self.packet = Packet {
            source_address: address(sampled.source),
            destination_address: address(sampled.destination),
            source_port: if has_ports { port(sampled.source_port) } else { 0 },
            destination_port: if has_ports { port(sampled.destination_port) } else { 0 },
            protocol,
            type_of_service: u8::try_from(sampled.type_of_service).unwrap_or(0),
            tcp_flags: if protocol == 6 { port(sampled.tcp_flags) & 0x1ff } else { 0 },
            vlan: self.packet.vlan,
            ..Packet::NONE
        };
    }

    #[inline]
    fn flow_record(
        &self,
        origin: &Origin,
        sample: &FlowSample<'_>,
        (sampling_interval, sampling_source): (u32, SamplingSource),
    ) -> FlowRecord {
        let packet = &self.packet;
        let (input_interface, output_interface) = (sample.input.index(), sample.output.index());
        let is_interface = sample.source.class == 0 && sample.source.index != 0;
        let flow_direction = match sample.source.index {
            index if is_interface && index == input_interface => Some(FlowDirection::Ingress),
            index if is_interface && index == output_interface => Some(FlowDirection::Egress),
            _ => None,
        };
        FlowRecord {
            source_address: packet.source_address,
            destination_address: packet.destination_address,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            icmp_type_code: packet.icmp_type_code,
            protocol: packet.protocol,
            type_of_service: packet.type_of_service,
            tcp_flags: packet.tcp_flags,
            vlan: if packet.vlan == 0 { self.switch_vlan } else { packet.vlan },
            bytes: u64::from(self.bytes),
            packets: 1,
            start_ms: origin.received_ms,
            end_ms: origin.received_ms,
            received_ms: origin.received_ms,
            time_source: TimeSource::ReceiveTime,
            flow_direction,
            input_interface,
            output_interface,
            source_as: self.source_as,
            destination_as: self.destination_as,
            source_mask: self.source_mask,
            destination_mask: self.destination_mask,
            sampling_interval,
            sampling_source,
            exporter: origin.exporter,
            observation_domain: origin.observation_domain,
            ..FlowRecord::default()
        }
    }
}

/// A prefix length; 0 for what cannot be one.
fn prefix_length(length: u32) -> u8 {
    u8::try_from(length).ok().filter(|length| *length <= 128).unwrap_or(0)
}
