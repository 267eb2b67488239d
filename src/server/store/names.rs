//! Numbers for what keys hold as numbers: addresses of exporters, names of cities.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// Exporters with a number of their own. All after them share the number 0.
const MOST_EXPORTERS: usize = 65_536;
/// Names of cities with a number of their own: more than there are in any database. All after them have no name.
const MOST_CITIES: usize = 1 << 20;

/// Exporters and cities, each numbered from 1 in the order in which they were first seen.
#[derive(Debug, Default)]
pub(super) struct Names {
    exporters: Vec<IpAddr>,
    exporter_numbers: HashMap<IpAddr, u32, RandomState>,
    cities: Vec<Arc<str>>,
    city_numbers: HashMap<Arc<str>, u32, RandomState>,
    /// How many of the exporters and cities are in the database.
    saved: (usize, usize),
}

/// Exporters and cities that are to be written, with their numbers.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    pub(super) exporters: Vec<(u32, IpAddr)>,
    pub(super) cities: Vec<(u32, Arc<str>)>,
}

impl Names {
    /// Those of the database, each in the order of numbers.
    pub(super) fn saved(exporters: Vec<IpAddr>, cities: Vec<String>) -> Self {
        let mut names = Self::default();
        for address in exporters {
            names.exporter(address);
        }
        for name in cities {
            names.city(&name);
        }
        names.saved = (names.exporters.len(), names.cities.len());
        names
    }

    /// The number of an exporter.
    pub(super) fn exporter(&mut self, address: IpAddr) -> u32 {
        if let Some(number) = self.exporter_numbers.get(&address) {
            return *number;
        }
        if self.exporters.len() >= MOST_EXPORTERS {
            return 0;
        }
        self.exporters.push(address);
        let number = number(self.exporters.len());
        self.exporter_numbers.insert(address, number);
        number
    }

    /// The number of a city's name; 0 for an empty one.
    pub(super) fn city(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        if let Some(number) = self.city_numbers.get(name) {
            return *number;
        }
        if self.cities.len() >= MOST_CITIES {
            return 0;
        }
        let name: Arc<str> = name.into();
        self.cities.push(Arc::clone(&name));
        let number = number(self.cities.len());
        self.city_numbers.insert(name, number);
        number
    }

    /// The address of a number.
    pub(super) fn exporter_of(&self, number: u32) -> Option<IpAddr> {
        self.exporters.get(position(number)?).copied()
    }

    /// The name of a number; empty when it has none.
    pub(super) fn city_of(&self, number: u32) -> &str {
        position(number).and_then(|position| self.cities.get(position)).map_or("", AsRef::as_ref)
    }

    /// What the database does not have.
    pub(super) fn unsaved(&self) -> Unsaved {
        let numbered = |first: usize| number(first + 1)..;
        Unsaved {
            exporters: numbered(self.saved.0)
                .zip(self.exporters.iter().skip(self.saved.0).copied())
                .collect(),
            cities: numbered(self.saved.1).zip(self.cities.iter().skip(self.saved.1).cloned()).collect(),
        }
    }

    /// These are in the database now.
    pub(super) fn set_saved(&mut self, saved: &Unsaved) {
        let last = |number: Option<u32>| number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        self.saved.0 = self.saved.0.max(last(saved.exporters.last().map(|(number, _)| *number)));
        self.saved.1 = self.saved.1.max(last(saved.cities.last().map(|(number, _)| *number)));
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or_default()
}

fn position(number: u32) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}
