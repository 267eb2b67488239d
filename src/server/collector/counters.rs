//! The account of everything that came. It adds up: nothing is dropped without a counter.
//!
//! A fault at the end of a set makes the set undecodable, but not the records before it, which are counted
//! as records. What an IPFIX message lacks of its stated length, or the datagram has beyond it, is one
//! undecodable set.
//!
//! - `datagrams` = by protocol + undecodable
//! - `sets` = template sets + data sets decoded, waiting, expired, refused + undecodable
//! - `template_records` = defined + withdrawn (no effect over UDP) + undecodable
//! - `data_records` + `reverse_records` = flow records + options records + `empty_records`

use std::ops::AddAssign;

use crate::model::exporter::Protocol;
use crate::model::traffic::Traffic;

use super::exporter::ByReason;

/// What came since the start of the process, from all exporters, and where it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of UDP payload received.
    pub datagram_bytes: u64,
    /// Datagrams whose header could be read: v5, v9, IPFIX.
    pub datagrams_by_protocol: [u64; 3],
    /// Datagrams that could not be read at all.
    pub undecodable_datagrams: ByReason,
    /// Sets in readable datagrams; the records of a v5 datagram are one set, and so is what is missing or too
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
    /// Withdrawals, which have no effect over UDP (RFC 7011 §8.4).
    pub templates_withdrawn: u64,
    /// Template records that were refused.
    pub undecodable_templates: ByReason,
    /// Data records decoded, options records included.
    pub data_records: u64,
    /// Options data records.
    pub options_records: u64,
    /// Flow records made of data records, and what they add up to.
    pub traffic: Traffic,
    /// Of the flow records, second halves of biflows.
    pub reverse_records: u64,
    /// Forward halves of biflows that carried nothing, left out.
    pub empty_records: u64,
    /// Whole records of zeros at the end of data sets, left out.
    pub zero_records: u64,
    /// Flow records that did not keep the times they were exported with.
    pub times_replaced: u64,
    /// Forward jumps of sequence numbers.
    pub sequence_gaps: u64,
    /// Flow records missing by sequence numbers (v5, IPFIX).
    pub missing_records: u64,
    /// Datagrams missing by sequence numbers (v9).
    pub missing_datagrams: u64,
    /// Exporters forgotten to make room.
    pub exporters_forgotten: u64,
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
    }
}

fn add_each<const N: usize>(sums: &mut [u64; N], counts: [u64; N]) {
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
    }
}
