//! Counting a flow once that is reported more than once, by the operator's rules.
//!
//! A rule of a direction drops flow records marked with the other one (61); the halves of a biflow go together.
//! In a group of exporters, the one that reports a flow's key (addresses, ports, protocol) first owns it until
//! it has been silent about it for the rule's timeout; what the others report of it is dropped. Records without
//! addresses have no key and are kept.
//!
//! Owners are kept by a keyed 64-bit hash of group and key in a table of fixed size, made for the first flow of
//! a group: nothing is allocated for a record. In a full bucket the one to expire first is replaced; if it was
//! still owned, that flow may be counted twice, and the eviction is counted. Two keys share a hash about once in
//! 10¹³ records. Without a rule there is one branch a set.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::net::IpAddr;

use serde::Deserialize;

use super::datagram::Datagram;
use crate::model::flow_record::{ExporterId, FlowDirection, FlowRecord};
use crate::model::network::Network;
use crate::model::traffic::Traffic;

/// How long an exporter owns a flow it no longer reports, unless the rule says otherwise, seconds.
pub const DEFAULT_TIMEOUT_S: u32 = 300;
/// The longest timeout, seconds.
const MAX_TIMEOUT_S: u32 = 86_400;
/// Entries of a bucket: two lines of cache.
const WAYS: usize = 8;
/// Flow records whose owners are looked up together.
const TOGETHER: usize = 32;

/// What decides which report of a flow is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// That of where packets come in.
    Ingress,
    /// That of where packets go out.
    Egress,
    /// Those of the exporter that reported the flow first.
    FirstExporter,
}

impl By {
    /// The direction whose reports are counted.
    const fn direction(self) -> Option<FlowDirection> {
        match self {
            Self::Ingress => Some(FlowDirection::Ingress),
            Self::Egress => Some(FlowDirection::Egress),
            Self::FirstExporter => None,
        }
    }

    /// As it is written in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
            Self::FirstExporter => "first_exporter",
        }
    }
}

/// A rule against counting a flow twice. For an exporter one rule of a direction and one of a group may hold,
/// each that with the longest prefix around its address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountOnce {
    /// What people call it.
    pub name: String,
    /// Whom it is about.
    pub exporters: Vec<Network>,
    /// What decides.
    pub by: By,
    /// How long an exporter owns a flow it no longer reports, seconds.
    timeout_s: Option<u32>,
}

impl CountOnce {
    /// Says what is wrong with the rule in itself or beside the `earlier` ones.
    pub fn check<'a>(&self, mut earlier: impl Iterator<Item = &'a Self>) -> Result<(), String> {
        let name = &self.name;
        if name.trim().is_empty() {
            return Err("a rule of count_once has no name: give it one".to_owned());
        }
        if self.exporters.is_empty() {
            return Err(format!(
                "count_once rule {name:?} has no exporters: list at least one, like \"192.0.2.1\" or \"192.0.2.0/24\""
            ));
        }
        match self.timeout_s {
            Some(_) if self.by != By::FirstExporter => {
                return Err(format!(
                    "count_once rule {name:?} has a timeout_s, which only by = \"first_exporter\" uses: leave it out"
                ));
            }
            Some(timeout_s) if !(1..=MAX_TIMEOUT_S).contains(&timeout_s) => {
                return Err(format!("count_once rule {name:?}: write a timeout_s from 1 to {MAX_TIMEOUT_S}"));
            }
            _ => {}
        }
        let has = |rule: &&Self, network: &Network| {
            rule.is_group() == self.is_group() && rule.exporters.contains(network)
        };
        let twice = earlier.find_map(|rule| {
            self.exporters.iter().find(|network| has(&rule, network)).map(|network| (network, rule))
        });
        twice.map_or(Ok(()), |(network, rule)| {
            Err(format!(
                "count_once rule {name:?} names {network} as rule {:?} does: leave it out of one of them",
                rule.name
            ))
        })
    }

    /// True when the rule needs to see all its exporters, to know who was first.
    pub fn is_group(&self) -> bool {
        self.by == By::FirstExporter
    }

    /// How long an exporter owns a flow it no longer reports, seconds.
    pub fn timeout_s(&self) -> u32 {
        self.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S)
    }

    /// Length of the longest prefix of this rule around an address.
    fn prefix_around(&self, address: IpAddr) -> Option<u8> {
        let around = self.exporters.iter().filter(|network| network.contains(address));
        around.map(Network::prefix_length).max()
    }
}

/// The rule with the longest prefix around an address, of those that `is_meant`, with its number.
fn rule_of(
    rules: &[CountOnce],
    address: IpAddr,
    is_meant: impl Fn(&CountOnce) -> bool,
) -> Option<(u32, &CountOnce)> {
    let meant = (0..).zip(rules).filter(|(_, rule)| is_meant(rule));
    let around = meant.filter_map(|(number, rule)| Some((rule.prefix_around(address)?, number, rule)));
    let longest = around.max_by_key(|(length, number, _)| (*length, std::cmp::Reverse(*number)));
    longest.map(|(_, number, rule)| (number, rule))
}

/// The group rule that holds for an exporter.
pub fn group_of(rules: &[CountOnce], exporter: IpAddr) -> Option<&CountOnce> {
    rule_of(rules, exporter, CountOnce::is_group).map(|(_, rule)| rule)
}

/// Who owns a flow, and until when.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Of group and key; 0 is nobody's.
    hash: u64,
    exporter: u32,
    /// When it ends, seconds since 1970.
    until_s: u32,
}

