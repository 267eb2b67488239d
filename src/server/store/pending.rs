//! Sums of flows that are not in the database yet, by minute.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;

use super::block::{Sets, Sums, add_all, merge_all};
use super::key::{EndKey, FAMILIES, Family, Key, Row, country_number, direction_index};
use super::names::Names;
use crate::model::filter::End;
use crate::model::flow_record::{ExporterId, LocatedFlow};
use crate::model::history::{StoredEnd, StoredFlow};
use crate::model::traffic::Traffic;
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::Geolocation;

/// Rows of all minutes and families together; then new keys go into the rest of their exporter and direction.
const MOST_ROWS: usize = 1 << 20;
/// From so many rows on, it is time to write them.
const FULL_ROWS: usize = MOST_ROWS / 4;
/// Rows of a family in one minute.
const MOST_ROWS_OF_FAMILY: usize = 1 << 16;
/// Places whose numbers are remembered.
const MOST_PLACES: usize = 1 << 16;

/// All sums of one minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Minute {
    /// By number of the family.
    pub(super) families: [Sums; FAMILIES],
    pub(super) addresses: Sets,
}

/// Sums of flows whose rows in the archive follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    /// Position of the first of them.
    pub(super) from: u64,
    /// Position after the last of them.
    pub(super) to: u64,
    /// By the minute, counted since 1970.
    pub(super) minutes: BTreeMap<i64, Minute>,
    rows: usize,
}

impl Pending {
    /// Nothing yet, from a position on.
    pub(super) fn at(position: u64) -> Self {
        Self { from: position, to: position, ..Self::default() }
    }

    /// True when they should be written although their minute is not over.
    pub(super) const fn is_full(&self) -> bool {
        self.rows >= FULL_ROWS
    }

    pub(super) fn add(&mut self, row: &Row) {
        let minute = self.minutes.entry(row.received_ms.div_euclid(60_000)).or_default();
        for (family, sums) in Family::ALL.into_iter().zip(&mut minute.families) {
            let key = row.key.in_family(family);
            if let Some(sum) = sums.get_mut(&key) {
                *sum += row.traffic;
                continue;
            }
            let has_room = self.rows < MOST_ROWS && sums.len() < MOST_ROWS_OF_FAMILY;
            let before = sums.len();
            *sums.entry(if has_room { key } else { key.rest() }).or_default() += row.traffic;
            self.rows += sums.len() - before;
        }
        let direction = row.key.direction();
        let source = (row.key.source.country, row.source_address);
        let destination = (row.key.destination.country, row.destination_address);
        for (country, address) in End::Outside.of(direction, source, destination).into_iter().flatten() {
            minute.addresses.entry((row.key.direction, country)).or_default().insert(address);
        }
    }

    /// Adds what follows these in the archive.
    fn append(&mut self, after: Self) {
        self.to = after.to;
        for (at, more) in after.minutes {
            let minute = self.minutes.entry(at).or_default();
            for (sums, more) in minute.families.iter_mut().zip(more.families) {
                let before = sums.len();
                add_all(sums, more);
                self.rows += sums.len() - before;
            }
            merge_all(&mut minute.addresses, &more.addresses);
        }
    }
}

/// What is not in the database yet: what is being written, and what came since.
#[derive(Debug, Default)]
pub(super) struct Accumulator {
    names: Arc<RwLock<Names>>,
    live: Pending,
    writing: Option<Arc<Pending>>,
    numbers: Numbers,
    newest_ms: Option<i64>,
}

/// Numbers of keys for the numbers of batches, as long as those mean the same.
#[derive(Debug, Default)]
struct Numbers {
    geolocation: Option<Arc<Geolocation>>,
    places: HashMap<u32, (u16, u32), RandomState>,
    exporters: Option<Arc<[IpAddr]>>,
    exporter_numbers: HashMap<ExporterId, u32, RandomState>,
}

impl Accumulator {
    /// Nothing yet, after what the database has.
    pub(super) fn new(names: Arc<RwLock<Names>>, position: u64, newest_ms: Option<i64>) -> Self {
        Self { names, live: Pending::at(position), newest_ms, ..Self::default() }
    }

    /// The position of the row that comes next.
    pub(super) const fn position(&self) -> u64 {
        self.live.to
    }

    /// The newest moment of which there may be flows.
    pub(super) const fn newest_ms(&self) -> Option<i64> {
        self.newest_ms
    }

    pub(super) const fn is_full(&self) -> bool {
        self.live.is_full()
    }

    /// Goes on at another position.
    pub(super) fn continue_at(&mut self, position: u64) {
        self.writing = None;
        self.live = Pending::at(position);
    }

    /// Adds the flows of a batch, the first of which is at a position. Those that came before are left out.
    pub(super) fn add(&mut self, batch: &FlowBatch, position: u64) {
        let flows = batch.flows.iter();
        let skipped = self.skipped(position, flows.len());
        for flow in flows.skip(skipped) {
            let row = self.row(flow, batch);
            self.take(&row);
        }
    }

