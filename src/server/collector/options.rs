//! What an exporter says in options records: samplers, names of interfaces, applications and VRFs, its start.
//!
//! It is scoped by exporter and observation domain, not by source port: options may come from another port
//! than the data. All of it is plain data in one struct, [`OptionsState`]. An entry weighs its strings and
//! [`ENTRY_WEIGHT`], a domain [`DOMAIN_WEIGHT`]; within a bounded weight per exporter and of all together, the
//! last quarter is for samplers alone. What finds no room is not kept and counted; what is known stays. When
//! something had to be refused, [`Intake::expire`](super::intake::Intake::expire) makes room.
//!
//! What the samplers mean for a flow record is said in [`sampling`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::options::SamplingAlgorithm;
use crate::server::wire::options_plan::{MAX_TEXT_CHARS, Number, OptionsRecord, Text};

use self::intervals::Intervals;
use super::sampling;

mod intervals;
mod shown;
#[cfg(test)]
mod tests;

/// What an entry weighs beside its strings, for it takes memory, too: bytes.
pub const ENTRY_WEIGHT: usize = 96;
/// The most that an entry weighs: bytes.
pub const MAX_ENTRY_WEIGHT: usize = ENTRY_WEIGHT + 2 * 4 * MAX_TEXT_CHARS;
/// What an observation domain weighs: bytes.
pub const DOMAIN_WEIGHT: usize = 1024;

/// Everything that the options records of one exporter said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptionsState {
    /// By observation domain (IPFIX) or source id (v9).
    pub domains: BTreeMap<u32, Domain>,
}

/// What is known of one observation domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// When the exporter started, milliseconds since 1970 (160).
    pub system_init_ms: Option<i64>,
    /// Samplers by the id that data records name.
    pub by_selector: BTreeMap<u64, Sampler>,
    /// Samplers by the interface that they sample; 0 is the whole domain.
    pub by_interface: BTreeMap<u32, Sampler>,
    /// Names of interfaces by SNMP index.
    pub interfaces: BTreeMap<u32, InterfaceName>,
    /// Names of applications: classification engine in the highest byte, selector in the others.
    pub applications: BTreeMap<u64, String>,
    /// Names of VRFs by id.
    pub vrfs: BTreeMap<u32, String>,
    /// What the samplers come to.
    #[serde(skip)]
    pub intervals: Intervals,
}

/// A sampler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampler {
    /// Sampling interval, 1 in n; 0 when the exporter does not say.
    pub interval: u32,
    /// How it selects.
    pub algorithm: SamplingAlgorithm,
    /// Its name, may be empty.
    pub name: String,
}

/// The name of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceName {
    /// Short name, may be empty.
    pub name: String,
    /// Description, may be empty.
    pub description: String,
}

/// Where an options data record ended: in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It says how is sampled (and maybe more).
    Sampling,
    /// It names an interface.
    Interface,
    /// It names an application.
    Application,
    /// It names a VRF.
    Vrf,
    /// It says when the exporter started, and nothing else that is used.
    SystemInit,
    /// It says nothing that is used: statistics, and what nobody here knows.
    NotUnderstood,
    /// It was understood, but there was no room.
    NotKept,
}

impl Kind {
    /// Every kind, in the order of arrays by kind.
    pub const ALL: [Self; 7] = [
        Self::Sampling,
        Self::Interface,
        Self::Application,
        Self::Vrf,
        Self::SystemInit,
        Self::NotUnderstood,
        Self::NotKept,
    ];

    /// Position in arrays by kind.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::Interface => "interface",
            Self::Application => "application",
            Self::Vrf => "vrf",
            Self::SystemInit => "system_init",
            Self::NotUnderstood => "not_understood",
            Self::NotKept => "not_kept",
        }
    }
}

/// Counts by [`Kind`].
pub type ByKind = [u64; Kind::ALL.len()];

/// How much may be kept of one exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Observation domains.
    pub domains: usize,
    /// Weight of the exporter.
    pub weight: usize,
    /// Weight of all exporters together.
    pub common_weight: usize,
    /// What all the others have of it.
    pub others: usize,
}

impl Room {
    /// The last quarter of each is for samplers.
    fn for_names(self) -> usize {
        let common = self.common_weight - self.common_weight / 4;
        (self.weight - self.weight / 4).min(common.saturating_sub(self.others))
    }

    fn for_samplers(self) -> usize {
        self.weight.min(self.common_weight.saturating_sub(self.others))
    }
}

