//! Sums by group.
//!
//! Workers take one file after another and add its flows up in tables of their own; then the tables are added up.
//! What does not fit into the memory of a question is counted in several passes over the files, each for a part of
//! the keys, if only the groups with most are wanted: so ten million addresses are ranked exactly in bounded memory.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use futures_util::FutureExt as _;
use tokio::task::JoinSet;

use super::batch::{Columns, Dictionaries, Entry, Names, address_bits};
use super::key::{Key, Words};
use super::layout::{Ends, Layout, address_of_bits};
use super::scan::{Fault, Scanner, Source};
use super::sums::{Cell, Pass, Run, SHARDS, Shard, Table, merged, most};
use super::{MOST_GROUPS, QueryError, Stop, WORKERS, next};
use crate::model::filter::End;
use crate::model::flow_record::FlowRecord;
use crate::model::traffic::Traffic;
use crate::server::history::control::Control;
use crate::server::history::groups::{Group, Groups};
use crate::server::history::request::Request;

/// The most passes over the files.
const PASSES: u64 = 256;
/// Memory that a set of addresses takes about, while it is small.
const ADDRESS_SET_BYTES: usize = 160;

/// A question while it is worked on.
pub(super) struct Work {
    scanner: Arc<Scanner>,
    request: Request,
    layout: Layout,
    sources: Vec<Source>,
    control: Control,
    /// Memory that the tables may take.
    memory: usize,
    names: Names,
    /// The next of the sources.
    next: AtomicUsize,
    /// How many of them are done.
    done: AtomicU64,
    /// Memory that the tables take.
    used: AtomicUsize,
    /// Set when the work is in vain.
    is_over: AtomicBool,
}

/// What one worker found.
struct Found<K> {
    table: Table<K>,
    /// The flows that passed, by step.
    totals: Table<u64>,
}

