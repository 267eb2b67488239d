//! IPv6 ranges, as a tree of nodes of cache lines.
//!
//! Ranges are keyed by the upper 64 bits of addresses; the few /64s that a database divides further are kept apart.
//! A lookup compares a few keys in each node on the way down, without a branch that depends on the address, and
//! only the last one or two nodes of some five are usually out of the processor's caches.

use super::ranges::Starts;

/// Keys in a node.
const WIDTH: usize = 16;

/// The value of a /64 that is divided further.
pub(super) const DIVIDED: u32 = u32::MAX;

/// Sorted keys; unused ones at the end are the largest key.
#[derive(Debug)]
#[repr(align(64))]
struct Node([u64; WIDTH]);

impl Node {
    fn new(keys: &[u64]) -> Self {
        let mut node = [u64::MAX; WIDTH];
        for (place, key) in node.iter_mut().zip(keys) {
            *place = *key;
        }
        Self(node)
    }

    /// Position of the last key not above the one given; 0 when all are above it.
    ///
    /// Two steps of three comparisons each, which do not wait for each other.
    #[inline]
    fn position(&self, key: u64) -> usize {
        let Self(keys) = self;
        let not_above = |position: usize| usize::from(keys[position % WIDTH] <= key);
        let quarter = 4 * (not_above(4) + not_above(8) + not_above(12));
        quarter + not_above(quarter + 1) + not_above(quarter + 2) + not_above(quarter + 3)
    }
}

/// The starts of ranges and their values, side by side in memory.
#[derive(Debug)]
struct Leaf {
    starts: Node,
    /// Behind the last range its value is repeated.
    values: [u32; WIDTH],
}

/// A mapping from every IPv6 address to a value.
#[derive(Debug)]
pub(super) struct V6Ranges {
    /// The first keys of the nodes one level below, from the root down.
    levels: Vec<Vec<Node>>,
    leaves: Vec<Leaf>,
    /// Number of ranges.
    count: usize,
    /// Starts of ranges within the divided /64s, by whole addresses.
    divided: Vec<(u128, u32)>,
}

impl V6Ranges {
    /// Takes the starts of ranges, rising from 0, with their values, and the starts within the divided /64s.
    pub(super) fn new(ranges: &Starts, divided: Vec<(u128, u32)>) -> Self {
        let Starts { starts, values } = ranges;
        let leaf = |(starts, values): (&[u64], &[u32])| {
            let mut padded = [values.last().copied().unwrap_or(0); WIDTH];
            for (place, value) in padded.iter_mut().zip(values) {
                *place = *value;
            }
            Leaf { starts: Node::new(starts), values: padded }
        };
        let leaves = starts.chunks(WIDTH).zip(values.chunks(WIDTH)).map(leaf).collect();
        let mut levels = Vec::new();
        let mut below: Vec<u64> = starts.iter().copied().step_by(WIDTH).collect();
        while below.len() > 1 {
            levels.push(below.chunks(WIDTH).map(Node::new).collect());
            below = below.into_iter().step_by(WIDTH).collect();
        }
        levels.reverse();
        Self { levels, leaves, count: starts.len(), divided }
    }

    /// The value of an address; 0 when nothing is known.
    #[inline]
    pub(super) fn find(&self, address: u128) -> u32 {
        self.resolve(self.find_block(upper_half(address)), address)
    }

    /// The values of many addresses, going down the tree with all of them at once, so that their waits for memory
    /// overlap.
    pub(super) fn find_each<const N: usize>(&self, addresses: &[u128; N]) -> [u32; N] {
        let mut at = [0; N];
        for level in &self.levels {
            for (at, address) in at.iter_mut().zip(addresses) {
                *at = Self::step(level, *at, upper_half(*address));
            }
        }
        let mut values = [0; N];
        for ((value, at), address) in values.iter_mut().zip(at).zip(addresses) {
            *value = self.value_in_leaf(at, upper_half(*address));
        }
        for (value, address) in values.iter_mut().zip(addresses) {
            *value = self.resolve(*value, *address);
        }
        values
    }

    #[inline]
    fn resolve(&self, value: u32, address: u128) -> u32 {
        if value != DIVIDED {
            return value;
        }
        let after = self.divided.partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).and_then(|at| self.divided.get(at)).map_or(0, |(_, value)| *value)
    }

    #[inline]
    fn find_block(&self, key: u64) -> u32 {
        let at = self.levels.iter().fold(0, |at, level| Self::step(level, at, key));
        self.value_in_leaf(at, key)
    }

    /// From a node to the node below that holds the key.
    #[inline]
    fn step(level: &[Node], at: usize, key: u64) -> usize {
        // Only the largest key of all counts the unused ones, and is led to the last node by this.
        let at = at.min(level.len().saturating_sub(1));
        level.get(at).map_or(0, |node| at * WIDTH + node.position(key))
    }

    #[inline]
    fn value_in_leaf(&self, at: usize, key: u64) -> u32 {
        if self.count == 1 {
            // A file of the other family.
            return self.leaves.first().map_or(0, |leaf| leaf.values[0]);
        }
        let Some(leaf) = self.leaves.get(at.min(self.leaves.len().saturating_sub(1))) else { return 0 };
        leaf.values.get(leaf.starts.position(key)).copied().unwrap_or(0)
    }

    /// Number of ranges that have a value.
    pub(super) fn len(&self) -> usize {
        let values = self.leaves.iter().flat_map(|leaf| leaf.values);
        values.take(self.count).filter(|value| *value != 0).count()
    }

    /// Memory it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let nodes: usize = self.levels.iter().map(Vec::len).sum();
        let divided = self.divided.capacity() * size_of::<(u128, u32)>();
        nodes * size_of::<Node>() + self.leaves.len() * size_of::<Leaf>() + divided
    }
}

/// The part of an address by which ranges are keyed.
pub(super) const fn upper_half(bits: u128) -> u64 {
    (bits >> 64) as u64
}
