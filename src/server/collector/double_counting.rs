//! Looks for flows that are reported more than once and counted each time.
//!
//! A sample of all flow keys is remembered for a minute: the keys whose hash is small, so that every exporter's
//! report of such a key is looked at. The same key with the same packets and bytes (within 1 %) from another
//! exporter, or from the same one with the other direction, on other interfaces or in another observation domain,
//! is evidence. A flow and its reverse have different keys; a report repeated by the same observer is none.
//!
//! It is told from [`LOOKED_AT`] flows and [`PERCENT`] on. What reroutes, replays and equal small flows yield is
//! a few percent; by chance 5 % do not look like 20 % in a sample of 100 (seven standard errors). Everything is
//! bounded: the sample shrinks when the table fills faster than in a minute. No thread waits for another one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use arc_swap::ArcSwap;

use super::datagram::Datagram;
use super::deduplication::{By, CountOnce, DEFAULT_TIMEOUT_S, group_of, has_key};
use crate::model::double_counting::{DoubleCounting, Finding, Repetition};
use crate::model::flow_record::{FlowDirection, FlowRecord};

/// Flows of an exporter that have to be looked at before anything is said.
pub const LOOKED_AT: u64 = 100;
/// Share of them, in percent, from which on it is said.
pub const PERCENT: u64 = 20;
/// How long a report is remembered, microseconds.
const MEMORY_US: i64 = 60_000_000;
/// How long evidence is gathered, microseconds; what the window before yielded is told until this one has enough.
const WINDOW_US: i64 = 300_000_000;
/// Reports remembered, in buckets of [`WAYS`]; one more takes the place of the oldest in its bucket.
const REPORTS: usize = 1 << 14;
const WAYS: usize = 8;
/// Reports that may lose their place within a minute before the sample shrinks.
const MAX_CROWDED_OUT: usize = REPORTS / 32;
/// Exporters, and pairs of them, in a window. What more there are is not looked at.
const MAX_EXPORTERS: usize = 4096;
const MAX_PAIRS: usize = 64;
/// One key in 2ⁿ is looked at: at least these bits, at most those.
const LEAST_BITS: u32 = 2;
const MOST_BITS: u32 = 24;

/// What was seen of flows reported more than once. Shared by collecting threads.
#[derive(Debug)]
pub struct Evidence {
    /// One key in 2ⁿ is looked at.
    bits: AtomicU32,
    gathered: Mutex<Gathered>,
    told: ArcSwap<Vec<DoubleCounting>>,
}

#[derive(Debug, Default)]
struct Gathered {
    hasher: RandomState,
    reports: Vec<[Option<Reported>; WAYS]>,
    /// Reports that lost their place within a minute, in this window.
    crowded_out: usize,
    window: Window,
    before: Window,
}

/// What was gathered in some minutes.
#[derive(Debug, Default)]
struct Window {
    started_us: Option<i64>,
    looked_at: HashMap<IpAddr, u64>,
    pairs: HashMap<(IpAddr, IpAddr, Repetition), u64>,
}

#[derive(Clone, Copy, Debug)]
struct Reported {
    hash: u64,
    exporter: IpAddr,
    at: Place,
    bytes: u64,
    packets: u64,
    received_us: i64,
    /// Who reported it last besides, and where.
    again: Option<(IpAddr, Place)>,
}

/// Where on an exporter a flow was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    direction: Option<FlowDirection>,
    interfaces: (u32, u32),
    observation_domain: u32,
}

impl Reported {
    /// The pair and how, when this report of the key says the same of another place. One of the same place is
    /// remembered in its stead.
    fn repeated_by(&mut self, new: Self) -> Option<(IpAddr, IpAddr, Repetition)> {
        if (self.exporter, self.at) == (new.exporter, new.at) {
            *self = new;
            return None;
        }
        let is_told = self.again == Some((new.exporter, new.at));
        if is_told || !is_about(self.bytes, new.bytes) || !is_about(self.packets, new.packets) {
            return None;
        }
        self.again = Some((new.exporter, new.at));
        let repetition = match (self.at.direction, new.at.direction) {
            _ if self.exporter != new.exporter => Repetition::ByAnotherExporter,
            (Some(one), Some(other)) if one != other => Repetition::InBothDirections,
            _ => Repetition::ElsewhereOnTheExporter,
        };
        Some((self.exporter.min(new.exporter), self.exporter.max(new.exporter), repetition))
    }
}