impl Entry {
    /// True while it holds. A clock that was set back by more than any timeout ends it, too.
    fn is_live(&self, now_s: u32) -> bool {
        (1..=MAX_TIMEOUT_S).contains(&self.until_s.saturating_sub(now_s))
    }
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(128))]
struct Bucket([Entry; WAYS]);

/// Who owns which flow.
#[derive(Clone, Debug)]
pub struct Owners {
    /// Flows that have room.
    capacity: usize,
    buckets: Vec<Bucket>,
    hasher: RandomState,
}

/// What became of a flow record in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// Of the exporter that owns the flow, now if not before.
    Owners,
    /// The same, and another flow lost its owner for it.
    Evicting,
    /// Of another exporter.
    Duplicate,
}

impl Owners {
    /// Has room for so many flows, in 16 bytes each, from the first flow on.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, buckets: Vec::new(), hasher: RandomState::new() }
    }

    /// Hash of a flow's key in a group; never 0.
    fn hash(&self, group: u32, flow: &FlowRecord) -> u64 {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        };
        let ports = u64::from(flow.source_port) << 16 | u64::from(flow.destination_port);
        let rest = u64::from(group) << 40 | u64::from(flow.protocol) << 32 | ports;
        self.hasher.hash_one((bits(flow.source_address), bits(flow.destination_address), rest)).max(1)
    }

    /// The number of the bucket of a hash.
    fn index(&self, hash: u64) -> usize {
        usize::try_from((u128::from(hash) * self.buckets.len() as u128) >> 64).unwrap_or(0)
    }

    /// The hashes of some flows, whose buckets are now in the processor's cache: looked at together, their
    /// memory is waited for once.
    fn hashes(&mut self, group: u32, flows: &[FlowRecord]) -> [u64; TOGETHER] {
        if self.buckets.is_empty() {
            self.buckets = vec![Bucket::default(); self.capacity.div_ceil(WAYS).max(1)];
        }
        let mut hashes = [0; TOGETHER];
        for (hash, flow) in hashes.iter_mut().zip(flows) {
            *hash = self.hash(group, flow);
        }
        let touched = hashes.iter().take(flows.len()).filter_map(|&hash| self.buckets.get(self.index(hash)));
        black_box(touched.fold(0, |sum, Bucket([first, .., last])| sum ^ first.hash ^ last.hash));
        hashes
    }

    /// Takes a report of the flow with this hash.
    fn claim(&mut self, hash: u64, exporter: ExporterId, timeout_s: u32, now_s: u32) -> Claim {
        let index = self.index(hash);
        let Some(Bucket(entries)) = self.buckets.get_mut(index) else { return Claim::Owners };
        let owned = Entry { hash, exporter: exporter.0, until_s: now_s.saturating_add(timeout_s) };
        if let Some(entry) = entries.iter_mut().find(|entry| entry.hash == hash) {
            if entry.exporter != owned.exporter && entry.is_live(now_s) {
                return Claim::Duplicate;
            }
            *entry = owned;
            return Claim::Owners;
        }
        let first_to_end =
            entries.iter_mut().min_by_key(|entry| entry.is_live(now_s).then_some(entry.until_s));
        let Some(entry) = first_to_end else { return Claim::Owners };
        let is_evicting = entry.is_live(now_s);
        *entry = owned;
        if is_evicting { Claim::Evicting } else { Claim::Owners }
    }
}

/// False for records without addresses: they are not of one flow.
pub(super) const fn has_key(flow: &FlowRecord) -> bool {
    !flow.source_address.is_unspecified() || !flow.destination_address.is_unspecified()
}

impl Datagram<'_> {
    /// Drops, of the flow records added since there were `first`, those that a rule says are counted elsewhere.
    pub(super) fn count_once(&mut self, first: usize) {
        let rules = &self.rules.count_once;
        if rules.is_empty() {
            return;
        }
        let direction =
            rule_of(rules, self.address, |rule| !rule.is_group()).and_then(|(_, rule)| rule.by.direction());
        let group = rule_of(rules, self.address, CountOnce::is_group);
        if direction.is_none() && group.is_none() {
            return;
        }
        let now_s = u32::try_from(self.received_us.div_euclid(1_000_000)).unwrap_or(0);
        let mut dropped = Traffic::NONE;
        let mut kept = first;
        for start in (first..self.flows.len()).step_by(TOGETHER) {
            let end = self.flows.len().min(start + TOGETHER);
            let hashes = match group {
                Some((number, _)) => {
                    self.owners.hashes(number, self.flows.get(start..end).unwrap_or_default())
                }
                None => [0; TOGETHER],
            };
            for (index, hash) in (start..end).zip(hashes) {
                let Some(flow) = self.flows.get(index) else { break };
                let is_wrong_way =
                    direction.is_some() && flow.flow_direction.is_some() && flow.flow_direction != direction;
                let claim = match group {
                    Some((_, rule)) if !is_wrong_way && has_key(flow) => {
                        self.owners.claim(hash, flow.exporter, rule.timeout_s(), now_s)
                    }
                    _ => Claim::Owners,
                };
                self.counters.deduplication_evictions += u64::from(claim == Claim::Evicting);
                if is_wrong_way || claim == Claim::Duplicate {
                    dropped += Traffic::of(flow);
                } else {
                    if kept < index {
                        self.flows.copy_within(index..=index, kept);
                    }
                    kept += 1;
                }
            }
        }
        self.flows.truncate(kept);
        self.state.duplicate_flows += dropped;
        self.counters.duplicate_flows += dropped;
    }
}
