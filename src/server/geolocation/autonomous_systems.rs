//! The names of autonomous systems.
//!
//! Numbers from 2³¹ on are not taken from databases: what is assigned there is private (RFC 6996).

use std::collections::HashMap;

use super::names::{Names, NamesBuilder};

/// The names of the autonomous systems of one database, by number.
#[derive(Debug)]
pub(super) struct AutonomousSystems {
    /// AS number and number of its name, sorted.
    entries: Vec<(u32, u32)>,
    names: Names,
}

impl AutonomousSystems {
    /// The name of an autonomous system; `None` when this database does not have it.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        let position = self.entries.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.entries.get(position).map(|(_, name)| self.names.find(*name))
    }

    /// Memory they hold, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * 8 + self.names.bytes()
    }
}

/// Collects the names of autonomous systems; the first name given to a number is kept.
#[derive(Debug, Default)]
pub(super) struct AutonomousSystemsBuilder {
    entries: HashMap<u32, u32>,
    names: NamesBuilder,
}

impl AutonomousSystemsBuilder {
    /// Adds a name; `None` when four gigabytes of names are full.
    pub(super) fn add(&mut self, number: u32, name: &str) -> Option<()> {
        if let Some(known) = self.entries.get(&number)
            && *known != 0
        {
            return Some(());
        }
        let name = self.names.intern(name)?;
        self.entries.insert(number, name);
        Some(())
    }

    /// The finished names.
    pub(super) fn finish(self) -> AutonomousSystems {
        let mut entries: Vec<_> = self.entries.into_iter().collect();
        entries.sort_unstable();
        AutonomousSystems { entries, names: self.names.finish() }
    }
}