/// The options state of an exporter in use, and its weight.
///
/// It is shared with whoever shows it, and copied when something changes while they do: at most once for each
/// time that it is shown.
#[derive(Clone, Debug, Default)]
pub struct Options {
    state: Arc<OptionsState>,
    weight: usize,
}

impl Options {
    /// What was said.
    pub const fn state(&self) -> &Arc<OptionsState> {
        &self.state
    }

    /// Its weight, bytes.
    pub const fn weight(&self) -> usize {
        self.weight
    }

    /// What is known of an observation domain.
    pub fn domain(&self, observation_domain: u32) -> Option<&Domain> {
        self.state.domains.get(&observation_domain)
    }

    /// When the exporter started, as an observation domain of it said, else domain 0, which stands for all of
    /// it in IPFIX.
    pub fn system_init_ms(&self, observation_domain: u32) -> Option<i64> {
        let said = |number| self.domain(number)?.system_init_ms;
        said(observation_domain).or_else(|| said(0))
    }

    /// Takes in a state that was saved, if it fits.
    pub fn restored(mut state: OptionsState, room: Room) -> Option<Self> {
        state.domains.values_mut().for_each(Domain::index_all);
        let weight = state.weight();
        let fits = weight <= room.for_samplers() && state.domains.len() <= room.domains;
        fits.then(|| Self { state: Arc::new(state), weight })
    }

    /// Forgets all names, and all else, too, unless samplers and start times are to stay.
    pub fn forget(&mut self, keeps_samplers: bool) {
        let state = Arc::make_mut(&mut self.state);
        if keeps_samplers {
            for domain in state.domains.values_mut() {
                domain.interfaces.clear();
                domain.applications.clear();
                domain.vrfs.clear();
            }
        } else {
            state.domains.clear();
        }
        self.weight = state.weight();
    }

    /// Takes in a record of a message with this observation domain.
    pub fn learn(&mut self, record: &OptionsRecord<'_>, observation_domain: u32, room: Room) -> Kind {
        let named = record.low_u32(Number::ObservationDomain).filter(|&domain| domain != 0);
        let domain = named.unwrap_or(observation_domain);
        let mut kind = None;
        let mut is_kept = true;
        let mut learned = |one: Kind, kept: bool| {
            kind = kind.or(Some(one));
            is_kept &= kept;
        };
        if let Some(interval) = sampling::said(record) {
            learned(Kind::Sampling, self.learn_sampler(record, interval, domain, room));
        }
        if let Some(kept) = self.learn_interface(record, domain, room) {
            learned(Kind::Interface, kept);
        }
        if let (Some(id), Some(name)) = (record.number(Number::Application), record.text(Text::Application)) {
            learned(Kind::Application, self.put(&APPLICATIONS, domain, id, name, room));
        }
        if let (Some(id), Some(name)) = (record.low_u32(Number::Vrf), record.text(Text::Vrf)) {
            learned(Kind::Vrf, self.put(&VRFS, domain, id, name, room));
        }
        if let Some(init) = record.number(Number::SystemInit) {
            learned(Kind::SystemInit, self.learn_system_init(init, domain, room));
        }
        match kind {
            None => Kind::NotUnderstood,
            Some(_) if !is_kept => Kind::NotKept,
            Some(kind) => kind,
        }
    }

    fn learn_sampler(&mut self, record: &OptionsRecord<'_>, interval: u32, domain: u32, room: Room) -> bool {
        let name = record.text(Text::Selector).unwrap_or_default();
        let sampler = Sampler { interval, algorithm: sampling::algorithm(record), name };
        if let Some(selector) = record.number(Number::Selector) {
            return self.put(&BY_SELECTOR, domain, selector, sampler, room);
        }
        let interface = record.low_u32(Number::Interface).unwrap_or(0);
        self.put(&BY_INTERFACE, domain, interface, sampler, room)
    }

    fn learn_interface(&mut self, record: &OptionsRecord<'_>, domain: u32, room: Room) -> Option<bool> {
        let (name, description) = (record.text(Text::InterfaceName), record.text(Text::InterfaceDescription));
        if name.is_none() && description.is_none() {
            return None;
        }
        // softflowd: the interface that the metering process listens on has no number.
        let of_process = || record.number(Number::MeteringProcess).map(|_| 0);
        let index = record.low_u32(Number::Interface).or_else(of_process)?;
        let named =
            InterfaceName { name: name.unwrap_or_default(), description: description.unwrap_or_default() };
        Some(self.put(&INTERFACES, domain, index, named, room))
    }