impl Work {
    pub(super) fn new(
        scanner: Arc<Scanner>,
        sources: Vec<Source>,
        request: Request,
        control: Control,
        memory: usize,
    ) -> Self {
        Self {
            layout: Layout::of(&request),
            scanner,
            request,
            sources,
            control,
            memory,
            names: Names::default(),
            next: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            used: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Answers the request.
    pub(super) async fn answer(self) -> Result<Groups, Stop> {
        let work = Arc::new(self);
        match (work.layout.is_narrow, work.layout.words) {
            (true, _) => work.in_passes::<u64>().await,
            (false, ..=1) => work.in_passes::<Words<1>>().await,
            (false, 2) => work.in_passes::<Words<2>>().await,
            (false, _) => work.in_passes::<Words<5>>().await,
        }
    }

    async fn in_passes<K: Key>(self: Arc<Self>) -> Result<Groups, Stop> {
        let mut of = 1;
        loop {
            match self.of_all_passes::<K>(of).await {
                Err(Stop::Full) if self.request.most.is_some() && of < PASSES => of *= 4,
                Err(Stop::Full) => return Err(Stop::Failed(QueryError::TooLarge)),
                other => return other,
            }
        }
    }

    async fn of_all_passes<K: Key>(self: &Arc<Self>, of: u64) -> Result<Groups, Stop> {
        let mut answer = Groups::default();
        let mut kept: Vec<(K, Cell)> = Vec::new();
        for number in 0..of {
            let (groups, count, totals) = self.pass::<K>(Pass { number, of }).await?;
            kept.extend(groups);
            answer.count += count;
            if number == 0 {
                answer.totals = self.totals(totals);
            }
        }
        let names = self.names.all();
        if let Some(wanted) = self.request.most {
            let compare = |one: &K, other: &K| self.layout.compare(one, other, &names);
            kept = most(kept, wanted.metric, wanted.groups, compare);
        }
        let group = |(key, cell): (K, Cell)| {
            let step = self.layout.step(&key);
            self.group(self.layout.values(&key, &names), step, cell)
        };
        answer.groups = kept.into_iter().map(group).collect();
        Ok(answer)
    }

    fn group(&self, values: Vec<crate::server::history::groups::Value>, step: u32, cell: Cell) -> Group {
        Group {
            values,
            step_ms: self.layout.step_start(step).unwrap_or(self.request.range.from_ms),
            traffic: cell.traffic,
            addresses: self.layout.addresses.then(|| cell.addresses.map(|set| *set).unwrap_or_default()),
        }
    }

    fn totals(&self, totals: Shard<u64>) -> Vec<Group> {
        let mut steps: Vec<_> = totals.into_iter().collect();
        steps.sort_unstable_by_key(|(step, _)| *step);
        let step = |step| u32::try_from(step).unwrap_or(u32::MAX);
        steps.into_iter().map(|(at, cell)| self.group(Vec::new(), step(at), cell)).collect()
    }

    /// One pass over the sources: the groups that may be wanted, how many there are, and all flows by step.
    async fn pass<K: Key>(self: &Arc<Self>, pass: Pass) -> Result<(Vec<(K, Cell)>, u64, Shard<u64>), Stop> {
        self.next.store(0, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.used.store(0, Ordering::Relaxed);
        self.is_over.store(false, Ordering::Relaxed);
        self.control.expect(self.sources.len() as u64);
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS.min(self.sources.len()) {
            let work = Arc::clone(self);
            workers.spawn(async move {
                let found = work.work::<K>(pass).await;
                if found.is_err() {
                    work.is_over.store(true, Ordering::Relaxed);
                }
                found
            });
        }
        let (mut tables, mut totals, mut fault) = (Vec::new(), Vec::new(), None);
        while let Some(found) = workers.join_next().await {
            match found.map_err(|error| Stop::Failed(QueryError::Stopped(error.to_string()))) {
                Ok(Ok(found)) => {
                    tables.push(found.table.into_shards());
                    totals.extend(found.totals.into_shards());
                }
                Ok(Err(stop)) | Err(stop) => fault = fault.or(Some(stop)),
            }
        }
        if let Some(stop) = fault {
            // What is asked again is expected again.
            let done = self.done.load(Ordering::Relaxed);
            self.control.advance((self.sources.len() as u64).saturating_sub(done));
            return Err(stop);
        }
        let (groups, count) = self.add_up(tables).await?;
        Ok((groups, count, merged(totals)))
    }

    /// Adds up the tables of all workers.
    async fn add_up<K: Key>(
        self: &Arc<Self>,
        tables: Vec<Vec<Shard<K>>>,
    ) -> Result<(Vec<(K, Cell)>, u64), Stop> {
        let mut shards: Vec<Vec<Shard<K>>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for table in tables {
            for (shards, shard) in shards.iter_mut().zip(table) {
                shards.push(shard);
            }
        }
        let mut workers = JoinSet::new();
        let (mut groups, mut count) = (Vec::new(), 0);
        for part in shards {
            let work = Arc::clone(self);
            workers.spawn(async move {
                let groups: Vec<_> = merged(part).into_iter().collect();
                let count = groups.len() as u64;
                let Some(wanted) = work.request.most else { return (groups, count) };
                let names = work.names.all();
                let compare = |one: &K, other: &K| work.layout.compare(one, other, &names);
                (most(groups, wanted.metric, wanted.groups, compare), count)
            });
        }
        while let Some(found) = workers.join_next().await {
            let (part, more) = found.map_err(|error| Stop::Failed(QueryError::Stopped(error.to_string())))?;
            groups.extend(part);
            count += more;
            if self.request.most.is_none() && groups.len() > MOST_GROUPS {
                return Err(Stop::Failed(QueryError::TooManyGroups));
            }
        }
        Ok((groups, count))
    }

    /// Adds up one source after another, as long as there are any.
    async fn work<K: Key>(&self, pass: Pass) -> Result<Found<K>, Stop> {
        let mut worker = Worker {
            work: self,
            pass,
            found: Found { table: Table::new(), totals: Table::new() },
            dictionaries: Dictionaries::default(),
            entries: Vec::new(),
            keys: Vec::new(),
            counted: 0,
        };
        while let Some(source) = self.sources.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            // Whoever damages a file may make its decoder panic.
            match AssertUnwindSafe(worker.read(source)).catch_unwind().await {
                Ok(Ok(())) => {
                    self.done.fetch_add(1, Ordering::Relaxed);
                    self.control.advance(1);
                }
                Ok(Err(stop)) => return Err(stop),
                Err(_) => return Err(source.stop(Fault::Unreadable, "reading it failed".to_owned())),
            }
        }
        Ok(worker.found)
    }
}

/// One of those who work on a question.
struct Worker<'a, K> {
    work: &'a Work,
    pass: Pass,
    found: Found<K>,
    dictionaries: Dictionaries,
    entries: Vec<Entry>,
    keys: Vec<K>,
    /// Memory that its tables are known to take.
    counted: usize,
}

impl<K: Key> Worker<'_, K> {
    async fn read(&mut self, source: &Source) -> Result<(), Stop> {
        let work = self.work;
        let mut columns = work.layout.columns();
        columns.extend(["bytes", "packets", "sampling_interval"]);
        if work.layout.step_ms().is_some() {
            columns.push("received");
        }
        let condition = work.scanner.condition(source, work.request.range, &work.request.filter);
        let plan = work.scanner.plan(source, &columns, condition)?;
        let mut batches = plan.execute(0, work.scanner.context())?;
        while let Some(batch) = next(&mut batches, &work.control).await? {
            let batch = batch.map_err(|error| source.stop_of(error))?;
            if work.is_over.load(Ordering::Relaxed) {
                break;
            }
            self.add(&batch)?;
            self.account()?;
        }
        Ok(())
    }