    /// Adds flows of the archive.
    pub(super) fn add_stored(&mut self, flows: &[StoredFlow], position: u64) {
        let skipped = self.skipped(position, flows.len());
        for flow in flows.iter().skip(skipped) {
            let row = self.stored_row(flow);
            self.take(&row);
        }
    }

    fn take(&mut self, row: &Row) {
        self.newest_ms = self.newest_ms.max(Some(row.received_ms));
        self.live.add(row);
    }

    fn skipped(&mut self, position: u64, rows: usize) -> usize {
        let skipped = usize::try_from(self.live.to.saturating_sub(position)).unwrap_or(usize::MAX);
        self.live.to = self.live.to.max(position.saturating_add(rows as u64));
        skipped
    }

    fn row(&mut self, flow: &LocatedFlow, batch: &FlowBatch) -> Row {
        let (record, numbers) = (&flow.record, &mut self.numbers);
        numbers.belong_to(batch);
        let mut end = |location: crate::model::flow_record::Location| {
            let (country, city) = numbers.place(location.place, &batch.geolocation, &self.names);
            EndKey { country, as_number: location.as_number, city }
        };
        let (source, destination) = (end(flow.source), end(flow.destination));
        let key = Key {
            is_rest: false,
            direction: direction_index(flow.direction),
            exporter: numbers.exporter(record.exporter, &batch.exporters, &self.names),
            source,
            destination,
            port: record.source_port.min(record.destination_port),
            protocol: record.protocol,
            input: record.input_interface,
            output: record.output_interface,
        };
        Row {
            received_ms: record.received_ms,
            key,
            traffic: Traffic::of(record),
            source_address: record.source_address,
            destination_address: record.destination_address,
        }
    }

    fn stored_row(&mut self, flow: &StoredFlow) -> Row {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let mut end = |end: &StoredEnd| EndKey {
            country: country_number(end.country),
            as_number: end.as_number,
            city: names.city(&end.city),
        };
        let (source, destination) = (end(&flow.source), end(&flow.destination));
        let key = Key {
            is_rest: false,
            direction: direction_index(flow.direction),
            exporter: names.exporter(flow.exporter),
            source,
            destination,
            port: flow.source.port.min(flow.destination.port),
            protocol: flow.protocol,
            input: flow.source.interface,
            output: flow.destination.interface,
        };
        Row {
            received_ms: flow.received_ms,
            key,
            traffic: traffic_of(flow),
            source_address: flow.source.address,
            destination_address: flow.destination.address,
        }
    }

    /// All parts, those of the database's position and after.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Pending> {
        self.writing.as_deref().into_iter().chain([&self.live])
    }

    /// What is to be written next. What was being written before and did not arrive, by the position of the database,
    /// is in it.
    pub(super) fn begin_writing(&mut self, position: u64) -> Arc<Pending> {
        let live = mem::take(&mut self.live);
        self.live.from = live.to;
        self.live.to = live.to;
        let part = match self.writing.take() {
            Some(unwritten) if unwritten.from >= position => {
                let mut part = Arc::unwrap_or_clone(unwritten);
                part.append(live);
                part
            }
            _ => live,
        };
        let part = Arc::new(part);
        self.writing = Some(Arc::clone(&part));
        part
    }

    /// What was being written is in the database.
    pub(super) fn end_writing(&mut self) {
        self.writing = None;
    }
}

impl Numbers {
    fn belong_to(&mut self, batch: &FlowBatch) {
        if self.geolocation.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &batch.geolocation)) {
            self.geolocation = Some(Arc::clone(&batch.geolocation));
            self.places.clear();
        }
        if self.exporters.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &batch.exporters)) {
            self.exporters = Some(Arc::clone(&batch.exporters));
            self.exporter_numbers.clear();
        }
    }

    fn place(&mut self, place: u32, geolocation: &Geolocation, names: &RwLock<Names>) -> (u16, u32) {
        if let Some(found) = self.places.get(&place) {
            return *found;
        }
        if self.places.len() >= MOST_PLACES {
            self.places.clear();
        }
        let found = (
            country_number(geolocation.country_of(place)),
            written(names, |names| names.city(geolocation.city_of(place))),
        );
        self.places.insert(place, found);
        found
    }

    fn exporter(&mut self, exporter: ExporterId, addresses: &[IpAddr], names: &RwLock<Names>) -> u32 {
        let find = || {
            let address = usize::try_from(exporter.0).ok().and_then(|index| addresses.get(index));
            let address = address.copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            written(names, |names| names.exporter(address))
        };
        *self.exporter_numbers.entry(exporter).or_insert_with(find)
    }
}

fn written(names: &RwLock<Names>, number: impl FnOnce(&mut Names) -> u32) -> u32 {
    number(&mut names.write().unwrap_or_else(PoisonError::into_inner))
}

fn traffic_of(flow: &StoredFlow) -> Traffic {
    let interval = u64::from(flow.sampling_interval.max(1));
    Traffic {
        flows: 1,
        bytes: flow.bytes,
        packets: flow.packets,
        scaled_bytes: flow.bytes.saturating_mul(interval),
        scaled_packets: flow.packets.saturating_mul(interval),
        unknown_sampling: u64::from(flow.sampling_interval == 0),
    }
}