impl Place {
    const fn of(flow: &FlowRecord) -> Self {
        Self {
            direction: flow.flow_direction,
            interfaces: (flow.input_interface, flow.output_interface),
            observation_domain: flow.observation_domain,
        }
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self { bits: AtomicU32::new(LEAST_BITS), gathered: Mutex::default(), told: ArcSwap::default() }
    }
}

impl Datagram<'_> {
    /// Looks at the flow records added since there were `first`.
    pub(super) fn look_for_double_counting(&self, first: usize) {
        let bits = self.evidence.bits.load(Ordering::Relaxed);
        for flow in self.flows.get(first..).unwrap_or_default() {
            if is_in_sample(flow, bits) {
                self.evidence.look_at(flow, self.address, self.received_us);
            }
        }
    }
}

/// True for the keys in the sample: the product's first bits depend on every bit of the key.
#[inline]
fn is_in_sample(flow: &FlowRecord, bits: u32) -> bool {
    let folded = |address: IpAddr| match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let halves = [bits >> 64, bits & u128::from(u64::MAX)];
            let [high, low] = halves.map(|half| u64::try_from(half).unwrap_or(0));
            high.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ low
        }
    };
    let ports =
        u64::from(flow.source_port) << 24 | u64::from(flow.destination_port) << 8 | u64::from(flow.protocol);
    let source = folded(flow.source_address).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (source ^ folded(flow.destination_address).rotate_left(32) ^ ports)
        .wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed.leading_zeros() >= bits
}

/// Equal within 1 %.
const fn is_about(one: u64, other: u64) -> bool {
    one.abs_diff(other) <= if one < other { other } else { one } / 100
}

impl Evidence {
    /// Looks at one report, unless another thread is looking just now: it is a sample anyway.
    fn look_at(&self, flow: &FlowRecord, exporter: IpAddr, now_us: i64) {
        let Some(mut gathered) = self.gathered() else { return };
        gathered.look_at(flow, exporter, now_us);
        if gathered.crowded_out > MAX_CROWDED_OUT {
            // What was looked at found too little of what was reported before: begin again with fewer keys.
            gathered.crowded_out = 0;
            gathered.window = Window::default();
            let bits = self.bits.load(Ordering::Relaxed);
            self.bits.store((bits + 1).min(MOST_BITS), Ordering::Relaxed);
        }
    }

    /// Looks through what was gathered and publishes what is worth telling, with the rule that would settle it
    /// beside the `rules` there are. To be called about once a second; does nothing while another thread looks.
    pub fn tell(&self, now_us: i64, rules: &[CountOnce]) {
        let Some(mut gathered) = self.gathered() else { return };
        let bits = self.bits.load(Ordering::Relaxed);
        self.bits.store(gathered.begin_window(now_us, bits), Ordering::Relaxed);
        let findings = gathered.findings();
        drop(gathered);
        if !findings.is_empty() || !self.told.load().is_empty() {
            self.told.store(Arc::new(settled(findings, rules)));
        }
    }

    /// What was told last.
    pub fn told(&self) -> Arc<Vec<DoubleCounting>> {
        self.told.load_full()
    }

