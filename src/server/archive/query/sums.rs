//! Sums by key, bounded in memory.
//!
//! Each worker has a table of its own. A table is in shards, so that the tables of all workers can be added up shard
//! by shard, by several workers at the same time.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::key::Key;
use crate::model::history::{Amount, Metric};
use crate::model::traffic::Traffic;
use crate::server::history::address_set::AddressSet;

/// Parts of a table.
pub(super) const SHARDS: usize = 16;

/// What one group has.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) traffic: Traffic,
    pub(super) addresses: Option<Box<AddressSet>>,
}

impl Cell {
    /// What it is ranked by.
    pub(super) fn amount(&self, metric: Metric) -> u64 {
        let addresses = self.addresses.as_ref().map(|addresses| addresses.count());
        Amount { traffic: self.traffic, addresses }.of(metric)
    }

    pub(super) fn insert(&mut self, address: IpAddr) {
        self.addresses.get_or_insert_default().insert(address);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.traffic += other.traffic;
        match (&mut self.addresses, other.addresses) {
            (Some(addresses), Some(others)) => addresses.merge(&others),
            (None, Some(others)) => self.addresses = Some(others),
            (_, None) => {}
        }
    }
}

/// A part of a table.
pub(super) type Shard<K> = HashMap<K, Cell, RandomState>;

/// Sums by key.
#[derive(Debug)]
pub(super) struct Table<K> {
    shards: Vec<Shard<K>>,
}

/// Which keys are counted in a pass, if not all can be in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    pub(super) number: u64,
    pub(super) of: u64,
}

impl Pass {
    /// True when the key is counted in this pass.
    pub(super) fn has<K: Key>(self, key: &K) -> bool {
        self.of == 1 || (key.mixed() >> 32) % self.of == self.number
    }
}

impl<K: Key> Table<K> {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }

    /// The cell of a key.
    pub(super) fn cell(&mut self, key: K) -> Option<&mut Cell> {
        let shard = usize::try_from(key.mixed() >> 60).unwrap_or_default() % SHARDS;
        self.shards.get_mut(shard).map(|shard| shard.entry(key).or_default())
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashMap::len).sum()
    }

    /// Memory that it takes, without the sets of addresses.
    pub(super) fn bytes(&self) -> usize {
        // A table holds at most seven eighths of its slots, and has a byte of its own for each.
        let slots: usize = self.shards.iter().map(|shard| shard.capacity() * 8 / 7).sum();
        slots * (size_of::<(K, Cell)>() + 1)
    }

    /// Its parts.
    pub(super) fn into_shards(self) -> Vec<Shard<K>> {
        self.shards
    }
}

/// Adds to a table, of which flows of the same key in a row, as the files have them, ask once.
pub(super) struct Run<'a, K> {
    table: &'a mut Table<K>,
    key: Option<K>,
    traffic: Traffic,
}

impl<'a, K: Key> Run<'a, K> {
    pub(super) const fn new(table: &'a mut Table<K>) -> Self {
        Self { table, key: None, traffic: Traffic::NONE }
    }

    #[inline]
    pub(super) fn add(&mut self, key: K, traffic: Traffic) {
        if self.key != Some(key) {
            self.end();
            self.key = Some(key);
        }
        self.traffic += traffic;
    }

    pub(super) fn insert(&mut self, key: K, address: IpAddr) {
        if let Some(cell) = self.table.cell(key) {
            cell.insert(address);
        }
    }

    /// Adds what the last key has.
    pub(super) fn end(&mut self) {
        let traffic = std::mem::take(&mut self.traffic);
        if let Some(cell) = self.key.take().and_then(|key| self.table.cell(key)) {
            cell.traffic += traffic;
        }
    }
}

/// Adds up parts of several tables that have the same keys.
pub(super) fn merged<K: Key>(mut parts: Vec<Shard<K>>) -> Shard<K> {
    parts.sort_by_key(HashMap::len);
    let mut sum = parts.pop().unwrap_or_default();
    for part in parts {
        for (key, cell) in part {
            sum.entry(key).or_default().merge(cell);
        }
    }
    sum
}

/// The groups with most, of equals those with smaller values.
pub(super) fn most<K: Key>(
    groups: Vec<(K, Cell)>,
    metric: Metric,
    wanted: usize,
    compare: impl Fn(&K, &K) -> Ordering,
) -> Vec<(K, Cell)> {
    if groups.len() <= wanted {
        return groups;
    }
    let mut amounts: Vec<_> = groups.iter().map(|(_, cell)| cell.amount(metric)).collect();
    let Some(position) = wanted.checked_sub(1) else { return Vec::new() };
    let (_, least, _) = amounts.select_nth_unstable_by(position, |one, other| other.cmp(one));
    let least = *least;
    let (mut above, mut equal) = (Vec::new(), Vec::new());
    for group in groups {
        match group.1.amount(metric).cmp(&least) {
            Ordering::Greater => above.push(group),
            Ordering::Equal => equal.push(group),
            Ordering::Less => {}
        }
    }
    let room = wanted.saturating_sub(above.len());
    if equal.len() > room && room > 0 {
        equal.select_nth_unstable_by(room - 1, |one, other| compare(&one.0, &other.0));
    }
    equal.truncate(room);
    above.append(&mut equal);
    above
}
