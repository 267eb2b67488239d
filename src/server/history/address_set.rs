//! Distinct addresses, mergeable.

use std::collections::HashSet;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::model::history::Distinct;

/// A set of addresses that only wants to know how many it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSet {
    exact: HashSet<IpAddr, RandomState>,
}

impl AddressSet {
    /// Adds an address.
    pub fn insert(&mut self, address: IpAddr) {
        self.exact.insert(address);
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Self) {
        self.exact.extend(&other.exact);
    }

    /// How many there are.
    pub fn count(&self) -> Distinct {
        Distinct::exact(self.exact.len() as u64)
    }
}