    /// What was gathered, unless another thread has it just now: it is a sample anyway.
    fn gathered(&self) -> Option<MutexGuard<'_, Gathered>> {
        match self.gathered.try_lock() {
            Ok(gathered) => Some(gathered),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Findings with the rules that would settle them.
fn settled(mut findings: Vec<Finding>, rules: &[CountOnce]) -> Vec<DoubleCounting> {
    findings.sort_by_key(|finding| (Reverse(finding.percent()), finding.exporter, finding.other));
    let is_between = |finding: &Finding| finding.repetition == Repetition::ByAnotherExporter;
    let (between, within): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_between);
    let groups =
        groups(between).into_iter().map(|(exporters, findings)| group_rule(&exporters, findings, rules));
    let within = within.into_iter().map(|finding| {
        let exporter = finding.exporter.to_string();
        let is_by_direction = finding.repetition == Repetition::InBothDirections;
        let rule =
            is_by_direction.then(|| written(&exporter, std::slice::from_ref(&exporter), By::Ingress, None));
        DoubleCounting { findings: vec![finding], rule, replaces: None }
    });
    groups.chain(within).collect()
}

impl Gathered {
    /// Begins a new window when it is time. Answers how many bits of hashes the sample should have: less when
    /// the table was nearly empty.
    fn begin_window(&mut self, now_us: i64, bits: u32) -> u32 {
        let started_us = *self.window.started_us.get_or_insert(now_us);
        // A clock that was set back begins a new one, too.
        if (started_us.saturating_sub(MEMORY_US)..started_us.saturating_add(WINDOW_US)).contains(&now_us) {
            return bits;
        }
        self.crowded_out = 0;
        let looked_at: u64 = self.window.looked_at.values().sum();
        self.before =
            std::mem::replace(&mut self.window, Window { started_us: Some(now_us), ..Window::default() });
        if looked_at < REPORTS as u64 / 4 { bits.saturating_sub(1).max(LEAST_BITS) } else { bits }
    }

    fn look_at(&mut self, flow: &FlowRecord, exporter: IpAddr, now_us: i64) {
        // Events without counters say nothing about traffic.
        let is_traffic = has_key(flow) && (flow.bytes > 0 || flow.packets > 0);
        let looked_at = &self.window.looked_at;
        let has_room = looked_at.len() < MAX_EXPORTERS || looked_at.contains_key(&exporter);
        if !is_traffic || !has_room {
            return;
        }
        *self.window.looked_at.entry(exporter).or_default() += 1;
        let key = (flow.source_address, flow.destination_address, flow.source_port, flow.destination_port);
        let new = Reported {
            hash: self.hasher.hash_one((key, flow.protocol, flow.icmp_type_code)),
            exporter,
            at: Place::of(flow),
            bytes: flow.bytes,
            packets: flow.packets,
            received_us: now_us,
            again: None,
        };
        if let Some(pair) = self.remembered(new).and_then(|known| known.repeated_by(new))
            && (self.window.pairs.len() < MAX_PAIRS || self.window.pairs.contains_key(&pair))
        {
            *self.window.pairs.entry(pair).or_default() += 1;
        }
    }

    /// The report of the same key in the last minute; without one, this one is remembered.
    fn remembered(&mut self, new: Reported) -> Option<&mut Reported> {
        if self.reports.is_empty() {
            self.reports = vec![[None; WAYS]; REPORTS / WAYS];
        }
        let is_fresh =
            |known: &Reported| new.received_us.abs_diff(known.received_us) <= MEMORY_US.unsigned_abs();
        let index = usize::try_from(new.hash % self.reports.len() as u64).ok()?;
        let bucket = self.reports.get_mut(index)?;
        let is_same = |known: &Reported| known.hash == new.hash && is_fresh(known);
        if let Some(position) = bucket.iter().position(|known| known.as_ref().is_some_and(is_same)) {
            return bucket.get_mut(position)?.as_mut();
        }
        let oldest =
            bucket.iter_mut().min_by_key(|known| known.filter(is_fresh).map(|known| known.received_us))?;
        self.crowded_out += usize::from(oldest.as_ref().is_some_and(is_fresh));
        *oldest = Some(new);
        None
    }

