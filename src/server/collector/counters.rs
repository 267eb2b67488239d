//! The account of everything that came. It adds up: nothing is dropped without a counter.
//!
//! A fault at the end of a set makes the set undecodable, but not the records before it, which are counted
//! as records. What an IPFIX message lacks of its stated length, or the datagram has beyond it, is one
//! undecodable set.
//!
//! - sent to a socket = `datagrams` (without `stream_messages`) + kernel drops + what the socket still holds
//! - `datagrams` = by protocol (`duplicate_datagrams` included) + undecodable + not admitted
//! - `sets` = template sets + data sets decoded, waiting, expired, refused, without template, rate limited +
//!   undecodable
//! - `template_records` = defined + withdrawn + undecodable
//! - `options_records` = sum of `options_by_kind`
//! - `data_records` + `reverse_records` = flow records + options records + `empty_records` + `events` +
//!   `implausible_records` + `duplicate_flows`
//! - records sent (v5, v7, IPFIX) = `data_records` + `rate_limited_records` + `missing_records` +
//!   `uncertain_records` + `stopped_records`
//! - datagrams sent (v9, sFlow) = by protocol − duplicates + `missing_datagrams` + `stopped_datagrams`
//! - samples of sFlow: [`super::sflow`]; its datagrams have no sets, a flow sample is a data record
//!
//! What was sent counts from the first datagram of a session, and a loss is seen when a later one arrives.

use std::ops::AddAssign;

use crate::model::exporter::Protocol;
use crate::model::traffic::Traffic;

use super::exporter::ByReason;
use super::{options, sflow};

/// What came since the start of the process, from all exporters, and where it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received; a message over TCP or TLS counts as one.
    pub datagrams: u64,
    /// Bytes of UDP payload and of messages over TCP or TLS received.
    pub datagram_bytes: u64,
    /// Datagrams whose header could be read, in the order of [`Protocol::ALL`].
    pub datagrams_by_protocol: [u64; Protocol::ALL.len()],
    /// Datagrams that could not be read at all.
    pub undecodable_datagrams: ByReason,
    /// Sets in readable datagrams; the records of a v1, v5 or v7 datagram are one set, and so is what is missing or too
    /// much at the end of a message.
    pub sets: u64,
    /// Template sets and options template sets.
    pub template_sets: u64,
    /// Data sets decoded to their end, padding aside.
    pub data_sets_decoded: u64,
    /// Data sets that wait for their template, now.
    pub sets_waiting: u64,
    /// Data sets whose template never came, or whose exporter was forgotten.
    pub sets_expired: u64,
    /// Data sets without template that found no room to wait.
    pub sets_refused: u64,
    /// Sets that could not be decoded, or not to their end. Records before the error are counted below.
    pub undecodable_sets: ByReason,
    /// Template records in template sets.
    pub template_records: u64,
    /// Template records that defined a template, or confirmed one.
    pub templates_defined: u64,
    /// Withdrawals. They have no effect over UDP (RFC 7011 §8.4).
    pub templates_withdrawn: u64,
    /// Template records that were refused.
    pub undecodable_templates: ByReason,
    /// Data records decoded, options records included; flow samples of sFlow are data records.
    pub data_records: u64,
    /// Options data records.
    pub options_records: u64,
    /// Flow records made of data records, and what they add up to.
    pub traffic: Traffic,
    /// Second halves of biflows, of the flow records and of the implausible ones.
    pub reverse_records: u64,
    /// Forward halves of biflows that carried nothing, left out.
    pub empty_records: u64,
    /// Whole records of zeros at the end of data sets, left out.
    pub zero_records: u64,
    /// Flow records that did not keep the times they were exported with.
    pub times_replaced: u64,
    /// Forward jumps of sequence numbers.
    pub sequence_gaps: u64,
    /// Flow records missing by sequence numbers (v5, v7, IPFIX).
    pub missing_records: u64,
    /// Datagrams missing by sequence numbers (v9, sFlow).
    pub missing_datagrams: u64,
    /// Exporters forgotten to make room.
    pub exporters_forgotten: u64,
    /// Data records of firewall or NAT events without traffic of their own: no flow records.
    pub events: u64,
    /// Flow records left out for counters beyond [`plausibility`](super::plausibility).
    pub implausible_records: u64,
    /// Options data records by what they say.
    pub options_by_kind: options::ByKind,
    /// Of the datagrams, messages over TCP and TLS.
    pub stream_messages: u64,
    /// Data sets over TCP and TLS whose template was not known. They do not wait: all is in order there, so a
    /// template that comes later does not describe them.
    pub sets_without_template: u64,
    /// Templates forgotten because a withdrawal over TCP or TLS named them, or all of them.
    pub templates_removed: u64,
    /// Withdrawals over TCP and TLS of templates that were not known.
    pub unknown_withdrawals: u64,
    /// Templates that got another layout over TCP and TLS without being withdrawn before (RFC 7011 §8.1).
    pub templates_redefined: u64,
    /// Templates forgotten because their connection ended.
    pub templates_ended: u64,
    /// Samples of sFlow.
    pub sflow: sflow::Counters,
    /// Datagrams refused because their source is not admitted.
    pub datagrams_not_admitted: u64,
    /// Sources no longer listed as seen and not admitted, because others took their place.
    pub not_admitted_replaced: u64,
    /// Data sets skipped because their exporter sent more flow records than it may.
    pub rate_limited_sets: u64,
    /// Data records in those sets, by their length, and flow samples of sFlow skipped likewise.
    pub rate_limited_records: u64,
    /// Flow records dropped because a rule says that the flow is counted elsewhere.
    pub duplicate_flows: Traffic,
    /// Flows whose owner was forgotten too early, so that they may be counted twice.
    pub deduplication_evictions: u64,
    /// Of the datagrams by protocol, those that came twice: their sets are not counted again.
    pub duplicate_datagrams: u64,
    /// Records by sequence numbers that wait for a template, could not be decoded, or were lost: which of
    /// these is not known (yet).
    pub uncertain_records: u64,
    /// Records sent while the process was stopped, by sequence numbers (v5, v7, IPFIX).
    pub stopped_records: u64,
    /// Datagrams sent while the process was stopped, by sequence numbers (v9, sFlow).
    pub stopped_datagrams: u64,
}