    /// Adds the flows of a batch to the sums.
    fn add(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let layout = &self.work.layout;
        let mut columns = Columns { batch, dictionaries: &mut self.dictionaries, names: &self.work.names };
        let (bytes, packets) = (columns.numbers("bytes")?, columns.numbers("packets")?);
        let intervals = columns.numbers("sampling_interval")?;
        let traffic = |row: usize| {
            let of = |column: &[u64]| column.get(row).copied().unwrap_or_default();
            Traffic::of(&FlowRecord {
                bytes: of(&bytes),
                packets: of(&packets),
                sampling_interval: u32::try_from(of(&intervals)).unwrap_or(u32::MAX),
                ..FlowRecord::default()
            })
        };
        let directions = if layout.addresses || layout.ends != Ends::Whole {
            columns.numbers("direction")?
        } else {
            Vec::new()
        };
        let ends = if layout.addresses {
            Some((columns.addresses("src_address")?, columns.addresses("dst_address")?))
        } else {
            None
        };
        let address = |entry: Entry| {
            ends.map(|(source, destination)| {
                let side = if entry.is_destination(End::Outside) { destination } else { source };
                address_of_bits(address_bits(side, entry.row()))
            })
        };

        if self.pass.number == 0 {
            let steps = if layout.step_ms().is_some() { columns.received()? } else { Vec::new() };
            let step = |row: usize| steps.get(row).map_or(0, |moment| u64::from(layout.step_of(*moment)));
            let mut totals = Run::new(&mut self.found.totals);
            for row in 0..batch.num_rows() {
                totals.add(step(row), traffic(row));
            }
            totals.end();
            if layout.addresses {
                Entry::of_rows(Ends::Outside, batch.num_rows(), &directions, &mut self.entries);
                for entry in &self.entries {
                    if let (Some(cell), Some(address)) =
                        (self.found.totals.cell(step(entry.row())), address(*entry))
                    {
                        cell.insert(address);
                    }
                }
            }
        }

        Entry::of_rows(layout.ends, batch.num_rows(), &directions, &mut self.entries);
        layout.keys(&mut columns, &self.entries, &mut self.keys)?;
        let mut before: Option<(usize, K)> = None;
        let has_addresses = layout.addresses && layout.ends == Ends::Outside;
        let mut run = Run::new(&mut self.found.table);
        for (entry, key) in self.entries.iter().zip(&self.keys) {
            // Both ends of one flow in one group are one flow of it.
            let is_again = before == Some((entry.row(), *key));
            before = Some((entry.row(), *key));
            if !self.pass.has(key) {
                continue;
            }
            if !is_again {
                run.add(*key, traffic(entry.row()));
            }
            if has_addresses && let Some(address) = address(*entry) {
                run.insert(*key, address);
            }
        }
        run.end();
        if layout.addresses && layout.ends != Ends::Outside {
            self.add_addresses(&directions, address);
        }
        Ok(())
    }

    /// Of groups that are not of one outside end: the addresses of all outside ends.
    fn add_addresses(&mut self, directions: &[u64], address: impl Fn(Entry) -> Option<std::net::IpAddr>) {
        let mut outside = Vec::new();
        Entry::of_rows(Ends::Outside, directions.len(), directions, &mut outside);
        let mut outside = outside.into_iter().peekable();
        for (entry, key) in self.entries.iter().zip(&self.keys) {
            while outside.next_if(|end| end.row() < entry.row()).is_some() {}
            if !self.pass.has(key) {
                continue;
            }
            let Some(cell) = self.found.table.cell(*key) else { continue };
            while let Some(end) = outside.next_if(|end| end.row() == entry.row()) {
                if let Some(address) = address(end) {
                    cell.insert(address);
                }
            }
        }
    }

    /// Counts the memory that the tables take.
    fn account(&mut self) -> Result<(), Stop> {
        let groups = self.found.table.len();
        if self.work.request.most.is_none() && groups > MOST_GROUPS {
            return Err(Stop::Failed(QueryError::TooManyGroups));
        }
        let sets = if self.work.layout.addresses { groups * ADDRESS_SET_BYTES } else { 0 };
        let bytes = self.found.table.bytes() + sets;
        let used = &self.work.used;
        if bytes >= self.counted {
            used.fetch_add(bytes - self.counted, Ordering::Relaxed);
        } else {
            used.fetch_sub(self.counted - bytes, Ordering::Relaxed);
        }
        self.counted = bytes;
        if used.load(Ordering::Relaxed) > self.work.memory { Err(Stop::Full) } else { Ok(()) }
    }
}