    /// What this window has enough evidence for, and where it has not, the one before.
    fn findings(&self) -> Vec<Finding> {
        let pairs = self
            .window
            .pairs
            .keys()
            .chain(self.before.pairs.keys().filter(|pair| !self.window.pairs.contains_key(pair)));
        let judged = pairs.filter_map(|pair| {
            let finding = self.window.finding(*pair).or_else(|| self.before.finding(*pair))?;
            (finding.percent() >= PERCENT).then_some(finding)
        });
        judged.collect()
    }
}

impl Window {
    /// What was found of a pair; `None` when too few flows were looked at to tell.
    fn finding(&self, pair: (IpAddr, IpAddr, Repetition)) -> Option<Finding> {
        let (one, two, repetition) = pair;
        let repeated = self.pairs.get(&pair).copied().unwrap_or(0);
        let looked_at = |exporter| self.looked_at.get(exporter).copied().unwrap_or(0);
        let (of_one, of_two) = (looked_at(&one), looked_at(&two));
        // Of the exporter with fewer flows, more are also the other's.
        let (exporter, other, looked_at) = match repetition {
            Repetition::ByAnotherExporter if of_one <= of_two => (one, two, of_one),
            Repetition::ByAnotherExporter => (two, one, of_two),
            // Each repetition was looked at, too, and is no flow of its own.
            _ => (one, two, of_one.saturating_sub(repeated)),
        };
        (looked_at >= LOOKED_AT).then_some(Finding { exporter, other, repetition, looked_at, repeated })
    }
}

/// Exporters that are connected by findings, each group with its findings.
fn groups(findings: Vec<Finding>) -> Vec<(Vec<IpAddr>, Vec<Finding>)> {
    let mut groups: Vec<(Vec<IpAddr>, Vec<Finding>)> = Vec::new();
    for finding in findings {
        let ends = [finding.exporter, finding.other];
        let mut joined = (ends.to_vec(), Vec::new());
        for group in groups.extract_if(.., |(exporters, _)| ends.iter().any(|end| exporters.contains(end))) {
            joined.0.extend(group.0);
            joined.1.extend(group.1);
        }
        joined.0.sort_unstable();
        joined.0.dedup();
        joined.1.push(finding);
        groups.push(joined);
    }
    groups
}

/// The rule that counts the flows of some exporters once: a new one, or one there is with them added.
fn group_rule(exporters: &[IpAddr], mut findings: Vec<Finding>, rules: &[CountOnce]) -> DoubleCounting {
    findings.sort_by_key(|finding| Reverse(finding.percent()));
    let known = exporters.iter().find_map(|exporter| group_of(rules, *exporter));
    let is_new = |exporter: &&IpAddr| {
        known.is_none_or(|rule| !rule.exporters.iter().any(|network| network.contains(**exporter)))
    };
    let listed = known.into_iter().flat_map(|rule| rule.exporters.iter().map(ToString::to_string));
    let listed: Vec<_> = listed.chain(exporters.iter().filter(is_new).map(ToString::to_string)).collect();
    let name = known.map_or("routers on one path", |rule| rule.name.as_str());
    let timeout_s = known.map(CountOnce::timeout_s).filter(|timeout_s| *timeout_s != DEFAULT_TIMEOUT_S);
    let rule = written(name, &listed, By::FirstExporter, timeout_s);
    DoubleCounting { findings, rule: Some(rule), replaces: known.map(|rule| rule.name.clone()) }
}

/// A rule as `meridian.toml` has it.
fn written(name: &str, exporters: &[String], by: By, timeout_s: Option<u32>) -> String {
    let exporters: Vec<_> = exporters.iter().map(|exporter| format!("\"{exporter}\"")).collect();
    let timeout = timeout_s.map(|timeout_s| format!("\ntimeout_s = {timeout_s}")).unwrap_or_default();
    format!(
        "[[count_once]]\nname = {}\nexporters = [{}]\nby = \"{}\"{timeout}",
        toml::Value::from(name),
        exporters.join(", "),
        by.name()
    )
}