impl Counters {
    /// What does not add up, by the equations above that need no more than this account; `None` when all do.
    pub fn imbalance(&self) -> Option<&'static str> {
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let sflow = &self.sflow;
        let equations = [
            (
                "datagrams",
                self.datagrams,
                sum(&self.datagrams_by_protocol)
                    + sum(&self.undecodable_datagrams)
                    + self.datagrams_not_admitted,
            ),
            (
                "sets",
                self.sets,
                self.template_sets
                    + self.data_sets_decoded
                    + self.sets_waiting
                    + self.sets_expired
                    + self.sets_refused
                    + self.sets_without_template
                    + self.rate_limited_sets
                    + sum(&self.undecodable_sets),
            ),
            (
                "template records",
                self.template_records,
                self.templates_defined + self.templates_withdrawn + sum(&self.undecodable_templates),
            ),
            ("options records", self.options_records, sum(&self.options_by_kind)),
            (
                "data records",
                self.data_records + self.reverse_records,
                self.traffic.flows
                    + self.options_records
                    + self.empty_records
                    + self.events
                    + self.implausible_records
                    + self.duplicate_flows.flows,
            ),
            (
                "samples",
                sflow.samples,
                sflow.flow_samples
                    + sflow.counter_samples
                    + sflow.discarded_packets
                    + sflow.samples_without_packet
                    + sflow.unknown_samples
                    + sflow.rate_limited_samples
                    + sum(&sflow.undecodable_samples),
            ),
        ];
        equations.into_iter().find(|(_, came, ended)| came != ended).map(|(what, ..)| what)
    }
}