    /// Takes in when an exporter started (160); 0 says nothing. False when there was no room.
    pub fn learn_system_init(&mut self, init: u64, domain: u32, room: Room) -> bool {
        let Some(init_ms) = i64::try_from(init).ok().filter(|init_ms| *init_ms != 0) else { return true };
        if self.domain(domain).and_then(|known| known.system_init_ms) == Some(init_ms) {
            return true;
        }
        let Some(domain) = self.domain_mut(domain, room.for_samplers(), room) else { return false };
        domain.system_init_ms = Some(init_ms);
        true
    }

    /// Puts an entry into a table, in place of one with the same key. Without room even the one before is
    /// gone, for it is no longer true.
    fn put<K: Ord + Copy, V: PartialEq + Weigh>(
        &mut self,
        table: &Table<K, V>,
        domain: u32,
        key: K,
        value: V,
        room: Room,
    ) -> bool {
        let known = self.domain(domain).and_then(|domain| (table.read)(domain).get(&key));
        if known == Some(&value) {
            return true;
        }
        let before = known.map_or(0, Weigh::weight);
        let most = if table.is_of_samplers { room.for_samplers() } else { room.for_names() };
        let fits = self.weight - before + value.weight() <= most;
        if !fits && before == 0 {
            return false;
        }
        let Some(domain) = self.domain_mut(domain, most, room) else { return false };
        let entries = (table.write)(domain);
        let after = if fits { value.weight() } else { 0 };
        if fits {
            entries.insert(key, value);
        } else {
            entries.remove(&key);
        }
        (table.index)(domain, key);
        self.weight = self.weight - before + after;
        fits
    }

    /// The domain to change; a new one if there is room.
    fn domain_mut(&mut self, observation_domain: u32, most: usize, room: Room) -> Option<&mut Domain> {
        if !self.state.domains.contains_key(&observation_domain) {
            if self.state.domains.len() >= room.domains || self.weight + DOMAIN_WEIGHT > most {
                return None;
            }
            self.weight += DOMAIN_WEIGHT;
        }
        Some(Arc::make_mut(&mut self.state).domains.entry(observation_domain).or_default())
    }
}

/// A table of [`Domain`].
struct Table<K, V> {
    read: fn(&Domain) -> &BTreeMap<K, V>,
    write: fn(&mut Domain) -> &mut BTreeMap<K, V>,
    /// Brings what is derived from an entry up to date.
    index: fn(&mut Domain, K),
    is_of_samplers: bool,
}

const BY_SELECTOR: Table<u64, Sampler> = Table {
    read: |domain| &domain.by_selector,
    write: |domain| &mut domain.by_selector,
    index: Domain::index_selector,
    is_of_samplers: true,
};
const BY_INTERFACE: Table<u32, Sampler> = Table {
    read: |domain| &domain.by_interface,
    write: |domain| &mut domain.by_interface,
    index: Domain::index_interface,
    is_of_samplers: true,
};
const INTERFACES: Table<u32, InterfaceName> = Table {
    read: |domain| &domain.interfaces,
    write: |domain| &mut domain.interfaces,
    index: |_, _| {},
    is_of_samplers: false,
};
const APPLICATIONS: Table<u64, String> = Table {
    read: |domain| &domain.applications,
    write: |domain| &mut domain.applications,
    index: |_, _| {},
    is_of_samplers: false,
};
const VRFS: Table<u32, String> = Table {
    read: |domain| &domain.vrfs,
    write: |domain| &mut domain.vrfs,
    index: |_, _| {},
    is_of_samplers: false,
};

/// What an entry takes of the room.
trait Weigh {
    fn weight(&self) -> usize;
}

impl Weigh for Sampler {
    fn weight(&self) -> usize {
        self.name.len() + ENTRY_WEIGHT
    }
}

impl Weigh for InterfaceName {
    fn weight(&self) -> usize {
        self.name.len() + self.description.len() + ENTRY_WEIGHT
    }
}

impl Weigh for String {
    fn weight(&self) -> usize {
        self.len() + ENTRY_WEIGHT
    }
}

impl Domain {
    fn weight(&self) -> usize {
        fn all<K, V: Weigh>(table: &BTreeMap<K, V>) -> usize {
            table.values().map(Weigh::weight).sum()
        }
        let samplers = all(&self.by_selector) + all(&self.by_interface);
        let names = all(&self.interfaces) + all(&self.applications) + all(&self.vrfs);
        DOMAIN_WEIGHT + samplers + names
    }
}

impl OptionsState {
    fn weight(&self) -> usize {
        self.domains.values().map(Domain::weight).sum()
    }
}
