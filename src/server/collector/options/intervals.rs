//! The sampling intervals of a domain as every flow record looks them up: those that are known, by hashing.
//!
//! Derived from the samplers of the domain, and brought up to date entry by entry.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Domain, Sampler};

/// Known intervals by the id that a record names, and by the interface that it was metered at.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    by_selector: HashMap<u64, u32, RandomState>,
    by_interface: HashMap<u32, u32, RandomState>,
}

/// What is derived does not make two domains different.
impl PartialEq for Intervals {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Intervals {
    /// Of a sampler or a selector.
    #[inline]
    pub fn of_selector(&self, id: u64) -> Option<u32> {
        self.by_selector.get(&id).copied()
    }

    /// Of an interface; 0 is the whole domain.
    #[inline]
    pub fn of_interface(&self, index: u32) -> Option<u32> {
        self.by_interface.get(&index).copied()
    }
}

fn known(sampler: Option<&Sampler>) -> Option<u32> {
    sampler.map(|sampler| sampler.interval).filter(|interval| *interval != 0)
}

impl Domain {
    /// To be called when the sampler of this id has changed.
    pub(super) fn index_selector(&mut self, id: u64) {
        match known(self.by_selector.get(&id)) {
            Some(interval) => self.intervals.by_selector.insert(id, interval),
            None => self.intervals.by_selector.remove(&id),
        };
    }

    /// To be called when the sampler of this interface has changed.
    pub(super) fn index_interface(&mut self, index: u32) {
        match known(self.by_interface.get(&index)) {
            Some(interval) => self.intervals.by_interface.insert(index, interval),
            None => self.intervals.by_interface.remove(&index),
        };
    }

    /// To be called for a domain that was read.
    pub(super) fn index_all(&mut self) {
        let intervals = |sampler| known(Some(sampler));
        self.intervals = Intervals {
            by_selector: self
                .by_selector
                .iter()
                .filter_map(|(id, one)| Some((*id, intervals(one)?)))
                .collect(),
            by_interface: self
                .by_interface
                .iter()
                .filter_map(|(id, one)| Some((*id, intervals(one)?)))
                .collect(),
        };
    }
}