impl AddAssign for Counters {
    /// Adds what another worker has counted. Names every field, so that none can be left out.
    fn add_assign(&mut self, other: Self) {
        let Self {
            datagrams,
            datagram_bytes,
            datagrams_by_protocol,
            undecodable_datagrams,
            sets,
            template_sets,
            data_sets_decoded,
            sets_waiting,
            sets_expired,
            sets_refused,
            undecodable_sets,
            template_records,
            templates_defined,
            templates_withdrawn,
            undecodable_templates,
            data_records,
            options_records,
            traffic,
            reverse_records,
            empty_records,
            zero_records,
            times_replaced,
            sequence_gaps,
            missing_records,
            missing_datagrams,
            exporters_forgotten,
            events,
            implausible_records,
            options_by_kind,
            stream_messages,
            sets_without_template,
            templates_removed,
            unknown_withdrawals,
            templates_redefined,
            templates_ended,
            sflow,
            datagrams_not_admitted,
            not_admitted_replaced,
            rate_limited_sets,
            rate_limited_records,
            duplicate_flows,
            deduplication_evictions,
            duplicate_datagrams,
            uncertain_records,
            stopped_records,
            stopped_datagrams,
        } = other;
        self.datagrams += datagrams;
        self.datagram_bytes += datagram_bytes;
        add_each(&mut self.datagrams_by_protocol, datagrams_by_protocol);
        add_each(&mut self.undecodable_datagrams, undecodable_datagrams);
        self.sets += sets;
        self.template_sets += template_sets;
        self.data_sets_decoded += data_sets_decoded;
        self.sets_waiting += sets_waiting;
        self.sets_expired += sets_expired;
        self.sets_refused += sets_refused;
        add_each(&mut self.undecodable_sets, undecodable_sets);
        self.template_records += template_records;
        self.templates_defined += templates_defined;
        self.templates_withdrawn += templates_withdrawn;
        add_each(&mut self.undecodable_templates, undecodable_templates);
        self.data_records += data_records;
        self.options_records += options_records;
        self.traffic += traffic;
        self.reverse_records += reverse_records;
        self.empty_records += empty_records;
        self.zero_records += zero_records;
        self.times_replaced += times_replaced;
        self.sequence_gaps += sequence_gaps;
        self.missing_records += missing_records;
        self.missing_datagrams += missing_datagrams;
        self.exporters_forgotten += exporters_forgotten;
        self.events += events;
        self.implausible_records += implausible_records;
        add_each(&mut self.options_by_kind, options_by_kind);
        self.stream_messages += stream_messages;
        self.sets_without_template += sets_without_template;
        self.templates_removed += templates_removed;
        self.unknown_withdrawals += unknown_withdrawals;
        self.templates_redefined += templates_redefined;
        self.templates_ended += templates_ended;
        self.sflow += sflow;
        self.datagrams_not_admitted += datagrams_not_admitted;
        self.not_admitted_replaced += not_admitted_replaced;
        self.rate_limited_sets += rate_limited_sets;
        self.rate_limited_records += rate_limited_records;
        self.duplicate_flows += duplicate_flows;
        self.deduplication_evictions += deduplication_evictions;
        self.duplicate_datagrams += duplicate_datagrams;
        self.uncertain_records += uncertain_records;
        self.stopped_records += stopped_records;
        self.stopped_datagrams += stopped_datagrams;
    }
}

pub(super) fn add_each<const N: usize>(sums: &mut [u64; N], counts: [u64; N]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// Position of a protocol in [`Counters::datagrams_by_protocol`].
pub const fn protocol_index(protocol: Protocol) -> usize {
    match protocol {
        Protocol::NetflowV5 => 0,
        Protocol::NetflowV9 => 1,
        Protocol::Ipfix => 2,
        Protocol::NetflowV1 => 3,
        Protocol::NetflowV7 => 4,
        Protocol::SflowV5 => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_is_counted_at_its_place_in_the_list() {
        for (index, protocol) in Protocol::ALL.into_iter().enumerate() {
            assert_eq!(protocol_index(protocol), index, "{}", protocol.name());
        }
    }

    #[test]
    fn an_account_that_does_not_add_up_says_where() {
        let mut counters = Counters { datagrams: 2, datagrams_not_admitted: 1, ..Counters::default() };
        assert_eq!(counters.imbalance(), Some("datagrams"));
        counters.datagrams_by_protocol[0] = 1;
        assert_eq!(counters.imbalance(), None);
        counters.sflow.samples = 1;
        assert_eq!(counters.imbalance(), Some("samples"));
        counters.sflow.rate_limited_samples = 1;
        counters.rate_limited_sets = 1;
        assert_eq!(counters.imbalance(), Some("sets"));
    }
}
